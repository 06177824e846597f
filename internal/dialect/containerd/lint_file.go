package containerd

import (
	"bytes"
	"fmt"
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
	case h.verdict != dropped, h.problem != nil && h.problem.Text == noHostTable && h.empty():
		return nil // what an empty file means is said where directories are judged
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

// empty reports that a file holds blanks and comments alone.
func (h *hostsFile) empty() bool { return h.doc != nil && len(h.doc.Entries) == 0 }

// noHost explains the demand of older versions for a host table.
func (h *hostsFile) noHost() []finding.Finding {
	if h.problem.Text != noHostTable || h.empty() {
		return nil
	}
	if f := h.meant(); f != nil {
		return []finding.Finding{*f}
	}
	text := "[host]" + h.newline()
	if !bytes.HasSuffix(h.data, []byte("\n")) {
		text = h.newline() + text
	}
	at := source.Pos{File: h.path}
	if h.doc != nil {
		at = h.doc.Entries[0].At
	}
	edits := []source.Edit{h.edit(len(h.data), len(h.data), text)}
	if !h.cures(edits) {
		edits = nil
	}
	f := h.found(serverOnly, "", at, nil)
	return []finding.Finding{with(f, edits).Saw("no line with [host]", h.path, "grep -n '\\[ *host' "+quote(h.path))}
}

// meant finds the table that would be a host's, were it spelt right.
func (h *hostsFile) meant() *finding.Finding {
	if h.doc == nil {
		return nil
	}
	for i := range h.doc.Entries {
		if e := &h.doc.Entries[i]; e.Kind == tomldoc.Header {
			if f, _ := h.unknownEntry(e); f != nil && f.Fix != nil && len(f.Fix.Edits) > 0 {
				return f
			}
		}
	}
	return nil
}

// cured adds edits to a finding's fix if they cure it.
func (h *hostsFile) cured(f finding.Finding, edits []source.Edit) finding.Finding {
	if h.cures(edits) {
		return with(f, edits)
	}
	return f
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
	return []finding.Finding{h.cured(h.found(hostArray, "", first.At, finding.Args{"table": table}), edits)}
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
