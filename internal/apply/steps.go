package apply

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// steps turns a plan into steps on the tree as it is now. It is here that
// drift is found: everything that differs is named, and nothing is written.
func steps(t *tree, p plan.Plan) ([]step, error) {
	l := list{view: newView(t), twins: twins{tree: t}}
	var errs []error
	for _, c := range p.Changes {
		if err := l.change(c); err != nil {
			errs = append(errs, err)
		}
	}
	return l.steps, errors.Join(errs...)
}

// list collects steps.
type list struct {
	view  *view
	twins twins
	steps []step
}

func (l *list) add(s step) {
	l.view.take(s)
	l.steps = append(l.steps, s)
}

func (l *list) change(c plan.Change) error {
	switch {
	case c.Moved:
		return l.move(*c.Before, *c.After)
	case c.Through():
		return l.through(*c.Before, *c.After)
	case c.Before != nil && c.After != nil && c.Before.Path != c.After.Path:
		if err := l.replace(c.After.Path, nil, c.After); err != nil {
			return err
		}
		return l.replace(c.Before.Path, c.Before, nil)
	}
	return l.replace(c.Path(), c.Before, c.After)
}

// replace is a change of what stands at a path itself.
func (l *list) replace(name string, before, after *source.File) error {
	at, old, err := l.find(name, before)
	if err != nil {
		return err
	}
	if twin := l.twins.of(l.view, at, old); twin != "" {
		kept := *old
		kept.Twin = twin
		old = &kept
	}
	s := step{Path: at, Old: old}
	if after != nil {
		s.New = wanted(*after, old)
		if old != nil && differs(s.New, old) == "" {
			return nil
		}
		if s.New.Shape == directory && old != nil {
			return fmt.Errorf("%s: a directory's mode and owner are not changed", name)
		}
		if err := l.parents(at); err != nil {
			return err
		}
	}
	l.add(s)
	return nil
}

// through is a change of the target of a link that stays.
func (l *list) through(before, after source.File) error {
	_, _, err := l.find(before.Path, &before)
	if err != nil {
		return err
	}
	target, err := l.view.resolve(before.Path, true)
	if err != nil {
		return err
	}
	before.Path, before.Link, after.Path, after.Link = target, "", target, ""
	old := &before
	if before.Kind == source.Dangling {
		old = nil
	}
	if after.Kind == source.Dangling {
		return nil // no target before and none afterwards
	}
	return l.replace(target, old, &after)
}

func (l *list) move(before, after source.File) error {
	from, old, err := l.find(before.Path, &before)
	if err != nil {
		return err
	}
	to, _, err := l.find(after.Path, nil)
	if err != nil {
		return err
	}
	if _, inside := below(to, from); inside {
		return fmt.Errorf("%s: a directory cannot move into itself, %s", from, to)
	}
	if err := l.parents(to); err != nil {
		return err
	}
	l.add(step{Path: from, To: to, Old: old, New: old})
	return nil
}

// find resolves a path and refuses drift: what stands there has to be as it was
// when the plan was made.
func (l *list) find(name string, before *source.File) (string, *object, error) {
	at, err := l.view.resolve(name, false)
	if err != nil {
		return "", nil, err
	}
	got, err := l.view.at(at)
	if err != nil {
		return "", nil, err
	}
	var want *object
	if before != nil {
		want = seen(*before, got)
	}
	if what := differs(want, got); what != "" {
		return "", nil, drift(name, what)
	}
	return at, got, nil
}

// parents adds the directories that are missing above a path.
func (l *list) parents(name string) error {
	up := path.Dir(name)
	got, err := l.view.at(up)
	switch {
	case err != nil:
		return err
	case got == nil:
		if err := l.parents(up); err != nil {
			return err
		}
		l.add(step{Path: up, Extra: true, New: &object{Shape: directory, Mode: 0o755, UID: os.Geteuid(), GID: os.Getegid()}})
	case got.Shape != directory:
		return fmt.Errorf("%s: %s is a %s, not a directory", name, up, got.Shape)
	}
	return nil
}

// seen is what a file of a plan says about the disk. What it cannot say is
// taken from the disk: special mode bits, attributes that nobody looked at, and
// of a link all but its target.
func seen(f source.File, got *object) *object {
	if f.Link != "" {
		o := object{Shape: link}
		if got != nil && got.Shape == link {
			o = *got
		}
		o.Target = f.Link
		return &o
	}
	o := &object{Shape: file, Data: f.Data, Mode: uint32(f.Mode.Perm()), UID: f.UID, GID: f.GID, Xattrs: maps.Clone(f.Xattrs)}
	maps.DeleteFunc(o.Xattrs, func(name string, _ []byte) bool { return computed(name) })
	if f.Kind == source.Directory {
		o.Shape, o.Data = directory, nil
	}
	if got != nil {
		o.Mode |= got.Mode &^ 0o777
	}
	return o
}

// wanted is what a plan wants in the place of old. What it leaves open comes
// from old, and without one from convention: 0644, 0755, and the user who runs
// Towpath for an owner where that is not root.
func wanted(f source.File, old *object) *object {
	o := seen(f, nil)
	fresh := old == nil || old.Shape != o.Shape
	switch {
	case o.Shape == link && !fresh:
		*o = *old
		o.Target = f.Link
	case o.Mode == 0 && !fresh:
		o.Mode = old.Mode
	case o.Mode == 0 && o.Shape == directory:
		o.Mode = 0o755
	case o.Mode == 0:
		o.Mode = 0o644
	}
	if fresh && o.UID == 0 && o.GID == 0 {
		o.UID, o.GID = os.Geteuid(), os.Getegid()
	}
	if !fresh {
		o.Mode |= old.Mode &^ 0o777
		if o.Xattrs == nil {
			o.Xattrs = withMode(old.Xattrs, o.Mode)
		}
	}
	o.Time = time.Time{}
	return o
}

// accessList is the attribute that holds a POSIX access control list: a
// version of four bytes, then entries of a tag, permissions and an id.
const accessList = "system.posix_acl_access"

// withMode is attributes as they are after a chmod: the kernel keeps the access
// control list in step with the mode.
func withMode(attrs map[string][]byte, mode uint32) map[string][]byte {
	acl := attrs[accessList]
	if len(acl) < 4 {
		return attrs
	}
	const owner, group, mask, others = 0x01, 0x04, 0x10, 0x20
	bits := map[uint16]uint32{owner: mode >> 6, group: mode >> 3, others: mode}
	out := append([]byte(nil), acl...)
	for at := 4; at+8 <= len(out); at += 8 {
		if binary.LittleEndian.Uint16(out[at:]) == mask {
			delete(bits, group)
			bits[mask] = mode >> 3
		}
	}
	for at := 4; at+8 <= len(out); at += 8 {
		if perm, ok := bits[binary.LittleEndian.Uint16(out[at:])]; ok {
			binary.LittleEndian.PutUint16(out[at+2:], uint16(perm&7))
		}
	}
	attrs = maps.Clone(attrs)
	attrs[accessList] = out
	return attrs
}
