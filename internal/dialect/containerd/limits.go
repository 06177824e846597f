package containerd

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits lists everything in the model that a hosts.toml cannot say to its
// target. A table that hits none of them comes back from Render and Parse with
// the same requests.
var limits = slices.Concat(TreeLimits, Elsewhere)

// Elsewhere is what a hosts.toml cannot say and config.toml can.
var Elsewhere = []dialect.Limit{
	{
		Concept: "user and password", Nearest: "give an imagePullSecret, or a static Authorization header",
		Text: "hosts.toml has no credentials but header lines",
		Hits: anyEndpoint(func(_ route.Target, e route.Endpoint) bool { return e.Auth.User != "" || !e.Auth.Password.IsZero() }),
	},
	{
		Concept: "an identity token", Nearest: "give an imagePullSecret",
		Text: "hosts.toml has no credentials but header lines",
		Hits: anyEndpoint(func(_ route.Target, e route.Endpoint) bool { return !e.Auth.IdentityToken.IsZero() }),
	},
	{
		Concept: "a header for every registry", Nearest: "write a route for every other registry, or registry.headers in config.toml",
		Text: "a header belongs to one host, and _default is not there",
		Hits: func(t route.Table, _ route.Route) bool {
			return len(t.Header) > 0 && !t.Has(route.Any)
		},
	},
}

// TreeLimits is what neither of the two can say, where config_path is in use.
var TreeLimits = []dialect.Limit{
	{
		Concept: "rewrites", Nearest: "point the mirror's path at the other repository and set override_path, or use K3s",
		Text: "only the containerd of K3s and RKE2 knows rewrite",
		Hits: anyEndpoint(func(t route.Target, e route.Endpoint) bool { return len(e.Rewrites) > 0 && !t.Fork }),
	},
	{
		Concept: "the order of several rewrites", Nearest: "make the patterns exclude each other",
		Text: "rewrites of one host are tried in a random order",
		Hits: anyEndpoint(func(t route.Target, e route.Endpoint) bool { return len(e.Rewrites) > 1 && t.Fork }),
	},
	{
		Concept: "no host at all", Nearest: "name a server that nobody can reach",
		Text: "without a host containerd asks the registry itself",
		Hits: func(t route.Table, r route.Route) bool {
			return r.Upstream == nil && len(want(t, r.Match).mirrors) == 0 && want(t, r.Match).upstream == nil
		},
	},
	{
		Concept: "a dial timeout", Nearest: "use containerd 2.0.7 or 2.1",
		Text: "this containerd does not know dial_timeout",
		Hits: anyEndpoint(func(t route.Target, e route.Endpoint) bool {
			return (e.DialTimeout != 0 || e.NoDialLimit) && !hasDialTimeout(t)
		}),
	},
	{
		Concept: "a route for every other registry", Nearest: "write one directory for each registry",
		Text: "_default is known since containerd 1.6.17",
		Hits: func(t route.Table, r route.Route) bool { return r.Match == route.Any && !hasFallback(t.Target) },
	},
	{
		Concept: "the registry itself without pull or resolve, for every other registry", Nearest: "write one directory for each registry",
		Text: "the registry itself always has all capabilities, unless it is named as server",
		Hits: func(t route.Table, r route.Route) bool {
			return r.Match == route.Any && r.Upstream != nil && r.Upstream.Host == "" && !r.Upstream.Serves.Has(route.Pull|route.Resolve)
		},
	},
	{
		Concept: "HTTPS first and then HTTP", Nearest: "write the scheme that the server speaks",
		Text: "this containerd falls back to HTTP only for some ports",
		Hits: ofWritten(func(t route.Target, e route.Endpoint) bool { return e.PlainFallback && !canFallBack(t, e) }),
	},
	{
		Concept: "TLS settings of a plain http endpoint", Nearest: "leave them out, nothing uses them",
		Text: "a TLS key on an http URL makes containerd try HTTPS first",
		Hits: anyEndpoint(func(t route.Target, e route.Endpoint) bool {
			return e.Scheme == "http" && (len(e.TLS.CA)+len(e.TLS.Client) > 0 || e.TLS.SkipVerify) && triesTLS(t, asSet(e))
		}),
	},
	{
		Concept: "an endpoint without capabilities", Nearest: "leave it out",
		Text: "an empty list means all capabilities",
		Hits: anyEndpoint(func(t route.Target, e route.Endpoint) bool { return e.Serves&t.Everything() == 0 }),
	},
	{
		Concept: "an endpoint that no request can be made to", Nearest: "repair its URL",
		Text: "the endpoint is broken",
		Hits: anyEndpoint(func(_ route.Target, e route.Endpoint) bool { return e.Broken != "" || e.Host == "" }),
	},
	{
		Concept: "an IPv6 address", Nearest: "use a name",
		Text: "the TOML parser of containerd 1 cannot read an address in a table header",
		Hits: func(t route.Table, r route.Route) bool {
			return t.Target.Containerd.Before("2.0.0") && slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return bracketed(e.Host) })
		},
	},
	{
		Concept: "a route that fails every pull", Nearest: "repair what makes it fail",
		Text: "the pull fails before a host is asked",
		Hits: func(_ route.Table, r route.Route) bool { return r.Fails != "" },
	},
	{
		Concept: "leaving out the registry itself where a mirror is the same", Nearest: "it is asked twice",
		Text: "_default cannot tell which registry it serves",
		Hits: func(_ route.Table, r route.Route) bool { return r.Match == route.Any && r.UpstreamUnlessListed },
	},
}

// anyEndpoint makes a test of a route from one of its endpoints, as the table
// dresses them.
func anyEndpoint(hits func(route.Target, route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(t route.Table, r route.Route) bool {
		return slices.ContainsFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool { return hits(t.Target, e) })
	}
}

// ofWritten leaves out the registry itself, whose scheme containerd chooses.
func ofWritten(hits func(route.Target, route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(t route.Table, r route.Route) bool {
		all := t.Endpoints(r.Match)
		if r.Upstream != nil && r.Upstream.Host == "" && len(all) > len(r.Mirrors) {
			all = all[:len(all)-1]
		}
		return slices.ContainsFunc(all, func(e route.Endpoint) bool { return hits(t.Target, e) })
	}
}
