package containerdconfig

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// addGroups writes tables behind the last one below a path, else at the end.
func (l *layer) addGroups(above []string, groups []group) []source.Edit {
	if l.doc == nil {
		return nil
	}
	at, indent := -1, ""
	var header tomldoc.Entry
	for _, e := range l.doc.Entries {
		if e.Kind == tomldoc.Header {
			header = e
		}
		inside := header.Path != nil && (slices.Equal(header.Path, above) || prefixed(header.Path, above))
		if inside && !e.Inline {
			at, indent = e.End, l.indentAt(header.Start)
		}
	}
	text := textOfGroups(above, groups, indent, l.eol())
	if at < 0 {
		return l.appendText(text)
	}
	if i := bytes.IndexByte(l.file.Data[at:], '\n'); i >= 0 {
		at += i + 1
		return []source.Edit{{File: l.file.Path, Start: at, End: at, New: text}}
	}
	end := len(l.file.Data)
	return []source.Edit{{File: l.file.Path, Start: end, End: end, New: l.eol() + text}}
}

func textOfGroups(above []string, groups []group, indent, eol string) string {
	var out strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&out, "%s[%s]%s", indent, dotted(slices.Concat(above, g.path)), eol)
		for _, line := range g.lines {
			out.WriteString(indent + "  " + line + eol)
		}
	}
	return out.String()
}

func listText(items []string) string {
	var out []string
	for _, i := range items {
		out = append(out, textOf(i))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// textOf writes a basic string of TOML, as both parsers read it.
func textOf(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
