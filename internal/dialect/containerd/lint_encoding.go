package containerd

import (
	"bytes"
	"fmt"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

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
	f := h.cured(h.found(byteOrderMark, variant, source.Pos{File: h.path, Line: 1, Column: 1}, nil), edits)
	f.Evidence = nil
	head := h.data[:min(3, len(h.data))]
	return f.Saw(fmt.Sprintf("% x", head), h.path, "head -c 3 "+quote(h.path)+" | od -An -tx1")
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
