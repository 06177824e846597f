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
	ref      route.Ref
	manifest document
	platform platform // that its configuration names; zero: none
	parts    []part   // the configuration and the layers, each once
}

// part is one blob of an image.
type part struct {
	descriptor
	name string
}

func (p part) shown() Part { return Part{Name: p.name, Digest: p.Digest, Size: p.Size} }

// image finds out what the reference stands for, and puts the manifest into the
// stage.
func (p *pull) image(ctx context.Context, want platform) (*image, error) {
	p.tell(Event{State: Resolving, Text: p.Ref.String()})
	top, err := p.resolve(ctx)
	if err != nil {
		return nil, err
	}
	p.result.Digest = top.Digest
	doc, err := p.one(ctx, top, want)
	if err != nil {
		return nil, err
	}
	p.result.Manifest = doc.Digest
	img := &image{ref: p.Ref, manifest: doc}
	if err := img.add(); err != nil {
		return nil, err
	}
	p.tell(Event{State: Resolved, Text: top.Digest})
	for _, x := range img.parts {
		p.tell(Event{State: Queued, Part: x.shown()})
	}
	return img, p.stage.keep(ctx, doc.descriptor, doc.data)
}

// resolve asks hosts what the reference stands for until one says something
// that is to be had.
func (p *pull) resolve(ctx context.Context) (document, error) {
	var top document
	if why := p.Table.RouteFor(p.Ref).Fails; why != "" {
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
	err := p.ask(ctx, "resolve "+p.Ref.String(), p.hosts.questions(list), func(ctx context.Context, q question) (r *refusal, err error) {
		top, r, err = p.from(ctx, q)
		return r, err
	})
	return top, err
}

// from asks one host what the reference stands for, and whichever host has it
// for that.
func (p *pull) from(ctx context.Context, q question) (document, *refusal, error) {
	digest, r := p.head(ctx, q)
	if r != nil {
		return document{}, r, nil
	}
	if digest == "" {
		return p.get(ctx, q, descriptor{Size: -1})
	}
	doc, err := p.document(ctx, descriptor{Digest: digest, Size: -1})
	if said, ok := errors.AsType[*Refusals](err); ok {
		text := fmt.Sprintf("it says %s, which cannot be had: %s", digest, said)
		return doc, &refusal{Failure: snapshot.Failure{Stage: snapshot.Manifest, Cause: nowhere, Text: text}}, nil
	}
	return doc, nil, err
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

// document fetches a manifest or an index by its digest from whichever host has
// it. Without a media type that of the answer counts, without a size any.
func (p *pull) document(ctx context.Context, d descriptor) (document, error) {
	var doc document
	list := p.hosts.questions(p.Table.Fetch(p.Ref, route.Manifests, d.Digest))
	err := p.ask(ctx, "fetch manifest "+d.Digest, list, func(ctx context.Context, q question) (r *refusal, err error) {
		doc, r, err = p.get(ctx, q, d)
		return r, err
	})
	return doc, err
}

// get fetches one manifest from one host. What has the right digest and makes
// no sense ends the pull: no other host would have anything else.
func (p *pull) get(ctx context.Context, q question, d descriptor) (document, *refusal, error) {
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
		return document{}, r, nil
	}
	answer := e.Last().Final().Response
	if d.MediaType == "" {
		d.MediaType = answer.Type
	}
	switch {
	case !isManifest(d.MediaType) && !isIndex(d.MediaType) && !isSchema1(d.MediaType):
		return document{}, badReply(snapshot.Manifest, fmt.Sprintf("unexpected media type %q", d.MediaType)), nil
	case !json.Valid(body.Bytes()):
		return document{}, badReply(snapshot.Manifest, "the manifest is no JSON"), nil
	case d.Size >= 0 && d.Size != int64(body.Len()):
		return document{}, nil, fmt.Errorf("%s has %d bytes, and the index says %d", d.short(), body.Len(), d.Size)
	case d.Digest == "":
		d.Digest = answer.Digest
	}
	d.Size = int64(body.Len())
	doc, err := read(d, body.Bytes())
	if err == nil {
		p.hosts.credit(q.host, 1, d.Size)
	}
	return doc, nil, err
}

// one picks the image for the platform, through indexes inside of indexes.
func (p *pull) one(ctx context.Context, top document, want platform) (document, error) {
	doc := top
	for depth := 0; doc.config == nil; depth++ {
		if depth == maxDepth {
			return doc, fmt.Errorf("%s: indexes lie more than %d deep inside of indexes", top.short(), maxDepth)
		}
		d, err := want.choose(doc)
		if err != nil {
			return doc, err
		}
		if doc, err = p.entry(ctx, d); err != nil {
			return doc, err
		}
	}
	return doc, nil
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

// add lists the blobs of the manifest, each once.
func (img *image) add() error {
	doc := img.manifest
	if doc.config.Size > maxConfig {
		return fmt.Errorf("%s: the configuration declares %d bytes; more than %d are refused", doc.short(), doc.config.Size, maxConfig)
	}
	img.parts = []part{{*doc.config, "config"}}
	known := map[string]int64{doc.config.Digest: doc.config.Size}
	for i, d := range doc.layers {
		size, ok := known[d.Digest]
		if ok && size != d.Size {
			return fmt.Errorf("%s is declared with %d bytes and with %d", d.short(), size, d.Size)
		}
		if !ok {
			known[d.Digest] = d.Size
			img.parts = append(img.parts, part{d, fmt.Sprintf("layer %d of %d", i+1, len(doc.layers))})
		}
	}
	return nil
}
