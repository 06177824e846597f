// Package yamldoc reads YAML with its places kept, so that what a program makes
// of a file can be told line by line and edited byte by byte. What counts is
// what gopkg.in/yaml.v2 accepts without strictness, because K3s and RKE2 read
// with it; the places come from a second parser. It never re-encodes a document
// and knows nothing of what the keys mean.
package yamldoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	v4 "go.yaml.in/yaml/v4"
	v2 "gopkg.in/yaml.v2"

	"github.com/towpath-dev/towpath/internal/source"
)

// MaxSize is the size in bytes beyond which a document is not read.
const MaxSize = 16 << 20

// Problem is why a document was refused, where, and of what sort the mistake is.
type Problem struct {
	At   source.Pos
	Text string
	Sort Sort

	// Edits cure it; none: a person has to. After them the document is accepted,
	// or refused at a later place.
	Edits []source.Edit
}

// Error is "file:line:column: text".
func (p *Problem) Error() string { return p.At.String() + ": " + p.Text }

// Decode fills into with the first document of the data, as gopkg.in/yaml.v2
// does when it is not strict: unknown keys are dropped, of a repeated key the
// last one counts. The problem's Text is that library's own message, without
// its prefix; it may quote values of the file.
func Decode(file string, data []byte, into any) *Problem {
	if len(data) > MaxSize {
		return tooLarge(file, len(data))
	}
	err := v2.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	p := &Problem{At: source.Pos{File: file}, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if _, typed := err.(*v2.TypeError); typed {
		p.Sort = WrongType
	}
	if m := lineNumber.FindStringSubmatch(p.Text); m != nil {
		p.At.Line, _ = strconv.Atoi(m[1])
	}
	return p
}

var lineNumber = regexp.MustCompile(`(?m)^\s*line (\d+): `)

func tooLarge(file string, size int) *Problem {
	return &Problem{
		At: source.Pos{File: file}, Sort: TooLarge,
		Text: fmt.Sprintf("%d bytes are more than the %d that are read of a YAML file", size, MaxSize),
	}
}

// Kind tells what a node is.
type Kind uint8

// The kinds of nodes. Null is a value that is not there, or written ~ or null.
const (
	Null Kind = iota
	Scalar
	Mapping
	Sequence
	Alias
)

// Node is a value of a document. Start and End are bytes of Doc.Data; an anchor
// or a tag in front of the value belongs to it.
type Node struct {
	Kind       Kind
	Value      string // of a scalar, unquoted; of an alias, its name
	Tag        string // "!!str", "!!int", "!!bool", …: how the text would be read without a type
	Quoted     bool   // a scalar in quotes or a block
	Flow       bool   // { … } or [ … ]
	Anchor     string
	Start, End int
	At         source.Pos
	Pairs      []Pair  // of a mapping, in the order of the document
	Items      []*Node // of a sequence
	Target     *Node   // of an alias
}

// Pair is one entry of a mapping.
type Pair struct{ Key, Value *Node }

// Follow returns the node that an alias stands for, and any other node itself.
func (n *Node) Follow() *Node {
	for steps := 0; n != nil && n.Kind == Alias && steps < 100; steps++ {
		n = n.Target
	}
	return n
}

// Get returns the last entry of a mapping with a key, or nil: of repeated keys
// the last one counts. A key that only a merge (<<) brings is found, too.
func (n *Node) Get(key string) *Pair { return n.get(key, 0) }

func (n *Node) get(key string, depth int) *Pair {
	n = n.Follow()
	if n == nil || n.Kind != Mapping || depth > 10 {
		return nil
	}
	for i := len(n.Pairs) - 1; i >= 0; i-- {
		if n.Pairs[i].Key.Value == key && n.Pairs[i].Key.Kind == Scalar {
			return &n.Pairs[i]
		}
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key.Tag != "!!merge" {
			continue
		}
		merged := []*Node{n.Pairs[i].Value}
		if v := n.Pairs[i].Value.Follow(); v != nil && v.Kind == Sequence {
			merged = v.Items
		}
		for _, m := range merged {
			if p := m.get(key, depth+1); p != nil {
				return p
			}
		}
	}
	return nil
}

// Doc is one document of a file, with its places: the first, unless Stream
// gave it.
type Doc struct {
	File string
	Data []byte // as UTF-8
	Wide bool   // the file is UTF-16: places are right, byte-exact edits are not possible
	Root *Node  // nil: the document is empty
	Rest bool   // another document follows, which nobody reads; not told by Stream

	raw   *v4.Node
	lines []int // where each line begins, as YAML counts lines
	feeds []int // where each line begins, as people count lines
}

// Parse returns the document with its places. It follows a parser of its own,
// so that a document which Decode accepts may be refused here and the other way
// round; both are rare, and Decode decides.
func Parse(file string, data []byte) (*Doc, *Problem) {
	if len(data) > MaxSize {
		return nil, tooLarge(file, len(data))
	}
	d := &Doc{File: file, Data: data}
	d.Data, d.Wide = narrow(data)
	d.index()
	var root v4.Node
	if err := v4.Unmarshal(d.Data, &root); err != nil {
		return nil, &Problem{At: source.Pos{File: file}, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if d.build(&root) {
		d.Rest = d.followed()
	}
	return d, nil
}

// build takes over what the parser made of a document; false: it is empty.
func (d *Doc) build(root *v4.Node) bool {
	if root.Kind != v4.DocumentNode || len(root.Content) == 0 {
		return false
	}
	b := builder{doc: d, made: map[*v4.Node]*Node{}}
	d.raw = root.Content[0]
	d.Root = b.node(d.raw)
	d.settle(d.Root, 0)
	return true
}

// Find returns the entry at a path of mappings. Where a key on the way is
// repeated, the last mapping that has the rest of the path counts.
func (d *Doc) Find(path ...string) *Pair {
	if d == nil || d.Root == nil || len(path) == 0 {
		return nil
	}
	return find(d.Root, path)
}

func find(n *Node, path []string) *Pair {
	if len(path) == 1 {
		return n.Get(path[0])
	}
	n = n.Follow()
	if n == nil || n.Kind != Mapping {
		return nil
	}
	for i := len(n.Pairs) - 1; i >= 0; i-- {
		if n.Pairs[i].Key.Value != path[0] {
			continue
		}
		if p := find(n.Pairs[i].Value, path[1:]); p != nil {
			return p
		}
	}
	return nil
}

// At is the position of the key at a path; of its nearest parent when it has
// none of its own; of the file when that has none either.
func (d *Doc) At(path ...string) source.Pos {
	for n := len(path); n > 0; n-- {
		if p := d.Find(path[:n]...); p != nil {
			return p.Key.At
		}
	}
	return source.Pos{File: d.File}
}

// Text returns the bytes of a node as text.
func (d *Doc) Text(n *Node) string { return string(d.Data[n.Start:n.End]) }

// Repeat is a key that stands twice in one mapping.
type Repeat struct {
	Path          []string // of the mapping
	First, Second Pair
}

// Repeats lists the repeated keys of the mappings that are at most depth levels
// deep, in the order of the document; of a key that stands three times it names
// each with the one before.
func (d *Doc) Repeats(depth int) []Repeat {
	var out []Repeat
	var walk func(n *Node, path []string)
	walk = func(n *Node, path []string) {
		if n == nil || n.Kind != Mapping || len(path) >= depth {
			return
		}
		seen := make(map[string]int, len(n.Pairs))
		for i, p := range n.Pairs {
			if p.Key.Kind == Scalar {
				if j, twice := seen[p.Key.Value]; twice {
					out = append(out, Repeat{Path: path, First: n.Pairs[j], Second: p})
				}
				seen[p.Key.Value] = i
			}
			walk(p.Value, append(path[:len(path):len(path)], p.Key.Value))
		}
	}
	walk(d.Root, nil)
	return out
}

// Line is the bytes of a line, counted from 1 as people count, without its end.
func (d *Doc) Line(n int) Span {
	if n < 1 || n > len(d.feeds) {
		return Span{len(d.Data), len(d.Data)}
	}
	return Span{d.feeds[n-1], d.lineEnd(d.feeds[n-1])}
}
