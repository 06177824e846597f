package node

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links one path may lead through, as in the kernel.
const maxLinks = 40

// walker resolves a path by hand, component by component, for kernels without
// openat2. It holds the directories on the way open, so that ".." goes back to
// where it came from whatever is renamed meanwhile.
type walker struct {
	root  int
	names []string // canonical path so far, the last one perhaps no directory
	dirs  []int    // one descriptor per directory in names
	rest  []string
	links int
}

// walk resolves a path. Without follow a link at its end stays as it is.
func (r *Root) walk(name string, follow bool) (*walker, error) {
	w := &walker{root: r.fd, rest: strings.Split(name, "/")}
	for len(w.rest) > 0 {
		if err := w.step(follow); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

func (w *walker) step(follow bool) error {
	name := w.rest[0]
	w.rest = w.rest[1:]
	if len(w.names) > len(w.dirs) {
		return unix.ENOTDIR
	}
	switch name {
	case "", ".":
		return nil
	case "..":
		w.up()
		return nil
	}
	fd, err := retry(func() (int, error) {
		return unix.Openat(w.top(), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFDIR:
		w.names, w.dirs = append(w.names, name), append(w.dirs, fd)
		return nil
	case kind == unix.S_IFLNK && (follow || len(w.rest) > 0):
		defer unix.Close(fd)
		return w.follow(fd)
	}
	unix.Close(fd)
	w.names = append(w.names, name)
	return nil
}

func (w *walker) follow(fd int) error {
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	target, err := readlink(fd, "")
	if err != nil {
		return err
	}
	if strings.HasPrefix(target, "/") {
		for len(w.names) > 0 {
			w.up()
		}
	}
	w.rest = append(strings.Split(target, "/"), w.rest...)
	return nil
}

func (w *walker) top() int {
	if len(w.dirs) == 0 {
		return w.root
	}
	return w.dirs[len(w.dirs)-1]
}

func (w *walker) up() {
	if len(w.names) == 0 {
		return
	}
	if len(w.names) == len(w.dirs) {
		unix.Close(w.top())
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
	w.names = w.names[:len(w.names)-1]
}

func (w *walker) path() string { return path.Join("/", path.Join(w.names...)) }

func (w *walker) close() {
	for _, fd := range w.dirs {
		unix.Close(fd)
	}
	w.dirs = nil
}

// walkOpen opens a path that walk has resolved.
func (r *Root) walkOpen(name string, flags int) (int, error) {
	w, err := r.walk(name, flags&unix.O_NOFOLLOW == 0)
	if err != nil {
		return -1, err
	}
	defer w.close()
	at, last := w.root, "."
	if n := len(w.names); n > 0 {
		last = w.names[n-1]
	}
	if n := len(w.names); n > 1 {
		at = w.dirs[n-2]
	}
	return retry(func() (int, error) { return unix.Openat(at, last, guard(flags|unix.O_NOFOLLOW), 0) })
}
