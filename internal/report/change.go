package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
)

// Change tells what became of a plan: the repair part of a doctor document, and
// the body of those of apply and rollback.
type Change struct {
	ID        *string  `json:"id"`     // entry of the journal; null: nothing was written
	State     string   `json:"state"`  // "none", "shown", "done", "rolled-back", "refused", …
	Reason    *string  `json:"reason"` // as the history has it
	Diff      string   `json:"diff"`
	Files     []string `json:"files"`
	Restart   []string `json:"restart"`  // units that have to be restarted
	Run       []string `json:"run"`      // what a person has to run besides
	Cures     []string `json:"cures"`    // codes of the findings that this is for
	Verified  *string  `json:"verified"` // by what it was proven; null: there was nothing to prove it by
	Error     *string  `json:"error"`
	Left      []string `json:"left"`      // paths that somebody else changed
	Recovered []string `json:"recovered"` // entries of interrupted changes that were taken back first
}

// Outcome is the document of apply and rollback.
type Outcome struct {
	Schema  string   `json:"schema"`
	Kind    string   `json:"kind"`    // "apply", "rollback"
	Runtime *Runtime `json:"runtime"` // that reads the files; null: nobody asked
	Change
	Findings []Finding `json:"findings"`
}

// NewOutcome is the document of a command that changes a node.
func NewOutcome(kind string, t route.Target, c Change, found []finding.Finding) Outcome {
	return Outcome{Schema: Schema, Kind: kind, Runtime: RuntimeOf(t), Change: c, Findings: Findings(found)}
}

// NewChange is what can be told of a plan before it is carried out.
func NewChange(p plan.Plan, cures []finding.Finding) Change {
	c := Change{
		State: "none", Reason: text(p.Reason), Diff: p.Unified(), Files: []string{}, Restart: []string{}, Run: append([]string{}, p.Run...),
		Cures: []string{}, Left: []string{}, Recovered: []string{},
	}
	for _, x := range p.Changes {
		c.Files = append(c.Files, x.Path())
	}
	for _, r := range p.Restart {
		c.Restart = append(c.Restart, r.Unit)
	}
	for _, f := range cures {
		if !slices.Contains(c.Cures, f.Code) {
			c.Cures = append(c.Cures, f.Code)
		}
	}
	return c
}

// Failed notes an error.
func (c *Change) Failed(err error) {
	if err != nil {
		s := err.Error()
		c.Error = &s
	}
}

// Proven notes by what a change was proven.
func (c *Change) Proven(by string) { c.Verified = text(by) }

// Plan prints a plan as a diff, and what has to be restarted for it.
func (t *Terminal) Plan(p plan.Plan) {
	t.Diff(p)
	if p.Live() && !p.Empty() {
		t.print("takes effect at the next pull, without a restart\n")
	}
	for _, r := range p.Restart {
		t.print("%s %s has to be restarted: %s\n", t.paint(yellow, t.symbol("↻", "!!")), r.Unit, r.Why)
	}
	for _, r := range p.Run {
		t.print("$ %s\n", r)
	}
}

// Diff prints what a plan changes, and not when that counts.
func (t *Terminal) Diff(p plan.Plan) {
	lines := slices.Collect(strings.Lines(p.Unified()))
	for i, text := range lines {
		if strings.HasPrefix(text, "diff ") && named(lines[i+1:]) {
			continue
		}
		t.print("%s\n", t.diffLine(strings.TrimSuffix(text, "\n")))
	}
}

// diffLine is a line of a diff, however long: what is agreed to has to be seen.
func (t *Terminal) diffLine(text string) painted {
	switch {
	case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"), strings.HasPrefix(text, "diff "):
		return t.paintAll(bold, text)
	case strings.HasPrefix(text, "+"):
		return t.paintAll(green, text)
	case strings.HasPrefix(text, "-"):
		return t.paintAll(red, text)
	case strings.HasPrefix(text, "@@"):
		return t.paintAll(blue, text)
	}
	return painted(printable(text))
}

// named reports whether the header of a diff, its first line left out, says by
// itself which file it is about.
func named(lines []string) bool {
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "--- "), strings.HasPrefix(l, "rename from "):
			return true
		case strings.HasPrefix(l, "diff "):
			return false
		}
	}
	return false
}

// Changed prints what became of a change.
func (t *Terminal) Changed(c Change) {
	mark := t.no()
	switch c.State {
	case "done", "undone":
		mark = t.yes()
	case "none":
		mark = t.paint(grey, t.symbol("·", "--"))
	}
	id := ""
	if c.ID != nil {
		id = "  (entry " + *c.ID + ")"
	}
	verified := ""
	if c.Verified != nil {
		verified = ", verified by " + *c.Verified
	}
	t.print("%s %s%s%s\n", mark, states[c.State], verified, id)
	for _, l := range c.Left {
		t.print("  left alone: %s\n", l)
	}
}

var states = map[string]string{
	"none":        "nothing to change",
	"faulty":      "not applied: the runtime would not read these files as they are meant",
	"shown":       "not applied: repeat with --yes",
	"restart":     "not applied: it takes a restart, repeat with --allow-restart",
	"declined":    "not applied",
	"done":        "applied",
	"rolled-back": "taken back: every file is as it was",
	"refused":     "refused, nothing was changed",
	"undone":      "rolled back: every file is as it was",
	"stuck":       "interrupted: the next apply, rollback or --fix finishes or undoes it",
}

// Undone prints what became of a rollback.
func (t *Terminal) Undone(c Change) {
	t.Changed(c)
	if c.Reason != nil {
		t.line("  was      ", *c.Reason)
	}
	for _, u := range c.Restart {
		t.line("  restart  ", u+" still runs with the configuration that was taken back")
	}
}

// History is the document of the history command.
type History struct {
	Schema   string    `json:"schema"`
	Kind     string    `json:"kind"` // "history"
	Entries  []Entry   `json:"entries"`
	Error    *string   `json:"error"` // what of the journal cannot be read
	Findings []Finding `json:"findings"`
}

// NewHistory is the document of a journal, as far as it can be read.
func NewHistory(entries []Entry, err error) History {
	h := History{Schema: Schema, Kind: "history", Entries: entries, Findings: []Finding{}}
	if err != nil {
		h.Error = text(err.Error())
	}
	return h
}

// Entry is one run in the journal.
type Entry struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	State  string    `json:"state"`
	Undoes *string   `json:"undoes"`
	Files  []string  `json:"files"`
}

// History prints the journal, the newest last.
func (t *Terminal) History(entries []Entry) {
	if len(entries) == 0 {
		t.print("nothing has been changed here\n")
		return
	}
	for _, e := range entries {
		t.print("%s  %s  %s  %s\n", t.paint(bold, e.ID), e.Time.Format("2006-01-02 15:04:05"), pad(e.State, 11), e.Reason)
		for _, f := range e.Files {
			t.print("      %s\n", t.paint(grey, f))
		}
	}
}

// Count is "1 file" or "3 files".
func Count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
