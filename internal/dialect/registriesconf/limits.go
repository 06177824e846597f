package registriesconf

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// limits is what registries.conf cannot say.
var limits = []dialect.Limit{
	{
		Concept: "a route for every other registry",
		Text:    "containers-image knows no wildcard but *.domain",
		Nearest: "write a [[registry]] for each registry",
		Hits:    func(_ route.Table, r route.Route) bool { return r.Match == route.Any && r.Fails == "" },
	},
	{
		Concept: "a range of addresses",
		Text:    "only Docker chooses registries by address",
		Nearest: "write a [[registry]] for each registry",
		Hits:    func(_ route.Table, r route.Route) bool { return strings.Count(r.Match, "/") == 1 && isRange(r.Match) },
	},
	{
		Concept: "plain HTTP without HTTPS before it",
		Text:    "with insecure HTTPS is tried first, and HTTP when that fails",
		Nearest: "set insecure = true",
		Hits:    ofEndpoint(func(e route.Endpoint) bool { return e.Scheme == "http" }),
	},
	{
		Concept: "HTTPS that is not verified, without HTTP after it",
		Text:    "insecure also allows plain HTTP",
		Nearest: "give the registry's CA to the node",
		Hits: ofEndpoint(func(e route.Endpoint) bool {
			return e.Scheme == "https" && e.TLS.SkipVerify && !e.PlainFallback && e.Host != ""
		}),
	},
	{
		Concept: "verified HTTPS with HTTP after it",
		Text:    "what may fall back to plain HTTP is not verified either",
		Nearest: "speak HTTPS",
		Hits:    ofEndpoint(func(e route.Endpoint) bool { return e.PlainFallback && !e.TLS.SkipVerify && e.Host != "" }),
	},
	{
		Concept: "rewrites by expression",
		Text:    "only a prefix is replaced by a location",
		Nearest: "write a [[registry]] for each prefix",
		Hits:    ofEndpoint(func(e route.Endpoint) bool { return len(e.Rewrites) > 0 }),
	},
	{
		Concept: "request headers",
		Text:    "containers-image sends no headers of your own",
		Nearest: "write credentials into auth.json",
		Hits: func(t route.Table, r route.Route) bool {
			return len(t.Header) > 0 || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return len(e.Header) > 0 })
		},
	},
	{
		Concept: "a dial timeout",
		Text:    "containers-image gives up a connection after 30 seconds",
		Nearest: "leave it out",
		Hits:    ofEndpoint(func(e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit }),
	},
	{
		Concept: "an API below another path",
		Text:    "the API is always at /v2 of the host, and what follows it is a part of the repository",
		Nearest: "serve the API at /v2",
		Hits: ofEndpoint(func(e route.Endpoint) bool {
			return e.Host != "" && e.Path != "/v2" && !strings.HasPrefix(e.Path, "/v2/")
		}),
	},
	{
		Concept: "certificates of one endpoint",
		Text:    "certificates lie in certs.d/HOST and count for the host wherever it is used",
		Nearest: "copy them to /etc/containers/certs.d/HOST/, authorities as .crt",
		Over: func(t route.Table) func(route.Route) bool {
			unequal := differing(t, func(a, b route.Endpoint) bool { return !slices.Equal(certFiles(a.TLS), certFiles(b.TLS)) })
			return func(r route.Route) bool { return strangeCerts(t, r) || unequal(r) }
		},
	},
	{
		Concept: "a registry that is never asked itself",
		Text:    "the location is always asked last",
		Nearest: "name the last mirror as location",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Upstream == nil && r.Fails == "" && (len(r.Mirrors) == 0 || r.Mirrors[len(r.Mirrors)-1].Serves&(reads|route.TagsOnly) != reads)
		},
	},
	{
		Concept: "an upstream that may not pull or resolve",
		Text:    "only mirrors can be kept to tags or digests",
		Nearest: "leave it out",
		Hits:    func(_ route.Table, r route.Route) bool { return r.Upstream != nil && r.Upstream.Serves&reads != reads },
	},
	{
		Concept: "an endpoint without pull",
		Text:    "a mirror is for tags, for digests or for both",
		Nearest: "leave it out",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return !e.Serves.Has(route.Pull) })
		},
	},
	{
		Concept: "a registry itself that comes first if it is listed",
		Text:    "the location is always asked last",
		Nearest: "list it once",
		Hits:    func(_ route.Table, r route.Route) bool { return r.UpstreamUnlessListed },
	},
	{
		Concept: "a broken route",
		Text:    "a route on which every pull fails cannot be written down",
		Nearest: "repair it first",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Fails != "" || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Broken != "" })
		},
	},
	{
		Concept: "a name that is no location",
		Text:    "locations are host[:port][/path] in lower case",
		Nearest: "write the host as images do",
		Hits: ofEndpoint(func(e route.Endpoint) bool {
			return e.Host != "" && (!domain(e.Host) || strings.HasSuffix(e.Path, "/") || strings.ContainsAny(e.Path, "@: "))
		}),
	},
	{
		Concept: "an IPv6 address",
		Text:    "containers-image takes a name with an IPv6 address for no name at all",
		Nearest: "use a name",
		Hits: func(_ route.Table, r route.Route) bool {
			return strings.HasPrefix(r.Match, "[") || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return strings.HasPrefix(e.Host, "[") })
		},
	},
	{
		Concept: "verifying for one route and not for another",
		Text:    "insecure and blocked belong to the location: two registries with one location must agree",
		Nearest: "give the location the same settings everywhere",
		Over: func(t route.Table) func(route.Route) bool {
			byKey := map[string][]registrySpec{}
			for _, r := range t.Routes {
				w := wishFor(r)
				byKey[w.key()] = append(byKey[w.key()], w)
			}
			return func(r route.Route) bool {
				w := wishFor(r)
				return slices.ContainsFunc(byKey[w.key()], w.conflicts)
			}
		},
	},
	{
		Concept: "credentials for one URL of a host",
		Text:    "credentials count for a host or a path, wherever it is used",
		Nearest: "give the host the same credentials everywhere",
		Over:    unequalLogins,
	},
	{
		Concept: "settings for every host",
		Text:    "certs.d and auth.json know no wildcard",
		Nearest: "write an entry for each host",
		Hits: func(t route.Table, _ route.Route) bool {
			return t.Host(route.Any) != nil
		},
	},
}

// reads is what a pull needs of an endpoint.
const reads = route.Pull | route.Resolve

func ofEndpoint(hits func(route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(_ route.Table, r route.Route) bool { return slices.ContainsFunc(r.Endpoints(), hits) }
}

func isRange(match string) bool {
	_, bits, _ := strings.Cut(match, "/")
	return bits != "" && strings.Trim(bits, "0123456789") == "" && strings.Trim(match, "0123456789./:abcdef") == ""
}

// strangeCerts reports certificates that are neither where this runtime looks
// for those of the host nor known, so that they could be written there.
func strangeCerts(t route.Table, r route.Route) bool {
	for _, e := range r.Endpoints() {
		host := e.Host
		if host == "" {
			host = t.Default(r.Match).Host
		}
		set := e.TLS
		if i := slices.IndexFunc(t.Hosts, func(h route.Host) bool { return h.Name == host && h.TLS.Set }); i >= 0 && len(set.CA)+len(set.Client) == 0 {
			set = t.Hosts[i].TLS
		}
		if slices.ContainsFunc(set.Client, func(p route.Pair) bool { return p.Key == "" }) {
			return true
		}
		for _, name := range certFiles(set) {
			if !inCerts(name, host) && source.Find(t.Files, name) == nil {
				return true
			}
		}
	}
	return false
}

// differing returns a test for routes with an endpoint whose host another
// endpoint of the table uses in another way.
func differing(t route.Table, other func(a, b route.Endpoint) bool) func(route.Route) bool {
	first, mixed := map[string]route.Endpoint{}, map[string]bool{}
	for _, r := range t.Routes {
		for _, e := range r.Endpoints() {
			if one, seen := first[e.Host]; !seen {
				first[e.Host] = e
			} else if e.Host != "" && other(one, e) {
				mixed[e.Host] = true
			}
		}
	}
	return func(r route.Route) bool {
		return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return mixed[e.Host] })
	}
}

func certFiles(t route.TLS) []string {
	out := slices.Clone(t.CA)
	for _, p := range t.Client {
		out = append(out, p.Cert, p.Key)
	}
	return out
}

// inCerts reports whether a file lies where this runtime looks for it.
func inCerts(name, host string) bool {
	if host == hubHost {
		host = hub
	}
	return slices.Contains(certsDirs, path.Dir(path.Dir(name))) && path.Base(path.Dir(name)) == host
}

// unequalLogins: one host, two logins, or one that the table's hosts deny.
func unequalLogins(t route.Table) func(route.Route) bool {
	byHost := map[string]route.Auth{}
	for _, h := range t.Hosts {
		if !h.Auth.IsZero() {
			byHost[h.Name] = plain(h.Auth)
		}
	}
	mixed := differing(t, func(a, b route.Endpoint) bool { return plain(a.Auth) != plain(b.Auth) })
	return func(r route.Route) bool {
		return mixed(r) || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool {
			login, listed := byHost[e.Host]
			return listed && !e.Auth.IsZero() && plain(e.Auth) != login
		})
	}
}

// plain is a login without where it came from.
func plain(a route.Auth) route.Auth {
	return route.Auth{User: a.User, Password: a.Password, IdentityToken: a.IdentityToken}
}
