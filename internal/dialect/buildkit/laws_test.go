package buildkit_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/buildkit"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestTheLaws(t *testing.T) {
	shape := dialecttest.Shape{Plain: route.PlainCRI, ByHost: true, Wildcard: true, TLS: true, Odd: 30}
	tables := dialecttest.Tables(route.Target{Runtime: "buildkit"}, shape, 2, 1500)
	dialecttest.Check(t, dialecttest.Laws{Dialect: buildkit.Dialect, Tables: tables, Least: 60, Foreign: foreign})
}

func foreign(files []source.File) ([]source.File, []string) {
	const head = "# kept at the top\r\ndebug = true # kept\r\n[worker.oci]\r\n  gc = true\r\n\r\n"
	const tail = "\r\n# kept at the end\r\n[grpc]\r\naddress = [ \"unix:///run/x\" ] # too\r\n"
	out := []source.File{{Path: "/etc/buildkit/buildkitd.toml", Data: []byte(head + tail)}}
	for _, f := range files {
		out[0].Data = []byte(head + strings.ReplaceAll(string(f.Data), "\n", "\r\n") + tail)
	}
	return out, []string{head, tail}
}

const sound = `debug = true
[registry."docker.io"]
  mirrors = ["m.example:5000", 'cache.lab/hub']
[registry."m.example:5000"]
  http = true
  insecure = true
  ca = ["/etc/ca.pem"]
  [[registry."m.example:5000".keypair]]
    key = "/etc/client.key"
    cert = "/etc/client.pem"
[worker.oci]
  gckeepstorage = "10GB"
`

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, buildkit.Dialect, "/etc/buildkit/buildkitd.toml", sound)
}

func FuzzParse(f *testing.F) {
	dialecttest.Fuzz(f, buildkit.Dialect, "/etc/buildkit/buildkitd.toml", sound,
		"registry = {\"docker.io\" = {mirrors = [\"https://a\"]}}\n", "[registry]\n\"a\".mirrors = [\"b\"]\n", "registry.\"x\".http = true\n")
}
