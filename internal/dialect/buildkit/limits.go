package buildkit

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits lists everything in the model that buildkitd.toml cannot say.
var limits = []dialect.Limit{
	{
		Concept: "a route for every other registry", Nearest: "write one table for each registry",
		Text: "there is no wildcard among the registries",
		Hits: func(_ route.Table, r route.Route) bool { return r.Match == route.Any },
	},
	{
		Concept: "credentials", Nearest: "log in with docker login where the build is started",
		Text: "BuildKit takes credentials from the client that asks for the build",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return !e.Auth.IsZero() }),
	},
	{
		Concept: "a registry that is never asked itself", Nearest: "block it in the network",
		Text: "the registry itself is always asked after its mirrors",
		Hits: func(t route.Table, r route.Route) bool {
			return r.Fails == "" && len(t.Endpoints(r.Match)) == len(r.Mirrors)
		},
	},
	{
		Concept: "an upstream that is not the registry itself", Nearest: "list the other host as last mirror",
		Text: "after the mirrors the registry itself is asked",
		Hits: func(t route.Table, r route.Route) bool {
			all := t.Endpoints(r.Match)
			if len(all) == len(r.Mirrors) || r.Match == route.Any {
				return false
			}
			last := all[len(all)-1]
			return last.Path != "/v2" || last.Host != r.Match && !(r.Match == hub && last.Host == hubHost)
		},
	},
	{
		Concept: "rewrites", Nearest: "write the other name into the path of the mirror",
		Text: "BuildKit has no rewrites",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return len(e.Rewrites) > 0 }),
	},
	{
		Concept: "capabilities of an endpoint", Nearest: "leave out mirrors that are not trusted with tags",
		Text: "every mirror may resolve tags and serve pulls, and is never pushed to",
		Hits: func(_ route.Table, r route.Route) bool {
			odd := func(e route.Endpoint) bool { return e.Serves&^route.Referrers != mirrorServes }
			return slices.ContainsFunc(r.Mirrors, odd) || r.Upstream != nil && !r.Upstream.Serves.Has(mirrorServes)
		},
	},
	{
		Concept: "request headers", Nearest: "put a proxy that adds them in front",
		Text: "BuildKit has no headers",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return len(e.Header) > 0 }),
	},
	{
		Concept: "a dial timeout", Nearest: "leave it out: a connection is given up after 30 seconds",
		Text: "BuildKit has no dial timeout",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit }),
	},
	{
		Concept: "an API root that is not below /v2", Nearest: "serve the mirror below /v2, as Harbor does",
		Text: "/v2 comes in front of the path of a mirror",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Path != "/v2" && !strings.HasPrefix(e.Path, "/v2/") })
		},
	},
	{
		Concept: "HTTPS first and HTTP after it, with verification", Nearest: "write the scheme that the endpoint speaks",
		Text: "BuildKit falls back to HTTP only where it does not verify HTTPS",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return e.PlainFallback && !e.TLS.SkipVerify }),
	},
	{
		Concept: "settings for one URL of a host", Nearest: "give the host the same settings everywhere",
		Text: "what is said of a host counts for all its URLs, and for the registry of its name",
		Over: unequal,
	},
	{
		Concept: "the scheme of a registry on this machine", Nearest: "write the scheme that it speaks",
		Text: "a registry without a table is asked over HTTP if it is on this machine",
		Hits: func(t route.Table, r route.Route) bool { return t.Plain != route.PlainCRI && localhost(r.Match) },
	},
	{
		Concept: "settings for every host", Nearest: "write a table for each host",
		Text: "there is no wildcard among the registries",
		Hits: func(t route.Table, _ route.Route) bool {
			return t.Host(route.Any) != nil
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

// anyEndpoint makes a test of a route from one of its endpoints, as the table
// dresses them.
func anyEndpoint(hits func(route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(t route.Table, r route.Route) bool { return slices.ContainsFunc(t.Endpoints(r.Match), hits) }
}

// unequal finds routes with a host that is spoken to otherwise elsewhere: in
// another route, or as the registry of its own name.
func unequal(t route.Table) func(route.Route) bool {
	seen, hit := map[string]manner{}, map[string]bool{}
	use := func(name string, e route.Endpoint, in string) {
		m := mannerOf(e)
		if before, known := seen[name]; known && !before.same(m) {
			hit[in] = true
		} else if !known {
			seen[name] = m
		}
	}
	for _, r := range t.Routes {
		if all := t.Endpoints(r.Match); r.Match != route.Any && len(all) > len(r.Mirrors) {
			use(r.Match, all[len(all)-1], r.Match)
		}
	}
	for _, r := range t.Routes {
		for _, e := range t.Endpoints(r.Match)[:len(r.Mirrors)] {
			if own := t.Endpoints(e.Host); len(own) > 0 && own[len(own)-1].Host == e.Host {
				use(e.Host, own[len(own)-1], r.Match)
			}
			use(e.Host, e, r.Match)
		}
	}
	return func(r route.Route) bool { return hit[r.Match] }
}
