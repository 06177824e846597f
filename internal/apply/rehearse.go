package apply

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/plan"
)

// ErrPending tells that an interrupted run has to be taken back first.
var ErrPending = errors.New("an interrupted change has to be undone first, which the next apply, rollback or --fix does")

// Rehearse does all of Run that comes before its first write, and writes
// nothing: it looks for drift, for another towpath at work, for an interrupted
// run, and whether there is leave and room to write every file. All that is in
// the way is in the error.
func Rehearse(site Site, p plan.Plan) error {
	if err := p.Validate(); err != nil {
		return err
	}
	o, err := site.open()
	if err != nil {
		return err
	}
	defer o.close()
	var errs []error
	holder, err := o.journal.holder()
	switch {
	case err != nil:
		errs = append(errs, err)
	case holder != "":
		errs = append(errs, fmt.Errorf("%w: %s", ErrLocked, holder))
	default:
		if open, err := o.journal.unsettled(); err != nil || len(open) > 0 {
			errs = append(errs, errors.Join(err, ErrPending))
		}
	}
	todo, err := steps(o.tree, p)
	errs = append(errs, err)
	if err == nil {
		errs = append(errs, o.tree.writable(todo), o.journal.writable(todo))
	}
	return errors.Join(errs...)
}

// writable tells where steps cannot be written, for want of leave or of room.
func (t *tree) writable(todo []step) error {
	var errs []error
	need := map[string]uint64{} // bytes, by directory
	for _, s := range todo {
		dir := path.Dir(s.Path)
		need[dir] += s.New.size()
		if s.To != "" {
			need[path.Dir(s.To)] += 0
		}
	}
	for dir, bytes := range need {
		errs = append(errs, t.room(dir, bytes))
	}
	return errors.Join(errs...)
}

// writable tells why the journal cannot take an entry.
func (j *journal) writable(todo []step) error {
	var bytes uint64
	for _, s := range todo {
		bytes += 2 * (s.Old.size() + s.New.size()) // as base64 in JSON, and its frame
	}
	return j.tree.room(j.entries(), bytes)
}

// size is how much room an object takes, in bytes.
func (o *object) size() uint64 {
	const block = 4096
	if o == nil {
		return 0
	}
	return uint64(len(o.Data)+block-1)/block*block + block
}

// room tells why so many bytes cannot be written in a directory, or in the one
// above it that is there.
func (t *tree) room(name string, bytes uint64) error {
	d, err := t.open(name)
	for isAbsent(err) && name != "/" {
		name = path.Dir(name)
		d, err = t.open(name)
	}
	if err != nil {
		return err
	}
	defer d.close()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err != nil {
		return fmt.Errorf("look at the file system of %s: %w", t.name+name, err)
	}
	switch err := unix.Faccessat(d.fd, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS); {
	case err != nil:
		return fmt.Errorf("write in %s: %w", t.name+name, err)
	case fs.Flags&unix.ST_RDONLY != 0:
		return fmt.Errorf("write in %s: %w", t.name+name, unix.EROFS)
	case fs.Bavail*uint64(fs.Bsize) < bytes:
		return fmt.Errorf("write in %s: %w: %d bytes are needed and %d are free", t.name+name, unix.ENOSPC, bytes, fs.Bavail*uint64(fs.Bsize))
	}
	return nil
}
