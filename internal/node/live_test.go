package node

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// asNobody runs a function on a thread without any privilege.
func asNobody(t *testing.T, work func()) {
	t.Helper()
	needRoot(t, "dropping privileges")
	const nobody = 65534
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its lost privileges
		for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
			if _, _, errno := unix.RawSyscall(call, nobody, nobody, nobody); errno != 0 {
				done <- errno
				return
			}
		}
		work()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// realContainerd starts Debian's containerd with everything of its own below a
// directory, and waits for its socket.
func realContainerd(t *testing.T, env []string, attr *syscall.SysProcAttr) (dir string, pid int) {
	t.Helper()
	const exe = "/usr/bin/containerd"
	needRoot(t, "a real containerd")
	if _, err := os.Stat(exe); err != nil {
		t.Skipf("not looked at: a real containerd, %v", err)
	}
	dir, err := os.MkdirTemp("", "node") // short: the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n"+
		"[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n", dir+"/data", dir+"/state", dir+"/c.sock", dir+"/t.sock", dir+"/opt")
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "--config", "config.toml")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, env, attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() })
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", dir+"/c.sock"); err == nil {
			conn.Close()
			return dir, cmd.Process.Pid
		}
		if time.Now().After(until) {
			t.Fatal("containerd does not open its socket")
		}
	}
}

func ofPID(t *testing.T, n *snapshot.Node, pid int) *snapshot.Runtime {
	t.Helper()
	i := slices.IndexFunc(n.Runtimes, func(rt snapshot.Runtime) bool { return rt.PID == pid })
	if i < 0 {
		t.Fatalf("process %d is not among %+v", pid, n.Runtimes)
	}
	return &n.Runtimes[i]
}

func TestARealContainerdIsReadAsItRuns(t *testing.T) {
	before := time.Now()
	dir, pid := realContainerd(t, []string{"PATH=/usr/bin", "HTTPS_PROXY=http://u:pw@proxy:1", "no_proxy=a", "SSL_CERT_FILE=ca.pem", "HOME=/"}, nil)
	pem := certificate(t, "ours")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(pem), 0o644); err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, "/")
	n := Find(t.Context(), r, Caller{})
	rt := ofPID(t, n, pid)
	if rt.Config != dir+"/config.toml" || rt.Socket != dir+"/c.sock" || rt.Data != dir+"/data" || rt.Dir != dir {
		t.Errorf("configuration %s, socket %s, data %s, directory %s; all below %s", rt.Config, rt.Socket, rt.Data, rt.Dir, dir)
	}
	if rt.Exe != "/usr/bin/containerd" || rt.Target.Runtime != "containerd" || !rt.Target.Version.Known() || rt.Apart || rt.Root != "/" {
		t.Errorf("%+v", rt)
	}
	if rt.Started.Before(before.Add(-50*time.Millisecond)) || rt.Started.After(time.Now()) {
		t.Errorf("started %v, after %v", rt.Started, before)
	}
	want := map[string]string{"PATH": "/usr/bin", "HTTPS_PROXY": "http://u:***@proxy:1", "no_proxy": "a", "SSL_CERT_FILE": "ca.pem"}
	if fmt.Sprint(rt.Env) != fmt.Sprint(want) || rt.Reveal["HTTPS_PROXY"].Reveal() != "http://u:pw@proxy:1" {
		t.Errorf("environment %v", rt.Env)
	}
	chosen, _, err := Choose(r, n, Want{Config: dir + "/config.toml"})
	if err != nil || chosen.PID != pid {
		t.Fatalf("chose %+v, %v", chosen, err)
	}
	v := Look(t.Context(), r, n, chosen)
	defer v.Close()
	if a := n.Trust.Anchors; len(a) == 0 || a[0].Subject != "CN=ours" || !a[0].Changed.After(rt.Started) {
		t.Errorf("its pool begins with %+v", n.Trust.Files)
	}
	if len(n.Disks) != 2 || !strings.HasPrefix(n.Disks[0].Path, dir) || n.Disks[0].Total == 0 {
		t.Errorf("disks %+v", n.Disks)
	}
	if len(n.Unseen) != 0 {
		t.Errorf("root did not see %+v", n.Unseen)
	}
}

func TestTheVersionOfARealContainerdNeedsNoSocket(t *testing.T) {
	_, pid := realContainerd(t, nil, nil)
	out, err := exec.Command("/usr/bin/containerd", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	f := &finder{root: openRoot(t, "/"), node: &snapshot.Node{}}
	got := builtVersion(f.program(f.root, pid, "/usr/bin/containerd"), ownModules)
	if got == "" {
		got = packaged(f.root, "/usr/bin/containerd")
	}
	if got == "" || !strings.Contains(string(out), strings.TrimPrefix(got, "v")) {
		t.Errorf("read %q, it says %s", got, out)
	}
	if got := spoken(t.Context(), f.root, pid, "/usr/bin/containerd"); got == "" || !strings.Contains(string(out), got) {
		t.Errorf("asked %q, it says %s", got, out)
	}
}

func TestARuntimeInOtherNamespacesIsKeptApart(t *testing.T) {
	dir, pid := realContainerd(t, nil, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS})
	r := openRoot(t, "/")
	rt := ofPID(t, Find(t.Context(), r, Caller{}), pid)
	if want := fmt.Sprintf("/proc/%d/root", pid); !rt.Apart || rt.Root != want || rt.Socket != dir+"/c.sock" {
		t.Errorf("apart %v, root %s, socket %s", rt.Apart, rt.Root, rt.Socket)
	}
	n := &snapshot.Node{}
	v := Look(t.Context(), r, n, rt)
	defer v.Close()
	if v.Net == nil || v.Files.Name() != rt.Root || len(n.Unseen) != 0 {
		t.Errorf("network %v, files %s, unseen %v", v.Net, v.Files.Name(), n.Unseen)
	}
	if err := v.Net.Do(loopbackUp); err != nil {
		t.Error(err)
	}
}

func TestWithoutPrivilegesItSaysWhatItCouldNotSee(t *testing.T) {
	dir, pid := realContainerd(t, []string{"HTTPS_PROXY=http://u:pw@proxy:1"}, nil)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/data", 0o700); err != nil {
		t.Fatal(err)
	}
	var n *snapshot.Node
	asNobody(t, func() {
		r, err := OpenRoot("/")
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		n = Find(t.Context(), r, Caller{})
		rt := ofPID(t, n, pid)
		if rt.Config != "config.toml" {
			t.Errorf("configuration %s, though nobody told the working directory", rt.Config)
		}
		rt.Data = dir + "/data"
		Look(t.Context(), r, n, rt).Close()
	})
	who := fmt.Sprintf("containerd (process %d)", pid)
	for _, what := range []string{
		"executable, working directory, namespaces, file system, environment of " + who,
		"packet filter rules", "free space of " + dir + "/data",
	} {
		i := slices.IndexFunc(n.Unseen, func(u snapshot.Unseen) bool { return u.What == what })
		if i < 0 || !strings.HasSuffix(n.Unseen[i].Why, "run as root") {
			t.Errorf("%q is not among %+v", what, n.Unseen)
		}
	}
	if rt := ofPID(t, n, pid); rt.Target.Runtime != "containerd" || len(rt.Env) != 0 {
		t.Errorf("%+v", rt)
	}
}
