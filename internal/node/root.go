package node

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Root is a file tree in which every path is resolved as after a chroot:
// absolute links restart at the tree's own root and ".." stops there, so nothing
// outside of it is ever opened. A path may be written with or without its first
// slash. Methods that read a user's file do not fail: what went wrong stands in
// the Problem of the file.
type Root struct {
	name  string
	fd    int   // O_PATH
	limit int64 // bytes of one file
	walks bool  // the kernel cannot resolve inside a root, so we do
}

// MaxFile is how much of one file is read unless Limit says otherwise. Bytes.
const MaxFile = 16 << 20

// OpenRoot opens the tree under a directory: "/" for this machine, the argument
// of --root for another. The caller closes it.
func OpenRoot(dir string) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", dir, err)
	}
	fd, err := retry(func() (int, error) {
		return unix.Open(abs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", dir, err)
	}
	return newRoot(abs, fd), nil
}

func newRoot(name string, fd int) *Root {
	r := &Root{name: name, fd: fd, limit: MaxFile}
	probe, err := openInRoot(fd, ".", unix.O_PATH)
	if err != nil {
		r.walks = true // before Linux 5.6, or a seccomp profile that does not know openat2
		return r
	}
	unix.Close(probe)
	return r
}

// Close gives the tree back. Files that were read stay valid.
func (r *Root) Close() error {
	if err := unix.Close(r.fd); err != nil {
		return fmt.Errorf("close root %s: %w", r.name, err)
	}
	return nil
}

// Name is the directory by which the tree is reached from outside.
func (r *Root) Name() string { return r.name }

// Limit sets how many bytes of one file are read; a longer file is a Problem.
func (r *Root) Limit(bytes int64) { r.limit = bytes }

// Process opens the file system of a process as the process sees it, through
// the tree's own procfs.
func (r *Root) Process(pid int) (*Root, error) {
	name := filepath.Join(r.name, "proc", strconv.Itoa(pid), "root")
	fd, err := r.openLink(path.Join("/proc", strconv.Itoa(pid)), "root", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	p := newRoot(name, fd)
	p.limit = r.limit
	return p, nil
}

// openLink opens what a link of procfs stands for. Those links are no paths: the
// kernel jumps to the object itself, be it deleted or in another mount
// namespace. Anywhere but on a real procfs they are links like all others.
func (r *Root) openLink(dir, link string, flags int) (int, error) {
	at, err := r.open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(at, &fs); err != nil {
		return -1, err
	}
	if fs.Type != unix.PROC_SUPER_MAGIC {
		return r.open(path.Join(dir, link), flags)
	}
	return retry(func() (int, error) { return unix.Openat(at, link, guard(flags), 0) })
}

// open opens a path inside the tree; the caller closes the descriptor.
func (r *Root) open(name string, flags int) (int, error) {
	if r.walks {
		return r.walkOpen(name, flags)
	}
	return openInRoot(r.fd, name, flags)
}

func openInRoot(fd int, name string, flags int) (int, error) {
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: uint64(guard(flags)), Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	return retry(func() (int, error) { return unix.Openat2(fd, name, &how) })
}

// guard adds the flags that keep an open from blocking on a pipe, taking a
// terminal or leaking into a child. With O_PATH openat2 refuses all but the last,
// and directories need no more.
func guard(flags int) int {
	if flags&(unix.O_PATH|unix.O_DIRECTORY) != 0 {
		return flags | unix.O_CLOEXEC
	}
	return flags | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
}

// retry repeats a call that a signal interrupted, or that lost a race against a
// rename while it resolved "..".
func retry(call func() (int, error)) (int, error) {
	for n := 0; ; n++ {
		fd, err := call()
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) && n < 100 {
			continue
		}
		return fd, err
	}
}

// Open opens a regular file to be read in parts. The caller closes it.
func (r *Root) Open(name string) (*os.File, error) {
	fd, err := r.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Real resolves a path, links and all, and returns where it lies seen from
// outside the tree. The path has to exist.
func (r *Root) Real(name string) (string, error) {
	w, err := r.walk(name, true)
	if err != nil {
		return "", &os.PathError{Op: "resolve", Path: name, Err: err}
	}
	defer w.close()
	return filepath.Join(r.name, w.path()), nil
}

// link reads a symbolic link without following it.
func (r *Root) link(name string) (string, error) {
	fd, err := r.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return readlink(fd, "")
}

func readlink(fd int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
