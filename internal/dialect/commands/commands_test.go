package commands_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/commands"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/runbook"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var both = []dialect.Dialect{commands.Nerdctl, commands.Ctr}

func target(runtime string) route.Target {
	v := route.MustVersion("2.1.0")
	return route.Target{Runtime: runtime, Version: v, Containerd: v}
}

func TestTheLaws(t *testing.T) {
	for _, d := range both {
		t.Run(d.Name, func(t *testing.T) {
			shape := dialecttest.Shape{Wildcard: true, TLS: true, Odd: 6}
			tables := dialecttest.Tables(target("containerd"), shape, 4, 200)
			dialecttest.Check(t, dialecttest.Laws{Dialect: d, Tables: tables, Least: 60, Foreign: foreign})
		})
	}
}

func foreign(files []source.File) ([]source.File, []string) {
	var out []source.File
	for _, f := range files {
		if strings.HasSuffix(f.Path, "/hosts.toml") {
			f.Data = append([]byte("# kept at the top\n"), f.Data...)
		}
		out = append(out, f)
	}
	return append(out, source.File{Path: "/etc/kept", Data: []byte("kept")}), []string{"kept"}
}

func script(t *testing.T, d dialect.Dialect, runtime string, registries ...string) string {
	t.Helper()
	table := route.Table{Target: target(runtime)}
	for _, name := range registries {
		e := route.Endpoint{Scheme: "https", Host: "m.example", Path: "/v2", Serves: route.Pull | route.Resolve}
		table.Routes = append(table.Routes, route.Route{Match: name, Mirrors: []route.Endpoint{e}})
	}
	f := source.Find(d.Render(table, nil), d.Paths[0])
	if f == nil {
		t.Fatal("there are no command lines")
	}
	return string(f.Data)
}

func TestEachRuntimeHasItsOwnContainerd(t *testing.T) {
	const options = " --hosts-dir /etc/towpath/pull/certs.d "
	for _, c := range []struct {
		dialect dialect.Dialect
		runtime string
		want    string
	}{
		{commands.Nerdctl, "containerd", "nerdctl --namespace k8s.io" + options + "pull ghcr.io/REPOSITORY:TAG"},
		{commands.Nerdctl, "k3s", "nerdctl --address /run/k3s/containerd/containerd.sock --namespace k8s.io" + options + "pull ghcr.io/REPOSITORY:TAG"},
		{commands.Nerdctl, "k0s", "nerdctl --address /run/k0s/containerd.sock --namespace k8s.io" + options + "pull ghcr.io/REPOSITORY:TAG"},
		{commands.Ctr, "containerd", "ctr --namespace k8s.io images pull" + options + "ghcr.io/REPOSITORY:TAG"},
		{commands.Ctr, "k3s", "k3s ctr --namespace k8s.io images pull" + options + "ghcr.io/REPOSITORY:TAG"},
		{commands.Ctr, "microk8s", "microk8s ctr --namespace k8s.io images pull" + options + "ghcr.io/REPOSITORY:TAG"},
	} {
		if got := script(t, c.dialect, c.runtime, "ghcr.io"); !strings.HasSuffix(got, "\n"+c.want+"\n") {
			t.Errorf("%s for %s:\n%s\nwant %s", c.dialect.Name, c.runtime, got, c.want)
		}
	}
}

func TestEveryOtherRegistryComesLast(t *testing.T) {
	for _, d := range both {
		got := strings.Split(strings.TrimSpace(script(t, d, "containerd", route.Any, "r.example:5000")), "\n")
		if !strings.HasSuffix(got[len(got)-1], " REGISTRY.TLD/REPOSITORY:TAG") || !strings.HasSuffix(got[len(got)-2], " r.example:5000/REPOSITORY:TAG") {
			t.Errorf("%s: %q", d.Name, got)
		}
	}
}

// TestARegistryWithoutACommandIsNotAsked takes a line away: what nobody runs
// makes no requests, and a conversion would tell.
func TestARegistryWithoutACommandIsNotAsked(t *testing.T) {
	for _, d := range both {
		table := route.Table{Target: target("containerd"), Routes: []route.Route{{Match: "ghcr.io"}, {Match: "quay.io"}}}
		files := d.Render(table, nil)
		if got := d.Parse(files, table.Target).Table; !got.Has("ghcr.io") || !got.Has("quay.io") {
			t.Errorf("%s: %+v", d.Name, got.Routes)
		}
		f := source.Find(files, d.Paths[0])
		lines := strings.SplitAfter(string(f.Data), "\n")
		f.Data = []byte(strings.Join(lines[:len(lines)-2], ""))
		if got := d.Parse(files, table.Target).Table; !got.Has("ghcr.io") || got.Has("quay.io") {
			t.Errorf("%s without the last line: %+v", d.Name, got.Routes)
		}
	}
}

// TestTheLinesAreSoundToOurOwnEyes has the rules for runbooks judge them, and sh.
func TestTheLinesAreSoundToOurOwnEyes(t *testing.T) {
	for _, d := range both {
		for _, version := range []string{"1.6.20", "1.7.35", "2.1.0", "2.4.2"} {
			text := script(t, d, "containerd", "docker.io", "r.example:5000", route.Any)
			at := target("containerd")
			at.Version, at.Containerd = route.MustVersion(version), route.MustVersion(version)
			for _, f := range runbook.Dialect.Parse([]source.File{{Path: "/pull.sh", Data: []byte(text)}}, at).Findings {
				t.Errorf("%s %s: %s: %s", d.Name, version, f.ID, f.Text)
			}
			if out, err := exec.Command("sh", "-n", "-c", text).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", d.Name, err, out)
			}
		}
	}
}
