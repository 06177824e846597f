package kind_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/kind"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestFindings(t *testing.T) {
	dialecttest.Cases(t, kind.Dialect, "testdata/lint/*.txtar", kind.Kinds)
	dialecttest.Kinds(t, kind.Kinds)
}

const sound = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - hostPath: ./certs.d
    containerPath: /etc/containerd/certs.d
containerdConfigPatches:
- |-
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`

func TestMountedHostsFilesAreRead(t *testing.T) {
	files := []source.File{
		{Path: "/lab/kind.yaml", Data: []byte(sound)},
		{Path: "/lab/certs.d/docker.io/hosts.toml", Data: []byte("[host.\"http://kind-registry:5000\"]\ncapabilities = [\"pull\", \"resolve\"]\n")},
	}
	table := kind.Parse(files, route.Target{}).Table
	got := table.Endpoints("docker.io")
	if len(got) != 2 || got[0].String() != "http://kind-registry:5000/v2" || got[1].Host != "registry-1.docker.io" {
		t.Errorf("got %+v", got)
	}
}

func TestPatchesAreMergedIntoTheConfigurationOfOldNodeImages(t *testing.T) {
	text := "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\ncontainerdConfigPatches:\n- |-\n  [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"localhost:5001\"]\n    endpoint = [\"http://kind-registry:5000\"]\n"
	table := kind.Parse([]source.File{{Path: "/kind.yaml", Data: []byte(text)}}, route.Target{Version: route.MustVersion("0.20.0")}).Table
	got := table.Endpoints("localhost:5001")
	if len(got) != 2 || got[0].String() != "http://kind-registry:5000/v2" || got[0].From.Line != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, kind.Dialect, "/kind.yaml", sound)
}

func FuzzParse(f *testing.F) { dialecttest.Fuzz(f, kind.Dialect, "/kind.yaml", sound) }
