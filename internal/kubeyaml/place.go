package kubeyaml

import (
	"bytes"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// At is the place of the key at a path of keys and list indices, or of its
// nearest parent that has one.
func (d *Doc) At(path ...any) source.Pos {
	for n := len(path); n > 0; n-- {
		if p, ok := d.find(path[:n]); ok {
			at := p.Value.At
			if p.Key != nil {
				at = p.Key.At
			}
			at.Line += d.line
			return at
		}
	}
	return source.Pos{File: d.File, Line: d.line + 1 + bytes.Count(d.text[:len(d.text)-len(bytes.TrimLeft(d.text, "-\r\n\t "))], []byte("\n"))}
}

// Key is an edit that puts another text in place of a key; false: its place is
// not known byte for byte.
func (d *Doc) Key(text string, path ...any) (source.Edit, bool) {
	p, ok := d.find(path)
	if !ok || p.Key == nil {
		return source.Edit{}, false
	}
	return d.replace(p.Key, text)
}

// Value is an edit that puts another text in place of a value.
func (d *Doc) Value(text string, path ...any) (source.Edit, bool) {
	p, ok := d.find(path)
	if !ok {
		return source.Edit{}, false
	}
	return d.replace(p.Value, text)
}

func (d *Doc) replace(n *yamldoc.Node, text string) (source.Edit, bool) {
	if !d.exact || d.tree.Wide || n.Kind != yamldoc.Scalar || n.Start >= n.End {
		return source.Edit{}, false
	}
	if c := d.text[n.Start]; c == '"' || c == '\'' {
		text = string(c) + text + string(c)
	} else if c == '|' || c == '>' || c == '&' || c == '!' {
		return source.Edit{}, false
	}
	return source.Edit{File: d.File, Start: d.start + n.Start, End: d.start + n.End, New: text}, true
}

// find walks the places; JSON is YAML, but for oddities that lose their places.
func (d *Doc) find(path []any) (yamldoc.Pair, bool) {
	if !d.tried {
		d.tried = true
		d.tree, _ = yamldoc.Parse(d.File, d.text)
	}
	if d.tree == nil || d.tree.Root == nil {
		return yamldoc.Pair{}, false
	}
	at := yamldoc.Pair{Value: d.tree.Root}
	for _, step := range path {
		node := at.Value.Follow()
		switch s := step.(type) {
		case string:
			p := node.Get(s)
			if p == nil {
				return yamldoc.Pair{}, false
			}
			at = *p
		case int:
			if node == nil || s >= len(node.Items) {
				return yamldoc.Pair{}, false
			}
			at = yamldoc.Pair{Value: node.Items[s]}
		}
	}
	return at, true
}
