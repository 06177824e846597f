package k3s

import (
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Bootstrap is what registries.yaml means before containerd runs: RKE2 pulls the
// image with its binaries itself, by way of github.com/rancher/wharfie, which
// reads the same file by rules of its own. Source: its pkg/registries, v0.7.1.
type Bootstrap struct{ doc *document }

// ReadBootstrap decodes registries.yaml. The problem has the text that is in
// the agent's log, with the values that it quotes.
func ReadBootstrap(f source.File) (Bootstrap, *yamldoc.Problem) {
	y, _ := yamldoc.Parse(f.Path, f.Data)
	doc, problem := decode(f, y)
	if problem != nil {
		problem.Text = typeNames.Replace(problem.Text)
	}
	return Bootstrap{doc}, problem
}

// wharfieHub is Docker Hub's name in the library that wharfie pulls with.
const wharfieHub = "index.docker.io"

// Endpoints returns the hosts that are asked for an image of a registry, in
// order, the registry itself last. A registry without a port is also looked up
// with :443 and :80, and credentials and TLS settings of "*" are for every host
// without an entry of its own. TLS settings that cannot be loaded are left out.
// Rewrites are those for the registry, not for the entry that was found, and do
// not apply where the host is the registry's.
func (b Bootstrap) Endpoints(registry string) []route.Endpoint {
	if registry == hub {
		registry = wharfieHub
	}
	var out []route.Endpoint
	for _, text := range b.endpointTexts(registry) {
		u, ok := wharfieURL(text.text)
		if !ok {
			continue
		}
		e := b.endpoint(u, registry)
		e.From = text.at
		out = append(out, e)
	}
	if u, ok := wharfieURL(registry); ok {
		own := b.endpoint(u, registry)
		own.Role = route.Upstream
		out = append(out, own)
	}
	return out
}

// endpointTexts are the endpoints of the first key that names a registry.
func (b Bootstrap) endpointTexts(registry string) []endpoint {
	keys := []string{registry}
	switch {
	case registry == wharfieHub:
		keys = append(keys, hub)
	case !hasPort(registry):
		keys = append(keys, registry+":443", registry+":80")
	}
	for _, key := range append(keys, wildcard) {
		for _, m := range b.doc.mirrors {
			if m.name == key {
				return m.endpoints
			}
		}
	}
	return nil
}

// hasPort is whether the standard library can split host and port.
func hasPort(host string) bool {
	_, _, ok := splitHostPort(host)
	return ok && strings.Contains(host, ":")
}

func (b Bootstrap) endpoint(u *url.URL, registry string) route.Endpoint {
	e := route.Endpoint{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Serves: route.Pull | route.Resolve}
	if c, ok := b.config(u.Host); ok {
		e.Auth, e.TLS = c.wharfieAuth(), c.TLS.tls()
		for _, pair := range e.TLS.Client {
			if pair.Cert == "" || pair.Key == "" {
				e.TLS = route.TLS{}
			}
		}
	}
	if shortHub(u.Host) != shortHub(registry) {
		e.Rewrites = b.rewrites(registry)
	}
	return e
}

func shortHub(host string) string {
	if host == wharfieHub {
		return hub
	}
	return host
}

func (b Bootstrap) config(host string) (config, bool) {
	keys := []string{host, wildcard}
	if host == wharfieHub {
		keys = []string{host, hub, wildcard}
	}
	for _, key := range keys {
		for _, c := range b.doc.configs {
			if c.name == key {
				return c, true
			}
		}
	}
	return config{}, false
}

func (b Bootstrap) rewrites(registry string) []route.Rewrite {
	keys := []string{registry, wildcard}
	if registry == wharfieHub {
		keys = []string{registry, hub, wildcard}
	}
	for _, key := range keys {
		for _, m := range b.doc.mirrors {
			if m.name == key {
				return m.rewrites
			}
		}
	}
	return nil
}

// wharfieAuth are the credentials that are sent: an identity token before all,
// a name only with a password, else the encoded pair as it is.
func (c config) wharfieAuth() route.Auth {
	a := route.Auth{Source: "registries.yaml", From: c.place("auth")}
	if c.Auth == nil {
		return route.Auth{}
	}
	switch {
	case c.Auth.IdentityToken != "":
		a.IdentityToken = route.NewSecret(c.Auth.IdentityToken)
	case c.Auth.Username != "" && c.Auth.Password != "":
		a.User, a.Password = c.Auth.Username, route.NewSecret(c.Auth.Password)
	case c.Auth.Auth != "":
		user, password, why := decodePair(c.Auth.Auth)
		if why != "" {
			return route.Auth{}
		}
		a.User, a.Password = user, route.NewSecret(password)
	default:
		return route.Auth{}
	}
	return a
}

// wharfieURL normalises an endpoint; false: it is skipped.
func wharfieURL(text string) (*url.URL, bool) {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, false
	}
	if u.Scheme == "" {
		u.Scheme = "https"
		if port := u.Port(); wharfieLocal(u.Host) && port != "" && port != "443" {
			u.Scheme = "http"
		}
	}
	switch u.Path {
	case "", "/", "/v2":
		u.Path = "/v2"
	default:
		u.Path = path.Clean(u.Path)
	}
	return u, true
}

func wharfieLocal(host string) bool {
	if name, _, ok := splitHostPort(host); ok && strings.Contains(host, ":") {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
