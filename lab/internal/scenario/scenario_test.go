package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

const small = `Two lines
of story.
-- scenario.yaml --
image: registry.example/app:1
names:
  registry.example: 10.30.0.10
  other.example: {rcode: SERVFAIL}
servers:
  registry:
    listen: 10.30.0.10:443
    faults: [{do: hang, delay: 2s}]
    registry: {images: [{ref: "app:1"}]}
spared: {"2.4": reads it}
expect: {pull: fails, text: refused, texts: {"1.6": no}, verdict: broken}
-- node/etc/hosts --
127.0.0.1 localhost
-- node/etc/motd --
hello
-- twin.yaml --
servers: {registry: {faults: null}}
without: [node/etc/motd]
-- twin/node/etc/hosts --
::1 localhost
`

func parse(t *testing.T, text string) scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("dns/sinkholed/small", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATwinIsTheScenarioWithItsDifferences(t *testing.T) {
	s := parse(t, small)
	if s.Code != "dns/sinkholed" || s.Story != "Two lines\nof story." {
		t.Errorf("code %q, story %q", s.Code, s.Story)
	}
	if len(s.Fault.Files) != 2 || len(s.Twin.Files) != 1 || s.Twin.Files[0].Data != "::1 localhost\n" {
		t.Errorf("files %v, of the twin %v", s.Fault.Files, s.Twin.Files)
	}
	if n := len(s.Fault.Spec.World.Servers["registry"].Faults); n != 1 {
		t.Errorf("the scenario has %d faults", n)
	}
	if n := len(s.Twin.Spec.World.Servers["registry"].Faults); n != 0 {
		t.Errorf("the twin has %d faults", n)
	}
	if addrs := s.Twin.Spec.World.Names["registry.example"].Addrs; len(addrs) != 1 || addrs[0] != "10.30.0.10" {
		t.Errorf("the twin knows registry.example as %v", addrs)
	}
	if s.Twin.Spec.Expect.Verdict != "healthy" || s.Twin.Spec.Expect.Pull != scenario.Works {
		t.Errorf("the twin expects %+v", s.Twin.Spec.Expect)
	}
}

func TestWhatAPullDoesDependsOnTheGeneration(t *testing.T) {
	spec := parse(t, small).Fault.Spec
	for g, want := range map[containerd.Generation]struct {
		pull    scenario.Outcome
		text    string
		verdict string
	}{
		"1.6": {scenario.Fails, "no", "broken"},
		"1.7": {scenario.Fails, "refused", "broken"},
		"2.4": {scenario.Works, "", "healthy"},
	} {
		pull, text := spec.PullOn(g)
		got := ""
		if text.Regexp != nil {
			got = text.String()
		}
		if pull != want.pull || got != want.text || spec.ExpectOn(g).Verdict != want.verdict {
			t.Errorf("%s: %s %q %s", g, pull, got, spec.ExpectOn(g).Verdict)
		}
	}
}

func TestMistakesInAScenarioAreTold(t *testing.T) {
	for mistake, text := range map[string]string{
		"no story":               strings.Replace(small, "Two lines\nof story.\n", "", 1),
		"no healthy twin":        small[:strings.Index(small, "-- twin.yaml")],
		"no image":               strings.Replace(small, "image: registry.example/app:1\n", "", 1),
		"is for nothing":         strings.Replace(small, "-- node/etc/motd", "-- nodes/etc/motd", 1),
		"does not have":          strings.Replace(small, "[node/etc/motd]", "[node/etc/issue]", 1),
		"a twin is healthy":      strings.Replace(small, "without: [", "fix: live\nwithout: [", 1),
		"says something":         strings.Replace(strings.Replace(small, "text: refused, ", "", 1), `texts: {"1.6": no}, `, "", 1),
		"none of healthy":        strings.Replace(small, "verdict: broken", "verdict: bad", 1),
		"at least two":           strings.Replace(small, "image:", "on: [\"1.6\"]\nimage:", 1),
		"no containerd":          strings.Replace(small, "image:", "on: [\"1.5\", \"1.6\"]\nimage:", 1),
		"not found in type":      strings.Replace(small, "listen:", "listens:", 1),
		"missing closing )":      strings.Replace(small, "text: refused", "text: (refused", 1),
		"none of works, fails":   strings.Replace(small, "pull: fails", "pull: maybe", 1),
		"time: missing unit in ": strings.Replace(small, "delay: 2s", "delay: 2", 1),
	} {
		_, err := scenario.Parse("dns/sinkholed/small", []byte(text))
		if err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("want an error with %q, got %v", mistake, err)
		}
	}
	if _, err := scenario.Parse("small", []byte(small)); err == nil {
		t.Error("a path without area and code was taken")
	}
}

func TestEveryScenarioCanBeRead(t *testing.T) {
	all, err := scenario.Load(os.DirFS("../../scenarios"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Errorf("only %d scenarios were found", len(all))
	}
}

// configured are the codes of what reading the configuration finds, as far as
// it makes a pull fail or a file count for nothing.
var configured = strings.Fields(`
	config/mirrors-with-config-path config/cri-plugin-disabled config/wrong-plugin-table config/config-path-list-bug
	config/hosts-toml-invalid config/wrong-directory-name config/server-only-hosts-toml config/server-field-misunderstood
	config/resolve-capability-missing config/registries-yaml-invalid config/template-overrides-registries
	config/wrong-containerd-instance tls/ca-file-unreadable`)

// elsewhere are codes without a scenario, and why.
var elsewhere = map[string]string{
	"node/could-not-look":        "the lab is root and sees everything",
	"network/unexplained":        "it is for what no rule knows, so there is nothing to set up",
	"network/ipv4-only-registry": "every machine of the lab has IPv4",
	"content/schema-1-manifest":  "only containerd 2.1 and later refuse schema 1, and a scenario wants two generations",
	"tls/unparsable-certificate": "crypto/x509 makes no certificate that crypto/x509 cannot parse",
}

func TestEveryRuleHasAScenario(t *testing.T) {
	codes := configured
	for _, r := range rule.All {
		codes = append(codes, r.Code)
	}
	for _, code := range codes {
		found, _ := filepath.Glob("../../scenarios/" + code + "/*.txtar")
		if (len(found) == 0) == (elsewhere[code] == "") {
			t.Errorf("%s has %d scenarios, and is said to have none because %q", code, len(found), elsewhere[code])
		}
	}
}
