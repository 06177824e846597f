package apply

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// stage makes an object under a name that nobody looks for: complete, with its
// owner and mode, and on disk. Until then only its owner can open it. What an
// earlier attempt of the same run left under the name goes away.
func (d *dir) stage(name, run string, o *object) error {
	_, err := d.discard(name, run)
	if err != nil {
		return err
	}
	switch o.Shape {
	case directory:
		err = d.stageDirectory(name, o)
	case link:
		err = d.stageLink(name, o)
	default:
		var linked bool
		if linked, err = d.stageTwin(name, o); err == nil && !linked {
			err = d.stageFile(name, o)
		}
	}
	if err != nil {
		_, dropped := d.discard(name, run)
		return errors.Join(err, dropped)
	}
	return nil
}

func (d *dir) stageFile(name string, o *object) error {
	fd, err := d.create(name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := d.write(fd, name, o.Data, 0); err != nil {
		return err
	}
	return d.finish(fd, name, o)
}

func (d *dir) stageDirectory(name string, o *object) error {
	if err := d.mkdir(name, 0o700); err != nil {
		return err
	}
	fd, err := openAt(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return d.finish(fd, name, o)
}

func (d *dir) stageLink(name string, o *object) error {
	if err := d.symlink(o.Target, name); err != nil {
		return err
	}
	fd, err := openAt(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := d.own(fd, name, o); err != nil {
		return err
	}
	if err := d.attribute(d.linkXattrs(name), name, o); err != nil {
		return err
	}
	if o.Time.IsZero() {
		return nil
	}
	return d.touch(name, o.Time)
}

// finish gives a new file or directory all but its content. The owner comes
// before the mode, so nobody but the two owners ever gets in, and before the
// attributes, because a change of owner drops capabilities.
func (d *dir) finish(fd int, name string, o *object) error {
	if err := d.own(fd, name, o); err != nil {
		return err
	}
	if err := d.attribute(xattrs{fd: fd}, name, o); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&0o7777 != o.Mode {
		if err := d.chmod(fd, name, o.Mode); err != nil {
			return err
		}
	}
	if !o.Time.IsZero() {
		if err := d.touch(name, o.Time); err != nil {
			return err
		}
	}
	return d.syncFile(fd, name)
}

func (d *dir) own(fd int, name string, o *object) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if describe(&st).Shape != o.Shape || int(st.Uid) == o.UID && int(st.Gid) == o.GID {
		return nil
	}
	return d.chown(fd, name, o.UID, o.GID)
}

// attribute leaves exactly the wanted extended attributes.
func (d *dir) attribute(x xattrs, name string, o *object) error {
	if o.Xattrs == nil {
		return nil
	}
	have, err := x.all()
	if err != nil {
		return err
	}
	for attr := range have {
		if _, wanted := o.Xattrs[attr]; !wanted {
			if err := d.removeXattr(x, name, attr); err != nil {
				return err
			}
		}
	}
	for attr, value := range o.Xattrs {
		if old, there := have[attr]; there && bytes.Equal(old, value) {
			continue
		}
		if err := d.setXattr(x, name, attr, value); err != nil {
			return err
		}
	}
	return nil
}

// discard removes a name, if it is there, and reports whether it was. Of a
// directory only what carries the names of the run goes with it; with anything
// else in it, it stays.
func (d *dir) discard(name, run string) (bool, error) {
	st, err := d.stat(name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, &fs.PathError{Op: "stat", Path: d.name + d.full(name), Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return true, d.unlink(name)
	}
	sub, err := d.tree.open(d.full(name))
	if err != nil {
		return true, err
	}
	defer sub.close()
	inside, err := d.list(sub.path)
	if err != nil {
		return true, err
	}
	for _, n := range inside {
		if !strings.HasPrefix(n, run) {
			return true, nil
		}
		if _, err := sub.discard(n, run); err != nil {
			return true, err
		}
	}
	return true, d.rmdir(name)
}

// put makes or replaces a file of our own at once.
func (d *dir) put(name string, o *object) error {
	staged := "." + name + ".new"
	if err := d.stage(staged, staged, o); err != nil {
		return err
	}
	if err := d.rename(staged, name); err != nil {
		return err
	}
	return d.sync()
}
