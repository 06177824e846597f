package pull

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/upstream"
)

// What may be in one image. Whoever declares more is refused before anything of
// it is fetched.
const (
	maxManifest = upstream.MaxManifest // bytes of a manifest or an index
	maxConfig   = 4 << 20              // bytes of a configuration
	maxEntries  = 1000                 // of an index
	maxLayers   = 1000                 // of a manifest
	maxDepth    = 4                    // indexes inside of indexes
	maxImage    = 1 << 50              // bytes, by what the manifest declares
)

// descriptor points to content by its digest.
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Platform  *platform `json:"platform,omitempty"` // nil: the index does not say
}

// The algorithms that the image specification registers, and the one between
// them that every runtime knows as well.
var digestForm = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)

// valid refuses a descriptor that nothing can be fetched by. Its digest becomes
// part of file names, so nothing but a digest may pass.
func (d descriptor) valid() error {
	if !digestForm.MatchString(d.Digest) {
		return fmt.Errorf("%.100q is no digest", d.Digest)
	}
	if d.Size < 0 {
		return fmt.Errorf("%s declares a size of %d", d.Digest, d.Size)
	}
	return nil
}

// path is where a layout keeps the content: "sha256/…" below blobs.
func (d descriptor) path() string { return strings.Replace(d.Digest, ":", "/", 1) }

// short is the digest as people recognise it.
func (d descriptor) short() string {
	algorithm, hex, _ := strings.Cut(d.Digest, ":")
	return algorithm + ":" + hex[:min(len(hex), 12)]
}

// Media types of manifests and indexes.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	ociConfig      = "application/vnd.oci.image.config.v1+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
)

func isManifest(mediaType string) bool {
	return mediaType == ociManifest || mediaType == dockerManifest
}
func isIndex(mediaType string) bool { return mediaType == ociIndex || mediaType == dockerList }

func isSchema1(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.docker.distribution.manifest.v1+")
}

// document is a manifest or an index. Exactly one of manifests and config is set.
type document struct {
	descriptor
	manifests []descriptor // of an index
	config    *descriptor  // of a manifest
	layers    []descriptor
	data      []byte
}

// errSchema1 is what old images get.
var errSchema1 = errors.New("the manifest is of schema 1, which runtimes do not pull any more; build the image again")

// read takes a manifest or an index apart. What it is follows from the media
// type; a document that could be read as something else as well is refused.
// Source: containerd core/images/image.go, validateMediaType.
func read(d descriptor, data []byte) (document, error) {
	doc := document{descriptor: d, data: data}
	// A map keeps apart what differs in case, as a struct would not.
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return doc, fmt.Errorf("%s is no manifest: %w", d.short(), err)
	}
	var said string
	if raw, ok := keys["mediaType"]; ok {
		if err := json.Unmarshal(raw, &said); err != nil {
			return doc, fmt.Errorf("%s: its mediaType is no text", d.short())
		}
	}
	_, manifests := keys["manifests"]
	_, layers := keys["layers"]
	_, config := keys["config"]
	_, old := keys["fsLayers"]
	switch {
	case old || isSchema1(d.MediaType):
		return doc, errSchema1
	case said != "" && said != d.MediaType:
		return doc, fmt.Errorf("%s is announced as %s and calls itself %.100q", d.short(), d.MediaType, said)
	case manifests && (layers || config):
		return doc, fmt.Errorf("%s has both layers and manifests, so that readers may disagree on what it is", d.short())
	case isIndex(d.MediaType) && !manifests:
		return doc, fmt.Errorf("%s is announced as an index and has no manifests", d.short())
	case isManifest(d.MediaType) && (!config || !layers):
		return doc, fmt.Errorf("%s is announced as a manifest and lacks config or layers", d.short())
	case isIndex(d.MediaType):
		return doc, doc.readIndex(keys["manifests"])
	case isManifest(d.MediaType):
		return doc, doc.readManifest(keys["config"], keys["layers"])
	}
	return doc, fmt.Errorf("%s has the media type %.100q, which is no image's", d.short(), d.MediaType)
}

func (doc *document) readIndex(raw json.RawMessage) error {
	list, err := descriptors(raw, maxEntries)
	if err != nil {
		return fmt.Errorf("%s: manifests: %w", doc.short(), err)
	}
	doc.manifests = list
	return nil
}

func (doc *document) readManifest(config, layers json.RawMessage) error {
	doc.config = &descriptor{}
	if err := json.Unmarshal(config, doc.config); err != nil {
		return fmt.Errorf("%s: config: %w", doc.short(), err)
	}
	if err := doc.config.valid(); err != nil {
		return fmt.Errorf("%s: config: %w", doc.short(), err)
	}
	list, err := descriptors(layers, maxLayers)
	if err != nil {
		return fmt.Errorf("%s: layers: %w", doc.short(), err)
	}
	doc.layers = list
	if total(list) > maxImage {
		return fmt.Errorf("%s declares more than %d bytes", doc.short(), int64(maxImage))
	}
	return nil
}

// descriptors reads a list of at most so many.
func descriptors(raw json.RawMessage, limit int) ([]descriptor, error) {
	var list []descriptor
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if len(list) > limit {
		return nil, fmt.Errorf("there are %d, and more than %d are refused", len(list), limit)
	}
	for _, d := range list {
		if err := d.valid(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// total adds declared sizes without running over.
func total(list []descriptor) int64 {
	var sum int64
	for _, d := range list {
		if d.Size > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += d.Size
	}
	return sum
}
