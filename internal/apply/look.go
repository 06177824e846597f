package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of one file: a system's certificates fit a hundred times.
const maxFile = 64 << 20

// look reads what stands at a name in the directory.
func (d *dir) look(name string) (*object, error) {
	if d.full(name) == "/" {
		name = "."
	}
	o, err := d.read(name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case err != nil:
		return nil, &fs.PathError{Op: "read", Path: d.name + d.full(name), Err: err}
	}
	return o, nil
}

func (d *dir) read(name string) (*object, error) {
	st, err := d.stat(name)
	if err != nil {
		return nil, err
	}
	o := describe(st)
	switch o.Shape {
	case link:
		return d.readLink(name, o)
	case file, directory:
	default:
		return o, nil
	}
	fd, err := openAt(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC)
	if o.Shape == directory && errors.Is(err, unix.EACCES) {
		return o, nil // its attributes stay unknown
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := unix.Fstat(fd, st); err != nil {
		return nil, err
	}
	opened := describe(st)
	if opened.Shape != o.Shape {
		return nil, errors.New("it changes while it is read")
	}
	if opened.Shape == file {
		if opened.Data, err = readAll(f); err != nil {
			return nil, err
		}
	}
	opened.Xattrs, err = xattrs{fd: fd}.all()
	return opened, err
}

func (d *dir) readLink(name string, o *object) (*object, error) {
	buf := make([]byte, unix.PathMax)
	n, err := retry(func() (int, error) { return unix.Readlinkat(d.fd, name, buf) })
	if err != nil {
		return nil, err
	}
	o.Target = string(buf[:n])
	o.Xattrs, err = d.linkXattrs(name).all()
	return o, err
}

func (d *dir) stat(name string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	_, err := retry(func() (int, error) { return 0, unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return &st, err
}

func describe(st *unix.Stat_t) *object {
	o := &object{
		Shape: other, Mode: st.Mode & 0o7777, UID: int(st.Uid), GID: int(st.Gid),
		Time:  time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)).UTC(),
		inode: identity{uint64(st.Dev), st.Ino}, links: uint64(st.Nlink),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		o.Shape = file
	case unix.S_IFDIR:
		o.Shape = directory
	case unix.S_IFLNK:
		o.Shape = link
	}
	return o
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return data, err
}

// xattrs reaches the extended attributes of an open file, or of a link by path.
type xattrs struct {
	fd   int
	path string
}

// linkXattrs goes by /proc, because a symbolic link cannot be opened.
func (d *dir) linkXattrs(name string) xattrs {
	return xattrs{path: fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, name)}
}

// computed tells the attributes that the kernel makes of a file's content.
func computed(name string) bool { return name == "security.ima" || name == "security.evm" }

// all reads every attribute but those that the kernel computes itself. A file
// system without attributes has none.
func (x xattrs) all() (map[string][]byte, error) {
	out := map[string][]byte{}
	names, err := grown(x.list)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), x.path != "" && errors.Is(err, unix.ENOENT):
		return out, nil
	case err != nil:
		return nil, err
	}
	for name := range strings.SplitSeq(string(names), "\x00") {
		if name == "" || computed(name) {
			continue
		}
		value, err := grown(func(buf []byte) (int, error) { return x.get(name, buf) })
		switch {
		case errors.Is(err, unix.ENODATA): // gone since it was listed, or not for us to see
		case err != nil:
			return nil, err
		default:
			out[name] = value
		}
	}
	return out, nil
}

func (x xattrs) list(buf []byte) (int, error) {
	if x.path != "" {
		return unix.Llistxattr(x.path, buf)
	}
	return unix.Flistxattr(x.fd, buf)
}

func (x xattrs) get(name string, buf []byte) (int, error) {
	if x.path != "" {
		return unix.Lgetxattr(x.path, name, buf)
	}
	return unix.Fgetxattr(x.fd, name, buf)
}

func (x xattrs) set(name string, value []byte) error {
	if x.path != "" {
		return unix.Lsetxattr(x.path, name, value, 0)
	}
	return unix.Fsetxattr(x.fd, name, value, 0)
}

func (x xattrs) remove(name string) error {
	if x.path != "" {
		return unix.Lremovexattr(x.path, name)
	}
	return unix.Fremovexattr(x.fd, name)
}

// grown reads with a buffer that is large enough. Linux bounds both the list
// and a value at 64 KiB.
func grown(read func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := read(buf)
		if errors.Is(err, unix.ERANGE) && len(buf) < 1<<17 {
			buf = make([]byte, 2*len(buf))
			continue
		}
		if err != nil {
			return nil, err
		}
		return buf[:n:n], nil
	}
}
