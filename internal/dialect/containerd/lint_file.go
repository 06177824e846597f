package containerd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// explain says why containerd does not use a file. It always finds something
// to say about one that is dropped.
func (h *hostsFile) explain() []finding.Finding {
	switch {
	case h.verdict == crashes:
		return h.crash()
	case h.verdict == unknown && h.problem != nil && h.problem.Unread:
		return []finding.Finding{h.found(unreadableFile, "large", source.Pos{File: h.path}, finding.Args{"path": h.path, "why": h.problem.Text}).Sure(finding.Possible)}
	case h.verdict != dropped:
		return nil
	case h.problem == nil:
		var out []finding.Finding
		for _, f := range h.faults {
			out = append(out, h.fault(f))
		}
		return out
	}
	for _, why := range []func() []finding.Finding{h.noHost, h.mark, h.quotes, h.arrays, h.duplicates, h.addresses, h.types} {
		if out := why(); len(out) > 0 {
			return out
		}
	}
	return h.syntax()
}

func (h *hostsFile) crash() []finding.Finding {
	if h.problem.Text != hostNotTable {
		return []finding.Finding{h.found(crashingFile, "parser", h.problem.At, nil)}
	}
	f := h.found(crashingFile, "", h.problem.At, finding.Args{"key": h.keyAt(h.problem.At)})
	if edits := h.lower(); h.cures(edits) {
		f = with(f, edits)
	}
	return []finding.Finding{f}
}

// lower moves the keys under a bare [host] into the table of the only host.
func (h *hostsFile) lower() []source.Edit {
	if h.doc == nil {
		return nil
	}
	var only *tomldoc.Entry
	var out []source.Edit
	var text string
	for i, e := range h.doc.Entries {
		switch {
		case e.Kind == tomldoc.Header && len(e.Path) == 2 && e.Path[0] == "host":
			if only != nil {
				return nil
			}
			only = &h.doc.Entries[i]
		case e.Kind == tomldoc.Value && !e.Inline && len(e.Path) == 2 && e.Path[0] == "host":
			start, end := h.lineAround(e.Start, e.End)
			text += string(h.data[start:end])
			out = append(out, h.edit(start, end, ""))
		}
	}
	if only == nil || !strings.HasSuffix(text, "\n") {
		return nil
	}
	_, at := h.lineAround(only.Start, only.End)
	return append(out, h.edit(at, at, text))
}

// keyAt is the key written at a position, for texts.
func (h *hostsFile) keyAt(at source.Pos) string {
	if e := h.entryAt(at); e != nil {
		return e.Path[len(e.Path)-1]
	}
	key, _, _ := strings.Cut(strings.TrimSpace(h.shown().at(at.Line)), "=")
	return strings.TrimSpace(key)
}

// entryAt is the innermost expression that covers a position.
func (h *hostsFile) entryAt(at source.Pos) *tomldoc.Entry {
	if h.doc == nil || at.Line == 0 {
		return nil
	}
	offset := source.Offset(h.data, at)
	var out *tomldoc.Entry
	for i, e := range h.doc.Entries {
		if e.Start <= offset && offset < max(e.End, e.Start+1) {
			out = &h.doc.Entries[i]
		}
	}
	return out
}

// noHost explains the demand of older versions for a host table.
func (h *hostsFile) noHost() []finding.Finding {
	if h.problem.Text != noHostTable {
		return nil
	}
	text := "[host]" + h.newline()
	if !bytes.HasSuffix(h.data, []byte("\n")) {
		text = h.newline() + text
	}
	at := source.Pos{File: h.path}
	if h.doc != nil && len(h.doc.Entries) > 0 {
		at = h.doc.Entries[0].At
	}
	edits := []source.Edit{h.edit(len(h.data), len(h.data), text)}
	if !h.cures(edits) {
		edits = nil
	}
	f := h.found(serverOnly, "", at, nil)
	return []finding.Finding{with(f, edits).Saw("no line with [host]", h.path, "grep -n '\\[ *host' "+quote(h.path))}
}

var bom = []byte("\xef\xbb\xbf")

// mark explains a byte order mark.
func (h *hostsFile) mark() []finding.Finding {
	if text, ok := narrow(h.data); ok {
		var edits []source.Edit
		if len(maskLines([]byte(text)).secrets) == 0 {
			edits = []source.Edit{h.edit(0, len(h.data), text)}
		}
		return []finding.Finding{h.marked("wide", edits)}
	}
	if bytes.HasPrefix(h.data, bom) && grammar(h.target) == tomldoc.V2 {
		return []finding.Finding{h.marked("", []source.Edit{h.edit(0, len(bom), "")})}
	}
	return nil
}

// marked reports a byte order mark with its bytes as evidence.
func (h *hostsFile) marked(variant string, edits []source.Edit) finding.Finding {
	f := h.fixed(byteOrderMark, variant, source.Pos{File: h.path, Line: 1, Column: 1}, nil, edits)
	f.Evidence = nil
	head := h.data[:min(3, len(h.data))]
	return f.Saw(fmt.Sprintf("% x", head), h.path, "head -c 3 "+quote(h.path)+" | od -An -tx1")
}

// fixed makes a finding whose edits are given only when they cure it.
func (h *hostsFile) fixed(k finding.Kind, variant string, at source.Pos, args finding.Args, edits []source.Edit) finding.Finding {
	f := h.found(k, variant, at, args)
	if h.cures(edits) {
		return with(f, edits)
	}
	return f
}

// quotes explains typographic characters: those in the line where the parser
// stopped, or without which it gets further.
func (h *hostsFile) quotes() []finding.Finding {
	edits, first, was := h.straighten()
	if len(edits) == 0 {
		return nil
	}
	at := source.PosAt(h.path, h.data, first)
	want := fmt.Sprintf("%q", typographic[was])
	if typographic[was] == "" {
		want = "nothing"
	}
	args := finding.Args{"char": fmt.Sprintf("%c (%U)", was, was), "want": want}
	if h.cures(edits) {
		return []finding.Finding{with(h.found(smartQuotes, "", at, args), edits)}
	}
	if at.Line == h.problem.At.Line {
		return []finding.Finding{h.found(smartQuotes, "hand", at, args)}
	}
	return nil
}

// arrays explains [[host…]].
func (h *hostsFile) arrays() []finding.Finding {
	if h.doc == nil {
		return nil
	}
	var edits []source.Edit
	var first *tomldoc.Entry
	for i, e := range h.doc.Entries {
		if e.Kind == tomldoc.ArrayHeader && e.Path[0] == "host" {
			if first == nil {
				first = &h.doc.Entries[i]
			}
			edits = append(edits, h.edit(e.Start, e.Start+1, ""), h.edit(e.End-1, e.End, ""))
		}
	}
	if first == nil {
		return nil
	}
	table := h.doc.Text(tomldoc.Span{Start: first.Start, End: first.End})
	return []finding.Finding{h.fixed(hostArray, "", first.At, finding.Args{"table": table}, edits)}
}

// addresses explains what the parser of containerd 1 makes of [::1] in a header.
func (h *hostsFile) addresses() []finding.Finding {
	if grammar(h.target) != tomldoc.V1 || h.doc == nil {
		return nil
	}
	for _, e := range h.doc.Entries {
		if e.Kind == tomldoc.Header && strings.Contains(h.doc.Text(e.Key), "]") {
			table := h.doc.Text(tomldoc.Span{Start: e.Start, End: e.End})
			return []finding.Finding{h.found(addressHost, "", e.At, finding.Args{"table": table})}
		}
	}
	return nil
}

// syntax is what is said when nothing better is known: the parser's own words.
func (h *hostsFile) syntax() []finding.Finding {
	at := h.problem.At
	args := finding.Args{"why": h.shown().reason(h.problem.Text, at.Line)}
	if !utf8.Valid(h.data) && h.doc == nil {
		args["why"] = "it is not UTF-8: " + fmt.Sprint(args["why"])
	}
	if edits := h.mend(); len(edits) > 0 {
		return []finding.Finding{with(h.found(invalidFile, "fix", at, args), edits)}
	}
	return []finding.Finding{h.found(invalidFile, "", at, args)}
}

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
