package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/towpath-dev/towpath/lab/internal/node"
)

// systemd is Debian's, which becomes the first process of machines that need
// real units: to be edited, reloaded and restarted.
const systemd = "/lib/systemd/systemd"

// target is what it is told to reach: the runtime's unit and nothing else.
const target = "lab.target"

// handOver lets the player play as a child of the first process. That one waits
// to be told that all files are there, and then turns into systemd.
func handOver(job Job, result *os.File) error {
	in, err := json.Marshal(job)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	slot, err := node.Slot("lab.service")
	if err != nil {
		return err
	}
	player := exec.Command(node.Program, "player")
	player.Stdin, player.Stdout, player.Stderr = bytes.NewReader(in), os.Stdout, os.Stderr
	player.ExtraFiles = []*os.File{result, w}
	player.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(slot.Fd())}
	if err := player.Start(); err != nil {
		return err
	}
	w.Close()
	if n, err := io.ReadFull(r, make([]byte, 1)); n == 0 {
		return fmt.Errorf("the player ended before systemd was needed: %w", err)
	}
	args := []string{"systemd", "--system", "--unit=" + target, "--log-target=console", "--log-level=warning", "--show-status=no"}
	return syscall.Exec(systemd, args, []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "container=lab"})
}

// Player plays on a machine whose first process is to become systemd.
func Player(in io.Reader, result, boot *os.File) error {
	var job Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	syscall.CloseOnExec(int(result.Fd()))
	syscall.CloseOnExec(int(boot.Fd()))
	return perform(job, result, func() error {
		_, err := boot.Write([]byte{1})
		return err
	})
}

// unitFiles are what systemd needs besides the unit of the runtime itself.
func unitFiles(r runtime) map[string]string {
	log := node.LogFile("containerd")
	kind := "" // stock containerd tells systemd when it is up; a stand-in does not
	if r.embedded() {
		kind = "Type=exec\n"
	}
	return map[string]string{
		"/etc/machine-id":               "5f0c5b1e2d3a4c5d8e9f0a1b2c3d4e5f\n",
		"/run/systemd/system/" + target: "[Unit]\nDescription=The lab's node\nDefaultDependencies=no\nWants=" + r.unit() + "\n",
		"/run/systemd/system/" + r.unit() + ".d/lab.conf": "[Unit]\nDefaultDependencies=no\nAfter=\n" +
			"[Service]\n" + kind + "StandardOutput=append:" + log + "\nStandardError=append:" + log + "\n",
	}
}

// boot lets systemd start the runtime, and waits until that answers.
func (r runtime) boot(ctx context.Context, start func() error) error {
	if err := os.MkdirAll(filepath.Dir(node.LogFile("containerd")), 0o755); err != nil {
		return err
	}
	if err := start(); err != nil {
		return err
	}
	return waitUp(ctx, r.socket, nil)
}
