package talos

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// amend gives the keys of an entry that is there what they are to say, and
// leaves its other keys and its comments alone. It is false where the entry
// shares lines with others.
func (d *draft) amend(s spot, keys []string, want []entry) bool {
	if s.node == nil || s.node.Kind != yamldoc.Mapping || s.node.Flow || len(s.node.Pairs) == 0 {
		return false
	}
	if s.pair == nil && !slices.Contains(keys, "name") {
		keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "overridePath" && s.section == "" })
	}
	indent := strings.Repeat(" ", s.doc.Indent(s.node.Pairs[0].Key))
	nl := s.doc.Break()
	var edits []source.Edit
	last, ok := s.doc.Lines(s.node.Pairs[len(s.node.Pairs)-1])
	if !ok {
		return false
	}
	at, head := s.doc.After(last)
	added := ""
	for _, key := range keys {
		i := slices.IndexFunc(want, func(e entry) bool { return e.key == key })
		have := ownPair(s.node, key)
		if have == nil && i >= 0 {
			added += want[i].text(indent, nl)
			continue
		}
		if have == nil {
			continue
		}
		lines, ok := s.doc.Lines(*have)
		if !ok || have.Value.Kind == yamldoc.Alias {
			return false
		}
		if i < 0 {
			edits = append(edits, s.doc.Cut(lines))
			continue
		}
		now := want[i].text(indent, nl)
		start := s.doc.Line(have.Key.At.Line).Start
		if string(s.doc.Data[start:lines.End]) != now {
			edits = append(edits, source.Edit{File: s.file.Path, Start: start, End: lines.End, New: now})
		}
	}
	if added != "" {
		edits = append(edits, s.doc.Insert(at, head+added))
	}
	d.edits[s.file.Path] = append(d.edits[s.file.Path], edits...)
	return true
}

// ownPair is an entry of a mapping that no merge brings; a repeated key has none.
func ownPair(n *yamldoc.Node, key string) *yamldoc.Pair {
	for i := range n.Pairs {
		if n.Pairs[i].Key.Value == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// amendPart is amend for the credentials or TLS settings of a host, which under
// machine.registries stand one level deeper.
func (d *draft) amendPart(s spot, section string, keys []string, want []entry) bool {
	if s.pair == nil {
		return d.amend(s, keys, want)
	}
	s.node = s.part(section)
	return s.node != nil && d.amend(s, keys, want)
}

// drop takes away what is not wanted: whatever is wanted and was not amended
// is written anew.
func (d *draft) drop(mirrors []*mirror, auths []*auth, tlses []*tls) {
	for _, m := range mirrors {
		if !d.claimed["mirror "+m.name] && d.asked(m.name) && (len(m.endpoints) > 0 || d.stands(m.name)) {
			d.remove(m.spot, nil)
		}
	}
	gone := map[*yamldoc.Node]bool{} // keys of registries.config that go as a whole
	for _, a := range auths {
		if !d.claimed["auth "+a.name] && a.name != wildcard && !a.credentials().IsZero() {
			d.removeSetting(a.spot, "auth", gone)
		}
	}
	for _, x := range tlses {
		if !d.claimed["tls "+x.name] && !x.empty() && (d.asked(x.name) || d.endpoint(x.name)) {
			d.removeSetting(x.spot, "tls", gone)
		}
	}
}

// removeSetting takes the credentials or the TLS settings of a host away, and
// under machine.registries the host with them if nothing else stays there.
func (d *draft) removeSetting(s spot, section string, gone map[*yamldoc.Node]bool) {
	if s.pair == nil {
		d.remove(s, nil)
		return
	}
	other := map[string]string{"auth": "tls", "tls": "auth"}[section]
	stays := d.claimed[other+" "+s.name]
	for _, p := range s.node.Pairs {
		stays = stays || p.Key.Value != section && p.Key.Value != other
	}
	if stays {
		d.remove(s, ownPair(s.node, section))
		return
	}
	if !gone[s.pair.Key] {
		gone[s.pair.Key] = true
		d.remove(s, nil)
	}
}

// asked reports a name that images can have.
func (d *draft) asked(name string) bool {
	registry, ok := containerd.RegistryOf(directory(name), d.target)
	return ok && registry == name
}

// endpoint reports a host that some mirror names.
func (d *draft) endpoint(host string) bool {
	return slices.ContainsFunc(d.mirrors, func(m *mirror) bool {
		return slices.ContainsFunc(m.endpoints, func(e endpoint) bool { return hostOf(e) == host })
	})
}

// stands reports a name whose empty mirror has an effect: it keeps away the
// wildcard, or TLS settings.
func (d *draft) stands(name string) bool {
	return slices.ContainsFunc(d.mirrors, func(m *mirror) bool { return m.name == wildcard }) ||
		slices.ContainsFunc(d.tlses, func(t *tls) bool { return t.name == name })
}

// remove takes an entry away: a document with the line that begins it, an entry
// of machine.registries with its lines, or a part of one. Where they share lines
// with others nothing is left behind the key.
func (d *draft) remove(s spot, inner *yamldoc.Pair) {
	edits := d.edits[s.file.Path]
	if s.pair == nil {
		d.edits[s.file.Path] = append(edits, s.document())
		return
	}
	p, empty := s.pair, "{}"
	if s.section == "mirrors" {
		empty = "{endpoints: []}"
	}
	if inner != nil {
		p, empty = inner, "{}"
	}
	if lines, ok := s.doc.Lines(*p); ok && p.Value.Kind != yamldoc.Alias {
		d.edits[s.file.Path] = append(edits, s.doc.Cut(lines))
		return
	}
	d.edits[s.file.Path] = append(edits, s.doc.Replace(p.Value, empty))
}

// document is the edit that takes a whole document away, from the line that
// begins it to the one that begins the next.
func (s spot) document() source.Edit {
	data := s.doc.Data
	start := 0
	for at := s.doc.Line(s.node.At.Line).Start; at >= 0 && at < len(data); at = bytes.LastIndexByte(data[:at-1], '\n') + 1 {
		if bytes.HasPrefix(data[at:], []byte("---")) {
			start = at
			break
		}
		if at == 0 {
			break
		}
	}
	end := len(data)
	for at := min(s.node.End, len(data)); at < len(data); {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		if bytes.HasPrefix(data[at:], []byte("---")) {
			end = at
			break
		}
	}
	return source.Edit{File: s.file.Path, Start: start, End: end}
}

// write applies the edits and adds the new entries.
func (d *draft) write(have []source.File) []source.File {
	out := slices.Clone(have)
	home := d.home()
	if home != nil && len(d.old.children) > 0 {
		d.graft(home)
	}
	for i := range out {
		f := d.known(out[i].Path)
		if f == nil || len(d.edits[f.Path]) == 0 && f != home {
			continue
		}
		data := f.docsData()
		edits := d.edits[f.Path]
		slices.SortStableFunc(edits, func(a, b source.Edit) int {
			return cmp.Or(a.Start-b.Start, min(a.End-a.Start, 1)-min(b.End-b.Start, 1)) // what is put in front before what goes
		})
		after, err := source.Apply(data, edits)
		if err != nil {
			continue
		}
		if f == home {
			after = append(after, d.tail(after, f)...)
		}
		if !bytes.Equal(after, data) {
			out[i].Data = after
		}
	}
	if home != nil || len(d.docs)+len(d.old.children) == 0 {
		return out
	}
	return append(out, source.File{Path: d.free(have), Data: d.fresh(), Mode: 0o600})
}

// docsData is the text of a file as it is edited.
func (f *file) docsData() []byte {
	if len(f.docs) > 0 {
		return f.docs[0].Data
	}
	return f.Data
}

// home is the file that new entries go to: the first that Talos takes.
func (d *draft) home() *file {
	if d.refused || len(d.files) == 0 {
		return nil
	}
	for _, f := range d.files {
		if slices.ContainsFunc(f.docs, func(doc *yamldoc.Doc) bool { return doc.Root != nil && doc.Root.Kind == yamldoc.Mapping }) {
			return f
		}
	}
	return d.files[0]
}

func (d *draft) known(path string) *file {
	i := slices.IndexFunc(d.files, func(f *file) bool { return f.Path == path })
	if i < 0 || d.refused {
		return nil
	}
	return d.files[i]
}

// free is a path for a new file.
func (d *draft) free(have []source.File) string {
	p := statePath
	for source.Find(have, p) != nil {
		p = strings.TrimSuffix(p, ".yaml") + "-registries.yaml"
	}
	return p
}

// fresh is a whole new file.
func (d *draft) fresh() []byte {
	if !d.modern {
		return []byte(entry{key: "machine", children: []entry{{key: "registries", children: d.old.children}}}.text("", "\n"))
	}
	var b strings.Builder
	for i, doc := range d.docs {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.WriteString(doc.body("\n"))
	}
	return []byte(b.String())
}

func (e entry) body(nl string) string {
	var b strings.Builder
	for _, c := range e.children {
		b.WriteString(c.text("", nl))
	}
	return b.String()
}

// tail is the new documents, as they stand behind what a file has.
func (d *draft) tail(before []byte, f *file) []byte {
	nl := "\n"
	if len(f.docs) > 0 {
		nl = f.docs[0].Break()
	}
	var b strings.Builder
	if len(d.docs) > 0 && len(before) > 0 && before[len(before)-1] != '\n' {
		b.WriteString(nl)
	}
	for i, doc := range d.docs {
		if i > 0 || len(bytes.TrimSpace(before)) > 0 && !bytes.HasSuffix(bytes.TrimSpace(before), []byte("\n---")) {
			b.WriteString("---" + nl)
		}
		b.WriteString(doc.body(nl))
	}
	return []byte(b.String())
}

// graft puts new entries under machine.registries of a file.
func (d *draft) graft(f *file) {
	tree := entry{key: "machine", children: []entry{{key: "registries", children: d.old.children}}}
	for _, doc := range f.docs {
		if doc.Root == nil || doc.Root.Kind != yamldoc.Mapping || plainValue(doc.Root, "kind") != "" {
			continue
		}
		d.edits[f.Path] = append(d.edits[f.Path], insert(doc, doc.Root, tree)...)
		return
	}
	d.docs = append(d.docs, entry{children: []entry{tree}})
}

// insert puts a tree of entries into a mapping: behind the last entry of the
// deepest mapping that is there.
func insert(doc *yamldoc.Doc, n *yamldoc.Node, e entry) []source.Edit {
	nl := doc.Break()
	p := ownPair(n, e.name())
	if p == nil && len(n.Pairs) > 0 {
		lines, ok := doc.Lines(n.Pairs[len(n.Pairs)-1])
		if !ok {
			return nil
		}
		at, head := doc.After(lines)
		return []source.Edit{doc.Insert(at, head+e.text(strings.Repeat(" ", doc.Indent(n.Pairs[0].Key)), nl))}
	}
	if p == nil {
		return nil
	}
	v := p.Value.Follow()
	if v != nil && v.Kind == yamldoc.Mapping && !v.Flow && len(v.Pairs) > 0 {
		// Several may go to one place: what stands deeper there comes first.
		var out, behind []source.Edit
		for _, c := range e.children {
			if ownPair(v, c.name()) != nil {
				out = append(out, insert(doc, v, c)...)
			} else {
				behind = append(behind, insert(doc, v, c)...)
			}
		}
		return append(out, behind...)
	}
	indent := strings.Repeat(" ", doc.Indent(p.Key))
	lines, ok := doc.Lines(*p)
	if !ok {
		return nil
	}
	start := doc.Line(p.Key.At.Line).Start
	return []source.Edit{{File: doc.File, Start: start, End: lines.End, New: e.text(indent, nl)}}
}

// name is the key without the quotes that it is written in.
func (e entry) name() string { return strings.Trim(e.key, `"`) }
