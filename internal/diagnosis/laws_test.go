package diagnosis_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/rule/specimen"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// patient is a snapshot and what becomes of it.
type patient struct {
	name string
	s    *snapshot.Snapshot
	d    diagnosis.Diagnosis
}

// patients are healthy, have one trouble, are the twin of one that has, or have
// two troubles: one at a mirror and one at the registry behind it.
var patients = sync.OnceValue(func() []patient {
	var ill, out []patient
	for _, x := range specimen.All() {
		ill = append(ill, patient{name: strings.TrimSpace(x.Code + " " + x.Name), s: x.Ill()})
		out = append(out, patient{name: "twin of " + x.Code + " " + x.Name, s: x.Twin()})
	}
	for _, x := range ill {
		for _, y := range ill {
			out = append(out, patient{name: x.name + " before " + y.name, s: before(x.s, y.s)})
		}
	}
	out = append(append(out, ill...), patient{name: "healthy", s: specimen.Healthy()})
	for i := range out {
		out[i].d = judged(out[i].s)
	}
	return out
})

// before puts the first host of one snapshot, as a mirror, before the hosts of another.
func before(a, b *snapshot.Snapshot) *snapshot.Snapshot {
	m := a.Pull.Hops[0]
	m.Mirror, m.From = true, source.Pos{File: "hosts.toml", Line: 2}
	m.Host = strings.Replace(m.Host, specimen.Registry, specimen.Mirror, 1)
	m.Endpoint = strings.Replace(m.Endpoint, specimen.Registry, specimen.Mirror, 1)
	both, pull := *b, *b.Pull
	both.Pull = &pull
	pull.Hops = append([]snapshot.Hop{m}, pull.Hops...)
	for i := range pull.Hops {
		pull.Hops[i].Index = i
	}
	return &both
}

func judged(s *snapshot.Snapshot) diagnosis.Diagnosis { return diagnosis.Judge(s, rule.All, nil) }

// each holds every patient to a law.
func each(t *testing.T, law func(t *testing.T, name string, s *snapshot.Snapshot, d diagnosis.Diagnosis)) {
	t.Helper()
	for _, p := range patients() {
		law(t, p.name, p.s, p.d)
	}
}

func TestTheSameSnapshotGetsTheSameDiagnosis(t *testing.T) {
	each(t, func(t *testing.T, name string, s *snapshot.Snapshot, d diagnosis.Diagnosis) {
		if again := judged(s); !reflect.DeepEqual(d, again) {
			t.Errorf("%s:\n%s\nand then\n%s", name, list(d), list(again))
		}
	})
}

func TestTheOrderOfTheRulesDoesNotMatter(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	rules := slices.Clone(rule.All)
	each(t, func(t *testing.T, name string, s *snapshot.Snapshot, d diagnosis.Diagnosis) {
		dice.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		if again := diagnosis.Judge(s, rules, nil); !reflect.DeepEqual(d, again) {
			t.Errorf("%s:\n%s\nand with the rules in another order\n%s", name, list(d), list(again))
		}
	})
}

func TestWhatIsSaidIsProven(t *testing.T) {
	each(t, func(t *testing.T, name string, _ *snapshot.Snapshot, d diagnosis.Diagnosis) {
		for _, f := range d.Findings {
			if len(f.Evidence) == 0 {
				t.Errorf("%s: %s has no evidence", name, f.Code)
			}
		}
	})
}

func TestASymptomNamesACauseThatIsTold(t *testing.T) {
	each(t, func(t *testing.T, name string, _ *snapshot.Snapshot, d diagnosis.Diagnosis) {
		for _, f := range d.Findings {
			told := slices.ContainsFunc(d.Findings, func(c finding.Finding) bool { return c.Code == f.Because && c.Role == finding.Primary })
			if (f.Role == finding.Secondary) != (f.Because != "") || f.Because != "" && !told {
				t.Errorf("%s: %s is %s because of %q\n%s", name, f.Code, f.Role, f.Because, list(d))
			}
		}
	})
}

func TestTheVerdictFollowsFromWhoServesTheImage(t *testing.T) {
	each(t, func(t *testing.T, name string, s *snapshot.Snapshot, d diagnosis.Diagnosis) {
		stopped := slices.ContainsFunc(d.Findings, func(f finding.Finding) bool { return f.Stops })
		troubled := slices.ContainsFunc(d.Findings, func(f finding.Finding) bool { return f.Severity >= finding.Warning })
		want := diagnosis.Healthy
		switch {
		case s.Pull.Serving() < 0 || stopped && len(s.Pull.Hops) == 1:
			want = diagnosis.Broken
		case stopped: // the other host may serve, if only one is stopped
			want = d.Verdict
		case troubled:
			want = diagnosis.Degraded
		}
		if d.Verdict != want {
			t.Errorf("%s is %s, want %s\n%s", name, d.Verdict, want, list(d))
		}
	})
}

func TestABrokenPullHasAnError(t *testing.T) {
	each(t, func(t *testing.T, name string, _ *snapshot.Snapshot, d diagnosis.Diagnosis) {
		if d.Verdict == diagnosis.Broken && !slices.ContainsFunc(d.Findings, func(f finding.Finding) bool {
			return f.Severity == finding.Error && f.Role == finding.Primary
		}) {
			t.Errorf("%s:\n%s", name, list(d))
		}
	})
}

func TestNothingIsToldTwice(t *testing.T) {
	each(t, func(t *testing.T, name string, _ *snapshot.Snapshot, d diagnosis.Diagnosis) {
		seen := map[[5]string]bool{}
		for _, f := range d.Findings {
			k := [5]string{f.Code, f.Subject, f.Endpoint, f.Text, string(f.Role)}
			if seen[k] {
				t.Errorf("%s: twice %s\n%s", name, f.Code, list(d))
			}
			seen[k] = true
		}
	})
}

func TestWhatLiesBehindAServingHostIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, name string, s *snapshot.Snapshot, d diagnosis.Diagnosis) {
		if d.Verdict == diagnosis.Broken {
			return
		}
		for _, f := range d.Findings {
			first := slices.IndexFunc(s.Pull.Hops, func(h snapshot.Hop) bool { return h.Resolves && h.Failure == nil })
			if f.Endpoint != "" && f.Hop > first && !slices.ContainsFunc(d.Findings, func(g finding.Finding) bool { return g.Stops }) {
				t.Errorf("%s: hop %d serves and %s is told of hop %d", name, first, f.Code, f.Hop)
			}
		}
	})
}

// Causes come before symptoms, what breaks before what slows, and among equals
// what the runtime meets first.
func TestTheMostImportantComesFirst(t *testing.T) {
	rank := func(f finding.Finding) int {
		r := int(finding.Error) - int(f.Severity)
		if f.Role == finding.Secondary {
			r += 10
		}
		return r
	}
	each(t, func(t *testing.T, name string, _ *snapshot.Snapshot, d diagnosis.Diagnosis) {
		for i := 1; i < len(d.Findings); i++ {
			a, b := d.Findings[i-1], d.Findings[i]
			if rank(a) > rank(b) || rank(a) == rank(b) && a.Endpoint != "" && b.Endpoint != "" && a.Hop > b.Hop {
				t.Errorf("%s:\n%s", name, list(d))
			}
		}
	})
}

func list(d diagnosis.Diagnosis) string {
	out := string(d.Verdict)
	for _, f := range d.Findings {
		out += "\n  " + string(f.Role) + " " + f.Severity.String() + " " + f.Code + " " + f.Endpoint + " because " + f.Because
	}
	return out
}
