package daemon

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits are those of the old registry tables for containerd 1.x, and those of
// hosts.toml files for containerd 2. A config.toml that uses config_path can say
// on 1.x, too, what hosts.toml can: a conversion compares, and then tells less.
var limits = slices.Concat(oldLimits(), treeLimits())

// treeLimits are asked of what is written: see containerd.Settled.
func treeLimits() []dialect.Limit {
	out := slices.Clone(containerd.TreeLimits)
	for i, l := range out {
		out[i].Hits = nil
		out[i].Over = func(t route.Table) func(route.Route) bool {
			if old(t.Target) {
				return never
			}
			t = containerd.Settled(t).Indexed()
			test := l.Test(t)
			return func(r route.Route) bool {
				if r.Match == route.Any {
					r = t.Route(route.Any) // as it was settled
				}
				return test(r)
			}
		}
	}
	return out
}

func never(route.Route) bool { return false }

func oldLimits() []dialect.Limit {
	out := slices.Clone(words)
	for i, l := range out {
		out[i].Over = func(t route.Table) func(route.Route) bool {
			if !old(t.Target) {
				return never
			}
			return func(r route.Route) bool { return l.Hits(t, r) }
		}
	}
	return append(out, unlike)
}

// words are what the old tables have no words for.
var words = []dialect.Limit{
	{
		Concept: "rewrites", Nearest: "point the mirror's path at the other repository, or use K3s",
		Text: "only the containerd of K3s and RKE2 knows rewrite",
		Hits: ofMirrors(func(e route.Endpoint) bool { return len(e.Rewrites) > 0 }),
	},
	{
		Concept: "a header for one endpoint", Nearest: "use config_path and a hosts.toml",
		Text: "registry.headers are sent to every registry",
		Hits: ofMirrors(func(e route.Endpoint) bool { return len(e.Header) > 0 }),
	},
	{
		Concept: "a dial timeout", Nearest: "use config_path and a hosts.toml",
		Text: "registry.mirrors has no timeouts",
		Hits: ofMirrors(func(e route.Endpoint) bool { return e.DialTimeout != 0 || e.NoDialLimit }),
	},
	{
		Concept: "several certificate authorities or client certificates for one host", Nearest: "put the authorities into one file",
		Text: "registry.configs names one file of each",
		Hits: ofMirrors(func(e route.Endpoint) bool { return len(e.TLS.CA) > 1 || len(e.TLS.Client) > 1 }),
	},
	{
		Concept: "HTTPS first and then HTTP", Nearest: "write the scheme that the server speaks",
		Text: "an endpoint of registry.mirrors has one scheme",
		Hits: ofMirrors(func(e route.Endpoint) bool { return e.PlainFallback }),
	},
	{
		Concept: "an endpoint that does not serve everything", Nearest: "use config_path and a hosts.toml",
		Text: "an endpoint of registry.mirrors is asked for tags and for digests",
		Hits: ofMirrors(func(e route.Endpoint) bool { return !e.Serves.Has(route.Pull | route.Resolve) }),
	},
	{
		Concept: "never asking the registry itself", Nearest: "use config_path and a hosts.toml whose server is the last mirror",
		Text: "containerd asks the registry itself after its mirrors, unless they name it",
		Hits: func(_ route.Table, r route.Route) bool {
			return r.Upstream == nil && !slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Host == r.Match })
		},
	},
	{
		Concept: "a route that fails every pull", Nearest: "repair what makes it fail",
		Text: "the pull fails before a host is asked",
		Hits: func(_ route.Table, r route.Route) bool { return r.Fails != "" },
	},
}

func ofMirrors(hits func(route.Endpoint) bool) func(route.Table, route.Route) bool {
	return func(_ route.Table, r route.Route) bool { return slices.ContainsFunc(r.Endpoints(), hits) }
}

// unlike is whatever else comes back otherwise: TLS settings that differ between
// two paths of one host, say, or a registry on this machine.
var unlike = dialect.Limit{
	Concept: "this in config.toml", Nearest: "use config_path and a hosts.toml",
	Text: "registry.mirrors and registry.configs lead to other requests",
	Over: func(t route.Table) func(route.Route) bool {
		if !old(t.Target) {
			return never
		}
		back := index(Spoken(t).Table(t.Target))
		mine := index(t)
		return func(r route.Route) bool {
			if slices.ContainsFunc(words, func(l dialect.Limit) bool { return l.Hits(t, r) }) {
				return false // told already
			}
			return slices.ContainsFunc(concerned(t, r), func(registry string) bool { return !mine.asks(back, registry) })
		}
	},
}

// concerned are the registries for which a route decides, one of them standing
// for all that nobody names.
func concerned(t route.Table, r route.Route) []string {
	if r.Match != route.Any {
		return []string{r.Match}
	}
	out := []string{stranger}
	for _, m := range r.Mirrors {
		if m.Host != "" && !slices.ContainsFunc(t.Routes, func(o route.Route) bool { return o.Match == m.Host }) {
			out = append(out, m.Host)
		}
	}
	return out
}

// indexed is a table whose routes are found by their names.
type indexed struct {
	table route.Table
	own   map[string]route.Route
}

func index(t route.Table) indexed {
	x := indexed{t.Indexed(), map[string]route.Route{}}
	for _, r := range t.Routes {
		if _, there := x.own[r.Match]; !there {
			x.own[r.Match] = r
		}
	}
	return x
}

func (x indexed) endpoints(registry string) []route.Endpoint {
	r, named := x.own[registry]
	if !named {
		r, named = x.own[route.Any]
	}
	if !named {
		r = route.Table{Target: x.table.Target}.Route(registry)
	}
	var out []route.Endpoint
	for _, e := range x.table.EndpointsOf(r, registry) {
		e.Role = route.Mirror
		if e.Scheme != "https" {
			e.TLS = route.TLS{}
		}
		e.Serves &= route.Pull | route.Resolve
		if !slices.ContainsFunc(out, e.Alike) { // the same request again makes no difference
			out = append(out, e)
		}
	}
	return out
}

// asks reports whether two tables ask the same hosts for a registry, in the same
// way and order.
func (x indexed) asks(o indexed, registry string) bool {
	if x.own[registry].Fails != o.own[registry].Fails {
		return false
	}
	return slices.EqualFunc(x.endpoints(registry), o.endpoints(registry), route.Endpoint.Alike)
}
