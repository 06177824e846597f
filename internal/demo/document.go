package demo

import (
	"time"

	"github.com/towpath-dev/towpath/internal/report"
)

// Document is the result for programs.
type Document struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"` // "demo"
	Green    bool             `json:"green"`
	Ms       int64            `json:"ms"`
	Scenes   []SceneDocument  `json:"scenes"`
	Findings []report.Finding `json:"findings"` // about this machine: none, ever
}

// SceneDocument is a scene in JSON.
type SceneDocument struct {
	Scene   int           `json:"scene"`
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	Story   string        `json:"story"`
	Runtime string        `json:"runtime"`
	Image   string        `json:"image"`
	Green   bool          `json:"green"`
	Error   *string       `json:"error"`
	Ms      int64         `json:"ms"`
	Acts    []ActDocument `json:"acts"`
}

// ActDocument is an act in JSON: the diagnosis, the change and the diagnosis
// after it, as doctor --fix and rollback give them.
type ActDocument struct {
	Sees     string         `json:"sees"`
	Advice   *string        `json:"advice"`
	Cause    string         `json:"cause"`
	ByHand   *string        `json:"byHand"` // what a person does; null: there is a fix
	Before   *report.Doctor `json:"before"`
	Repair   *report.Change `json:"repair"`
	After    *report.Doctor `json:"after"`
	Rollback *Rollback      `json:"rollback"`
}

// Rollback is a change that was taken back.
type Rollback struct {
	ID        string `json:"id"`
	Compared  int    `json:"compared"`  // files and directories
	Identical bool   `json:"identical"` // byte for byte, with those before the change
}

// NewDocument is the document of a play.
func NewDocument(all []Outcome, took time.Duration) Document {
	d := Document{Schema: report.Schema, Kind: "demo", Green: true, Ms: took.Milliseconds(), Scenes: []SceneDocument{}, Findings: []report.Finding{}}
	for _, o := range all {
		d.Green = d.Green && o.Err == nil
		d.Scenes = append(d.Scenes, o.document())
	}
	return d
}

func (o Outcome) document() SceneDocument {
	s := o.Scene
	d := SceneDocument{
		Scene: s.Number, Name: s.Name, Title: s.Title, Story: s.Story, Runtime: s.Runtime, Image: s.Image,
		Green: o.Err == nil, Ms: o.Took.Milliseconds(), Acts: []ActDocument{},
	}
	if o.Err != nil {
		d.Error = optional(o.Err.Error())
	}
	for i, p := range o.Acts {
		d.Acts = append(d.Acts, p.document(s.Acts[i]))
	}
	return d
}

func (p Played) document(a Act) ActDocument {
	d := ActDocument{Sees: p.Sees, Advice: optional(a.Advice), Cause: a.Cause, ByHand: optional(a.Hand), Before: p.Before.document(), After: p.After.document()}
	if !p.Plan.Empty() {
		c := report.NewChange(p.Plan, p.Cured)
		c.ID, c.State = optional(p.Entry), "refused"
		if p.Entry != "" {
			c.State = "done"
			c.Proven("a fresh look")
		}
		d.Repair = &c
	}
	if p.Back != "" {
		d.Rollback = &Rollback{ID: p.Back, Compared: p.Files, Identical: p.Files > 0}
	}
	return d
}

func (l Look) document() *report.Doctor {
	if l.Snapshot == nil {
		return nil
	}
	d := report.NewDoctor(l.Snapshot, l.Diagnosis)
	return &d
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
