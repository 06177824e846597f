// Package pull fetches an image by itself along the route of a runtime: the
// hosts that the runtime would ask, in its order, into an OCI layout or a docker
// archive. It forgives more than a runtime does: it does not ask a dead host
// twice, checks every digest, goes on elsewhere where a blob broke off, and in
// the next run where this one ended. It unpacks and runs nothing, and speaks to
// no runtime.
package pull

import (
	"context"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Request says what to fetch, along which route and into what.
type Request struct {
	Client   *upstream.Client // behaves as the runtime does; its Limits are those of Limits
	Table    route.Table      //
	Ref      route.Ref        //
	Login    *route.Auth      // credentials that come with the pull, for the registry itself; nil: none
	Platform string           // "linux/arm64/v8"
	Strict   bool             // refuse an image without an index that is for another platform
	Out      Output           //
	Watch    func(Event)      // told of every step, one at a time; may be nil
}

// Limits shares out the time for which a host may be silent: so long at most
// between two pieces of an answer, less to make a connection. A pull as a whole
// may take as long as bytes come. 0: 20 s.
func Limits(silence time.Duration) upstream.Limits {
	if silence <= 0 {
		silence = 20 * time.Second
	}
	return upstream.Limits{
		Name: min(5*time.Second, silence/4), Dial: min(5*time.Second, silence/4), TLS: min(10*time.Second, silence/2),
		Header: silence, Idle: silence, Others: -1,
	}
}

// Result is what a pull came to. After an error it tells how far it got.
type Result struct {
	Digest   string   // what the reference stands for, an index perhaps; empty: not known
	Manifest string   // the image's own manifest; empty: not known
	Platform string   // that the image names: "linux/amd64"; empty: not known
	Served   []Served // by host, in the order of the route
	Had      Share    // what did not have to be fetched
	Left     []Left   // hosts that were given up
	Kept     Kept     // what the next run goes on with; zero after a success
}

// Share is a part of an image: manifests, configurations and layers.
type Share struct {
	Blobs int
	Bytes int64
}

// Served is the part that one host served.
type Served struct {
	Endpoint string
	Share
}

// Left is a host that is not asked any more, or only after all others.
type Left struct {
	Endpoint string
	Failure  snapshot.Failure
}

// Kept is what lies ready for the next run.
type Kept struct {
	Dir string
	Share
}

// Self fetches an image. The output has it complete afterwards, or is as it was.
func Self(ctx context.Context, q Request) (Result, error) {
	p := &pull{Request: q, hosts: newHosts(&q)}
	defer p.hosts.close()
	err := p.run(ctx)
	p.result.Served, p.result.Left = p.hosts.served(), p.hosts.left()
	return p.result, err
}

// pull is one run.
type pull struct {
	Request
	hosts  *hosts
	stage  *stage
	result Result

	mu sync.Mutex // guards Watch and result.Had
}

func (p *pull) run(ctx context.Context) (err error) {
	want, err := parsePlatform(p.Platform)
	if err != nil {
		return err
	}
	out, err := p.Out.open()
	if err != nil {
		return err
	}
	defer out.close()
	if err := out.fits(); err != nil {
		return err
	}
	p.stage, err = openStage(ctx, out, func() { p.tell(Event{State: Waiting, Text: p.Out.String()}) })
	if err != nil {
		return err
	}
	defer func() { p.result.Kept = p.stage.close() }()
	if err := out.fits(); err != nil {
		return err
	}
	img, err := p.image(ctx, want)
	if err != nil {
		return err
	}
	if err := p.fetch(ctx, img, want); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.tell(Event{State: Writing, Text: p.Out.String()})
	if err := out.commit(ctx, p.stage, img); err != nil {
		return err
	}
	return p.stage.clear()
}

// tell tells the watcher, one event at a time.
func (p *pull) tell(e Event) {
	if p.Watch == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Watch(e)
}

// had counts what did not have to be fetched.
func (p *pull) had(blobs int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Had.Blobs += blobs
	p.result.Had.Bytes += bytes
}
