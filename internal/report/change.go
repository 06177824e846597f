package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
)

// Change is the document of commands that change a node, and the repair part of
// a doctor document.
type Change struct {
	Schema   string    `json:"schema,omitempty"`
	Kind     string    `json:"kind,omitempty"` // "apply", "rollback"
	ID       *string   `json:"id"`             // entry of the journal; null: nothing was written
	State    string    `json:"state"`          // "none", "shown", "done", "rolled-back", "refused", …
	Diff     string    `json:"diff"`
	Files    []string  `json:"files"`
	Restart  []string  `json:"restart"` // units that have to be restarted
	Cures    []string  `json:"cures"`   // codes of the findings that this is for
	Error    *string   `json:"error"`
	Left     []string  `json:"left"` // paths that somebody else changed
	Findings []Finding `json:"findings,omitempty"`
}

// NewChange is the document of a plan.
func NewChange(kind string, p plan.Plan, cures []finding.Finding) Change {
	c := Change{Kind: kind, State: "none", Diff: p.Unified(), Files: []string{}, Restart: []string{}, Cures: []string{}, Left: []string{}}
	for _, x := range p.Changes {
		c.Files = append(c.Files, x.Path())
	}
	for _, r := range p.Restart {
		c.Restart = append(c.Restart, r.Unit)
	}
	for _, f := range cures {
		c.Cures = append(c.Cures, f.Code)
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

// Plan prints a plan as a diff, and what has to be restarted for it.
func (t *Terminal) Plan(p plan.Plan) {
	lines := slices.Collect(strings.Lines(p.Unified()))
	for i, text := range lines {
		if strings.HasPrefix(text, "diff ") && named(lines[i+1:]) {
			continue
		}
		t.print("%s\n", t.diffLine(strings.TrimSuffix(text, "\n")))
	}
	for _, r := range p.Restart {
		t.print("%s %s has to be restarted: %s\n", t.paint(yellow, t.symbol("↻", "!!")), r.Unit, r.Why)
	}
	for _, r := range p.Run {
		t.print("$ %s\n", r)
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
	mark := t.yes()
	if c.State != "done" && c.State != "undone" {
		mark = t.no()
	}
	id := ""
	if c.ID != nil {
		id = "  (entry " + *c.ID + ")"
	}
	t.print("%s %s%s\n", mark, states[c.State], id)
	for _, l := range c.Left {
		t.print("  left alone: %s\n", l)
	}
}

var states = map[string]string{
	"none":        "nothing to change",
	"shown":       "not applied: repeat with --yes",
	"restart":     "not applied: it takes a restart, repeat with --allow-restart",
	"declined":    "not applied",
	"done":        "applied and verified",
	"rolled-back": "taken back: every file is as it was",
	"refused":     "refused, nothing was changed",
	"undone":      "rolled back: every file is as it was",
	"stuck":       "interrupted: the next apply, rollback or --fix finishes or undoes it",
}

// Undone prints what became of a rollback.
func (t *Terminal) Undone(c Change, reason string) {
	t.Changed(c)
	t.line("  was      ", reason)
	for _, u := range c.Restart {
		t.line("  restart  ", u+" still runs with the configuration that was taken back")
	}
}

// History is the document of the history command.
type History struct {
	Schema   string    `json:"schema"`
	Kind     string    `json:"kind"` // "history"
	Entries  []Entry   `json:"entries"`
	Findings []Finding `json:"findings"`
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
