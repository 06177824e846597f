package jsondoc

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Write spells a value, without the escapes that are for HTML.
func Write(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value)
	return strings.TrimSuffix(b.String(), "\n")
}

// Replace puts another text in place of a node.
func (d *Doc) Replace(n *Node, text string) source.Edit {
	return source.Edit{File: d.File, Start: n.Start, End: n.End, New: text}
}

// Add puts a member behind the others of an object, indented as they are.
func (d *Doc) Add(object *Node, key, value string) source.Edit {
	text := Write(key) + ": " + value
	if len(object.Members) == 0 {
		nl, indent := d.newline(), d.indent(object.Start)
		return source.Edit{File: d.File, Start: object.Start, End: object.End, New: "{" + nl + indent + "  " + text + nl + indent + "}"}
	}
	last := object.Members[len(object.Members)-1]
	between := " "
	if before := d.before(last.Name.Start); bytes.IndexByte(before, '\n') >= 0 {
		between = d.newline() + d.indent(last.Name.Start)
	}
	return source.Edit{File: d.File, Start: last.Value.End, End: last.Value.End, New: "," + between + text}
}

// Remove takes every member with a key out of an object, each with one comma.
func (d *Doc) Remove(object *Node, key string) []source.Edit {
	keep := slices.DeleteFunc(slices.Clone(object.Members), func(m Member) bool { return m.Key == key })
	if len(keep) == len(object.Members) {
		return nil
	}
	if len(keep) == 0 {
		return []source.Edit{{File: d.File, Start: object.Start + 1, End: object.End - 1}}
	}
	var out []source.Edit
	for i, m := range object.Members {
		if m.Key != key {
			continue
		}
		e := source.Edit{File: d.File, Start: m.Name.Start, End: m.Value.End}
		switch rest := slices.ContainsFunc(object.Members[i+1:], func(m Member) bool { return m.Key != key }); {
		case rest:
			e.End = object.Members[i+1].Name.Start
		default:
			e.Start = object.Members[i-1].Value.End
		}
		out = append(out, e)
	}
	return out
}

// before is the white space in front of a place.
func (d *Doc) before(at int) []byte {
	start := at
	for start > 0 && bytes.IndexByte([]byte(" \t\r\n"), d.Data[start-1]) >= 0 {
		start--
	}
	return d.Data[start:at]
}

// indent is the white space at the beginning of the line of a place.
func (d *Doc) indent(at int) string {
	start := bytes.LastIndexByte(d.Data[:at], '\n') + 1
	end := start
	for end < len(d.Data) && (d.Data[end] == ' ' || d.Data[end] == '\t') {
		end++
	}
	return string(d.Data[start:end])
}

// newline is the line end that the document uses.
func (d *Doc) newline() string {
	if bytes.Contains(d.Data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
