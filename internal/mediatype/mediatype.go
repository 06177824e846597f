// Package mediatype says what containerd makes of the media types of an image's
// config and layers. It reads no content. Source: containerd images/mediatypes.go,
// diff/stream.go and unpacker.go of 1.6.20, 1.7.35 and 2.4.2, and pulls by these.
package mediatype

import (
	"slices"
	"strings"
)

// Config reports whether a type is that of a container image's config.
func Config(t string) bool {
	return t == "application/vnd.oci.image.config.v1+json" || t == "application/vnd.docker.container.image.v1+json"
}

const (
	oci        = "application/vnd.oci.image.layer."
	dockerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"
)

var docker = []string{
	"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.foreign.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
}

// Layer reports whether containerd of a major version takes a blob of this type
// for a layer; others it passes over.
func Layer(t string, major int) bool {
	base, _, _ := strings.Cut(t, "+")
	return strings.HasPrefix(t, oci) || slices.Contains(docker, base) || major >= 2 && base == dockerZstd
}

// Unpacks reports whether containerd of a major version can unpack a layer of
// this type with what it has itself.
func Unpacks(t string, major int) bool {
	if rest, ok := strings.CutPrefix(t, oci); ok {
		base, how, _ := strings.Cut(rest, "+")
		return (base == "v1.tar" || base == "nondistributable.v1.tar") && slices.Contains([]string{"", "gzip", "zstd"}, how)
	}
	return slices.Contains(docker, t) || major >= 2 && t == dockerZstd
}

// Elsewhere reports that whether a layer of this type can be unpacked is decided
// by another program of the node: one that decrypts, or a snapshotter.
func Elsewhere(t string) bool {
	return strings.Contains(t, "+encrypted") || strings.Contains(t, "erofs") || strings.Contains(t, "nydus")
}

// artifacts are what the beginnings of media types stand for, of configs and layers.
var artifacts = []struct{ begins, what string }{
	{"application/vnd.cncf.helm.", "a Helm chart"},
	{"application/vnd.dev.cosign.", "a cosign signature"},
	{"application/vnd.dsse.envelope.", "a signed attestation"},
	{"application/vnd.dev.sigstore.", "a Sigstore bundle"},
	{"application/vnd.in-toto", "an in-toto attestation"},
	{"application/vnd.cncf.notary.", "a Notary signature"},
	{"application/vnd.wasm.", "a WebAssembly module"},
	{"application/vnd.module.wasm.", "a WebAssembly module"},
	{"application/wasm", "a WebAssembly module"},
	{"application/vnd.cncf.flux.", "a Flux artifact"},
	{"application/vnd.cncf.openpolicyagent.", "an Open Policy Agent bundle"},
	{"application/vnd.cyclonedx", "a list of software (CycloneDX)"},
	{"application/spdx", "a list of software (SPDX)"},
	{"text/spdx", "a list of software (SPDX)"},
	{"application/vnd.docker.plugin.", "a plugin of Docker"},
	{"application/vnd.docker.ai.", "a model for Docker"},
	{"application/vnd.cncf.model.", "a model"},
	{"application/vnd.ollama.", "a model for Ollama"},
}

// Artifact says what a manifest stands for that is no container image; empty: it
// is one, or may be.
func Artifact(config string, layers []string) string {
	for _, t := range append([]string{config}, layers...) {
		for _, a := range artifacts {
			if strings.HasPrefix(t, a.begins) {
				return a.what
			}
		}
		if Config(t) && slices.ContainsFunc(layers, func(l string) bool { return Layer(l, 2) }) {
			return ""
		}
	}
	// Docker wrote application/octet-stream for a while.
	if Config(config) || config == "" || config == "application/octet-stream" {
		return ""
	}
	return "an artifact of type " + config
}

// Unpacking is what containerd does with a manifest when all of it has come.
type Unpacking struct {
	Major, Minor int      // of containerd
	Config       string   // media type
	Layers       []string // media types
	DiffIDs      int      // how many layers the config lists
}

// Fails says why the pull ends; empty: it succeeds, be it without a layer.
func (u Unpacking) Fails() string {
	var taken []string
	for _, l := range u.Layers {
		if Layer(l, u.Major) {
			taken = append(taken, l)
		}
	}
	known := Config(u.Config)
	switch {
	case u.Major >= 2 && (!known || len(taken) == 0):
		return ""
	case !known || len(taken) == 0:
		return u.late(taken)
	case len(taken) != u.DiffIDs:
		return "number of layers and diffIDs don't match"
	}
	return unpackable(taken, u.Major)
}

// late is the second attempt of containerd 1.x, when nothing was unpacked while
// the layers came. It finds those that it knows of, but not their bytes.
func (u Unpacking) late(taken []string) string {
	if u.Minor < 7 {
		taken = u.Layers
	}
	switch {
	case len(taken) != u.DiffIDs:
		return "mismatched image rootfs and manifest layers"
	case len(taken) == 0:
		return ""
	}
	if why := unpackable(taken, u.Major); why != "" {
		return why
	}
	return "content digest: not found"
}

func unpackable(layers []string, major int) string {
	for _, l := range layers {
		if !Unpacks(l, major) && !Elsewhere(l) {
			return "no processor for media-type " + l
		}
	}
	return ""
}
