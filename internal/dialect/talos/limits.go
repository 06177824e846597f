package talos

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits lists everything in the model that a Talos configuration cannot say.
var limits = []dialect.Limit{
	{
		Concept: "rewrites", Nearest: "write the other name into the path of the endpoint, with overridePath",
		Text: "Talos has no rewrites",
		Hits: anyEndpoint(func(_ route.Table, e route.Endpoint) bool { return len(e.Rewrites) > 0 }),
	},
	{
		Concept: "capabilities of an endpoint", Nearest: "leave out endpoints that are not trusted with tags",
		Text: "every endpoint may resolve tags and serve pulls, and is never pushed to",
		Hits: func(_ route.Table, r route.Route) bool {
			odd := func(e route.Endpoint) bool { return e.Serves&^route.Referrers != route.Pull|route.Resolve }
			return slices.ContainsFunc(r.Mirrors, odd) || r.Upstream != nil && !r.Upstream.Serves.Has(route.Pull|route.Resolve)
		},
	},
	{
		Concept: "request headers", Nearest: "write credentials as RegistryAuthConfig",
		Text: "Talos has no headers",
		Hits: anyEndpoint(func(_ route.Table, e route.Endpoint) bool { return len(e.Header) > 0 }),
	},
	{
		Concept: "a dial timeout", Nearest: "leave it out: a connection is given up after 30 seconds",
		Text: "Talos has no dial timeout",
		Hits: anyEndpoint(func(_ route.Table, e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit }),
	},
	{
		Concept: "a certificate whose file is not at hand", Nearest: "give the file along with the configuration",
		Text: "Talos has certificates inline, and the content of the file is not known",
		Hits: func(t route.Table, r route.Route) bool {
			files := contents(t.Files)
			return anyEndpoint(func(_ route.Table, e route.Endpoint) bool {
				missing := func(p string) bool { return files[p] == "" }
				return slices.ContainsFunc(e.TLS.CA, missing) || slices.ContainsFunc(e.TLS.Client, func(p route.Pair) bool { return missing(p.Cert) || missing(p.Key) })
			})(t, r)
		},
	},
	{
		Concept: "a certificate that Talos refuses", Nearest: "convert the key with openssl pkcs8 -topk8 -nocrypt",
		Text: "certificates have to be PEM, keys PKCS #8",
		Hits: func(t route.Table, r route.Route) bool {
			files := contents(t.Files)
			return anyEndpoint(func(_ route.Table, e route.Endpoint) bool {
				x := plainOf(e.TLS, files)
				return x.ca != "" && !isCA([]byte(x.ca)) || x.client && badPair([]byte(x.cert), []byte(x.key)) != ""
			})(t, r)
		},
	},
	{
		Concept: "several client certificates", Nearest: "keep one of them",
		Text: "a host has one clientIdentity",
		Hits: anyEndpoint(func(_ route.Table, e route.Endpoint) bool { return len(e.TLS.Client) > 1 }),
	},
	{
		Concept: "TLS settings for one URL of a host", Nearest: "give the host the same settings everywhere",
		Text: "TLS settings are by host, for all its URLs and all registries",
		Over: unequalTLS,
	},
	{
		Concept: "credentials for one URL of a host", Nearest: "give the host the same credentials everywhere",
		Text: "credentials are by host, for all its URLs and all registries",
		Over: unequalAuth,
	},
	{
		Concept: "TLS settings of every other registry", Nearest: "write a RegistryTLSConfig for each host",
		Text: "TLS settings are for one host",
		Hits: func(t route.Table, r route.Route) bool {
			any := t.Host(route.Any) != nil
			return any || r.Match == route.Any && r.Upstream != nil && r.Upstream.Host == "" && r.Upstream.TLS.Set
		},
	},
	{
		Concept: "HTTPS first and HTTP after it", Nearest: "write the scheme that the endpoint speaks",
		Text: "an endpoint is asked over HTTPS first only if it is http with TLS settings for its host, at another port than 80, and then always",
		Over: fallsBack,
	},
	{
		Concept: "an endpoint twice", Nearest: "list it once",
		Text: "the same URL twice makes the rendered file invalid",
		Hits: func(t route.Table, r route.Route) bool {
			for i, e := range r.Mirrors {
				if slices.ContainsFunc(r.Mirrors[:i], func(o route.Endpoint) bool {
					return o.Host == e.Host && o.Path == e.Path && (o.Scheme == e.Scheme || o.PlainFallback || e.PlainFallback)
				}) {
					return true
				}
			}
			return false
		},
	},
	{
		Concept: "no host at all", Nearest: "name an endpoint that nobody can reach, with skipFallback",
		Text: "without an endpoint the registry itself is asked",
		Hits: func(t route.Table, r route.Route) bool { return r.Fails == "" && len(t.Endpoints(r.Match)) == 0 },
	},
	{
		Concept: "a registry without an entry of its own beside a wildcard", Nearest: "list the registry itself as endpoint",
		Text: "a registry for which nothing is written gets the mirrors of *",
		Over: func(t route.Table) func(route.Route) bool {
			wild := t.Has(route.Any)
			named := map[string]bool{}
			for _, name := range desired(t).names() {
				named[name] = true
			}
			return func(r route.Route) bool { return wild && !named[r.Match] }
		},
	},
	{
		Concept: "leaving out the registry itself where a mirror is the same", Nearest: "it is asked twice",
		Text: "* cannot tell which registry it serves",
		Hits: func(_ route.Table, r route.Route) bool { return r.Match == route.Any && r.UpstreamUnlessListed },
	},
	{
		Concept: "documents for some endpoints with overridePath only", Nearest: "use Talos 1.12, or give all paths in the same way",
		Text: "before Talos 1.12 overridePath is for all endpoints of a registry",
		Hits: func(t route.Table, r route.Route) bool {
			if documents(t.Target.Version) {
				return false
			}
			for i, e := range r.Mirrors {
				if i > 0 && overrides(e) != overrides(r.Mirrors[0]) {
					return true
				}
			}
			return false
		},
	},
	{
		Concept: "a broken route", Nearest: "repair it first",
		Text: "a route on which every pull fails cannot be written down",
		Hits: func(t route.Table, r route.Route) bool {
			return r.Fails != "" || slices.ContainsFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool { return e.Broken != "" || e.Scheme != "http" && e.Scheme != "https" })
		},
	},
}

func overrides(e route.Endpoint) bool { return root(e.Path, false) != e.Path }

// names are the registries that have an entry of their own.
func (w wish) names() []string {
	var out []string
	for _, m := range w.mirrors {
		out = append(out, m.name)
	}
	for _, x := range w.tlses {
		out = append(out, x.name)
	}
	return out
}

// anyEndpoint makes a test of a route from one of its endpoints, as the table
// dresses them.
func anyEndpoint(hits func(route.Table, route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(t route.Table, r route.Route) bool {
		return slices.ContainsFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool { return hits(t, e) })
	}
}

// eachUse visits every endpoint that a route writes down with the name that its
// settings are under.
func eachUse(t route.Table, visit func(r route.Route, name string, e route.Endpoint)) {
	for _, r := range t.Routes {
		all := t.Endpoints(r.Match)
		for i, e := range all {
			name := e.Host
			if i == len(r.Mirrors) && r.Upstream.Host == "" {
				if r.Match == route.Any {
					continue
				}
				if len(r.Mirrors) == 0 {
					name = r.Match
				}
			}
			visit(r, name, e)
		}
	}
}

// unequalTLS finds routes with a host that is verified otherwise elsewhere.
func unequalTLS(t route.Table) func(route.Route) bool {
	files := contents(t.Files)
	seen, hit := map[string]wishedTLS{}, map[string]bool{}
	eachUse(t, func(in route.Route, name string, e route.Endpoint) {
		if e.Scheme != "https" || implicit(t, in, e) {
			return
		}
		x := plainOf(e.TLS, files)
		if before, known := seen[name]; known && before != x {
			hit[in.Match] = true
		} else {
			seen[name] = x
		}
	})
	return func(r route.Route) bool { return hit[r.Match] }
}

// implicit reports the registry itself as Talos asks it of its own accord,
// behind mirrors: its settings are no matter of its host's.
func implicit(t route.Table, r route.Route, e route.Endpoint) bool {
	if e.Role != route.Upstream || len(r.Mirrors) == 0 {
		return false
	}
	w := wish{index: map[string]int{}}
	w.route(t, r, nil)
	return len(w.mirrors) > 0 && !w.mirrors[0].skip
}

// unequalAuth finds routes with a host that gets other credentials elsewhere.
func unequalAuth(t route.Table) func(route.Route) bool {
	seen, hit := map[string]route.Auth{}, map[string]bool{}
	for _, h := range t.Hosts {
		seen[h.Name] = bare(h.Auth)
	}
	eachUse(t, func(in route.Route, _ string, e route.Endpoint) {
		a := bare(e.Auth)
		if before, known := seen[e.Host]; known && before != a {
			hit[in.Match] = true
		} else {
			seen[e.Host] = a
		}
	})
	return func(r route.Route) bool { return hit[r.Match] }
}

// bare is a login without where it came from.
func bare(a route.Auth) route.Auth {
	return route.Auth{User: a.User, Password: a.Password, IdentityToken: a.IdentityToken}
}

// fallsBack finds routes with an endpoint that Talos would ask over other schemes.
func fallsBack(t route.Table) func(route.Route) bool {
	w := desired(t)
	listed := map[string]bool{}
	for _, m := range w.mirrors {
		listed[m.name] = true
	}
	return func(r route.Route) bool {
		return slices.ContainsFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool {
			if implicit(t, r, e) || e.Role == route.Upstream && !listed[r.Match] {
				return false
			}
			_, settings := w.index[e.Host]
			settings = settings && route.Port(e.Host) != "80"
			return e.PlainFallback && !settings || e.Scheme == "http" && settings
		})
	}
}
