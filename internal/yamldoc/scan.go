package yamldoc

import (
	"bytes"
	"strings"
)

// The functions of this file step over pieces of a document that the parser
// has accepted, because it tells where a node begins but not where it ends.

// skipSpace steps over blanks, line breaks and comments.
func (d *Doc) skipSpace(at int) int {
	for at < len(d.Data) {
		switch c := d.Data[at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			at++
		case c == '#' && (at == 0 || isBlank(d.Data[at-1])):
			at = d.lineEnd(at)
		default:
			return at
		}
	}
	return at
}

// skipWord steps over an anchor, an alias or a tag.
func (d *Doc) skipWord(at int) int {
	for at < len(d.Data) && !isBlank(d.Data[at]) && bytes.IndexByte([]byte(",]}"), d.Data[at]) < 0 {
		at++
	}
	return at
}

// skipProperties steps over the anchor and the tag in front of a value.
func (d *Doc) skipProperties(at int) int {
	for at < len(d.Data) && (d.Data[at] == '&' || d.Data[at] == '!') {
		end := d.skipWord(at)
		next := d.skipSpace(end)
		if next == len(d.Data) {
			return end
		}
		at = next
	}
	return at
}

func (d *Doc) skipQuoted(at int, quote byte) int {
	for at++; at < len(d.Data); at++ {
		switch {
		case d.Data[at] == '\\' && quote == '"':
			at++
		case d.Data[at] == quote && quote == '\'' && at+1 < len(d.Data) && d.Data[at+1] == quote:
			at++
		case d.Data[at] == quote:
			return at + 1
		}
	}
	return len(d.Data)
}

// skipPlain steps over an unquoted text: its words, with whatever folds lines
// between them.
func (d *Doc) skipPlain(at int, value string) int {
	for _, word := range strings.Fields(value) {
		next := d.skipSpace(at)
		if !bytes.HasPrefix(d.Data[next:], []byte(word)) {
			return at
		}
		at = next + len(word)
	}
	return at
}

// skipBlock steps over a text behind | or >: its header and every line that is
// indented as its first one.
func (d *Doc) skipBlock(at int, empty bool) int {
	end := d.lineEnd(at)
	if empty {
		return end
	}
	indent := -1
	for next := end; next < len(d.Data); {
		start := next + 1
		next = d.lineEnd(start)
		line := d.Data[min(start, next):next]
		width := len(line) - len(bytes.TrimLeft(line, " "))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if indent < 0 {
			indent = width
		}
		if width < indent {
			break
		}
		end = next
	}
	return end
}

// skipColon returns the place behind the colon of a key.
func (d *Doc) skipColon(at int) int {
	if next := d.skipSpace(at); next < len(d.Data) && d.Data[next] == ':' {
		return next + 1
	}
	return at
}

// skipClose returns the place behind the bracket that ends a flow collection.
func (d *Doc) skipClose(at int, empty bool) int {
	if empty && at < len(d.Data) {
		at++
	}
	for at < len(d.Data) {
		at = d.skipSpace(at)
		if at == len(d.Data) {
			break
		}
		switch d.Data[at] {
		case ']', '}':
			return at + 1
		case ',', ':', '?':
			at++
		default:
			return at
		}
	}
	return at
}

// lineEnd is the offset of the line break, or of the end of the file.
func (d *Doc) lineEnd(at int) int {
	if at >= len(d.Data) {
		return len(d.Data)
	}
	if i := bytes.IndexByte(d.Data[at:], '\n'); i >= 0 {
		if end := at + i; end > at && d.Data[end-1] == '\r' {
			return end - 1
		}
		return at + i
	}
	return len(d.Data)
}

// lineStart is the offset of the first byte of the line.
func (d *Doc) lineStart(at int) int { return bytes.LastIndexByte(d.Data[:at], '\n') + 1 }

// nextLine is the offset of the line after the one that at is in.
func (d *Doc) nextLine(at int) int {
	if i := bytes.IndexByte(d.Data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.Data)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
