package containerdconfig

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

func newTable(indent string, path []string, literal, eol string) string {
	last := len(path) - 1
	return indent + "[" + dotted(path[:last]) + "]" + eol + indent + "  " + path[last] + " = " + literal + eol
}

// dotted writes keys as TOML does, quoted where they need it.
func dotted(keys []string) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		if out[i] = k; k == "" || strings.Trim(k, bareKey) != "" {
			out[i] = textOf(k)
		}
	}
	return strings.Join(out, ".")
}

// replace puts another value in the place of one.
func (l *layer) replace(literal string, keys []string) []source.Edit {
	if l.doc == nil {
		return nil
	}
	e := l.doc.Find(keys...)
	if e == nil || e.Kind != tomldoc.Value {
		return nil
	}
	return []source.Edit{{File: l.file.Path, Start: e.Value.Start, End: e.Value.End, New: literal}}
}

// add writes a new key: behind its table's header, inside its inline table,
// beside dotted keys of its table, or in a table of its own at the end.
func (l *layer) add(literal string, path []string) []source.Edit {
	if l.doc == nil {
		return nil
	}
	last := len(path) - 1
	table, key := path[:last], path[last]
	header := -1
	for i, e := range l.doc.Entries {
		switch {
		case e.Kind == tomldoc.Header:
			header = i
			if slices.Equal(e.Path, table) {
				return l.insertLine(e.End, l.indentIn(i), key+" = "+literal)
			}
		case e.Kind == tomldoc.Value && slices.Equal(e.Path, table) && l.file.Data[e.Value.Start] == '{':
			return l.insertInline(e.Value, key+" = "+literal)
		case e.Kind == tomldoc.Value && !e.Inline && prefixed(e.Path, table):
			if above := l.headerPath(header); len(above) < len(table) {
				text := dotted(append(slices.Clone(table[len(above):]), key)) + " = " + literal
				return []source.Edit{{File: l.file.Path, Start: e.Start, End: e.Start, New: text + l.eol() + l.indentAt(e.Start)}}
			}
		}
	}
	return l.appendText(newTable("", path, literal, l.eol()))
}

func (l *layer) headerPath(i int) []string {
	if i < 0 {
		return nil
	}
	return l.doc.Entries[i].Path
}

func prefixed(path, prefix []string) bool {
	return len(path) > len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

func (l *layer) insertInline(table tomldoc.Span, text string) []source.Edit {
	inner := bytes.TrimSpace(l.file.Data[table.Start+1 : table.End-1])
	if len(inner) > 0 {
		text += ","
	}
	return []source.Edit{{File: l.file.Path, Start: table.Start + 1, End: table.Start + 1, New: " " + text}}
}

// insertLine adds a line below the one that holds an offset.
func (l *layer) insertLine(at int, indent, text string) []source.Edit {
	data := l.file.Data
	i := bytes.IndexByte(data[at:], '\n')
	if i < 0 {
		return []source.Edit{{File: l.file.Path, Start: len(data), End: len(data), New: l.eol() + indent + text + l.eol()}}
	}
	return []source.Edit{{File: l.file.Path, Start: at + i + 1, End: at + i + 1, New: indent + text + l.eol()}}
}

func (l *layer) appendText(text string) []source.Edit {
	data := l.file.Data
	gap := l.eol()
	if len(data) > 0 && data[len(data)-1] != '\n' {
		gap += gap
	}
	if len(bytes.TrimSpace(data)) == 0 {
		gap = ""
	}
	return []source.Edit{{File: l.file.Path, Start: len(data), End: len(data), New: gap + text}}
}

// eol is the line end that the file uses.
func (l *layer) eol() string {
	if bytes.Contains(l.file.Data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// indentAt is the white space in front of an offset's line.
func (l *layer) indentAt(at int) string {
	line := l.file.Data[bytes.LastIndexByte(l.file.Data[:at], '\n')+1 : at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// indentIn is how keys of a table are indented: like the first of them, else
// two blanks more than the header.
func (l *layer) indentIn(header int) string {
	e := l.doc.Entries[header]
	if header+1 < len(l.doc.Entries) {
		if next := l.doc.Entries[header+1]; next.Kind == tomldoc.Value && prefixed(next.Path, e.Path) {
			return l.indentAt(next.Start)
		}
	}
	return l.indentAt(e.Start) + "  "
}

// without removes elements from a list of texts.
func (l *layer) without(key string, gone func(string) bool) []source.Edit {
	if l.doc == nil {
		return nil
	}
	e := l.doc.Find(key)
	list, _ := l.raw[key].([]any)
	if e == nil {
		return nil
	}
	spans := l.doc.Elements(e.Value)
	if len(spans) != len(list) {
		return nil
	}
	var out []source.Edit
	for i, v := range list {
		if text, ok := v.(string); ok && gone(text) {
			start, end := l.withComma(spans[i], e.Value)
			out = append(out, source.Edit{File: l.file.Path, Start: start, End: end})
		}
	}
	return joinOverlaps(out)
}

// withComma widens an element of a list or inline table to the comma that goes
// with it: the one behind it, for a last element the one before it.
func (l *layer) withComma(s, within tomldoc.Span) (start, end int) {
	data := l.file.Data
	end = s.End
	for end < within.End && bytes.IndexByte([]byte(" \t"), data[end]) >= 0 {
		end++
	}
	if end < within.End && data[end] == ',' {
		end++
		for end < within.End && data[end] == ' ' {
			end++
		}
		return s.Start, end
	}
	start = s.Start
	for start > within.Start+1 && bytes.IndexByte([]byte(" \t\r\n"), data[start-1]) >= 0 {
		start--
	}
	if start > within.Start+1 && data[start-1] == ',' {
		return start - 1, s.End
	}
	return s.Start, s.End
}

// joinOverlaps makes neighbouring removals one.
func joinOverlaps(edits []source.Edit) []source.Edit {
	slices.SortFunc(edits, func(a, b source.Edit) int { return a.Start - b.Start })
	var out []source.Edit
	for _, e := range edits {
		if n := len(out); n > 0 && e.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, e.End)
			continue
		}
		out = append(out, e)
	}
	return out
}

// rename gives the last key of a path another name wherever the path occurs.
func (l *layer) rename(path []string, name string) []source.Edit {
	return l.rewrite(path, func(keys []string) []string {
		out := slices.Clone(keys)
		out[len(path)-1] = name
		return out
	})
}

// renameTable gives a plugin's table another id.
func (l *layer) renameTable(id, now string) []source.Edit {
	return l.rename([]string{"plugins", id}, now)
}

// rewrite writes the keys of every expression at or below a path anew. Only the
// part of a key that stands in the expression itself can be written; keys of an
// inline table or below a header keep what that says.
func (l *layer) rewrite(path []string, now func([]string) []string) []source.Edit {
	if l.doc == nil {
		return nil
	}
	var out []source.Edit
	for _, e := range l.doc.Entries {
		if slices.Equal(e.Path, path) || prefixed(e.Path, path) {
			if above := len(e.Path) - written(l.doc.Text(e.Key)); above < len(path) {
				out = append(out, source.Edit{File: l.file.Path, Start: e.Key.Start, End: e.Key.End, New: dotted(now(e.Path)[above:])})
			}
		}
	}
	return out
}

// written counts the parts of a key as it is written: dots outside of quotes
// stand between them.
func written(key string) int {
	n, quote := 1, byte(0)
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '.':
			n++
		}
	}
	return n
}

// setVersion writes the version of a file, at its top if it has none.
func (l *layer) setVersion(n int) []source.Edit {
	if _, ok := l.value("version"); ok {
		return l.replace(strconv.Itoa(n), []string{"version"})
	}
	at := 0
	if bytes.HasPrefix(l.file.Data, bom) {
		at = len(bom)
	}
	return []source.Edit{{File: l.file.Path, Start: at, End: at, New: "version = " + strconv.Itoa(n) + l.eol()}}
}
