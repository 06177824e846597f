package finding_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
)

func TestSeveritiesAreOrderedAndSurviveJSON(t *testing.T) {
	all := []finding.Severity{finding.Info, finding.Warning, finding.Error}
	if !slices.IsSorted(all) {
		t.Error("info, warning, error is not their order")
	}
	for _, s := range all {
		text, err := json.Marshal(s)
		var back finding.Severity
		if err != nil || json.Unmarshal(text, &back) != nil || back != s || string(text) != `"`+s.String()+`"` {
			t.Errorf("%s became %s and %s", s, text, back)
		}
	}
	var s finding.Severity
	for _, text := range []string{`"fatal"`, `""`, `"Error"`, `3`} {
		if json.Unmarshal([]byte(text), &s) == nil {
			t.Errorf("%s is read as %s", text, s)
		}
	}
}

func TestTemplatesAreFilledByName(t *testing.T) {
	for _, c := range []struct {
		template, want string
		args           finding.Args
	}{
		{"{host} is {n} away", "ghcr.io is 3 away", finding.Args{"host": "ghcr.io", "n": 3}},
		{"{host} and {host}", "a and a", finding.Args{"host": "a"}},
		{"{host} lacks {what}", "a lacks {what}", finding.Args{"host": "a"}},
		{"{x}", "{y}", finding.Args{"x": "{y}", "y": "no second round"}},
		{"{} {A} { x } {x-y}", "{} {A} { x } {x-y}", finding.Args{"x": 1}},
		{"{x}", "$1", finding.Args{"x": "$1"}},
	} {
		if got := finding.Say(c.template, c.args); got != c.want {
			t.Errorf("%q: %q, want %q", c.template, got, c.want)
		}
	}
	if got := finding.Names("{b} {a} {b} {}"); !slices.Equal(got, []string{"a", "b", "b"}) {
		t.Errorf("names %q", got)
	}
}

var kind = finding.Kind{
	Code: "a/b", ID: "X1", Severity: finding.Warning, Ignores: true, Text: "{x} is wrong", Fix: "mend {x}",
	Variants: map[string]finding.Variant{"hopeless": {Text: "{x} is lost"}, "else": {Text: "{x} is odd", Fix: "turn {x}"}},
}

func TestAFindingIsOfItsKind(t *testing.T) {
	f := kind.New("host", finding.Args{"x": "y"})
	if f.Code != "a/b" || f.ID != "X1" || f.Severity != finding.Warning || !f.Ignores || f.Stops || f.Subject != "host" || f.Text != "y is wrong" || f.Fix.Text != "mend y" {
		t.Errorf("%+v", f)
	}
	if f.Role != finding.Primary || f.Confidence != finding.Certain || f.Because != "" {
		t.Errorf("until it is judged, a finding is a cause that is certain: %+v", f)
	}
}

func TestAVariantWithoutAFixHasNone(t *testing.T) {
	if f := kind.Vary("hopeless", "h", finding.Args{"x": "y"}); f.Text != "y is lost" || f.Fix != nil {
		t.Errorf("%+v", f)
	}
	if f := kind.Vary("else", "h", finding.Args{"x": "y"}); f.Text != "y is odd" || f.Fix.Text != "turn y" {
		t.Errorf("%+v", f)
	}
}

// Findings are values: what is added to one does not show in another.
func TestEvidenceIsAddedToACopyAndOnce(t *testing.T) {
	f := kind.New("h", finding.Args{"x": 1}).Saw("a", "b", "c")
	f.Evidence = slices.Grow(f.Evidence, 10)
	one, two := f.Saw("one", "", ""), f.Saw("two", "", "")
	if one.Evidence[1].Saw != "one" || two.Evidence[1].Saw != "two" || len(f.Evidence) != 1 {
		t.Errorf("%v, %v, %v", f.Evidence, one.Evidence, two.Evidence)
	}
	if again := one.Saw("a", "b", "c"); len(again.Evidence) != 2 {
		t.Errorf("told twice: %v", again.Evidence)
	}
}
