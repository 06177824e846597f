package containerdconfig

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// docker.io is the only registry that is reached under another name.
const (
	hubName = "docker.io"
	hubHost = "registry-1.docker.io"
)

// Table is what config.toml itself says about routes: the old mirrors table,
// credentials and headers. Where config_path is in force the routes come from
// hosts.toml files, and only Hosts and Header of this table still count.
// Source: registryHosts and registryEndpoints of the CRI image service.
func (c Config) Table() route.Table {
	t := route.Table{Target: c.Target}
	if c.ConfigPath.Value == "" && c.LocalPull.Value || len(c.Mirrors) > 0 {
		t.Plain = route.PlainCRI
	}
	for _, h := range c.Headers {
		t.Header = append(t.Header, route.Header{Key: h.Key, Values: h.Values})
	}
	for _, m := range c.Mirrors {
		t.Routes = append(t.Routes, c.route(m))
	}
	for _, h := range c.Hosts {
		if h.Name == route.Any {
			continue // there is no wildcard among configs
		}
		t.Hosts = append(t.Hosts, route.Host{Name: h.Name, Auth: h.Auth, TLS: tls(h), From: h.At})
		if h.BadTLS != "" {
			t.Routes = c.failing(t.Routes, h)
		}
	}
	return t
}

func tls(h Host) route.TLS {
	if h.TLS == nil {
		return route.TLS{}
	}
	return *h.TLS
}

// serves: mirrors of this table are never pushed to.
func (c Config) serves() route.Serves {
	return c.Target.Everything() &^ route.Push
}

func (c Config) route(m Mirror) route.Route {
	r := route.Route{
		Match:                m.Name,
		From:                 m.At,
		Upstream:             &route.Endpoint{Role: route.Upstream, Serves: c.serves()},
		UpstreamUnlessListed: true,
	}
	for _, e := range m.Endpoints {
		end, err := endpoint(e.Value)
		if err != nil {
			r.Fails = fmt.Sprintf("get registry endpoints: parse endpoint url: %v", err)
			continue
		}
		end.Serves, end.From = c.serves(), e.At
		if end.Host == m.Name {
			end.Role = route.Upstream
		}
		r.Mirrors = append(r.Mirrors, end)
	}
	return r
}

// endpoint reads an endpoint as containerd does: without a scheme it gets one,
// its path is the API's root as it stands, and what a URL may hold besides is
// dropped.
func endpoint(text string) (route.Endpoint, error) {
	if !strings.Contains(text, "://") {
		u, err := url.Parse("dummy://" + text)
		if err != nil {
			return route.Endpoint{}, err
		}
		scheme := "https"
		if route.IsLocalhost(u.Host) {
			scheme = "http"
		}
		text = scheme + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return route.Endpoint{}, err
	}
	e := route.Endpoint{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if e.Path == "" {
		e.Path = "/v2"
	}
	if e.Host == "" {
		e.Broken = "the URL names no host"
	}
	return e, nil
}

// failing adds what half a key pair does: it fails each pull that has the host
// among its endpoints, before any of them is asked.
func (c Config) failing(routes []route.Route, h Host) []route.Route {
	why := fmt.Sprintf("get TLSConfig for registry %q: %s", h.Name, h.BadTLS)
	for i, r := range routes {
		hit := slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Host == h.Name })
		if hit && r.Fails == "" {
			routes[i].Fails = why
		}
	}
	for _, own := range registriesAt(h.Name) {
		i := slices.IndexFunc(routes, func(r route.Route) bool { return r.Match == own })
		if i < 0 {
			upstream := &route.Endpoint{Role: route.Upstream, Serves: c.serves()}
			routes = append(routes, route.Route{Match: own, From: h.At, Upstream: upstream, UpstreamUnlessListed: true})
			i = len(routes) - 1
		}
		if routes[i].Fails == "" {
			routes[i].Fails = why
		}
	}
	return routes
}

// registriesAt are the registries whose own endpoint is the host.
func registriesAt(host string) []string {
	switch host {
	case hubHost:
		return []string{hubHost, hubName}
	case hubName:
		return nil // Docker Hub itself is never reached under this name
	}
	return []string{host}
}
