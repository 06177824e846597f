package containerd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// duplicates explains keys and tables that stand twice.
func (h *hostsFile) duplicates() []finding.Finding {
	if h.doc == nil {
		return nil
	}
	first := map[string]int{}
	var out []finding.Finding
	for i, e := range h.doc.Entries {
		if e.Kind == tomldoc.ArrayHeader {
			return nil // below an array a path may come back
		}
		key := fmt.Sprint(e.Kind) + strings.Join(e.Path, sep)
		at, twice := first[key]
		if !twice {
			first[key] = i
			continue
		}
		out = append(out, h.duplicate(at, i))
		if len(out) == maxOfKind {
			break
		}
	}
	return h.together(out)
}

// maxOfKind bounds the findings of one kind in one file.
const maxOfKind = 20

// together gives every duplicate the edits of all of them, since one alone
// would leave the file invalid, and none if even that does not help.
func (h *hostsFile) together(all []finding.Finding) []finding.Finding {
	var edits []source.Edit
	for _, f := range all {
		if f.Fix != nil {
			edits = append(edits, f.Fix.Edits...)
		}
	}
	slices.SortStableFunc(edits, func(a, b source.Edit) int { return a.Start - b.Start })
	edits = slices.CompactFunc(edits, func(a, b source.Edit) bool { return a == b && a.Start < a.End })
	if !h.cures(edits) {
		edits = nil
	}
	for i, f := range all {
		if f.Fix != nil {
			all[i] = with(f, edits)
		}
	}
	return all
}

// duplicate reports the second of two expressions. Of a key the later stays; a
// table's second part moves behind its first.
func (h *hostsFile) duplicate(first, second int) finding.Finding {
	a, b := h.doc.Entries[first], h.doc.Entries[second]
	args, variant := finding.Args{"name": strings.Join(b.Path, "."), "first": a.At.Line}, ""
	if b.Kind == tomldoc.Header {
		variant = "table"
		args["name"] = h.doc.Text(tomldoc.Span{Start: b.Start, End: b.End})
	}
	if a.Inline || b.Inline {
		return h.found(duplicateKey, "hand", b.At, args)
	}
	var edits []source.Edit
	if b.Kind == tomldoc.Header {
		edits = h.merge(first, second)
	} else {
		start, end := h.lineAround(a.Start, a.End)
		edits = []source.Edit{h.edit(start, end, "")}
	}
	return with(h.found(duplicateKey, variant, b.At, args).Saw(h.shown().at(a.At.Line), a.At.String(), fmt.Sprintf("sed -n %dp %s", a.At.Line, quote(h.path))), edits)
}

// merge moves the content of a table's second header behind that of its first.
func (h *hostsFile) merge(first, second int) []source.Edit {
	head, _ := h.lineAround(h.doc.Entries[second].Start, h.doc.Entries[second].Start)
	_, body := h.lineAround(h.doc.Entries[second].Start, h.doc.Entries[second].End)
	end := h.sectionEnd(second)
	to := h.sectionEnd(first)
	if to == head {
		return []source.Edit{h.edit(head, body, "")}
	}
	text := string(h.data[body:end])
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += h.newline()
	}
	return []source.Edit{h.edit(to, to, text), h.edit(head, end, "")}
}

// sectionEnd is where the table of a header ends: at the line of the next.
func (h *hostsFile) sectionEnd(header int) int {
	for _, e := range h.doc.Entries[header+1:] {
		if e.Kind != tomldoc.Value {
			start, _ := h.lineAround(e.Start, e.Start)
			return start
		}
	}
	return len(h.data)
}
