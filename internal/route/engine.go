package route

// Engine is the code that pulls: which of a route's endpoints it asks, with
// which requests, and how it finds the route of an image.
//
// | engine          | route is chosen by         | asks an endpoint for               |
// |-----------------|----------------------------|------------------------------------|
// | Containerd      | registry, else Any         | HEAD manifest, GET by digest; ?ns= |
// | Docker          | registry, else its address | GET /v2/, HEAD tag, GET by digest  |
// | ContainersImage | longest prefix of the name | GET /v2/, GET manifest             |
//
// Sources: containerd core/remotes/docker; moby registry/service_v2.go,
// distribution/{registry,pull_v2}.go; go.podman.io/image docker_client.go,
// docker_image_src.go, pkg/sysregistriesv2.
type Engine uint8

// The engines. Docker is dockerd with its own image store; with containerd's
// image store it pulls with containerd's code.
const (
	Containerd Engine = iota
	Docker
	ContainersImage // CRI-O, Podman, Buildah, Skopeo
)

// Engine is what the target pulls with. A Docker whose containerd is known uses
// containerd's image store. The kubelet itself pulls nothing; it chooses
// credentials by the repository's path, as containers-image does.
func (g Target) Engine() Engine {
	switch g.Runtime {
	case "docker":
		if !g.Containerd.Known() {
			return Docker
		}
	case "crio", "podman", "buildah", "skopeo", "kubelet":
		return ContainersImage
	}
	return Containerd
}

// Asks reports whether the runtime would turn a reference into a manifest at
// an endpoint.
func (t Table) Asks(ref Ref, e Endpoint) bool {
	if ref.Digest == "" {
		return e.Serves.Has(Pull | Resolve)
	}
	return e.Serves.Has(Pull) && !e.Serves.Has(TagsOnly)
}
