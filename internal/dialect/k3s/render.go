package k3s

import (
	"bytes"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// render returns the files with the routes of registries.yaml replaced. Entries
// that already say what is wanted keep every byte; of the others the comments
// and the unknown keys stay. Names without endpoints, which the embedded
// registry shares, and configs."*", which only RKE2 itself uses, are left alone.
// A file that is refused, or whose entries share lines, is written anew.
func (d distro) render(want route.Table, have []source.File) []source.File {
	want = want.Whole()
	t := want.Target
	t.Runtime = d.name
	r := newReader(have, Fill(t), Options{})
	r.read()
	w := desired(want)
	out := slices.Clone(have)
	if r.file == nil {
		if len(w.mirrors)+len(w.configs) == 0 {
			return out
		}
		return append(out, source.File{Path: r.set.registries, Data: []byte(w.fresh()), Mode: 0o600})
	}
	i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == r.file.Path })
	out[i].Data = r.rewritten(w)
	return out
}

// wish is what registries.yaml is to say.
type wish struct {
	mirrors []wishedMirror
	configs []wishedConfig
	index   map[string]int // of configs, by name
}

type wishedMirror struct {
	name      string
	endpoints []string
	rewrites  []route.Rewrite
}

type wishedConfig struct {
	name string
	auth route.Auth
	tls  route.TLS
}

// desired turns routes into entries. A TLS setting of Docker Hub itself needs a
// key under mirrors, or nothing is rendered for docker.io.
func desired(t route.Table) wish {
	w := wish{index: map[string]int{}}
	for _, r := range t.Routes {
		m := wishedMirror{name: r.Match}
		for _, e := range r.Mirrors {
			m.endpoints = append(m.endpoints, short(written(e)))
		}
		if len(r.Mirrors) > 0 {
			m.rewrites = r.Mirrors[0].Rewrites
		}
		if len(m.endpoints) > 0 || r.Match == hub && r.Upstream != nil && r.Upstream.TLS.Set {
			w.mirrors = append(w.mirrors, m)
		}
	}
	for _, h := range t.Hosts {
		if h.Name != route.Any {
			w.config(h.Name, h.Auth, h.TLS)
		}
	}
	eachUse(t, func(_ route.Route, host string, e route.Endpoint) { w.config(host, e.Auth, e.TLS) })
	return w
}

// any reports whether there is to be a mirror for every registry. Without one,
// configs."*" leaves all others with no host to ask; with one it has no effect
// on containerd, and RKE2 itself may need it.
func (w wish) any() bool {
	return slices.ContainsFunc(w.mirrors, func(m wishedMirror) bool { return m.name == wildcard })
}

func (w *wish) config(name string, auth route.Auth, tls route.TLS) {
	if auth.IsZero() && !tls.Set {
		return
	}
	i, seen := w.index[name]
	if !seen {
		i = len(w.configs)
		w.index[name] = i
		w.configs = append(w.configs, wishedConfig{name: name})
	}
	if w.configs[i].auth.IsZero() {
		w.configs[i].auth = auth
	}
	if !w.configs[i].tls.Set {
		w.configs[i].tls = tls
	}
}

// written is the URL of an endpoint as K3s normalises it.
func written(e route.Endpoint) string {
	scheme := e.Scheme
	if e.PlainFallback && e.TLS.Set {
		scheme = "http"
	}
	return scheme + "://" + e.Host + e.Path
}

// short leaves out the path that is understood.
func short(text string) string {
	if rest, ok := strings.CutSuffix(text, "/v2"); ok && strings.Count(rest, "/") == 2 {
		return rest
	}
	return text
}

// fresh is the whole file.
func (w wish) fresh() string {
	var b strings.Builder
	if len(w.mirrors) > 0 {
		b.WriteString("mirrors:\n")
	}
	for _, m := range w.mirrors {
		b.WriteString(m.text("  ", "\n"))
	}
	if len(w.configs) > 0 {
		b.WriteString("configs:\n")
	}
	for _, c := range w.configs {
		b.WriteString(c.text("  ", "\n"))
	}
	return b.String()
}

func (m wishedMirror) text(indent, nl string) string {
	out := indent + key(m.name) + ":" + nl
	for _, p := range m.parts(indent+"  ", nl) {
		out += p.text
	}
	return out
}

func (c wishedConfig) text(indent, nl string) string {
	out := indent + key(c.name) + ":" + nl
	for _, p := range c.parts(indent+"  ", nl) {
		out += p.text
	}
	return out
}

// key writes a host in quotes when it has a port, as the documentation does.
func key(name string) string {
	text := yamldoc.Write(name)
	if strings.Contains(name, ":") && !strings.HasPrefix(text, `"`) {
		return `"` + name + `"`
	}
	return text
}

// part is one key of an entry with everything below it; no text: not wanted.
type part struct{ key, text string }

func (m wishedMirror) parts(indent, nl string) []part {
	endpoints, rewrites := part{key: "endpoint"}, part{key: "rewrite"}
	for i, e := range m.endpoints {
		if i == 0 {
			endpoints.text = indent + "endpoint:" + nl
		}
		endpoints.text += indent + "  - " + yamldoc.Write(e) + nl
	}
	for i, rw := range m.rewrites {
		if i == 0 {
			rewrites.text = indent + "rewrite:" + nl
		}
		rewrites.text += indent + "  " + yamldoc.Write(rw.Pattern) + ": " + yamldoc.Write(rw.Replacement) + nl
	}
	return []part{endpoints, rewrites}
}

func (c wishedConfig) parts(indent, nl string) []part {
	auth, tls := part{key: "auth"}, part{key: "tls"}
	if !c.auth.IsZero() {
		auth.text = indent + "auth:" + nl
		for _, kv := range [][2]string{{"username", c.auth.User}, {"password", c.auth.Password.Reveal()}, {"identity_token", c.auth.IdentityToken.Reveal()}} {
			if kv[1] != "" {
				auth.text += indent + "  " + kv[0] + ": " + yamldoc.Write(kv[1]) + nl
			}
		}
	}
	if c.tls.Set {
		tls.text = indent + "tls:" + nl
		for _, kv := range tlsPairs(c.tls) {
			tls.text += indent + "  " + kv[0] + ": " + kv[1] + nl
		}
	}
	return []part{auth, tls}
}

func tlsPairs(t route.TLS) [][2]string {
	var out [][2]string
	if len(t.CA) > 0 {
		out = append(out, [2]string{"ca_file", yamldoc.Write(t.CA[0])})
	}
	if len(t.Client) > 0 {
		if t.Client[0].Cert != "" {
			out = append(out, [2]string{"cert_file", yamldoc.Write(t.Client[0].Cert)})
		}
		if t.Client[0].Key != "" {
			out = append(out, [2]string{"key_file", yamldoc.Write(t.Client[0].Key)})
		}
	}
	if t.SkipVerify {
		out = append(out, [2]string{"insecure_skip_verify", "true"})
	}
	return out
}

// rewritten is the file with its entries brought to what is wanted.
func (r *reader) rewritten(w wish) []byte {
	if r.doc == nil || r.yaml == nil || r.yaml.Wide {
		return []byte(w.fresh())
	}
	p := patch{doc: r.yaml}
	w = w.settled(r.doc)
	mirrors, configs := r.mirrorChanges(w), r.configChanges(w)
	if len(mirrors)+len(configs) == 0 {
		return r.file.Data
	}
	p.section(r.doc, "mirrors", mirrors)
	p.section(r.doc, "configs", configs)
	if !p.failed {
		data, err := source.Apply(r.file.Data, p.edits)
		if err == nil {
			data = append(data, p.tail(data)...)
		}
		if err == nil && r.says(data, w) {
			return data
		}
	}
	return []byte(w.fresh())
}

// says reports whether a file says what is wanted.
func (r *reader) says(data []byte, w wish) bool {
	f := *r.file
	f.Data = data
	y, _ := yamldoc.Parse(f.Path, data)
	doc, bad := decode(f, y)
	if bad != nil {
		return false
	}
	after := &reader{distro: r.distro, target: r.target, set: r.set, file: &f, yaml: y, doc: doc}
	after.generate()
	return len(after.mirrorChanges(w))+len(after.configChanges(w)) == 0
}

// change is one entry that has to become another.
type change struct {
	name  string
	old   *yamldoc.Pair // nil: it is new
	keep  bool          // false: it goes
	parts []part        // keys that have to be written anew
	text  func(indent, nl string) string
	build func(indent, nl string) []part
}

func (r *reader) mirrorChanges(w wish) []change {
	var out []change
	have, wanted := map[string]mirror{}, map[string]bool{}
	for _, m := range r.doc.mirrors {
		have[m.name] = m
	}
	for _, m := range w.mirrors {
		wanted[m.name] = true
		c := change{name: m.name, keep: true, text: m.text, build: m.parts}
		if old, there := have[m.name]; there {
			c.old = old.pair
			if !sameEndpoints(m.name, old.Endpoints, m.endpoints) {
				c.parts = append(c.parts, part{key: "endpoint"})
			}
			if !slices.EqualFunc(sorted(old.rewrites), sorted(m.rewrites), sameRewrite) {
				c.parts = append(c.parts, part{key: "rewrite"})
			}
			if len(c.parts) == 0 {
				continue
			}
		}
		out = append(out, c)
	}
	for _, old := range r.doc.mirrors {
		if !wanted[old.name] && r.counts(old) {
			out = append(out, change{name: old.name, old: old.pair})
		}
	}
	return out
}

// counts reports whether containerd gets any endpoint of a namespace.
func (r *reader) counts(m mirror) bool {
	if generationOf(r.target.Version) == inConfigToml {
		return len(m.Endpoints) > 0
	}
	return slices.ContainsFunc(r.hosts, func(f hostFile) bool {
		return f.namespace == m.name && f.invalid == "" && len(f.entries) > 0
	})
}

// sameEndpoints compares lists by what K3s makes of them: doubles are skipped,
// and the registry itself is no endpoint at the end.
func sameEndpoints(name string, have, want []string) bool {
	own, _ := normalise(name, "")
	list := func(texts []string) []string {
		var out []string
		for _, text := range texts {
			if a, err := normalise(text, ""); err == nil && !slices.Contains(out, a.url.String()) {
				out = append(out, a.url.String())
			}
		}
		if n := len(out) - 1; n >= 0 && name != wildcard && own.url != nil && out[n] == own.url.String() {
			out = out[:n]
		}
		return out
	}
	return slices.Equal(list(have), list(want))
}

// settled puts TLS settings for Docker Hub's host where the file has its own:
// K3s takes those under docker.io as long as registry-1.docker.io has no entry.
func (w wish) settled(d *document) wish {
	_, real := d.spec.Configs[hubHost]
	_, short := d.spec.Configs[hub]
	i, wanted := w.index[hubHost]
	if real || !short || !wanted || !w.configs[i].auth.IsZero() {
		return w
	}
	out := wish{mirrors: w.mirrors, index: map[string]int{}}
	for _, c := range w.configs {
		if c.name == hubHost {
			c = wishedConfig{name: hub, tls: c.tls}
		}
		out.config(c.name, c.auth, c.tls)
	}
	return out
}

func (r *reader) configChanges(w wish) []change {
	var out []change
	have := map[string]config{}
	for _, c := range r.doc.configs {
		have[c.name] = c
	}
	for _, c := range w.configs {
		ch := change{name: c.name, keep: true, text: c.text, build: c.parts}
		if old, there := have[c.name]; there {
			ch.old = old.pair
			if auth, _ := old.auth(); plain(auth) != plain(c.auth) {
				ch.parts = append(ch.parts, part{key: "auth"})
			}
			if !sameTLS(old.TLS.tls(), c.tls) {
				ch.parts = append(ch.parts, part{key: "tls"})
			}
			if len(ch.parts) == 0 {
				continue
			}
		}
		out = append(out, ch)
	}
	for _, old := range r.doc.configs {
		auth, _ := old.auth()
		idle := auth.IsZero() && !old.TLS.tls().Set
		if old.name == wildcard {
			idle = old.Auth == nil && old.TLS == nil || w.any()
		}
		if _, wanted := w.index[old.name]; !idle && !wanted {
			out = append(out, change{name: old.name, old: old.pair})
		}
	}
	return out
}

// patch collects the edits that carry out changes.
type patch struct {
	doc    *yamldoc.Doc
	edits  []source.Edit
	added  []string // sections that the file does not have
	failed bool
}

func (p *patch) section(d *document, name string, changes []change) {
	var added string
	nl := p.doc.Break()
	sections := d.sections(name)
	indent := "  "
	if len(sections) > 0 && len(sections[0].Pairs) > 0 {
		indent = strings.Repeat(" ", p.doc.Indent(sections[0].Pairs[0].Key))
	}
	for _, c := range changes {
		switch {
		case c.old == nil && c.keep:
			added += c.text(indent, nl)
		case c.old == nil:
			p.failed = true
		default:
			p.entry(c)
		}
	}
	if added != "" {
		p.add(name, sections, added)
	}
}

// add puts new entries behind the last one of a section.
func (p *patch) add(name string, sections []*yamldoc.Node, added string) {
	nl := p.doc.Break()
	if len(sections) == 0 {
		if top := p.doc.Find(name); top != nil {
			p.failed = p.failed || top.Value.Kind != yamldoc.Null
			line := p.doc.Line(top.Key.At.Line)
			p.edits = append(p.edits, p.doc.Insert(line.End, nl+strings.TrimSuffix(added, nl)))
			return
		}
		p.added = append(p.added, name+":"+nl+added)
		return
	}
	last := sections[len(sections)-1]
	if last.Flow || len(last.Pairs) == 0 {
		p.failed = true
		return
	}
	lines, ok := p.doc.Lines(last.Pairs[len(last.Pairs)-1])
	at, head := p.doc.After(lines)
	p.failed = p.failed || !ok
	p.edits = append(p.edits, p.doc.Insert(at, head+added))
}

// entry rewrites or removes one entry.
func (p *patch) entry(c change) {
	lines, ok := p.doc.Lines(*c.old)
	if ok && !c.keep {
		p.edits = append(p.edits, p.doc.Cut(lines))
		return
	}
	if !ok || c.old.Value.Flow || c.old.Value.Kind != yamldoc.Mapping && c.old.Value.Kind != yamldoc.Null {
		p.failed = true
		return
	}
	nl := p.doc.Break()
	indent := strings.Repeat(" ", p.doc.Indent(c.old.Key)+2)
	if len(c.old.Value.Pairs) > 0 {
		indent = strings.Repeat(" ", p.doc.Indent(c.old.Value.Pairs[0].Key))
	}
	end := p.doc.Line(c.old.Key.At.Line).End
	text := nl
	for _, want := range c.build(indent, nl) {
		if !slices.ContainsFunc(c.parts, func(o part) bool { return o.key == want.key }) {
			continue
		}
		old := c.old.Value.Get(want.key)
		if old == nil {
			text += want.text
			continue
		}
		span, ok := p.doc.Lines(*old)
		if !ok {
			p.failed = true
			return
		}
		keyLine := p.doc.Line(old.Key.At.Line).Start
		p.edits = append(p.edits, source.Edit{File: p.doc.File, Start: keyLine, End: span.End, New: p.keepComments(*old, want.text)})
	}
	if text != nl {
		p.edits = append(p.edits, p.doc.Insert(end, strings.TrimSuffix(text, nl)))
	}
}

// keepComments puts the comments behind list items, and those on the line of
// the key, back to the lines that say the same.
func (p *patch) keepComments(old yamldoc.Pair, text string) string {
	if text == "" {
		return ""
	}
	comments := map[string]string{}
	note := func(said string, n *yamldoc.Node) {
		line := p.doc.Line(p.doc.Pos(n.End).Line)
		comments[said] = string(bytes.TrimRight(p.doc.Data[min(n.End, line.End):line.End], "\r"))
	}
	for _, item := range old.Value.Items {
		if a, err := normalise(item.Value, ""); err == nil && item.Kind == yamldoc.Scalar {
			note(a.url.String(), item)
		}
	}
	nl := p.doc.Break()
	lines := strings.Split(strings.TrimSuffix(text, nl), nl)
	for i, line := range lines {
		_, said, is := strings.Cut(line, "- ")
		if !is {
			continue
		}
		if a, err := normalise(strings.Trim(said, `"`), ""); err == nil {
			lines[i] += comments[a.url.String()]
		}
	}
	return strings.Join(lines, nl) + nl
}

// tail is what comes behind the last byte: sections that were not there.
func (p *patch) tail(data []byte) []byte {
	if len(p.added) == 0 {
		return nil
	}
	var out []byte
	if len(data) > 0 && data[len(data)-1] != '\n' {
		out = append(out, p.doc.Break()...)
	}
	return append(out, strings.Join(p.added, "")...)
}
