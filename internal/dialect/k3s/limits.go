package k3s

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits is what registries.yaml cannot say of a route. What K3s itself does
// with every route is no limit: its mirrors serve pulls and resolve tags, the
// registry itself is asked last.
var limits = []dialect.Limit{
	{
		Concept: "what an endpoint is trusted with",
		Text:    "K3s trusts every endpoint of {route} with pulling and with resolving tags",
		Nearest: "leave out endpoints that must not resolve tags",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Serves&^route.Referrers != route.Pull|route.Resolve })
		},
	},
	{
		Concept: "request headers",
		Text:    "registries.yaml has no headers",
		Nearest: "write credentials under configs.HOST.auth; for other headers put a hosts.toml of your own into certs.d",
		Hits: func(t route.Table, r route.Route) bool {
			return len(t.Header) > 0 || slices.ContainsFunc(all(r), func(e route.Endpoint) bool { return len(e.Header) > 0 })
		},
	},
	{
		Concept: "a dial timeout",
		Text:    "registries.yaml has no dial_timeout",
		Nearest: "leave it out: a connection is given up after 30 seconds",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(all(r), func(e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit })
		},
	},
	{
		Concept: "several CA files or client certificates",
		Text:    "registries.yaml takes one CA file and one client certificate for a host",
		Nearest: "put the CA certificates into one file",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(all(r), func(e route.Endpoint) bool {
				return len(e.TLS.CA) > 1 || len(e.TLS.Client) > 1 || len(e.TLS.Client) == 1 && e.TLS.Client[0].Key == ""
			})
		},
	},
	{
		Concept: "TLS settings for one URL of a host",
		Text:    "registries.yaml has TLS settings by host, for all its URLs and all registries",
		Nearest: "give the host the same settings everywhere",
		Over:    unequalTLS,
	},
	{
		Concept: "credentials for one URL of a host",
		Text:    "registries.yaml has credentials by host, for all its URLs and all registries",
		Nearest: "give the host the same credentials everywhere",
		Over:    unequalAuth,
	},
	{
		Concept: "an upstream that is not the registry itself",
		Text:    "K3s asks the registry itself after the endpoints",
		Nearest: "list the other host as last endpoint and set --disable-default-registry-endpoint",
		Hits:    otherUpstream,
	},
	{
		Concept: "a registry that is never asked itself",
		Text:    "registries.yaml cannot switch the fallback off",
		Nearest: "set --disable-default-registry-endpoint, which is for all registries",
		Hits:    func(_ route.Table, r route.Route) bool { return r.Upstream == nil && r.Fails == "" },
	},
	{
		Concept: "a registry without mirrors or settings",
		Text:    "nothing is rendered for a registry that has neither endpoints nor settings: it gets those of \"*\", or containerd's own",
		Nearest: "write an entry for it under configs",
		Hits:    swallowed,
	},
	{
		Concept: "rewrites that differ between endpoints",
		Text:    "rewrites are for all endpoints of a registry, and never for the registry itself",
		Nearest: "write the other name into the path of the endpoint",
		Hits:    unequalRewrites,
	},
	{
		Concept: "HTTPS first and HTTP after it",
		Text:    "an endpoint is asked over HTTPS first only if it is http with TLS settings, and then always",
		Nearest: "write the scheme that the endpoint speaks",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(all(r), func(e route.Endpoint) bool {
				return e.PlainFallback && !e.TLS.Set || e.Scheme == "http" && e.TLS.Set
			})
		},
	},
	{
		Concept: "an API at the root of a host",
		Text:    "K3s puts /v2 after an endpoint that has no path",
		Nearest: "serve the API under a path",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Path == "" })
		},
	},
	{
		Concept: "an endpoint twice",
		Text:    "K3s skips an endpoint that is there already",
		Nearest: "list it once",
		Hits: func(_ route.Table, r route.Route) bool {
			for i, e := range r.Mirrors {
				if slices.ContainsFunc(r.Mirrors[:i], func(o route.Endpoint) bool { return written(o) == written(e) }) {
					return true
				}
			}
			return false
		},
	},
	{
		Concept: "a broken route",
		Text:    "a route on which every pull fails cannot be written down",
		Nearest: "repair it first",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Fails != "" || slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Broken != "" })
		},
	},
	{
		Concept: "settings for every host",
		Text:    "K3s does not use configs.\"*\" for credentials, nor for TLS beside a wildcard mirror",
		Nearest: "write an entry for each host",
		Hits: func(t route.Table, r route.Route) bool {
			any := t.Host(route.Any) != nil
			return any || r.Match == route.Any && r.Upstream != nil && r.Upstream.TLS.Set
		},
	},
}

func all(r route.Route) []route.Endpoint {
	out := slices.Clone(r.Mirrors)
	if r.Upstream != nil {
		out = append(out, *r.Upstream)
	}
	return out
}

// eachUse visits every endpoint of a table that has a host of its own, with the
// host that it is written as.
func eachUse(t route.Table, visit func(r route.Route, host string, e route.Endpoint)) {
	for _, r := range t.Routes {
		for _, e := range all(r) {
			host := e.Host
			if host == "" {
				host = defaultHost(r.Match)
			}
			if host != route.Any {
				visit(r, host, e)
			}
		}
	}
}

func unequalTLS(t route.Table) func(route.Route) bool {
	settings := map[string]route.TLS{}
	hit := map[string]bool{} // by the registry of the route
	eachUse(t, func(in route.Route, host string, e route.Endpoint) {
		before, seen := settings[host]
		if seen && !sameTLS(before, e.TLS) {
			hit[in.Match] = true
		}
		if !seen {
			settings[host] = e.TLS
		}
	})
	return func(r route.Route) bool { return hit[r.Match] }
}

func sameTLS(a, b route.TLS) bool {
	return slices.Equal(a.CA, b.CA) && slices.Equal(a.Client, b.Client) && a.SkipVerify == b.SkipVerify
}

func unequalAuth(t route.Table) func(route.Route) bool {
	byHost := map[string]route.Auth{}
	for _, h := range t.Hosts {
		byHost[h.Name] = plain(h.Auth)
	}
	used := map[string]route.Auth{}
	hit := map[string]bool{} // by the registry of the route
	eachUse(t, func(in route.Route, host string, e route.Endpoint) {
		auth := plain(e.Auth)
		if auth.IsZero() {
			auth = byHost[host]
		}
		before, seen := used[host]
		if listed, is := byHost[host]; is && listed != auth || seen && before != auth {
			hit[in.Match] = true
		}
		used[host] = auth
	})
	return func(r route.Route) bool { return hit[r.Match] }
}

// plain is a login without where it came from.
func plain(a route.Auth) route.Auth {
	return route.Auth{User: a.User, Password: a.Password, IdentityToken: a.IdentityToken}
}

func otherUpstream(t route.Table, r route.Route) bool {
	u := r.Upstream
	if u == nil || u.Host == "" {
		return false
	}
	if r.Match == route.Any {
		return true
	}
	own, err := normalise(r.Match, "")
	return err != nil || written(*u) != own.url.String()
}

// swallowed reports a route that says nothing but that the registry is asked
// itself, where that is not what happens without a route: another one is for
// all registries, or it is localhost, which containerd asks in its own way.
func swallowed(t route.Table, r route.Route) bool {
	beside := t.Has(route.Any)
	if r.Upstream != nil && r.Upstream.Host != "" && isLocalhost(r.Match) {
		beside = true
	}
	if !beside || r.Match == route.Any || len(r.Mirrors) > 0 || r.Upstream == nil || r.Upstream.TLS.Set {
		return false
	}
	return r.Upstream.Auth.IsZero() && t.Host(r.Match) == nil
}

func unequalRewrites(_ route.Table, r route.Route) bool {
	for i, e := range r.Mirrors {
		if i > 0 && !slices.EqualFunc(e.Rewrites, r.Mirrors[0].Rewrites, sameRewrite) {
			return true
		}
	}
	return r.Upstream != nil && len(r.Upstream.Rewrites) > 0
}

func sameRewrite(a, b route.Rewrite) bool {
	return a.Pattern == b.Pattern && a.Replacement == b.Replacement
}
