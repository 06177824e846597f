package pull

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// image is everything that belongs into the output.
type image struct {
	top      document     // what the output is to name
	manifest *document    // the one image; nil: all of an index
	docs     []descriptor // manifests and indexes, which are in the stage
	parts    []part       // configurations and layers, each once
	total    int64        // bytes of the parts
}

// part is one blob of an image.
type part struct {
	descriptor
	name string
}

func (p part) shown() Part { return Part{Name: p.name, Digest: p.Digest, Size: p.Size} }

// image finds out what the reference stands for.
func (p *pull) image(ctx context.Context) (*image, error) {
	p.tell(Event{State: Resolving, Text: p.Ref.String()})
	top, err := p.resolve(ctx)
	if err != nil {
		return nil, err
	}
	p.result.Digest = top.Digest
	img := &image{}
	if p.Platform == All {
		err = p.everything(ctx, img, top, 0)
		img.top = top
	} else {
		err = p.one(ctx, img, top)
	}
	if err != nil {
		return nil, err
	}
	if img.manifest != nil {
		p.result.Manifest = img.manifest.Digest
	}
	p.tell(Event{State: Resolved, Text: top.Digest})
	for _, x := range img.parts {
		p.tell(Event{State: Queued, Part: x.shown()})
	}
	return img, nil
}

// resolve asks hosts what the reference stands for until one says something
// that is to be had.
func (p *pull) resolve(ctx context.Context) (document, error) {
	var top document
	if why := p.Table.Route(p.Ref.Registry).Fails; why != "" {
		return top, fmt.Errorf("no host is asked: %s", why)
	}
	var list []route.Request
	for _, r := range p.Table.Resolve(p.Ref) {
		// containerd also looks for a digest among the blobs. It never makes an
		// image of what it finds there.
		if strings.Contains(r.URL, "/"+string(route.Manifests)+"/") {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return top, fmt.Errorf("no host may say what %s stands for", p.Ref)
	}
	err := p.ask(ctx, "resolve "+p.Ref.String(), p.hosts.questions(list), func(ctx context.Context, q question) (*refusal, error) {
		digest, r := p.head(ctx, q)
		if r != nil {
			return r, nil
		}
		if digest == "" {
			var err error
			top, r, err = p.tagged(ctx, q)
			return r, err
		}
		doc, err := p.document(ctx, descriptor{Digest: digest, Size: -1})
		if said, ok := errors.AsType[*refusals](err); ok {
			text := fmt.Sprintf("it says %s, which cannot be had: %s", digest, said)
			return &refusal{Failure: snapshot.Failure{Stage: snapshot.Manifest, Cause: nowhere, Text: text}}, nil
		}
		top = doc
		return nil, err
	})
	return top, err
}

// head asks one host which digest the reference stands for; "": it does not say.
func (p *pull) head(ctx context.Context, q question) (string, *refusal) {
	e := q.session.Ask(ctx, upstream.Request{
		Method: http.MethodHead, URL: q.url, Stage: snapshot.Manifest,
		Repository: q.endpoint.Repository(p.Ref), Accept: upstream.AcceptManifest,
	})
	if r := refused(e); r != nil {
		return "", r
	}
	if p.Ref.Digest != "" {
		return p.Ref.Digest, nil
	}
	lines := e.Last().Final().Response.Header["Docker-Content-Digest"]
	if len(lines) == 0 || lines[0] == "" {
		return "", nil
	}
	if !digestForm.MatchString(lines[0]) {
		return "", badReply(snapshot.Manifest, fmt.Sprintf("it says %.100q, which is no digest", lines[0]))
	}
	return lines[0], nil
}

// tagged fetches the manifest of a tag from a host that tells no digests.
func (p *pull) tagged(ctx context.Context, q question) (document, *refusal, error) {
	data, d, r := p.get(ctx, q, descriptor{Size: -1})
	if r != nil {
		return document{}, r, nil
	}
	doc, err := p.keep(ctx, q, d, data)
	return doc, nil, err
}

// document fetches a manifest or an index by its digest from whichever host has
// it. Without a media type that of the answer counts, without a size any.
func (p *pull) document(ctx context.Context, d descriptor) (document, error) {
	var doc document
	list := p.hosts.questions(p.Table.Fetch(p.Ref, route.Manifests, d.Digest))
	err := p.ask(ctx, "fetch manifest "+d.Digest, list, func(ctx context.Context, q question) (*refusal, error) {
		data, got, r := p.get(ctx, q, d)
		if r != nil {
			return r, nil
		}
		var err error
		doc, err = p.keep(ctx, q, got, data)
		return nil, err
	})
	return doc, err
}

// get fetches one manifest from one host.
func (p *pull) get(ctx context.Context, q question, d descriptor) ([]byte, descriptor, *refusal) {
	var body bytes.Buffer
	accept := upstream.AcceptManifest
	if d.MediaType != "" {
		accept = upstream.AcceptType(d.MediaType)
	}
	e := q.session.Ask(ctx, upstream.Request{
		Method: http.MethodGet, URL: q.url, Stage: snapshot.Manifest, Repository: q.endpoint.Repository(p.Ref),
		Accept: accept, Digest: d.Digest, Limit: maxManifest, Into: upstream.To(&body),
	})
	if r := refused(e); r != nil {
		return nil, d, r
	}
	r := e.Last().Final().Response
	if d.MediaType == "" {
		d.MediaType = r.Type
	}
	if !isManifest(d.MediaType) && !isIndex(d.MediaType) && !isSchema1(d.MediaType) {
		return nil, d, badReply(snapshot.Manifest, fmt.Sprintf("unexpected media type %.100q", d.MediaType))
	}
	if !json.Valid(body.Bytes()) {
		return nil, d, badReply(snapshot.Manifest, "the manifest is no JSON")
	}
	if d.Digest == "" {
		d.Digest = r.Digest
	}
	return body.Bytes(), d, nil
}

// keep reads a manifest and puts it into the stage.
func (p *pull) keep(ctx context.Context, q question, d descriptor, data []byte) (document, error) {
	if d.Size >= 0 && d.Size != int64(len(data)) {
		return document{}, fmt.Errorf("%s has %d bytes, and the index says %d", d.short(), len(data), d.Size)
	}
	d.Size = int64(len(data))
	doc, err := read(d, data)
	if err != nil {
		return doc, err
	}
	f, err := p.stage.part(ctx, d, nil)
	if err != nil {
		return doc, err
	}
	defer f.close()
	if !f.whole() {
		if _, err := f.Write(data); err != nil {
			return doc, err
		}
	}
	if ok, err := f.settle(); err != nil || !ok {
		return doc, errors.Join(err, f.err)
	}
	p.hosts.credit(q.host, 1, d.Size)
	return doc, nil
}

// one picks the image for the platform, through indexes inside of indexes.
func (p *pull) one(ctx context.Context, img *image, top document) error {
	want, err := parsePlatform(p.Platform)
	if err != nil {
		return err
	}
	doc := top
	for depth := 0; doc.config == nil; depth++ {
		if depth == maxDepth {
			return fmt.Errorf("%s: indexes lie %d deep inside of indexes", top.short(), maxDepth)
		}
		d, err := want.choose(doc)
		if err != nil {
			return err
		}
		if doc, err = p.entry(ctx, d); err != nil {
			return err
		}
	}
	img.top, img.manifest, img.docs = doc, &doc, []descriptor{doc.descriptor}
	return img.add(doc)
}

// entry fetches what an index names.
func (p *pull) entry(ctx context.Context, d descriptor) (document, error) {
	if !isManifest(d.MediaType) && !isIndex(d.MediaType) {
		return document{}, fmt.Errorf("%s is in the index with the media type %.100q, which is no image's", d.short(), d.MediaType)
	}
	if d.Size > maxManifest {
		return document{}, fmt.Errorf("%s declares %d bytes; a manifest has at most %d", d.short(), d.Size, maxManifest)
	}
	return p.document(ctx, d)
}

// everything adds all that an index names, or the one image.
func (p *pull) everything(ctx context.Context, img *image, doc document, depth int) error {
	img.docs = append(img.docs, doc.descriptor)
	if doc.config != nil {
		if depth == 0 {
			img.manifest = &doc
		}
		return img.add(doc)
	}
	if depth == maxDepth {
		return fmt.Errorf("%s: indexes lie %d deep inside of indexes", doc.short(), maxDepth)
	}
	for _, d := range doc.manifests {
		if img.has(d) {
			continue
		}
		if len(img.docs) > maxEntries {
			return fmt.Errorf("the index leads to more than %d manifests", maxEntries)
		}
		inner, err := p.entry(ctx, d)
		if err != nil {
			return err
		}
		if err := p.everything(ctx, img, inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a manifest is in the image already.
func (img *image) has(d descriptor) bool {
	for _, have := range img.docs {
		if have.Digest == d.Digest {
			return true
		}
	}
	return false
}

// add adds the blobs of a manifest.
func (img *image) add(doc document) error {
	known := map[string]int64{}
	for _, x := range img.parts {
		known[x.Digest] = x.Size
	}
	add := func(d descriptor, name string) error {
		size, ok := known[d.Digest]
		if ok && size != d.Size {
			return fmt.Errorf("%s is declared with %d bytes and with %d", d.short(), size, d.Size)
		}
		if !ok {
			known[d.Digest] = d.Size
			img.parts = append(img.parts, part{d, name})
			img.total += d.Size
		}
		return nil
	}
	if err := add(*doc.config, "config"); err != nil {
		return err
	}
	for i, d := range doc.layers {
		if err := add(d, fmt.Sprintf("layer %d of %d", i+1, len(doc.layers))); err != nil {
			return err
		}
	}
	if len(img.parts) > maxParts || img.total > maxImage {
		return fmt.Errorf("the image declares %d blobs and %d bytes, which is more than is fetched", len(img.parts), img.total)
	}
	return nil
}
