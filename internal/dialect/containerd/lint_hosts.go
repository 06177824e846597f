package containerd

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// tables reports hosts whose tables are written in a form that some version
// reads otherwise than it looks.
func (h *hostsFile) tables() []finding.Finding {
	return slices.Concat(h.inlineHosts(), h.scattered(), h.chance(), h.headerOnly(), h.placed())
}

// written lists the hosts that have no header of their own, in order, with the
// expressions that make each.
func (h *hostsFile) written() (names []string, parts map[string][]*tomldoc.Entry) {
	real := map[string]bool{}
	for _, name := range headers(h.doc) {
		real[name] = true
	}
	parts = map[string][]*tomldoc.Entry{}
	inHost := false // below a header that makes a host
	for i := range h.doc.Entries {
		e := &h.doc.Entries[i]
		if e.Kind != tomldoc.Value {
			inHost = len(e.Path) > 1 && e.Path[0] == "host"
			continue
		}
		if inHost || len(e.Path) < 2 || e.Path[0] != "host" || real[e.Path[1]] {
			continue
		}
		if parts[e.Path[1]] == nil {
			names = append(names, e.Path[1])
		}
		parts[e.Path[1]] = append(parts[e.Path[1]], e)
	}
	return names, parts
}

func (h *hostsFile) inlineHosts() []finding.Finding {
	names, parts := h.written()
	if len(names) == 0 {
		return nil
	}
	edits := h.expand(names, parts)
	var out []finding.Finding
	for _, name := range names[:min(len(names), maxOfKind)] {
		variant := ""
		if grammar(h.target) == tomldoc.V1 {
			variant = "later"
		}
		f := h.cured(h.found(inlineHost, variant, parts[name][0].At, finding.Args{"host": hostOf(name)}), edits)
		if variant != "" {
			f.Severity, f.Ignores = finding.Info, false
		}
		out = append(out, f)
	}
	return out
}

// expand writes hosts as tables of their own in front of the first other one.
func (h *hostsFile) expand(names []string, parts map[string][]*tomldoc.Entry) []source.Edit {
	if len(names) > maxOfKind {
		return nil
	}
	nl := h.newline()
	var text strings.Builder
	gone := map[int]int{} // ranges of lines that the tables replace
	for _, name := range names {
		text.WriteString("[host." + tomlString(name) + "]" + nl)
		for _, e := range parts[name] {
			start, end := h.lineAround(h.outer(e).Start, h.outer(e).End)
			gone[start] = end
			if len(e.Path) > 2 && !h.below(parts[name], e) {
				text.WriteString(dotted(e.Path[2:]) + " = " + h.doc.Text(e.Value) + nl)
			}
		}
	}
	at := h.insertion()
	var out []source.Edit
	if at > 0 && h.data[at-1] != '\n' {
		out = append(out, h.edit(at, at, nl))
	}
	out = append(out, h.edit(at, at, text.String()))
	for start, end := range gone {
		out = append(out, h.edit(start, end, ""))
	}
	return out
}

// outer is the expression at the left margin that an inline one stands in.
func (h *hostsFile) outer(e *tomldoc.Entry) *tomldoc.Entry {
	out := e
	for i := range h.doc.Entries {
		o := &h.doc.Entries[i]
		if o.Kind == tomldoc.Value && !o.Inline && o.Start <= e.Start && e.End <= o.End {
			out = o
		}
	}
	return out
}

// below reports that an expression stands inside the value of another one of
// the same host, which is written out already.
func (h *hostsFile) below(all []*tomldoc.Entry, e *tomldoc.Entry) bool {
	return slices.ContainsFunc(all, func(o *tomldoc.Entry) bool {
		return o != e && len(o.Path) > 2 && o.Value.Start <= e.Start && e.End <= o.Value.End
	})
}

// insertion is where the root of the file and a bare [host] end.
func (h *hostsFile) insertion() int {
	for _, e := range h.doc.Entries {
		if e.Kind != tomldoc.Value && len(e.Path) != 1 {
			start, _ := h.lineAround(e.Start, e.Start)
			return start
		}
	}
	return len(h.data)
}

var bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

func dotted(path []string) string {
	var out []string
	for _, p := range path {
		if p == "" || strings.Trim(p, bare) != "" {
			p = tomlString(p)
		}
		out = append(out, p)
	}
	return strings.Join(out, ".")
}

// scattered reports a host of containerd 2 that comes back after another one.
func (h *hostsFile) scattered() []finding.Finding {
	if grammar(h.target) != tomldoc.V2 {
		return nil
	}
	var out []finding.Finding
	seen, previous := map[string]int{}, ""
	for i, e := range h.doc.Entries {
		if e.Kind != tomldoc.Header || len(e.Path) < 2 || e.Path[0] != "host" {
			continue
		}
		name := e.Path[1]
		if first, known := seen[name]; known && name != previous && len(out) < maxOfKind {
			f := h.cured(h.found(scatteredHost, "", e.At, finding.Args{"host": hostOf(name)}), h.gather(first, i))
			out = append(out, f)
		}
		seen[name], previous = i, name
	}
	return out
}

// gather moves what stands between the tables of two headers behind the later:
// the later is often a header table, whose secrets no edit should repeat.
func (h *hostsFile) gather(first, later int) []source.Edit {
	end, _ := h.lineAround(h.doc.Entries[later].Start, h.doc.Entries[later].Start)
	start, to := h.sectionEnd(first), h.sectionEnd(later)
	text := string(h.data[start:end])
	if to > 0 && h.data[to-1] != '\n' {
		text = h.newline() + text
	}
	return []source.Edit{h.edit(start, end, ""), h.edit(to, to, text)}
}

// chance reports hosts of containerd 1 that have no order.
func (h *hostsFile) chance() []finding.Finding {
	if len(h.content.random) == 0 {
		return nil
	}
	var hosts []string
	for _, name := range h.content.random {
		hosts = append(hosts, hostOf(name))
	}
	names, parts := h.written()
	f := h.cured(h.found(randomOrder, "", h.at("host", h.content.random[0]), finding.Args{"hosts": strings.Join(hosts, " and ")}), h.expand(names, parts))
	return []finding.Finding{f}
}

func (h *hostsFile) headerOnly() []finding.Finding {
	var out []finding.Finding
	for _, name := range slices.Compact(headers(h.doc)) {
		if i, ok := h.within["host"+sep+name]; ok && h.entry("host", name) == nil && h.doc.Entries[i].Kind == tomldoc.Header && len(out) < maxOfKind {
			e := h.doc.Entries[i]
			if h.misread(entry{table: []string{"host", name}}) {
				continue
			}
			out = append(out, h.found(headerOnlyHost, "", e.At, finding.Args{"host": hostOf(name)}))
		}
	}
	return out
}

// servesTags reports that an endpoint may turn a tag into a digest.
func servesTags(e route.Endpoint) bool { return e.Serves.Has(route.Pull | route.Resolve) }
