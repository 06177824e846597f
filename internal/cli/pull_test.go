package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/world"
)

// call runs a command and returns its exit status, output and errors.
func call(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(t.Context(), World{Args: args, In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

// pullNode is the root of a node without a runtime, whose certs.d leads the
// registry r.test to a registry on loopback, over a mirror that has nothing.
func pullNode(t *testing.T) (root, digest string) {
	t.Helper()
	serve := func(images ...world.Image) world.Role {
		return world.Role{Listen: "127.0.0.1:0", TLS: &world.TLS{Names: []string{"127.0.0.1"}}, Registry: &world.Holds{Images: images}}
	}
	w, err := world.Serve(world.Spec{Servers: map[string]world.Role{"own": serve(world.Image{Ref: "team/app:1"}), "mirror": serve()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	root = t.TempDir()
	for name, text := range map[string]string{
		"etc/hosts":      "127.0.0.1 localhost\n",
		"etc/ca.pem":     string(w.PKI.Root.PEM()),
		"etc/containerd": "",
		"etc/containerd/certs.d/r.test/hosts.toml": fmt.Sprintf("server = \"https://%s\"\nca = \"/etc/ca.pem\"\n[host.\"https://%s\"]\nca = \"/etc/ca.pem\"\n",
			w.Server("own").Addr(), w.Server("mirror").Addr()),
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, w.Registry("own").Digest("team/app", "1")
}

func TestPullWritesItsResultAndNothingElseToTheOutput(t *testing.T) {
	root, digest := pullNode(t)
	dir := filepath.Join(t.TempDir(), "layout")
	status, out, errs := call(t, "pull", "--root", root, "--hosts-dir", "/etc/containerd/certs.d", "--out", "oci:"+dir, "r.test/team/app:1")
	if status != 0 || out != "r.test/team/app@"+digest+"\n" || !strings.Contains(errs, "towpath: layer 1 of 1 sha256:") {
		t.Fatalf("%d\n%s\n%s", status, out, errs)
	}
	if !strings.Contains(errs, "404 Not Found") {
		t.Errorf("of the mirror that lacks it nothing is told: %s", errs)
	}
	status, out, _ = call(t, "pull", "--root", root, "--hosts-dir", "/etc/containerd/certs.d", "--out", "oci:"+dir, "-o", "json", "r.test/team/app:1")
	var d pullDocument
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 0 || d.Kind != "pull" || d.State != "done" || *d.Digest != digest || d.Present.Blobs != 2 || d.Findings == nil {
		t.Errorf("%d %v\n%s", status, err, out)
	}
}

func TestAPullThatFailsNamesTheHostsInOrder(t *testing.T) {
	root, _ := pullNode(t)
	args := []string{"pull", "--root", root, "--hosts-dir", "/etc/containerd/certs.d", "--out", "docker-archive:" + filepath.Join(t.TempDir(), "x.tar"), "r.test/team/nope:1"}
	status, out, errs := call(t, args...)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if status != 3 || out != "" || len(lines) != 4 || lines[3] != "towpath: try: towpath doctor r.test/team/nope:1" {
		t.Fatalf("%d %q\n%s", status, out, errs)
	}
	status, out, _ = call(t, append(args, "-o", "json")...)
	var d pullDocument
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 3 || d.State != "failed" || len(d.Hosts) != 2 || d.Error == nil || d.Findings == nil {
		t.Fatalf("%d %v\n%s", status, err, out)
	}
	for i, h := range d.Hosts {
		if want := fmt.Sprintf("towpath:   %s: %s", h.Endpoint, *h.Error); lines[i+1] != want {
			t.Errorf("line %d is %q, want %q", i+1, lines[i+1], want)
		}
	}
}

func TestPullRefusesFlagsThatContradictEachOther(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--via self", "needs a place to pull into"},
		{"--via cri --out oci:x", "names another place"},
		{"--via them", "nobody of that name pulls"},
		{"--platform linux/arm64", "needs --out"},
		{"--out oci:x --platform arm64", "is not of the form"},
		{"--out tar:x", "is neither oci:DIR nor docker-archive:FILE"},
		{"--out oci:", "names no path"},
		{"--out oci:x:1", "has a colon in its path"},
	} {
		status, out, errs := call(t, append(append([]string{"pull"}, strings.Fields(c.args)...), "r.test/app")...)
		if status != 2 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %d %q %s", c.args, status, out, errs)
		}
	}
}

func TestWithoutARuntimeNobodyPulls(t *testing.T) {
	root, _ := pullNode(t)
	status, out, errs := call(t, "pull", "--root", root, "r.test/team/app:1")
	if status != 3 || out != "" || !strings.Contains(errs, "there is no CRI socket to pull through") || !strings.Contains(errs, "--out oci:DIR") {
		t.Errorf("%d %q %s", status, out, errs)
	}
}

// TestARealRuntimePulls starts the containerd of this machine.
func TestARealRuntimePulls(t *testing.T) {
	containerd, err := exec.LookPath("containerd")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("not looked at: a pull by a real runtime needs root and an installed containerd")
	}
	root, digest := pullNode(t)
	dir, err := os.MkdirTemp("", "tp") // short: the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hosts := filepath.Join(root, "etc/containerd/certs.d/r.test/hosts.toml")
	data, err := os.ReadFile(hosts)
	if err == nil {
		err = os.WriteFile(hosts, bytes.ReplaceAll(data, []byte("/etc/ca.pem"), []byte(root+"/etc/ca.pem")), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n"+
		"[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = %q\n", dir+"/data", dir+"/state", dir+"/c.sock", dir+"/t.sock", dir+"/opt", root+"/etc/containerd/certs.d")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(containerd, "-c", config)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Signal(os.Interrupt); _ = daemon.Wait() })
	if err := runtime.Await(t.Context(), dir+"/c.sock"); err != nil {
		t.Fatal(err)
	}
	status, out, errs := call(t, "pull", "--containerd-config", config, "r.test/team/app:1")
	if status != 0 || out != "r.test/team/app@"+digest+"\n" || !strings.Contains(errs, "containerd pulls r.test/team/app:1") {
		t.Errorf("%d %q %s", status, out, errs)
	}
	status, out, errs = call(t, "pull", "--containerd-config", config, "r.test/team/nope:1")
	if status != 3 || out != "" || !strings.Contains(errs, "rpc error") || !strings.HasSuffix(errs, "towpath: try: towpath doctor r.test/team/nope:1\n") {
		t.Errorf("%d %q %s", status, out, errs)
	}
	archive := filepath.Join(t.TempDir(), "app.tar")
	if status, _, errs := call(t, "pull", "--containerd-config", config, "--out", "docker-archive:"+archive, "r.test/team/app:1"); status != 0 {
		t.Fatal(errs)
	}
	ctr, err := exec.LookPath("ctr")
	if err != nil {
		t.Skip("not looked at: ctr is not installed")
	}
	if out, err := exec.Command(ctr, "-a", dir+"/c.sock", "-n", "other", "images", "import", "--no-unpack", archive).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := exec.Command(ctr, "-a", dir+"/c.sock", "-n", "other", "images", "check").CombinedOutput(); err != nil || !bytes.Contains(out, []byte(digest)) || !bytes.Contains(out, []byte("complete")) {
		t.Errorf("%v %s", err, out)
	}
}
