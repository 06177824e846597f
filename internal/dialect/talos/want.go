package talos

import (
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// wish is what the configuration is to say.
type wish struct {
	mirrors []wishedMirror
	auths   []wishedAuth
	tlses   []wishedTLS
	index   map[string]int // of tlses, by name
}

type wishedMirror struct {
	name      string
	endpoints []wishedEndpoint
	skip      bool
}

type wishedEndpoint struct {
	url      string
	override bool
}

type wishedAuth struct {
	name string
	auth route.Auth
}

type wishedTLS struct {
	name          string
	ca, cert, key string // the text itself
	client, skip  bool
}

func (w wishedTLS) empty() bool { return w.ca == "" && !w.client && !w.skip }

// desired turns routes into entries.
func desired(t route.Table) wish {
	w := wish{index: map[string]int{}}
	t = t.Indexed()
	files := contents(t.Files)
	for _, r := range t.Routes {
		w.route(t, r, files)
	}
	w.guard(t)
	for _, h := range t.Hosts {
		if h.Name != route.Any {
			w.auth(h.Name, h.Auth)
			w.tls(h.Name, h.TLS, files)
		}
	}
	return w
}

func contents(files []source.File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		out[f.Path] = string(f.Data)
	}
	return out
}

// route turns one route into a mirror and the settings of its hosts. What is
// asked last is left to Talos if that is what it does of its own accord, and
// else listed, with the registry itself switched off.
func (w *wish) route(t route.Table, r route.Route, files map[string]string) {
	all := t.Endpoints(r.Match)
	mirrors := all[:len(r.Mirrors)]
	m := wishedMirror{name: r.Match}
	for _, e := range mirrors {
		m.add(e)
		w.host(e, files)
	}
	if len(all) == len(mirrors) {
		m.skip = len(mirrors) > 0
	} else {
		w.last(t, r, &m, files)
	}
	if len(m.endpoints) > 0 {
		w.mirrors = append(w.mirrors, m)
	}
}

// last says what is asked after the mirrors.
func (w *wish) last(t route.Table, r route.Route, m *wishedMirror, files map[string]string) {
	all := t.Endpoints(r.Match)
	e := all[len(all)-1]
	w.auth(e.Host, e.Auth)
	if r.Match == route.Any && r.Upstream.Host == "" {
		return
	}
	plain := plainOf(e.TLS, files)
	own := route.Table{Target: Fill(t.Target)}.Default(r.Match)
	same := e.Scheme == own.Scheme && e.Host == own.Host && e.Path == own.Path && e.PlainFallback == own.PlainFallback
	switch {
	case same && (plain.empty() || e.TLS.SkipVerify == own.TLS.SkipVerify && plain.ca == "" && !plain.client):
	case len(m.endpoints) == 0 && natural(r.Match, e) && !plain.empty():
		w.put(r.Match, plain)
	default:
		m.add(e)
		m.skip = true
		w.host(e, files)
	}
}

func (m *wishedMirror) add(e route.Endpoint) {
	scheme := e.Scheme
	if e.PlainFallback {
		scheme = "http"
	}
	u := url.URL{Scheme: scheme, Host: e.Host}
	switch e.Path {
	case "/v2":
	case "":
		u.Path = "/" // so that it differs from the one above
	default:
		u.Path = e.Path
	}
	text := u.String()
	m.endpoints = append(m.endpoints, wishedEndpoint{url: text, override: !strings.HasSuffix(e.Path, "/v2")})
}

// host notes what is said of an endpoint's host.
func (w *wish) host(e route.Endpoint, files map[string]string) {
	w.auth(e.Host, e.Auth)
	if e.Scheme == "https" {
		w.tls(e.Host, e.TLS, files)
	}
}

func (w *wish) auth(host string, a route.Auth) {
	if a.IsZero() || slices.ContainsFunc(w.auths, func(x wishedAuth) bool { return x.name == host }) {
		return
	}
	w.auths = append(w.auths, wishedAuth{host, a})
}

func (w *wish) tls(name string, t route.TLS, files map[string]string) { w.put(name, plainOf(t, files)) }

func (w *wish) put(name string, x wishedTLS) {
	if _, taken := w.index[name]; taken || x.empty() {
		return
	}
	x.name = name
	w.index[name] = len(w.tlses)
	w.tlses = append(w.tlses, x)
}

// plainOf is the text of certificates, several authorities as one.
func plainOf(t route.TLS, files map[string]string) wishedTLS {
	out := wishedTLS{skip: t.SkipVerify}
	for _, ca := range t.CA {
		if out.ca != "" && !strings.HasSuffix(out.ca, "\n") {
			out.ca += "\n"
		}
		out.ca += files[ca]
	}
	if len(t.Client) > 0 {
		out.cert, out.key = files[t.Client[0].Cert], files[t.Client[0].Key]
		out.client = out.cert != "" && out.key != ""
	}
	return out
}

// guard keeps settings of a host from the registry of that name where they are
// not meant for it: Talos gives them to every registry that has no mirrors of
// its own. An entry without endpoints keeps them away.
func (w *wish) guard(t route.Table) {
	have := map[string]bool{}
	for _, m := range w.mirrors {
		have[m.name] = true
	}
	files := contents(t.Files)
	for _, x := range slices.Clone(w.tlses) {
		if have[x.name] || x.name == route.Any || x.name == hubHost {
			continue
		}
		r := t.Route(x.name)
		all := t.Endpoints(x.name)
		if len(all) == 0 {
			continue // every pull of it fails
		}
		if last := all[len(all)-1]; r.Match == x.name && natural(x.name, last) && plainOf(last.TLS, files).named(x.name) == x {
			continue
		}
		before := len(w.mirrors)
		r.Match = x.name
		if w.route(t, r, files); len(w.mirrors) == before {
			w.mirrors = append(w.mirrors, wishedMirror{name: x.name})
		}
	}
}

// natural reports the registry itself as Talos asks one that has TLS settings
// and no mirrors.
func natural(registry string, e route.Endpoint) bool {
	return e.Scheme == "https" && !e.PlainFallback && e.Host == defaultHost(registry) && e.Path == "/v2"
}

func (w wishedTLS) named(name string) wishedTLS {
	w.name = name
	return w
}

func (w wishedTLS) same(x *tls) bool {
	return w.ca == string(x.ca) && w.skip == x.skip && w.client == x.client && w.cert == string(x.cert) && w.key == string(x.key)
}

func (w wishedAuth) same(a *auth) bool {
	have := a.credentials()
	return have.User == w.auth.User && have.Password == w.auth.Password && have.IdentityToken == w.auth.IdentityToken
}

// same reports that a mirror asks what is wanted; one that lists the registry
// itself, without settings of its own, is one that does not.
func (w wish) same(m wishedMirror, x *mirror) bool {
	n := len(x.endpoints)
	skip, have := x.skip && n > 0, x.endpoints
	if _, settings := w.index[defaultHost(x.name)]; skip && !m.skip && !settings && x.name != wildcard &&
		sameURL(wishedEndpoint{url: "https://" + defaultHost(x.name)}, have[n-1]) {
		skip, have = false, have[:n-1]
	}
	return m.skip == skip && slices.EqualFunc(m.endpoints, have, func(a wishedEndpoint, b endpoint) bool {
		return sameURL(a, b)
	})
}

// sameURL compares endpoints by what containerd makes of them.
func sameURL(a wishedEndpoint, b endpoint) bool {
	if a.url == b.text && a.override == b.override {
		return true
	}
	x, err := url.Parse(a.url)
	text := b.text
	if !strings.HasPrefix(text, "http") {
		text = "https://" + text // as containerd does
	}
	y, bad := url.Parse(text)
	if err != nil || bad != nil || x.Scheme != y.Scheme || x.Host != y.Host || y.Opaque != "" {
		return false
	}
	return root(x.Path, a.override) == root(y.Path, b.override)
}

// root is the path of the API that containerd makes of an endpoint's.
func root(p string, override bool) string {
	p = strings.TrimRight(p, "/")
	if !override && !strings.HasSuffix(p, "/v2") {
		p += "/v2"
	}
	return p
}
