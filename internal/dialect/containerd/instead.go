package containerd

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
)

// Settled spells out what the old tables leave to rules: that a registry which
// is itself a mirror of "*" is not asked a second time, that nothing uses the tls
// table of a host where it is asked over plain HTTP, and that the registry itself
// at the end of its mirrors is what is asked last anyway.
func Settled(t route.Table) route.Table {
	t = onceAtTheEnd(plainHTTP(t))
	i := slices.IndexFunc(t.Routes, func(r route.Route) bool { return r.Match == route.Any })
	if i < 0 || !t.Routes[i].UpstreamUnlessListed {
		return t
	}
	t.Routes = slices.Clone(t.Routes)
	t.Routes[i].UpstreamUnlessListed = false
	rule := t.Routes[i]
	for _, m := range rule.Mirrors {
		if m.Broken != "" || m.Host == "" || has(t, m.Host) {
			continue
		}
		r := route.Route{Match: m.Host, Mirrors: slices.Clone(rule.Mirrors), From: rule.From}
		if last := len(r.Mirrors) - 1; r.Mirrors[last].Host == m.Host {
			up := r.Mirrors[last]
			up.Role = route.Upstream
			r.Mirrors, r.Upstream = r.Mirrors[:last], &up
		}
		t.Routes = append(t.Routes, r)
	}
	return t
}

// onceAtTheEnd drops a last mirror that is just what is asked after it.
func onceAtTheEnd(t route.Table) route.Table {
	hosts := t
	hosts.Routes = nil
	hosts = hosts.Indexed()
	for i := range t.Routes { // a copy already
		r := &t.Routes[i]
		last := len(r.Mirrors) - 1
		if last < 0 || !r.UpstreamUnlessListed || r.Upstream == nil || r.Upstream.Host != "" || r.Match == route.Any {
			continue
		}
		itself, mirror := hosts.EndpointsOf(route.Route{Match: r.Match, Upstream: r.Upstream}, r.Match)[0], r.Mirrors[last]
		listed := slices.ContainsFunc(r.Mirrors[:last], func(e route.Endpoint) bool { return e.Host == r.Match })
		if mirror.Broken == "" && mirror.String() == itself.String() && !mirror.TLS.Set && !listed {
			r.Mirrors, r.UpstreamUnlessListed = r.Mirrors[:last], false
		}
	}
	return t
}

// plainHTTP empties TLS settings that nothing uses; in a hosts.toml they would
// make containerd try HTTPS first.
func plainHTTP(t route.Table) route.Table {
	said := map[string]bool{}
	for _, h := range t.Hosts {
		said[h.Name] = uses(h.TLS)
	}
	t.Routes = slices.Clone(t.Routes)
	for i := range t.Routes {
		r := &t.Routes[i]
		r.Mirrors = slices.Clone(r.Mirrors)
		for k := range r.Mirrors {
			if m := &r.Mirrors[k]; m.Scheme == "http" && (uses(m.TLS) || !m.TLS.Set && (said[m.Host] || said[route.Any])) {
				m.TLS = route.TLS{Set: true}
			}
		}
	}
	return t
}

func uses(s route.TLS) bool { return len(s.CA)+len(s.Client) > 0 || s.SkipVerify }

func has(t route.Table, match string) bool {
	return slices.ContainsFunc(t.Routes, func(r route.Route) bool { return r.Match == match })
}

// instead spells out rules, and says users with passwords as the header line
// that they come to.
func instead(t route.Table) (route.Table, []finding.Finding) {
	t = Settled(t)
	logins := map[string]route.Auth{}
	t.Hosts = slices.Clone(t.Hosts)
	for i := range t.Hosts {
		if h := &t.Hosts[i]; h.Auth.User != "" && h.Name != route.Any {
			logins[h.Name] = h.Auth
			h.Auth = route.Auth{}
		}
	}
	var found []finding.Finding
	told := map[string]bool{}
	say := func(e *route.Endpoint, host string) {
		a := e.Auth
		if a.IsZero() {
			a = logins[host]
		}
		if a.User == "" || authorized(*e) {
			return
		}
		e.Auth = route.Auth{}
		e.Header = append(slices.Clip(e.Header), basic(a))
		if !told[host] {
			told[host], found = true, append(found, dialect.TellHeader(t.Target, host, a))
		}
	}
	t.Routes = slices.Clone(t.Routes)
	t.Routes = append(t.Routes, ownRoutes(t, logins)...)
	for i := range t.Routes {
		r := &t.Routes[i]
		r.Mirrors = slices.Clone(r.Mirrors)
		for k := range r.Mirrors {
			say(&r.Mirrors[k], r.Mirrors[k].Host)
		}
		if r.Upstream != nil {
			up := *r.Upstream
			say(&up, upstreamHost(t, r.Match, up))
			r.Upstream = &up
		}
	}
	slices.SortFunc(found, func(a, b finding.Finding) int { return strings.Compare(a.Subject, b.Subject) })
	return t, found
}

func upstreamHost(t route.Table, match string, e route.Endpoint) string {
	if e.Host != "" || match == route.Any {
		return e.Host
	}
	return t.Default(match).Host
}

// ownRoutes are routes for registries of whose own hosts credentials are known
// and that have none, with the mirrors that they have by the route for all others.
func ownRoutes(t route.Table, logins map[string]route.Auth) []route.Route {
	there := map[string]bool{"docker.io": false}
	for _, r := range t.Routes {
		there[r.Match] = true
	}
	rest := t.Route(stranger)
	var out []route.Route
	for _, host := range slices.Sorted(maps.Keys(logins)) {
		match := host
		if host == "registry-1.docker.io" {
			match = "docker.io"
		}
		if there[match] || host == "docker.io" || strings.ContainsAny(host, "/*") || rest.Upstream == nil {
			continue
		}
		r := rest
		r.Match = match
		out = append(out, r)
	}
	return out
}

// stranger stands for every registry that no route names.
const stranger = "any.other.registry.example"

func authorized(e route.Endpoint) bool {
	return slices.ContainsFunc(e.Header, func(h route.Header) bool { return strings.EqualFold(h.Key, "authorization") })
}

func basic(a route.Auth) route.Header {
	text := base64.StdEncoding.EncodeToString([]byte(a.User + ":" + a.Password.Reveal()))
	return route.Header{Key: "Authorization", Values: []route.Secret{route.NewSecret("Basic " + text)}}
}
