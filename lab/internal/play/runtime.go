package play

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/cri"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
	"golang.org/x/sys/unix"
)

// runtime is the container runtime of the node, where its kind has everything.
type runtime struct {
	gen    containerd.Generation
	spec   scenario.Runtime
	data   string // its root directory
	socket string
	config string
}

func newRuntime(g containerd.Generation, spec scenario.Runtime) runtime {
	r := runtime{gen: g, spec: spec, data: "/var/lib/containerd", socket: "/run/containerd/containerd.sock", config: "/etc/containerd/config.toml"}
	if r.spec.Kind == "" {
		r.spec.Kind = "containerd"
	}
	if r.embedded() {
		dir := "/var/lib/rancher/" + r.spec.Kind + "/agent"
		r.data, r.config = dir+"/containerd", dir+"/etc/containerd/config.toml"
		r.socket = "/run/k3s/containerd/containerd.sock"
	}
	return r
}

// embedded: K3s or RKE2 starts its own containerd.
func (r runtime) embedded() bool { return r.spec.Kind == "k3s" || r.spec.Kind == "rke2" }

// prepare makes the place for the runtime's data as a used node has it: with
// the sandbox image, unless the scenario says that it was never pulled.
func (r runtime) prepare(used []byte) error {
	if err := os.MkdirAll(r.data, 0o711); err != nil {
		return err
	}
	options := "mode=711"
	if r.spec.Disk != "" {
		options += ",size=" + r.spec.Disk
	}
	if r.spec.Inodes > 0 {
		options += ",nr_inodes=" + strconv.Itoa(r.spec.Inodes)
	}
	if err := unix.Mount("data", r.data, "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount %s: %w", r.data, err)
	}
	if r.spec.Pause == "absent" {
		return nil
	}
	return unpack(used, r.data)
}

// start starts the runtime and waits until it answers.
func (r runtime) start(ctx context.Context) error {
	p, err := node.Start("containerd", r.command(), r.spec.Env)
	if err != nil {
		return err
	}
	if r.spec.Second {
		if err := r.startSecond(); err != nil {
			return err
		}
	}
	if r.spec.Kubelet != "" {
		if _, err := node.Start("kubelet", stand("kubelet", "--container-runtime-endpoint="+r.spec.Kubelet), nil); err != nil {
			return err
		}
	}
	return r.waitUp(ctx, p)
}

func (r runtime) waitUp(ctx context.Context, p *node.Process) error {
	client, err := cri.Dial(r.socket)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	return client.WaitUp(ctx)
}

// command is how the kind of node starts its containerd.
func (r runtime) command() *exec.Cmd {
	if !r.embedded() {
		cmd := exec.Command(r.gen.Path(), r.spec.Args...)
		return cmd
	}
	return stand(r.spec.Kind, "server")
}

// otherConfig is the configuration of a second containerd.
const otherConfig = "/etc/other/config.toml"

// startSecond starts another containerd, as a node has that runs Docker besides.
func (r runtime) startSecond() error {
	config := "version = 2\nroot = \"/var/lib/other\"\nstate = \"/run/other\"\n[grpc]\n  address = \"/run/other/containerd.sock\"\n"
	if err := put(otherConfig, config, func(s string) (string, error) { return s, nil }); err != nil {
		return err
	}
	_, err := node.Start("other", exec.Command(r.gen.Path(), "-c", otherConfig), nil)
	return err
}

// afterStart does to the runtime what the scenario says was done to it.
func (r runtime) afterStart() error {
	if r.spec.Leave != "" {
		if err := fillUp(r.data, r.spec.Leave); err != nil {
			return err
		}
	}
	signal := map[string]syscall.Signal{"STOP": syscall.SIGSTOP, "KILL": syscall.SIGKILL}[r.spec.Signal]
	if signal == 0 {
		return nil
	}
	return r.signal(signal)
}

// signal sends a signal to the process of the runtime.
func (r runtime) signal(signal syscall.Signal) error {
	pids := node.Find(r.running)
	if len(pids) == 0 {
		return fmt.Errorf("no containerd is running")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the runtime and returns its data.
func (r runtime) stop(ctx context.Context) ([]byte, error) {
	if err := r.signal(syscall.SIGTERM); err != nil {
		return nil, err
	}
	for len(node.Find(r.running)) > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return pack(r.data)
}

// fillUp writes a file that leaves so many bytes on a file system.
func fillUp(dir, leave string) error {
	n, err := strconv.ParseInt(strings.TrimSuffix(leave, "k"), 10, 64)
	if err != nil {
		return fmt.Errorf("leave: %q is no number of kilobytes, such as 200k", leave)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	free := int64(st.Bfree) * st.Bsize
	f, err := os.Create(filepath.Join(dir, "core.1234"))
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fallocate(int(f.Fd()), 0, 0, free-n<<10)
}
