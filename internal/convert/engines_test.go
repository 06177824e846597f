package convert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	mirrorsTable = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"REGISTRY\"]\n  endpoint = [LIST]\n"
	tlsTable     = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.example:5000\".tls]\n  ca_file = \"/etc/pki/corp.crt\"\n"
)

// engine is a target that pulls with its own code.
func engine(name string) route.Target {
	return route.Target{Runtime: name, Version: route.MustVersion("20.10.24")}
}

// TestWhatOtherEnginesCanSayIsNoLoss converts what a containerd 1.x says to
// Docker and to Podman.
func TestWhatOtherEnginesCanSayIsNoLoss(t *testing.T) {
	mirrors := func(registry, list string) string {
		return strings.NewReplacer("REGISTRY", registry, "LIST", list).Replace(mirrorsTable)
	}
	ca := source.File{Path: "/etc/pki/corp.crt", Data: []byte("a certificate")}
	for name, c := range map[string]struct {
		text   string
		certs  []source.File
		to     string
		losses int
		want   string // in the result
	}{
		"a mirror, Docker":                         {mirrors("docker.io", `"https://m.example"`), nil, "docker", 0, `"registry-mirrors": ["https://m.example"]`},
		"a mirror, Podman":                         {mirrors("docker.io", `"https://m.example"`), nil, "registries-conf", 0, `location = "m.example"`},
		"the registry listed last, Docker":         {mirrors("docker.io", `"https://m.example", "https://registry-1.docker.io"`), nil, "docker", 0, `["https://m.example"]`},
		"the registry listed last, Podman":         {mirrors("r.example", `"https://m.example", "https://r.example"`), nil, "registries-conf", 0, `location = "m.example"`},
		"the registry listed first, Podman":        {mirrors("r.example", `"https://r.example", "https://m.example"`), nil, "registries-conf", 1, ""},
		"a mirror of another registry, Docker":     {mirrors("r.example", `"https://m.example"`), nil, "docker", 1, ""},
		"an authority, Docker":                     {tlsTable, []source.File{ca}, "docker", 0, "/etc/docker/certs.d/r.example:5000/corp.crt"},
		"an authority, Podman":                     {tlsTable, []source.File{ca}, "registries-conf", 0, "certs.d/r.example:5000/corp.crt"},
		"an authority that is not at hand, Docker": {tlsTable, nil, "docker", 1, ""},
		"an authority that is not at hand, Podman": {tlsTable, nil, "registries-conf", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			from, _ := all.Named("containerd-config")
			to, _ := all.Named(c.to)
			runtime := map[string]string{"docker": "docker", "registries-conf": "podman"}[c.to]
			v := route.MustVersion("1.6.20")
			r, err := convert.Run(convert.Job{
				From: from, To: to, Source: route.Target{Runtime: "containerd", Version: v, Containerd: v}, Target: engine(runtime),
				Files: []source.File{{Path: "/etc/containerd/config.toml", Data: []byte(c.text)}}, Certificates: c.certs,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Losses) != c.losses || slices.ContainsFunc(r.Losses, info) {
				t.Errorf("losses %v, want %d", r.Losses, c.losses)
			}
			if got := text(r.Files); !strings.Contains(got, c.want) {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}

func info(f finding.Finding) bool { return f.Severity == finding.Info }
