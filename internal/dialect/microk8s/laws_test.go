package microk8s_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/microk8s"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestTheLaws(t *testing.T) {
	shape := dialecttest.Shape{Wildcard: true, TLS: true, Odd: 6}
	tables := dialecttest.Tables(microk8s.Fill(route.Target{}), shape, 4, 200)
	dialecttest.Check(t, dialecttest.Laws{Dialect: microk8s.Dialect, Tables: tables, Least: 60, Foreign: foreign})
}

func foreign(files []source.File) ([]source.File, []string) {
	const kept = "\n# kept at the end\n[foreign]\nkey = \"kept\" # too\n"
	var out []source.File
	for _, f := range files {
		if strings.HasSuffix(f.Path, "/hosts.toml") {
			f.Data = []byte("# kept at the top\n" + string(f.Data) + kept)
		}
		out = append(out, f)
	}
	return append(out, source.File{Path: "/etc/kept", Data: []byte("kept")}), []string{"kept"}
}

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, microk8s.Dialect, "/var/snap/microk8s/current/args/containerd-template.toml", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"/x\"\n")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version = 2\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		microk8s.Dialect.Parse([]source.File{{Path: "/var/snap/microk8s/current/args/containerd-template.toml", Data: data}}, route.Target{})
	})
}
