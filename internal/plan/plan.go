// Package plan is files before and after: a change to a node as a value. It can
// be read, printed as a diff, saved as JSON, carried out and reversed. The
// package carries out nothing itself; apply does.
package plan

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Plan is everything that one command wants to change on a node. The changes
// happen in their order, and each is about the node as those before it leave it.
type Plan struct {
	Reason  string    `json:"reason"` // one line for the history: "doctor --fix ghcr.io/x/y:1"
	Changes []Change  `json:"changes"`
	Command []Command `json:"command,omitempty"` // what is run when the files are in place, before anything is restarted
	Restart []Restart `json:"restart,omitempty"` // what has to be restarted before the changes count
	Run     []string  `json:"run,omitempty"`     // what a person has to run; Towpath does not
	Owner   string    `json:"owner,omitempty"`   // whose desired state it is, "k3s": a later plan for that may take the files away; empty: no one's
}

// Command is a program of the node that makes something of the files, such as
// the bundle of a trust store, or that switches something on.
type Command struct {
	Do   []string `json:"do"`             // the program and its arguments
	Undo []string `json:"undo,omitempty"` // once the old files are back; harmless if Do was never run. Empty: nothing to do
	Why  string   `json:"why"`
}

// Change is one path before and after; nil means absent. With Moved set the
// path itself, file or directory, goes from Before.Path to After.Path and
// nothing inside it changes.
//
//	Before  After              what happens
//	nil     regular            a file is made, with the directories above it
//	nil     directory          a directory is made
//	nil     with a Link        a symbolic link is made; Data counts for nothing
//	any     nil                the path goes: a file, a link but not its target, an empty directory
//	Link    the same Link      the target of the link changes, the link stays
//	Link    another or none    the link itself is replaced
//
// What After leaves open stays as it is: a zero Mode (0644 for a new file, 0755
// for a new directory), nil Xattrs. A nil Xattrs in Before means that nobody
// looked. Times of After count for nothing: what changes is new.
type Change struct {
	Before *source.File `json:"before"`
	After  *source.File `json:"after"`
	Moved  bool         `json:"moved,omitempty"`
	Needs  Need         `json:"needs,omitempty"`
}

// Need is what has to happen before a change counts.
type Need string

// What a change may need. Live ones count at the next pull.
const (
	Nothing   Need = ""
	ByItself  Need = "watched" // its reader notices in a few seconds
	ByCommand Need = "command" // a program makes something of it first
	ByReload  Need = "reload"  // a service has to read it again
	ByRestart Need = "restart" // a service reads it at start alone
)

// Restart is a service that reads its configuration only when it starts.
type Restart struct {
	Unit   string `json:"unit"` // systemd unit, or the name of the process
	Why    string `json:"why"`
	Reload bool   `json:"reload,omitempty"` // it reads its files again without a restart, when it is told to
}

// Path is the path that the change is about: the new one of a move.
func (c Change) Path() string {
	switch {
	case c.After != nil:
		return c.After.Path
	case c.Before != nil:
		return c.Before.Path
	}
	return ""
}

// Through reports whether the change is about the target of a symbolic link
// that itself stays.
func (c Change) Through() bool {
	return !c.Moved && c.Before != nil && c.After != nil && c.Before.Link != "" &&
		c.Before.Link == c.After.Link && c.Before.Path == c.After.Path
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool {
	return len(p.Changes) == 0 && len(p.Restart) == 0 && len(p.Command) == 0
}

// Live reports whether the plan takes effect without a restart.
func (p Plan) Live() bool {
	return !slices.ContainsFunc(p.Restart, func(r Restart) bool { return !r.Reload })
}

// Reverse is the plan that undoes this one.
func (p Plan) Reverse() Plan {
	r := Plan{Reason: "undo: " + p.Reason, Restart: p.Restart, Run: p.Run}
	for _, c := range slices.Backward(p.Changes) {
		r.Changes = append(r.Changes, Change{Before: c.After, After: c.Before, Moved: c.Moved, Needs: c.Needs})
	}
	r.Command = Undoing(p.Command)
	return r
}

// Undoing is what takes commands back, the last of them first.
func Undoing(commands []Command) []Command {
	var out []Command
	for _, c := range slices.Backward(commands) {
		out = append(out, Command{Do: c.Undo, Undo: c.Do, Why: c.Why})
	}
	return out
}

// Diff is the plan that turns one set of files into another. Paths that only
// have holds go away, the deepest first, but for directories with something
// wanted in them; files that are equal on both sides do not appear. A wanted file without a mode keeps the mode, the owner and the
// attributes of the one that it replaces.
func Diff(have, want []source.File) Plan {
	var p Plan
	had, wanted, above := source.PlacesOf(have), source.PlacesOf(want), above(want)
	for i := range have {
		if wanted.Find(want, have[i].Path) == nil && !above[have[i].Path] {
			p.Changes = append(p.Changes, Change{Before: &have[i]})
		}
	}
	slices.SortStableFunc(p.Changes, func(a, b Change) int {
		return strings.Count(b.Before.Path, "/") - strings.Count(a.Before.Path, "/")
	})
	for i := range want {
		before, after := had.Find(have, want[i].Path), want[i]
		if before != nil && after.Mode == 0 {
			after.Mode, after.UID, after.GID, after.Xattrs = before.Mode, before.UID, before.GID, before.Xattrs
		}
		if before == nil || !same(*before, after) {
			p.Changes = append(p.Changes, Change{Before: before, After: &after})
		}
	}
	return p
}

// above are all paths that files lie below.
func above(files []source.File) map[string]bool {
	out := map[string]bool{}
	for _, f := range files {
		for i := range len(f.Path) {
			if f.Path[i] == '/' {
				out[f.Path[:i]] = true
			}
		}
	}
	return out
}

func same(a, b source.File) bool {
	return a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) && a.Mode == b.Mode &&
		a.UID == b.UID && a.GID == b.GID && a.Link == b.Link &&
		(b.Xattrs == nil || maps.EqualFunc(a.Xattrs, b.Xattrs, bytes.Equal))
}
