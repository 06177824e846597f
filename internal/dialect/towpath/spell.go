package towpath

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// The values that are written: a mapping, a list, YAML as it stands, or a text
// in lines of its own.
type (
	mapping  []entry
	sequence []any
	plain    string
	block    string
	entry    struct {
		key   string
		value any
	}
)

// put adds a key.
func (m *mapping) put(key string, value any) { *m = append(*m, entry{key, value}) }

// words adds a key with a text, unless that is empty.
func (m *mapping) words(key, value string) {
	if value != "" {
		m.put(key, plain(yamldoc.Write(value)))
	}
}

// yes adds a key that is true.
func (m *mapping) yes(key string, on bool) {
	if on {
		m.put(key, plain("true"))
	}
}

// text is a mapping in lines that begin with indent.
func (m mapping) text(indent, nl string) string {
	var b strings.Builder
	for _, e := range m {
		b.WriteString(indent + yamldoc.Write(e.key) + ":" + behind(e.value, indent, nl))
	}
	return b.String()
}

// text is a list in lines that begin with indent.
func (s sequence) text(indent, nl string) string {
	var b strings.Builder
	for _, v := range s {
		b.WriteString(item(v, indent, nl))
	}
	return b.String()
}

// item is one item of a list with its lines.
func item(v any, indent, nl string) string {
	if m, is := v.(mapping); is && len(m) > 0 {
		return indent + "- " + strings.TrimPrefix(m.text(indent+"  ", nl), indent+"  ")
	}
	return indent + "-" + behind(v, indent, nl)
}

// behind is what stands behind a key or a dash, up to the end of its last line.
func behind(v any, indent, nl string) string {
	switch v := v.(type) {
	case mapping:
		if len(v) == 0 {
			return " {}" + nl
		}
		return nl + v.text(indent+"  ", nl)
	case sequence:
		if len(v) == 0 {
			return " []" + nl
		}
		return nl + v.text(indent+"  ", nl)
	case block:
		return " |" + nl + yamldoc.Shift(strings.ReplaceAll(string(v), "\n", nl), len(indent)+2)
	}
	return " " + string(v.(plain)) + nl
}

// writer turns routes into values to write.
type writer struct {
	target route.Target
	files  []source.File // certificates that stand in the file itself
}

func (w writer) route(r route.Route) mapping {
	var m mapping
	if mirrors := w.mirrors(r); len(mirrors) > 0 {
		m.put("mirrors", mirrors)
	}
	if v := w.upstream(r.Upstream); v != nil {
		m.put("upstream", v)
	}
	m.yes("upstreamUnlessListed", r.UpstreamUnlessListed)
	m.yes("blocked", r.Blocked)
	m.words("fails", r.Fails)
	return m
}

func (w writer) mirrors(r route.Route) sequence {
	var out sequence
	for _, e := range r.Mirrors {
		if !unspeakable(e) {
			out = append(out, w.mirror(e))
		}
	}
	return out
}

// mirror is a URL where that says it all.
func (w writer) mirror(e route.Endpoint) any {
	m := w.endpoint(e, route.Pull|route.Resolve)
	if len(m) == 1 && m[0].key == "url" {
		return m[0].value
	}
	return m
}

// upstream is nil where the registry itself is asked as always.
func (w writer) upstream(e *route.Endpoint) any {
	if e == nil || unspeakable(*e) {
		return plain("false")
	}
	m := w.endpoint(*e, w.target.Everything())
	switch {
	case len(m) == 0:
		return nil
	case len(m) == 1 && m[0].key == "url":
		return m[0].value
	}
	return m
}

func (w writer) endpoint(e route.Endpoint, std route.Serves) mapping {
	var m mapping
	if e.Host != "" {
		m.put("url", plain(yamldoc.Write(spell(e))))
	}
	if e.Serves != std {
		list := sequence{}
		for _, name := range []string{"pull", "resolve", "push", "referrers", "tagsOnly"} {
			if e.Serves.Has(operations[name]) {
				list = append(list, plain(name))
			}
		}
		m.put("serves", flow(list))
	}
	m.yes("plainFallback", e.PlainFallback)
	if len(e.Rewrites) > 0 {
		list := sequence{}
		for _, r := range e.Rewrites {
			list = append(list, mapping{{"match", plain(yamldoc.Write(r.Pattern))}, {"to", plain(yamldoc.Write(r.Replacement))}})
		}
		m.put("rewrite", list)
	}
	if len(e.Header) > 0 {
		m.put("headers", headers(e.Header))
	}
	if e.NoDialLimit {
		m.words("dialTimeout", "none")
	} else if e.DialTimeout != 0 {
		m.words("dialTimeout", strings.ReplaceAll(e.DialTimeout.String(), "µ", "u"))
	}
	m.words("namespace", e.Namespace)
	m.words("alias", e.Alias)
	return append(m, w.connection(e.TLS, e.Auth, e.Broken)...)
}

// flow writes a short list in one line.
func flow(list sequence) plain {
	var all []string
	for _, v := range list {
		all = append(all, string(v.(plain)))
	}
	return plain("[" + strings.Join(all, ", ") + "]")
}

func headers(all []route.Header) mapping {
	var m mapping
	for _, h := range all {
		if len(h.Values) == 1 {
			m.put(h.Key, plain(yamldoc.Write(h.Values[0].Reveal())))
			continue
		}
		list := sequence{}
		for _, v := range h.Values {
			list = append(list, plain(yamldoc.Write(v.Reveal())))
		}
		m.put(h.Key, list)
	}
	return m
}

// connection writes the keys that endpoints and hosts have in common.
func (w writer) connection(tls route.TLS, auth route.Auth, broken string) mapping {
	var m mapping
	if len(tls.CA) == 1 {
		m.put("ca", w.pem(tls.CA[0]))
	} else if len(tls.CA) > 1 {
		list := sequence{}
		for _, name := range tls.CA {
			list = append(list, w.pem(name))
		}
		m.put("ca", list)
	}
	var pairs sequence
	for _, p := range tls.Client {
		var one mapping
		if p.Cert != "" {
			one.put("cert", w.pem(p.Cert))
		}
		if p.Key != "" {
			one.put("key", w.pem(p.Key))
		}
		pairs = append(pairs, one)
	}
	if len(pairs) == 1 {
		m.put("client", pairs[0])
	} else if len(pairs) > 1 {
		m.put("client", pairs)
	}
	if tls.SkipVerify || tls.Set && len(m) == 0 {
		m.put("skipVerify", plain(map[bool]string{true: "true", false: "false"}[tls.SkipVerify]))
	}
	if !auth.IsZero() {
		var a mapping
		a.words("user", auth.User)
		a.words("password", auth.Password.Reveal())
		a.words("identityToken", auth.IdentityToken.Reveal())
		m.put("auth", a)
	}
	m.words("unusable", broken)
	return m
}

// pem is a path, or the text that stands in the file itself.
func (w writer) pem(name string) any {
	if strings.HasPrefix(name, InlineDir+"/") {
		if f := source.Find(w.files, name); f != nil && inlinePath(f.Data) == name {
			return inlined(string(f.Data))
		}
	}
	return plain(yamldoc.Write(name))
}

// inlined writes a text in lines of its own where that keeps every byte.
func inlined(text string) any {
	clean := strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\n\n") && text[0] != ' ' && text[0] != '\n' &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' })
	if !clean {
		return plain(yamldoc.Write(text))
	}
	return block(text)
}

func (w writer) host(h route.Host) mapping { return w.connection(h.TLS, h.Auth, h.Broken) }

// runtime says whose rules fill the table in, where they are not those of
// containerd.
func runtime(t route.Target) any {
	switch {
	case t.Runtime != "docker" && t.Engine() == route.Containerd:
		return nil
	case t.Containerd.Known():
		m := mapping{{"name", plain(t.Runtime)}}
		m.words("version", t.Version.Text)
		m.words("containerd", t.Containerd.Text)
		return m
	}
	return plain(t.Runtime)
}

// sections are the top keys of a file, in order.
func (w writer) sections(t route.Table) mapping {
	var m mapping
	if v := runtime(t.Target); v != nil {
		m.put("runtime", v)
	}
	if t.Plain == route.PlainCRI {
		m.words("localhost", "http")
	}
	if len(t.Header) > 0 {
		m.put("headers", headers(t.Header))
	}
	if all := w.routes(t); len(all) > 0 {
		m.put("registries", all)
	}
	if all := w.hosts(t); len(all) > 0 {
		m.put("hosts", all)
	}
	return m
}

// routes are the entries of registries: of two for one name the first counts.
func (w writer) routes(t route.Table) mapping {
	var m mapping
	seen := make(map[string]bool, len(t.Routes))
	for _, r := range t.Routes {
		if !seen[r.Match] && r.Match != "" {
			seen[r.Match] = true
			m.put(r.Match, w.route(r))
		}
	}
	return m
}

func (w writer) hosts(t route.Table) mapping {
	var m mapping
	for _, h := range merged(t.Hosts) {
		m.put(h.Name, w.host(h))
	}
	return m
}

// merged makes one host of those with one name: some dialects have their
// certificates and their credentials apart.
func merged(hosts []route.Host) []route.Host {
	var out []route.Host
	index := make(map[string]int, len(hosts))
	for _, h := range hosts {
		i, seen := index[h.Name]
		if !seen {
			index[h.Name] = len(out)
			out = append(out, h)
			continue
		}
		if out[i].Auth.IsZero() {
			out[i].Auth = h.Auth
		}
		if !out[i].TLS.Set {
			out[i].TLS = h.TLS
		}
		if out[i].Broken == "" {
			out[i].Broken = h.Broken
		}
	}
	return slices.Clip(out)
}
