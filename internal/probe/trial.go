package probe

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// A trial is the failed request once more with one thing changed. Which trials
// make sense follows from how the request failed; all of them run side by side.

// trials collects the trials of one hop and runs them.
type trials struct {
	l     *look
	ctx   context.Context
	stage snapshot.Stage
	leg   *snapshot.Attempt                    // that failed
	aside bool                                 // it was to a token server, or where a redirect led
	base  func(upstream.Vary) upstream.Request // what is repeated
	wg    sync.WaitGroup
}

// try runs one request with one change and writes it down.
func (t *trials) try(change snapshot.Change, detail string, req upstream.Request) {
	t.wg.Go(func() {
		if req.Stage == "" {
			req.Stage = t.stage
		}
		a := t.l.p.Client.Do(t.ctx, req)
		t.l.add(snapshot.Trial{Change: change, Detail: detail, Stage: t.stage, Attempt: a})
	})
}

func (l *look) add(t snapshot.Trial) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hop.Trials = append(l.hop.Trials, t)
}

// again is the failed request with another way to its server.
func (t *trials) again(change snapshot.Change, detail string, vary upstream.Vary) {
	t.try(change, detail, t.base(vary))
}

// chain only fetches the certificate chain that way.
func (t *trials) chain(change snapshot.Change, detail string, vary upstream.Vary) {
	vary.LookOnly = true
	req := t.base(vary)
	req.Stage = snapshot.TLS
	t.try(change, detail, req)
}

// request is the runtime's first request to the endpoint, without credentials.
func (l *look) request(vary upstream.Vary) upstream.Request {
	req := upstream.Request{
		Method: http.MethodHead, URL: l.endpoint.Object(l.p.Ref, route.Manifests, l.p.Ref.Object()), Stage: snapshot.Manifest,
		Endpoint: l.endpoint, Accept: upstream.AcceptManifest, Vary: vary,
	}
	// A challenge is an answer too: what is asked is how far the request gets.
	req.Endpoint.Auth, req.Endpoint.PlainFallback = route.Auth{}, false
	return req
}

// tryAll runs every trial that the hop's failure calls for.
func (l *look) tryAll(ctx context.Context) {
	f := l.hop.Failure
	step := l.hop.Failed()
	if f == nil || step == nil || l.session == nil || ctx.Err() != nil || f.Cause == snapshot.NotNeeded {
		return
	}
	t := l.trials(ctx, step)
	a := t.leg
	switch {
	case f.Cause == snapshot.TokenDenied:
		t.login()
	case t.aside:
		t.elsewhere(a)
	default:
		t.names(a)
		t.proxies(a)
		switch f.Stage {
		case snapshot.Connect:
			t.addresses(a)
		case snapshot.TLS:
			t.handshakes(a)
		case snapshot.Manifest:
			t.answers(a)
		}
		t.bodies(a)
	}
	t.wg.Wait()
	l.sortTrials()
}

// trials prepares those of a step that failed.
func (l *look) trials(ctx context.Context, step *snapshot.Step) *trials {
	t := &trials{l: l, ctx: ctx, stage: l.hop.Failure.Stage, leg: &step.Attempt, base: l.request}
	for t.leg.Failure == nil && t.leg.Next != nil {
		t.leg = t.leg.Next
	}
	t.aside = step.Stage == snapshot.Token || t.leg != &step.Attempt
	if u, err := url.Parse(t.leg.URL); t.aside && err == nil {
		t.base = func(vary upstream.Vary) upstream.Request {
			vary.LookOnly = true
			req := upstream.Request{Method: http.MethodGet, URL: u.Scheme + "://" + u.Host + "/", Stage: snapshot.TLS, Vary: vary}
			req.Endpoint.TLS = l.endpoint.TLS
			return req
		}
	}
	return t
}

// elsewhere: a token server or the target of a redirect could not be reached.
// The same questions as for the host itself, but all that is repeated is the way
// to it: what it is asked for is between it and the runtime.
func (t *trials) elsewhere(a *snapshot.Attempt) {
	switch t.stage {
	case snapshot.Resolve, snapshot.Connect, snapshot.TLS:
		t.names(a)
		t.proxies(a)
	}
	if a.Failure != nil && a.Failure.Cause == snapshot.BadChain {
		t.certificates(a)
	}
}

// sortTrials makes the order of trials independent of their timing.
func (l *look) sortTrials() {
	slices.SortStableFunc(l.hop.Trials, func(a, b snapshot.Trial) int {
		if d := strings.Compare(string(a.Change), string(b.Change)); d != 0 {
			return d
		}
		return strings.Compare(a.Detail, b.Detail)
	})
}

// names: was the name resolved wrongly?
func (t *trials) names(a *snapshot.Attempt) {
	look := a.Lookup
	if look == nil || a.Proxy != "" {
		return
	}
	if suffixed(look) {
		t.again(snapshot.WithoutSearch, look.Name+".", upstream.Vary{Absolute: true})
	}
	if look.Hosts != nil {
		t.again(snapshot.WithoutHosts, "", upstream.Vary{NoHosts: true})
		return
	}
	tried := map[string]bool{strings.Join(look.Addrs, " "): true}
	for _, answer := range look.Answers {
		key := strings.Join(answer.Addrs, " ")
		if len(answer.Addrs) == 0 || tried[key] || look.Server != nil && answer.Server == *look.Server || subset(answer.Addrs, look.Addrs) {
			continue
		}
		tried[key] = true
		server := answer.Server
		t.again(snapshot.OtherResolver, server.Addr, upstream.Vary{Server: &server})
	}
	if t.stage != snapshot.Resolve && look.Server != nil {
		t.wg.Go(func() {
			control := t.l.p.Client.Lookup(t.ctx, look.Name, upstream.Ask{Server: look.Server, Control: true})
			look.Control = control.Control
		})
	}
}

// suffixed reports whether an address came for a name below a search domain.
func suffixed(look *snapshot.Lookup) bool {
	return slices.ContainsFunc(look.Answers, func(a snapshot.Answer) bool {
		return a.Server.Node && len(a.Addrs) > 0 && !strings.EqualFold(strings.TrimSuffix(a.Name, "."), strings.TrimSuffix(look.Name, "."))
	})
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// proxies: is it the proxy, or that there is none?
func (t *trials) proxies(a *snapshot.Attempt) {
	if a.Proxy != "" {
		t.again(snapshot.Direct, "", upstream.Vary{Direct: true})
		if a.Failure.Cause == snapshot.ProxyStatus {
			t.chain(snapshot.ControlHost, controlHost, upstream.Vary{})
		}
		return
	}
	switch a.Failure.Cause {
	case snapshot.Refused, snapshot.DialTimeout, snapshot.NoRoute, snapshot.Unreachable, snapshot.NoSuchHost, snapshot.NoAddress,
		snapshot.DNSTimeout, snapshot.DNSError, snapshot.DNSRefused, snapshot.DNSForbidden, snapshot.DNSNoServer, snapshot.Reset, snapshot.Silent:
	default:
		return
	}
	tried := map[string]bool{}
	for _, p := range t.l.p.Proxies {
		if tried[p.Value] || !strings.EqualFold(p.Key, scheme(a)+"_PROXY") {
			continue
		}
		tried[p.Value] = true
		value, ok := t.l.p.Reveal[p.Value]
		if !ok {
			value = route.NewSecret(p.Value)
		}
		t.again(snapshot.ThroughProxy, p.At.String(), upstream.Vary{Proxy: value})
	}
}

func scheme(a *snapshot.Attempt) string {
	scheme, _, _ := strings.Cut(a.URL, "://")
	return scheme
}

// controlHost is asked for through a proxy, to see whether it is the proxy or the host.
const controlHost = "registry-1.docker.io"

// otherPorts are where registries listen.
var otherPorts = []string{"443", "5000", "80", "8443", "5443", "5001", "8080"}

// addresses: is it the port, or the family?
func (t *trials) addresses(a *snapshot.Attempt) {
	if a.Proxy != "" || len(a.Dials) == 0 {
		return
	}
	ip, port, err := net.SplitHostPort(a.Dials[0].Addr)
	if err != nil {
		return
	}
	if ip == "::1" {
		t.chain(snapshot.OtherAddress, "127.0.0.1", upstream.Vary{Addr: net.JoinHostPort("127.0.0.1", port)})
	}
	if a.Failure.Cause != snapshot.Refused && a.Failure.Cause != snapshot.DialTimeout {
		return
	}
	for _, other := range otherPorts {
		if other != port {
			t.chain(snapshot.OtherPort, other, upstream.Vary{Addr: net.JoinHostPort(ip, other)})
		}
	}
}

// login: would it work without the credentials?
func (t *trials) login() {
	if t.l.hop.Auth == nil || !t.l.hop.Auth.Sent {
		t.similar()
		return
	}
	t.anonymous()
}

// anonymous repeats the request as somebody who has no credentials.
func (t *trials) anonymous() {
	t.wg.Go(func() {
		s := t.l.p.Client.Session(t.l.endpoint, upstream.Login{})
		defer s.Close()
		req := t.l.request(upstream.Vary{})
		req.Repository = t.l.endpoint.Repository(t.l.p.Ref)
		e := s.Ask(t.ctx, req)
		a := *e.Last()
		if e.Auth != nil && e.Auth.Failure != nil && a.Failure == nil {
			a.Failure = e.Auth.Failure
		}
		t.l.add(snapshot.Trial{Change: snapshot.Anonymous, Stage: t.stage, Attempt: a})
	})
}
