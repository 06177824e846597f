package node

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Logs is where the output of the node's processes is kept.
const Logs = "/lab/log"

// Process is a program that runs on the node in the background.
type Process struct {
	*exec.Cmd
	Name string
	done chan struct{}
}

// StartUnit starts a program in the control group of a systemd unit, as systemd
// would have done.
func StartUnit(unit, name string, cmd *exec.Cmd, env map[string]string) (*Process, error) {
	slot, err := Slot(unit)
	if err != nil {
		return nil, err
	}
	defer slot.Close()
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(slot.Fd())}
	return Start(name, cmd, env)
}

// Start starts a program with exactly this environment. Its output goes to its log.
func Start(name string, cmd *exec.Cmd, env map[string]string) (*Process, error) {
	if err := os.MkdirAll(Logs, 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(LogFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Env, cmd.Stdout, cmd.Stderr = Environment(env), log, log
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{cmd, name, make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// WaitListening waits until the process accepts connections at an address.
func (p *Process) WaitListening(addr string) error {
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it listened: see its log", p.Name)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// LogFile is where the output of a process is kept.
func LogFile(name string) string { return filepath.Join(Logs, name+".log") }

// Environment is what systemd gives a service, and more.
func Environment(more map[string]string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"}
	for k, v := range more {
		env = append(env, k+"="+v)
	}
	return env
}

// Find returns the ids of the processes that are alive and have such arguments.
func Find(match func(args []string) bool) []int {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var out []int
	for _, name := range all {
		data, err := os.ReadFile(name)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && len(data) > 0 && match(strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")) {
			out = append(out, pid)
		}
	}
	return out
}
