// Package jsondoc reads JSON with its places kept, so that what a runtime makes
// of a file can be told line by line and edited byte by byte. It accepts what
// encoding/json accepts. It never re-encodes a document and does no I/O.
package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/towpath-dev/towpath/internal/source"
)

// Bounds of what is read: no file that works comes near them.
const (
	MaxBytes = 1 << 20
	maxDepth = 500
)

// Kind is what a value is.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

var words = [...]string{"null", "true or false", "a number", "a text", "a list", "an object"}

// String names a kind for people.
func (k Kind) String() string { return words[k] }

// Node is a value with its place: the bytes Start to End of the document.
type Node struct {
	Kind       Kind
	Start, End int
	Text       string   // of a String
	True       bool     // of a Bool
	Items      []*Node  // of an Array
	Members    []Member // of an Object, in the order of the document, repeated keys and all
}

// Member is a key of an object with its value.
type Member struct {
	Key   string
	Name  *Node // the key as it stands there
	Value *Node
}

// Get returns the last member with a key, which is the one that counts; nil:
// there is none. Keys are compared exactly.
func (n *Node) Get(key string) *Member {
	if n == nil {
		return nil
	}
	for i := len(n.Members) - 1; i >= 0; i-- {
		if n.Members[i].Key == key {
			return &n.Members[i]
		}
	}
	return nil
}

// Problem is why a document was refused, and where.
type Problem struct {
	At     source.Pos
	Text   string
	Unread bool // too large or too deep for us; the runtime may accept it
}

// Error is "file:line:column: text".
func (p *Problem) Error() string { return p.At.String() + ": " + p.Text }

// Doc is a document with its places.
type Doc struct {
	File string
	Data []byte
	Root *Node // nil: the document is empty
}

// Parse reads a document as encoding/json does; one of white space alone has no Root.
func Parse(file string, data []byte) (*Doc, *Problem) {
	d := &Doc{File: file, Data: data}
	if len(data) > MaxBytes {
		return nil, &Problem{At: source.Pos{File: file}, Text: fmt.Sprintf("%d bytes, more than the %d that are read", len(data), MaxBytes), Unread: true}
	}
	if at := tooDeep(data); at >= 0 {
		return nil, &Problem{At: source.PosAt(file, data, at), Text: fmt.Sprintf("nested more than %d deep, which is not read", maxDepth), Unread: true}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return d, nil
	}
	var any json.RawMessage
	if err := json.Unmarshal(data, &any); err != nil {
		return nil, d.problem(err)
	}
	s := scanner{data: data}
	d.Root = s.value()
	return d, nil
}

func (d *Doc) problem(err error) *Problem {
	p := &Problem{At: source.Pos{File: d.File}, Text: err.Error()}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		p.At = source.PosAt(d.File, d.Data, int(syntax.Offset)-1)
	}
	return p
}

// tooDeep is where a document is nested too deep for us; -1: nowhere.
func tooDeep(data []byte) int {
	depth, text := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// Pos is the place where a node begins.
func (d *Doc) Pos(n *Node) source.Pos {
	if n == nil {
		return source.Pos{File: d.File}
	}
	return source.PosAt(d.File, d.Data, n.Start)
}

// scanner walks a document that is known to be valid.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) && bytes.IndexByte([]byte(" \t\r\n"), s.data[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) value() *Node {
	s.space()
	n := &Node{Start: s.at}
	switch s.data[s.at] {
	case '{':
		n.Kind = Object
		s.list('}', func() {
			name := s.value()
			s.space()
			s.at++ // the colon
			n.Members = append(n.Members, Member{Key: name.Text, Name: name, Value: s.value()})
		})
	case '[':
		n.Kind = Array
		s.list(']', func() { n.Items = append(n.Items, s.value()) })
	case '"':
		n.Kind = String
		s.text()
		_ = json.Unmarshal(s.data[n.Start:s.at], &n.Text)
	default:
		for s.at < len(s.data) && bytes.IndexByte([]byte(" \t\r\n,]}"), s.data[s.at]) < 0 {
			s.at++
		}
		switch s.data[n.Start] {
		case 't', 'f':
			n.Kind, n.True = Bool, s.data[n.Start] == 't'
		case 'n':
			n.Kind = Null
		default:
			n.Kind = Number
		}
	}
	n.End = s.at
	return n
}

// list reads what stands between brackets.
func (s *scanner) list(end byte, element func()) {
	s.at++
	for {
		if s.space(); s.data[s.at] == end {
			s.at++
			return
		}
		if s.data[s.at] == ',' {
			s.at++
			continue
		}
		element()
	}
}

func (s *scanner) text() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}
