package bottlerocket_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/bottlerocket"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestTheLaws(t *testing.T) {
	v := route.MustVersion("1.7")
	shape := dialecttest.Shape{Plain: route.PlainCRI, ByHost: true, Wildcard: true, Auth: true, Odd: 30}
	tables := dialecttest.Tables(route.Target{Runtime: "bottlerocket", Containerd: v}, shape, 3, 800)
	dialecttest.Check(t, dialecttest.Laws{Dialect: bottlerocket.Dialect, Tables: tables, Least: 100, Foreign: foreign})
}

func foreign(files []source.File) ([]source.File, []string) {
	const head = "# kept at the top\n[settings.kubernetes]\ncluster-name = \"kept\" # too\n\n"
	const tail = "\n# kept at the end\n[settings.pki.lab]\ntrusted = true # kept\n"
	out := []source.File{{Path: "/var/lib/bottlerocket/user-data.toml", Data: []byte(head + tail)}}
	for _, f := range files {
		out[0].Data = []byte(head + string(f.Data) + tail)
	}
	return out, []string{head, tail}
}

const sound = `[settings.kubernetes]
cluster-name = "x"
[[settings.container-registry.mirrors]]
registry = "docker.io"
endpoint = ["https://m.example", "cache.lab:5000"]
[[settings.container-registry.credentials]]
registry = "m.example"
username = 'puller'
password = "hunter2"
`

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, bottlerocket.Dialect, "/user-data.toml", sound)
}

func FuzzParse(f *testing.F) {
	dialecttest.Fuzz(f, bottlerocket.Dialect, "/user-data.toml", sound,
		"[settings.container-registry.mirrors]\n\"docker.io\" = [\"https://a\"]\n", "settings.container-registry.mirrors = [{registry = \"a.b\", endpoint = [\"c\"]}]\n")
}
