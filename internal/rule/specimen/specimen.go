// Package specimen has a snapshot for every rule: one in which it finds its
// trouble, and a twin that differs in one thing and in which it must not. The
// snapshots are made by hand and hold only what the rule looks at; how troubles
// really look is the business of the stories of package probe. Nothing but tests
// uses the package.
package specimen

import (
	"slices"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// The registry that all specimens pull from, and the mirror in front of some.
const (
	Registry = "registry.corp.example"
	Mirror   = "mirror.corp.example"
)

// Taken is when the snapshots were taken.
var Taken = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// Specimen is one trouble.
type Specimen struct {
	Code string // of the rule that finds it
	Name string // what is special, where a code has several specimens

	ill, twin func(*snapshot.Snapshot)
}

// Ill is a snapshot with the trouble.
func (x Specimen) Ill() *snapshot.Snapshot {
	s := Healthy()
	x.ill(s)
	return s
}

// Twin is a snapshot that looks almost the same and does not have the trouble.
// It may have another.
func (x Specimen) Twin() *snapshot.Snapshot {
	s := x.Ill()
	x.twin(s)
	return s
}

// All are the specimens of every rule.
func All() []Specimen {
	return slices.Concat(node, names, network, proxies, certificates, logins, registries, contents)
}

// Healthy is a node that pulls an image without trouble.
func Healthy() *snapshot.Snapshot {
	target := route.Target{Runtime: "containerd", Version: route.MustVersion("1.7.35"), Containerd: route.MustVersion("1.7.35")}
	rt := snapshot.Runtime{
		Target: target, PID: 812, Started: Taken.Add(-time.Hour), Unit: "containerd.service", Socket: "/run/containerd/containerd.sock",
		Env: map[string]string{}, CRI: snapshot.CRI{Asked: true, Answers: true, Images: true},
	}
	disk := snapshot.Disk{What: "content", Path: "/var/lib/containerd", Total: 1 << 40, Free: 1 << 39, Inodes: 1 << 20, InodesFree: 1 << 19}
	return &snapshot.Snapshot{
		Schema: snapshot.Schema, Taken: Taken, Image: Registry + "/team/app:2",
		Ref:     route.Ref{Typed: Registry + "/team/app:2", Registry: Registry, Repository: "team/app", Tag: "2"},
		Node:    &snapshot.Node{Root: "/", Live: true, Name: "node-1", Disks: []snapshot.Disk{disk}, Resolv: snapshot.Resolv{File: "/etc/resolv.conf", Servers: []snapshot.NameServer{server(true)}}},
		Runtime: &rt, Table: route.Table{Target: target},
		Pull: &snapshot.Pull{Image: Registry + "/team/app:2", Platform: "linux/amd64", Budget: 20 * time.Second, Hops: []snapshot.Hop{Hop(0, Registry)}},
	}
}

// Hop is a host that serves the image.
func Hop(index int, host string) snapshot.Hop {
	endpoint := "https://" + host + "/v2"
	layer := attempt("GET", endpoint+"/team/app/blobs/sha256:22", 200)
	return snapshot.Hop{
		Index: index, Endpoint: endpoint, Host: host, Resolves: true,
		Steps: []snapshot.Step{{Stage: snapshot.Manifest, Attempt: attempt("HEAD", endpoint+"/team/app/manifests/2", 200)}},
		Manifest: &snapshot.Content{
			Digest: "sha256:11", Type: "application/vnd.oci.image.manifest.v1+json", Image: "linux/amd64", Bytes: 1000,
			Config: &snapshot.BlobLook{Digest: "sha256:33", Type: ociConfig, Size: 500}, DiffIDs: []string{"sha256:44"},
			Layers: []snapshot.BlobLook{{Digest: "sha256:22", Type: ociLayer, Size: 500, Attempt: &layer}},
		},
	}
}

// InFront puts a mirror before the registry, which goes on serving.
func InFront(s *snapshot.Snapshot) *snapshot.Hop {
	m := Hop(0, Mirror)
	m.Mirror, m.From = true, source.Pos{File: "/etc/containerd/certs.d/" + Registry + "/hosts.toml", Line: 2}
	for i := range s.Pull.Hops {
		s.Pull.Hops[i].Index++
	}
	s.Pull.Hops = append([]snapshot.Hop{m}, s.Pull.Hops...)
	return &s.Pull.Hops[0]
}
