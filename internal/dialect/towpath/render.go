package towpath

import (
	"cmp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Render returns have with its routes replaced by those of want. What already
// says what is wanted keeps every byte, and so do comments and all that the file
// asks of the node. A file that is refused is left alone.
func Render(want route.Table, have []source.File) []source.File {
	r := read(have, want.Target)
	w := writer{want.Target, want.Files}
	out := slices.Clone(have)
	switch {
	case r.file == nil:
		m := w.sections(want)
		if len(m) == 0 {
			return out
		}
		text := "version: " + Version + "\n" + m.text("", "\n")
		return append(out, source.File{Path: Path, Data: []byte(text), Mode: 0o600})
	case r.refused:
		return out
	}
	i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == r.file.Path })
	out[i].Data = r.rewritten(want, w)
	return out
}

// rewritten is the text of the file with what is wanted.
func (r *reader) rewritten(want route.Table, w writer) []byte {
	for _, by := range []func(*patch, route.Table, *reader){(*patch).amend, (*patch).replace} {
		p := patch{doc: r.doc, w: w, nl: r.doc.Break()}
		by(&p, want, r)
		if p.failed {
			continue
		}
		if len(p.edits) == 0 {
			return r.file.Data
		}
		if data, err := source.Apply(r.doc.Data, p.sorted()); err == nil && r.says(data, want) {
			return data
		}
	}
	if data := r.anew(want, w); r.says(data, want) {
		return data
	}
	return r.file.Data
}

// anew writes the whole file and takes along what is asked of the node.
func (r *reader) anew(want route.Table, w writer) []byte {
	text := "version: " + Version + "\n" + w.sections(want).text("", "\n")
	for _, p := range r.doc.Root.Pairs {
		if slices.Contains([]string{"trust", "proxy", "time", "sandboxImage"}, p.Key.Value) {
			text += p.Key.Value + ": " + r.doc.Text(p.Value) + "\n"
		}
	}
	return []byte(text)
}

// says reports whether a text says what is wanted.
func (r *reader) says(data []byte, want route.Table) bool {
	f := *r.file
	f.Data = data
	files := slices.Clone(r.files)
	files[slices.IndexFunc(files, func(o source.File) bool { return o.Path == f.Path })] = f
	after := read(files, want.Target)
	if after.refused {
		return false
	}
	w := writer{want.Target, slices.Concat(want.Files, after.table.Files)}
	return w.sections(after.table).text("", "\n") == w.sections(want).text("", "\n") && sameWishes(r, after)
}

// sameWishes reports whether two readings ask the same of a node.
func sameWishes(a, b *reader) bool {
	for _, key := range []string{"trust", "proxy", "time", "sandboxImage"} {
		if !alike(get(a.doc.Root, key), get(b.doc.Root, key)) {
			return false
		}
	}
	return true
}

// alike compares two values as they are, however they are written.
func alike(a, b *yamldoc.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Value == b.Value && slices.EqualFunc(a.Items, b.Items, alike) &&
		slices.EqualFunc(a.Pairs, b.Pairs, func(x, y yamldoc.Pair) bool { return alike(x.Key, y.Key) && alike(x.Value, y.Value) })
}

// patch collects the edits that make a file say something else.
type patch struct {
	doc    *yamldoc.Doc
	w      writer
	nl     string
	edits  []source.Edit
	failed bool
}

// sorted puts insertions in front of what is taken away at the same place.
func (p *patch) sorted() []source.Edit {
	slices.SortStableFunc(p.edits, func(a, b source.Edit) int {
		return cmp.Or(a.Start-b.Start, min(a.End-a.Start, 1)-min(b.End-b.Start, 1))
	})
	return p.edits
}

func (p *patch) cut(pair yamldoc.Pair) {
	span, ok := p.doc.Lines(pair)
	if p.failed = p.failed || !ok; ok {
		p.edits = append(p.edits, p.doc.Cut(span))
	}
}

// put replaces an entry by new lines; the comment above it stays.
func (p *patch) put(pair yamldoc.Pair, text string) {
	span, ok := p.doc.Lines(pair)
	if p.failed = p.failed || !ok; ok {
		start := p.doc.Line(pair.Key.At.Line).Start
		if yamldoc.HasBOM(p.doc.Data) && start == 0 {
			start = pair.Key.Start
		}
		p.edits = append(p.edits, source.Edit{File: p.doc.File, Start: start, End: span.End, New: text})
	}
}

// after adds lines behind the last entry of a mapping.
func (p *patch) after(n *yamldoc.Node, text string) {
	if n.Flow || len(n.Pairs) == 0 {
		p.failed = true
		return
	}
	span, ok := p.doc.Lines(n.Pairs[len(n.Pairs)-1])
	at, head := p.doc.After(span)
	if p.failed = p.failed || !ok; ok {
		p.edits = append(p.edits, p.doc.Insert(at, head+text))
	}
}

// replace writes the sections that differ as a whole.
func (p *patch) replace(want route.Table, r *reader) {
	have := writer{want.Target, r.table.Files}.sections(r.table)
	p.sections(want, have, func(e entry, old yamldoc.Pair) { p.put(old, mapping{e}.text("", p.nl)) })
}

// amend edits single entries of registries and hosts, and single keys of them.
func (p *patch) amend(want route.Table, r *reader) {
	have := writer{want.Target, r.table.Files}.sections(r.table)
	p.sections(want, have, func(e entry, old yamldoc.Pair) {
		if e.key != "registries" && e.key != "hosts" {
			p.put(old, mapping{e}.text("", p.nl))
			return
		}
		p.entries(old, e.value.(mapping), within(have, e.key))
	})
}

// within is the value of a key as a mapping.
func within(m mapping, key string) mapping {
	for _, e := range m {
		if e.key == key {
			v, _ := e.value.(mapping)
			return v
		}
	}
	return nil
}

// sections brings the top keys to what is wanted; change does it for one that
// is there and says something else.
func (p *patch) sections(want route.Table, have mapping, change func(entry, yamldoc.Pair)) {
	root := p.doc.Root
	wanted := p.w.sections(want)
	added := ""
	for _, key := range []string{"runtime", "localhost", "headers", "registries", "hosts"} {
		w, h := index(wanted, key), index(have, key)
		i := slices.IndexFunc(root.Pairs, func(x yamldoc.Pair) bool { return x.Key.Value == key })
		if key == "runtime" {
			h = p.fileRuntime(i)
		}
		switch {
		case same(w, h):
		case w == nil && i >= 0:
			p.cut(root.Pairs[i])
		case w != nil && i < 0:
			added += mapping{*w}.text("", p.nl)
		case w != nil:
			change(*w, root.Pairs[i])
		}
	}
	if added != "" {
		p.after(root, added)
	}
}

// fileRuntime is the entry that the runtime of the file would be written as,
// whatever other runtime the file is read for; i is its place, negative: none.
func (p *patch) fileRuntime(i int) *entry {
	if i < 0 {
		return nil
	}
	r := reader{doc: p.doc}
	if v := runtime(r.runtime(p.doc.Root.Pairs[i].Value)); v != nil {
		return &entry{"runtime", v}
	}
	return nil
}

func index(m mapping, key string) *entry {
	i := slices.IndexFunc(m, func(e entry) bool { return e.key == key })
	if i < 0 {
		return nil
	}
	return &m[i]
}

// same compares two entries by how they would be written.
func same(a, b *entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return mapping{*a}.text("", "\n") == mapping{*b}.text("", "\n")
}

// entries brings the entries of registries or hosts to what is wanted.
func (p *patch) entries(section yamldoc.Pair, wanted, have mapping) {
	if section.Value.Flow {
		p.put(section, mapping{{section.Key.Value, wanted}}.text("", p.nl))
		return
	}
	old, said := make(map[string]yamldoc.Pair, len(have)), make(map[string]*entry, len(have))
	for _, pair := range section.Value.Pairs {
		old[pair.Key.Value] = pair
	}
	for i := range have {
		said[have[i].key] = &have[i]
	}
	indent := strings.Repeat(" ", p.doc.Indent(section.Value.Pairs[0].Key))
	kept, added := map[string]bool{}, ""
	for i := range wanted {
		w := &wanted[i]
		kept[w.key] = true
		pair, there := old[w.key]
		switch {
		case !there:
			added += mapping{*w}.text(indent, p.nl)
		case !same(w, said[w.key]):
			p.entry(pair, *w, said[w.key], indent)
		}
	}
	for _, pair := range section.Value.Pairs {
		if !kept[pair.Key.Value] {
			p.cut(pair)
		}
	}
	if added != "" {
		p.after(section.Value, added)
	}
}

// entry brings one registry or host to what is wanted, key by key.
func (p *patch) entry(pair yamldoc.Pair, wanted entry, have *entry, indent string) {
	w, is := wanted.value.(mapping)
	if !is || len(w) == 0 || pair.Value.Flow || len(pair.Value.Pairs) == 0 || have == nil {
		p.put(pair, mapping{wanted}.text(indent, p.nl))
		return
	}
	h, _ := have.value.(mapping)
	deeper := strings.Repeat(" ", p.doc.Indent(pair.Value.Pairs[0].Key))
	left := 0
	for _, old := range pair.Value.Pairs {
		to, from := index(w, old.Key.Value), index(h, old.Key.Value)
		switch {
		case same(to, from):
			left++
		case to == nil:
			p.cut(old)
		case old.Key.Value == "mirrors" && from != nil:
			left++
			p.mirrors(old, to.value.(sequence), from.value.(sequence), deeper)
		default:
			left++
			p.put(old, mapping{*to}.text(deeper, p.nl))
		}
	}
	added := ""
	for i := range w {
		if !slices.ContainsFunc(pair.Value.Pairs, func(o yamldoc.Pair) bool { return o.Key.Value == w[i].key }) {
			added += mapping{w[i]}.text(deeper, p.nl)
		}
	}
	if added != "" {
		p.after(pair.Value, added)
		left++
	}
	p.failed = p.failed || left == 0
}

// mirrors writes a list anew from the lines of those items that stay, with the
// comments that belong to them, and new lines for the others.
func (p *patch) mirrors(old yamldoc.Pair, wanted, have sequence, indent string) {
	raw := p.items(old)
	if raw == nil || len(raw) != len(have) {
		p.put(old, mapping{{old.Key.Value, wanted}}.text(indent, p.nl))
		return
	}
	items := strings.Repeat(" ", p.doc.Indent(old.Value.Items[0])-2)
	spare := map[string][]string{}
	for i, v := range have {
		key := item(v, "", "\n")
		spare[key] = append(spare[key], string(p.doc.Data[raw[i].Start:raw[i].End]))
	}
	text := ""
	for _, v := range wanted {
		key := item(v, "", "\n")
		if s := spare[key]; len(s) > 0 {
			text, spare[key] = text+s[0], s[1:]
		} else {
			text += item(v, items, p.nl)
		}
	}
	p.edits = append(p.edits, source.Edit{File: p.doc.File, Start: raw[0].Start, End: raw[len(raw)-1].End, New: text})
}

// items are the lines of each item of a list, with all that stands above it and
// below the one before; nil: they do not have lines of their own.
func (p *patch) items(pair yamldoc.Pair) []yamldoc.Span {
	list := pair.Value
	if list.Flow || len(list.Items) == 0 {
		return nil
	}
	var out []yamldoc.Span
	at := p.doc.Line(pair.Key.At.Line + 1).Start
	for _, n := range list.Items {
		line := p.doc.Line(n.At.Line)
		head := strings.TrimLeft(string(p.doc.Data[line.Start:n.Start]), " ")
		end := p.doc.Line(p.doc.Pos(n.End).Line)
		rest := strings.TrimSpace(string(p.doc.Data[min(n.End, end.End):end.End]))
		next := end.End + len(p.nl)
		if head != "- " || rest != "" && rest[0] != '#' || next > len(p.doc.Data) {
			return nil
		}
		out = append(out, yamldoc.Span{Start: at, End: next})
		at = next
	}
	return out
}
