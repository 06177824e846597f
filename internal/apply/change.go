package apply

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// The methods here are the changing system calls, one each. Names are those of
// entries in the directory.

func (d *dir) call(op, name string) call { return call{Op: op, Path: d.full(name)} }

func (d *dir) unlink(name string) error {
	return d.change(d.call("unlink", name), func() error { return unix.Unlinkat(d.fd, name, 0) })
}

func (d *dir) rmdir(name string) error {
	return d.change(d.call("rmdir", name), func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
}

func (d *dir) mkdir(name string, mode uint32) error {
	c := d.call("mkdir", name)
	c.Mode = mode
	return d.change(c, func() error { return unix.Mkdirat(d.fd, name, mode) })
}

func (d *dir) symlink(target, name string) error {
	c := d.call("symlink", name)
	c.Data = []byte(target)
	return d.change(c, func() error { return unix.Symlinkat(target, d.fd, name) })
}

// create makes a file that only its owner can open.
func (d *dir) create(name string) (fd int, err error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_WRONLY | unix.O_CLOEXEC
	c := d.call("create", name)
	c.Mode = 0o600
	err = d.change(c, func() (err error) {
		fd, err = unix.Openat(d.fd, name, flags, 0o600)
		return err
	})
	return fd, err
}

// write writes at an offset of an open file.
func (d *dir) write(fd int, name string, data []byte, offset int64) error {
	for len(data) > 0 {
		c := d.call("write", name)
		c.Data, c.Offset = data, offset
		var n int
		err := d.change(c, func() (err error) {
			n, err = unix.Pwrite(fd, data, offset)
			return err
		})
		if err != nil {
			return err
		}
		data, offset = data[n:], offset+int64(n)
	}
	return nil
}

func (d *dir) truncate(fd int, name string) error {
	return d.change(d.call("truncate", name), func() error { return unix.Ftruncate(fd, 0) })
}

// syncFile waits until a file is on disk as it is.
func (d *dir) syncFile(fd int, name string) error {
	return d.change(d.call("sync", name), func() error { return synced(unix.Fsync(fd)) })
}

// sync waits until the entries of the directory are on disk as they are.
func (d *dir) sync() error {
	return d.change(call{Op: "sync", Path: d.path}, func() error { return synced(unix.Fsync(d.fd)) })
}

// synced lets file systems pass that have nothing to sync.
func synced(err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

func (d *dir) chmod(fd int, name string, mode uint32) error {
	c := d.call("chmod", name)
	c.Mode = mode
	return d.change(c, func() error { return unix.Fchmod(fd, mode) })
}

// chown goes by the open file or link: in a directory that others can write,
// the name may by now be that of a file of theirs.
func (d *dir) chown(fd int, name string, uid, gid int) error {
	c := d.call("chown", name)
	c.UID, c.GID = uid, gid
	return d.change(c, func() error { return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH) })
}

// touch sets the time of the last modification.
func (d *dir) touch(name string, at time.Time) error {
	c := d.call("touch", name)
	c.Time = at
	ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(at.UnixNano())}
	return d.change(c, func() error { return unix.UtimesNanoAt(d.fd, name, ts, unix.AT_SYMLINK_NOFOLLOW) })
}

func (d *dir) setXattr(x xattrs, name, attr string, value []byte) error {
	c := d.call("setxattr", name)
	c.Attr, c.Data = attr, value
	return d.change(c, func() error { return x.set(attr, value) })
}

func (d *dir) removeXattr(x xattrs, name, attr string) error {
	c := d.call("removexattr", name)
	c.Attr = attr
	return d.change(c, func() error { return x.remove(attr) })
}

// link gives a file a second name. Where that cannot be done it does nothing.
func (d *dir) link(name, second string) error {
	c := d.call("link", name)
	c.To = d.full(second)
	return d.change(c, func() error {
		err := unix.Linkat(d.fd, name, d.fd, second, 0)
		for _, cannot := range []error{unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.EMLINK, unix.EXDEV} {
			if errors.Is(err, cannot) {
				return nil
			}
		}
		return err
	})
}

// rename puts a name over another, which it replaces.
func (d *dir) rename(name, over string) error {
	c := d.call("rename", name)
	c.To = d.full(over)
	return d.change(c, func() error { return unix.Renameat(d.fd, name, d.fd, over) })
}

// move gives a name to another directory, where it must not exist.
func (d *dir) move(name string, to *dir, as string) error {
	c := d.call("rename", name)
	c.To = to.full(as)
	return d.change(c, func() error {
		err := unix.Renameat2(d.fd, name, to.fd, as, unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
		// An old kernel, or a file system that cannot refuse to replace.
		if _, err := to.stat(as); !errors.Is(err, unix.ENOENT) {
			return errors.Join(unix.EEXIST, err)
		}
		return unix.Renameat(d.fd, name, to.fd, as)
	})
}
