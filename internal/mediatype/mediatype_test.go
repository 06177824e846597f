package mediatype_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/mediatype"
)

const (
	config = "application/vnd.oci.image.config.v1+json"
	layer  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// Each line is what a pull by the real runtimes did: 1.6.20, 1.7.35, 2.4.2.
func TestPullsFailWhereThoseOfContainerdDid(t *testing.T) {
	for _, c := range []struct {
		config, layer   string
		diffs           int
		six, seven, two bool
	}{
		{config, layer, 1, false, false, false},
		{config, "application/vnd.oci.image.layer.v1.tar+zstd", 1, false, false, false},
		{config, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 1, false, false, false},
		{"application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", 0, true, false, false},
		{"application/vnd.oci.empty.v1+json", "text/plain", 1, true, true, false},
		{"application/vnd.unknown.config.v1+json", layer, 1, true, true, false},
		{config, "application/vnd.dev.cosign.simplesigning.v1+json", 1, true, true, false},
		{"application/vnd.wasm.config.v0+json", "application/wasm", 1, true, true, false},
		{config, "application/vnd.docker.image.rootfs.diff.tar.zstd", 1, true, true, false},
		{config, "application/vnd.oci.image.layer.v1.tar+lz4", 1, true, true, true},
	} {
		for _, v := range []struct {
			major, minor int
			fails        bool
		}{{1, 6, c.six}, {1, 7, c.seven}, {2, 4, c.two}} {
			u := mediatype.Unpacking{Major: v.major, Minor: v.minor, Config: c.config, Layers: []string{c.layer}, DiffIDs: c.diffs}
			if why := u.Fails(); (why != "") != v.fails {
				t.Errorf("%s with %s on %d.%d: %q, want it to fail: %v", c.config, c.layer, v.major, v.minor, why, v.fails)
			}
		}
	}
}

func TestArtifactsAreToldFromImages(t *testing.T) {
	for _, c := range []struct{ config, layer, want string }{
		{config, layer, ""},
		{"application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip", ""},
		{"application/octet-stream", "application/vnd.docker.image.rootfs.diff.tar.gzip", ""},
		{config, "application/vnd.example.layer.v1+xz", ""}, // an image with a layer that nobody knows
		{"application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "a Helm chart"},
		{config, "application/vnd.dev.cosign.simplesigning.v1+json", "a cosign signature"},
		{config, "application/vnd.in-toto+json", "an in-toto attestation"},
		{"application/vnd.oci.empty.v1+json", "application/wasm", "a WebAssembly module"},
		{"application/vnd.oci.empty.v1+json", "text/plain", "an artifact of type application/vnd.oci.empty.v1+json"},
		{"application/vnd.unknown.config.v1+json", layer, "an artifact of type application/vnd.unknown.config.v1+json"},
	} {
		if got := mediatype.Artifact(c.config, []string{c.layer}); got != c.want {
			t.Errorf("%s with %s: %q, want %q", c.config, c.layer, got, c.want)
		}
	}
}
