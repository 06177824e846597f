package containerd

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// wanted is a route in the shape of a hosts.toml: what cannot be said there is
// gone, and Limits told so.
type wanted struct {
	match    string
	mirrors  []route.Endpoint
	server   string // value of the key in TOML; empty: no such key
	override bool   // of the server
	upstream *route.Endpoint
	fails    string // as in route.Route: what fails now and is to stay is left alone
}

// matches lists the registries that need a directory: those with a route, and
// those of whose host the table knows how to verify it.
func matches(t route.Table) []string {
	var out []string
	for _, r := range t.Routes {
		out = append(out, r.Match)
	}
	for _, h := range t.Hosts {
		name := h.Name
		if name == "registry-1.docker.io" {
			name = "docker.io"
		}
		if h.TLS.Set && name != route.Any {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// want shapes the route of a registry for the target.
func want(t route.Table, match string) wanted {
	w := wanted{match: match}
	r := t.Route(match)
	w.fails = r.Fails
	all := t.Endpoints(match)
	asked := len(all) > len(r.Mirrors)
	for _, e := range all[:len(r.Mirrors)] {
		w.mirrors = append(w.mirrors, plainOf(t.Target, e))
	}
	switch {
	case asked && r.Upstream.Host == "" && standard(t, match, all[len(all)-1]):
		w.standIn(t, match, all[len(all)-1])
	case asked && all[len(all)-1].Broken == "":
		w.explicit(t.Target, all[len(all)-1])
	case asked:
		w.standIn(t, match, route.Endpoint{})
	case t.Target.Fork && len(w.mirrors) > 0:
	case len(w.mirrors) > 0 && w.mirrors[len(w.mirrors)-1].Broken == "":
		// The server is only the host that is asked last: there a mirror can
		// stand, and the registry itself is never asked.
		w.explicit(t.Target, w.mirrors[len(w.mirrors)-1])
		w.mirrors = w.mirrors[:len(w.mirrors)-1]
	}
	return w
}

// standard reports that an upstream is what containerd asks of its own accord
// when no server is named.
func standard(t route.Table, match string, e route.Endpoint) bool {
	if match == route.Any {
		return true
	}
	std := route.Table{Target: t.Target}.Default(match)
	return e.Serves.Has(route.Pull|route.Resolve) && same(e, std) && e.PlainFallback == std.PlainFallback
}

// standIn says what the root of the file says of the registry itself.
func (w *wanted) standIn(t route.Table, match string, e route.Endpoint) {
	e = plainOf(t.Target, e)
	if match != route.Any {
		std := route.Table{Target: t.Target}.Default(match)
		e.TLS.SkipVerify = e.TLS.SkipVerify && !std.TLS.SkipVerify
	}
	e.Scheme, e.Host, e.Path, e.PlainFallback, e.Role, e.Serves = "", "", "", false, route.Upstream, t.Target.Everything()
	w.upstream = &e
	if t.Target.Fork {
		w.server = `""`
	}
}

func (w *wanted) explicit(t route.Target, e route.Endpoint) {
	e = plainOf(t, e)
	e.Role = route.Upstream
	u, override := urlOf(e)
	w.server, w.override, w.upstream = tomlString(u), override, &e
}

// expressible reports that an endpoint can be written as a host table. One that
// is there already stays, be it broken.
func expressible(t route.Target, e route.Endpoint) bool {
	return e.Broken == "" && e.Serves&t.Everything() != 0 && !(bracketed(e.Host) && t.Containerd.Before("2.0.0"))
}

func bracketed(host string) bool { return strings.Contains(host, "]") }

// plainOf drops what the target would misread: TLS keys of a plain http URL,
// and a fallback that it does not know.
func plainOf(t route.Target, e route.Endpoint) route.Endpoint {
	if e.Scheme == "http" && triesTLS(t, asSet(e)) {
		e.TLS = route.TLS{}
	}
	if e.PlainFallback && !canFallBack(t, e) {
		e.PlainFallback = false
	}
	e.Rewrites = slices.Clone(e.Rewrites)
	if !t.Fork {
		e.Rewrites = nil
	}
	if !hasDialTimeout(t) {
		e.DialTimeout, e.NoDialLimit = 0, false
	}
	e.Serves &= t.Everything()
	e.Header = merged(e.Header)
	slices.SortFunc(e.Rewrites, func(a, b route.Rewrite) int { return strings.Compare(a.Pattern, b.Pattern) })
	return e
}

func asSet(e route.Endpoint) route.Endpoint {
	e.Scheme, e.TLS.Set = "http", true
	return e
}

// canFallBack reports that the target can be told to try HTTPS and then HTTP.
func canFallBack(t route.Target, e route.Endpoint) bool { return triesTLS(t, asSet(e)) }

// meets reports that a reading of a file asks the same hosts in the same way.
func (w wanted) meets(t route.Target, h *hostsFile) bool {
	if h.verdict != used || len(h.mirrors) != len(w.mirrors) || (h.upstream == nil) != (w.upstream == nil) {
		return false
	}
	for i, m := range w.mirrors {
		if !alike(t, h.mirrors[i], m) {
			return false
		}
	}
	return w.upstream == nil || alike(t, *h.upstream, *w.upstream)
}

// alike compares two endpoints by all that decides about requests.
func alike(t route.Target, a, b route.Endpoint) bool {
	all := t.Everything()
	return same(a, b) && a.PlainFallback == b.PlainFallback && a.Serves&all == b.Serves&all &&
		slices.Equal(a.TLS.CA, b.TLS.CA) && slices.Equal(a.TLS.Client, b.TLS.Client) && a.TLS.SkipVerify == b.TLS.SkipVerify &&
		slices.EqualFunc(merged(a.Header), merged(b.Header), sameHeader) && a.DialTimeout == b.DialTimeout && a.NoDialLimit == b.NoDialLimit &&
		slices.EqualFunc(a.Rewrites, b.Rewrites, func(x, y route.Rewrite) bool { return x.Pattern == y.Pattern && x.Replacement == y.Replacement })
}

func sameHeader(a, b route.Header) bool {
	return a.Key == b.Key && slices.EqualFunc(a.Values, b.Values, func(x, y route.Secret) bool { return x.Reveal() == y.Reveal() })
}
