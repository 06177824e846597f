package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// look is the look at one endpoint.
type look struct {
	p        *Probe
	endpoint route.Endpoint
	login    upstream.Login
	budget   time.Duration
	digest   string // what a host that resolves no tags is asked for
	session  *upstream.Session
	hop      snapshot.Hop

	mu sync.Mutex // guards hop.Trials
}

// run makes the runtime's own requests, as far as they go.
func (l *look) run(ctx context.Context) {
	if l.endpoint.Broken != "" {
		l.fail(snapshot.Connect, snapshot.BadConfig, l.endpoint.Broken)
		return
	}
	l.session = l.p.Client.Session(l.endpoint, l.login)
	var wg sync.WaitGroup
	pinging, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { l.ping(pinging) })
	switch {
	case l.hop.Resolves:
		l.pull(ctx)
	case l.digest != "":
		l.manifest(ctx, l.digest)
	default:
		l.reach(ctx)
		l.asResolver(ctx)
	}
	l.finish()
	l.forgo(ctx)
	late := time.AfterFunc(spare, cancel)
	defer late.Stop()
	wg.Wait()
	l.summarise()
}

// forgo says of a look that was broken off why it was.
func (l *look) forgo(ctx context.Context) {
	f := l.hop.Failure
	if f == nil || f.Cause != snapshot.Canceled || !errors.Is(context.Cause(ctx), errNotNeeded) {
		return
	}
	f.Cause, f.Text = snapshot.NotNeeded, errNotNeeded.Error()
	if step := l.hop.Failed(); step != nil {
		*step.Attempt.Fault() = *f
	}
}

func (l *look) close() {
	if l.session != nil {
		l.session.Close()
	}
}

// ping asks for the API's root. No runtime does; it shows what answers there.
func (l *look) ping(ctx context.Context) {
	a := l.p.Client.Do(ctx, upstream.Request{Method: http.MethodGet, URL: l.endpoint.Ping(), Stage: snapshot.API, Endpoint: l.endpoint})
	l.hop.Ping = &a
}

// root is the request for the API's root that Docker and containers-image begin
// with: an answer other than 200 and 401 ends containers-image's attempt.
func (l *look) root(ctx context.Context) bool {
	a := l.p.Client.Do(ctx, upstream.Request{Method: http.MethodGet, URL: l.endpoint.Ping(), Stage: snapshot.API, Endpoint: l.endpoint})
	answered := a.Failure == nil || a.Failure.Cause == snapshot.Status
	if status := a.Status(); answered && (status == http.StatusUnauthorized || l.endpoint.Engine == route.Docker) {
		a.Failure = nil // it is how a registry says that it wants credentials
		l.hop.Steps = append(l.hop.Steps, snapshot.Step{Stage: snapshot.API, Attempt: a})
		return true
	}
	return l.step(snapshot.API, a)
}

// reach only sees whether a host that cannot be asked for anything is there.
func (l *look) reach(ctx context.Context) {
	a := l.p.Client.Do(ctx, upstream.Request{
		Method: http.MethodGet, URL: l.endpoint.Ping(), Stage: snapshot.TLS, Endpoint: l.endpoint, Vary: upstream.Vary{LookOnly: true},
	})
	l.step(snapshot.TLS, a)
}

// asResolver asks a host for the tag that it may not resolve: had it been allowed
// to, would the pull have worked?
func (l *look) asResolver(ctx context.Context) {
	if l.hop.Failure != nil || l.p.Ref.Tag == "" {
		return
	}
	req := l.request(upstream.Vary{})
	req.Repository = l.endpoint.Repository(l.p.Ref)
	e := l.session.Ask(ctx, req)
	a := *e.Last()
	if f := e.Fault(); f != nil && a.Failure == nil {
		a.Failure = f
	}
	l.add(snapshot.Trial{Change: snapshot.AsResolver, Stage: snapshot.Manifest, Attempt: a})
}

// step writes down one request of the runtime. The first failure ends the hop.
func (l *look) step(stage snapshot.Stage, a snapshot.Attempt) bool {
	l.hop.Steps = append(l.hop.Steps, snapshot.Step{Stage: stage, Attempt: a})
	f := a.Fault()
	if f == nil {
		return true
	}
	if l.hop.Failure == nil {
		why := *f
		l.hop.Failure = &why
	}
	return false
}

// fail ends the hop for a reason that no request shows by itself.
func (l *look) fail(stage snapshot.Stage, cause snapshot.Cause, text string) {
	f := snapshot.Failure{Stage: stage, Cause: cause, Text: text}
	if n := len(l.hop.Steps); n > 0 {
		final := l.hop.Steps[n-1].Attempt.Final()
		if final.Failure == nil {
			final.Failure = &f
		}
	}
	if l.hop.Failure == nil {
		l.hop.Failure = &f
	}
}

// ask makes one request of the runtime, logging in when it is asked to.
func (l *look) ask(ctx context.Context, req upstream.Request) (*snapshot.Attempt, bool) {
	req.Endpoint, req.Repository = l.endpoint, l.endpoint.Repository(l.p.Ref)
	e := l.session.Ask(ctx, req)
	if e.Auth != nil {
		l.hop.Auth = e.Auth
	}
	for i, a := range e.Attempts {
		ok := l.step(req.Stage, a)
		if !ok && i < len(e.Attempts)-1 {
			return e.Last(), false
		}
		if e.Auth != nil && e.Auth.Token != nil && a.Status() == http.StatusUnauthorized && a.Fault() == nil && !l.step(snapshot.Token, *e.Auth.Token) {
			return e.Last(), false
		}
	}
	return e.Last(), l.hop.Failure == nil
}

// pull resolves the reference and looks at what it stands for.
func (l *look) pull(ctx context.Context) {
	if l.endpoint.Engine != route.Containerd && !l.root(ctx) {
		return
	}
	if l.endpoint.Engine == route.ContainersImage {
		l.manifest(ctx, l.p.Ref.Digest)
		return
	}
	a, ok := l.ask(ctx, upstream.Request{
		Method: http.MethodHead, URL: l.endpoint.Object(l.p.Ref, route.Manifests, l.p.Ref.Object()),
		Stage: snapshot.Manifest, Accept: upstream.AcceptManifest,
	})
	if !ok {
		return
	}
	header := a.Final().Response.Header
	digest := first(header["Docker-Content-Digest"])
	if l.p.Ref.Digest != "" {
		digest = l.p.Ref.Digest
	}
	l.manifest(ctx, digest)
}

// finish says of the hop's failure what the runtime makes of it, and forgives
// what only our own deadline cut off after the image had been found.
func (l *look) finish() {
	f := l.hop.Failure
	if f == nil {
		return
	}
	found := l.hop.Manifest != nil && l.hop.Manifest.Chosen != ""
	if f.Cause == snapshot.OutOfTime && found && f.Stage == snapshot.Blob {
		l.hop.Failure = nil
		return
	}
	f.Ends = l.ends(*f)
	if step := l.hop.Failed(); step != nil && step.Attempt.Fault() != nil {
		step.Attempt.Fault().Ends = f.Ends
	}
}

// ends reports whether the runtime gives up after such a failure instead of
// asking the next host. Source: containerd core/remotes/docker/resolver.go and
// fetcher.go, and runs against 1.6.20, 1.7.35 and 2.4.2.
func (l *look) ends(f snapshot.Failure) bool {
	switch f.Cause {
	case snapshot.BadReply, snapshot.WrongDigest, snapshot.NoPlatform, snapshot.RedirectBad, snapshot.BadConfig:
		return f.Stage == snapshot.Manifest || f.Stage == snapshot.Blob || f.Cause == snapshot.BadConfig && l.endpoint.Broken == ""
	case snapshot.Silent:
		// Before 2.3 nothing limits the wait for an HTTP answer.
		waits := f.Stage == snapshot.Manifest || f.Stage == snapshot.Blob || f.Stage == snapshot.Token
		return waits && !l.p.Table.Target.Containerd.Since("2.3.0")
	case snapshot.Unpack:
		return true
	case snapshot.Stalled, snapshot.Truncated:
		return f.Stage == snapshot.Blob
	}
	return false
}

// tags asks for the neighbours of a tag that does not exist.
func (l *look) tags(ctx context.Context) {
	u := strings.TrimSuffix(l.endpoint.Ping(), "/") + "/" + l.endpoint.Repository(l.p.Ref) + "/tags/list?n=100"
	tags, ok := l.list(ctx, u, "tags")
	if !ok || len(tags) == 0 {
		return
	}
	if l.hop.Manifest == nil {
		l.hop.Manifest = &snapshot.Content{}
	}
	slices.Sort(tags)
	l.hop.Manifest.Tags = tags
}

// list reads one page of a JSON list of the API.
func (l *look) list(ctx context.Context, u, key string) ([]string, bool) {
	var body strings.Builder
	e := l.session.Ask(ctx, upstream.Request{
		Method: http.MethodGet, URL: u, Stage: snapshot.Manifest, Endpoint: l.endpoint,
		Repository: l.endpoint.Repository(l.p.Ref), Into: upstream.To(&body), Limit: 1 << 20,
	})
	if !e.Last().OK() {
		return nil, false
	}
	return stringList(body.String(), key)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
