package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/source"
)

// List returns what a directory holds, sorted by name and without contents.
func (r *Root) List(dir string) ([]source.File, error) {
	fd, err := r.open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	d := os.NewFile(uintptr(fd), dir)
	defer d.Close()
	list, err := entries(d)
	if err != nil {
		return nil, err
	}
	out := make([]source.File, 0, len(list))
	for _, e := range list {
		if f, ok := r.Stat(path.Join("/", dir, e.Name())); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// entries lists an open directory by name.
func entries(d *os.File) ([]os.DirEntry, error) {
	list, err := d.ReadDir(maxEntries + 1)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(list) > maxEntries {
		return nil, fmt.Errorf("more than %d entries, not read", maxEntries)
	}
	slices.SortFunc(list, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Limits bound what Tree reads. Zero fields mean the defaults.
type Limits struct {
	Depth int               // directories below the first; 8
	Files int               // entries in all, directories too; 100,000
	Bytes int64             // contents in all; 256 MiB
	Skip  func(string) bool // paths whose content is not wanted; nil: all of it is
}

const (
	defaultDepth = 8
	defaultFiles = 100_000
	defaultBytes = 256 << 20
	maxEntries   = 1_000_000 // of one directory
)

// Tree reads a directory and everything below it, the directory itself first,
// then depth first by name. Links to directories are followed, as runtimes do,
// unless they lead to a directory they stand in. Where a limit ended the reading
// the directory has a Problem. A path with nothing there gives no entries.
func (r *Root) Tree(dir string, l Limits) []source.File {
	top, ok := r.ReadFile(dir)
	if !ok {
		return nil
	}
	t := &tree{root: r, skip: l.Skip, out: []source.File{top},
		depth: or(l.Depth, defaultDepth), files: or(l.Files, defaultFiles), bytes: or(l.Bytes, defaultBytes)}
	if top.Kind == source.Directory && top.Problem == "" {
		t.enter(r.open(dir, unix.O_RDONLY|unix.O_DIRECTORY))
	}
	return t.out
}

func or[T int | int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// tree is one walk of Tree.
type tree struct {
	root  *Root
	skip  func(string) bool
	depth int
	files int
	bytes int64
	above []inode // directories that are being walked, outermost first
	out   []source.File
}

type inode struct{ dev, ino uint64 }

// enter reads the directory that is the last entry so far, and closes fd.
func (t *tree) enter(fd int, err error) {
	at := len(t.out) - 1
	if err == nil {
		d := os.NewFile(uintptr(fd), t.out[at].Path)
		err = t.walk(d, fd)
		d.Close()
	}
	if err != nil {
		t.out[at] = problem(t.out[at], err)
	}
}

// walk lists an open directory and goes into what it holds.
func (t *tree) walk(d *os.File, fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	here := inode{st.Dev, st.Ino}
	if slices.Contains(t.above, here) {
		return errors.New("leads back to a directory that it stands in")
	}
	if len(t.above) > t.depth {
		return fmt.Errorf("deeper than %d directories, not read", t.depth)
	}
	list, err := entries(d)
	if err != nil {
		return err
	}
	t.above = append(t.above, here)
	defer func() { t.above = t.above[:len(t.above)-1] }()
	for _, e := range list {
		if len(t.out) >= t.files {
			return fmt.Errorf("more than %d files, the rest was not read", t.files)
		}
		t.add(fd, path.Join(d.Name(), e.Name()), e)
	}
	return nil
}

// add appends one entry of the directory dir, and what is below it. Plain files
// and directories, which most entries are, are opened relative to dir: that
// saves resolving their paths again and again.
func (t *tree) add(dir int, name string, e os.DirEntry) {
	want := inside
	if t.skip != nil && t.skip(name) {
		want = outside
	}
	if fd, st, ok := openEntry(dir, e); ok {
		f := describe(source.File{Path: name}, st)
		if f.Kind == source.Directory {
			t.out = append(t.out, f)
			t.enter(fd, nil)
			return
		}
		if f.Unread = want == outside; want == inside {
			f = fill(f, fd, st.Size, t.root.limit)
		}
		unix.Close(fd)
		t.keep(f)
		return
	}
	f, ok := t.root.file(name, want)
	if !ok {
		return // gone since it was listed
	}
	t.keep(f)
	if f.Kind == source.Directory && f.Problem == "" {
		t.enter(t.root.open(name, unix.O_RDONLY|unix.O_DIRECTORY))
	}
}

func (t *tree) keep(f source.File) {
	if t.bytes -= int64(len(f.Data)); t.bytes < 0 {
		f = problem(f, errors.New("the files before it are too large together, not read"))
	}
	t.out = append(t.out, f)
}

// openEntry opens an entry of a directory that is a plain file or a directory
// and that we may read. All others are left to the longer way.
func openEntry(dir int, e os.DirEntry) (int, *unix.Stat_t, bool) {
	flags := unix.O_RDONLY | unix.O_NOFOLLOW
	switch {
	case e.IsDir():
		flags |= unix.O_DIRECTORY
	case e.Type() != 0:
		return -1, nil, false
	}
	fd, err := retry(func() (int, error) { return unix.Openat(dir, e.Name(), guard(flags), 0) })
	if err != nil {
		return -1, nil, false
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil {
		if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFREG || kind == unix.S_IFDIR {
			return fd, &st, true
		}
	}
	unix.Close(fd)
	return -1, nil, false
}

// Glob returns the paths that match a pattern as filepath.Glob would inside the
// root: "*" and "?" do not match slashes, directories that cannot be read have
// no members. A malformed pattern is an error.
func (r *Root) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("pattern %s: %w", pattern, err)
	}
	found := []string{"/"}
	for _, part := range strings.Split(path.Join("/", pattern), "/")[1:] {
		var next []string
		for _, dir := range found {
			next = append(next, r.match(dir, part)...)
		}
		found = next
	}
	return found, nil
}

// match returns the members of a directory whose names match one part of a pattern.
func (r *Root) match(dir, part string) []string {
	if !strings.ContainsAny(part, `*?[\`) {
		if _, ok := r.Stat(path.Join(dir, part)); ok {
			return []string{path.Join(dir, part)}
		}
		return nil
	}
	fd, err := r.open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	d := os.NewFile(uintptr(fd), dir)
	defer d.Close()
	list, err := entries(d)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range list {
		if ok, _ := path.Match(part, e.Name()); ok {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

// names lists an open directory in no order and closes it.
func names(fd int) []string {
	d := os.NewFile(uintptr(fd), "")
	defer d.Close()
	list, _ := d.Readdirnames(maxEntries)
	return list
}
