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
	Effects   []Effect `json:"effects"`  // what each change needs before it counts
	Commands  []string `json:"commands"` // what is run when the files are in place
	Restart   []string `json:"restart"`  // units that have to be restarted
	Run       []string `json:"run"`      // what a person has to run besides
	Cures     []string `json:"cures"`    // codes of the findings that this is for
	Verified  *string  `json:"verified"` // by what it was proven; null: there was nothing to prove it by
	Error     *string  `json:"error"`
	Left      []string `json:"left"`      // paths that somebody else changed
	Recovered []string `json:"recovered"` // entries of interrupted changes that were taken back first
}

// Effect is one change of a plan and what it takes until it counts.
type Effect struct {
	Path  string `json:"path"`
	What  string `json:"what"`  // "create", "change", "remove", "move"
	Needs string `json:"needs"` // "nothing", "watched", "reload", "restart", "command"
}

func effect(c plan.Change) Effect {
	e := Effect{Path: c.Path(), What: "change", Needs: string(c.Needs)}
	switch {
	case c.Moved:
		e.What = "move"
	case c.Before == nil:
		e.What = "create"
	case c.After == nil:
		e.What = "remove"
	}
	if e.Needs == "" {
		e.Needs = "nothing"
	}
	return e
}

// Leave notes commands that a person has to run.
func (c *Change) Leave(commands [][]string) {
	for _, args := range commands {
		c.Run = append(c.Run, strings.Join(args, " "))
	}
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
		State: "none", Reason: text(p.Reason), Diff: p.Unified(), Files: []string{}, Effects: []Effect{}, Commands: []string{}, Restart: []string{}, Run: append([]string{}, p.Run...),
		Cures: []string{}, Left: []string{}, Recovered: []string{},
	}
	for _, x := range p.Changes {
		c.Files = append(c.Files, x.Path())
		c.Effects = append(c.Effects, effect(x))
	}
	for _, x := range p.Command {
		c.Commands = append(c.Commands, strings.Join(x.Do, " "))
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
	t.effects(p)
	for _, c := range p.Command {
		t.print("%s %s is run: %s\n", t.paint(yellow, t.symbol("▸", ">")), strings.Join(c.Do, " "), c.Why)
	}
	for _, r := range p.Restart {
		what := "has to be restarted"
		if r.Reload {
			what = "is reloaded"
		}
		t.print("%s %s %s: %s\n", t.paint(yellow, t.symbol("↻", "!!")), r.Unit, what, r.Why)
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

// effects tells when changes count: in one line when all do at once, else one
// for each.
func (t *Terminal) effects(p plan.Plan) {
	live := !slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.Needs != plan.Nothing })
	if live && len(p.Restart) == 0 && len(p.Changes) > 0 {
		t.print("takes effect at the next pull, without a restart\n")
		return
	}
	if live {
		return // a plan that does not tell
	}
	for _, c := range p.Changes {
		t.print("  %s %s\n", pad(effects[c.Needs], 21), c.Path())
	}
}

var effects = map[plan.Need]string{
	plan.Nothing:   "at the next pull",
	plan.ByItself:  "in a few seconds",
	plan.ByReload:  "after a reload",
	plan.ByRestart: "after a restart",
	plan.ByCommand: "after the command",
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
	if c.State == "done" || c.State == "undone" {
		for _, r := range c.Run {
			t.print("  run there: %s\n", r)
		}
	}
}

var states = map[string]string{
	"none":        "nothing to change",
	"faulty":      "not applied: the runtime would not read these files as they are meant",
	"shown":       "not applied: repeat with --yes",
	"lossy":       "not applied: something would get lost; --allow-loss goes on without it",
	"would":       "a dry run: nothing was changed",
	"unmanaged":   "not applied: it takes a restart that towpath cannot make",
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
