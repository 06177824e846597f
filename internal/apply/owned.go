package apply

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"github.com/towpath-dev/towpath/internal/source"
)

// Owned is a path that plans with an owner have made or changed, and that is still
// theirs.
type Owned struct {
	Path  string       // without symbolic links
	Base  *source.File // as it was before the first of them; nil: absent, so all of it is ours
	Last  *source.File // as Towpath left it
	Owner string       // of the last of them
}

// Ours lists the paths that a node has of plans with an owner, the oldest first.
// What was rolled back is no longer theirs, nor what a plan has put back as it
// was. Entries that cannot be read are in the error, ErrJournal.
func Ours(site Site) ([]Owned, error) {
	o, err := site.open()
	if err != nil {
		return nil, err
	}
	defer o.close()
	all, err := o.journal.scan()
	if err != nil {
		return nil, err
	}
	var list property
	var errs []error
	taken := takenBack(all)
	for _, r := range all {
		switch {
		case r.problem != nil:
			errs = append(errs, r.problem)
		case r.Root != o.mark || r.state() != Done || slices.Contains(taken, r.ID):
		case r.Undoes != "" && slices.Contains(taken, r.Undoes):
		default:
			for _, s := range r.Steps {
				list.take(s, r.Owner)
			}
		}
	}
	return list.files(), errors.Join(errs...)
}

// property is the paths that are ours as one entry after the other leaves them.
type property []estate

type estate struct {
	path       string
	base, last *object
	owner      string
}

// take adds a step. One of a plan that owns nothing, a repair say, changes what
// is ours and makes nothing ours.
func (p *property) take(s step, owner string) {
	at := slices.IndexFunc(*p, func(e estate) bool { return e.path == s.Path })
	if s.To != "" {
		for i, e := range *p {
			if rest, inside := below(e.path, s.Path); inside {
				(*p)[i].path = s.To + rest
			}
		}
		return
	}
	if at < 0 {
		if owner == "" {
			return
		}
		*p = append(*p, estate{s.Path, s.Old, s.New, owner})
		at = len(*p) - 1
	}
	e := &(*p)[at]
	e.last = s.New
	e.owner = cmp.Or(owner, e.owner)
	if differs(e.base, e.last) == "" {
		*p = slices.Delete(*p, at, at+1) // as it was before us
	}
}

func (p property) files() []Owned {
	var out []Owned
	for _, e := range p {
		out = append(out, Owned{e.path, e.base.file(e.path), e.last.file(e.path), e.owner})
	}
	return out
}

// file is an object as plans know it; nil for nothing.
func (o *object) file(name string) *source.File {
	if o == nil {
		return nil
	}
	f := &source.File{Path: name, Data: o.Data, Mode: fs.FileMode(o.Mode & 0o777), UID: o.UID, GID: o.GID, ModTime: o.Time, Link: o.Target, Xattrs: o.Xattrs}
	switch o.Shape {
	case directory:
		f.Kind = source.Directory
	case link:
		f.Kind = source.Dangling
	case other:
		f.Kind = source.Special
	}
	return f
}
