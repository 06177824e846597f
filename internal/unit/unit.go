// Package unit reads systemd unit files and environment files as values and
// says which edit gives a service another environment. It neither finds the
// files nor talks to systemd.
package unit

import (
	"bytes"
	"iter"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Setting is one assignment in a unit file.
type Setting struct {
	Section string
	Key     string
	Value   string // continued lines joined, nothing unquoted or expanded
	At      source.Pos
	Span    Span // of the value in the file
}

// Span is a range of bytes.
type Span struct{ Start, End int }

const blanks = " \t\r"

// Parse lists the assignments of a unit file in their order. Lines that are
// none are skipped, as systemd does. Source: systemd.syntax(7).
func Parse(f source.File) []Setting {
	var out []Setting
	section := ""
	places := places{file: f.Path, data: f.Data}
	for l := range lines(f.Data) {
		text := strings.Trim(strings.Join(l.parts, " "), blanks)
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			section = text[1 : len(text)-1]
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			continue
		}
		out = append(out, Setting{
			Section: section,
			Key:     strings.TrimRight(key, blanks),
			Value:   strings.TrimLeft(value, blanks),
			At:      places.at(l.span.Start),
			Span:    afterEquals(f.Data, l.span),
		})
	}
	return out
}

// line is a line of a unit file, with those that continue it.
type line struct {
	parts []string // without comments between continued lines
	span  Span     // without blanks around it
}

// lines joins lines that end in a backslash and leaves comments out. Comments
// are whole lines and may stand between continued ones.
func lines(data []byte) iter.Seq[line] {
	return func(yield func(line) bool) {
		var l line
		open := false
		for at := 0; at < len(data); {
			start, stop := at, len(data)
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				stop = at + i
			}
			at = stop + 1
			raw := strings.TrimRight(string(data[start:stop]), "\r")
			body := strings.TrimLeft(raw, blanks)
			if strings.HasPrefix(body, "#") || strings.HasPrefix(body, ";") {
				continue
			}
			if !open {
				start += len(raw) - len(body)
				raw = body
				l = line{span: Span{Start: start}}
			}
			l.span.End = start + len(strings.TrimRight(raw, blanks))
			if open = continued(raw); open {
				l.parts = append(l.parts, raw[:len(raw)-1])
				continue
			}
			l.parts = append(l.parts, raw)
			if strings.TrimLeft(strings.Join(l.parts, ""), blanks) != "" && !yield(l) {
				return
			}
		}
		if open {
			yield(l)
		}
	}
}

// continued reports whether a line ends in a backslash that is not itself escaped.
func continued(raw string) bool {
	return (len(raw)-len(strings.TrimRight(raw, `\`)))%2 == 1
}

func afterEquals(data []byte, s Span) Span {
	at := s.Start + bytes.IndexByte(data[s.Start:s.End], '=') + 1
	for at < s.End && strings.IndexByte(blanks, data[at]) >= 0 {
		at++
	}
	return Span{at, s.End}
}

// places turns offsets into positions. They have to be asked for in ascending
// order, so that a long file costs one pass.
type places struct {
	file        string
	data        []byte
	line, start int
}

func (p *places) at(offset int) source.Pos {
	for {
		i := bytes.IndexByte(p.data[p.start:offset], '\n')
		if i < 0 {
			break
		}
		p.line, p.start = p.line+1, p.start+i+1
	}
	pos := source.PosAt(p.file, p.data[p.start:], offset-p.start)
	pos.Line += p.line
	return pos
}
