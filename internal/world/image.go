package world

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Form is how the manifests of an image are written.
type Form string

// The forms. Those after Docker are oddities that registries really hold.
const (
	OCI         Form = "oci"
	Docker      Form = "docker"        // schema 2
	Schema1     Form = "schema1"       // signed, as it was before 2016
	Artifact    Form = "artifact"      // a Helm chart
	NoMediaType Form = "no-media-type" // OCI, and neither body nor header says so
	Ambiguous   Form = "ambiguous"     // both layers and manifests in one document
)

// Broken is how a layer cannot be unpacked although its digest is right.
type Broken string

// The ways: a compressed stream that ends early, a stream of something else, an
// archive that ends early, and one that is not the archive the config lists.
const (
	CutStream   Broken = "cut-stream"
	NoStream    Broken = "no-stream"
	NoArchive   Broken = "no-archive"
	OtherDiffID Broken = "other-diff-id"
)

// Image describes an image as a value. The zero Image is one small layer for
// linux/amd64.
type Image struct {
	Ref       string   `json:"ref"`       // "library/nginx:1.25"
	Platforms []string `json:"platforms"` // "linux/arm64/v8"; more than one, or Index, makes an index
	Index     bool     `json:"index"`
	Layers    []int    `json:"layers"`   // bytes of the file in each layer; empty: one of 1000
	Form      Form     `json:"form"`     //
	Inside    string   `json:"inside"`   // platform that the config names instead of its own
	Missing   []string `json:"missing"`  // "config", "layer0", "manifest" or a platform: not served
	Mismatch  []string `json:"mismatch"` // the same names: other bytes than their digest says
	Config    string   `json:"config"`   // media type that the config is said to have; empty: that of Form
	Layer     string   `json:"layer"`    // the same of the layers
	Broken    Broken   `json:"broken"`   // the last layer is whole as a blob and cannot be unpacked
	Seed      uint64   `json:"seed"`     // other content for the same shape
	Created   string   `json:"created"`  // when, as the config says it: RFC 3339; empty: it does not say
}

// descriptor is how one piece of content points to another.
type descriptor struct {
	MediaType string         `json:"mediaType"`
	Digest    string         `json:"digest"`
	Size      int            `json:"size"`
	Platform  map[string]any `json:"platform,omitempty"`
}

// content is one blob or manifest of a repository.
type content struct {
	mediaType string
	data      []byte
	absent    bool // known by name, not served
}

// built is an image as a registry stores it: content by digest.
type built struct {
	top     string
	objects map[string]content
}

var mediaTypes = map[Form]struct{ manifest, index, config, layer string }{
	OCI: {
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
		"application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip",
	},
	Docker: {
		"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
		"application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip",
	},
	Artifact: {
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
		"application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
	},
}

const schema1Type = "application/vnd.docker.distribution.manifest.v1+prettyjws"

// build makes every piece of content of an image. Equal values give equal bytes.
func (m Image) build() (built, error) {
	b := built{objects: map[string]content{}}
	platforms := m.Platforms
	if len(platforms) == 0 {
		platforms = []string{"linux/amd64"}
	}
	if m.Form == Schema1 {
		return b, m.schema1(&b)
	}
	var list []descriptor
	for _, p := range platforms {
		d, err := m.manifest(&b, p)
		if err != nil {
			return b, err
		}
		list = append(list, d)
	}
	b.top = list[0].Digest
	if m.Index || len(platforms) > 1 {
		types := m.types()
		b.top = b.put(types.index, encode(map[string]any{"schemaVersion": 2, "mediaType": types.index, "manifests": list}), false, false).Digest
	}
	return b, nil
}

func (m Image) types() struct{ manifest, index, config, layer string } {
	t, ok := mediaTypes[m.Form]
	if !ok {
		t = mediaTypes[OCI]
	}
	t.config, t.layer = orElse(m.Config, t.config), orElse(m.Layer, t.layer)
	return t
}

// manifest adds the image for one platform.
func (m Image) manifest(b *built, platform string) (descriptor, error) {
	types := m.types()
	sizes := m.Layers
	if len(sizes) == 0 {
		sizes = []int{1000}
	}
	var layers []descriptor
	var diffs []string
	for i, size := range sizes {
		blob, diff, err := layer(fmt.Sprintf("%s-%d-%d", platform, i, m.Seed), size, m.Seed+uint64(i)*7919)
		if err != nil {
			return descriptor{}, err
		}
		if i == len(sizes)-1 {
			blob, diff = m.Broken.do(blob, diff)
		}
		name := fmt.Sprintf("layer%d", i)
		layers = append(layers, b.put(types.layer, blob, slices.Contains(m.Missing, name), slices.Contains(m.Mismatch, name)))
		diffs = append(diffs, diff)
	}
	inside := m.configFor(platform, diffs)
	if m.Form == Artifact {
		inside = encode(map[string]any{"apiVersion": "v2", "name": "chart", "version": "1.0.0"})
	}
	config := b.put(types.config, inside, slices.Contains(m.Missing, "config"), slices.Contains(m.Mismatch, "config"))
	doc := map[string]any{"schemaVersion": 2, "mediaType": types.manifest, "config": config, "layers": layers}
	mediaType := types.manifest
	switch m.Form {
	case NoMediaType:
		delete(doc, "mediaType")
		mediaType = "application/json"
	case Ambiguous:
		doc["manifests"] = layers
	}
	gone := slices.Contains(m.Missing, "manifest") || slices.Contains(m.Missing, platform)
	spoiled := slices.Contains(m.Mismatch, "manifest") || slices.Contains(m.Mismatch, platform)
	d := b.put(mediaType, encode(doc), gone, spoiled)
	d.Platform = platformFields(platform)
	return d, nil
}

// put stores content under its digest. Spoiled content is stored under the
// digest that it should have.
func (b *built) put(mediaType string, data []byte, absent, spoiled bool) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digestOf(data), Size: len(data)}
	if spoiled {
		data = slices.Clone(data)
		data[len(data)/2] ^= 0x01
	}
	b.objects[d.Digest] = content{mediaType, data, absent}
	return d
}

// schema1 adds a manifest of the old form. The signature is a dummy: no runtime
// of today gets as far as to check it.
func (m Image) schema1(b *built) error {
	blob, _, err := layer("schema1", 1000, m.Seed)
	if err != nil {
		return err
	}
	l := b.put("application/octet-stream", blob, false, false)
	name, tag, _ := strings.Cut(m.Ref, ":")
	doc := map[string]any{
		"schemaVersion": 1, "name": name, "tag": tag, "architecture": "amd64",
		"fsLayers":   []map[string]string{{"blobSum": l.Digest}},
		"history":    []map[string]string{{"v1Compatibility": `{"id":"1","architecture":"amd64","os":"linux"}`}},
		"signatures": []map[string]any{{"header": map[string]string{"alg": "ES256"}, "signature": "AA", "protected": "e30"}},
	}
	b.top = b.put(schema1Type, encode(doc), false, false).Digest
	return nil
}

// layer is a tar with one file of pseudo-random bytes, compressed, and the
// digest of the tar.
func layer(name string, size int, seed uint64) (blob []byte, diff string, err error) {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(fmt.Sprint(name, seed)))).Read(data)
	var plain bytes.Buffer
	t := tar.NewWriter(&plain)
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg}); err != nil {
		return nil, "", err
	}
	if _, err := t.Write(data); err != nil {
		return nil, "", err
	}
	if err := t.Close(); err != nil {
		return nil, "", err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, "", err
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		return nil, "", err
	}
	if err := z.Close(); err != nil {
		return nil, "", err
	}
	return packed.Bytes(), digestOf(plain.Bytes()), nil
}

// do breaks a layer. Its blob gets a right digest afterwards.
func (b Broken) do(blob []byte, diff string) ([]byte, string) {
	switch b {
	case CutStream:
		return blob[:len(blob)/2], diff
	case NoStream:
		return []byte("<html><title>Sign in</title></html>"), diff
	case NoArchive:
		plain := bytes.Repeat([]byte("no archive "), 200)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(plain) // a buffer takes everything
		_ = z.Close()
		return packed.Bytes(), digestOf(plain)
	case OtherDiffID:
		return blob, digestOf([]byte(diff))
	}
	return blob, diff
}

func (m Image) configFor(platform string, diffs []string) []byte {
	doc := platformFields(orElse(m.Inside, platform))
	if m.Created != "" {
		doc["created"] = m.Created
	}
	doc["rootfs"] = map[string]any{"type": "layers", "diff_ids": diffs}
	doc["config"] = map[string]any{"Entrypoint": []string{"/bin/true"}, "Labels": map[string]string{"seed": fmt.Sprint(m.Seed)}}
	return encode(doc)
}

func platformFields(platform string) map[string]any {
	parts := strings.SplitN(platform, "/", 3)
	out := map[string]any{"os": parts[0], "architecture": ""}
	if len(parts) > 1 {
		out["architecture"] = parts[1]
	}
	if len(parts) > 2 {
		out["variant"] = parts[2]
	}
	return out
}

// encode cannot fail: everything it gets is made of strings and numbers.
func encode(v any) []byte {
	data, _ := json.MarshalIndent(v, "", "  ")
	return data
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
