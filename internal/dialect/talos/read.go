package talos

import (
	"reflect"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// file reads the documents of a file. Source: configloader's decoder.
func (r *reader) file(f *source.File) {
	docs, bad := yamldoc.Stream(f.Path, f.Data)
	if bad != nil {
		r.refuse(unreadable, "", r.syntax(f, bad), finding.Args{"why": bad.Text})
		return
	}
	in := &file{File: f, docs: docs}
	r.files = append(r.files, in)
	for _, d := range docs {
		switch {
		case d.Root == nil || d.Root.Kind == yamldoc.Null:
		case d.Root.Kind != yamldoc.Mapping:
			r.refuse(unreadable, "", d.Root.At, finding.Args{"why": "a document is no mapping"})
		default:
			r.document(in, d)
		}
	}
}

// identity is what tells one document from another.
type identity struct{ version, kind, name string }

func identityOf(d *yamldoc.Doc) identity {
	return identity{plainValue(d.Root, "apiVersion"), plainValue(d.Root, "kind"), plainValue(d.Root, "name")}
}

// plainValue is the value of a top-level key, without what a merge brings.
func plainValue(n *yamldoc.Node, key string) string {
	for _, p := range n.Pairs {
		if p.Key.Kind == yamldoc.Scalar && p.Key.Value == key {
			return p.Value.Value
		}
	}
	return ""
}

func (r *reader) document(in *file, d *yamldoc.Doc) {
	id := identityOf(d)
	s := spot{file: in, doc: d, node: d.Root, name: id.name, at: d.Root.At, nameAt: d.At("name")}
	r.unique(in, d, id)
	switch {
	case id.kind == "" && (id.version == apiVersion || old(d.Root)):
		r.config(s)
	case id.kind == "":
		r.refuse(noKind, "", d.Root.At, nil)
	case id.version == "" && !old(d.Root):
		r.refuse(noKind, "version", d.Root.At, finding.Args{"kind": id.kind})
	case slices.Contains([]string{kindMirror, kindAuth, kindTLS}, id.kind) && !documents(r.target.Version):
		r.refuse(newKind, "", d.At("kind"), finding.Args{"kind": id.kind, "version": r.target.Version.String()})
	case slices.Contains([]string{kindMirror, kindAuth, kindTLS}, id.kind) && id.version != apiVersion && !old(d.Root):
		r.refuse(unknownKind, "version", d.At("apiVersion"), finding.Args{"kind": id.kind, "version": id.version})
	case id.kind == kindMirror:
		r.mirror(s)
	case id.kind == kindAuth:
		r.auth(s)
	case id.kind == kindTLS:
		r.tls(s)
	case strings.HasPrefix(strings.ToLower(id.kind), "registry"):
		r.refuse(unknownKind, "", d.At("kind"), finding.Args{"kind": id.kind})
	}
}

// old reports a document of the time before kinds, by the keys that it has.
func old(n *yamldoc.Node) bool {
	return slices.ContainsFunc(n.Pairs, func(p yamldoc.Pair) bool {
		return slices.Contains([]string{"machine", "cluster", "debug", "persist"}, p.Key.Value)
	})
}

// unique refuses two documents of one kind and name in a file.
func (r *reader) unique(in *file, d *yamldoc.Doc, id identity) {
	if in.first == nil {
		in.first = firsts(in.docs)
	}
	switch o := in.first[id.subject()]; {
	case o == nil || o == d:
	case id.kind == "":
		r.refuse(doubleDocument, "config", d.Root.At, nil)
	default:
		r.refuse(doubleDocument, "", d.Root.At, finding.Args{"kind": id.kind, "name": id.name, "first": o.Root.At.Line})
	}
}

// subject is what a file may speak of once.
func (id identity) subject() identity {
	if id.kind == "" {
		return identity{}
	}
	return identity{kind: id.kind, name: id.name}
}

// firsts are the first documents by their subject.
func firsts(docs []*yamldoc.Doc) map[identity]*yamldoc.Doc {
	out := map[identity]*yamldoc.Doc{}
	for _, d := range docs {
		if d.Root == nil || d.Root.Kind != yamldoc.Mapping {
			continue
		}
		if subject := identityOf(d).subject(); out[subject] == nil {
			out[subject] = d
		}
	}
	return out
}

// decode fills a value with a document as strictly as Talos does.
func (r *reader) decode(s spot, into any) bool {
	if bad := s.doc.Decode(into); bad != nil {
		r.refuse(unreadable, "", placeOf(bad, s.doc), finding.Args{"why": bad.Text})
		return false
	}
	if at := unknownKey(reflect.TypeOf(into), s.doc.Root); at != nil {
		f := r.refuse(unknown, "", at.At, finding.Args{"key": at.Value})
		if want := nearest(at.Value); f != nil && want != "" {
			f.Fix = &finding.Fix{Text: "write " + want, Live: true, Edits: r.edits(s.file, s.doc.Replace(at, want))}
		}
		return false
	}
	return true
}

func placeOf(bad *yamldoc.Problem, d *yamldoc.Doc) source.Pos {
	if bad.At.Line > 0 {
		return bad.At
	}
	return d.Root.At
}

// unknownKey finds a key that a type has no field for. Aliases are not looked
// into. Source: github.com/siderolabs/gen xyaml, CheckUnknownKeys.
func unknownKey(t reflect.Type, n *yamldoc.Node) *yamldoc.Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface || n == nil {
		return nil
	}
	for _, p := range n.Pairs {
		inner, known := fieldOf(t, p.Key.Value)
		if !known || p.Key.Kind != yamldoc.Scalar && p.Key.Kind != yamldoc.Null {
			return p.Key
		}
		if bad := unknownKey(inner, p.Value); bad != nil {
			return bad
		}
	}
	for _, item := range n.Items {
		if t.Kind() != reflect.Slice {
			return item
		}
		if bad := unknownKey(t.Elem(), item); bad != nil {
			return bad
		}
	}
	return nil
}

func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("yaml") == key {
				return t.Field(i).Type, true
			}
		}
	}
	return nil, false
}

func (r *reader) mirror(s spot) {
	var spec mirrorSpec
	if !r.decode(s, &spec) {
		return
	}
	m := &mirror{spot: s, skip: deref(spec.Skip)}
	m.name = spec.Name
	nodes := itemsOf(s.node, "endpoints")
	for i, e := range spec.Endpoints {
		out := endpoint{override: deref(e.Override), at: s.at}
		if i < len(nodes) && len(nodes) == len(spec.Endpoints) {
			out.at = nodes[i].At
			if p := nodes[i].Get("url"); p != nil {
				out.node, out.at = p.Value, p.Value.At
			}
		}
		switch {
		case e.URL.url == nil:
			r.refuse(noScheme, "missing", out.at, finding.Args{"name": s.name})
		case e.URL.url.Scheme != "http" && e.URL.url.Scheme != "https":
			r.schemeless(&out, e.URL.text)
		default:
			out.text = e.URL.url.String()
		}
		m.endpoints = append(m.endpoints, out)
	}
	r.named(s, spec.Name)
	r.mirrors = append(r.mirrors, m)
}

func (r *reader) auth(s spot) {
	var spec authSpec
	if !r.decode(s, &spec) {
		return
	}
	r.named(s, spec.Name)
	ways := 0
	for _, w := range []string{spec.Username, spec.Auth, spec.IdentityToken} {
		if w != "" {
			ways++
		}
	}
	if ways > 1 {
		r.refuse(manyLogins, "", s.nameAt, finding.Args{"name": spec.Name})
	}
	s.name = spec.Name
	r.auths = append(r.auths, &auth{spot: s, username: spec.Username, password: spec.Password, encoded: spec.Auth, token: spec.IdentityToken})
}

func (r *reader) tls(s spot) {
	var spec tlsSpec
	if !r.decode(s, &spec) {
		return
	}
	r.named(s, spec.Name)
	s.name = spec.Name
	x := &tls{spot: s, skip: deref(spec.Skip)}
	if spec.CA != "" {
		x.ca = []byte(spec.CA)
		if !isCA(x.ca) {
			r.notPEM(s, "ca", spec.CA)
		}
	}
	if spec.Client != nil {
		x.client, x.cert, x.key = true, []byte(spec.Client.Cert), []byte(spec.Client.Key)
		if why := badPair(x.cert, x.key); why != "" {
			r.refuse(badClient, "", s.doc.At("clientIdentity"), finding.Args{"name": spec.Name, "why": why})
		}
	}
	r.tlses = append(r.tlses, x)
}

func (r *reader) named(s spot, name string) {
	if name == "" {
		r.refuse(noName, "", s.at, nil)
	}
}

// config reads machine.registries.
func (r *reader) config(s spot) {
	var spec configSpec
	if !r.decode(s, &spec) || spec.Machine == nil {
		return
	}
	for _, p := range pairsOf(s.doc, "machine", "registries", "mirrors") {
		m := spec.Machine.Registries.Mirrors[keyOf(p)]
		if m == nil {
			r.refuse(nothing, "", p.Key.At, finding.Args{"section": "mirrors", "name": p.Key.Value})
			continue
		}
		r.oldMirror(s.below(p, "mirrors"), m)
	}
	for _, p := range pairsOf(s.doc, "machine", "registries", "config") {
		c := spec.Machine.Registries.Config[keyOf(p)]
		if c == nil {
			r.refuse(nothing, "", p.Key.At, finding.Args{"section": "config", "name": p.Key.Value})
			continue
		}
		r.oldConfig(s.below(p, "config"), c)
	}
}

// keyOf is a key as Go maps have it: null is the empty text.
func keyOf(p yamldoc.Pair) string {
	if p.Key.Kind == yamldoc.Null {
		return ""
	}
	return p.Key.Follow().Value
}

// below is the spot of an entry of machine.registries.
func (s spot) below(p yamldoc.Pair, section string) spot {
	s.pair, s.node, s.section, s.name, s.at, s.nameAt = &p, p.Value.Follow(), section, keyOf(p), p.Key.At, p.Key.At
	return s
}

func (r *reader) oldMirror(s spot, spec *oldMirror) {
	m := &mirror{spot: s, skip: deref(spec.Skip)}
	nodes := itemsOf(s.node, "endpoints")
	for i, text := range spec.Endpoints {
		e := endpoint{text: text, override: deref(spec.Override), at: s.at}
		if len(nodes) == len(spec.Endpoints) {
			e.node, e.at = nodes[i], nodes[i].At
		}
		m.endpoints = append(m.endpoints, e)
	}
	r.mirrors = append(r.mirrors, m)
}

func (r *reader) oldConfig(s spot, spec *oldConfig) {
	if a := spec.Auth; a != nil {
		r.auths = append(r.auths, &auth{spot: s, username: a.Username, password: a.Password, encoded: a.Auth, token: a.IdentityToken})
	}
	if t := spec.TLS; t != nil {
		x := &tls{spot: s, skip: deref(t.Skip)}
		if len(t.CA) > 0 {
			x.ca = t.CA
		}
		if t.Client != nil {
			x.client, x.cert, x.key = true, t.Client.Crt, t.Client.Key
		}
		r.tlses = append(r.tlses, x)
	}
}

// settle keeps of each name the entry that counts: a document, else the one of
// machine.registries; of several files the last.
func (r *reader) settle() {
	r.mirrors = lastOf(r, r.mirrors)
	r.auths = lastOf(r, r.auths)
	r.tlses = lastOf(r, r.tlses)
}

func lastOf[T placed](r *reader, all []T) []T {
	best := map[string]T{}
	var order []string
	for _, x := range all {
		s := x.where()
		before, taken := best[s.name]
		if !taken {
			order = append(order, s.name)
			best[s.name] = x
			continue
		}
		loser := x
		if s.pair == nil || before.where().pair != nil {
			loser, best[s.name] = before, x
		}
		if winner := best[s.name].where(); loser.where().file != winner.file || loser.where().doc != winner.doc {
			r.say(replaced, "", loser.where().at, finding.Args{"name": s.name, "line": winner.at.String()})
		}
	}
	var out []T
	for _, name := range order {
		out = append(out, best[name])
	}
	return out
}

func pairsOf(d *yamldoc.Doc, path ...string) []yamldoc.Pair {
	p := d.Find(path...)
	if p == nil || p.Value.Follow() == nil {
		return nil
	}
	return p.Value.Follow().Pairs
}

func itemsOf(n *yamldoc.Node, key string) []*yamldoc.Node {
	p := n.Get(key)
	if p == nil || p.Value.Follow() == nil {
		return nil
	}
	var out []*yamldoc.Node
	for _, item := range p.Value.Follow().Items {
		if item = item.Follow(); item != nil {
			out = append(out, item)
		}
	}
	return out
}

func deref(b *bool) bool { return b != nil && *b }
