package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

const hostsFile = "/etc/containerd/certs.d/registry.corp.example/hosts.toml"

// seen are a snapshot with two hosts and a diagnosis, for each verdict.
func seen(t *testing.T, v diagnosis.Verdict) (*snapshot.Snapshot, diagnosis.Diagnosis) {
	t.Helper()
	ref, err := route.ParseRef("registry.corp.example/team/app:2")
	if err != nil {
		t.Fatal(err)
	}
	s := &snapshot.Snapshot{
		Image: "registry.corp.example/team/app:2", Ref: ref,
		Table:   route.Table{Target: route.Target{Runtime: "containerd", Version: route.MustVersion("1.7.35")}},
		Runtime: &snapshot.Runtime{PID: 812, Config: "/etc/containerd/config.toml"},
		Files:   []source.File{{Path: hostsFile, Data: []byte("server = \"https://registry.corp.example\"\n\t[host.\"https://mirror.corp.example\"]\n")}},
	}
	if v == diagnosis.Unknown {
		f := finding.Finding{Code: "node/could-not-look", ID: "node/could-not-look", Severity: finding.Info, Role: finding.Primary, Confidence: finding.Certain,
			Subject: "node", Text: "could not look at the environment of process 812: permission denied",
			Evidence: []finding.Evidence{{Saw: "permission denied", Where: "/proc/812/environ", Command: "sudo towpath doctor registry.corp.example/team/app:2"}}}
		return s, diagnosis.Diagnosis{Verdict: v, Findings: []finding.Finding{f}}
	}
	mirror, upstream := hop("https://mirror.corp.example/v2", source.Pos{File: hostsFile, Line: 2}), hop("https://registry.corp.example/v2", source.Pos{})
	d := diagnosis.Diagnosis{Verdict: v}
	if v != diagnosis.Healthy {
		fails(&mirror)
		d.Findings = untrusted(finding.Warning)
		mirror.Proxy = "http://proxy.corp.example:3128"
	}
	if v == diagnosis.Broken {
		fails(&upstream)
		upstream.Resolves = false
		d.Findings = untrusted(finding.Error)
	}
	s.Pull = &snapshot.Pull{Hops: []snapshot.Hop{mirror, upstream}}
	return s, d
}

func hop(endpoint string, from source.Pos) snapshot.Hop {
	return snapshot.Hop{Endpoint: endpoint, Resolves: true, From: from, Stages: []snapshot.Summary{
		{Stage: snapshot.Resolve, OK: true, Took: 1230 * time.Microsecond, Saw: "10.0.0.10, 10.0.0.11 from name server 10.0.0.53"},
		{Stage: snapshot.TLS, OK: true, Took: 14 * time.Millisecond, Saw: "TLS 1.3 X25519MLKEM768, verified by CN=Corp Root,O=Corporation,C=DE"},
		{Stage: snapshot.API, Saw: "404 Not Found"},
		{Stage: snapshot.Manifest, OK: true, Took: 1500 * time.Millisecond, Saw: "200 OK, image index, 2 platforms"},
	}}
}

func fails(h *snapshot.Hop) {
	h.Stages = append(h.Stages[:1:1], snapshot.Summary{Stage: snapshot.TLS, Took: 9 * time.Millisecond, Saw: "TLS 1.3", Err: "x509: certificate signed by unknown authority"})
}

func untrusted(s finding.Severity) []finding.Finding {
	const endpoint = "https://mirror.corp.example/v2"
	return []finding.Finding{
		{
			Code: "tls/private-ca-untrusted", ID: "TLS-02", Severity: s, Role: finding.Primary, Confidence: finding.Likely, Subject: "mirror.corp.example",
			Text: `mirror.corp.example has a certificate signed by "Corp Root 署名", which lies on this node in /etc/pki/corp.pem but is not used for this registry`,
			At:   source.Pos{File: hostsFile, Line: 2, Column: 2}, Endpoint: endpoint,
			Evidence: []finding.Evidence{
				{Saw: "x509: certificate signed by unknown authority", Where: "10.0.0.20:443", Command: "openssl s_client -connect 10.0.0.20:443 -servername mirror.corp.example -showcerts </dev/null"},
				{Saw: "first line\nsecond line\n", Where: "", Command: ""},
			},
			Fix: &finding.Fix{Text: "name /etc/pki/corp.pem as ca of https://mirror.corp.example/v2", Live: true, Edits: []source.Edit{{File: hostsFile}}, Run: []string{"systemctl reload something"}},
		},
		{
			Code: "registry/image-not-found", ID: "REG-01", Severity: s, Role: finding.Secondary, Because: "tls/private-ca-untrusted", Confidence: finding.Certain,
			Subject: "mirror.corp.example", Text: "mirror.corp.example has no tag 2 in repository team/app", Endpoint: endpoint,
		},
		{
			Code: "node/could-not-look", ID: "node/could-not-look", Severity: finding.Info, Role: finding.Primary, Confidence: finding.Certain, Subject: "node",
			Text: "could not look at /proc/812/environ: permission denied", Evidence: []finding.Evidence{{Saw: "permission denied", Where: "/proc/812/environ", Command: "id"}},
			Fix: &finding.Fix{Text: "run it as root"},
		},
	}
}

func printed(t *testing.T, v diagnosis.Verdict, env ...string) string {
	t.Helper()
	var b strings.Builder
	s, d := seen(t, v)
	report.NewTerminal(&b, env).Doctor(s, d)
	return b.String()
}

var verdicts = []diagnosis.Verdict{diagnosis.Healthy, diagnosis.Degraded, diagnosis.Broken, diagnosis.Unknown}

// What a person reads, for each verdict at three widths, in colour, and where
// the locale knows no symbols. UPDATE=1 rewrites the files.
func TestADiagnosisReadsAsBefore(t *testing.T) {
	for _, v := range verdicts {
		for _, width := range []int{60, 80, 120} {
			golden(t, fmt.Sprintf("%s-%d", v, width), printed(t, v, fmt.Sprintf("COLUMNS=%d", width), "LANG=C.UTF-8"))
		}
		golden(t, string(v)+"-colour", printed(t, v, "COLUMNS=80", "LANG=C.UTF-8", "CLICOLOR_FORCE=1"))
		golden(t, string(v)+"-ascii", printed(t, v, "COLUMNS=80", "LANG=C"))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "doctor", name+".txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: it now reads\n%s", name, got)
	}
}

// A colour says nothing that the words do not: without the escapes the text is
// the same. NO_COLOR beats CLICOLOR_FORCE.
func TestColoursNeverStandAlone(t *testing.T) {
	for _, v := range verdicts {
		plain := printed(t, v, "COLUMNS=80", "LANG=C.UTF-8")
		colour := printed(t, v, "COLUMNS=80", "LANG=C.UTF-8", "CLICOLOR_FORCE=1")
		if colour == plain {
			t.Errorf("%s: CLICOLOR_FORCE gives no colours", v)
		}
		for _, code := range []string{"31", "32", "33", "34", "2", "1", "0"} {
			colour = strings.ReplaceAll(colour, "\x1b["+code+"m", "")
		}
		if colour != plain {
			t.Errorf("%s: colours change the words:\n%s", v, colour)
		}
		if printed(t, v, "COLUMNS=80", "LANG=C.UTF-8", "CLICOLOR_FORCE=1", "NO_COLOR=1") != plain {
			t.Errorf("%s: NO_COLOR does not count", v)
		}
	}
}

// Text is broken to fit. What may be longer: a line to be copied, a line of the
// user's own file, the line that names a host, a word, and the time at the end
// of a stage.
func TestTextFitsTheTerminal(t *testing.T) {
	for _, v := range verdicts {
		for _, width := range []int{60, 80, 120} {
			for line := range strings.Lines(printed(t, v, fmt.Sprintf("COLUMNS=%d", width), "LANG=C.UTF-8")) {
				line = strings.TrimRight(line, "\n")
				free := strings.Contains(line, "$ ") || strings.Contains(line, " | ") || strings.Contains(line, "──▶") || strings.Contains(line, "https://") ||
					strings.HasSuffix(line, " ms") || len(strings.Fields(line)) < 3
				if !free && runewidth.StringWidth(line) > width {
					t.Errorf("%s at %d columns: %q", v, width, line)
				}
			}
		}
	}
}

func TestSummaryCounts(t *testing.T) {
	f := func(s ...finding.Severity) (out []finding.Finding) {
		for _, x := range s {
			out = append(out, finding.Finding{Severity: x})
		}
		return out
	}
	for _, c := range []struct {
		all  []finding.Finding
		want string
	}{
		{nil, "no findings"},
		{f(finding.Error), "1 error"},
		{f(finding.Info, finding.Info), "2 notes"},
		{f(finding.Info), "1 info"},
		{f(finding.Warning, finding.Error, finding.Error, finding.Warning), "2 errors, 2 warnings"},
	} {
		if got := report.Summary(c.all); got != c.want {
			t.Errorf("%v: %q, want %q", c.all, got, c.want)
		}
	}
}
