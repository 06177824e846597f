package rule

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/rule/specimen"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

func TestEveryRuleHasASpecimen(t *testing.T) {
	have := map[string]bool{}
	for _, x := range specimen.All() {
		have[x.Code] = true
		if !slices.ContainsFunc(All, func(r Rule) bool { return r.Code == x.Code }) {
			t.Errorf("there is a specimen of %s and no rule", x.Code)
		}
	}
	for _, r := range All {
		if !have[r.Code] {
			t.Errorf("%s has no specimen: make one in package specimen", r.Code)
		}
	}
}

func TestAHealthySnapshotHasNoFindings(t *testing.T) {
	for _, f := range Run(All, specimen.Healthy()) {
		t.Errorf("%s: %s", f.Code, f.Text)
	}
}

func TestEachRuleFiresOnItsSpecimenAndNotOnTheTwin(t *testing.T) {
	for _, x := range specimen.All() {
		t.Run(strings.TrimSuffix(x.Code+" "+x.Name, " "), func(t *testing.T) {
			if got := codes(x.Ill()); !slices.Contains(got, x.Code) {
				t.Errorf("not found; there are %v", got)
			}
			if got := codes(x.Twin()); slices.Contains(got, x.Code) {
				t.Errorf("found in the twin, too; there are %v", got)
			}
		})
	}
}

func codes(s *snapshot.Snapshot) []string {
	var out []string
	for _, f := range Run(All, s) {
		out = append(out, f.Code)
	}
	return out
}

var unfilled = regexp.MustCompile(`\{[a-z][A-Za-z0-9]*\}`)

// What each rule says is complete: every name of its templates is filled, it has
// evidence with a command that shows the same, and it is about a hop that there is.
func TestWhatARuleSaysIsComplete(t *testing.T) {
	for _, x := range specimen.All() {
		s := x.Ill()
		for _, f := range Run(All, s) {
			said := f.Text
			if f.Fix != nil {
				said += f.Fix.Text
			}
			if unfilled.MatchString(said) || strings.ContainsAny(said, "\n\r") || said == "" {
				t.Errorf("%s: %q is not one complete line", f.Code, said)
			}
			for _, e := range f.Evidence {
				if e.Saw == "" || e.Where == "" || e.Command == "" {
					t.Errorf("%s: the evidence %+v lacks something", f.Code, e)
				}
			}
			if f.Subject == "" || f.Stage == "" || f.Role != finding.Primary || f.Confidence == "" {
				t.Errorf("%s lacks a subject, a stage or a confidence: %+v", f.Code, f)
			}
			if f.Endpoint != "" && (f.Hop >= len(s.Pull.Hops) || s.Pull.Hops[f.Hop].Endpoint != f.Endpoint) {
				t.Errorf("%s is about hop %d, %s, which there is not", f.Code, f.Hop, f.Endpoint)
			}
		}
	}
}
