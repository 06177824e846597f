package bottlerocket

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits lists everything in the model that the settings cannot say.
var limits = []dialect.Limit{
	{
		Concept: "a private CA", Nearest: "add it to settings.pki.NAME with trusted = true, for all hosts",
		Text: "there are no TLS settings for a registry",
		Hits: secure(func(e route.Endpoint) bool { return len(e.TLS.CA) > 0 }),
	},
	{
		Concept: "a client certificate", Nearest: "use credentials",
		Text: "there are no TLS settings for a registry",
		Hits: secure(func(e route.Endpoint) bool { return len(e.TLS.Client) > 0 }),
	},
	{
		Concept: "skipping verification", Nearest: "add the CA to settings.pki.NAME with trusted = true",
		Text: "there are no TLS settings for a registry",
		Hits: secure(func(e route.Endpoint) bool { return e.TLS.SkipVerify }),
	},
	{
		Concept: "rewrites", Nearest: "write the other name into the path of the endpoint",
		Text: "there are no rewrites", Hits: anyEndpoint(func(e route.Endpoint) bool { return len(e.Rewrites) > 0 }),
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
		Concept: "request headers", Nearest: "write credentials as settings.container-registry.credentials",
		Text: "there are no headers", Hits: anyEndpoint(func(e route.Endpoint) bool { return len(e.Header) > 0 }),
	},
	{
		Concept: "a dial timeout", Nearest: "leave it out: a connection is given up after 30 seconds",
		Text: "there is no dial timeout", Hits: anyEndpoint(func(e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit }),
	},
	{
		Concept: "HTTPS first and HTTP after it", Nearest: "write the scheme that the endpoint speaks",
		Text: "an endpoint is asked over the scheme of its URL", Hits: anyEndpoint(func(e route.Endpoint) bool { return e.PlainFallback }),
	},
	{
		Concept: "a registry that is never asked itself", Nearest: "block it in the network",
		Text: "the registry itself is always asked after its mirrors",
		Hits: func(t route.Table, r route.Route) bool {
			return r.Fails == "" && len(t.Endpoints(r.Match)) == len(r.Mirrors) && !lists(r)
		},
	},
	{
		Concept: "an upstream that is not the registry itself", Nearest: "list the other host as last endpoint",
		Text: "after the mirrors the registry itself is asked, over HTTPS",
		Hits: otherUpstream,
	},
	{
		Concept: "the registry itself behind a mirror on its own host", Nearest: "write an entry for that registry",
		Text: "behind an endpoint on the registry's own host the registry itself is not asked",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Match == route.Any && !r.UpstreamUnlessListed && slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.String() != "https://"+e.Host+"/v2" })
		},
	},
	{
		Concept: "a registry without mirrors beside a wildcard", Nearest: "list the registry itself as endpoint",
		Text: "a registry for which nothing is written gets the mirrors of *",
		Over: func(t route.Table) func(route.Route) bool {
			wild := t.Has(route.Any)
			return func(r route.Route) bool { return wild && r.Match != route.Any && len(r.Mirrors) == 0 }
		},
	},
	{
		Concept: "credentials for one URL of a host", Nearest: "give the host the same credentials everywhere",
		Text: "credentials are by host, for all its URLs and all registries", Over: unequalAuth,
	},
	{
		Concept: "a name or token with a quotation mark or a backslash", Nearest: "change the password",
		Text: "values are not escaped in containerd's config.toml",
		Hits: anyEndpoint(func(e route.Endpoint) bool { return strings.ContainsAny(e.Auth.IdentityToken.Reveal(), "\"\\\n") }),
	},
	{
		Concept: "settings for every host", Nearest: "write an entry for each host",
		Text: "credentials are for one host",
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

// secure is anyEndpoint for those that are asked over TLS.
func secure(hits func(route.Endpoint) bool) func(route.Table, route.Route) bool {
	return anyEndpoint(func(e route.Endpoint) bool { return e.Scheme == "https" && hits(e) })
}

func otherUpstream(t route.Table, r route.Route) bool {
	all := t.Endpoints(r.Match)
	if len(all) == len(r.Mirrors) || r.Match == route.Any && r.Upstream.Host == "" || lists(r) {
		return false
	}
	own := route.Table{Target: t.Target, Plain: route.PlainCRI}.Default(r.Match)
	last := all[len(all)-1]
	return last.String() != own.String() || last.PlainFallback != own.PlainFallback
}

func unequalAuth(t route.Table) func(route.Route) bool {
	bare := func(a route.Auth) route.Auth {
		return route.Auth{User: a.User, Password: a.Password, IdentityToken: a.IdentityToken}
	}
	seen, hit := map[string]route.Auth{}, map[string]bool{}
	for _, h := range t.Hosts {
		seen[h.Name] = bare(h.Auth)
	}
	for _, r := range t.Routes {
		for _, e := range t.Endpoints(r.Match) {
			if before, known := seen[e.Host]; known && before != bare(e.Auth) {
				hit[r.Match] = true
			} else {
				seen[e.Host] = bare(e.Auth)
			}
		}
	}
	return func(r route.Route) bool { return hit[r.Match] }
}
