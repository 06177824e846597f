package apply

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// step is one change of one path, from one complete state to another. Whatever
// happens, the path is in one of the two.
type step struct {
	Path  string  `json:"path"`
	To    string  `json:"to,omitempty"`    // of a move: the new path
	Extra bool    `json:"extra,omitempty"` // a directory that nobody asked for: it goes only when empty
	Old   *object `json:"old"`             // before; of a move: what moves
	New   *object `json:"new"`             // afterwards
}

// names are the two names beside a path that a step may use: staged holds what
// is going to be there, spare what was there, so that a full disk cannot keep
// us from putting it back. All names of a run start alike.
type names struct{ run, staged, spare string }

func namesOf(token string, index int) names {
	run := ".towpath-" + token + "-"
	at := run + strconv.Itoa(index)
	return names{run: run, staged: at + ".new", spare: at + ".old"}
}

// do carries the step out and tells where it put aside what stood at the path.
// It refuses when the path is not as it should be.
func (s step) do(t *tree, n names) (aside string, err error) {
	if s.To != "" {
		return s.To, s.move(t)
	}
	d, err := t.open(path.Dir(s.Path))
	if err != nil {
		return "", err
	}
	defer d.close()
	base := path.Base(s.Path)
	got, err := d.look(base)
	if err != nil {
		return "", err
	}
	if s.Extra && s.Old != nil && (got == nil || got.Shape != directory) {
		return "", nil
	}
	if what := s.differs(s.Old, got); what != "" {
		return "", drift(s.Path, what)
	}
	if s.New == nil {
		aside, err = s.remove(d, base, n)
	} else {
		err = s.replace(d, base, n)
	}
	if err != nil {
		return "", explained(err, s.Path)
	}
	return aside, d.sync()
}

func (s step) replace(d *dir, base string, n names) error {
	if err := d.stage(n.staged, n.run, s.New); err != nil {
		return err
	}
	if s.Old == nil {
		return d.move(n.staged, d, base)
	}
	if err := d.link(base, n.spare); err != nil {
		return err
	}
	return d.rename(n.staged, base)
}

// remove puts a path aside. A directory goes with the spare files of this run
// that are in it; with anything else in it, it stays.
func (s step) remove(d *dir, base string, n names) (aside string, err error) {
	if s.Old.Shape == directory {
		inside, err := d.list(s.Path)
		if err != nil {
			return "", err
		}
		foreign := slices.IndexFunc(inside, func(name string) bool { return !strings.HasPrefix(name, n.run) })
		switch {
		case foreign >= 0 && s.Extra:
			return "", nil
		case foreign >= 0:
			return "", drift(s.Path, "it is not empty, there is "+inside[foreign])
		}
	}
	return d.full(n.spare), d.rename(base, n.spare)
}

// undo puts the path back, whether the step was done, half done or not begun.
// What is neither the old nor the new state was made by somebody else: it stays,
// and left says so.
func (s step) undo(t *tree, n names) (left string, err error) {
	if s.To != "" {
		return s.moveBack(t)
	}
	d, err := t.open(path.Dir(s.Path))
	if isAbsent(err) {
		if s.Old == nil {
			return "", nil
		}
		return "the directory above it is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer d.close()
	base := path.Base(s.Path)
	got, err := d.look(base)
	if err != nil {
		return "", err
	}
	left = s.differs(s.Old, got)
	if left != "" {
		if left = s.differs(s.New, got); left == "" {
			left, err = s.putBack(d, base, n)
		}
	}
	if err != nil {
		return "", explained(err, s.Path)
	}
	if _, err := tidy(d, n); err != nil {
		return "", err
	}
	return left, d.sync()
}

// putBack restores the old state over the new one.
func (s step) putBack(d *dir, base string, n names) (left string, err error) {
	switch {
	case s.Old == nil && s.New.Shape == directory:
		err := d.rmdir(base)
		if !errors.Is(err, unix.ENOTEMPTY) {
			return "", err
		}
		if s.Extra {
			return "", nil
		}
		return "the directory is no longer empty", nil
	case s.Old == nil:
		return "", d.unlink(base)
	}
	from := n.spare
	spare, err := d.look(n.spare)
	if err != nil {
		return "", err
	}
	if spare == nil || differs(s.Old, spare) != "" {
		from = n.staged
		if err := d.stage(from, n.run, s.Old); err != nil {
			return "", err
		}
	}
	if s.New == nil {
		return "", d.move(from, d, base)
	}
	return "", d.rename(from, base)
}

// differs compares as the package's does, but of a directory that nobody asked
// for only that it is there counts.
func (s step) differs(want, got *object) string {
	if s.Extra && want != nil && got != nil && want.Shape == got.Shape {
		return ""
	}
	return differs(want, got)
}

// below tells whether a path is another or lies under it, and gives the rest.
func below(name, top string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, top)
	return rest, ok && (rest == "" || rest[0] == '/')
}

func drift(name, what string) error { return fmt.Errorf("%s: %s: %w", name, what, ErrDrift) }
