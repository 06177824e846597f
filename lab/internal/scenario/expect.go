package scenario

import (
	"regexp"
	"slices"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"go.yaml.in/yaml/v4"
)

// Outcome is what a pull does.
type Outcome string

// Outcomes of a pull. Waits: it has not ended when it is cut.
const (
	Works Outcome = "works"
	Fails Outcome = "fails"
	Waits Outcome = "waits"
)

// Expect is what must be seen.
type Expect struct {
	Pull      Outcome            `yaml:"pull"`
	Text      Pattern            `yaml:"text"`      // in the error of the pull
	Log       Pattern            `yaml:"log"`       // in the log of the runtime, where the pull itself tells nothing
	On        map[string]Outcome `yaml:"on"`        // other outcomes, by generation
	Texts     map[string]Pattern `yaml:"texts"`     // other texts, by generation
	Requests  map[string]Pattern `yaml:"requests"`  // in the request log of a server, one JSON object per line
	Verdict   string             `yaml:"verdict"`   //
	Verdicts  map[string]string  `yaml:"verdicts"`  // others, by generation
	Primary   []string           `yaml:"primary"`   // codes; "a|b": either; none: the code of the scenario
	Secondary map[string]string  `yaml:"secondary"` // code: because of which code
	Also      []string           `yaml:"also"`      // codes that may be found besides
	At        string             `yaml:"at"`        // file:line of the finding with the first primary code
	Fix       string             `yaml:"fix"`       // of that finding: live, restart, none
	Says      Pattern            `yaml:"says"`      // in its text
	Fixed     string             `yaml:"fixed"`     // verdict after --fix; none: healthy
}

// Healthy is what every twin must be.
var Healthy = Expect{Pull: Works, Verdict: "healthy"}

// Pattern is a regular expression.
type Pattern struct{ *regexp.Regexp }

// UnmarshalYAML compiles it.
func (p *Pattern) UnmarshalYAML(n *yaml.Node) error {
	re, err := regexp.Compile(n.Value)
	p.Regexp = re
	return err
}

// Cut is when a pull that has not ended counts as waiting.
const Cut = 15 * time.Second

// PullOn returns what a pull does on a generation, and the text of its error.
func (s Spec) PullOn(g containerd.Generation) (Outcome, Pattern) {
	if _, spared := s.Spared[string(g)]; spared {
		return Works, Pattern{}
	}
	outcome, text := s.Expect.Pull, s.Expect.Text
	if o, ok := s.Expect.On[string(g)]; ok {
		outcome = o
	}
	if g.Engine() && slices.ContainsFunc(s.Generations(), func(g containerd.Generation) bool { return !g.Engine() }) {
		text = Pattern{} // it is containerd's; the others have words of their own
	}
	if t, ok := s.Expect.Texts[string(g)]; ok {
		text = t
	}
	if outcome == Works {
		text = Pattern{}
	}
	return outcome, text
}

// ExpectOn returns what doctor must find on a generation.
func (s Spec) ExpectOn(g containerd.Generation) Expect {
	if _, spared := s.Spared[string(g)]; spared {
		return Healthy
	}
	e := s.Expect
	if v, ok := e.Verdicts[string(g)]; ok {
		e.Verdict = v
	}
	return e
}
