// Package finding is what Towpath tells its user: a problem, the evidence for it
// and the fix. Lint problems, diagnoses and losses of a conversion are all
// findings. The package renders their texts and does no I/O.
package finding

import (
	"fmt"
	"regexp"
	"slices"
	"sort"

	"github.com/towpath-dev/towpath/internal/source"
)

// Severity orders findings by what they do to a pull.
type Severity uint8

// Info tells; Warning: it works, but slower, less safe or only by falling back;
// Error: the pull fails, or a file that was meant to count is ignored.
const (
	Info Severity = iota
	Warning
	Error
)

var severities = [...]string{"info", "warning", "error"}

// String is the word used in output and flags.
func (s Severity) String() string { return severities[s] }

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(b []byte) error {
	for i, w := range severities {
		if w == string(b) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("severity %q is none of info, warning, error", b)
}

// Confidence says how sure a finding is of its cause.
type Confidence string

// Certain: proven by what was seen. Likely: the evidence fits nothing else that
// is common. Possible: it cannot be told from here, and the text names the step
// that would.
const (
	Certain  Confidence = "certain"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// Role tells a cause from its symptoms.
type Role string

// A Primary finding is a cause whose repair lets the pull get further; a
// Secondary one follows from the finding whose code stands in Because.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
)

// Finding is one thing to tell.
type Finding struct {
	Code       string
	ID         string
	Severity   Severity
	Role       Role
	Because    string // code of the cause; empty for a primary finding
	Confidence Confidence
	Subject    string // host[:port], file or node
	Text       string // one line, no full stop
	At         source.Pos
	Evidence   []Evidence
	Fix        *Fix // nil: this node cannot cure it

	Ignores  bool   // At names something that the runtime disregards
	Stops    bool   // no pull that it touches succeeds while it stands, whatever the network says
	Registry string // the registry name whose pulls it touches; empty: all
	Endpoint string // the endpoint it is about, as in snapshot.Hop; empty: none or all
	Hop      int    // index of that hop, when Endpoint is set
	Stage    string // where in a pull it bites: node, config, resolve, connect, tls, token, manifest, blob
}

// Evidence is something that was seen, verbatim, and how to see it again.
type Evidence struct {
	Saw     string `json:"saw"`
	Where   string `json:"where"`
	Command string `json:"command"`
}

// Fix says how to cure a finding. Edits are what Towpath can do itself; Run is
// what has to be run afterwards, or instead. A rule that knows what is wanted
// but not how this runtime spells it leaves an Intent, which package repair
// turns into edits.
type Fix struct {
	Text   string
	Live   bool // takes effect without a restart
	Edits  []source.Edit
	Run    []string
	Intent *Intent
}

// Intent is a wish for the configuration, free of any dialect.
type Intent struct {
	Do       Action
	Registry string // the registry named in images
	Endpoint string // "https://host[:port]/v2" as in snapshot.Hop; empty: all of the registry
	Value    string // what the action needs: a CA file, a scheme, a list of hosts
}

// Action names what an intent wants.
type Action string

// The actions that package repair knows.
const (
	AddCA          Action = "add-ca"          // Value: PEM file on the node
	UseScheme      Action = "use-scheme"      // Value: "http" or "https"
	RemoveMirror   Action = "remove-mirror"   //
	DemoteMirror   Action = "demote-mirror"   // ask it after the others
	LimitDial      Action = "limit-dial"      // Value: duration for dial_timeout
	UsePath        Action = "use-path"        // Value: the API's root at the endpoint, "/v2/hub"
	BypassProxy    Action = "bypass-proxy"    // Value: hosts for NO_PROXY, comma separated
	UseProxy       Action = "use-proxy"       // Value: proxy URL, password masked: from another file of the node
	MigrateMirrors Action = "migrate-mirrors" // registry.mirrors to hosts.toml under config_path
	ClassicHello   Action = "classic-hello"   // GODEBUG for a middlebox that drops post-quantum hellos
	RestartRuntime Action = "restart-runtime" // Value: why; nothing else is wrong
	RaiseFiles     Action = "raise-files"     // Value: how many files the runtime may have open
)

// Args fills the names in a text: {"host": "ghcr.io"} for "{host} is …".
type Args map[string]any

// Kind describes all findings of one sort. It is a value: listed, documented
// and tested without looking at a node.
type Kind struct {
	Code     string // "area/what-is-wrong"; never changes once released
	ID       string // number in the catalogue: "TLS-01", "HT001"
	Title    string // one line
	Severity Severity
	Ignores  bool   // what it is about is disregarded by the runtime
	Stops    bool   // no pull that it touches succeeds while it stands
	Doc      string // Markdown: why it matters and how to fix it
	Text     string // template of the finding's text
	Fix      string // template of the fix's text; empty: no edit on this node cures it

	// Variants are further texts of the same kind, by name: the branches of a
	// decision. A variant without a fix of its own has none.
	Variants map[string]Variant

	// Symptoms are codes that this kind explains when both concern one subject.
	Symptoms []string
}

// Variant is another wording of a Kind.
type Variant struct{ Text, Fix string }

// New makes a finding of this kind. Every name in the template must be given.
func (k Kind) New(subject string, args Args) Finding { return k.Vary("", subject, args) }

// Vary makes a finding in the wording of a variant.
func (k Kind) Vary(variant, subject string, args Args) Finding {
	text, fix := k.Text, k.Fix
	if variant != "" {
		v, ok := k.Variants[variant]
		if !ok {
			panic("finding: " + k.Code + " has no variant " + variant)
		}
		text, fix = v.Text, v.Fix
	}
	f := Finding{
		Code: k.Code, ID: k.ID, Severity: k.Severity, Role: Primary, Confidence: Certain,
		Subject: subject, Text: Say(text, args), Ignores: k.Ignores, Stops: k.Stops,
	}
	if fix != "" {
		f.Fix = &Fix{Text: Say(fix, args)}
	}
	return f
}

// Saw adds evidence and returns the finding.
func (f Finding) Saw(saw, where, command string) Finding {
	e := Evidence{saw, where, command}
	if !slices.Contains(f.Evidence, e) {
		f.Evidence = append(f.Evidence[:len(f.Evidence):len(f.Evidence)], e)
	}
	return f
}

// In places the finding in a file.
func (f Finding) In(at source.Pos) Finding {
	f.At = at
	return f
}

// Sure sets how certain the finding is.
func (f Finding) Sure(c Confidence) Finding {
	f.Confidence = c
	return f
}

var name = regexp.MustCompile(`\{([a-z][A-Za-z0-9]*)\}`)

// Say fills a template. A name without an argument stays in braces, which
// the tests of every kind look for.
func Say(template string, args Args) string {
	return name.ReplaceAllStringFunc(template, func(m string) string {
		if v, ok := args[m[1:len(m)-1]]; ok {
			return fmt.Sprint(v)
		}
		return m
	})
}

// Names lists the arguments that a template asks for, sorted.
func Names(template string) []string {
	var out []string
	for _, m := range name.FindAllStringSubmatch(template, -1) {
		out = append(out, m[1])
	}
	sort.Strings(out)
	return out
}
