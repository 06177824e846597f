// Package node makes one machine out of namespaces: its own processes, network,
// mounts and root file system, all in memory. Its first process is this program
// again; when that one ends, or the lab does, the kernel takes the whole machine
// away, so that nothing can leak. It knows nothing of runtimes or scenarios.
package node

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Program is where this program is found on every node.
const Program = "/lab/lab"

// Machine prepares this program to run as the first process of a new machine,
// in a control group that becomes the root of the machine's own. Start it with
// Run, and call Enter in it.
func Machine(ctx context.Context, group *Cgroup, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
			syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWCGROUP,
		Pdeathsig:   syscall.SIGKILL,
		UseCgroupFD: true,
		CgroupFD:    int(group.file.Fd()),
	}
	return cmd
}

// Run starts a command, calls started, and waits for its end, on a thread that
// stays: the kernel sends the death signal when the thread that started a
// process ends.
func Run(cmd *exec.Cmd, started func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started()
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// Elsewhere prepares this program to run on the same machine in a network of
// its own: what is outside the node.
func Elsewhere(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, Program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	cmd.Stderr = os.Stderr
	return cmd
}
