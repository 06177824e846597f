package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the lab, which starts itself again as the
// first process of every machine.
func TestMain(m *testing.M) {
	if os.Getenv("LAB_TEST_BE_THE_LAB") != "" || len(os.Args) > 1 && (os.Args[1] == "machine" || os.Args[1] == "outside") {
		main()
	}
	os.Exit(m.Run())
}

// offspring lists the processes of the lab that a process has started, and
// those that they have, by their command lines.
func offspring(t *testing.T, pid int) map[int]string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parent := map[int]int{}
	for _, name := range all {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent[id], _ = strconv.Atoi(fields[1])
	}
	out := map[int]string{}
	for id := range parent {
		for p := id; p > 1; p = parent[p] {
			if p == pid && id != pid {
				line, _ := os.ReadFile("/proc/" + strconv.Itoa(id) + "/cmdline")
				out[id] = string(bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
			}
		}
	}
	return out
}

func TestNothingIsLeftWhenTheLabIsKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("machines need root")
	}
	if _, err := os.Stat("/usr/bin/containerd"); err != nil {
		t.Skip("Debian's containerd is not installed")
	}
	groups := groupsOfLabs(t)
	lab := exec.Command("/proc/self/exe", "-real-only", "-on", "1.6", "network/connect-timeout")
	lab.Env = append(os.Environ(), "LAB_TEST_BE_THE_LAB=1")
	var out bytes.Buffer
	lab.Stdout, lab.Stderr = &out, &out
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	family := map[int]string{}
	for range 300 { // until a containerd runs on a machine: its pull takes longer than we need
		time.Sleep(50 * time.Millisecond)
		if family = offspring(t, lab.Process.Pid); contains(family, "/usr/bin/containerd") && contains(family, "outside") {
			break
		}
	}
	if err := lab.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lab.Wait()
	if !contains(family, "/usr/bin/containerd") {
		t.Fatalf("no machine came up: %v\n%s", family, out.String())
	}
	left := map[int]string{}
	for range 100 {
		clear(left)
		for id, line := range family {
			if state, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/stat"); err == nil && !bytes.Contains(state, []byte(") Z ")) {
				left[id] = line
			}
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("these processes outlived the lab: %v", left)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "/lab/") || strings.Contains(string(mounts), "node /mnt") {
		t.Errorf("mounts of a machine are visible outside:\n%s", mounts)
	}
	// The next lab sweeps the control groups of this one away.
	next := exec.Command("/proc/self/exe", "-real-only", "-on", "1.6", "dns/sinkholed")
	next.Env = lab.Env
	if msg, err := next.CombinedOutput(); err != nil {
		t.Fatalf("the next lab: %v\n%s", err, msg)
	}
	if now := groupsOfLabs(t); len(now) > len(groups) {
		t.Errorf("control groups are left: %v", now)
	}
}

func contains(family map[int]string, text string) bool {
	for _, line := range family {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// groupsOfLabs lists the control groups of machines whose lab has ended.
func groupsOfLabs(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, base := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		all, err := filepath.Glob(base + "/towpath-lab-*")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range all {
			pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), "towpath-lab-"), "-")
			if _, err := os.Stat("/proc/" + pid); err != nil {
				out = append(out, dir)
			}
		}
	}
	return out
}
