package hostscheck

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
)

// generated makes trees from the model: a random table, each route of it
// spelled in one of the many ways that mean the same.
func generated(p pki, n int) []Tree {
	r := dice{rand.New(rand.NewPCG(1, 2)), p}
	out := make([]Tree, n)
	for i := range out {
		out[i] = r.tree(fmt.Sprintf("generated %d", i))
	}
	return out
}

// dice throws trees.
type dice struct {
	*rand.Rand
	pki pki
}

func pick[T any](r dice, from []T) T { return from[r.IntN(len(from))] }

func (r dice) one(in int) bool { return r.IntN(in) == 0 }

func (r dice) tree(name string) Tree {
	t := Tree{Name: name, Roots: []string{"a"}}
	if r.one(5) {
		t.Roots = append(t.Roots, "b")
	}
	asked := []string{"other.example"}
	for range 1 + r.IntN(3) {
		registry := pick(r, registries)
		asked = append(asked, registry)
		dir := directory(registry)
		switch r.IntN(6) {
		case 0:
			dir = registry
		case 1:
			dir = "_default"
		}
		t.Entries = append(t.Entries, r.entry(pick(r, t.Roots)+"/"+dir))
	}
	t.Entries = distinct(t.Entries)
	t.Images = images(asked...)
	return t
}

func distinct(entries []Entry) []Entry {
	seen := map[string]bool{}
	var out []Entry
	for _, e := range entries {
		dir := e.Path[:strings.LastIndexByte(e.Path+"/", '/')]
		if !seen[dir] && !seen[e.Path] {
			out = append(out, e)
		}
		seen[dir], seen[e.Path] = true, true
	}
	return out
}

func (r dice) entry(dir string) Entry {
	if r.one(12) {
		return Entry{Path: dir, Dir: true}
	}
	return Entry{Path: dir + "/hosts.toml", Data: r.file()}
}

// file spells a random route.
func (r dice) file() string {
	var s spelling
	s.dice = r
	for range r.IntN(4) {
		s.mirrors = append(s.mirrors, r.endpoint())
	}
	if r.one(2) {
		e := r.endpoint()
		s.server = &e
	}
	root := route.Endpoint{}
	if s.server == nil && r.one(3) {
		root = r.endpoint()
		root.Scheme = ""
	}
	if s.server != nil {
		root = *s.server
	}
	return s.text(root)
}

var hostnames = []string{
	"m.example", "m.example:5000", "cache.lab:80", "localhost:5001", "10.0.0.7:5000", "m2.example:443", "r.example", "r.example:5000",
	"registry-1.docker.io", "127.0.0.1:80", "[fd00::2]:5000",
}

func (r dice) endpoint() route.Endpoint {
	e := route.Endpoint{Scheme: pick(r, []string{"https", "https", "http"}), Host: pick(r, hostnames)}
	e.Path = pick(r, []string{"/v2", "/v2", "/v2", "/v2/hub", "/hub/v2", "/hub", "", "/a/b/c"})
	if r.one(2) {
		e.Serves = route.Serves(1 + r.IntN(7))
	}
	if r.one(4) {
		e.TLS.CA = append(e.TLS.CA, r.pki.ca[:1+r.IntN(3)]...)
	}
	if r.one(6) {
		e.TLS.Client = []route.Pair{{Cert: r.pki.path("client.pem"), Key: r.pki.path("client.key")}}
		if r.one(2) {
			e.TLS.Client = append(e.TLS.Client, route.Pair{Cert: r.pki.path("combined.pem")})
		}
	}
	if r.one(5) {
		e.TLS.Set, e.TLS.SkipVerify = true, r.one(2)
	}
	for range r.IntN(5) / 3 * (1 + r.IntN(2)) {
		e.Header = append(e.Header, route.Header{Key: pick(r, headerKeys), Values: []route.Secret{route.NewSecret(pick(r, []string{"x", "Basic dTpw", "ü", "a b"}))}})
	}
	if r.one(6) {
		e.DialTimeout = time.Duration(1+r.IntN(9)) * time.Second
	}
	return e
}

var headerKeys = []string{"X-A", "x-a", "Authorization", "authorization", "User-Agent", "Accept", "X.dotted"}

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
