// Package tomldoc reads TOML with its places kept, so that what a runtime makes
// of a file can be told line by line and edited byte by byte. It accepts what
// the runtimes accept: containerd 1.x reads with go-toml v1, 2.x with v2, and
// the two disagree. It never re-encodes a document.
package tomldoc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	v1 "github.com/pelletier/go-toml"
	v2 "github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/towpath-dev/towpath/internal/source"
)

// Grammar is one of the two parsers that runtimes use.
type Grammar uint8

// V1 is github.com/pelletier/go-toml 1.9 (containerd 1.x), V2 is its successor
// (containerd 2.x, K3s and BuildKit of today).
const (
	V1 Grammar = 1
	V2 Grammar = 2
)

// Problem is why a document was refused, and where.
type Problem struct {
	At     source.Pos
	Text   string
	Unread bool // too large or too deep for us; the runtime may accept it
	Crash  bool // the runtime's parser crashes on it
}

// Error is "file:line:column: text".
func (p *Problem) Error() string { return p.At.String() + ": " + p.Text }

// Decode returns the document as nested maps, as the grammar reads it, or why
// it is refused. Integers are int64, tables map[string]any, arrays []any.
func Decode(g Grammar, file string, data []byte) (map[string]any, *Problem) {
	out := map[string]any{}
	bad := Try(g, file, data, func() error {
		if g == V2 {
			return v2.Unmarshal(data, &out)
		}
		tree, err := v1.LoadBytes(data)
		if err == nil {
			out = tree.ToMap()
		}
		return err
	})
	if bad != nil {
		return nil, bad
	}
	return out, nil
}

// problemV1 recovers the position that v1 only prints: "(3, 5): …".
func problemV1(file string, err error) *Problem {
	p := &Problem{At: source.Pos{File: file}, Text: err.Error()}
	var line, column int
	if _, scan := fmt.Sscanf(p.Text, "(%d, %d): ", &line, &column); scan == nil {
		p.At.Line, p.At.Column = line, column
		p.Text = p.Text[len(fmt.Sprintf("(%d, %d): ", line, column)):]
	}
	return p
}

func problemV2(file string, err error) *Problem {
	p := &Problem{At: source.Pos{File: file}, Text: err.Error()}
	if d, ok := errors.AsType[*v2.DecodeError](err); ok {
		p.At.Line, p.At.Column = d.Position()
	}
	return p
}

// Kind tells table headers from values.
type Kind uint8

// What an Entry is.
const (
	Value       Kind = iota // key = value
	Header                  // [table]
	ArrayHeader             // [[table]]
)

// Entry is one expression of a document. Offsets are bytes; End is the first
// byte that no longer belongs to it.
type Entry struct {
	Kind       Kind
	Path       []string // from the root of the document, the table's included
	Inline     bool     // it stands inside an inline table
	Start, End int      // the expression, without indentation, comment and line end
	Key        Span     // the key as written; of a header: what is between the brackets
	Value      Span     // zero for headers
	At         source.Pos
}

// Span is a range of bytes.
type Span struct{ Start, End int }

// Doc is a document with its places.
type Doc struct {
	File    string
	Data    []byte
	Entries []Entry // in the order of the document

	line, lineStart int            // where the last entry was, so that places cost one pass in all
	first           map[string]int // the first entry of a path, in long documents
}

// Parse lists the expressions of a document. It follows the grammar of v2; a
// document that only v1 accepts is refused here, and positions are then those
// that Decode's Problem or the caller can find.
func Parse(file string, data []byte) (*Doc, *Problem) {
	if bad := Guard(file, data); bad != nil {
		return nil, bad
	}
	return parse(file, data)
}

// ParseLong is Parse for documents of the size that GuardLong allows.
func ParseLong(file string, data []byte) (*Doc, *Problem) {
	if bad := GuardLong(file, data); bad != nil {
		return nil, bad
	}
	return parse(file, data)
}

func parse(file string, data []byte) (*Doc, *Problem) {
	d := &Doc{File: file, Data: data}
	p := &unstable.Parser{}
	p.Reset(data)
	var table []string
	for p.NextExpression() {
		n := p.Expression()
		switch n.Kind {
		case unstable.Table, unstable.ArrayTable:
			keys, span := keyOf(n.Key())
			table = keys
			kind := Header
			if n.Kind == unstable.ArrayTable {
				kind = ArrayHeader
			}
			start, end := d.brackets(span)
			d.add(Entry{Kind: kind, Path: keys, Start: start, End: end, Key: span})
		case unstable.KeyValue:
			d.value(p, n, table, false)
		}
	}
	if err := p.Error(); err != nil {
		return nil, d.problem(err)
	}
	d.index()
	return d, nil
}

// index lets Find look into a long document without passing it.
func (d *Doc) index() {
	const long = 200
	if len(d.Entries) < long {
		return
	}
	d.first = make(map[string]int, len(d.Entries))
	for i, e := range d.Entries {
		name := joined(e.Path)
		if _, known := d.first[name]; !known {
			d.first[name] = i
		}
	}
}

// joined is a path as one text; no key holds the byte between.
func joined(path []string) string { return strings.Join(path, "\xff") }

// value adds a key = value and, when the value is an inline table, its members.
func (d *Doc) value(p *unstable.Parser, n *unstable.Node, table []string, inline bool) {
	keys, span := keyOf(n.Key())
	path := append(slices.Clone(table), keys...)
	v := d.valueSpan(span.End)
	d.add(Entry{Kind: Value, Path: path, Inline: inline, Start: span.Start, End: v.End, Key: span, Value: v})
	if n.Value().Kind == unstable.InlineTable {
		it := n.Value().Children()
		for it.Next() {
			d.value(p, it.Node(), path, true)
		}
	}
}

func (d *Doc) add(e Entry) {
	for {
		i := bytes.IndexByte(d.Data[d.lineStart:e.Start], '\n')
		if i < 0 {
			break
		}
		d.line, d.lineStart = d.line+1, d.lineStart+i+1
	}
	e.At = source.Pos{File: d.File, Line: d.line + 1, Column: utf8.RuneCount(d.Data[d.lineStart:e.Start]) + 1}
	d.Entries = append(d.Entries, e)
}

func (d *Doc) problem(err error) *Problem {
	p := &Problem{At: source.Pos{File: d.File}, Text: err.Error()}
	if e, ok := errors.AsType[*unstable.ParserError](err); ok {
		p.Text = e.Message
	}
	// The parser's own error has no position; the decoder's has.
	if _, decoded := Decode(V2, d.File, d.Data); decoded != nil {
		return decoded
	}
	return p
}

func keyOf(it unstable.Iterator) ([]string, Span) {
	var keys []string
	var s Span
	for it.Next() {
		n := it.Node()
		if keys == nil {
			s.Start = int(n.Raw.Offset)
		}
		s.End = int(n.Raw.Offset + n.Raw.Length)
		keys = append(keys, string(n.Data))
	}
	return keys, s
}

// brackets widens the span of a header's key to its brackets.
func (d *Doc) brackets(key Span) (start, end int) {
	start, end = key.Start, key.End
	for start > 0 && d.Data[start] != '[' {
		start--
	}
	if start > 0 && d.Data[start-1] == '[' {
		start--
	}
	for end < len(d.Data) && d.Data[end] != ']' {
		end++
	}
	for end < len(d.Data) && d.Data[end] == ']' {
		end++
	}
	return start, end
}

// valueSpan finds the value that follows a key by scanning, because the
// library gives no range for arrays and tables.
func (d *Doc) valueSpan(at int) Span {
	for at < len(d.Data) && d.Data[at] != '=' {
		at++
	}
	at++
	for at < len(d.Data) && (d.Data[at] == ' ' || d.Data[at] == '\t') {
		at++
	}
	return Span{at, skipValue(d.Data, at)}
}

// Find returns the first entry with a path, or nil.
func (d *Doc) Find(path ...string) *Entry {
	if d.first != nil {
		if i, known := d.first[joined(path)]; known {
			return &d.Entries[i]
		}
		return nil
	}
	for i := range d.Entries {
		if slices.Equal(d.Entries[i].Path, path) {
			return &d.Entries[i]
		}
	}
	return nil
}

// At is the position of the first entry with a path; of its nearest parent
// when it has none of its own; of the file when that has none either.
func (d *Doc) At(path ...string) source.Pos {
	for n := len(path); n > 0; n-- {
		if e := d.Find(path[:n]...); e != nil {
			return e.At
		}
	}
	return source.Pos{File: d.File}
}

// Within is where an offset inside an entry stands. It passes the entry alone.
func (d *Doc) Within(e Entry, offset int) source.Pos {
	head := d.Data[e.Start:offset]
	start := bytes.LastIndexByte(head, '\n')
	if start < 0 {
		return source.Pos{File: d.File, Line: e.At.Line, Column: e.At.Column + utf8.RuneCount(head)}
	}
	return source.Pos{File: d.File, Line: e.At.Line + bytes.Count(head, []byte("\n")), Column: utf8.RuneCount(head[start+1:]) + 1}
}

// Text returns the bytes of a span as text.
func (d *Doc) Text(s Span) string { return string(d.Data[s.Start:s.End]) }
