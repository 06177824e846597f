package play

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	if g.Engine() {
		r.spec.Kind = string(g)
	}
	if r.spec.Kind == "" {
		r.spec.Kind = "containerd"
	}
	switch g {
	case containerd.Docker:
		r.data, r.socket, r.config = "/var/lib/docker", "/run/docker.sock", "/etc/docker/daemon.json"
	case containerd.Podman:
		r.data, r.socket, r.config = "/var/lib/containers", "", "/etc/containers/registries.conf"
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
	if r.spec.Pause == "absent" || r.gen.Engine() {
		return nil
	}
	if r.spec.Second {
		if err := unpack(used, otherData); err != nil {
			return err
		}
	}
	return unpack(used, r.data)
}

// start starts the runtime and waits until it answers.
func (r runtime) start(ctx context.Context) error {
	if r.gen.Engine() {
		return r.startEngine(ctx)
	}
	p, err := node.StartUnit(r.unit(), "containerd", r.command(), r.spec.Env)
	if err != nil {
		return err
	}
	if r.spec.Second {
		if err := r.startSecond(ctx); err != nil {
			return err
		}
	}
	if r.spec.Kubelet != "" {
		if _, err := node.Start("kubelet", stand("kubelet", "--container-runtime-endpoint="+r.spec.Kubelet), nil); err != nil {
			return err
		}
	}
	return waitUp(ctx, r.socket, p.Done())
}

// waitUp waits until a runtime answers on its socket, or ends.
func waitUp(ctx context.Context, socket string, gone <-chan struct{}) error {
	client, err := cri.Dial(socket)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	return client.WaitUp(ctx, gone)
}

// command is how the kind of node starts its containerd.
func (r runtime) command() *exec.Cmd {
	if r.embedded() {
		return stand(r.spec.Kind, "server")
	}
	return exec.Command(r.gen.Path())
}

// The second containerd of a node. Its configuration is a file of the scenario.
const (
	otherConfig = "/etc/other/config.toml"
	otherData   = "/var/lib/other"
	otherSocket = "/run/other/containerd.sock"
)

// startSecond starts another containerd, as a node has that runs Docker besides.
func (r runtime) startSecond(ctx context.Context) error {
	p, err := node.Start("other", exec.Command(r.gen.Path(), "-c", otherConfig), nil)
	if err != nil {
		return err
	}
	return waitUp(ctx, otherSocket, p.Done())
}

// afterStart does to the runtime what the scenario says was done to it.
func (r runtime) afterStart(ctx context.Context) error {
	if r.spec.ReadOnly {
		if err := readOnly(r.data); err != nil {
			return err
		}
	}
	if r.spec.Leave != "" {
		if err := fillUp(r.data, r.spec.Leave); err != nil {
			return err
		}
	}
	switch r.spec.Signal {
	case "STOP":
		_, err := r.signal(syscall.SIGSTOP)
		return err
	case "KILL":
		return r.end(ctx, syscall.SIGKILL)
	}
	return nil
}

// readOnly covers a directory with itself, read-only. The file system below
// cannot be remounted while the runtime has files open for writing.
func readOnly(dir string) error {
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", dir, err)
	}
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("remount %s: %w", dir, err)
	}
	return nil
}

// signal sends a signal to the process of the runtime and returns its id.
func (r runtime) signal(signal syscall.Signal) (int, error) {
	pids := node.Find(r.running)
	if len(pids) != 1 {
		return 0, fmt.Errorf("%d containerds are running, not one", len(pids))
	}
	return pids[0], syscall.Kill(pids[0], signal)
}

// end ends the runtime with a signal and waits for that.
func (r runtime) end(ctx context.Context, signal syscall.Signal) error {
	pid, err := r.signal(signal)
	if err != nil {
		return err
	}
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// fillUp uses a file system up until so much is left: "200k" or "5 inodes".
func fillUp(dir, leave string) error {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(leave, "%d%s", &n, &unit); err != nil {
		return fmt.Errorf("leave: %q is neither 200k nor 5 inodes: %w", leave, err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	if unit == "k" {
		f, err := os.Create(filepath.Join(dir, "core.1234"))
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fallocate(int(f.Fd()), 0, 0, int64(st.Bfree)*st.Bsize-n<<10)
	}
	for i := range int64(st.Ffree) - n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("session-%d", i)), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}
