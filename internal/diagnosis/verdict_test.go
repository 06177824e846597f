package diagnosis_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/rule/specimen"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// ill is the snapshot of a code's first specimen.
func ill(t *testing.T, code string) *snapshot.Snapshot {
	t.Helper()
	for _, x := range specimen.All() {
		if x.Code == code {
			return x.Ill()
		}
	}
	t.Fatalf("no specimen of %s", code)
	return nil
}

func role(d diagnosis.Diagnosis, want finding.Role) []string {
	var out []string
	for _, f := range d.Findings {
		if f.Role == want {
			out = append(out, f.Code)
		}
	}
	return out
}

// says fails unless the findings of a snapshot have these roles, in this order.
func says(t *testing.T, s *snapshot.Snapshot, primary, secondary []string) diagnosis.Diagnosis {
	t.Helper()
	d := judged(s)
	if got := role(d, finding.Primary); !slices.Equal(got, primary) {
		t.Errorf("causes %q, want %q", got, primary)
	}
	if got := role(d, finding.Secondary); !slices.Equal(got, secondary) {
		t.Errorf("symptoms %q, want %q", got, secondary)
	}
	return d
}

func TestADeeperCauseBeatsItsSymptom(t *testing.T) {
	says(t, ill(t, "dns/hosts-file-override"), []string{"dns/hosts-file-override"}, []string{"network/connection-refused"})
	says(t, ill(t, "tls/missing-intermediate"), []string{"tls/missing-intermediate"}, []string{"tls/private-ca-untrusted"})
	says(t, ill(t, "mirror/black-holed"), []string{"mirror/black-holed"}, []string{"network/connect-timeout"})
	s := before(ill(t, "proxy/not-set-for-runtime"), specimen.Healthy()) // the proxy explains the mirror, the mirror its timeout
	d := says(t, s, []string{"proxy/not-set-for-runtime"}, []string{"mirror/black-holed", "network/connect-timeout"})
	for _, f := range d.Findings[1:] {
		if f.Because != "proxy/not-set-for-runtime" {
			t.Errorf("%s because %s, which is not the deepest cause", f.Code, f.Because)
		}
	}
}

func TestIndependentFaultsOfTwoHostsAreBothCauses(t *testing.T) {
	s := before(ill(t, "network/connection-refused"), ill(t, "tls/private-ca-untrusted"))
	if d := says(t, s, []string{"network/connection-refused", "tls/private-ca-untrusted"}, nil); d.Verdict != diagnosis.Broken {
		t.Error(d.Verdict)
	}
}

// A cause at one host does not explain the same symptom at another.
func TestACauseExplainsItsOwnHostAlone(t *testing.T) {
	s := before(ill(t, "dns/hosts-file-override"), ill(t, "network/connection-refused"))
	says(t, s, []string{"dns/hosts-file-override", "network/connection-refused"}, []string{"network/connection-refused"})
}

func TestAMirrorThatFailsIsAWarningWhileTheRegistryServes(t *testing.T) {
	d := says(t, before(ill(t, "network/connection-refused"), specimen.Healthy()), []string{"network/connection-refused"}, nil)
	if d.Verdict != diagnosis.Degraded || d.Findings[0].Severity != finding.Warning {
		t.Errorf("%s, %s", d.Verdict, d.Findings[0].Severity)
	}
}

func TestWhatIsBehindAServingMirrorIsNotTold(t *testing.T) {
	if d := says(t, before(specimen.Healthy(), ill(t, "network/connect-timeout")), nil, nil); d.Verdict != diagnosis.Healthy {
		t.Errorf("an air gap is %s", d.Verdict)
	}
}

func TestAMirrorMayLackWhatTheRegistryHasNot(t *testing.T) {
	d := judged(before(ill(t, "registry/image-not-found"), ill(t, "network/connect-timeout")))
	for _, f := range d.Findings {
		if want := map[string]finding.Severity{"registry/image-not-found": finding.Warning, "network/connect-timeout": finding.Error}[f.Code]; f.Severity != want {
			t.Errorf("%s is at %s, want %s", f.Code, f.Severity, want)
		}
	}
}

// The runtime gives up at a host that ends the pull, and comes to no other.
func TestAHostThatEndsThePullBreaksIt(t *testing.T) {
	s := before(ill(t, "registry/html-instead-of-manifest"), specimen.Healthy())
	why := *s.Pull.Hops[0].Failure
	why.Ends = true
	s.Pull.Hops[0].Failure = &why
	if d := judged(s); d.Verdict != diagnosis.Broken || d.Findings[0].Severity != finding.Error {
		t.Errorf("%s", list(d))
	}
}

// The node is at fault: whoever serves, nothing can be pulled.
func TestWhatStopsEveryPullBreaksIt(t *testing.T) {
	for _, code := range []string{"node/disk-full", "node/inodes-full", "node/read-only-file-system", "node/runtime-not-responding", "tls/ca-added-after-start"} {
		if d := says(t, ill(t, code), []string{code}, nil); d.Verdict != diagnosis.Broken || d.Findings[0].Severity != finding.Error {
			t.Errorf("%s", list(d))
		}
	}
}

func TestItIsUnknownWhatWasNotSeen(t *testing.T) {
	for name, change := range map[string]func(*snapshot.Snapshot){
		"the network was not tried": func(s *snapshot.Snapshot) { s.Pull = nil },
		"no host is asked":          func(s *snapshot.Snapshot) { s.Pull.Hops = nil },
		"our own time ran out":      ends(snapshot.OutOfTime),
		"somebody stopped us":       ends(snapshot.Canceled),
		"credentials were kept back": func(s *snapshot.Snapshot) {
			ends(snapshot.Status)(s)
			s.Pull.Hops[0].Auth = &snapshot.Auth{Scheme: "basic", Withheld: "the realm is on another domain"}
		},
	} {
		s := specimen.Healthy()
		change(s)
		if d := judged(s); d.Verdict != diagnosis.Unknown {
			t.Errorf("%s: %s", name, list(d))
		}
	}
}

func ends(c snapshot.Cause) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		s.Pull.Hops[0].Failure = &snapshot.Failure{Stage: snapshot.Manifest, Cause: c, Text: string(c)}
	}
}

func TestARouteThatFailsBreaksThePullWithoutAHost(t *testing.T) {
	s := specimen.Healthy()
	s.Pull.Hops = nil
	s.Table.Routes = []route.Route{{Match: specimen.Registry, Fails: "hosts.toml cannot be read"}}
	if d := judged(s); d.Verdict != diagnosis.Broken {
		t.Error(list(d))
	}
}

// A failure that no rule knows is told all the same, with what was seen.
func TestWhatNoRuleExplainsIsToldAsSeen(t *testing.T) {
	s := specimen.Healthy()
	ends(snapshot.Unclassified)(s)
	d := says(t, s, []string{"network/unexplained"}, nil)
	if f := d.Findings[0]; f.Confidence != finding.Possible || len(f.Evidence) == 0 || f.Evidence[0].Saw != string(snapshot.Unclassified) {
		t.Errorf("%+v", f)
	}
}

// Advice on files is the business of lint: a warning about this registry's files
// is told only when the pull fails.
func TestOdditiesOfTheFilesAreToldWhenThePullFails(t *testing.T) {
	odd := finding.Kind{Code: "config/wrong-directory-name", Severity: finding.Warning, Text: "t"}.New("dir", nil)
	odd.Registry = specimen.Registry
	odd = odd.Saw("a", "b", "c")
	other := odd
	other.Code, other.Registry = "config/wrong-endpoint-url", "other.example"
	s := specimen.Healthy()
	s.Config = []finding.Finding{odd, other}
	if d := judged(s); len(d.Findings) != 0 {
		t.Errorf("a healthy pull: %s", list(d))
	}
	s = ill(t, "network/connect-timeout")
	s.Config = []finding.Finding{odd, other}
	if d := judged(s); !slices.ContainsFunc(d.Findings, func(f finding.Finding) bool { return f.Code == odd.Code }) ||
		slices.ContainsFunc(d.Findings, func(f finding.Finding) bool { return f.Code == other.Code }) {
		t.Errorf("a failing pull: %s", list(d))
	}
}

// Judging leaves the snapshot as it is: it is saved afterwards.
func TestJudgingChangesNothing(t *testing.T) {
	for _, x := range specimen.All() {
		s := x.Ill()
		s.Config = []finding.Finding{finding.Kind{Code: "tls/verification-off", Severity: finding.Warning}.New("f", nil)}
		before, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		_ = judged(s)
		if after, err := json.Marshal(s); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the snapshot changed", x.Code)
		}
	}
}
