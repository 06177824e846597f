package unit

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Variable is one assignment of an environment variable.
type Variable struct {
	Key   string
	Value string // may hold a password
	At    source.Pos
	Span  Span // as written: the quoted word of a unit file, the value of an environment file
	Form  Form
}

// Form is how a file spells environment variables.
type Form uint8

// UnitFile has Environment="KEY=VALUE" lines, EnvFile KEY=VALUE lines.
const (
	UnitFile Form = iota
	EnvFile
)

// variables lists what the settings of a unit file with the section and key of
// kind, such as Environment= of [Service], set. An empty setting takes back all
// that was set before it, in earlier files too: then reset is true.
func variables(f source.File, kind Setting, unit string) (out []Variable, reset bool) {
	places := places{file: f.Path, data: f.Data}
	for _, s := range Parse(f) {
		if s.Section != kind.Section || s.Key != kind.Key {
			continue
		}
		if s.Value == "" {
			out, reset = nil, true
			continue
		}
		for _, w := range words(f.Data, s.Span) {
			text, ok := expand(w.text, unit)
			name, value, assigns := strings.Cut(text, "=")
			if ok && assigns && validKey(name) {
				out = append(out, Variable{Key: name, Value: value, Span: w.span, At: places.at(w.span.Start)})
			}
		}
	}
	return out, reset
}

// validKey reports whether systemd takes a name for a variable's; it ignores
// an assignment such as "export A=b".
func validKey(key string) bool {
	if key == "" || key[0] >= '0' && key[0] <= '9' {
		return false
	}
	return strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// ParseEnv lists the assignments of an environment file (EnvironmentFile=) as
// systemd reads it: no "export", no expansion, quotes around the value or parts
// of it, a backslash continues a line. Source: systemd.exec(5).
func ParseEnv(f source.File) []Variable {
	e := &envFile{data: f.Data}
	places := places{file: f.Path, data: f.Data}
	var out []Variable
	for e.at < len(e.data) {
		if e.blankOrComment() {
			continue
		}
		start := e.at
		key, ok := e.key()
		if !ok {
			continue
		}
		value, span := e.value()
		if validKey(key) {
			out = append(out, Variable{Key: key, Value: value, Span: span, Form: EnvFile, At: places.at(start)})
		}
	}
	return out
}

type envFile struct {
	data []byte
	at   int
}

// blankOrComment steps over one blank or one comment.
func (e *envFile) blankOrComment() bool {
	switch c := e.data[e.at]; {
	case strings.IndexByte(blanks+"\n", c) >= 0:
		e.at++
	case c == '#' || c == ';':
		e.line()
	default:
		return false
	}
	return true
}

// line steps over the rest of a line and what continues it.
func (e *envFile) line() {
	for ; e.at < len(e.data) && e.data[e.at] != '\n'; e.at++ {
		if e.data[e.at] == '\\' {
			e.at++
		}
	}
	e.at = min(e.at+1, len(e.data))
}

// key reads up to the equals sign; false when the line has none.
func (e *envFile) key() (string, bool) {
	start := e.at
	for ; e.at < len(e.data) && e.data[e.at] != '\n'; e.at++ {
		if e.data[e.at] == '=' {
			e.at++
			return strings.TrimRight(string(e.data[start:e.at-1]), blanks), true
		}
	}
	return "", false
}

// value reads a value and the line end behind it. Blanks around it do not
// belong to it, unless they are quoted.
func (e *envFile) value() (string, Span) {
	var b strings.Builder
	span := Span{e.at, e.at}
	bare := false // unquoted text was seen, so quotes are ordinary from here on
	kept := 0     // length up to which blanks belong to the value
	for e.at < len(e.data) {
		c := e.data[e.at]
		e.at++
		switch {
		case c == '\n':
			return b.String()[:kept], span
		case c == '\\':
			if e.at < len(e.data) && e.data[e.at] != '\n' {
				b.WriteByte(e.data[e.at])
			}
			e.at = min(e.at+1, len(e.data))
			bare = true
		case !bare && (c == '"' || c == '\''):
			e.quoted(&b, c)
		case strings.IndexByte(blanks, c) >= 0:
			if bare {
				b.WriteByte(c)
			}
			continue
		default:
			b.WriteByte(c)
			bare = true
		}
		kept, span.End = b.Len(), e.at
	}
	return b.String()[:kept], span
}

// quoted reads up to the closing quote.
func (e *envFile) quoted(b *strings.Builder, quote byte) {
	for e.at < len(e.data) {
		c := e.data[e.at]
		e.at++
		switch {
		case c == quote:
			return
		case c == '\\' && quote == '"' && e.at < len(e.data):
			if next := e.data[e.at]; next != '\n' {
				if strings.IndexByte("\"\\`$", next) < 0 {
					b.WriteByte(c)
				}
				b.WriteByte(next)
			}
			e.at++
		default:
			b.WriteByte(c)
		}
	}
}

// quoteEnv writes a value for an environment file, in quotes only where it
// needs them.
func quoteEnv(value string) string {
	if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.,:/@%=*[]~?&") == "" {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(value) + `"`
}
