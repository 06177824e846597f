package tomldoc

import (
	"bytes"

	"github.com/towpath-dev/towpath/internal/source"
)

// MaxDepth is how many levels of arrays, inline tables or dotted keys a
// document may nest. Both libraries parse by recursion and v1 knows no bound of
// its own: a file of brackets would take the program down with it.
const MaxDepth = 1000

// nested reports where a document first nests deeper than MaxDepth.
func nested(file string, data []byte) *Problem {
	levels, dots := 0, 0
	for at := 0; at < len(data); at++ {
		switch data[at] {
		case '"', '\'':
			at = closing(data, at) - 1
		case '#':
			at += lineEnd(data[at:]) - 1
		case '[', '{':
			levels, dots = levels+1, 0
		case ']', '}':
			levels = max(levels-1, 0)
		case '.':
			dots++
		case '=', ',', '\n':
			dots = 0
		}
		if levels > MaxDepth || dots > MaxDepth {
			return &Problem{At: source.PosAt(file, data, at), Text: "more than 1000 levels of nesting"}
		}
	}
	return nil
}

// closing returns the offset behind the string that begins at a place. A string
// of one line that is never closed ends with its line, as for the parsers.
func closing(data []byte, at int) int {
	if bytes.HasPrefix(data[at:], bytes.Repeat(data[at:at+1], 3)) {
		return skipString(data, at)
	}
	line := data[:at+lineEnd(data[at:])]
	return min(skipString(line, at), len(line))
}

func lineEnd(data []byte) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i
	}
	return len(data)
}

// Elements lists the elements of an array, as spans of the document. Anything
// but an array has none.
func (d *Doc) Elements(array Span) []Span {
	if array.End > len(d.Data) || array.Start >= array.End || d.Data[array.Start] != '[' {
		return nil
	}
	var out []Span
	at := array.Start + 1
	for at < array.End-1 {
		switch c := d.Data[at]; {
		case c == '#':
			at += lineEnd(d.Data[at:])
		case bytes.IndexByte([]byte(" \t\r\n,"), c) >= 0:
			at++
		default:
			end := skipValue(d.Data, at)
			if end <= at {
				return out
			}
			out = append(out, Span{at, end})
			at = end
		}
	}
	return out
}
