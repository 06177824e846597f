package talos_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/talos"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func target(version string) route.Target {
	t := route.Target{Runtime: "talos"}
	if version != "" {
		t.Version = route.MustVersion(version)
	}
	return talos.Fill(t)
}

func TestTheLaws(t *testing.T) {
	for _, version := range []string{"", "1.11.5"} {
		t.Run("talos "+version, func(t *testing.T) {
			shape := dialecttest.Shape{ByHost: true, Wildcard: true, PEM: true, TLS: true, Auth: true, Odd: 30}
			dialecttest.Check(t, dialecttest.Laws{
				Dialect: talos.Dialect, Tables: dialecttest.Tables(target(version), shape, 1, 250), Least: 60, Foreign: foreign,
			})
		})
	}
}

// foreign puts registry settings into a whole machine configuration.
func foreign(files []source.File) ([]source.File, []string) {
	const head = "# kept at the top\nversion: v1alpha1 # v\ncluster:\n  clusterName: kept\n"
	const tail = "---\n# kept too\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: node-1 # here\n"
	out := []source.File{{Path: "/machine.yaml", Data: []byte(head + tail)}}
	for _, f := range files {
		text := string(f.Data)
		switch {
		case strings.HasPrefix(text, "machine:"):
			text = head + strings.Replace(text, "machine:\n", "machine:\n  type: worker # kept as well\n", 1)
		case text != "":
			text = head + "---\n" + text
		}
		out[0].Data = []byte(text + tail)
	}
	return out, []string{"# kept at the top\nversion: v1alpha1 # v\n", "clusterName: kept\n", "# kept too\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: node-1 # here\n"}
}

const sound = `apiVersion: v1alpha1
kind: RegistryMirrorConfig
name: docker.io
endpoints:
  - url: "https://m.example"
    overridePath: true
skipFallback: true
---
apiVersion: v1alpha1
kind: RegistryAuthConfig
name: m.example
username: 'puller'
password: "hunter2"
---
version: v1alpha1
machine:
  registries:
    mirrors:
      "*":
        endpoints: ["http://10.0.0.9:5000"]
    config:
      10.0.0.9:5000:
        tls:
          insecureSkipVerify: true
`

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, talos.Dialect, "/machine.yaml", sound)
}

func FuzzParse(f *testing.F) {
	dialecttest.Fuzz(f, talos.Dialect, "/machine.yaml", sound, "machine: {registries: {mirrors: {a: {endpoints: [b]}}}}\n",
		"apiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: a\nca: |\n  x\n", "machine:\n  registries:\n    config:\n      a:\n        auth: {auth: aHVudGVyMjpodW50ZXIy}\n")
}
