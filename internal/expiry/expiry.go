// Package expiry looks at every certificate that a node's pulls depend on: those
// of the hosts that its configuration names, and those in files that it names.
// It asks the hosts as the runtime would and sends them nothing but a greeting.
// How long is long enough is the business of package ca.
package expiry

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Look is a look at one node. Timeout is for each host.
type Look struct {
	Survey  *survey.Survey
	Timeout time.Duration
	Hosts   []string // further hosts, as somebody typed them
}

// atOnce bounds the hosts that are asked side by side.
const atOnce = 32

// Take looks at all of it.
func (l Look) Take(ctx context.Context) ca.Watch {
	w := ca.Watch{Taken: time.Now(), Hosts: l.ask(ctx, l.endpoints())}
	l.files(&w)
	return w
}

// Host looks at one host as the runtime would reach it, and says which
// certificates are trusted for it.
func (l Look) Host(ctx context.Context, host string) (ca.Host, ca.Trust) {
	e := l.endpoint(host)
	trust := ca.Trust{System: l.Survey.View.Pool.Certs}
	for _, name := range e.TLS.CA {
		if f := source.Find(l.Survey.Files, name); f != nil {
			trust.Named = append(trust.Named, ca.Read(*f).Certs()...)
		}
	}
	return l.ask(ctx, []route.Endpoint{e})[0], trust
}

// endpoints are all hosts that the configuration names, each once for each way
// in which it is verified.
func (l Look) endpoints() []route.Endpoint {
	t := l.Survey.Reading.Table
	var all []route.Endpoint
	for _, r := range t.Routes {
		if r.Match != route.Any {
			all = append(all, t.Endpoints(r.Match)...)
			continue
		}
		all = append(all, slices.DeleteFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool { return e.Host == route.Any })...)
	}
	for _, h := range t.Hosts {
		if h.Name != route.Any {
			all = append(all, l.endpoint(h.Name))
		}
	}
	for _, host := range l.Hosts {
		all = append(all, l.endpoint(host))
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e route.Endpoint) bool {
		key := strings.Join(append([]string{e.Scheme, e.Host}, e.TLS.CA...), "\x00")
		defer func() { seen[key] = true }()
		return seen[key] || e.Host == ""
	})
}

// endpoint is how the configuration reaches a host: as an endpoint that it
// names, else as a registry of that name.
func (l Look) endpoint(host string) route.Endpoint {
	t := l.Survey.Reading.Table
	for _, r := range t.Routes {
		for _, e := range t.Endpoints(r.Match) {
			if e.Host == host && e.Scheme == "https" {
				return e
			}
		}
	}
	list := t.Endpoints(host)
	for _, e := range list {
		if e.Host == host {
			return e
		}
	}
	return t.Default(host)
}

func (l Look) ask(ctx context.Context, all []route.Endpoint) []ca.Host {
	client := doctor.Client(l.Survey, nil)
	client.Limits = upstream.Limits{Name: l.Timeout / 2, Dial: l.Timeout / 2, TLS: l.Timeout, Header: l.Timeout, Idle: l.Timeout, Others: -1}
	out := make([]ca.Host, len(all))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, e := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, l.Timeout)
			defer cancel()
			out[i] = see(ctx, client, e)
		})
	}
	wg.Wait()
	return out
}

// see makes one handshake and keeps what was presented, trusted or not.
func see(ctx context.Context, client *upstream.Client, e route.Endpoint) ca.Host {
	h := ca.Host{Name: e.Host, From: e.From, Skip: e.TLS.SkipVerify, Plain: e.Scheme == "http" && !e.PlainFallback}
	switch {
	case h.Plain:
		return h
	case e.Broken != "":
		h.Failure = e.Broken
		return h
	}
	e.Scheme = "https"
	a := client.Do(ctx, upstream.Request{
		Method: http.MethodGet, URL: e.Ping(), Stage: snapshot.TLS, Endpoint: e, Vary: upstream.Vary{LookOnly: true},
	})
	if s := a.Handshake; s != nil && len(s.Chain) > 0 {
		h.Chain, h.Verified, h.Verify = s.Chain, s.Verified, s.Verify
		return h
	}
	switch f := a.Fault(); {
	case f != nil && f.Cause == snapshot.NotTLS && e.PlainFallback:
		h.Plain = true
	case f != nil:
		h.Failure = f.Text
	default:
		h.Failure = "it presented no certificate"
	}
	return h
}

// files reads the certificates that the configuration names and those that an
// administrator added to the system's store.
func (l Look) files(w *ca.Watch) {
	seen := map[string]bool{}
	add := func(name, role string) {
		f := source.Find(l.Survey.Files, name)
		if seen[name] || f == nil {
			return
		}
		seen[name] = true
		w.Files, w.Roles = append(w.Files, ca.Read(*f)), append(w.Roles, role)
	}
	tls := func(t route.TLS) {
		for _, name := range t.CA {
			add(name, "ca")
		}
		for _, p := range t.Client {
			add(p.Cert, "client")
		}
	}
	t := l.Survey.Reading.Table
	for _, h := range t.Hosts {
		tls(h.TLS)
	}
	for _, r := range t.Routes {
		for _, e := range r.Mirrors {
			tls(e.TLS)
		}
		if r.Upstream != nil {
			tls(r.Upstream.TLS)
		}
	}
	l.anchors(w, seen)
}

func (l Look) anchors(w *ca.Watch, seen map[string]bool) {
	for i, anchor := range l.Survey.Node.Trust.Anchors {
		if !anchor.Local || seen[anchor.File] || i >= len(l.Survey.View.Pool.Certs) {
			continue
		}
		cert := l.Survey.View.Pool.Certs[i]
		w.Files = append(w.Files, ca.Read(source.File{Path: anchor.File, Data: ca.PEM(cert)}))
		w.Roles = append(w.Roles, "system")
	}
}
