package repair_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// node is a node with these files, each as path and text.
func node(runtime, version string, files ...string) repair.Node {
	n := repair.Node{Input: effective.Input{Runtime: snapshot.Runtime{
		Target: effective.Target(route.Target{Runtime: runtime, Version: route.MustVersion(version)}), Owner: &snapshot.Owner{},
	}}}
	for i := 0; i < len(files); i += 2 {
		n.Files = append(n.Files, source.File{Path: files[i], Data: []byte(files[i+1]), Mode: 0o600})
	}
	n.Input.Files = n.Files
	return n
}

// errors are what is wrong with a node's files.
func errors(n repair.Node) []finding.Finding {
	return slices.DeleteFunc(effective.Read(n.Input).Findings, func(f finding.Finding) bool { return f.Severity < finding.Error })
}

// after is a file as a plan leaves it.
func after(n repair.Node, p plan.Plan, path string) string {
	if f := source.Find(p.After(n.Files), path); f != nil {
		return string(f.Data)
	}
	return ""
}

const (
	config = "/etc/containerd/config.toml"
	cri    = `plugins."io.containerd.grpc.v1.cri".registry`
)

func TestMirrorsMoveOnceToWhereConfigPathPoints(t *testing.T) {
	n := node("containerd", "1.6.20", config, "version = 2\n["+cri+"]\n  config_path = \"opt/certs.d\"\n"+
		"["+cri+".mirrors.\"r.lab:5000\"]\n  endpoint = [\"http://r.lab:5000\"]\n"+
		"["+cri+".configs.\"r.lab:5000\".tls]\n  insecure_skip_verify = true\n",
		"/opt/certs.d/r.lab:5000/hosts.toml", "server = \"http://r.lab:5000\"\n[host.\"http://r.lab:5000\"]\n  skip_verify = true\n")
	wrong := errors(n)
	p, cured := repair.Cure(n, wrong)
	if len(wrong) != 2 || len(cured) != 2 {
		t.Fatalf("found %d and cured %d", len(wrong), len(cured))
	}
	if got, want := after(n, p, config), "version = 2\n["+cri+"]\n  config_path = \"/opt/certs.d\"\n"; got != want {
		t.Errorf("config.toml is now\n%s", got)
	}
	if got := after(n, p, "/opt/certs.d/r.lab:5000/hosts.toml"); strings.Contains(got, "skip_verify") || !strings.Contains(got, `server = "http://r.lab:5000"`) {
		t.Errorf("hosts.toml is now\n%s", got)
	}
	if p.Live() || len(p.Restart) != 1 {
		t.Errorf("restarts %+v", p.Restart)
	}
}

func TestAFixOfRegistriesYAMLIsLiveWhereItsFilesAreEditedToo(t *testing.T) {
	n := node("k3s", "1.30.4", "/ca.pem", "",
		"/etc/rancher/k3s/registries.yaml", "configs:\n  r.lab:\n    tls:\n      ca_file: /ca.pem\n  r.lab:\n    auth:\n      username: u\n      password: p\n")
	restart := func() bool {
		t.Helper()
		got := repair.Resolve(n, errors(n))[0]
		if got.ID != "K3002" || len(got.Fix.Edits) == 0 {
			t.Fatalf("found %+v", got)
		}
		return !got.Fix.Live && len(got.Fix.Run) == 1
	}
	if !restart() {
		t.Error("K3s has not generated anything yet: it reads the file when it starts")
	}
	made := k3s.Rendered(n.Files, n.Input.Runtime.Target, k3s.Options{})
	n.Files = append(n.Files, source.File{Path: path.Dir(made[0].Path) + "/certs.d", Kind: source.Directory})
	for _, f := range made {
		n.Files = append(n.Files, source.File{Path: path.Dir(f.Path), Kind: source.Directory}, f)
	}
	n.Input.Files, n.Input.Runtime.Config = n.Files, made[0].Path
	if restart() {
		t.Error("containerd reads the generated hosts.toml at each pull")
	}
}

func TestAGeneratedFileStaysWhoseItIs(t *testing.T) {
	n := node("k3s", "1.30.4", "/ca.pem", "",
		"/etc/rancher/k3s/registries.yaml", "configs:\n  r.lab:\n    tls:\n      ca_file: /ca.pem\n  r.lab:\n    auth:\n      username: u\n      password: p\n")
	made := k3s.Rendered(n.Files, n.Input.Runtime.Target, k3s.Options{})
	for _, f := range made {
		f.UID, f.GID, f.Mode = 7, 8, 0o640
		n.Files = append(n.Files, f)
	}
	n.Input.Files, n.Input.Runtime.Config = n.Files, made[0].Path
	p, _ := repair.Cure(n, errors(n))
	if len(p.Changes) != 2 {
		t.Fatalf("%d changes", len(p.Changes))
	}
	if f := p.Changes[1].After; path.Base(f.Path) != "hosts.toml" || f.UID != 7 || f.GID != 8 || f.Mode != 0o640 {
		t.Errorf("%s becomes %o, of %d:%d", f.Path, f.Mode, f.UID, f.GID)
	}
}
