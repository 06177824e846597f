package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func target(version string) route.Target {
	v := route.MustVersion(version)
	return route.Target{Runtime: "containerd", Version: v, Containerd: v}
}

// The old tables, hosts.toml files where the transfer service does not pull yet,
// and where it does.
func TestTheLaws(t *testing.T) {
	for _, version := range []string{"1.6.20", "1.7.35", "2.0.11", "2.2.1", "2.4.2"} {
		t.Run(version, func(t *testing.T) {
			shape := dialecttest.Shape{ByHost: true, Wildcard: true, TLS: true, Auth: true, Odd: 6}
			if strings.HasPrefix(version, "1") {
				shape.Plain = route.PlainCRI
			}
			tables := apart(dialecttest.Tables(target(version), shape, 4, 120))
			dialecttest.Check(t, dialecttest.Laws{Dialect: daemon.Dialect, Tables: tables, Least: 25, Foreign: foreign})
		})
	}
}

// apart leaves out TLS settings and credentials of hosts that are registries
// themselves: where the table does not speak of such a registry it gets the
// settings of its host, too, which a conversion tells as it compares.
func apart(tables []route.Table) []route.Table {
	both := func(host string) bool {
		return host == "registry-1.docker.io" || slices.Contains(dialecttest.Registries, host)
	}
	for _, t := range tables {
		for i := range t.Routes {
			for k := range t.Routes[i].Mirrors {
				if m := &t.Routes[i].Mirrors[k]; both(m.Host) {
					m.TLS = route.TLS{}
				}
			}
			if u := t.Routes[i].Upstream; u != nil {
				u.TLS = route.TLS{}
			}
		}
	}
	return tables
}

func foreign(files []source.File) ([]source.File, []string) {
	const kept = "\n# kept at the end\n[plugins.\"io.containerd.gc.v1.scheduler\"]\n  pause_threshold = 0.02 # kept, too\n"
	var out []source.File
	texts := []string{}
	for _, f := range files {
		switch {
		case strings.HasSuffix(f.Path, "/hosts.toml"):
			f.Data = []byte("# kept at the top\n" + string(f.Data) + "\n[foreign]\nkey = \"kept\"\n")
		case strings.HasSuffix(f.Path, "/config.toml"):
			f.Data = []byte("# kept at the top\n" + string(f.Data) + kept)
			texts = append(texts, kept)
		}
		out = append(out, f)
	}
	return append(out, source.File{Path: "/etc/kept", Data: []byte("kept")}), texts
}

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, daemon.Dialect, "/etc/containerd/config.toml", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n  endpoint = [\"https://m.example\"]\n")
}

// Whatever a file is, writing what was read and writing that again is one and
// the same, and the second time nothing changes.
func FuzzRender(f *testing.F) {
	for _, text := range []string{
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n  endpoint = [\"https://m.example\"]\n",
		"[plugins.cri.registry]\nmirrors = { \"*\" = { endpoint = [\"http://m\"] } }\n",
		"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = \"/x\"\n[plugins.'io.containerd.cri.v1.images'.registry.configs.a.auth]\nauth = \"dTpw\"\n",
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, old bool) {
		g := target("2.4.2")
		if old {
			g = target("1.7.35")
		}
		files := []source.File{{Path: "/etc/containerd/config.toml", Data: data}}
		once := daemon.Render(daemon.Parse(files, g).Table, files)
		twice := daemon.Render(daemon.Parse(once, g).Table, once)
		if dialecttest.Show(once) != dialecttest.Show(twice) {
			t.Fatalf("once %s\ntwice %s", dialecttest.Show(once), dialecttest.Show(twice))
		}
	})
}
