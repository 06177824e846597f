package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/towpath-dev/towpath/internal/mediatype"
	"github.com/towpath-dev/towpath/internal/platform"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// document is a manifest or an index, of Docker's or the OCI's making.
type document struct {
	MediaType string       `json:"mediaType"`
	Schema    int          `json:"schemaVersion"`
	Manifests []descriptor `json:"manifests"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
}

type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Platform  platform.Platform `json:"platform"`
}

// manifest fetches what a digest stands for, chooses the node's platform and
// looks at the blobs. Without a digest the tag itself is fetched, as the runtime
// does when a registry announces none.
func (l *look) manifest(ctx context.Context, digest string) {
	object := digest
	if object == "" {
		object = l.p.Ref.Object()
	}
	doc, body, kind, ok := l.fetch(ctx, object, digest)
	if !ok {
		return
	}
	if digest == "" {
		digest = sum(body)
	}
	c := l.content()
	c.Digest, c.Type, c.Chosen = digest, kind, digest
	if len(doc.Manifests) > 0 || isIndex(kind) {
		c.Chosen = ""
		chosen := l.choose(doc)
		if chosen == nil {
			l.fail(snapshot.Manifest, snapshot.NoPlatform, fmt.Sprintf("no match for platform %s in %s", l.p.Platform, digest))
			return
		}
		if doc, _, kind, ok = l.fetch(ctx, chosen.Digest, chosen.Digest); !ok {
			return
		}
		c.Chosen = chosen.Digest
	}
	if why := l.unusable(kind, doc); why != "" {
		l.fail(snapshot.Manifest, snapshot.BadReply, why)
		return
	}
	l.blobs(ctx, doc)
	l.unpack()
}

// unusable says why the runtime can make no image of a manifest; empty: it can.
// Schema 1 went with containerd 2.1.
func (l *look) unusable(kind string, doc document) string {
	if isSchema1(kind) {
		if l.p.Table.Target.Containerd.Since("2.1.0") {
			return "schema 1 image manifests are no longer supported"
		}
		return ""
	}
	if !strings.Contains(doc.Config.Digest, ":") {
		return "the manifest names no config"
	}
	return ""
}

func (l *look) content() *snapshot.Content {
	if l.hop.Manifest == nil {
		l.hop.Manifest = &snapshot.Content{}
	}
	return l.hop.Manifest
}

// fetch gets one manifest and reads it as the runtime would, which goes by the
// Content-Type of the answer.
func (l *look) fetch(ctx context.Context, object, digest string) (doc document, body []byte, kind string, ok bool) {
	var b bytes.Buffer
	l.content().Expect = digest
	a, ok := l.ask(ctx, upstream.Request{
		Method: http.MethodGet, URL: l.endpoint.Object(l.p.Ref, route.Manifests, object), Stage: snapshot.Manifest,
		Accept: upstream.AcceptManifest, Digest: digest, Limit: upstream.MaxManifest, Into: upstream.To(&b),
	})
	if !ok {
		return doc, nil, "", false
	}
	r := a.Final().Response
	kind, _, _ = strings.Cut(r.Type, ";")
	kind = strings.TrimSpace(kind)
	if !knownManifest(kind) {
		l.fail(snapshot.Manifest, snapshot.BadReply, fmt.Sprintf("unexpected media type %s", orNone(kind)))
		return doc, nil, kind, false
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		l.fail(snapshot.Manifest, snapshot.BadReply, "the manifest is no JSON: "+err.Error())
		return doc, nil, kind, false
	}
	return doc, b.Bytes(), kind, true
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func knownManifest(kind string) bool {
	switch kind {
	case "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json":
		return true
	}
	return isIndex(kind) || isSchema1(kind)
}

func isIndex(kind string) bool {
	return kind == "application/vnd.docker.distribution.manifest.list.v2+json" || kind == "application/vnd.oci.image.index.v1+json"
}

func isSchema1(kind string) bool {
	return kind == "application/vnd.docker.distribution.manifest.v1+json" || kind == "application/vnd.docker.distribution.manifest.v1+prettyjws"
}

// choose picks the manifest that suits the node's platform best, as the runtime
// does; nil: none does.
func (l *look) choose(doc document) *descriptor {
	var match *descriptor
	node, best := platform.Parse(l.p.Platform), -1
	for i := range doc.Manifests {
		d := &doc.Manifests[i]
		if d.Platform.OS != "unknown" && d.Platform.OS != "" {
			l.content().Platforms = append(l.content().Platforms, d.Platform.String())
		}
		if rank := node.Rank(d.Platform); rank >= 0 && (match == nil || rank < best) {
			match, best = d, rank
		}
	}
	if len(l.content().Platforms) == 0 && len(doc.Manifests) > 0 {
		return &doc.Manifests[0] // an index without platforms: the runtime takes what there is
	}
	return match
}

// atOnce bounds the blobs that are looked at side by side.
const atOnce = 4

// blobs looks at the config and at every layer. The config is read; a layer is
// only asked for its first byte, unless all of it is to be hashed.
func (l *look) blobs(ctx context.Context, doc document) {
	c := l.content()
	list := append([]descriptor{doc.Config}, doc.Layers...)
	looks := make([]snapshot.BlobLook, len(list))
	var config bytes.Buffer
	var wg sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i, d := range list {
		if !strings.Contains(d.Digest, ":") {
			continue
		}
		c.Bytes += d.Size
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if i == 0 {
				looks[i] = l.blob(ctx, d, &config)
				return
			}
			looks[i] = l.blob(ctx, d, nil)
		})
	}
	wg.Wait()
	if len(looks) > 0 && looks[0].Digest != "" {
		c.Config = &looks[0]
	}
	c.Layers = append([]snapshot.BlobLook{}, looks[1:]...)
	for i := range looks {
		if a := looks[i].Attempt; a != nil && l.hop.Failure == nil && a.Fault() != nil {
			l.step(snapshot.Blob, *a)
		}
	}
	c.Image, c.DiffIDs = configured(config.Bytes())
	if l.hop.Failure == nil && c.Config != nil && c.Config.Attempt != nil {
		l.step(snapshot.Blob, *c.Config.Attempt)
	}
}

// configured is what a config says: the platform, and the layers unpacked.
func configured(config []byte) (image string, diffIDs []string) {
	var of platform.Platform
	if json.Unmarshal(config, &of) == nil && of.Arch != "" {
		image = of.String()
	}
	var doc struct {
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if json.Unmarshal(config, &doc) == nil {
		diffIDs = doc.Rootfs.DiffIDs
	}
	return image, diffIDs
}

// blob looks at one blob. keep gets its bytes.
func (l *look) blob(ctx context.Context, d descriptor, keep *bytes.Buffer) snapshot.BlobLook {
	out := snapshot.BlobLook{Digest: d.Digest, Type: d.MediaType, Size: d.Size}
	req := upstream.Request{
		Method: http.MethodGet, URL: l.endpoint.Object(l.p.Ref, route.Blobs, d.Digest), Stage: snapshot.Blob,
		Endpoint: l.endpoint, Repository: l.endpoint.Repository(l.p.Ref), Accept: upstream.AcceptType(d.MediaType),
	}
	hash := sha256.New()
	whole := l.p.Deep || keep != nil && d.Size <= upstream.MaxManifest
	var layer *unpacking
	if whole {
		var into io.Writer = hash
		if keep == nil && mediatype.Unpacks(d.MediaType, 2) {
			layer = startUnpacking(ctx)
			into = io.MultiWriter(hash, layer)
		}
		if keep != nil {
			into = io.MultiWriter(hash, keep)
		}
		req.Digest, req.Limit, req.Into = d.Digest, max(d.Size, 1)+1, upstream.To(into)
	} else {
		req.Range = "bytes=0-0"
	}
	e := l.session.Ask(ctx, req)
	a := *e.Last()
	if layer != nil {
		if diff, broken := layer.end(); a.OK() {
			out.Diff, out.Broken = diff, broken
		}
	}
	if r := a.Final().Response; a.OK() && r != nil && d.Size > 0 {
		if n := announced(r); n >= 0 && n != d.Size {
			a.Final().Failure = &snapshot.Failure{Stage: snapshot.Blob, Cause: snapshot.Truncated,
				Text: fmt.Sprintf("the server has %d bytes of %d", n, d.Size)}
		}
	}
	if f := a.Fault(); f != nil && f.Cause == snapshot.WrongDigest && a.Final().Response.Read < d.Size {
		f.Cause, f.Text = snapshot.Truncated, fmt.Sprintf("unexpected EOF: %d bytes of %d", a.Final().Response.Read, d.Size)
	}
	out.Attempt = &a
	if whole && a.Final().Response != nil && strings.HasPrefix(d.Digest, "sha256:") && a.Final().Response.Read > 0 {
		out.Hashed = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	}
	return out
}

// announced is the size of the whole blob by the header of an answer; -1: it does not say.
func announced(r *snapshot.Response) int64 {
	if r.Status != http.StatusPartialContent {
		return r.Length
	}
	_, total, ok := strings.Cut(first(r.Header["Content-Range"]), "/")
	n, err := strconv.ParseInt(total, 10, 64)
	if !ok || err != nil {
		return -1
	}
	return n
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:])
}

// stringList reads {"key": ["a", "b"]}.
func stringList(body, key string) ([]string, bool) {
	var doc map[string]json.RawMessage
	var out []string
	if json.Unmarshal([]byte(body), &doc) != nil || json.Unmarshal(doc[key], &out) != nil {
		return nil, false
	}
	return out, true
}
