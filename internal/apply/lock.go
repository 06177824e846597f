package apply

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// lock keeps others out until it is released or the process ends. It is a lock
// of the open file, because whether somebody holds one of those can be asked
// without taking it.
func (j *journal) lock(what string) (release func(), err error) {
	d, err := j.tree.open(j.dir)
	if err != nil {
		return nil, err
	}
	defer d.close()
	fd, err := d.create(lockName)
	if errors.Is(err, unix.EEXIST) {
		fd, err = openAt(d.fd, lockName, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), j.tree.name+d.full(lockName))
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, whole(unix.F_WRLCK)); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	note := fmt.Sprintf("%d %s\n", os.Getpid(), strings.Join(strings.Fields(what), " "))
	release = func() {
		// Closing is not enough: a process that was started a moment ago may
		// not have closed its copy yet.
		_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, whole(unix.F_UNLCK))
		f.Close()
	}
	if err := errors.Join(d.truncate(fd, lockName), d.write(fd, lockName, []byte(note), 0)); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// holder names the process that holds the lock, or nobody.
func (j *journal) holder() (string, error) {
	d, err := j.tree.open(j.dir)
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer d.close()
	fd, err := openAt(d.fd, lockName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open %s: %w", j.tree.name+d.full(lockName), err)
	}
	f := os.NewFile(uintptr(fd), lockName)
	defer f.Close()
	asked := whole(unix.F_WRLCK)
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, asked); err != nil || asked.Type == unix.F_UNLCK {
		return "", err
	}
	return holder(f), nil
}

func whole(kind int16) *unix.Flock_t { return &unix.Flock_t{Type: kind, Whence: io.SeekStart} }

// holder reads who wrote the note in the lock file.
func holder(f *os.File) string {
	note := make([]byte, 512)
	n, _ := f.ReadAt(note, 0)
	pid, what, _ := strings.Cut(strings.TrimSpace(string(note[:n])), " ")
	if pid == "" {
		return "another process"
	}
	return fmt.Sprintf("process %s (%s)", pid, what)
}
