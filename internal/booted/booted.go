// Package booted boots a real systemd for tests: process 1 of namespaces of its
// own, on a copy of this machine that nobody else sees and that goes when the
// test ends. It has no network but a loopback that is down, and starts nothing by
// itself. Where that cannot be had, the test is skipped and says why.
package booted

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// File is one that the machine has from the start.
type File struct {
	Data []byte
	Mode fs.FileMode
}

// Machine is one that runs.
type Machine struct {
	t   testing.TB
	pid int
}

// script is what becomes process 1: systemd on a copy of this machine that nobody
// else sees. $1 is a directory with the upper layer of the copy in it.
const script = `
mount -t overlay overlay -o lowerdir=/,upperdir=$1/up,workdir=$1/work $1/root
cd $1/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for d in null zero full random urandom tty; do touch dev/$d; mount --bind /dev/$d dev/$d; done
mkdir -p old
pivot_root . old
umount -l /old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console systemd.unit=idle.service
`

// unified finds where version 2 of the control groups is mounted.
func unified() string {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir
		}
	}
	return ""
}

// idle is what the machine does by itself.
const idle = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\n"

// Boot starts a machine with files, by their paths there, over those of this
// machine.
func Boot(t testing.TB, files map[string]File) *Machine {
	t.Helper()
	possible(t)
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(unified(), filepath.Base(dir))
	err = errors.Join(os.Mkdir(dir+"/up", 0o755), os.Mkdir(dir+"/work", 0o755), os.Mkdir(dir+"/root", 0o755), os.Mkdir(group, 0o755))
	all := map[string]File{"/etc/systemd/system/idle.service": {[]byte(idle), 0o644}}
	for name, f := range files {
		all[name] = f
	}
	for name, f := range all {
		at := filepath.Join(dir, "up", name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, f.Data, f.Mode))
	}
	if err != nil {
		t.Fatal(err)
	}
	return start(t, dir, group)
}

// possible skips the test where no systemd can be booted.
func possible(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not looked at without root: a real systemd")
	}
	for _, name := range []string{"/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter"} {
		if _, err := os.Stat(name); err != nil {
			t.Skipf("not looked at: a real systemd: %v", err)
		}
	}
	if unified() == "" {
		t.Skip("not looked at: a real systemd: version 2 of the control groups is not mounted")
	}
}

func start(t testing.TB, dir, group string) *Machine {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command("sh", "-c", `echo $$ > "$2/cgroup.procs"; exec unshare -C -m -u -i -p -n -f --propagation private --kill-child sh -ec "$3" sh "$1"`, "sh", dir, group, script)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &log, &log, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		removeGroup(group)
		os.RemoveAll(dir)
	})
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(group, "init.scope/cgroup.procs"))
		pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(text), "\n", 2)[0]))
		if err == nil {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/systemd/private", pid)); err == nil {
				return &Machine{t, pid}
			}
		}
		if time.Now().After(until) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Skipf("not looked at: systemd does not boot here:\n%s", log.String())
		}
	}
}

// Command is a program on the machine that has not been started, with the usual
// PATH and those variables for an environment.
func (m *Machine) Command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(m.pid), "-m", "-u", "-i", "-p", "-n", "-C", "-r", "-w"}, args...)...)
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, env...)
	cmd.WaitDelay = time.Second
	return cmd
}

// removeGroup removes control groups, the innermost first, once their processes
// have gone.
func removeGroup(group string) {
	for range 100 {
		var dirs []string
		filepath.WalkDir(group, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			os.Remove(dir)
		}
		if _, err := os.Stat(group); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
