package containerdconfig

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// StandardDir is where hosts.toml files are kept unless somebody decided otherwise.
const StandardDir = "/etc/containerd/certs.d"

// Migration is the way from the old mirrors table to hosts.toml: Table is to be
// rendered as hosts.toml files below Dir, then Edits take the old tables out of
// config.toml. Credentials and headers stay where they are, which config_path
// allows.
type Migration struct {
	Table  route.Table
	Dir    string
	Edits  []source.Edit
	Losses []finding.Finding
}

// Migrate moves mirrors and tls tables to hosts.toml files below dir, or below
// the first directory of config_path when one is configured already; a relative
// one is written out as seen from the root, where services are started. It
// reports false when there is nothing to move or the files cannot be edited.
func Migrate(c Config, dir string) (Migration, bool) {
	m := Migration{Dir: dir}
	if c.ConfigPath.Value != "" && !c.ConfigPath.At.IsZero() {
		m.Dir = path.Join("/", c.List()[0])
	}
	if len(c.Mirrors) == 0 && !slices.ContainsFunc(c.Hosts, func(h Host) bool { return tlsEither(h) != nil }) {
		return m, false
	}
	if c.ConfigPath.Value != m.Dir || c.ConfigPath.At.IsZero() {
		m.Edits = c.set(strconv.Quote(m.Dir), "registry", "config_path")
	}
	for _, ly := range c.layers {
		m.Edits = append(m.Edits, c.removeLegacy(ly)...)
	}
	m.Edits = c.proven(m.Edits, func(after Config) bool {
		return len(after.Mirrors) == 0 && after.ConfigPath.Value == m.Dir &&
			!slices.ContainsFunc(after.Hosts, func(h Host) bool { return tlsEither(h) != nil }) &&
			!slices.ContainsFunc(after.CRIDead, func(f Failure) bool { return f.Cause == MirrorsAndPath || f.Cause == TLSAndPath })
	})
	if len(m.Edits) == 0 {
		return m, false
	}
	m.Table, m.Losses = c.hostsTable()
	return m, true
}

// tlsEither is the tls table of a host, whether this containerd reads it or not.
func tlsEither(h Host) *route.TLS {
	if h.TLS != nil {
		return h.TLS
	}
	return h.Dropped
}

// hostsTable says in the terms of hosts.toml what the old tables say.
func (c Config) hostsTable() (route.Table, []finding.Finding) {
	t := route.Table{Target: c.Target}
	c.tls = map[string]*route.TLS{}
	for _, h := range c.Hosts {
		if c.tls[h.Name] == nil {
			c.tls[h.Name] = tlsEither(h)
		}
	}
	var losses []finding.Finding
	for _, m := range c.Mirrors {
		if !isImageHost(m.Name) && m.Name != route.Any {
			losses = append(losses, loss(m.Name, m.At, "a name that no image has", "leave it out"))
			continue
		}
		r, lost := c.hostsRoute(m)
		t.Routes, losses = append(t.Routes, r), append(losses, lost...)
	}
	for _, h := range c.Hosts {
		if tls := tlsEither(h); tls != nil {
			t.Routes = c.withUpstream(t.Routes, h, *tls)
		}
	}
	return t, losses
}

// hostsRoute converts one entry of mirrors. What was appended without being
// listed becomes the upstream; so does the registry itself when it is listed last.
func (c Config) hostsRoute(m Mirror) (route.Route, []finding.Finding) {
	old := c.route(m)
	r := route.Route{Match: m.Name, From: m.At}
	var losses []finding.Finding
	lose := func(at source.Pos, concept, nearest string) {
		losses = append(losses, loss(m.Name, at, concept, nearest))
	}
	for _, e := range m.Endpoints {
		if end, err := endpoint(e.Value); err != nil || end.Broken != "" {
			lose(e.At, "an endpoint that is no URL", "leave it out")
		}
	}
	for i, e := range old.Mirrors {
		if e.Broken != "" {
			continue
		}
		e.TLS, e.Role = c.tlsFor(e), route.Mirror
		if i == len(old.Mirrors)-1 && (e.Host == m.Name || e.String() == c.upstream(m.Name).String()) {
			e.Role, e.Serves = route.Upstream, e.Serves|route.Push
			r.Upstream = &e
			continue
		}
		if e.Host == m.Name {
			lose(e.From, "the registry itself among the mirrors and not again at the end", "it is asked twice")
		}
		r.Mirrors = append(r.Mirrors, e)
	}
	if r.Upstream == nil {
		r.Upstream = c.upstream(m.Name)
	}
	return r, losses
}

// upstream is the registry itself, with the scheme that the old table gave it.
func (c Config) upstream(registry string) *route.Endpoint {
	e := route.Endpoint{Role: route.Upstream, Serves: c.serves() | route.Push}
	if registry == route.Any {
		return &e
	}
	std := route.Table{Target: c.Target, Plain: route.PlainCRI}.Default(registry)
	e.Scheme, e.Host, e.Path = std.Scheme, std.Host, std.Path
	e.TLS = c.tlsFor(e)
	return &e
}

// tlsFor finds the tls table of an endpoint. Over plain HTTP it would turn the
// endpoint into HTTPS in a hosts.toml, so it is left out there.
func (c Config) tlsFor(e route.Endpoint) route.TLS {
	if tls := c.tls[e.Host]; tls != nil && e.Scheme == "https" {
		return *tls
	}
	return route.TLS{}
}

// withUpstream makes sure that the registries behind a host with a tls table
// have a route that says so, with the mirrors of "*" where those applied.
func (c Config) withUpstream(routes []route.Route, h Host, tls route.TLS) []route.Route {
	for _, own := range registriesAt(h.Name) {
		if !isImageHost(own) || own == hubHost {
			continue
		}
		if slices.ContainsFunc(routes, func(r route.Route) bool { return r.Match == own }) {
			continue
		}
		r := route.Route{Match: own, From: h.At, Upstream: c.upstream(own)}
		if i := slices.IndexFunc(routes, func(r route.Route) bool { return r.Match == route.Any }); i >= 0 {
			r.Mirrors = slices.Clone(routes[i].Mirrors)
		}
		routes = append(routes, r)
	}
	return routes
}

// isImageHost reports whether the name of an image can begin with a text.
func isImageHost(name string) bool {
	return name != "" && strings.Trim(name, hostChars) == ""
}

const hostChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

func loss(name string, at source.Pos, concept, nearest string) finding.Finding {
	f := dialect.Loss.New(name, finding.Args{"dialect": "containerd", "concept": concept, "route": name, "nearest": nearest})
	return f.In(at).Saw(concept, at.String(), "towpath explain "+name+"/IMAGE")
}

// removeLegacy takes the mirrors and tls tables out of a file.
func (c Config) removeLegacy(ly *layer) []source.Edit {
	ids := c.idsIn(ly)
	return ly.remove(func(path []string) bool { return ly.legacy(ids, path) })
}

// remove takes expressions out of a file. Comments, blank lines and everything
// else stay.
func (l *layer) remove(goes func(path []string) bool) []source.Edit {
	if l.doc == nil {
		return nil
	}
	var edits []source.Edit
	var under []string // the value that went as a whole
	for _, e := range l.doc.Entries {
		if under != nil && prefixed(e.Path, under) && e.Inline {
			continue
		}
		under = nil
		if !goes(e.Path) {
			continue
		}
		if e.Kind == tomldoc.Value {
			under = e.Path
		}
		edits = append(edits, l.removal(e))
	}
	return joinOverlaps(edits)
}

// legacy reports whether a path belongs to what goes to hosts.toml.
func (l *layer) legacy(ids, path []string) bool {
	for _, id := range ids {
		registry := []string{"plugins", id, "registry"}
		if !prefixed(path, registry) {
			continue
		}
		rest := path[len(registry):]
		if rest[0] == "mirrors" || rest[0] == "configs" && len(rest) >= 3 && rest[2] == "tls" {
			return true
		}
		if rest[0] == "configs" && len(rest) == 2 && l.onlyTLS(path) {
			return true
		}
	}
	return false
}

// onlyTLS: nothing but tls is said of a host, so that its own header can go too.
func (l *layer) onlyTLS(path []string) bool {
	v, _ := l.value(path...)
	table, _ := v.(map[string]any)
	_, has := table["tls"]
	return has && len(table) == 1
}

// removal is the edit that takes an expression away: with its line, if nothing
// else stands there.
func (l *layer) removal(e tomldoc.Entry) source.Edit {
	data := l.file.Data
	if e.Inline {
		table := tomldoc.Span{Start: bytes.LastIndexByte(data[:e.Start], '{'), End: len(data)}
		start, end := l.withComma(tomldoc.Span{Start: e.Start, End: e.End}, table)
		return source.Edit{File: l.file.Path, Start: start, End: end}
	}
	start, end := e.Start, e.End
	for end < len(data) && (data[end] == ' ' || data[end] == '\t') {
		end++
	}
	switch {
	case end == len(data) || data[end] == '\n':
		end = min(end+1, len(data))
	case bytes.HasPrefix(data[end:], []byte("\r\n")):
		end += 2
	default: // a comment, which stays
		return source.Edit{File: l.file.Path, Start: start, End: end}
	}
	return source.Edit{File: l.file.Path, Start: start - len(l.indentAt(start)), End: end}
}
