// Package containerd provides the generations of containerd that scenarios run
// on, and the engines beside it: where each binary comes from and how its
// configuration names things. It builds binaries and keeps them in a cache; it
// never starts one.
package containerd

import (
	"fmt"
	"slices"
)

// Generation is one line of containerd releases, by its first release that
// still behaves alike: "1.6", "1.7", "2.4".
type Generation string

// The generations of the lab, oldest first.
const (
	V16 Generation = "1.6"
	V17 Generation = "1.7"
	V24 Generation = "2.4"
)

// All lists the generations, oldest first.
var All = []Generation{V16, V17, V24}

// facts are what differs between generations.
type facts struct {
	version  string // the release that the lab runs
	module   string // directory of the pinned module; empty: Debian's package
	pkg      string // what is built from it
	stamp    string // linker variable that holds the version
	path     string // where the binary lives on a node
	config   int    // version of config.toml
	images   string // table of the image service in config.toml
	sandbox  string // default sandbox image
	pinned   string // key of the sandbox image under the image table
	k3s      string // a release of K3s that has this generation inside
	rendered string // name of K3s' template for this generation
}

var known = map[Generation]facts{
	V16: {
		version: "1.6.20", path: "/usr/bin/containerd",
		config: 2, images: `plugins."io.containerd.grpc.v1.cri"`,
		sandbox: "registry.k8s.io/pause:3.6", pinned: "sandbox_image",
		k3s: "v1.26.4+k3s1", rendered: "config.toml.tmpl",
	},
	V17: {
		version: "1.7.35", module: "containerd-1.7", pkg: "github.com/containerd/containerd/cmd/containerd",
		stamp: "github.com/containerd/containerd/version.Version", path: "/usr/local/bin/containerd",
		config: 2, images: `plugins."io.containerd.grpc.v1.cri"`,
		sandbox: "registry.k8s.io/pause:3.8", pinned: "sandbox_image",
		k3s: "v1.30.8+k3s1", rendered: "config.toml.tmpl",
	},
	V24: {
		version: "2.4.2", module: "containerd-2.4", pkg: "github.com/containerd/containerd/v2/cmd/containerd",
		stamp: "github.com/containerd/containerd/v2/version.Version", path: "/usr/local/bin/containerd",
		config: 3, images: `plugins."io.containerd.cri.v1.images"`,
		sandbox: "registry.k8s.io/pause:3.10.2", pinned: "pinned_images.sandbox",
		k3s: "v1.36.1+k3s1", rendered: "config-v3.toml.tmpl",
	},
}

// Parse reads a generation as it is written in scenarios and flags.
func Parse(s string) (Generation, error) {
	if g := Generation(s); slices.Contains(All, g) || g.Engine() {
		return g, nil
	}
	return "", fmt.Errorf("no containerd %q in this lab: it has %v and %v", s, All, Engines)
}

func (g Generation) facts() facts {
	if g.Engine() {
		return engines[g]
	}
	return known[g]
}

// Version is the release that stands for the generation.
func (g Generation) Version() string { return g.facts().version }

// Path is where a node of this generation has its binary.
func (g Generation) Path() string { return g.facts().path }

// ConfigVersion is the version that config.toml is written in.
func (g Generation) ConfigVersion() int { return known[g].config }

// Images is the table of the image service in config.toml.
func (g Generation) Images() string { return known[g].images }

// Registry is the table of registry settings in config.toml.
func (g Generation) Registry() string { return known[g].images + ".registry" }

// Sandbox is the sandbox image that a node pulls when nothing names one.
func (g Generation) Sandbox() string { return known[g].sandbox }

// SandboxKey is the key under Images that names another sandbox image.
func (g Generation) SandboxKey() string { return known[g].pinned }

// K3s is a release of K3s that carries this generation.
func (g Generation) K3s() string { return known[g].k3s }

// K3sTemplate is the file name of the template that such a K3s reads.
func (g Generation) K3sTemplate() string { return known[g].rendered }
