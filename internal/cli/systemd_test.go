package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/booted"
)

// server is a machine with a real systemd, a real containerd and towpath.
type server struct {
	*testing.T
	*booted.Machine
}

// containerd's unit asks for nothing that such a machine does not have.
const containerdUnit = `[Unit]
DefaultDependencies=no
[Service]
Type=notify
ExecStart=/usr/bin/containerd
KillMode=process
Delegate=yes
TimeoutStopSec=5
`

// The state of this containerd lies in an overlay, on which no other can stand.
const containerdConfig = `version = 2
oom_score = 0 # mine
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
`

func newServer(t *testing.T) server {
	t.Helper()
	for _, name := range []string{"/usr/bin/containerd", "/usr/sbin/update-ca-certificates", "/lib/systemd/system/systemd-timesyncd.service"} {
		if _, err := os.Stat(name); err != nil {
			t.Skipf("not looked at: apply on a real systemd: %v", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]booted.File{
		"/usr/local/bin/towpath":                       {Data: program, Mode: 0o755},
		"/etc/systemd/system/containerd.service":       {Data: []byte(containerdUnit), Mode: 0o644},
		"/etc/containerd/config.toml":                  {Data: []byte(containerdConfig), Mode: 0o640},
		"/etc/containerd/certs.d/docker.io/hosts.toml": {Data: []byte("# by hand\nserver = \"https://registry-1.docker.io\"\n"), Mode: 0o644},
		"/root/registries.yaml":                        {Data: []byte("mirrors:\n  ghcr.io:\n    endpoint: [\"https://ghcr.corp\"]\n"), Mode: 0o644},
		"/root/broken.toml":                            {Data: []byte("version = 2\nroot = 7\n"), Mode: 0o644},
	}
	s := server{t, booted.Boot(t, files)}
	s.run("sh", "-c", "rm -rf /var/lib/containerd /run/containerd; mkdir -p /var/lib/containerd; systemctl disable systemd-timesyncd; rm -rf /etc/ca-certificates/update.d /etc/ssl/certs/java; update-ca-certificates --fresh; towpath ca new /root/ca; systemctl start containerd")
	return s
}

// run runs a program that has to end well and returns what it said.
func (s server) run(args ...string) string {
	s.Helper()
	out, err := s.Command(s.Context(), nil, args...).CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fails runs a program that has to end with a status, and returns what it said.
func (s server) fails(status int, args ...string) string {
	s.Helper()
	out, err := s.Command(s.Context(), nil, args...).CombinedOutput()
	if err == nil || err.Error() != fmt.Sprint("exit status ", status) {
		s.Fatalf("%s: %v, want status %d\n%s", strings.Join(args, " "), err, status, out)
	}
	return string(out)
}

func (s server) says(out string, want ...string) {
	s.Helper()
	for _, text := range want {
		if !strings.Contains(out, text) {
			s.Errorf("%q is not in\n%s", text, out)
		}
	}
}

// listing is everything in directories that apply changes: kind, mode, owner,
// target and content.
func (s server) listing() []string {
	s.Helper()
	script := `find /etc /usr/local/share/ca-certificates -printf '%y %m %U:%G %p %l\n' | sort; ` +
		`find /etc /usr/local/share/ca-certificates -type f -exec sha256sum {} + | sort -k2`
	return strings.Split(s.run("sh", "-c", script), "\n")
}

func (s server) environment() string {
	s.Helper()
	pid := strings.TrimSpace(s.run("systemctl", "show", "-p", "MainPID", "--value", "containerd"))
	return strings.ReplaceAll(s.run("cat", "/proc/"+pid+"/environ"), "\x00", "\n")
}

// same compares listings.
func (s server) same(before, after []string) {
	s.Helper()
	for _, l := range after {
		if !slices.Contains(before, l) {
			s.Errorf("there is now %s", l)
		}
	}
	for _, l := range before {
		if !slices.Contains(after, l) {
			s.Errorf("there was %s", l)
		}
	}
}

func TestApplyOnARealSystemd(t *testing.T) {
	s := newServer(t)
	before := s.listing()
	apply := []string{"towpath", "apply", "--trust", "/root/ca/ca.crt", "--proxy", "http://127.0.0.1:3128", "--no-proxy", ".corp", "--sync-time", "/root/registries.yaml"}

	out := s.fails(1, append(apply, "--dry-run=node")...)
	s.says(out, "after a restart       /etc/containerd/config.toml", "containerd.service has to be restarted", "a dry run")
	s.same(before, s.listing())
	out = s.fails(1, append(apply, "--yes")...)
	s.says(out, "repeat with --allow-restart")

	out = s.run(append(apply, "--yes", "--allow-restart")...)
	s.says(out, "running update-ca-certificates", "running systemctl enable --now systemd-timesyncd.service", "restarting containerd.service", "applied, verified by its answer on")
	s.says(s.environment(), "HTTPS_PROXY=http://127.0.0.1:3128", "NO_PROXY=.corp")
	s.says(s.run("cat", "/etc/containerd/config.toml"), "oom_score = 0 # mine", `config_path = "/etc/containerd/certs.d"`)
	s.says(s.run("cat", "/etc/ssl/certs/ca-certificates.crt"), s.run("cat", "/root/ca/ca.crt"))
	s.says(s.run("systemctl", "is-enabled", "systemd-timesyncd"), "enabled")
	s.says(s.run("cat", "/etc/containerd/certs.d/ghcr.io/hosts.toml"), "ghcr.corp")

	s.says(s.run(append(apply, "--yes", "--allow-restart")...), "nothing to change")
	s.run(append(apply, "--dry-run=node")...)

	out = s.run("towpath", "rollback", "--allow-restart")
	s.says(out, "running update-ca-certificates --fresh", "running systemctl disable --now systemd-timesyncd.service", "restarting containerd.service")
	s.same(before, s.listing())
	if env := s.environment(); strings.Contains(env, "PROXY") {
		t.Errorf("containerd still has %s", env)
	}
}

func TestAFileWithWhichContainerdDoesNotStartIsTakenBack(t *testing.T) {
	s := newServer(t)
	before := s.listing()
	out := s.fails(3, "towpath", "apply", "--yes", "--allow-restart", "--fail-on", "none", "--from", "containerd-config", "/root/broken.toml")
	s.says(out, "taken back: every file is as it was")
	s.same(before, s.listing())
	s.says(s.run("systemctl", "is-active", "containerd"), "active")
}

func TestARuntimeThatNoServiceManagerRunsIsRefusedARestart(t *testing.T) {
	s := newServer(t)
	s.run("sh", "-c", "systemctl stop containerd; rm /etc/systemd/system/containerd.service; systemctl daemon-reload; setsid containerd >/dev/null 2>&1 </dev/null & sleep 0.1")
	socket := func() {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if s.Command(t.Context(), nil, "ctr", "version").Run() == nil {
				return
			}
			if time.Now().After(until) {
				t.Fatal("containerd does not answer")
			}
		}
	}
	socket()
	before := s.listing()
	for _, more := range [][]string{{"--yes", "--allow-restart"}, {"--dry-run=node"}} {
		out := s.fails(3, append([]string{"towpath", "apply", "/root/registries.yaml"}, more...)...)
		s.says(out, "no service manager runs it, restart it yourself; with --restart-with COMMAND towpath does it")
		s.same(before, s.listing())
	}
	out := s.fails(3, "towpath", "apply", "--yes", "--allow-restart", "--proxy", "http://127.0.0.1:3128")
	s.says(out, "set HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment of whatever does")

	again := "pkill -x containerd; while pgrep -x containerd; do sleep 0.05; done; setsid containerd >/dev/null 2>&1 </dev/null &"
	out = s.run("towpath", "apply", "--yes", "--allow-restart", "--restart-with", again, "/root/registries.yaml")
	s.says(out, "applied, verified by its answer on")
}
