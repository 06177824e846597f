package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// insideSystemd marks a run of this test program inside a systemd of its own.
const insideSystemd = "TOWPATH_INSIDE_SYSTEMD"

// boot is what becomes process 1: systemd on a copy of this machine that nobody
// else sees. $1 is a directory with the upper layer of the copy in it.
const boot = `
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
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console systemd.unit=sleeper.service
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

func TestSystemdRestartsWhatItRuns(t *testing.T) {
	if os.Getenv(insideSystemd) != "" {
		t.Skip("this is the other side")
	}
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
	pid := bootSystemd(t)
	cmd := exec.CommandContext(t.Context(), "nsenter", "-t", strconv.Itoa(pid), "-m", "-u", "-i", "-p", "-n", "-C", "-r", "-w",
		"/runtime.test", "-test.v", "-test.run", "^TestInsideSystemd$")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", insideSystemd + "=1"}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestInsideSystemd")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// bootSystemd starts systemd in namespaces of its own and returns its process.
func bootSystemd(t *testing.T) int {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	units := filepath.Join(dir, "up/etc/systemd/system")
	group := filepath.Join(unified(), filepath.Base(dir))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	err = errors.Join(err,
		os.MkdirAll(units, 0o755), os.Mkdir(dir+"/work", 0o755), os.Mkdir(dir+"/root", 0o755), os.Mkdir(group, 0o755),
		os.WriteFile(dir+"/up/runtime.test", program, 0o755),
		os.WriteFile(units+"/sleeper.service", []byte("[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\n"), 0o644),
		os.WriteFile(units+"/broken.service", []byte("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/false\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("sh", "-c", `echo $$ > "$2/cgroup.procs"; exec unshare -C -m -u -i -p -n -f --propagation private --kill-child sh -ec "$3" sh "$1"`, "sh", dir, group, boot)
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
				return pid
			}
		}
		if time.Now().After(until) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Skipf("not looked at: systemd does not boot here:\n%s", log.String())
		}
	}
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
		if !exists(group) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestInsideSystemd(t *testing.T) {
	if os.Getenv(insideSystemd) == "" {
		t.Skip("part of TestSystemdRestartsWhatItRuns")
	}
	main := func() int {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			out, err := exec.Command("systemctl", "show", "-p", "MainPID", "--value", "sleeper.service").Output()
			pid, bad := strconv.Atoi(strings.TrimSpace(string(out)))
			if err == nil && bad == nil && pid != 0 {
				return pid
			}
		}
		t.Fatal("the service does not start")
		return 0
	}
	rt := snapshot.Runtime{Unit: "sleeper.service", PID: main()}
	if active, err := IsActive(t.Context(), rt); !active || err != nil {
		t.Errorf("active: %v, %v", active, err)
	}
	if err := Restart(t.Context(), rt, true); err != nil {
		t.Error(err)
	}
	if now := main(); now == rt.PID || now == 0 {
		t.Errorf("process %d was %d", now, rt.PID)
	}
	if err := Restart(t.Context(), snapshot.Runtime{Unit: "sleeper.service", PID: 1}, false); err == nil || !strings.Contains(err.Error(), "process 1 belongs to init.scope here") {
		t.Errorf("a process of another unit: %v", err)
	}
	if err := Restart(t.Context(), snapshot.Runtime{Unit: "broken.service"}, false); err == nil || !strings.Contains(err.Error(), `the job ended as "failed"`) {
		t.Errorf("a service that does not start: %v", err)
	}
	if active, err := IsActive(t.Context(), snapshot.Runtime{Unit: "broken.service"}); active || err != nil {
		t.Errorf("a service that does not run is active: %v, %v", active, err)
	}
	if err := Restart(t.Context(), snapshot.Runtime{Unit: "none.service"}, false); err == nil || !strings.Contains(err.Error(), "none.service") {
		t.Errorf("no service: %v", err)
	}
}
