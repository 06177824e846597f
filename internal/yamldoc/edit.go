package yamldoc

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Span is a range of bytes.
type Span struct{ Start, End int }

// Lines returns the whole lines of an entry: the comment directly above it, the
// entry, and comments behind it that are indented deeper than its key. It is
// false for an entry that shares a line with something else, as in { … }.
func (d *Doc) Lines(p Pair) (Span, bool) {
	start := d.lineStart(p.Key.Start)
	if !onlyBlanks(d.Data[start:p.Key.Start]) || p.Value.End < p.Key.End {
		return Span{}, false
	}
	indent := p.Key.Start - start
	end := d.nextLine(p.Value.End)
	if rest := d.skipSpace(p.Value.End); rest < end && rest < len(d.Data) {
		return Span{}, false
	}
	for start > 0 {
		above := d.lineStart(start - 1)
		if in, comment := d.comment(above); !comment || in != indent {
			break
		}
		start = above
	}
	for end < len(d.Data) {
		in, comment := d.comment(end)
		if !comment || in <= indent {
			break
		}
		end = d.nextLine(end)
	}
	return Span{start, end}, true
}

// comment reports whether the line at an offset is a comment, and its indentation.
func (d *Doc) comment(at int) (int, bool) {
	line := d.Data[at:d.lineEnd(at)]
	text := bytes.TrimLeft(line, " ")
	return len(line) - len(text), len(text) > 0 && text[0] == '#'
}

// Indent is the number of blanks in front of a node on its line.
func (d *Doc) Indent(n *Node) int {
	start := d.lineStart(n.Start)
	if HasBOM(d.Data) && start == 0 {
		start = len(utf8BOM)
	}
	return n.Start - start
}

// Break is the line end that the document uses.
func (d *Doc) Break() string {
	if i := bytes.IndexByte(d.Data, '\n'); i > 0 && d.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// Replace is the edit that puts a text in the place of a node.
func (d *Doc) Replace(n *Node, text string) source.Edit {
	return source.Edit{File: d.File, Start: n.Start, End: n.End, New: text}
}

// Cut is the edit that takes bytes away.
func (d *Doc) Cut(s Span) source.Edit { return source.Edit{File: d.File, Start: s.Start, End: s.End} }

// Insert is the edit that puts a text at an offset.
func (d *Doc) Insert(at int, text string) source.Edit {
	return source.Edit{File: d.File, Start: at, End: at, New: text}
}

// After is where a line can be put behind an entry, and what has to come first
// there: a line end, if the file has none.
func (d *Doc) After(s Span) (int, string) {
	if s.End > 0 && s.End == len(d.Data) && d.Data[s.End-1] != '\n' {
		return s.End, d.Break()
	}
	return s.End, ""
}

// Shift moves lines to the right, or with a negative number to the left. Blank
// lines stay as they are.
func Shift(text string, by int) string {
	if by == 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
		case by > 0:
			b.WriteString(strings.Repeat(" ", by))
		default:
			blanks := len(line) - len(strings.TrimLeft(line, " "))
			line = line[min(-by, blanks):]
		}
		b.WriteString(line)
	}
	return b.String()
}

var safe = regexp.MustCompile(`^[A-Za-z0-9_/.][A-Za-z0-9_/.@+=$%~-]*(:[A-Za-z0-9_/.@+=$%~-]+)*$`)

// Write returns a text as a YAML scalar that every YAML parser reads as that
// text: plain where this is safe, else in double quotes.
func Write(text string) string {
	if safe.MatchString(text) && !otherType(text) {
		return text
	}
	return quote(text)
}

// otherType reports a text that without quotes would be a number, a boolean or
// null, in YAML 1.1 or 1.2.
func otherType(text string) bool {
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ".inf", ".nan", "=":
		return true
	}
	return strings.Trim(text, "0123456789_.:+-xXabcdefABCDEFoO") == "" && strings.ContainsAny(text[:1], "0123456789.+-")
}

func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF:
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func escape(r rune) string {
	hex := strconv.FormatInt(int64(r), 16)
	return `\u` + strings.Repeat("0", 4-len(hex)) + hex
}

func onlyBlanks(b []byte) bool {
	return len(bytes.Trim(bytes.TrimPrefix(b, utf8BOM), " ")) == 0
}
