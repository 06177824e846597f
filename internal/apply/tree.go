package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a directory that stands for "/". Paths in it are absolute, clean and
// without symbolic links: nothing here follows one, so nothing gets out. What
// the user wrote is turned into such a path by view.resolve.
type tree struct {
	fd     int
	name   string           // how the outside calls it; empty for "/"
	before func(call) error // sees every changing system call first; only tests set it
}

// call is a system call that changes something. An error from tree.before
// takes its place.
type call struct {
	Op       string
	Path, To string // as the outside calls them
	Data     []byte
	Offset   int64
	Mode     uint32
	UID, GID int
	Attr     string
	Time     time.Time
}

func openTree(dir string, before func(call) error) (*tree, error) {
	if dir == "" {
		dir = "/"
	}
	fd, err := retry(func() (int, error) { return unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &tree{fd: fd, name: strings.TrimRight(dir, "/"), before: before}, nil
}

func (t *tree) close() { _ = unix.Close(t.fd) }

// change makes one system call that changes something.
func (t *tree) change(c call, f func() error) error {
	c.Path = t.name + c.Path
	if c.To != "" {
		c.To = t.name + c.To
	}
	err := error(nil)
	if t.before != nil {
		err = t.before(c)
	}
	if err == nil {
		_, err = retry(func() (int, error) { return 0, f() })
	}
	switch {
	case err == nil:
		return nil
	case c.To != "":
		return &os.LinkError{Op: c.Op, Old: c.Path, New: c.To, Err: err}
	}
	return &fs.PathError{Op: c.Op, Path: c.Path, Err: err}
}

// dir is an open directory of a tree.
type dir struct {
	*tree
	fd   int
	path string
}

// open opens a directory. It fails on a symbolic link anywhere in the path.
func (t *tree) open(name string) (*dir, error) {
	const flags = unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := openAt(t.fd, ".", unix.O_PATH|flags)
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		up := fd
		if fd, err = -1, unix.EINVAL; part != ".." {
			fd, err = openAt(up, part, unix.O_PATH|flags)
		}
		_ = unix.Close(up)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: t.name + name, Err: err}
	}
	// Only a readable directory can be synced; to look around, a searchable one will do.
	if readable, err := openAt(fd, ".", unix.O_RDONLY|flags); err == nil {
		_ = unix.Close(fd)
		fd = readable
	}
	return &dir{tree: t, fd: fd, path: name}, nil
}

func (d *dir) close() { _ = unix.Close(d.fd) }

// full is the path of a name in the directory.
func (d *dir) full(name string) string { return path.Join(d.path, name) }

// look reads what stands at a path. It opens no special file.
func (t *tree) look(name string) (*object, error) {
	d, err := t.open(path.Dir(name))
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.look(path.Base(name))
}

// list names what is in a directory; an absent one is empty.
func (t *tree) list(name string) ([]string, error) {
	d, err := t.open(name)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	fd, err := openAt(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: t.name + name, Err: err}
	}
	f := os.NewFile(uintptr(fd), t.name+name)
	defer f.Close()
	return f.Readdirnames(-1)
}

// isAbsent tells that a directory on the way is not there, or is no directory.
func isAbsent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

func openAt(fd int, name string, flags int) (int, error) {
	return retry(func() (int, error) { return unix.Openat(fd, name, flags, 0) })
}

// retry repeats a call that a signal interrupted.
func retry(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// explained adds to an error what the person at the keyboard can know of it.
func explained(err error, path string) error {
	_, renaming := errors.AsType[*os.LinkError](err)
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w: %s is a mount of its own, which cannot be replaced as a whole", err, path)
	case errors.Is(err, unix.EXDEV):
		return fmt.Errorf("%w: a move stays on one file system", err)
	case renaming && errors.Is(err, unix.EPERM) && os.Geteuid() == 0:
		return fmt.Errorf("%w: %s may be immutable, as lsattr would show", err, path)
	}
	return err
}
