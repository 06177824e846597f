package daemon

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/route"
)

// Spoken is a table in the words of the old registry tables: what cannot be
// said there is gone, and the limits told so.
func Spoken(t route.Table) containerdconfig.Registry {
	s := speech{table: t.Indexed(), at: map[string]int{}}
	any := slices.ContainsFunc(t.Routes, func(r route.Route) bool { return r.Match == route.Any && len(s.written(r, s.endpoints(r))) > 0 })
	for _, r := range t.Routes {
		s.route(r, any)
	}
	for _, h := range t.Hosts {
		s.host(h.Name, h.TLS, h.Auth)
	}
	s.out.Headers = headers(t.Header)
	s.out.Hosts = slices.DeleteFunc(s.out.Hosts, func(h containerdconfig.Host) bool { return h.TLS == nil && h.Auth.IsZero() })
	return s.out
}

// speech is a registry table while it is put together.
type speech struct {
	table route.Table
	out   containerdconfig.Registry
	at    map[string]int // hosts by name
}

// route says the mirrors of one registry. The registry itself is left out where
// containerd asks it of its own accord. An entry that says nothing is needed
// where it keeps the mirrors of "*" away.
func (s *speech) route(r route.Route, any bool) {
	all := s.endpoints(r)
	for _, e := range all {
		if e.Scheme == "https" {
			s.host(e.Host, e.TLS, e.Auth)
		} else {
			s.host(e.Host, route.TLS{}, e.Auth)
		}
	}
	if !named(r.Match) || r.Fails != "" {
		return
	}
	m := containerdconfig.Mirror{Name: r.Match}
	for _, e := range s.written(r, all) {
		m.Endpoints = append(m.Endpoints, containerdconfig.Setting[string]{Value: address(e)})
	}
	if len(m.Endpoints) > 0 || any && r.Match != route.Any {
		s.out.Mirrors = append(s.out.Mirrors, m)
	}
}

// endpoints are the hosts of a route, but for the registry itself where nobody
// can know its name.
func (s *speech) endpoints(r route.Route) []route.Endpoint {
	all := s.table.EndpointsOf(r, r.Match)
	if r.Match == route.Any && len(all) > len(r.Mirrors) && r.Upstream.Host == "" {
		all = all[:len(r.Mirrors)]
	}
	return all
}

// written are the endpoints that have to be listed.
func (s *speech) written(r route.Route, all []route.Endpoint) []route.Endpoint {
	listed := slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Host == r.Match })
	std := route.Table{Target: s.table.Target, Plain: route.PlainCRI}.Default(r.Match)
	if n := len(all); n > len(r.Mirrors) && !listed && all[n-1].String() == std.String() {
		all = all[:n-1]
	}
	return slices.DeleteFunc(slices.Clone(all), func(e route.Endpoint) bool { return e.Broken != "" || !named(e.Host) })
}

// address is an endpoint as the old table spells it: with the path that is
// asked, which is /v2 where none is written.
func address(e route.Endpoint) string {
	switch e.Path {
	case "/v2":
		return e.Scheme + "://" + e.Host
	case "":
		return e.String() + "/"
	}
	return e.String()
}

// host notes what is said of a host; the first word counts.
func (s *speech) host(name string, tls route.TLS, auth route.Auth) {
	if !named(name) || name == route.Any {
		return
	}
	i, known := s.at[name]
	if !known {
		i = len(s.out.Hosts)
		s.at[name] = i
		s.out.Hosts = append(s.out.Hosts, containerdconfig.Host{Name: name})
	}
	h := &s.out.Hosts[i]
	if h.TLS == nil && len(tls.CA)+len(tls.Client) > 0 || h.TLS == nil && tls.SkipVerify {
		h.TLS = plainTLS(tls)
	}
	if h.Auth.IsZero() {
		h.Auth, h.HasAuth = auth, !auth.IsZero()
	}
}

// plainTLS is what of TLS settings the old table can say: one file each.
func plainTLS(s route.TLS) *route.TLS {
	out := route.TLS{SkipVerify: s.SkipVerify, Set: true}
	if len(s.CA) > 0 {
		out.CA = s.CA[:1]
	}
	if len(s.Client) > 0 && s.Client[0].Key != "" {
		out.Client = s.Client[:1]
	}
	return &out
}

// named reports whether a name can stand in a table's header. The parser of
// containerd 1 cannot read brackets there.
func named(name string) bool {
	return name == route.Any || name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-:_", r))
	})
}

func headers(all []route.Header) []containerdconfig.Header {
	var out []containerdconfig.Header
	for _, h := range all {
		i := slices.IndexFunc(out, func(o containerdconfig.Header) bool { return o.Key == h.Key })
		if i < 0 {
			out = append(out, containerdconfig.Header{Key: h.Key, Values: slices.Clone(h.Values)})
			continue
		}
		out[i].Values = append(out[i].Values, h.Values...)
	}
	slices.SortFunc(out, func(a, b containerdconfig.Header) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Logins is what config.toml still says where the routes are in hosts.toml files.
func Logins(t route.Table) containerdconfig.Registry {
	s := speech{table: t.Indexed(), at: map[string]int{}}
	for _, r := range t.Routes {
		for _, e := range s.endpoints(r) {
			s.host(e.Host, route.TLS{}, e.Auth)
		}
	}
	for _, h := range t.Hosts {
		s.host(h.Name, route.TLS{}, h.Auth)
	}
	s.out.Hosts = slices.DeleteFunc(s.out.Hosts, func(h containerdconfig.Host) bool { return h.Auth.IsZero() })
	s.out.Headers, s.out.LoginsOnly = headers(t.Header), true
	return s.out
}
