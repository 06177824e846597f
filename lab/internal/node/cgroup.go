package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Cgroup is the control group of one machine, which sees it as the root of the
// hierarchy. It tells which systemd unit a process belongs to.
type Cgroup struct {
	dir  string
	file *os.File
}

// prefix begins the names of our control groups; the id of the lab's process follows.
const prefix = "towpath-lab-"

var machines atomic.Int64

// NewCgroup makes a control group. Those of labs that were killed go first.
func NewCgroup() (*Cgroup, error) {
	base, err := hierarchy()
	if err != nil {
		return nil, err
	}
	sweep(base)
	dir := filepath.Join(base, fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), machines.Add(1)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Cgroup{dir, f}, nil
}

// hierarchy is where version 2 is mounted.
func hierarchy() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == "cgroup2" {
			return f[1], nil
		}
	}
	return "", errors.New("no cgroup version 2 is mounted on this machine")
}

// sweep removes what labs left behind that are no more.
func sweep(base string) {
	all, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range all {
		var pid, n int
		if _, err := fmt.Sscanf(filepath.Base(dir), prefix+"%d-%d", &pid, &n); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			remove(dir)
		}
	}
}

// Remove removes the control group once its last process has gone.
func (c *Cgroup) Remove() error {
	c.file.Close()
	var err error
	for range 100 {
		if err = remove(c.dir); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// remove removes a control group and those below it. Only its directories can
// be removed; the files in them go along.
func remove(dir string) error {
	below, _ := filepath.Glob(filepath.Join(dir, "*/"))
	for _, sub := range below {
		if info, err := os.Lstat(sub); err == nil && info.IsDir() {
			if err := remove(sub); err != nil {
				return err
			}
		}
	}
	return syscall.Rmdir(dir)
}

// Slot opens the control group of a systemd unit on this machine, for a process
// to be started in.
func Slot(unit string) (*os.File, error) {
	dir := filepath.Join("/sys/fs/cgroup/system.slice", unit)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Open(dir)
}
