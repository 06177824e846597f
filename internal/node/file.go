package node

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/source"
)

// look is how much is wanted of a file.
type look bool

const (
	outside look = false // everything but the content
	inside  look = true
)

// ReadFile reads a file with all that describes it. It is false when nothing
// is at the path; a dangling link is something. A file that cannot be read
// comes back with a Problem.
func (r *Root) ReadFile(name string) (source.File, bool) { return r.file(name, inside) }

// Stat is ReadFile without the content.
func (r *Root) Stat(name string) (source.File, bool) { return r.file(name, outside) }

// Exists reports whether a path leads to something, links followed.
func (r *Root) Exists(name string) bool {
	f, ok := r.Stat(name)
	return ok && f.Kind != source.Dangling && f.Problem == ""
}

func (r *Root) file(name string, want look) (source.File, bool) {
	f := source.File{Path: path.Join("/", name)}
	fd, err := r.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if absent(err) {
		return source.File{}, false
	}
	if err != nil {
		return problem(f, err), true
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return problem(f, err), true
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return r.content(describe(f, &st), &st, want), true
	}
	if f.Link, err = readlink(fd, ""); err != nil {
		return problem(describe(f, &st), err), true
	}
	return r.behind(f, &st, want), true
}

// behind completes a file that is a symbolic link by what it leads to.
func (r *Root) behind(f source.File, link *unix.Stat_t, want look) source.File {
	fd, err := r.open(f.Path, unix.O_PATH)
	switch {
	case absent(err):
		f = describe(f, link)
		f.Kind = source.Dangling
		return f
	case err != nil:
		return problem(describe(f, link), err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return problem(describe(f, link), err)
	}
	return r.content(describe(f, &st), &st, want)
}

// content adds what is inside a regular file.
func (r *Root) content(f source.File, st *unix.Stat_t, want look) source.File {
	if f.Kind != source.Regular {
		return f
	}
	if want == outside {
		f.Unread = true
		return f
	}
	fd, err := r.open(f.Path, unix.O_RDONLY)
	if err != nil {
		return problem(f, err)
	}
	defer unix.Close(fd)
	return fill(f, fd, st.Size, r.limit)
}

// fill reads an open file. The size is only a hint: files of procfs have none.
func fill(f source.File, fd int, size, limit int64) source.File {
	if size > limit {
		return problem(f, tooLarge(limit))
	}
	data, err := readAll(fd, size, limit)
	if err != nil {
		return problem(f, err)
	}
	f.Data, f.Xattrs = data, xattrs(fd)
	return f
}

func readAll(fd int, size, limit int64) ([]byte, error) {
	buf := make([]byte, 0, max(min(size, limit)+1, 512))
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return buf, nil
		}
		if buf = buf[:len(buf)+n]; int64(len(buf)) > limit {
			return nil, tooLarge(limit)
		}
		if size > 0 && int64(len(buf)) == size {
			return buf, nil // what a file has by now is what it had a moment ago
		}
	}
}

func tooLarge(limit int64) error {
	return fmt.Errorf("larger than %d bytes, not read", limit)
}

// describe copies what the kernel says of a file.
func describe(f source.File, st *unix.Stat_t) source.File {
	f.Mode = fs.FileMode(st.Mode & 0o777)
	f.UID, f.GID = int(st.Uid), int(st.Gid)
	f.ModTime = time.Unix(st.Mtim.Unix())
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.Kind = source.Regular
	case unix.S_IFDIR:
		f.Kind = source.Directory
	default:
		f.Kind = source.Special
	}
	return f
}

// problem notes why a file could not be read. A chain of links without an end
// is nothing a runtime could open, so it counts as special.
func problem(f source.File, err error) source.File {
	if errors.Is(err, unix.ELOOP) {
		f.Kind = source.Special
	}
	f.Data, f.Problem, f.Unread = nil, plain(err), true
	return f
}

// plain is an error without the path, which stands beside it.
func plain(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

func absent(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) }

// xattrs reads the extended attributes of an open file, such as its SELinux
// label; nil when there are none or the file system has none.
func xattrs(fd int) map[string][]byte {
	var buf [1024]byte
	n, err := unix.Flistxattr(fd, buf[:])
	list := buf[:max(n, 0)]
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, unix.PathMax*16) // the kernel's own limit, XATTR_LIST_MAX
		n, err = unix.Flistxattr(fd, list)
		list = list[:max(n, 0)]
	}
	if err != nil || len(list) == 0 {
		return nil
	}
	out := map[string][]byte{}
	for _, name := range strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if value, err := xattr(fd, name); err == nil {
			out[name] = value
		}
	}
	return out
}

func xattr(fd int, name string) ([]byte, error) {
	size, err := unix.Fgetxattr(fd, name, nil)
	if err != nil {
		return nil, err
	}
	value := make([]byte, size)
	n, err := unix.Fgetxattr(fd, name, value)
	if err != nil {
		return nil, err
	}
	return value[:n], nil
}
