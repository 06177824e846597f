package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Do makes one request and follows its redirects. Everything that is worth
// knowing is in the attempt, a failure too; the body goes where the request
// says. When it returns nothing is left open or running.
func (c *Client) Do(ctx context.Context, req Request) snapshot.Attempt {
	x := c.exchange(req, nil)
	return x.do(ctx)
}

// exchange is one request on its way through redirects.
type exchange struct {
	c    *Client
	req  Request
	veil *veil
	pool *pool // keeps connections; nil: none is kept

	home  Origin            // the endpoint's own
	roots *Roots            // with the endpoint's ca files
	mine  []tls.Certificate // the endpoint's client certificates

	// Of a token request: the form that is posted, and that the body is secret.
	form  []byte
	token bool

	strict     bool // nothing secret goes to a server that has not proven who it is, skip_verify or not
	fellBack   bool // the runtime speaks plain HTTP to this endpoint by now
	onLoopback bool // the endpoint itself is on this machine, so its redirects may be
	plainReply bool // the reply to the ClientHello was HTTP
}

func (c *Client) exchange(req Request, p *pool) *exchange {
	x := &exchange{c: c, req: req, veil: &veil{}, pool: p}
	if req.Vary != (Vary{}) {
		x.pool = nil
	}
	_, proof, _ := strings.Cut(req.Authorization.value.Reveal(), " ")
	x.veil.hide(proof)
	for _, h := range req.Endpoint.Header {
		for _, v := range h.Values {
			x.veil.hide(v.Reveal())
		}
	}
	x.home, _ = OriginOf(&url.URL{Scheme: req.Endpoint.Scheme, Host: req.Endpoint.Host})
	return x
}

// do runs the request, and over plain HTTP again where the runtime would.
func (x *exchange) do(ctx context.Context) snapshot.Attempt {
	first := snapshot.Attempt{Method: x.req.Method, URL: printable(x.veil.text(x.req.URL), 2000), Started: x.c.now()}
	u, err := url.Parse(x.req.URL)
	if err == nil {
		first.URL = x.veil.url(u)
		_, err = OriginOf(u)
	}
	if err == nil {
		err = x.load(u)
	}
	if err != nil {
		first.Failure = &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: x.safe(err.Error())}
		return first
	}
	if x.fellBack && u.Scheme == "https" {
		u.Scheme = "http"
		first.URL = x.veil.url(u)
	}
	x.follow(ctx, &first, u)
	if !x.fallsBack(&first, u) {
		return first
	}
	x.fellBack = true
	plain := *u
	plain.Scheme = "http"
	again := snapshot.Attempt{Method: x.req.Method, URL: x.veil.url(&plain), Started: x.c.now(), Before: &first}
	x.follow(ctx, &again, &plain)
	return again
}

// load reads the certificates that the endpoint names. The texts are containerd's.
func (x *exchange) load(u *url.URL) error {
	x.roots = x.c.Roots
	if x.req.Vary.Roots != nil {
		x.roots = x.req.Vary.Roots
	}
	t := x.req.Endpoint.TLS
	if u.Scheme != "https" {
		return nil
	}
	for _, path := range t.CA {
		if x.req.Vary.Roots != nil {
			break
		}
		data, err := x.c.readFile(path)
		if err != nil {
			return fmt.Errorf("unable to read CA cert %q: %w", path, err)
		}
		if x.roots, err = x.roots.With(path, data); err != nil {
			return err
		}
	}
	for _, pair := range t.Client {
		cert, err := x.c.readFile(pair.Cert)
		if err != nil {
			return fmt.Errorf("unable to read CERT file %q: %w", pair.Cert, err)
		}
		key := cert
		if pair.Key != "" {
			if key, err = x.c.readFile(pair.Key); err != nil {
				return fmt.Errorf("unable to read CERT file %q: %w", pair.Key, err)
			}
		}
		both, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("failed to load X509 key pair: %w", err)
		}
		x.mine = append(x.mine, both)
	}
	return nil
}

// fallsBack reports whether the runtime would repeat a failed HTTPS request
// over HTTP. Source: containerd core/remotes/docker/resolver.go, httpFallback.
func (x *exchange) fallsBack(a *snapshot.Attempt, u *url.URL) bool {
	f := a.Failure
	if !x.req.Endpoint.PlainFallback || u.Scheme != "https" || f == nil || x.req.Vary.LookOnly || a.Response != nil {
		return false
	}
	switch {
	case f.Cause == snapshot.NotTLS:
		return x.plainReply
	case f.Stage == snapshot.TLS && f.Cause == snapshot.Silent:
		return true
	case f.Stage == snapshot.Connect && (f.Cause == snapshot.Refused || f.Cause == snapshot.DialTimeout):
		return u.Port() == "" && x.c.Containerd.Since("1.6.32", "1.7.16", "2.0.0")
	}
	return false
}

// maxRedirects is Go's limit and containerd's.
const maxRedirects = 10

// follow goes from leg to leg; every redirect's target is the Next of the leg
// that named it.
func (x *exchange) follow(ctx context.Context, at *snapshot.Attempt, u *url.URL) {
	method, form := x.req.Method, x.form
	seen := map[string]bool{}
	for n := 0; ; n++ {
		seen[method+" "+u.String()] = true
		l := &leg{x: x, at: at, method: method, url: u, form: form, first: n == 0}
		l.run(ctx)
		target, failure := x.redirect(l)
		if failure != nil {
			at.Failure = failure
		}
		if target == nil {
			return
		}
		if l.status == http.StatusSeeOther || method == http.MethodPost && l.status < http.StatusTemporaryRedirect {
			form = nil
			if method == http.MethodPost {
				method = http.MethodGet
			}
		}
		text := x.veil.url(target)
		switch {
		case n == maxRedirects:
			at.Failure = x.failure(snapshot.RedirectLoop, fmt.Sprintf("stopped after %d redirects", maxRedirects))
			return
		case seen[method+" "+target.String()]:
			at.Failure = x.failure(snapshot.RedirectLoop, "redirected in a circle, back to "+text)
			return
		case form != nil && x.foreign(target):
			at.Failure = x.failure(snapshot.ForeignRealm, "the credentials would follow a redirect to "+target.Host)
			return
		}
		at.Next = &snapshot.Attempt{Method: method, URL: text, Started: x.c.now()}
		at, u = at.Next, target
	}
}

func (x *exchange) failure(cause snapshot.Cause, text string) *snapshot.Failure {
	return &snapshot.Failure{Stage: x.req.Stage, Cause: cause, Text: x.safe(text)}
}

// safe makes a text fit to be kept and printed: servers have a say in many errors.
func (x *exchange) safe(text string) string { return printable(x.veil.text(text), 1000) }

// foreign reports whether a URL belongs to another origin than the endpoint, or
// for a token request than the token server.
func (x *exchange) foreign(u *url.URL) bool {
	o, err := OriginOf(u)
	return err != nil || o != x.home
}

// redirect reads where a leg leads. Nil: it is the last.
func (x *exchange) redirect(l *leg) (*url.URL, *snapshot.Failure) {
	switch l.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	if l.location == "" {
		return nil, x.failure(snapshot.RedirectBad, l.at.Response.Line+" without a Location")
	}
	target, err := l.url.Parse(l.location)
	if err == nil {
		_, err = OriginOf(target)
	}
	if err != nil {
		return nil, x.failure(snapshot.RedirectBad, fmt.Sprintf("%s to a place that cannot be used: %v", l.at.Response.Line, err))
	}
	// Go would turn user information into an Authorization header.
	target.User, target.Fragment = nil, ""
	return target, nil
}
