package containerd

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// rework changes the text of a file until it says what is wanted, and keeps
// every byte that need not change. ok is false when that cannot be done, for a
// file that containerd drops, say.
func rework(h *hostsFile, w wanted) (text string, ok bool) {
	if h.verdict != used || h.doc == nil || !orderly(h) {
		return "", false
	}
	now := h.trial(h.settle(w))
	if now.verdict != used || now.doc == nil {
		return "", false
	}
	out := string(now.arrange(w))
	return out, w.meets(h.target, h.trial([]byte(out)))
}

// orderly reports that every host has one run of headers and no other form.
func orderly(h *hostsFile) bool {
	if names, _ := h.written(); len(names) > 0 {
		return false
	}
	names := headers(h.doc)
	slices.Sort(names)
	return len(slices.Compact(names)) == len(h.mirrors)
}

// settle brings the settings of the root and of the hosts that stay into shape,
// without adding or moving any.
func (h *hostsFile) settle(w wanted) []byte {
	var edits []source.Edit
	free := slices.Clone(w.mirrors)
	for _, e := range h.entries {
		if e.table == nil {
			continue
		}
		i := slices.IndexFunc(free, func(m route.Endpoint) bool { return reaches(e.endpoint, m) })
		if i < 0 {
			continue
		}
		edits = append(edits, h.adjust(e, free[i])...)
		free = slices.Delete(free, i, i+1)
	}
	edits = append(edits, h.root(w)...)
	slices.SortStableFunc(edits, func(a, b source.Edit) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.End - b.End // what is put in front of a line before what takes the line away
	})
	out, err := source.Apply(h.data, edits)
	if err != nil {
		return nil
	}
	return out
}

// reaches reports that two endpoints have one URL, whatever else they have.
func reaches(a, b route.Endpoint) bool {
	return a.Host == b.Host && a.Path == b.Path && plainURL(a) == plainURL(b)
}

// plainURL reports that the URL of an endpoint is written with http.
func plainURL(e route.Endpoint) bool { return e.Scheme == "http" || e.PlainFallback }

// adjust edits the table of an entry so that it says what is wanted.
func (h *hostsFile) adjust(e entry, m route.Endpoint) []source.Edit {
	if alike(h.target, e.endpoint, m) {
		return nil
	}
	_, override := urlOf(m)
	before := settingLines(h.target, e.endpoint, e.settings.OverridePath)
	var out []source.Edit
	for i, l := range settingLines(h.target, m, override) {
		if l.value != before[i].value {
			out = append(out, h.set(e.table, l)...)
		}
	}
	return append(out, h.subTables(e.table, e.endpoint, m)...)
}

// root edits the server and what belongs to it.
func (h *hostsFile) root(w wanted) []source.Edit {
	var e entry
	if n := len(h.entries); n > 0 && h.entries[n-1].table == nil {
		e = h.entries[n-1]
	}
	var out []source.Edit
	if !h.serverStays(w, e) {
		out = h.set(nil, line{"server", w.server})
	}
	if w.upstream == nil {
		return out
	}
	before := settingLines(h.target, e.endpoint, e.settings.OverridePath)
	for i, l := range settingLines(h.target, *w.upstream, w.override) {
		if x := h.entry(l.key); l.key == "capabilities" && w.upstream.Host != "" && x != nil {
			before[i].value = h.doc.Text(x.Value)
		}
		if l.value != before[i].value {
			out = append(out, h.set(nil, l)...)
		}
	}
	return append(out, h.subTables(nil, e.endpoint, *w.upstream)...)
}

// subTables edits what an endpoint has in tables of its own.
func (h *hostsFile) subTables(table []string, e, m route.Endpoint) []source.Edit {
	out := h.setAll(table, "header", headerLines(e.Header), headerLines(m.Header))
	if h.target.Fork {
		out = append(out, h.setAll(table, "rewrite", rewriteLines(e.Rewrites), rewriteLines(m.Rewrites))...)
	}
	return out
}

// serverStays reports that the server of the file is the wanted one already,
// or that there is none and none is wanted.
func (h *hostsFile) serverStays(w wanted, e entry) bool {
	switch w.server {
	case "":
		return e.endpoint.Host == "" && !(h.target.Fork && h.content.serverSet)
	case `""`:
		return h.content.serverSet && e.endpoint.Host == ""
	}
	return e.endpoint.Host != "" && reaches(e.endpoint, *w.upstream)
}

// set gives a key of a table a value; an empty one removes it.
func (h *hostsFile) set(table []string, l line) []source.Edit {
	e := h.entry(append(table[:len(table):len(table)], l.key)...)
	switch {
	case e == nil && l.value == "":
		return nil
	case e != nil && l.value == "":
		start, end := h.lineAround(e.Start, e.End)
		return []source.Edit{h.edit(start, end, "")}
	case e != nil:
		return []source.Edit{h.edit(e.Value.Start, e.Value.End, l.value)}
	}
	at, indent := h.place(table)
	return []source.Edit{h.edit(at, at, h.ended(at)+indent+tomlKey(l.key)+" = "+l.value+h.newline())}
}

// place is where a new line of a table goes: behind its header or, at the root,
// behind the last key in front of the first table. The indent is that of the
// lines there.
func (h *hostsFile) place(table []string) (at int, indent string) {
	if table != nil {
		head := h.entry(table...)
		if head == nil {
			return len(h.data), ""
		}
		_, end := h.lineAround(head.Start, head.End)
		return end, h.indent(end)
	}
	for _, e := range h.doc.Entries {
		if e.Kind != tomldoc.Value {
			if at == 0 {
				at, _ = h.lineAround(e.Start, e.Start)
			}
			return at, ""
		}
		_, at = h.lineAround(e.Start, e.End)
	}
	if at == 0 {
		at = len(h.data)
	}
	return at, ""
}

// ended is the line end that is missing in front of an offset.
func (h *hostsFile) ended(at int) string {
	if at > 0 && h.data[at-1] != '\n' {
		return h.newline()
	}
	return ""
}

// setAll brings a table of strings below another into shape: the header of a
// host, say. Lines that stay are not touched.
func (h *hostsFile) setAll(table []string, name string, before, after []line) []source.Edit {
	if slices.Equal(before, after) {
		return nil
	}
	p := append(table[:len(table):len(table)], name)
	if e := h.entry(p...); e != nil && e.Kind == tomldoc.Value {
		return h.setInline(e, after)
	}
	var out []source.Edit
	missing := []line{}
	for _, l := range after {
		switch i := slices.IndexFunc(before, func(b line) bool { return b.key == l.key }); {
		case i < 0:
			missing = append(missing, l)
		case before[i] != l:
			out = append(out, h.set(p, l)...)
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(l line) bool { return l.key == b.key }) {
			out = append(out, h.set(p, line{b.key, ""})...)
		}
	}
	return append(out, h.append(p, missing)...)
}

func (h *hostsFile) setInline(e *tomldoc.Entry, after []line) []source.Edit {
	if len(after) == 0 {
		start, end := h.lineAround(e.Start, e.End)
		return []source.Edit{h.edit(start, end, "")}
	}
	var pairs []string
	for _, l := range after {
		pairs = append(pairs, tomlKey(l.key)+" = "+l.value)
	}
	return []source.Edit{h.edit(e.Value.Start, e.Value.End, "{ "+strings.Join(pairs, ", ")+" }")}
}

// append adds lines to a table below another, and the table itself if needed.
func (h *hostsFile) append(table []string, lines []line) []source.Edit {
	if len(lines) == 0 {
		return nil
	}
	text, at, indent := "", 0, ""
	if h.entry(table...) != nil {
		at, indent = h.place(table)
	} else {
		at = h.tableEnd(table[:len(table)-1])
		text = "[" + header(table) + "]" + h.newline()
	}
	for _, l := range lines {
		text += indent + tomlKey(l.key) + " = " + l.value + h.newline()
	}
	return []source.Edit{h.edit(at, at, h.ended(at)+text)}
}

// tableEnd is where the text of a table ends; of the root: at the first header.
func (h *hostsFile) tableEnd(table []string) int {
	if len(table) == 0 {
		at, _ := h.lineAround(h.firstHeader(), h.firstHeader())
		return at
	}
	for i, e := range h.doc.Entries {
		if e.Kind == tomldoc.Header && slices.Equal(e.Path, table) {
			return h.sectionEnd(i)
		}
	}
	return len(h.data)
}
