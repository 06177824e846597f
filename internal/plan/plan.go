// Package plan is files before and after: a change to a node as a value. It can
// be read, printed as a diff, saved as a journal entry, carried out and
// reversed. The package carries out nothing itself; apply does.
package plan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/towpath-dev/towpath/internal/source"
)

// Plan is everything that one command wants to change on a node.
type Plan struct {
	Reason  string    `json:"reason"` // one line for the history: "doctor --fix ghcr.io/x/y:1"
	Changes []Change  `json:"changes"`
	Restart []Restart `json:"restart,omitempty"` // what has to be restarted before the changes count
	Run     []string  `json:"run,omitempty"`     // what a person has to run; Towpath does not
}

// Change is one path before and after; nil means absent. With Moved set the
// path itself, file or directory, goes from Before.Path to After.Path and
// nothing inside it changes.
type Change struct {
	Before *source.File `json:"before"`
	After  *source.File `json:"after"`
	Moved  bool         `json:"moved,omitempty"`
}

// Restart is a service that reads its configuration only when it starts.
type Restart struct {
	Unit string `json:"unit"` // systemd unit, or the name of the process
	Why  string `json:"why"`
}

// Path is the path that the change is about: the new one of a move.
func (c Change) Path() string {
	if c.After != nil {
		return c.After.Path
	}
	return c.Before.Path
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// Live reports whether the plan takes effect without a restart.
func (p Plan) Live() bool { return len(p.Restart) == 0 }

// Reverse is the plan that undoes this one.
func (p Plan) Reverse() Plan {
	r := Plan{Reason: "undo: " + p.Reason, Restart: p.Restart, Run: p.Run}
	for _, c := range slices.Backward(p.Changes) {
		r.Changes = append(r.Changes, Change{Before: c.After, After: c.Before, Moved: c.Moved})
	}
	return r
}

// Diff is the plan that turns one set of files into another. Paths that only
// have holds go away; files that are equal on both sides do not appear.
func Diff(have, want []source.File) Plan {
	var p Plan
	for i := range have {
		if source.Find(want, have[i].Path) == nil {
			p.Changes = append(p.Changes, Change{Before: &have[i]})
		}
	}
	for i := range want {
		before := source.Find(have, want[i].Path)
		if before == nil || !same(*before, want[i]) {
			p.Changes = append(p.Changes, Change{Before: before, After: &want[i]})
		}
	}
	return p
}

func same(a, b source.File) bool {
	return a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) && a.Mode == b.Mode &&
		a.UID == b.UID && a.GID == b.GID && a.Link == b.Link && maps.EqualFunc(a.Xattrs, b.Xattrs, bytes.Equal)
}

// FromEdits is the plan that carries out edits on the files given. Every file
// that an edit names and that exists has to be among them.
func FromEdits(have []source.File, edits []source.Edit) (Plan, error) {
	var p Plan
	byFile := map[string][]source.Edit{}
	var order []string
	for _, e := range edits {
		switch e.Op {
		case source.Create:
			if source.Find(have, e.File) != nil {
				return Plan{}, fmt.Errorf("create %s: it exists", e.File)
			}
			mode := e.Mode
			if mode == 0 {
				mode = 0o644
			}
			p.Changes = append(p.Changes, Change{After: &source.File{Path: e.File, Data: []byte(e.New), Mode: mode}})
		case source.Remove:
			f := source.Find(have, e.File)
			if f == nil {
				return Plan{}, fmt.Errorf("remove %s: it is not there", e.File)
			}
			p.Changes = append(p.Changes, Change{Before: f})
		case source.Rename:
			f := source.Find(have, e.File)
			if f == nil {
				return Plan{}, fmt.Errorf("rename %s: it is not there", e.File)
			}
			to := *f
			to.Path = e.To
			p.Changes = append(p.Changes, Change{Before: f, After: &to, Moved: true})
		default:
			if byFile[e.File] == nil {
				order = append(order, e.File)
			}
			byFile[e.File] = append(byFile[e.File], e)
		}
	}
	for _, path := range order {
		f := source.Find(have, path)
		if f == nil {
			return Plan{}, fmt.Errorf("edit %s: it is not there", path)
		}
		data, err := source.Apply(f.Data, byFile[path])
		if err != nil {
			return Plan{}, err
		}
		after := *f
		after.Data = data
		p.Changes = append(p.Changes, Change{Before: f, After: &after})
	}
	return p, nil
}
