// Package probe replays a pull: every host that the runtime would ask, side by
// side, stage by stage, and where one fails, the same request again with one
// thing changed. It writes down what happened and judges nothing; it downloads
// no layer unless it is told to hash them.
package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Probe is everything that a look needs. Client must follow the runtime's
// resolver, trust and environment.
type Probe struct {
	Client   *upstream.Client
	Table    route.Table
	Ref      route.Ref
	Login    *route.Auth // credentials that come with the pull, as a pull secret does; nil: none
	Platform string      // the node's own: "linux/amd64"
	Deep     bool        // read and hash every blob

	Budget     time.Duration           // for everything; 20 s when zero
	Candidates []source.File           // certificates on the node that no configuration names
	Proxies    []snapshot.ProxySetting // proxies that other programs of the node use
	Reveal     map[string]route.Secret // the full values of those that hold a password, by masked value
	Images     []string                // repositories of images on the node, to guess what was meant
	Clocks     func(context.Context) []snapshot.Clock
	Watch      func(snapshot.Hop, snapshot.Summary) // told of each stage as it ends; may be nil, called from several goroutines
}

// defaultBudget bounds a look when nobody says otherwise.
const defaultBudget = 20 * time.Second

// Pull looks at every host of the chain. It returns within the budget, and at
// once when the context ends.
func (p *Probe) Pull(ctx context.Context) *snapshot.Pull {
	budget := p.Budget
	if budget <= 0 {
		budget = defaultBudget
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	out := &snapshot.Pull{Image: p.Ref.String(), Platform: p.Platform, Budget: budget, Deep: p.Deep}
	looks := p.looks(budget)
	var wg sync.WaitGroup
	wg.Go(func() { inOrder(ctx, looks) })
	var clocks []snapshot.Clock
	if p.Clocks != nil {
		wg.Go(func() { clocks = p.Clocks(ctx) })
	}
	wg.Wait()
	p.byDigest(ctx, looks)
	out.Clocks = append(clocks, dates(looks)...)
	last := serving(looks)
	for _, l := range looks {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, budget)
			if l.hop.Index > last {
				cancel()
				ctx, cancel = context.WithTimeout(ctx, spare)
			}
			defer cancel()
			l.tryAll(ctx)
		})
	}
	wg.Go(func() { out.Anywhere = p.anywhere(ctx, looks[:min(last+1, len(looks))]) })
	wg.Wait()
	if out.Clocks = append(clocks, dates(looks)...); len(out.Clocks) > 0 {
		for _, l := range looks {
			wg.Go(func() { l.tryTime(ctx, out.Clocks) })
		}
		wg.Wait()
	}
	for _, l := range looks {
		l.close()
		out.Hops = append(out.Hops, l.hop)
	}
	return out
}

// spare is how much longer than the host that serves the image those behind it
// are waited for. The runtime does not come to them; an unreachable registry
// behind a mirror is how air gaps are meant to be, and must not cost its timeout.
const spare = time.Second

var errNotNeeded = errors.New("not waited for: a host before it serves the image")

// inOrder looks at the hosts that resolve the reference, side by side.
func inOrder(ctx context.Context, looks []*look) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var timers []*time.Timer
	ends := make([]context.CancelCauseFunc, len(looks))
	behind := func(i int) {
		for _, end := range ends[i+1:] {
			end(errNotNeeded)
		}
	}
	runs := make([]context.Context, len(looks))
	for i := range looks {
		runs[i], ends[i] = context.WithCancelCause(ctx)
		defer ends[i](nil)
	}
	for i, l := range looks {
		if !l.hop.Resolves {
			continue
		}
		all.Go(func() {
			if l.run(runs[i]); l.hop.Failure == nil {
				mu.Lock()
				defer mu.Unlock()
				timers = append(timers, time.AfterFunc(spare, func() { behind(i) }))
			}
		})
	}
	all.Wait()
	for _, t := range timers {
		t.Stop()
	}
}

// serving is the index of the first host that serves the image; that of the last
// one if none does.
func serving(looks []*look) int {
	for i, l := range looks {
		if l.hop.Resolves && l.hop.Failure == nil {
			return i
		}
	}
	return len(looks) - 1
}

// byDigest looks at the hosts that serve content but resolve no tags, once it
// is known which digest they would be asked for.
func (p *Probe) byDigest(ctx context.Context, looks []*look) {
	digest := ""
	for _, l := range looks {
		if l.hop.Resolves && l.hop.Failure == nil && l.hop.Manifest != nil {
			digest = l.hop.Manifest.Digest
			break
		}
	}
	var wg sync.WaitGroup
	for _, l := range looks {
		if !l.hop.Resolves {
			l.digest = digest
			wg.Go(func() { l.run(ctx) })
		}
	}
	wg.Wait()
}

// looks prepares one look for each endpoint of the chain.
func (p *Probe) looks(budget time.Duration) []*look {
	need := route.Pull
	if p.Ref.Digest == "" {
		need |= route.Resolve
	}
	var out []*look
	for i, e := range p.Table.Endpoints(p.Ref.Registry) {
		l := &look{p: p, endpoint: e, budget: budget, login: p.login(e)}
		l.hop = snapshot.Hop{
			Index: i, Endpoint: e.String(), Host: e.Host, Mirror: e.Role == route.Mirror, Resolves: e.Serves.Has(need),
			From: e.From, Broken: e.Broken, Steps: []snapshot.Step{}, Stages: []snapshot.Summary{},
		}
		if u, err := p.Client.Proxy(e.Ping()); err == nil && u != nil {
			l.hop.Proxy = u.Redacted()
		}
		out = append(out, l)
	}
	return out
}

// login is what this endpoint would be given. Credentials that come with a pull
// belong to the registry that the image names; the runtime would give them to
// every host of the chain, and we do not.
func (p *Probe) login(e route.Endpoint) upstream.Login {
	if p.Login == nil {
		return upstream.Login{Auth: e.Auth}
	}
	own := p.Table.Default(p.Ref.Registry).Host
	if e.Host == own || e.Host == p.Ref.Registry {
		return upstream.Login{Auth: *p.Login}
	}
	return upstream.Login{Shared: true}
}
