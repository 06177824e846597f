package docker

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits is what daemon.json and certs.d cannot say. Where Docker is told to use
// containerd's image store hosts.toml can say more; that is another dialect.
var limits = []dialect.Limit{
	{
		Concept: "mirrors of another registry",
		Text:    "Docker has mirrors for Docker Hub alone",
		Nearest: "name the mirror in the image, or use containerd's image store with hosts.toml",
		Hits:    func(_ route.Table, r route.Route) bool { return r.Match != hub && len(r.Mirrors) > 0 },
	},
	{
		Concept: "a route for every other registry", Text: "daemon.json knows no wildcard", Nearest: "name the registries",
		Hits: func(_ route.Table, r route.Route) bool { return r.Match == route.Any && r.Fails == "" },
	},
	{
		Concept: "a route for a part of a registry", Text: "Docker chooses by registry or by address", Nearest: "write one for the registry as a whole",
		Hits: func(_ route.Table, r route.Route) bool {
			_, isRange := addresses(r.Match)
			return !r.IsWhole() && !isRange
		},
	},
	{
		Concept: "a blocked registry", Text: "Docker cannot block a registry", Nearest: "block it in the network",
		Hits: func(_ route.Table, r route.Route) bool { return r.Blocked },
	},
	{
		Concept: "an upstream that is not the registry itself", Text: "the registry itself is always asked last", Nearest: "name the other host in the image",
		Hits: otherUpstream,
	},
	{
		Concept: "a registry that is never asked itself", Text: "the registry itself is always asked last", Nearest: "block it in the network",
		Hits: func(_ route.Table, r route.Route) bool { return r.Upstream == nil && r.Fails == "" },
	},
	{
		Concept: "what an endpoint is trusted with", Text: "every mirror serves pulls and resolves tags", Nearest: "leave out mirrors that must not resolve tags",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Serves&(reads|route.TagsOnly) != reads })
		},
	},
	{
		Concept: "plain HTTP without HTTPS before it", Text: "a registry is asked over HTTPS first, then over HTTP if it is insecure", Nearest: "list it in insecure-registries",
		Hits: func(_ route.Table, r route.Route) bool { return r.Upstream != nil && r.Upstream.Scheme == "http" },
	},
	{
		Concept: "a mirror over HTTPS and then HTTP", Text: "a mirror is asked with the scheme of its URL alone", Nearest: "write the scheme that it speaks",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.PlainFallback })
		},
	},
	{
		Concept: "HTTPS that is not verified, without HTTP after it", Text: "insecure-registries also allows plain HTTP", Nearest: "give the registry's CA to the node",
		Hits: func(t route.Table, r route.Route) bool {
			u := r.Upstream
			return u != nil && u.Host != "" && u.TLS.SkipVerify != u.PlainFallback || slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Scheme == "http" && e.TLS.SkipVerify })
		},
	},
	{
		Concept: "verifying a host for one registry and not for another", Text: "insecure-registries counts for a host wherever it is used", Nearest: "give the host the same settings everywhere",
		Over: unequalTrust,
	},
	{
		Concept: "an API below another path", Text: "the API of a mirror is at PATH/v2, that of a registry at /v2", Nearest: "serve the API at /v2",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return !strings.HasSuffix(e.Path, "/v2") }) ||
				r.Upstream != nil && r.Upstream.Host != "" && r.Upstream.Path != "/v2"
		},
	},
	{
		Concept: "a mirror twice", Text: "a mirror is asked once", Nearest: "list it once",
		Hits: func(_ route.Table, r route.Route) bool {
			return repeats(r.Mirrors)
		},
	},
	{
		Concept: "rewrites, headers and dial timeouts", Text: "daemon.json has none", Nearest: "leave them out",
		Hits: func(t route.Table, r route.Route) bool {
			return len(t.Header) > 0 || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool {
				return len(e.Rewrites)+len(e.Header) > 0 || e.DialTimeout != 0 || e.NoDialLimit || e.Namespace != ""
			})
		},
	},
	{
		Concept: "credentials on the node", Text: "dockerd keeps none: they come with each pull", Nearest: "run docker login, or give an imagePullSecret",
		Over: func(t route.Table) func(route.Route) bool {
			any := slices.ContainsFunc(t.Hosts, func(h route.Host) bool { return !h.Auth.IsZero() })
			return func(r route.Route) bool {
				return any || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return !e.Auth.IsZero() })
			}
		},
	},
	{
		Concept: "certificates of one endpoint", Text: "certificates lie in certs.d/HOST and count for the host wherever it is used; Docker Hub and insecure hosts have none",
		Nearest: "copy them to /etc/docker/certs.d/HOST/, authorities as .crt",
		Over:    strangeCerts,
	},
	{
		Concept: "a broken route", Text: "a route on which every pull fails cannot be written down", Nearest: "repair it first",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Fails != "" || slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Broken != "" })
		},
	},
	{
		Concept: "a registry itself that comes first if it is listed", Text: "the registry itself is always asked last", Nearest: "list it once",
		Hits: func(_ route.Table, r route.Route) bool { return r.UpstreamUnlessListed },
	},
	{
		Concept: "a name that dockerd refuses", Text: "hosts are host[:port]", Nearest: "write the host as images do",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return badMirror(mirrorURL(e)) != "" }) ||
				loose(r) && badInsecure(r.Match) != ""
		},
	},
}

const reads = route.Pull | route.Resolve

func repeats(list []route.Endpoint) bool {
	seen := map[string]bool{}
	for _, e := range list {
		if seen[mirrorURL(e)] {
			return true
		}
		seen[mirrorURL(e)] = true
	}
	return false
}

// mirrorURL is a mirror as daemon.json writes it.
func mirrorURL(e route.Endpoint) string {
	return e.Scheme + "://" + e.Host + strings.TrimSuffix(e.Path, "/v2")
}

func otherUpstream(t route.Table, r route.Route) bool {
	u := r.Upstream
	if u == nil || u.Host == "" {
		return false
	}
	return u.Host != route.Table{Target: route.Target{Runtime: "docker"}}.Default(r.Match).Host
}

// loose reports a registry that is to be asked without verifying.
func loose(r route.Route) bool {
	u := r.Upstream
	return u != nil && r.Match != hub && (u.PlainFallback && u.TLS.SkipVerify || u.Scheme == "http" || u.TLS.SkipVerify && u.Host != "") &&
		!(u.Host == "" && route.IsLocalhost(r.Match))
}

// unequalTrust reports a mirror that is verified though its host as a registry
// is not, or the other way round: one list is for both. Docker Hub is always
// verified.
func unequalTrust(t route.Table) func(route.Route) bool {
	rd := &reader{}
	for _, o := range t.Routes {
		if loose(o) {
			rd.set.Insecure = append(rd.set.Insecure, o.Match)
		}
	}
	return rd.unequalTrust
}

func (rd *reader) unequalTrust(r route.Route) bool {
	if u := r.Upstream; r.Match == hub && u != nil && (u.TLS.SkipVerify || u.PlainFallback) {
		return true
	}
	for _, e := range r.Mirrors {
		if e.Scheme == "https" && rd.insecure(e.Host) != e.TLS.SkipVerify {
			return true
		}
	}
	_, isRange := addresses(r.Match)
	return r.Match != hub && !isRange && r.Upstream != nil && rd.insecure(r.Match) != (loose(r) || route.IsLocalhost(r.Match))
}

// strangeCerts finds routes with certificates that lie elsewhere and are not at
// hand either, or count for nothing.
func strangeCerts(t route.Table) func(route.Route) bool {
	known := map[string]bool{}
	for _, f := range t.Files {
		known[f.Path] = true
	}
	strange := func(host string, set route.TLS) bool {
		return slices.ContainsFunc(certFiles(set), func(name string) bool { return path.Dir(name) != path.Join(certsDir, host) && !known[name] })
	}
	if slices.ContainsFunc(t.Hosts, func(h route.Host) bool { return strange(h.Name, h.TLS) }) {
		return func(route.Route) bool { return true }
	}
	return func(r route.Route) bool {
		return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool {
			host := cmp.Or(e.Host, r.Match)
			void := host == hubHost || host == hub || e.TLS.SkipVerify
			return strange(host, e.TLS) || void && len(certFiles(e.TLS)) > 0
		})
	}
}

func certFiles(t route.TLS) []string {
	out := slices.Clone(t.CA)
	for _, p := range t.Client {
		out = append(out, p.Cert, p.Key)
	}
	return slices.DeleteFunc(out, func(p string) bool { return p == "" })
}
