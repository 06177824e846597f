package bottlerocket

import (
	"cmp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// Render returns have with its mirrors and credentials replaced by those of
// want. An entry that says what is wanted keeps every byte; of the others only
// the keys that differ are written anew. Settings in another form than
// [[settings.container-registry.mirrors]] are written anew as a whole. User data
// that Bottlerocket refuses is left alone.
func Render(want route.Table, have []source.File) []source.File {
	r := read(have, want.Target)
	w := desired(want)
	out := slices.Clone(have)
	if r.file == nil {
		if len(w.mirrors)+len(w.credentials) == 0 {
			return out
		}
		return append(out, source.File{Path: mainPath, Data: []byte(w.text("\n")), Mode: 0o600})
	}
	if r.set == nil {
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
	if after.set == nil {
		return false
	}
	missing, odd := after.compare(w)
	return len(missing.mirrors)+len(missing.credentials)+len(odd.mirrors)+len(odd.credentials) == 0
}

// compare lists what is wanted and not there, and what is there and not wanted.
// Entries without an effect are neither.
func (r *reader) compare(w wish) (missing, odd wish) {
	mirrors, credentials := map[string]*mirror{}, map[string]*credential{}
	for _, m := range w.mirrors {
		mirrors[m.Registry] = m
	}
	for _, c := range w.credentials {
		credentials[authHost(c.Registry)] = c
	}
	for _, m := range r.set.mirrors {
		if want := mirrors[m.Registry]; want != nil && want.same(m) {
			delete(mirrors, m.Registry)
		} else if want != nil || len(m.Endpoint) > 0 && m.Registry != "" {
			odd.mirrors = append(odd.mirrors, m)
		}
	}
	for _, c := range r.set.credentials {
		name := authHost(c.Registry)
		if want := credentials[name]; want != nil && want.same(c) {
			delete(credentials, name)
		} else if want != nil || !c.auth().IsZero() && name != route.Any {
			odd.credentials = append(odd.credentials, c)
		}
	}
	for _, m := range w.mirrors {
		if mirrors[m.Registry] != nil {
			missing.mirrors = append(missing.mirrors, m)
		}
	}
	for _, c := range w.credentials {
		if credentials[authHost(c.Registry)] != nil {
			missing.credentials = append(missing.credentials, c)
		}
	}
	return missing, odd
}

// amend edits single keys and whole entries.
func (r *reader) amend(w wish) []source.Edit {
	var edits []source.Edit
	doc := r.set.doc
	missing, odd := r.compare(w)
	for _, m := range odd.mirrors {
		i := slices.IndexFunc(missing.mirrors, func(x *mirror) bool { return x.Registry == m.Registry })
		if m.entry < 0 {
			return nil
		}
		if e := r.set.within(m.entry, "endpoint"); i >= 0 && e != nil {
			edits = append(edits, doc.Replace(e.Value, tomldoc.QuoteAll(missing.mirrors[i].Endpoint)))
			missing.mirrors = slices.Delete(missing.mirrors, i, i+1)
			continue
		}
		edits = append(edits, doc.Cut(doc.Section(m.entry)))
	}
	for _, c := range odd.credentials {
		if c.entry < 0 {
			return nil
		}
		i := slices.IndexFunc(missing.credentials, func(x *credential) bool { return authHost(x.Registry) == authHost(c.Registry) })
		if i >= 0 {
			edits = append(edits, r.rework(c, missing.credentials[i])...)
			missing.credentials = slices.Delete(missing.credentials, i, i+1)
			continue
		}
		edits = append(edits, doc.Cut(doc.Section(c.entry)))
	}
	if text := missing.text(doc.Break()); text != "" {
		if r.set.table && len(missing.mirrors) > 0 {
			return append(edits, source.Edit{Start: -1}) // the two forms do not go together
		}
		if len(doc.Entries) > 0 {
			text = doc.Break() + text
		}
		edits = append(edits, doc.Insert(len(doc.Data), text))
	}
	return edits
}

// rework brings the keys of an entry of credentials into shape.
func (r *reader) rework(have, want *credential) []source.Edit {
	var edits []source.Edit
	doc := r.set.doc
	added := ""
	for _, kv := range want.fields() {
		e := r.set.within(have.entry, kv[0])
		switch {
		case e == nil && kv[1] != "":
			added += kv[0] + " = " + tomldoc.Quote(kv[1]) + doc.Break()
		case e == nil:
		case kv[1] == "":
			edits = append(edits, doc.Cut(doc.Lines(*e)))
		default:
			edits = append(edits, doc.Replace(e.Value, tomldoc.Quote(kv[1])))
		}
	}
	if added != "" {
		edits = append(edits, doc.Insert(doc.Section(have.entry).End, added))
	}
	return edits
}

// anew takes all mirrors and credentials away and writes those that are wanted.
func (r *reader) anew(w wish) []source.Edit {
	doc := r.set.doc
	var edits []source.Edit
	for _, e := range doc.Entries {
		if len(e.Path) < 3 || e.Inline || !slices.Equal(e.Path[:2], root) || !slices.Contains([]string{"mirrors", "credentials", "creds"}, e.Path[2]) {
			continue
		}
		edits = append(edits, doc.Cut(doc.Lines(e)))
	}
	return append(edits, doc.Insert(len(doc.Data), w.text(doc.Break())))
}

func (c *credential) fields() [][2]string {
	return [][2]string{{"username", c.Username}, {"password", c.Password}, {"auth", c.Auth}, {"identitytoken", c.IdentityToken}}
}

func (w wish) text(nl string) string {
	var out strings.Builder
	begin := func(table, registry string) {
		if out.Len() > 0 {
			out.WriteString(nl)
		}
		out.WriteString("[[settings.container-registry." + table + "]]" + nl + "registry = " + tomldoc.Quote(registry) + nl)
	}
	for _, m := range w.mirrors {
		begin("mirrors", m.Registry)
		out.WriteString("endpoint = " + tomldoc.QuoteAll(m.Endpoint) + nl)
	}
	for _, c := range w.credentials {
		begin("credentials", c.Registry)
		for _, kv := range c.fields() {
			if kv[1] != "" {
				out.WriteString(kv[0] + " = " + tomldoc.Quote(kv[1]) + nl)
			}
		}
	}
	return out.String()
}
