package containerdconfig

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// validateRegistry takes the registry table over and says what containerd has
// against it. Source: ValidatePluginConfig (1.x), ValidateImageConfig (2.x).
func (l *loading) validateRegistry(prefix string) {
	var configPath string
	var auths map[string]authTable
	if l.old() {
		r := l.cri.Registry
		configPath, auths = r.ConfigPath, r.Auths
		l.takeRegistry(r.Mirrors, r.Headers)
		l.takeHosts1(r.Configs)
	} else {
		r := l.images.Registry
		configPath, auths = r.ConfigPath, r.Auths
		l.takeRegistry(r.Mirrors, r.Headers)
		l.takeHosts2(r.Configs)
	}
	if len(l.Mirrors) > 0 && configPath != "" {
		l.dead(MirrorsAndPath, l.place("registry", "mirrors"), "%s`mirrors` cannot be set when `config_path` is provided", prefix)
	}
	if i := slices.IndexFunc(l.Hosts, func(h Host) bool { return h.TLS != nil }); i >= 0 && configPath != "" {
		l.dead(TLSAndPath, l.Hosts[i].TLSAt, "%s`configs.tls` cannot be set when `config_path` is provided", prefix)
	}
	l.takeAuths(auths, prefix)
}

func (l *loading) takeRegistry(mirrors map[string]mirror, headers map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(mirrors)) {
		m := Mirror{Name: name, At: l.place("registry", "mirrors", name)}
		at := l.endpointPlaces(name, len(mirrors[name].Endpoints))
		for i, e := range mirrors[name].Endpoints {
			m.Endpoints = append(m.Endpoints, Setting[string]{e, at[i]})
		}
		l.Mirrors = append(l.Mirrors, m)
	}
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		h := Header{Key: key, At: l.place("registry", "headers", key)}
		for _, v := range headers[key] {
			h.Values = append(h.Values, route.NewSecret(v))
		}
		l.Headers = append(l.Headers, h)
	}
}

// endpointPlaces gives the place of each endpoint in its list.
func (l *loading) endpointPlaces(name string, n int) []source.Pos {
	s, ok := l.find("registry", "mirrors", name, "endpoint")
	if ok {
		if at := elementPlaces(s.layer.doc, s.keys...); len(at) == n {
			return at
		}
	}
	out := make([]source.Pos, n)
	for i := range out {
		out[i] = l.place("registry", "mirrors", name, "endpoint")
	}
	return out
}

func (l *loading) takeHosts1(configs map[string]host1) {
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		h := l.host(name, configs[name].Auth)
		if t := configs[name].TLS; t != nil {
			h.TLSAt = l.place("registry", "configs", name, "tls")
			h.TLS, h.BadTLS = tlsOf(*t)
		}
		l.Hosts = append(l.Hosts, h)
	}
}

func (l *loading) takeHosts2(configs map[string]host2) {
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		h := l.host(name, configs[name].Auth)
		if v, ok := lookup(l.tables, []string{criImages, "registry", "configs", name, "tls"}); ok {
			h.Dropped, _ = tlsOf(looseTLS(v))
			h.TLSAt = l.place("registry", "configs", name, "tls")
		}
		l.Hosts = append(l.Hosts, h)
	}
}

// looseTLS reads a tls table that containerd no longer looks at, and so may
// hold anything.
func looseTLS(v any) tlsTable {
	table, _ := v.(map[string]any)
	var t tlsTable
	t.CAFile, _ = table["ca_file"].(string)
	t.CertFile, _ = table["cert_file"].(string)
	t.KeyFile, _ = table["key_file"].(string)
	t.InsecureSkipVerify, _ = table["insecure_skip_verify"].(bool)
	return t
}

func (l *loading) host(name string, auth *authTable) Host {
	h := Host{Name: name, At: l.place("registry", "configs", name)}
	if auth != nil {
		h.setAuth(*auth, "registry.configs", l.place("registry", "configs", name, "auth"))
	}
	return h
}

func (h *Host) setAuth(a authTable, from string, at source.Pos) {
	h.HasAuth, h.AuthAt = true, at
	h.Auth, h.BadAuth = authOf(a)
	h.Auth.Source, h.Auth.From = from, at
}

// takeAuths puts the entries of the older auths table among those of configs.
// A key without a scheme is either no URL, which keeps the plugin from loading,
// or taken for one that has the host as its scheme, and then lost.
func (l *loading) takeAuths(auths map[string]authTable, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(auths)) {
		at := l.place("registry", "auths", name)
		own := Host{Name: name, At: at}
		own.setAuth(auths[name], "registry.auths", at)
		l.Auths = append(l.Auths, own)
		u, err := url.Parse(name)
		if err != nil {
			l.dead(BadAuths, at, "%sfailed to parse registry url %q from `registry.auths`: %v", prefix, name, err)
			continue
		}
		if u.Scheme != "" {
			name = u.Host
		}
		i := slices.IndexFunc(l.Hosts, func(h Host) bool { return h.Name == name })
		if i < 0 {
			l.Hosts = append(l.Hosts, Host{Name: name, At: at})
			i = len(l.Hosts) - 1
		}
		l.Hosts[i].Auth, l.Hosts[i].BadAuth = own.Auth, own.BadAuth
		l.Hosts[i].HasAuth, l.Hosts[i].AuthAt = true, at
	}
}

// authOf picks what containerd would log in with. Source: ParseAuth.
func authOf(a authTable) (route.Auth, string) {
	switch {
	case a.Username != "":
		return route.Auth{User: a.Username, Password: route.NewSecret(a.Password)}, ""
	case a.IdentityToken != "":
		return route.Auth{IdentityToken: route.NewSecret(a.IdentityToken)}, ""
	case a.Auth == "":
		return route.Auth{}, ""
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(a.Auth)))
	if _, err := base64.StdEncoding.Decode(data, []byte(a.Auth)); err != nil {
		return route.Auth{}, "auth is not base64: " + err.Error()
	}
	user, password, ok := strings.Cut(string(data), ":")
	if !ok {
		return route.Auth{}, "auth holds no user:password"
	}
	return route.Auth{User: user, Password: route.NewSecret(strings.Trim(password, "\x00"))}, ""
}

// tlsOf converts a tls table. Half a key pair fails every request to the host.
// Source: getTLSConfig of containerd 1.x.
func tlsOf(t tlsTable) (*route.TLS, string) {
	out := &route.TLS{SkipVerify: t.InsecureSkipVerify, Set: true}
	if t.CAFile != "" {
		out.CA = []string{t.CAFile}
	}
	switch {
	case t.CertFile != "" && t.KeyFile != "":
		out.Client = []route.Pair{{Cert: t.CertFile, Key: t.KeyFile}}
	case t.CertFile != "":
		return out, fmt.Sprintf("cert file %q was specified, but no corresponding key file was specified", t.CertFile)
	case t.KeyFile != "":
		return out, fmt.Sprintf("key file %q was specified, but no corresponding cert file was specified", t.KeyFile)
	}
	return out, ""
}
