package hostscheck

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// spelling writes a file in one of many ways.
type spelling struct {
	dice
	out     strings.Builder
	mirrors []route.Endpoint
	server  *route.Endpoint
}

func (s *spelling) text(root route.Endpoint) string {
	s.blank()
	if s.server != nil {
		s.line("server", s.string(s.url(root)))
	} else if s.one(6) {
		s.line("server", `""`)
	}
	if s.server != nil || root.Host != "" {
		s.settings(root, nil)
	}
	if len(s.mirrors) == 0 && s.one(2) {
		s.put("[host]\n")
	}
	for _, m := range s.mirrors {
		s.blank()
		key := []string{"host", s.url(m)}
		s.table(key)
		s.settings(m, key)
	}
	if s.one(8) {
		return strings.ReplaceAll(s.out.String(), "\n", "\r\n")
	}
	return s.out.String()
}

func (s *spelling) put(text string) { s.out.WriteString(text) }

func (s *spelling) blank() {
	switch s.IntN(8) {
	case 0:
		s.put("\n")
	case 1:
		s.put("# a comment with ] and \" in it\n")
	case 2:
		s.put("  \t# indented\n\n")
	}
}

func (s *spelling) line(key, value string) {
	indent := pick(s.dice, []string{"", "", "  ", "\t"})
	equals := pick(s.dice, []string{" = ", "=", "  =\t"})
	s.put(indent + key + equals + value + pick(s.dice, []string{"", "", " # why", "  "}) + "\n")
}

func (s *spelling) table(path []string) {
	parts := []string{path[0]}
	for _, p := range path[1:] {
		parts = append(parts, s.string(p))
	}
	dot := pick(s.dice, []string{".", ".", " . "})
	s.put(pick(s.dice, []string{"", "  "}) + "[" + strings.Join(parts, dot) + "]" + pick(s.dice, []string{"", " # it"}) + "\n")
}

// string quotes a text in one of TOML's ways.
func (s *spelling) string(text string) string {
	if s.one(3) && !strings.Contains(text, "'") {
		return "'" + text + "'"
	}
	if s.one(6) {
		return `"` + strings.ReplaceAll(text, "e", `\u0065`) + `"`
	}
	return strconv.Quote(text)
}

// url writes an endpoint's URL; its path decides about override_path.
func (s *spelling) url(e route.Endpoint) string {
	u := e.Scheme + "://" + e.Host
	if e.Scheme == "https" && s.one(6) {
		u = e.Host
	}
	switch path, suffixed := strings.CutSuffix(e.Path, "/v2"); {
	case suffixed && s.one(2):
		u += path
	default:
		u += e.Path
	}
	return u + pick(s.dice, []string{"", "", "", "/"})
}

func (s *spelling) settings(e route.Endpoint, table []string) {
	var lines []func()
	add := func(key, value string) { lines = append(lines, func() { s.line(key, value) }) }
	if e.Serves != 0 {
		add("capabilities", s.list(s.words(e.Serves)))
	} else if s.one(8) {
		add("capabilities", "[]")
	}
	if len(e.TLS.CA) == 1 && s.one(2) {
		add("ca", s.string(e.TLS.CA[0]))
	} else if len(e.TLS.CA) > 0 {
		add("ca", s.list(e.TLS.CA))
	}
	if len(e.TLS.Client) > 0 {
		add("client", s.pairs(e.TLS.Client))
	}
	if e.TLS.Set {
		add("skip_verify", fmt.Sprint(e.TLS.SkipVerify))
	}
	if e.Path == "" || e.Path != "/v2" && !strings.HasSuffix(e.Path, "/v2") {
		add("override_path", "true")
	} else if s.one(8) {
		add("override_path", "false")
	}
	if e.DialTimeout != 0 {
		add("dial_timeout", s.string(e.DialTimeout.String()))
	}
	if s.one(10) {
		add("unknown", pick(s.dice, []string{"1", "[1, [2]]", "{ a = 1 }", "1979-05-27"}))
	}
	s.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, l := range lines {
		l()
	}
	s.headers(e.Header, table)
	if table != nil && s.one(6) {
		s.table(append(table[:len(table):len(table)], "rewrite"))
		s.put(pick(s.dice, []string{`"^team/(.*)$" = "proxy/$1"`, `"(" = "x"`, `"nothing" = "x"`}) + "\n")
	}
}

func (s *spelling) headers(header []route.Header, table []string) {
	seen := map[string]bool{}
	var pairs []string
	for _, h := range header {
		if seen[h.Key] {
			continue
		}
		seen[h.Key] = true
		value := s.string(h.Values[0].Reveal())
		if s.one(3) {
			value = "[" + value + ", \"more\"]"
		}
		pairs = append(pairs, s.string(h.Key)+" = "+value)
	}
	switch {
	case len(pairs) == 0:
	case s.one(3):
		s.line("header", "{ "+strings.Join(pairs, ", ")+" }")
	case table == nil:
		for _, p := range pairs {
			s.put("header." + p + "\n")
		}
	default:
		s.table(append(table[:len(table):len(table)], "header"))
		for _, p := range pairs {
			s.put(p + "\n")
		}
	}
}

func (s *spelling) words(c route.Serves) []string {
	var out []string
	for i, word := range []string{"pull", "resolve", "push"} {
		if c.Has(1 << i) {
			out = append(out, pick(s.dice, []string{word, word, strings.ToUpper(word)}))
		}
	}
	return out
}

func (s *spelling) list(items []string) string {
	var quoted []string
	for _, i := range items {
		quoted = append(quoted, s.string(i))
	}
	comma := pick(s.dice, []string{", ", ",", ",\n    "})
	return "[" + strings.Join(quoted, comma) + pick(s.dice, []string{"", "", comma}) + "]"
}

func (s *spelling) pairs(pairs []route.Pair) string {
	var out []string
	for _, p := range pairs {
		if p.Key == "" {
			out = append(out, s.string(p.Cert))
		} else {
			out = append(out, s.list([]string{p.Cert, p.Key}))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}
