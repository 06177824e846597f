package unit

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// word is one item of a setting that takes a list.
type word struct {
	text string // unquoted and unescaped
	span Span   // as written, quotes included
}

// words splits a value as systemd does: at blanks that are not quoted, quotes
// removed wherever they stand, backslashes interpreted as in C. A value with an
// unknown escape or an open quote is cut off there, as systemd ignores the rest.
func words(data []byte, s Span) []word {
	w := &wording{data: data[:s.End], at: s.Start}
	var out []word
	for w.skip() {
		start := w.at
		text, ok := w.next()
		if !ok {
			break
		}
		out = append(out, word{text, Span{start, w.at}})
	}
	return out
}

type wording struct {
	data []byte
	at   int
}

func (w *wording) end() bool { return w.at >= len(w.data) }

// skip moves to the next word. The end of a continued line is a blank, and
// comment lines may follow it.
func (w *wording) skip() bool {
	for !w.end() {
		switch c := w.data[w.at]; {
		case strings.IndexByte(blanks+"\n", c) >= 0:
			w.at++
		case w.joins():
			w.join()
		default:
			return true
		}
	}
	return false
}

// joins reports whether a backslash here ends its line.
func (w *wording) joins() bool {
	rest := w.data[w.at+1:]
	return w.data[w.at] == '\\' && (bytes.HasPrefix(rest, []byte("\n")) || bytes.HasPrefix(rest, []byte("\r\n")))
}

// join steps over the end of a continued line and the comments behind it.
func (w *wording) join() {
	for more := true; more && !w.end(); {
		w.nextLine()
		at := w.at
		for at < len(w.data) && strings.IndexByte(blanks, w.data[at]) >= 0 {
			at++
		}
		more = at < len(w.data) && (w.data[at] == '#' || w.data[at] == ';')
	}
}

func (w *wording) nextLine() {
	for !w.end() && w.data[w.at] != '\n' {
		w.at++
	}
	w.at = min(w.at+1, len(w.data))
}

// next reads one word.
func (w *wording) next() (string, bool) {
	var b strings.Builder
	var quote byte
	for !w.end() {
		c := w.data[w.at]
		switch {
		case w.joins() && quote == 0:
			return b.String(), true
		case w.joins():
			b.WriteByte(' ')
			w.join()
			continue
		case c == '\\':
			n, ok := unescape(&b, w.data[w.at+1:])
			if !ok {
				return "", false
			}
			w.at += n
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(blanks+"\n", c) >= 0:
			return b.String(), true
		case c == quote && quote != 0:
			quote = 0
		default:
			b.WriteByte(c)
		}
		w.at++
	}
	return b.String(), quote == 0
}

var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	'\\': `\`, '"': `"`, '\'': `'`, 's': " ",
}

// digits is how many digits follow \x, \u, \U and an octal escape, and their base.
var digits = map[byte][2]int{'x': {2, 16}, 'u': {4, 16}, 'U': {8, 16}}

// unescape writes what follows a backslash and returns how many bytes that were.
func unescape(b *strings.Builder, rest []byte) (int, bool) {
	if len(rest) == 0 {
		return 0, false
	}
	if text, ok := escapes[rest[0]]; ok {
		b.WriteString(text)
		return 1, true
	}
	d, skip := digits[rest[0]], 1
	if rest[0] >= '0' && rest[0] <= '7' {
		d, skip = [2]int{3, 8}, 0
	}
	if d[0] == 0 || len(rest) < skip+d[0] {
		return 0, false
	}
	n, err := strconv.ParseUint(string(rest[skip:skip+d[0]]), d[1], 32)
	switch {
	case err != nil || n == 0:
		return 0, false
	case d[0] < 4 && n < 256:
		b.WriteByte(byte(n))
	case n <= utf8.MaxRune:
		b.WriteRune(rune(n))
	default:
		return 0, false
	}
	return skip + d[0], true
}

// specifiers are the letters that stand for something behind a percent sign.
// Source: systemd.unit(5).
const specifiers = "aAbBCdDEfgGhHiIjJlLmMnNopPqsStTuUvVwWyY"

// expand resolves the specifiers that can be known without asking systemd: %%
// and those made of the unit's own name. Others stay as they are. It is false
// for one that does not exist, such as the "%2" of a URL's "%20": systemd then
// ignores the item.
func expand(text, unit string) (string, bool) {
	if !strings.Contains(text, "%") {
		return text, true
	}
	base := unit
	if i := strings.LastIndexByte(unit, '.'); i > 0 {
		base = unit[:i]
	}
	prefix, instance, _ := strings.Cut(base, "@")
	known := map[byte]string{'%': "%", 'n': unit, 'N': base, 'p': prefix, 'i': instance}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if value, ok := known[text[i]]; ok {
			b.WriteString(value)
			continue
		}
		if strings.IndexByte(specifiers, text[i]) < 0 {
			return "", false
		}
		b.WriteString(text[i-1 : i+1])
	}
	return b.String(), true
}

// quote writes a word so that systemd reads it back as it is.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`, "\t", `\t`).Replace(text) + `"`
}
