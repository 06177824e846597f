package buildkit

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	mirrorServes = route.Pull | route.Resolve
	ownServes    = route.Pull | route.Resolve | route.Push
)

// table says the registries as routes. Source: util/resolver, NewRegistryConfig.
func (r *reader) table() route.Table {
	t := route.Table{Target: r.target, Plain: route.PlainCRI}
	switch {
	case r.file != nil && r.config == nil && r.file.Kind == source.Regular && !r.file.Unread && r.file.Problem == "":
		t.Routes = []route.Route{{Match: route.Any, Fails: "buildkitd does not start with this file", From: source.Pos{File: r.file.Path}}}
	case r.config == nil:
	default:
		for _, name := range r.config.names {
			if idle(name) {
				continue
			}
			t.Routes = append(t.Routes, r.route(name))
		}
	}
	return t
}

// idle reports a name that no image has and that must not pass for a wildcard.
func idle(name string) bool { return name == "" || name == route.Any }

func (r *reader) route(name string) route.Route {
	c := r.config.registries[name]
	out := route.Route{Match: name, From: r.config.at(r.file.Path, name)}
	at := r.config.elements(r.file.Path, len(c.Mirrors), name, "mirrors")
	for i, text := range c.Mirrors {
		e := mirror(text)
		e.From = at[i]
		why := r.settings(&e, r.config.registries[e.Host])
		if why != "" && out.Fails == "" {
			out.Fails = why
		}
		if why := unusable(e.Host); why != "" {
			e.Broken = why
		}
		out.Mirrors = append(out.Mirrors, e)
	}
	own := route.Endpoint{Scheme: "https", Host: name, Path: "/v2", Role: route.Upstream, Serves: ownServes, From: out.From}
	if name == hub {
		own.Host = hubHost
	}
	if why := r.settings(&own, c); why != "" && out.Fails == "" {
		out.Fails = why
	}
	out.Upstream = &own
	return out
}

// mirror reads one line of mirrors. A scheme is not wanted, and ignored.
func mirror(text string) route.Endpoint {
	host, dir := text, ""
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		u, err = url.Parse("//" + text)
	}
	if err == nil && u.Host != "" {
		host, dir = u.Host, strings.TrimRight(u.Path, "/")
	}
	return route.Endpoint{Scheme: "https", Host: host, Path: path.Join("/v2", dir), Serves: mirrorServes}
}

// unusable says why no request can be made to a host.
func unusable(host string) string {
	if host == "" {
		return "it names no host"
	}
	if u, err := url.Parse("https://" + host + "/v2/"); err != nil || u.Host != host {
		return evidence.URL(host) + " is no host"
	}
	return ""
}

// settings applies what the file says of an endpoint's host. It returns why every
// pull fails, if a certificate cannot be loaded.
func (r *reader) settings(e *route.Endpoint, c registry) string {
	t, why := r.certificates(c)
	plain := c.HTTP != nil && *c.HTTP || c.HTTP == nil && localhost(e.Host)
	switch {
	case c.Insecure != nil && *c.Insecure:
		e.TLS, e.PlainFallback = t, plain
		e.TLS.SkipVerify, e.TLS.Set = true, true
	case plain:
		e.Scheme = "http"
	default:
		e.TLS = t
	}
	return why
}

// localhost follows containerd's MatchLocalhost, which takes also ::1 without a port.
func localhost(host string) bool {
	if host == "::1" || host == "[::1]" {
		return true
	}
	if a, err := netip.ParseAddrPort(host); err == nil {
		return a.Addr().Unmap().IsLoopback()
	}
	return route.IsLocalhost(host)
}

// certificates collects the files that a table names, and those in the
// directories that it names, as far as they are among the files.
func (r *reader) certificates(c registry) (route.TLS, string) {
	t := route.TLS{CA: slices.Clone(c.CA)}
	for _, p := range c.Pairs {
		t.Client = append(t.Client, route.Pair{Cert: p.Cert, Key: p.Key})
	}
	var broken string
	for _, dir := range c.Dirs {
		if f := source.Find(r.files, dir); f != nil && f.Kind != source.Directory && f.Kind != source.Dangling && broken == "" {
			broken = dir + " is no directory"
		}
		for _, f := range r.within(dir) {
			stem, isPair := strings.CutSuffix(f.Path, ".cert")
			switch {
			case strings.HasSuffix(f.Path, ".crt"):
				t.CA = append(t.CA, f.Path)
			case isPair:
				t.Client = append(t.Client, route.Pair{Cert: f.Path, Key: stem + ".key"})
			}
		}
	}
	t.Set = len(t.CA)+len(t.Client) > 0
	return t, cmp.Or(broken, r.missing(t))
}

// within lists the files of a directory by name.
func (r *reader) within(dir string) []source.File {
	var out []source.File
	for _, f := range r.files {
		if path.Dir(f.Path) == path.Clean(dir) && f.Kind != source.Directory {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// missing says which file cannot be loaded. What stands in an authority's file
// does not count: buildkitd does not look whether there was a certificate.
func (r *reader) missing(t route.TLS) string {
	for _, p := range t.CA {
		if why := r.unreadable(p); why != "" {
			return p + " " + why
		}
	}
	for _, p := range t.Client {
		for _, name := range []string{p.Cert, p.Key} {
			if why := r.unreadable(name); why != "" {
				return name + " " + why
			}
		}
		cert, key := source.Find(r.files, p.Cert), source.Find(r.files, p.Key)
		if cert == nil || key == nil || cert.Unread || key.Unread {
			continue
		}
		if _, err := tls.X509KeyPair(cert.Data, key.Data); err != nil {
			return p.Cert + " and " + p.Key + " are no certificate with its key"
		}
	}
	return ""
}

// unreadable says why a file cannot be read, as far as it is known: its
// directory has to be among the files to know that it is not there.
func (r *reader) unreadable(p string) string {
	if p == "" {
		return "is an empty path"
	}
	f := source.Find(r.files, p)
	switch {
	case f == nil:
		if dir := source.Find(r.files, path.Dir(p)); dir != nil && dir.Kind == source.Directory && !dir.Unread {
			return "does not exist"
		}
		return ""
	case f.Kind == source.Directory:
		return "is a directory"
	case f.Kind == source.Dangling:
		return "does not exist"
	case f.Problem != "":
		return "cannot be read"
	}
	return ""
}

// holdsNone reports a file that is known to hold no certificate.
func (r *reader) holdsNone(p string) bool {
	f := source.Find(r.files, p)
	return f != nil && f.Kind == source.Regular && !f.Unread && f.Problem == "" && !x509.NewCertPool().AppendCertsFromPEM(f.Data)
}
