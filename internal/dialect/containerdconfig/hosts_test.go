package containerdconfig

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func containerd(version string) route.Target {
	return route.Target{Runtime: "containerd", Version: route.MustVersion(version), Containerd: route.MustVersion(version)}
}

func one(text string) []source.File {
	return []source.File{{Path: DefaultPath, Data: []byte(text)}}
}

func apply(t *testing.T, files []source.File, edits []source.Edit) string {
	t.Helper()
	out := ""
	for _, f := range files {
		var own []source.Edit
		for _, e := range edits {
			if e.File == f.Path && e.Op == source.Replace {
				own = append(own, e)
			}
		}
		data, err := source.Apply(f.Data, own)
		if err != nil {
			t.Fatal(err)
		}
		out += string(data)
	}
	return out
}

// The file of the fifth background article, with comments of its own.
const article5 = `version = 2 # keep

# our registries
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
  # the mirror in the basement
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors]
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"] # hub
      endpoint = ["https://mirror.lab:5000", "https://registry-1.docker.io"] # two

    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."r.lab:5000"]
      endpoint = ["http://r.lab:5000"]
  [plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.lab:5000".tls]
    ca_file = "/etc/ssl/lab.pem"
  [plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.lab:5000".auth]
    username = "u"
    password = "p"

[debug]
  level = "info"
`

const article5after = `version = 2 # keep

# our registries
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
  # the mirror in the basement
    # hub
      # two

  [plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.lab:5000".auth]
    username = "u"
    password = "p"

[debug]
  level = "info"
`

func TestMigrationWritesOutARelativeConfigPath(t *testing.T) {
	files := one(strings.Replace(article5, `"/etc/containerd/certs.d"`, `"etc/containerd/certs.d"`, 1))
	m, ok := Migrate(Read(files, "", containerd("1.6.20")), "/elsewhere")
	if !ok || m.Dir != StandardDir {
		t.Fatalf("moves to %q, %v", m.Dir, ok)
	}
	if got := apply(t, files, m.Edits); got != article5after {
		t.Errorf("got\n%s", got)
	}
}

func TestMigrationTakesTheOldTablesOutAndNothingElse(t *testing.T) {
	for _, v := range []string{"1.6.20", "1.7.35", "2.1.9", "2.2.1", "2.4.2"} {
		files := one(article5)
		c := Read(files, "", containerd(v))
		if len(c.CRIDead) == 0 {
			t.Errorf("%s: mirrors and config_path together keep the plugin down", v)
		}
		m, ok := Migrate(c, StandardDir)
		if !ok {
			t.Errorf("%s: nothing to migrate", v)
			continue
		}
		if got := apply(t, files, m.Edits); got != article5after {
			t.Errorf("%s: got\n%s", v, got)
		}
		var got []string
		for _, r := range m.Table.Routes {
			line := r.Match + ":"
			for _, e := range r.Mirrors {
				line += " " + e.String() + " " + strings.Join(e.TLS.CA, ",")
			}
			got = append(got, line+" then "+r.Upstream.String())
		}
		want := "docker.io: https://mirror.lab:5000/v2 /etc/ssl/lab.pem then https://registry-1.docker.io/v2\n" +
			"r.lab:5000: then http://r.lab:5000/v2\n" +
			"mirror.lab:5000: then https://mirror.lab:5000/v2"
		if g := strings.Join(got, "\n"); g != want {
			t.Errorf("%s: got\n%s\nwant\n%s", v, g, want)
		}
	}
}
