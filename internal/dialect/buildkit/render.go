package buildkit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// Render returns have with the registries of buildkitd.toml replaced by those of
// want. A table that says what is wanted keeps every byte; of the others only
// the keys that differ are written anew. Where tables are written in another
// form than [registry."HOST"], all of them are. A file that buildkitd refuses is
// left alone.
func Render(want route.Table, have []source.File) []source.File {
	r := read(have, want.Target)
	w := desired(want)
	out := slices.Clone(have)
	if r.file == nil {
		if len(w) == 0 {
			return out
		}
		return append(out, source.File{Path: mainPath, Data: []byte(w.text(w.names(), "\n")), Mode: 0o644})
	}
	if r.config == nil || r.config.doc == nil {
		return out
	}
	i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == r.file.Path })
	for _, rewrite := range []func(wish) []source.Edit{r.amend, r.anew} {
		edits := rewrite(w)
		slices.SortStableFunc(edits, func(a, b source.Edit) int {
			return cmp.Or(a.Start-b.Start, min(a.End-a.Start, 1)-min(b.End-b.Start, 1))
		})
		data, err := source.Apply(r.file.Data, edits)
		if err == nil && r.says(data, w) {
			out[i].Data = data
			break
		}
	}
	return out
}

// says reports whether a text says what is wanted.
func (r *reader) says(data []byte, w wish) bool {
	f := *r.file
	f.Data = data
	after := &reader{target: r.target, files: r.files, file: &f}
	after.decode()
	return after.config != nil && len(after.changes(w)) == 0
}

// changes lists the tables that do not say what is wanted.
func (r *reader) changes(w wish) []string {
	var out []string
	for _, name := range r.config.names {
		if !idle(name) && !r.meets(w, name) {
			out = append(out, name)
		}
	}
	for _, name := range w.names() {
		if _, there := r.config.registries[name]; !there {
			out = append(out, name)
		}
	}
	return out
}

// meets reports that a table says what is wanted, or nothing where nothing is.
func (r *reader) meets(w wish, name string) bool {
	want := w[name]
	if want == nil {
		want = &wanted{manner: manner{http: localhost(name)}}
	}
	c := r.config.registries[name]
	return r.mannerOf(name).same(want.manner) && slices.EqualFunc(c.Mirrors, want.mirrors, func(a, b string) bool {
		x, y := mirror(a), mirror(b)
		return x.Host == y.Host && x.Path == y.Path
	})
}

// mannerOf is how a host is spoken to by what the file says of it.
func (r *reader) mannerOf(name string) manner {
	e := route.Endpoint{Scheme: "https", Host: name}
	r.settings(&e, r.config.registries[name])
	return mannerOf(e)
}

// amend edits single keys and whole tables.
func (r *reader) amend(w wish) []source.Edit {
	var edits []source.Edit
	doc := r.config.doc
	var fresh []string
	for _, name := range r.changes(w) {
		_, there := r.config.registries[name]
		switch {
		case !there:
			fresh = append(fresh, name)
		case w[name] == nil:
			edits = append(edits, r.remove(name)...)
		default:
			edits = append(edits, r.rework(name, w[name])...)
		}
	}
	if len(fresh) > 0 {
		text := w.text(fresh, doc.Break())
		if len(doc.Entries) > 0 {
			text = doc.Break() + text
		}
		edits = append(edits, doc.Insert(len(doc.Data), text))
	}
	return edits
}

// anew takes all tables of registries away and writes those that are wanted.
func (r *reader) anew(w wish) []source.Edit {
	doc := r.config.doc
	var edits []source.Edit
	for i, e := range doc.Entries {
		switch {
		case e.Inline || e.Path[0] != "registry":
		case e.Kind == tomldoc.Value:
			edits = append(edits, doc.Cut(doc.Lines(e)))
		default:
			edits = append(edits, doc.Cut(doc.Lines(doc.Entries[i])))
		}
	}
	return append(edits, doc.Insert(len(doc.Data), w.text(w.names(), doc.Break())))
}

// remove takes the table of a registry and those below it away.
func (r *reader) remove(name string) []source.Edit {
	var edits []source.Edit
	for i, e := range r.config.doc.Entries {
		if e.Kind != tomldoc.Value && len(e.Path) > 1 && e.Path[0] == "registry" && e.Path[1] == name {
			edits = append(edits, r.config.doc.Cut(r.config.doc.Section(i)))
		}
	}
	return edits
}

// rework brings the keys of a table into shape.
func (r *reader) rework(name string, want *wanted) []source.Edit {
	doc := r.config.doc
	head := slices.IndexFunc(doc.Entries, func(e tomldoc.Entry) bool {
		return e.Kind == tomldoc.Header && slices.Equal(e.Path, []string{"registry", name})
	})
	if head < 0 {
		return nil
	}
	var edits []source.Edit
	nl := doc.Break()
	section := doc.Section(head)
	added := ""
	for _, k := range want.keys(name) {
		e := doc.Find("registry", name, k.key)
		switch {
		case e == nil && k.value != "":
			added += k.key + " = " + k.value + nl
		case e == nil:
		case k.value == "":
			edits = append(edits, doc.Cut(doc.Lines(*e)))
		case !r.already(name, k.key, want):
			edits = append(edits, doc.Replace(e.Value, k.value))
		}
	}
	if !r.mannerOf(name).same(want.manner) {
		edits = append(edits, r.pairs(name, want)...)
		added += want.pairs(name, nl)
	}
	if added != "" {
		edits = append(edits, doc.Insert(section.End, added))
	}
	return edits
}

// already reports that a key says what is wanted.
func (r *reader) already(name, key string, want *wanted) bool {
	c := r.config.registries[name]
	switch key {
	case "mirrors":
		return slices.EqualFunc(c.Mirrors, want.mirrors, func(a, b string) bool {
			x, y := mirror(a), mirror(b)
			return x.Host == y.Host && x.Path == y.Path
		})
	case "ca":
		return slices.Equal(c.CA, want.manner.ca)
	case "http":
		return c.HTTP != nil && *c.HTTP == want.manner.http
	case "insecure":
		return c.Insecure != nil && *c.Insecure == want.manner.insecure
	}
	return false
}

// pairs takes the tables of client certificates away.
func (r *reader) pairs(name string, _ *wanted) []source.Edit {
	var edits []source.Edit
	for i, e := range r.config.doc.Entries {
		if e.Kind == tomldoc.ArrayHeader && slices.Equal(e.Path, []string{"registry", name, "keypair"}) {
			edits = append(edits, r.config.doc.Cut(r.config.doc.Section(i)))
		}
	}
	return edits
}

// line is one key with its value in TOML; an empty value: not wanted.
type line struct{ key, value string }

// keys are those of a table but for client certificates. Whether a host speaks
// plain HTTP is said when it is not understood.
func (w *wanted) keys(name string) []line {
	out := []line{{"mirrors", ""}, {"http", ""}, {"insecure", ""}, {"ca", ""}, {"tlsconfigdir", ""}}
	if len(w.mirrors) > 0 {
		out[0].value = tomldoc.QuoteAll(w.mirrors)
	}
	if w.manner.http != localhost(name) {
		out[1].value = map[bool]string{true: "true", false: "false"}[w.manner.http]
	}
	if w.manner.insecure {
		out[2].value = "true"
	}
	if len(w.manner.ca) > 0 {
		out[3].value = tomldoc.QuoteAll(w.manner.ca)
	}
	return out
}

func (w *wanted) pairs(name, nl string) string {
	out := ""
	for _, p := range w.manner.pairs {
		out += "[[registry." + tomldoc.Quote(name) + ".keypair]]" + nl + "key = " + tomldoc.Quote(p.Key) + nl + "cert = " + tomldoc.Quote(p.Cert) + nl
	}
	return out
}

func (w wish) text(names []string, nl string) string {
	var out strings.Builder
	for i, name := range names {
		if i > 0 {
			out.WriteString(nl)
		}
		out.WriteString("[registry." + tomldoc.Quote(name) + "]" + nl)
		for _, k := range w[name].keys(name) {
			if k.value != "" {
				out.WriteString(k.key + " = " + k.value + nl)
			}
		}
		out.WriteString(w[name].pairs(name, nl))
	}
	return out.String()
}
