package route

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// hub is the registry of images without a host, and where it really is.
const (
	hub     = "docker.io"
	hubHost = "registry-1.docker.io"
)

// IsWhole reports whether a route is for one registry, or for all others, as a
// whole: its Match is neither a path, a domain's wildcard nor a range of addresses.
func (r Route) IsWhole() bool {
	return !strings.Contains(r.Match, "/") && !strings.HasPrefix(r.Match, "*.")
}

// Endpoints are all endpoints as the route writes them, the upstream last.
func (r Route) Endpoints() []Endpoint {
	out := slices.Clone(r.Mirrors)
	if r.Upstream != nil {
		out = append(out, *r.Upstream)
	}
	return out
}

// Whole is the table with the routes for whole registries alone: all that a
// dialect without prefixes can write down.
func (t Table) Whole() Table {
	out := t
	out.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return !r.IsWhole() })
	return out
}

// RouteFor returns the route of an image as it applies to it. With
// containers-image that is the route with the longest matching prefix; the
// endpoints are then those that are asked for this reference, each with the
// repository it is asked for, and Fails says when none of them is.
func (t Table) RouteFor(ref Ref) Route {
	if t.Target.Engine() == ContainersImage {
		return t.rewritten(ref)
	}
	return t.Route(ref.Registry)
}

// EndpointsFor returns the hosts that a runtime keeps for an image, in order,
// the upstream filled in.
func (t Table) EndpointsFor(ref Ref) []Endpoint {
	return t.endpoints(t.RouteFor(ref), ref.Registry)
}

// matched is the length of the part of a name that a prefix matches, -1 if it
// matches none of it. That "r.example" matches "r.example:5000/app" as well is
// containers-image's own behaviour.
// Source: sysregistriesv2 refMatchingPrefix, refMatchingSubdomainPrefix.
func matched(name, prefix string) int {
	end := len(prefix)
	if domain, ok := strings.CutPrefix(prefix, "*"); ok && strings.HasPrefix(domain, ".") {
		at := strings.Index(name, domain)
		if at < 0 || strings.Contains(name[:at], "/") {
			return -1
		}
		end = at + len(domain)
	} else if !strings.HasPrefix(name, prefix) {
		return -1
	}
	if end == len(name) || strings.IndexByte(boundaries, name[end]) >= 0 {
		return end
	}
	return -1
}

// boundaries are what may follow the part of a name that a prefix matches.
const boundaries = ":/@"

// longest is the route whose Match is the longest that matches a name, nil if
// none does; of two that are equally long the first by name.
func (t Table) longest(name string) *Route {
	var best *Route
	for _, r := range t.candidates(name) {
		if r.Match != "" && matched(name, r.Match) >= 0 && (best == nil || r.before(best)) {
			best = r
		}
	}
	if best == nil {
		return t.find(Any)
	}
	return best
}

// before reports whether a route is preferred to another that matches as well.
func (r *Route) before(o *Route) bool {
	return len(r.Match) > len(o.Match) || len(r.Match) == len(o.Match) && r.Match < o.Match
}

// rewritten is the route of an image for containers-image: what Match says of
// the name is replaced by what each endpoint says.
func (t Table) rewritten(ref Ref) Route {
	name := ref.Registry + "/" + ref.Repository
	if bracketed(name) {
		return Route{Match: ref.Registry, Fails: name + " is no name of an image here: IPv6 addresses are not known"}
	}
	found := t.longest(name)
	if found == nil {
		e := t.Default(ref.Registry)
		e.Name = ref.Repository
		return Route{Match: ref.Registry, Upstream: &e}
	}
	out, rest := *found, "/"+ref.Repository
	if n := matched(name, found.Match); n >= 0 {
		rest = name[n:]
	}
	if out.Fails != "" {
		return out
	}
	out.Mirrors = nil
	for _, e := range found.Mirrors {
		if t.Asks(ref, e) {
			out.Mirrors = append(out.Mirrors, t.physical(e, ref, rest))
		}
	}
	if found.Upstream != nil {
		e := t.physical(*found.Upstream, ref, rest)
		out.Upstream = &e
	}
	out.fail()
	return out
}

// fail says why no endpoint is asked: a name that cannot be parsed ends the pull
// before the first request, and so does it when all that is left is blocked.
func (r *Route) fail() {
	all := r.Endpoints()
	blocked := ""
	for _, e := range all {
		if e.Name == "" && e.Broken != "" {
			r.Fails = e.Broken
			return
		}
	}
	for _, e := range all {
		if e.Broken == "" {
			return
		}
		blocked = e.Broken
	}
	r.Fails = blocked
	if len(all) == 0 {
		r.Fails = "no endpoint is left for this reference"
	}
}

// physical is an endpoint as it is asked for an image: the rest of the name
// that the prefix left is appended to its location.
func (t Table) physical(e Endpoint, ref Ref, rest string) Endpoint {
	name := ref.Registry + "/" + ref.Repository
	if e.Host != "" {
		name = e.Location() + rest
	}
	named, err := reference.ParseNormalizedNamed(name)
	switch {
	case e.Broken != "":
		e.Name = ref.Repository
		return e
	case err != nil:
		e.Broken = name + " is no name of an image: " + err.Error()
		return e
	case bracketed(name):
		e.Broken = name + " is no name of an image here: IPv6 addresses are not known"
		return e
	case named.String() != name || !reference.IsNameOnly(named):
		e.Broken = name + " is not written in full: images of Docker Hub begin with docker.io/library/ or docker.io/USER/"
		return e
	}
	e.Host, e.Path, e.Name = reference.Domain(named), "/v2", reference.Path(named)
	if e.Scheme == "" {
		e.Scheme = "https"
	}
	if to := t.longest(name); to != nil && to.Blocked {
		e.Broken = "registry " + to.Match + " is blocked"
	}
	if e.Host == hub {
		e.Host = hubHost
	}
	return e
}

// bracketed reports a name whose host is an IPv6 address.
func bracketed(name string) bool { return strings.HasPrefix(name, "[") }

// Location is host[:port][/path] of an endpoint as containers-image writes it:
// without scheme and without the API's /v2.
func (e Endpoint) Location() string {
	host := e.Host
	if e.Alias != "" {
		host = e.Alias
	}
	return host + strings.TrimPrefix(e.Path, "/v2")
}

// ranged returns the route whose Match is a range of addresses that holds the
// registry's, nil if there is none. Only addresses are compared: a name would
// have to be looked up first. Source: moby registry/config.go, isCIDRMatch.
func (t Table) ranged(registry string) *Route {
	if t.Target.Runtime != "docker" {
		return nil
	}
	host := registry
	if name, _, ok := splitPort(registry); ok {
		host = name
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return nil
	}
	for _, i := range t.ranges() {
		if p, err := netip.ParsePrefix(t.Routes[i].Match); err == nil && p.Contains(ip.Unmap()) {
			return &t.Routes[i]
		}
	}
	return nil
}

// dressByPath adds what the table says about an endpoint for containers-image:
// certificates by host, whatever is said of verifying, and the credentials with
// the longest matching name.
func (t Table) dressByPath(e Endpoint) Endpoint {
	best := 0
	name := e.Host + "/" + e.Name
	for _, i := range t.covering(name) {
		h := t.Hosts[i]
		if h.TLS.Set {
			e.TLS.CA, e.TLS.Client, e.TLS.Set = h.TLS.CA, h.TLS.Client, true
		}
		if (!h.TLS.Set || !h.Auth.IsZero()) && len(h.Name) > best {
			e.Auth, best = h.Auth, len(h.Name)
		}
		if e.Broken == "" {
			e.Broken = h.Broken
		}
	}
	return e
}
