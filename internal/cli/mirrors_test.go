package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/world"
)

// mirrorsNode is the root of a node whose certs.d has three mirrors of r.test: a
// stale one, one whose blobs do not verify, and a good one.
func mirrorsNode(t *testing.T) (root string, addr map[string]string) {
	t.Helper()
	serve := func(created string, faults ...world.Fault) world.Role {
		return world.Role{
			Listen: "127.0.0.1:0", TLS: &world.TLS{Names: []string{"127.0.0.1"}}, Faults: faults,
			Registry: &world.Holds{Images: []world.Image{{Ref: "team/app:1", Created: created, Layers: []int{5000}}}},
		}
	}
	w, err := world.Serve(world.Spec{Servers: map[string]world.Role{
		"own": serve("2026-06-01T00:00:00Z"), "stale": serve("2026-05-01T00:00:00Z"), "good": serve("2026-06-01T00:00:00Z"),
		"bad": serve("2026-06-01T00:00:00Z", world.Fault{Do: world.DoCorrupt, On: []world.Class{world.Blob}}), "new": serve("2026-06-01T00:00:00Z"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	addr = map[string]string{}
	for _, name := range []string{"own", "stale", "good", "bad", "new"} {
		addr[name] = w.Server(name).Addr()
	}
	root = t.TempDir()
	hosts := fmt.Sprintf("server = \"https://%s\"\nca = \"/etc/ca.pem\"\n", addr["own"])
	for _, name := range []string{"stale", "bad", "good"} {
		hosts += fmt.Sprintf("\n# the %s one\n[host.\"https://%s\"]\n  ca = \"/etc/ca.pem\"\n", name, addr[name])
	}
	for name, text := range map[string]string{
		"etc/hosts": "127.0.0.1 localhost\n", "etc/ca.pem": string(w.PKI.Root.PEM()), "etc/ssl/certs/ca-certificates.crt": string(w.PKI.Root.PEM()),
		"etc/containerd/certs.d/r.test/hosts.toml": hosts, "etc/os-release": "ID=debian\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, addr
}

func mirrorsOf(t *testing.T, args ...string) (status int, d report.Mirrors, errs string) {
	t.Helper()
	status, out, errs := call(t, append([]string{"mirrors", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, errs)
	}
	return status, d, errs
}

func api(addr map[string]string, names ...string) []string {
	out := []string{}
	for _, name := range names {
		out = append(out, "https://"+addr[name]+"/v2")
	}
	return out
}

func TestMirrorsRanksWhatTheNodeHasAndWhatIsGiven(t *testing.T) {
	root, addr := mirrorsNode(t)
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("# candidates\nhttps://"+addr["new"]+" # a new one\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	node := []string{"--root", root, "--hosts-dir", "/etc/containerd/certs.d"}
	status, d, errs := mirrorsOf(t, append(node, "r.test", "--image", "team/app:1", "--list", list)...)
	var order []string
	for _, m := range d.Mirrors {
		order = append(order, m.Endpoint)
		if (m.Rank == nil) != (m.Unfit != nil) || m.Configured == (m.Endpoint == api(addr, "new")[0]) {
			t.Errorf("%+v", m)
		}
	}
	first := order[:2]
	slices.Sort(first)
	want := api(addr, "good", "new")
	slices.Sort(want)
	if status != 0 || d.Kind != "mirrors" || !slices.Equal(first, want) || !slices.Equal(order[2:], api(addr, "stale", "bad")) {
		t.Errorf("%d %v\n%s", status, order, errs)
	}
	if !slices.Equal(d.Before, api(addr, "stale", "bad", "good")) || d.Change != nil || len(d.Findings) != 2 || d.Default || d.Upstream.Sample == nil || !d.Upstream.Sample.Verified {
		t.Errorf("%+v", d)
	}
}

func TestMirrorsPrintsATable(t *testing.T) {
	root, addr := mirrorsNode(t)
	status, out, errs := call(t, "mirrors", "--root", root, "--hosts-dir", "/etc/containerd/certs.d", "--fail-on", "warning", "r.test", "--image", "r.test/team/app:1")
	for _, want := range []string{
		"r.test: compared by r.test/team/app:1\n", "   1  https://" + addr["good"] + "/v2", "   2  https://" + addr["stale"] + "/v2",
		"   -  https://" + addr["bad"] + "/v2", "31 days", "its content cannot be had as its digest says", "mirror/stale", "registry itself",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if status != 1 || errs != "" {
		t.Errorf("%d %s", status, errs)
	}
}

func TestMirrorsWritesTheOrderAndKeepsTheRest(t *testing.T) {
	root, addr := mirrorsNode(t)
	file := filepath.Join(root, "etc/containerd/certs.d/r.test/hosts.toml")
	args := []string{"--root", root, "--hosts-dir", "/etc/containerd/certs.d", "r.test", "--image", "team/app:1", "--write", "--yes"}
	status, d, errs := mirrorsOf(t, args...)
	if status != 0 || d.Change == nil || d.Change.State != "done" || !slices.Equal(d.After, api(addr, "good", "stale", "bad")) {
		t.Fatalf("%d %+v\n%s", status, d.Change, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, name := range []string{"good", "stale", "bad"} {
		block := fmt.Sprintf("# the %s one\n[host.\"https://%s\"]\n  ca = \"/etc/ca.pem\"\n", name, addr[name])
		i := strings.Index(string(text), block)
		if i < at {
			t.Fatalf("%s stands at %d, not behind %d, in\n%s", name, i, at, text)
		}
		at = i
	}
	status, d, errs = mirrorsOf(t, args...)
	if again, _ := os.ReadFile(file); status != 0 || string(again) != string(text) || d.Change.State != "none" || !strings.Contains(errs, "in this order already") {
		t.Errorf("the same order changed something: %d %+v %s", status, d.Change, errs)
	}
	status, d, _ = mirrorsOf(t, append(args, "--prune")...)
	if again, _ := os.ReadFile(file); status != 0 || strings.Contains(string(again), addr["bad"]) || !slices.Equal(d.After, api(addr, "good", "stale")) || strings.Contains(string(again), "skip_verify") {
		t.Errorf("%d %v\n%s", status, d.After, again)
	}
	if status, out, errs := call(t, "rollback", "--root", root, "--yes"); status != 0 {
		t.Fatalf("%d %s %s", status, out, errs)
	}
	if again, _ := os.ReadFile(file); string(again) != string(text) {
		t.Errorf("rolled back to\n%s\nfrom\n%s", again, text)
	}
}

func TestMirrorsWritesNothingWithoutConsent(t *testing.T) {
	root, _ := mirrorsNode(t)
	file := filepath.Join(root, "etc/containerd/certs.d/r.test/hosts.toml")
	before, _ := os.ReadFile(file)
	args := []string{"--root", root, "--hosts-dir", "/etc/containerd/certs.d", "r.test", "--image", "team/app:1", "--write"}
	status, d, _ := mirrorsOf(t, args...)
	if after, _ := os.ReadFile(file); status != 1 || d.Change.State != "shown" || string(after) != string(before) {
		t.Errorf("%d %+v\n%s", status, d.Change, after)
	}
	dir := t.TempDir()
	status, d, _ = mirrorsOf(t, append(args, "--out", dir)...)
	made, err := os.ReadFile(filepath.Join(dir, "etc/containerd/certs.d/r.test/hosts.toml"))
	if after, _ := os.ReadFile(file); err != nil || status != 0 || d.Change.State != "done" || *d.Change.Out != dir || string(after) != string(before) || string(made) == string(before) {
		t.Errorf("%d %v %+v\n%s", status, err, d.Change, made)
	}
}

func TestMirrorsRefusesWhatItCannotMeasure(t *testing.T) {
	root, _ := mirrorsNode(t)
	for _, c := range []struct{ args, want string }{
		{"r.test", "which images of r.test"},
		{"docker.io", "no candidates"},
		{"docker.io ftp://mirror.example", "a mirror has https or http"},
		{"docker.io https://u:p@mirror.example", "credentials do not belong"},
		{"docker.io https://mirror.example/?x=1", "ends with its path"},
		{"docker.io https://", "it names no host"},
		{"docker.io https://0177.1", "could be read as an address"},
		{"docker.io/library", "it is no registry"},
		{"docker.io https://mirror.example --prune", "--prune says what --write"},
		{"docker.io https://mirror.example --out x", "--out says where --write"},
		{"docker.io https://mirror.example --sample 0", "from 1 to 1024"},
		{"docker.io --list /nowhere", "no such file"},
	} {
		status, out, errs := call(t, append([]string{"mirrors", "--root", root}, strings.Fields(c.args)...)...)
		if status != 2 || out != "" || !strings.Contains(errs, c.want) || strings.Contains(errs, "u:p") {
			t.Errorf("%s: %d %q %s", c.args, status, out, errs)
		}
	}
}
