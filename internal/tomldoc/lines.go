package tomldoc

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Break is the line end that the document uses.
func (d *Doc) Break() string {
	if i := bytes.IndexByte(d.Data, '\n'); i > 0 && d.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// Lines are the whole lines of an expression, with their ends.
func (d *Doc) Lines(e Entry) Span {
	start := bytes.LastIndexByte(d.Data[:e.Start], '\n') + 1
	end := len(d.Data)
	if i := bytes.IndexByte(d.Data[min(e.End, len(d.Data)):], '\n'); i >= 0 {
		end = e.End + i + 1
	}
	return Span{start, end}
}

// Section are the lines of the table that begins at an entry: from its header
// to its last key. Comments and blank lines behind that do not belong to it.
func (d *Doc) Section(header int) Span {
	s := d.Lines(d.Entries[header])
	for _, e := range d.Entries[header+1:] {
		if e.Kind != Value {
			break
		}
		s.End = max(s.End, d.Lines(e).End)
	}
	return s
}

// Cut is the edit that takes bytes away.
func (d *Doc) Cut(s Span) source.Edit { return source.Edit{File: d.File, Start: s.Start, End: s.End} }

// Replace is the edit that puts a text in the place of bytes.
func (d *Doc) Replace(s Span, text string) source.Edit {
	return source.Edit{File: d.File, Start: s.Start, End: s.End, New: text}
}

// Insert is the edit that puts lines at an offset, behind the line end that may
// be missing there.
func (d *Doc) Insert(at int, lines string) source.Edit {
	if at > 0 && at == len(d.Data) && d.Data[at-1] != '\n' {
		lines = d.Break() + lines
	}
	return source.Edit{File: d.File, Start: at, End: at, New: lines}
}

// Quote writes a text as a TOML string.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7F:
			hex := strconv.FormatInt(int64(r), 16)
			b.WriteString(`\u` + strings.Repeat("0", 4-len(hex)) + hex)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// QuoteAll writes texts as a TOML array.
func QuoteAll(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = Quote(t)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
