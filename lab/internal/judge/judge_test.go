package judge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/lab/internal/judge"
	"github.com/towpath-dev/towpath/lab/internal/play"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

const story = `A story.
-- scenario.yaml --
image: registry.example/app:1
expect:
  pull: fails
  text: connection refused
  requests: {mirror: '^$'}
  verdict: broken
  primary: [config/hosts-toml-invalid|config/other]
  secondary: {network/connection-refused: config/hosts-toml-invalid}
  also: [network/slow]
  at: /etc/hosts:2
  fix: live
  says: broken file
fix: live
-- twin.yaml --
image: registry.example/app:2
`

func parsed(t *testing.T) scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("config/hosts-toml-invalid/x", []byte(story))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// finding is one as doctor prints it.
func finding(code, because string) string {
	role, cause := "primary", "null"
	if because != "" {
		role, cause = "secondary", fmt.Sprintf("%q", because)
	}
	return fmt.Sprintf(`{"code":%q,"id":"X","severity":"error","role":%q,"because":%s,"confidence":"certain","subject":"s","text":"a broken file",
		"at":{"file":"/etc/hosts","line":2,"column":1},"evidence":[{"saw":"x","where":"y","command":"z"}],"fix":{"text":"f","live":true,"edits":[],"run":[]}}`, code, role, cause)
}

func doctor(verdict string, findings ...string) *play.Run {
	exit := 0
	if len(findings) > 0 {
		exit = 1
	}
	return &play.Run{Exit: exit, Out: json.RawMessage(fmt.Sprintf(
		`{"schema":"towpath/v1","image":"i","reference":"r","runtime":{"name":"n","version":"v"},"verdict":%q,"hops":[],"findings":[%s]}`,
		verdict, strings.Join(findings, ",")))}
}

// asExpected is a result with which the scenario is content.
func asExpected() play.Result {
	return play.Result{
		Pull: play.Pull{Text: "dial tcp: connection refused"},
		Doctor: doctor("broken", finding("config/hosts-toml-invalid", ""), finding("network/connection-refused", "config/hosts-toml-invalid"),
			finding("network/slow", "")),
		Fix: &play.Fix{Changed: []string{"/etc/hosts"}, Again: *doctor("healthy"), Pull: play.Pull{OK: true}},
	}
}

func TestWhatIsExpectedIsAccepted(t *testing.T) {
	c, r := judge.Case{Scenario: parsed(t), Generation: "1.7"}, asExpected()
	if bad := slices.Concat(judge.Real(c, r), judge.Doctor(c, r), judge.Fix(c, r)); len(bad) > 0 {
		t.Error(bad)
	}
	c.Twin = true
	r = play.Result{Pull: play.Pull{OK: true}, Doctor: doctor("healthy")}
	if bad := slices.Concat(judge.Real(c, r), judge.Doctor(c, r), judge.Fix(c, r)); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestWhatFollowsFromTheCauseMayBeTold(t *testing.T) {
	c, r := judge.Case{Scenario: parsed(t), Generation: "1.7"}, asExpected()
	r.Doctor = doctor("broken", finding("config/hosts-toml-invalid", ""), finding("network/connection-refused", "config/hosts-toml-invalid"),
		finding("dns/name-not-found", "config/hosts-toml-invalid"))
	if bad := judge.Doctor(c, r); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestEveryDifferenceIsTold(t *testing.T) {
	main, symptom := finding("config/hosts-toml-invalid", ""), finding("network/connection-refused", "config/hosts-toml-invalid")
	for name, change := range map[string]func(*play.Result){
		"not played":          func(r *play.Result) { r.Err = "no root" },
		"the pull worked":     func(r *play.Result) { r.Pull.OK = true },
		"the pull waits":      func(r *play.Result) { r.Pull.Waiting = true },
		"another error":       func(r *play.Result) { r.Pull.Text = "not found" },
		"the mirror is asked": func(r *play.Result) { r.Asked = map[string]string{"mirror": "HEAD"} },
		"no doctor":           func(r *play.Result) { r.Doctor = nil },
		"no document":         func(r *play.Result) { r.Doctor.Out = nil },
		"another verdict":     func(r *play.Result) { r.Doctor = doctor("degraded", main, symptom) },
		"no cause":            func(r *play.Result) { r.Doctor = doctor("broken", finding("network/slow", "")) },
		"another cause":       func(r *play.Result) { r.Doctor = doctor("broken", main, finding("dns/sinkholed", ""), symptom) },
		"symptom missing":     func(r *play.Result) { r.Doctor = doctor("broken", main) },
		"symptom is a cause":  func(r *play.Result) { r.Doctor = doctor("broken", main, finding("network/connection-refused", "")) },
		"wrong because": func(r *play.Result) {
			r.Doctor = doctor("broken", main, finding("network/connection-refused", "network/slow"))
		},
		"elsewhere": func(r *play.Result) {
			r.Doctor = doctor("broken", strings.Replace(main, `"line":2`, `"line":3`, 1), symptom)
		},
		"says less": func(r *play.Result) {
			r.Doctor = doctor("broken", strings.Replace(main, "broken file", "file", 1), symptom)
		},
		"no live fix": func(r *play.Result) {
			r.Doctor = doctor("broken", strings.Replace(main, `"live":true`, `"live":false`, 1), symptom)
		},
		"status":          func(r *play.Result) { r.Doctor.Exit = 0 },
		"not fixed":       func(r *play.Result) { r.Fix = nil },
		"fix failed":      func(r *play.Result) { r.Fix.Run.Exit = 3 },
		"nothing changed": func(r *play.Result) { r.Fix.Changed = nil },
		"still broken":    func(r *play.Result) { r.Fix.Again = *doctor("broken", main) },
		"pull still bad":  func(r *play.Result) { r.Fix.Pull.OK = false },
		"rollback failed": func(r *play.Result) { r.Fix.Rollback.Exit = 3 },
		"rollback forgot": func(r *play.Result) { r.Fix.Left = []string{"/etc/hosts"} },
	} {
		c, r := judge.Case{Scenario: parsed(t), Generation: "2.4"}, asExpected()
		change(&r)
		if bad := slices.Concat(judge.Real(c, r), judge.Doctor(c, r), judge.Fix(c, r)); len(bad) == 0 {
			t.Errorf("%s was accepted", name)
		}
	}
}
