package yamldoc

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	v4 "go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/source"
)

// index notes where lines begin. YAML ends a line also at a lone CR, at NEL and
// at the line and paragraph separators; people and compilers only at LF.
func (d *Doc) index() {
	start := 0
	if bytes.HasPrefix(d.Data, utf8BOM) {
		start = len(utf8BOM)
	}
	d.lines, d.feeds = []int{start}, []int{0}
	for i := start; i < len(d.Data); i++ {
		switch c := d.Data[i]; {
		case c == '\n':
			d.lines, d.feeds = append(d.lines, i+1), append(d.feeds, i+1)
		case c == '\r' && (i+1 == len(d.Data) || d.Data[i+1] != '\n'):
			d.lines = append(d.lines, i+1)
		case c == 0xC2 && bytes.HasPrefix(d.Data[i:], []byte("\u0085")):
			d.lines = append(d.lines, i+2)
		case c == 0xE2 && (bytes.HasPrefix(d.Data[i:], []byte("\u2028")) || bytes.HasPrefix(d.Data[i:], []byte("\u2029"))):
			d.lines = append(d.lines, i+3)
		}
	}
}

// offset converts a line and a column of the parser, both from 1, to bytes.
func (d *Doc) offset(line, column int) int {
	if line < 1 || line > len(d.lines) {
		return len(d.Data)
	}
	at := d.lines[line-1]
	for ; column > 1 && at < len(d.Data); column-- {
		_, n := utf8.DecodeRune(d.Data[at:])
		at += n
	}
	return at
}

// Pos converts an offset to a position. It costs little however long the file is.
func (d *Doc) Pos(offset int) source.Pos {
	offset = min(max(offset, 0), len(d.Data))
	line := sort.SearchInts(d.feeds, offset+1)
	head := d.Data[d.feeds[line-1]:offset]
	if line == 1 {
		head = bytes.TrimPrefix(head, utf8BOM)
	}
	return source.Pos{File: d.File, Line: line, Column: utf8.RuneCount(head) + 1}
}

// builder turns the parser's nodes into ours and finds where each of them ends.
type builder struct {
	doc  *Doc
	made map[*v4.Node]*Node
}

func (b *builder) node(n *v4.Node) *Node {
	out := &Node{Value: n.Value, Tag: n.Tag, Anchor: n.Anchor, Flow: n.Style&v4.FlowStyle != 0}
	b.made[n] = out
	out.Start = b.doc.offset(n.Line, n.Column)
	out.At = b.doc.Pos(out.Start)
	switch n.Kind {
	case v4.ScalarNode:
		b.scalar(out, n)
	case v4.AliasNode:
		out.Kind, out.Target = Alias, b.made[n.Alias]
		out.End = b.doc.skipWord(out.Start)
	case v4.MappingNode:
		out.Kind = Mapping
		b.mapping(out, n)
	case v4.SequenceNode:
		out.Kind = Sequence
		out.End = b.doc.skipProperties(out.Start)
		for _, c := range n.Content {
			item := b.behind(b.node(c), out.End)
			out.Items, out.End = append(out.Items, item), item.End
		}
	}
	if out.Flow && b.bracketed(out) {
		out.End = b.doc.skipClose(out.End, len(n.Content) == 0)
	}
	return out
}

// bracketed tells a flow collection from the one pair that may stand in a flow
// sequence without braces: [a: b].
func (b *builder) bracketed(n *Node) bool {
	body := b.doc.skipProperties(n.Start)
	return body < len(b.doc.Data) && (b.doc.Data[body] == '{' || b.doc.Data[body] == '[')
}

func (b *builder) mapping(out *Node, n *v4.Node) {
	out.End = b.doc.skipProperties(out.Start)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := b.behind(b.node(n.Content[i]), out.End)
		value := b.behind(b.node(n.Content[i+1]), b.doc.skipColon(key.End))
		out.Pairs = append(out.Pairs, Pair{key, value})
		out.End = value.End
	}
}

// behind puts a node of which nothing is written where it would stand.
func (b *builder) behind(n *Node, at int) *Node {
	if n.absent() {
		n.Start, n.End = at, at
	}
	return n
}

// settle makes nodes lie in their parents and in order. It changes only what
// has no bytes of its own: an empty key, or a mapping that begins with one.
func (d *Doc) settle(n *Node, low int) int {
	if n.Start < low || n.absent() {
		n.Start = max(n.Start, low)
		n.At = d.Pos(n.Start)
	}
	at := n.Start
	for _, p := range n.Pairs {
		at = d.settle(p.Value, d.settle(p.Key, at))
	}
	for _, item := range n.Items {
		at = d.settle(item, at)
	}
	n.End = max(n.End, at)
	return n.End
}

func (b *builder) scalar(out *Node, n *v4.Node) {
	out.Kind = Scalar
	out.Quoted = n.Style&(v4.DoubleQuotedStyle|v4.SingleQuotedStyle|v4.LiteralStyle|v4.FoldedStyle) != 0
	if n.Tag == "!!null" && !out.Quoted {
		out.Kind = Null
	}
	body := b.doc.skipProperties(out.Start)
	switch {
	case n.Style&v4.DoubleQuotedStyle != 0:
		out.End = b.doc.skipQuoted(body, '"')
	case n.Style&v4.SingleQuotedStyle != 0:
		out.End = b.doc.skipQuoted(body, '\'')
	case n.Style&(v4.LiteralStyle|v4.FoldedStyle) != 0:
		out.End = b.doc.skipBlock(body, strings.Trim(n.Value, "\n") == "")
	default:
		out.End = b.doc.skipPlain(body, n.Value)
	}
}

// absent reports a value of which nothing is written.
func (n *Node) absent() bool { return n.Kind == Null && n.Value == "" && n.Anchor == "" }

// followed reports whether a second document begins behind the first.
func (d *Doc) followed() bool {
	rest := d.Data[d.Root.End:]
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if bytes.HasPrefix(line, []byte("---")) {
			return true
		}
		rest = after
	}
	return false
}
