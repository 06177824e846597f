package apply

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A file may have several names. A change replaces what stands at one of them,
// as it should: the others are not in the plan. But when the file comes back, it
// is to be the same file as the others again.

// identity is a file whatever its name.
type identity struct{ dev, number uint64 }

// maxNames bounds how many paths are looked at for further names.
const maxNames = 20_000

// twins finds further names of files, below one directory of the root.
type twins struct {
	tree  *tree
	found map[string]map[identity][]string // by the directory
}

// of is another name of a file, as the steps so far leave it; empty when none is
// found.
func (t *twins) of(v *view, name string, o *object) string {
	if o == nil || o.Shape != file || o.links < 2 {
		return ""
	}
	top := "/" + strings.SplitN(strings.TrimPrefix(name, "/"), "/", 2)[0]
	if top == path.Clean(name) {
		return ""
	}
	if t.found == nil {
		t.found = map[string]map[identity][]string{}
	}
	if t.found[top] == nil {
		s := search{tree: t.tree, names: map[identity][]string{}}
		s.walk(top)
		t.found[top] = s.names
	}
	for _, disk := range t.found[top][o.inode] {
		for _, now := range v.names(disk) {
			if got, err := v.at(now); err == nil && now != name && got != nil && got.inode == o.inode {
				return now
			}
		}
	}
	return ""
}

// names are where what stands at a path of the disk may be after the steps so far.
func (v *view) names(disk string) []string {
	out := []string{disk}
	for name, p := range v.placed {
		if rest, ok := below(disk, p.disk); ok && p.disk != "" {
			out = append(out, name+rest)
		}
	}
	return out
}

// search collects the files with several names.
type search struct {
	tree  *tree
	names map[identity][]string
	seen  int
}

func (s *search) walk(dir string) {
	d, err := s.tree.open(dir)
	if err != nil {
		return
	}
	defer d.close()
	inside, err := s.tree.list(dir)
	if err != nil {
		return
	}
	for _, name := range inside {
		if s.seen++; s.seen > maxNames {
			return
		}
		st, err := d.stat(name)
		switch {
		case err != nil:
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			s.walk(path.Join(dir, name))
		case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink > 1:
			at := identity{uint64(st.Dev), st.Ino}
			s.names[at] = append(s.names[at], path.Join(dir, name))
		}
	}
}

// stageTwin gives an object that comes back the file that its other name still
// is. It reports whether it could.
func (d *dir) stageTwin(name string, o *object) (bool, error) {
	if o.Twin == "" || o.Shape != file {
		return false, nil
	}
	from, err := d.tree.open(path.Dir(o.Twin))
	if err != nil {
		return false, nil // it is gone, so the file is made anew
	}
	defer from.close()
	got, err := from.look(path.Base(o.Twin))
	if err != nil || got == nil || differs(o, got) != "" {
		return false, nil
	}
	c := from.call("link", path.Base(o.Twin))
	c.To = d.full(name)
	err = d.change(c, func() error { return unix.Linkat(from.fd, path.Base(o.Twin), d.fd, name, 0) })
	for _, cannot := range []error{unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.EMLINK, unix.EXDEV, fs.ErrNotExist} {
		if errors.Is(err, cannot) {
			return false, nil
		}
	}
	return err == nil, err
}
