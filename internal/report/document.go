// Package report turns findings, diagnoses and plans into what a user reads:
// text for people, JSON and YAML for programs. It holds the tool's voice and
// the JSON contract, and knows nothing of how things were found.
//
// Rules of the voice: no capital at the beginning and no full stop at the end
// of one-line texts; a symbol never stands without its word; a colour never
// stands alone; the user's own line is quoted, not described.
package report

import (
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Schema is the version of every JSON document. Absent things are null and
// lists are never null.
const Schema = "towpath/v1"

// Place is a line of a file in JSON.
type Place struct {
	File string `json:"file"`
	Line *int   `json:"line"`
}

func place(p source.Pos) *Place {
	if p.File == "" {
		return nil
	}
	return &Place{File: p.File, Line: counted(p.Line)}
}

// Spot is a place to the character in JSON.
type Spot struct {
	File   string `json:"file"`
	Line   *int   `json:"line"`
	Column *int   `json:"column"`
}

func spot(p source.Pos) *Spot {
	if p.File == "" {
		return nil
	}
	return &Spot{File: p.File, Line: counted(p.Line), Column: counted(p.Column)}
}

// counted is a line or column, which count from 1.
func counted(n int) *int {
	if n < 1 {
		return nil
	}
	return &n
}

// Runtime names the program whose pull is judged.
type Runtime struct {
	Name    string  `json:"name"`
	Version *string `json:"version"`
}

// RuntimeOf is the runtime of a document; nil when none is known.
func RuntimeOf(t route.Target) *Runtime {
	if t.Runtime == "" {
		return nil
	}
	return &Runtime{Name: t.Runtime, Version: text(t.Version.String())}
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Finding is one finding in JSON.
type Finding struct {
	Code       string             `json:"code"`
	ID         string             `json:"id"`
	Severity   finding.Severity   `json:"severity"`
	Role       finding.Role       `json:"role"`
	Because    *string            `json:"because"`
	Confidence finding.Confidence `json:"confidence"`
	Subject    string             `json:"subject"`
	Text       string             `json:"text"`
	At         *Spot              `json:"at"`
	Evidence   []Evidence         `json:"evidence"`
	Fix        *Fix               `json:"fix"`
}

// Evidence is something that was seen, in JSON.
type Evidence struct {
	Saw     string  `json:"saw"`
	Where   *string `json:"where"`
	Command *string `json:"command"`
}

// Fix is a fix in JSON.
type Fix struct {
	Text  string   `json:"text"`
	Live  bool     `json:"live"`
	Edits []Edit   `json:"edits"`
	Run   []string `json:"run"`
}

// Edit is one change to a file, as a person would see it.
type Edit struct {
	Op    string  `json:"op"` // "replace", "create", "remove", "rename"
	File  string  `json:"file"`
	Start *int    `json:"start"` // byte offsets, of a replacement
	End   *int    `json:"end"`
	New   *string `json:"new"`
	To    *string `json:"to"`
}

// Findings converts findings; the list is never null.
func Findings(all []finding.Finding) []Finding {
	out := make([]Finding, 0, len(all))
	for _, f := range all {
		d := Finding{
			Code: f.Code, ID: f.ID, Severity: f.Severity, Role: f.Role, Because: text(f.Because), Confidence: f.Confidence,
			Subject: f.Subject, Text: f.Text, At: spot(f.At), Evidence: []Evidence{}, Fix: fix(f.Fix),
		}
		for _, e := range f.Evidence {
			d.Evidence = append(d.Evidence, Evidence{Saw: e.Saw, Where: text(e.Where), Command: text(e.Command)})
		}
		out = append(out, d)
	}
	return out
}

func fix(f *finding.Fix) *Fix {
	if f == nil {
		return nil
	}
	out := &Fix{Text: f.Text, Live: f.Live, Edits: []Edit{}, Run: append([]string{}, f.Run...)}
	for _, e := range f.Edits {
		d := Edit{Op: string(e.Op), File: e.File, To: text(e.To)}
		switch e.Op {
		case source.Replace:
			d.Op, d.Start, d.End, d.New = "replace", &e.Start, &e.End, masked(e.New)
		case source.Create:
			d.New = masked(e.New)
		}
		out.Edits = append(out.Edits, d)
	}
	return out
}

// masked keeps the passwords of an edited file out of the document.
func masked(s string) *string {
	s = plan.Mask(s)
	return &s
}

// Doctor is the document of the doctor command.
type Doctor struct {
	Schema    string    `json:"schema"`
	Image     string    `json:"image"`
	Reference string    `json:"reference"`
	Runtime   *Runtime  `json:"runtime"`
	Verdict   string    `json:"verdict"`
	Hops      []Hop     `json:"hops"`
	Findings  []Finding `json:"findings"`
	Repair    *Change   `json:"repair,omitempty"` // with --fix alone
}

// Hop is one host of the chain in JSON.
type Hop struct {
	Endpoint string  `json:"endpoint"`
	From     *Place  `json:"from"`
	Stages   []Stage `json:"stages"`
}

// Stage is one stage of a hop in JSON.
type Stage struct {
	Stage snapshot.Stage `json:"stage"`
	OK    bool           `json:"ok"`
	Ms    float64        `json:"ms"`
	Saw   string         `json:"saw"`
	Error *string        `json:"error"`
}

// Hops converts the hosts of a pull; the list is never null.
func Hops(p *snapshot.Pull) []Hop {
	out := []Hop{}
	if p == nil {
		return out
	}
	for _, h := range p.Hops {
		d := Hop{Endpoint: h.Endpoint, From: place(h.From), Stages: []Stage{}}
		for _, s := range h.Stages {
			d.Stages = append(d.Stages, Stage{Stage: s.Stage, OK: s.OK, Ms: millis(s.Took), Saw: s.Saw, Error: text(s.Err)})
		}
		out = append(out, d)
	}
	return out
}

func millis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// Lint is the document of the lint command.
type Lint struct {
	Schema   string    `json:"schema"`
	Runtime  *Runtime  `json:"runtime"`
	Findings []Finding `json:"findings"`
	Repair   *Change   `json:"repair,omitempty"` // with --fix alone
}

// Explain is the document of the explain command.
type Explain struct {
	Schema    string    `json:"schema"`
	Image     string    `json:"image"`
	Reference string    `json:"reference"`
	Runtime   *Runtime  `json:"runtime"`
	Requests  []Request `json:"requests"`
	Ignored   []Ignored `json:"ignored"`
}

// Request is one request that the runtime would make.
type Request struct {
	Method      string       `json:"method"`
	URL         string       `json:"url"`
	Ping        *string      `json:"ping,omitempty"` // asked for before, by Docker and CRI-O
	Endpoint    string       `json:"endpoint"`
	From        *Place       `json:"from"`
	Credentials *Credentials `json:"credentials"`
	TLS         *TLS         `json:"tls"`
	Proxy       *string      `json:"proxy"`
	DialMs      *int64       `json:"dialMs"`
}

// Credentials says where a request's credentials come from, never what they are.
type Credentials struct {
	Source string `json:"source"`
}

// TLS says how a request's server is verified.
type TLS struct {
	CA     []string   `json:"ca"`
	Client [][]string `json:"client"`
	Verify bool       `json:"verify"`
}

// Ignored is something that the runtime disregards, or for which it asks nobody.
type Ignored struct {
	File string  `json:"file"`
	Line *int    `json:"line"`
	Why  string  `json:"why"`
	Code *string `json:"code"`
}

// Failure is the document of a command that was called wrongly or could not do
// its work.
type Failure struct {
	Schema   string    `json:"schema"`
	Kind     string    `json:"kind"`   // "error"
	Status   int       `json:"status"` // the exit status
	Error    string    `json:"error"`
	Try      *string   `json:"try"`
	Findings []Finding `json:"findings"`
}

// NewFailure is the document for an error, with what to try instead.
func NewFailure(status int, err, try string) Failure {
	return Failure{Schema: Schema, Kind: "error", Status: status, Error: err, Try: text(try), Findings: []Finding{}}
}
