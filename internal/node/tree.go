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
		t.enter(0)
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

// enter reads the directory that is entry number at.
func (t *tree) enter(at int) {
	if err := t.walk(t.out[at].Path); err != nil {
		t.out[at] = problem(t.out[at], err)
	}
}

// walk lists a directory and goes into what it holds.
func (t *tree) walk(dir string) error {
	fd, err := t.root.open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	d := os.NewFile(uintptr(fd), dir)
	defer d.Close()
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
		t.add(fd, path.Join(dir, e.Name()), e)
	}
	return nil
}

// add appends one entry of the directory fd.
func (t *tree) add(fd int, name string, e os.DirEntry) {
	want := inside
	if t.skip != nil && t.skip(name) {
		want = outside
	}
	f, ok := t.near(fd, name, e, want)
	if !ok {
		f, ok = t.root.file(name, want)
	}
	if !ok {
		return // gone since it was listed
	}
	if t.bytes -= int64(len(f.Data)); t.bytes < 0 {
		f = problem(f, errors.New("the files before it are too large together, not read"))
	}
	t.out = append(t.out, f)
	if f.Kind == source.Directory && f.Problem == "" {
		t.enter(len(t.out) - 1)
	}
}

// near reads a plain file relative to its directory, which is what most
// entries are: it saves resolving the path twice more.
func (t *tree) near(dir int, name string, e os.DirEntry, want look) (source.File, bool) {
	f := source.File{Path: name}
	if e.Type() != 0 || want == outside {
		return f, false
	}
	fd, err := retry(func() (int, error) { return unix.Openat(dir, e.Name(), guard(unix.O_RDONLY|unix.O_NOFOLLOW), 0) })
	if err != nil {
		return f, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return f, false
	}
	return fill(describe(f, &st), fd, st.Size, t.root.limit), true
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
