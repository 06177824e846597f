package k3s

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// table says as routes what containerd will make of the rendered files.
func (r *reader) table() route.Table {
	t := route.Table{Target: r.target}
	if r.doc == nil || r.set.external != "" {
		return t
	}
	lost := r.lostToTemplate()
	if generationOf(r.target.Version) == inConfigToml {
		t.Plain = route.PlainCRI
	}
	if !lost.auth {
		t.Hosts = r.credentials()
	}
	switch {
	case r.config != "":
		t.Routes = []route.Route{{Match: route.Any, Fails: "containerd does not start: config.toml: " + r.config, From: source.Pos{File: r.doc.file.Path}}}
		return t
	case lost.mirrors:
		return t
	case t.Plain == route.PlainCRI:
		t.Routes = r.oldRoutes()
		return t
	}
	for _, f := range r.hosts {
		t.Routes = append(t.Routes, r.route(f))
	}
	t.Routes = slices.DeleteFunc(t.Routes, func(x route.Route) bool { return x.Match == "" })
	return t
}

// credentials are what config.toml says by host. The key goes there verbatim:
// docker.io, which no endpoint has, and * match nothing.
func (r *reader) credentials() []route.Host {
	var out []route.Host
	for _, c := range r.doc.configs {
		h := route.Host{Name: c.name, From: c.at}
		h.Auth, _ = c.auth()
		if generationOf(r.target.Version) == inConfigToml {
			h.TLS = c.TLS.tls()
		}
		if c.name != wildcard && (!h.Auth.IsZero() || h.TLS.Set) {
			out = append(out, h)
		}
	}
	return out
}

// route is what containerd makes of one hosts.toml.
func (r *reader) route(f hostFile) route.Route {
	out := route.Route{Match: f.namespace, From: f.from}
	if f.dir == wildcard {
		return route.Route{}
	}
	if f.invalid != "" || r.serverOnly(f) {
		// A file that does not decode counts as one that is not there.
		if out.Match == wildcard {
			return route.Route{}
		}
		out.Upstream = &route.Endpoint{Role: route.Upstream, Serves: everything}
		return out
	}
	for _, e := range f.entries {
		out.Mirrors = append(out.Mirrors, r.endpoint(e, route.Mirror, route.Pull|route.Resolve))
	}
	if f.root != nil && f.root.url != nil && !(f.namespace == wildcard && wildcardLosesFallback(r.target.Version)) {
		up := r.endpoint(*f.root, route.Upstream, route.Pull|route.Resolve|route.Push)
		up.Rewrites = nil // the template writes none for the registry itself
		if *f.root.url == (url.URL{}) {
			up = route.Endpoint{Role: route.Upstream, Serves: everything, TLS: up.TLS, From: up.From}
		}
		out.Upstream = &up
	}
	out.Fails = r.fails(f)
	return out
}

const everything = route.Pull | route.Resolve | route.Push | route.Referrers

// serverOnly reports a file that containerd 1 drops for want of a host table.
func (r *reader) serverOnly(f hostFile) bool {
	return len(f.entries) == 0 && generationOf(r.target.Version) < fullHosts && !r.target.Containerd.Since("1.7.32", "2.0.0")
}

// endpoint is one host of a hosts.toml. An http URL with TLS settings is asked
// over HTTPS first. Source: containerd core/remotes/docker/config/hosts.go.
func (r *reader) endpoint(e entry, role route.Role, serves route.Serves) route.Endpoint {
	out := route.Endpoint{Role: role, Serves: serves, From: e.from, Rewrites: slices.Clone(e.rewrites)}
	if role == route.Mirror || generationOf(r.target.Version) >= rootHosts {
		out.TLS = e.conf.TLS.tls()
	}
	if e.url == nil {
		return out
	}
	out.Scheme, out.Host, out.Path = e.url.Scheme, e.url.Host, path.Clean(e.url.Path)
	if role == route.Upstream && !strings.HasSuffix(out.Path, "/v2") {
		out.Path = path.Join(out.Path, "v2") // the template has no override_path for the registry itself
	}
	out.Broken = address{url: e.url}.broken()
	if out.Scheme == "http" && out.TLS.Set && e.url.Port() != "80" && r.target.Containerd.Since("1.6.25", "1.7.7", "2.0.0") {
		out.Scheme, out.PlainFallback = "https", true
	}
	return out
}

// fails tells why every pull through a file fails before a host is asked: TLS
// files are loaded for all hosts of it at once.
func (r *reader) fails(f hostFile) string {
	all := slices.Clone(f.entries)
	if f.root != nil {
		all = append(all, *f.root)
	}
	for _, e := range all {
		if t := e.conf.TLS; t != nil {
			if (t.CertFile == "") != (t.KeyFile == "") {
				return "the client certificate of " + hostOf(e.url, f.namespace) + " is only half configured"
			}
			for _, name := range []string{t.CAFile, t.CertFile, t.KeyFile} {
				if why := r.unreadable(f.dir, name, name == t.CAFile); why != "" {
					return name + " " + why
				}
			}
		}
	}
	return ""
}

func hostOf(u *url.URL, other string) string {
	if u == nil || u.Host == "" {
		return other
	}
	return u.Host
}

// oldRoutes are those of releases before hosts.toml was rendered: containerd's
// own table of mirrors, with the registry itself behind unless it is listed.
// Their fork applied rewrites to the registry itself, too.
func (r *reader) oldRoutes() []route.Route {
	var out []route.Route
	for _, m := range r.doc.mirrors {
		rt := route.Route{Match: m.name, From: m.at, UpstreamUnlessListed: true}
		for _, e := range m.endpoints {
			ep, err := oldEndpoint(e.text)
			if err != nil {
				rt.Fails = "endpoint " + mask(e.text) + " is not a URL"
				break
			}
			ep.From, ep.Rewrites = e.at, slices.Clone(m.rewrites)
			rt.Mirrors = append(rt.Mirrors, ep)
		}
		rt.Upstream = &route.Endpoint{Role: route.Upstream, Serves: route.Pull | route.Resolve, Rewrites: slices.Clone(m.rewrites)}
		out = append(out, rt)
	}
	return out
}

// oldEndpoint follows containerd 1.6 pkg/cri/server/image_pull.go.
func oldEndpoint(text string) (route.Endpoint, error) {
	if !strings.Contains(text, "://") {
		u, err := url.Parse("dummy://" + text)
		if err != nil {
			return route.Endpoint{}, err
		}
		scheme := "https"
		if isLocalhost(u.Host) {
			scheme = "http"
		}
		text = scheme + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return route.Endpoint{}, err
	}
	e := route.Endpoint{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Serves: route.Pull | route.Resolve}
	e.Broken = address{url: u}.broken()
	if e.Path == "" {
		e.Path = "/v2"
	}
	return e, nil
}
