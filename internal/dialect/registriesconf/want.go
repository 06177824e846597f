package registriesconf

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// wishes are the registries that a table asks for: what cannot be said is gone,
// and Limits told so. Where routes disagree about one location, the safer holds.
func wishes(t route.Table) []registrySpec {
	var out []registrySpec
	first := map[string]int{}
	seen := map[string]bool{}
	for _, r := range t.Routes {
		if r.Match == route.Any || r.Match == "" || r.Fails != "" || isRange(r.Match) || seen[r.Match] {
			continue
		}
		w := wishFor(r)
		seen[r.Match] = true
		if i, shared := first[w.key()]; shared {
			out[i].Insecure = out[i].Insecure && w.Insecure
			out[i].Blocked = out[i].Blocked || w.Blocked
		} else {
			first[w.key()] = len(out)
		}
		out = append(out, w)
	}
	for i := range out {
		one := out[first[out[i].key()]]
		out[i].Insecure, out[i].Blocked = one.Insecure, one.Blocked
	}
	return out
}

// key is what insecure and blocked belong to.
func (s registrySpec) key() string {
	if s.Location == "" {
		return s.Prefix
	}
	return s.Location
}

// conflicts reports two registries that containers-image refuses side by side.
func (s registrySpec) conflicts(o registrySpec) bool {
	return s.key() == o.key() && (s.Insecure != o.Insecure || s.Blocked != o.Blocked)
}

// wishFor is a route as a registry.
func wishFor(r route.Route) registrySpec {
	out := registrySpec{Prefix: r.Match, Blocked: r.Blocked}
	mirrors := slices.Clone(r.Mirrors)
	switch {
	case r.Upstream != nil:
		out.endpointSpec = specOf(*r.Upstream, r.Match)
	case len(mirrors) > 0:
		out.endpointSpec = specOf(mirrors[len(mirrors)-1], r.Match)
		mirrors = mirrors[:len(mirrors)-1]
	default:
		out.Location = r.Match
	}
	if out.Location == "" && !strings.HasPrefix(r.Match, "*.") {
		out.Location = r.Match
	}
	for _, e := range mirrors {
		if e.Host == "" || e.Broken != "" || !e.Serves.Has(route.Pull) {
			continue
		}
		s := specOf(e, r.Match)
		s.PullFromMirror = policyOf(e.Serves)
		out.Mirrors = append(out.Mirrors, s)
	}
	return out
}

func policyOf(s route.Serves) string {
	switch {
	case s.Has(route.TagsOnly):
		return "tag-only"
	case !s.Has(route.Resolve):
		return "digest-only"
	}
	return ""
}

// specOf is an endpoint as a location. What is verified stays verified, even if
// that costs a fallback to plain HTTP.
func specOf(e route.Endpoint, match string) endpointSpec {
	out := endpointSpec{NamespaceProxy: e.Namespace}
	out.Insecure = e.Scheme == "http" || e.TLS.SkipVerify
	if e.Host == "" {
		return out
	}
	if e.Host == hubHost && e.Alias == "" && match == hub && e.Path == "/v2" {
		e.Alias = hub
	}
	out.Location = strings.TrimRight(e.Location(), "/")
	return out
}

// says reports whether a registry asks the same as a wish.
func (g *registry) says(w registrySpec) bool {
	return g.Prefix == w.Prefix && g.Blocked == w.Blocked && sameEndpoint(g.endpointSpec, w.endpointSpec) &&
		slices.EqualFunc(g.effective(), w.Mirrors, sameEndpoint)
}

// effective are the mirrors with the policy that holds for each.
func (g *registry) effective() []endpointSpec {
	out := slices.Clone(g.Mirrors)
	for i := range out {
		switch {
		case g.MirrorByDigestOnly:
			out[i].PullFromMirror = "digest-only"
		case out[i].PullFromMirror == "all":
			out[i].PullFromMirror = ""
		}
	}
	return out
}

func sameEndpoint(a, b endpointSpec) bool { return a == b }
