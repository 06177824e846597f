package bottlerocket

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// wish is what the settings are to say.
type wish struct {
	mirrors     []*mirror
	credentials []*credential
}

func desired(t route.Table) wish {
	var w wish
	t = t.Indexed()
	for _, r := range t.Routes {
		all := t.Endpoints(r.Match)
		m := &mirror{Registry: r.Match, entry: -1}
		for i, e := range all {
			w.auth(e.Host, e.Auth)
			if i < len(r.Mirrors) || r.Match != route.Any && lists(r) {
				m.Endpoint = append(m.Endpoint, written(e))
			}
		}
		if len(r.Mirrors) > 0 {
			w.mirrors = append(w.mirrors, m)
		}
	}
	for _, h := range t.Hosts {
		if h.Name != route.Any {
			w.auth(h.Name, h.Auth)
		}
	}
	return w
}

// lists reports a route that has a mirror on the registry's own host, behind
// which containerd does not ask the registry unless it is listed, too.
func lists(r route.Route) bool {
	return slices.ContainsFunc(r.Mirrors, func(e route.Endpoint) bool { return e.Host == r.Match })
}

// written is an endpoint as a URL: containerd takes its path as it stands.
func written(e route.Endpoint) string {
	u := url.URL{Scheme: e.Scheme, Host: e.Host}
	switch e.Path {
	case "/v2":
	case "":
		u.Path = "/"
	default:
		u.Path = e.Path
	}
	return u.String()
}

func (w *wish) auth(host string, a route.Auth) {
	if a.IsZero() || slices.ContainsFunc(w.credentials, func(c *credential) bool { return authHost(c.Registry) == host }) {
		return
	}
	c := &credential{Registry: host, entry: -1}
	if host == hubHost {
		c.Registry = hub
	}
	switch {
	case a.User == "":
		c.IdentityToken = a.IdentityToken.Reveal()
	case strings.ContainsAny(a.User+a.Password.Reveal(), "\"\\"):
		c.Auth = base64.StdEncoding.EncodeToString([]byte(a.User + ":" + a.Password.Reveal()))
	default:
		c.Username, c.Password = a.User, a.Password.Reveal()
	}
	w.credentials = append(w.credentials, c)
}

func (m *mirror) same(o *mirror) bool {
	return slices.EqualFunc(m.Endpoint, o.Endpoint, func(a, b string) bool { return a == b || normal(a) == normal(b) })
}

// normal is an endpoint with what containerd understands.
func normal(text string) string {
	u, err := address(text)
	if err != nil {
		return text
	}
	if u.Path == "" {
		u.Path = "/v2"
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/")
}

// address reads an endpoint as containerd does: without a scheme it gets one.
// Source: addDefaultScheme of internal/cri/server/images.
func address(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		u, err := url.Parse("dummy://" + text)
		if err != nil {
			return nil, err
		}
		scheme := "https"
		if route.IsLocalhost(u.Host) {
			scheme = "http"
		}
		text = scheme + "://" + text
	}
	return url.Parse(text)
}

func (c *credential) same(o *credential) bool { return c.auth() == o.auth() }
