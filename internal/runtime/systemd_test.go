package runtime

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/booted"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// insideSystemd marks a run of this test program inside a systemd of its own.
const insideSystemd = "TOWPATH_INSIDE_SYSTEMD"

func TestSystemdRestartsWhatItRuns(t *testing.T) {
	if os.Getenv(insideSystemd) != "" {
		t.Skip("this is the other side")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	m := booted.Boot(t, map[string]booted.File{
		"/runtime.test": {Data: program, Mode: 0o755},
		"/etc/systemd/system/sleeper.service": {
			Data: []byte("[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/touch /reloaded\n"), Mode: 0o644,
		},
		"/etc/systemd/system/broken.service": {
			Data: []byte("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/false\n"), Mode: 0o644,
		},
	})
	cmd := m.Command(t.Context(), []string{insideSystemd + "=1"}, "/runtime.test", "-test.v", "-test.run", "^TestInsideSystemd$")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestInsideSystemd")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestInsideSystemd(t *testing.T) {
	if os.Getenv(insideSystemd) == "" {
		t.Skip("part of TestSystemdRestartsWhatItRuns")
	}
	if out, err := exec.Command("systemctl", "start", "sleeper.service").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
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
	if err := Reload(t.Context(), rt); err != nil || !exists("/reloaded") || main() != rt.PID {
		t.Errorf("reload: %v", err)
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
