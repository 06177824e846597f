package kind_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/kind"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Node images with the old tables, and with hosts.toml files.
func TestTheLaws(t *testing.T) {
	for version, containerd := range map[string]string{"0.20.0": "1.7.0", "0.31.0": "2.1.0"} {
		t.Run("kind "+version, func(t *testing.T) {
			target := route.Target{Runtime: "kind", Version: route.MustVersion(version), Containerd: route.MustVersion(containerd)}
			shape := dialecttest.Shape{ByHost: true, Wildcard: true, Auth: true, Odd: 6}
			if version == "0.20.0" {
				shape.Plain = route.PlainCRI
			}
			tables := dialecttest.Tables(target, shape, 4, 60)
			dialecttest.Check(t, dialecttest.Laws{Dialect: kind.Dialect, Tables: tables, Least: 15, Foreign: foreign})
		})
	}
}

func foreign(files []source.File) ([]source.File, []string) {
	const head, tail = "# kept at the top\n", "networking:\n  ipFamily: ipv4 # kept\n"
	var out []source.File
	var texts []string
	for _, f := range files {
		if strings.HasSuffix(f.Path, ".yaml") {
			f.Data = []byte(head + string(f.Data) + tail)
			texts = []string{head, tail}
		}
		out = append(out, f)
	}
	return out, texts
}

const cluster = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: lab # kept
nodes:
- role: control-plane
  extraPortMappings:
  - containerPort: 80
    hostPort: 8080 # kept
- role: worker
  extraMounts:
  - hostPath: /data # kept
    containerPath: /data
containerdConfigPatches:
- |-
  # kept
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
- |
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:5001"]
    endpoint = ["http://kind-registry:5000"]
featureGates:
  ImageVolume: true # kept
`

const mounted = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: lab # kept
nodes:
- role: control-plane
  extraPortMappings:
  - containerPort: 80
    hostPort: 8080 # kept
  extraMounts:
  - hostPath: ./certs.d
    containerPath: /etc/containerd/certs.d
- role: worker
  extraMounts:
  - hostPath: /data # kept
    containerPath: /data
  - hostPath: ./certs.d
    containerPath: /etc/containerd/certs.d
containerdConfigPatches:
- |-
  # kept
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
- |
  [plugins."io.containerd.grpc.v1.cri".registry.configs."kind-registry:5000".auth]
    username = "u"
    password = "p"
featureGates:
  ImageVolume: true # kept
`

func TestAClusterFileKeepsWhatIsNotOurs(t *testing.T) {
	want := route.Table{Target: route.Target{Runtime: "kind", Version: route.MustVersion("0.31.0")}, Routes: []route.Route{{
		Match: "localhost:5001", Mirrors: []route.Endpoint{{Scheme: "http", Host: "kind-registry:5000", Path: "/v2", Serves: route.Pull | route.Resolve}},
		Upstream: &route.Endpoint{Role: route.Upstream, Serves: route.Pull | route.Resolve | route.Push},
	}}, Hosts: []route.Host{{Name: "kind-registry:5000", Auth: route.Auth{User: "u", Password: route.NewSecret("p")}}}}
	files := kind.Render(want, []source.File{{Path: "/lab/kind.yaml", Data: []byte(cluster)}})
	if got := string(files[0].Data); got != mounted {
		t.Errorf("got\n%s", got)
	}
	if len(files) != 2 || files[1].Path != "/lab/certs.d/localhost_5001_/hosts.toml" || files[0].Mode != 0o600 {
		t.Errorf("got%s", dialecttest.Show(files))
	}
}
