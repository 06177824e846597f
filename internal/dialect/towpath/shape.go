package towpath

import (
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// sort is what sort of value stands somewhere.
type sort uint8

const (
	text   sort = iota
	flag        // true or false
	list        //
	record      // a mapping with the keys of fields
	names       // a mapping with keys of the user's own
)

var sorts = [...]string{"text", "true or false", "a list", "a mapping", "a mapping"}

// shape describes what may stand at one place of the file. The parser and the
// schema for editors are both made of it.
type shape struct {
	sort   sort
	name   string         // of a shape that stands in several places
	doc    string         // for editors
	fields []field        // of a record, in the order in which they are written
	each   *shape         // items of a list, values of names
	values []string       // of a text: all that it may be; nil: anything that match takes
	match  *regexp.Regexp // of a text; nil: anything
	means  string         // what match is for: "an https:// or http:// URL"

	either []*shape // one of these, each of another sort; nothing else is set then
}

// field is one key of a record.
type field struct {
	name     string
	doc      string
	shape    *shape
	required bool
}

// says is what a person is told to write.
func (s *shape) says() string {
	if len(s.either) > 0 {
		var all []string
		for _, o := range s.either {
			if w := o.says(); !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
		return strings.Join(all, " or ")
	}
	switch {
	case len(s.values) > 0:
		return strings.Join(s.values, " or ")
	case s.means != "":
		return s.means
	}
	return sorts[s.sort]
}

// field returns the field of a key, nil if there is none.
func (s *shape) field(key string) *field {
	for i := range s.fields {
		if s.fields[i].name == key {
			return &s.fields[i]
		}
	}
	return nil
}

// fits reports whether a node is of the shape's sort. YAML's own guess counts:
// 123456 without quotes is a number.
func (s *shape) fits(n *yamldoc.Node) bool {
	switch s.sort {
	case text:
		return isText(n)
	case flag:
		return n.Kind == yamldoc.Scalar && n.Tag == "!!bool"
	case list:
		return n.Kind == yamldoc.Sequence
	}
	return n.Kind == yamldoc.Mapping
}

func isText(n *yamldoc.Node) bool {
	return n.Kind == yamldoc.Scalar && (n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Quoted)
}

// called names what a node is, for people.
func called(n *yamldoc.Node) string {
	switch n.Kind {
	case yamldoc.Null:
		return "nothing"
	case yamldoc.Mapping:
		return "a mapping"
	case yamldoc.Sequence:
		return "a list"
	}
	switch {
	case isText(n):
		return "text"
	case n.Tag == "!!bool":
		return "true or false"
	}
	return "a number"
}

// checker compares a document with a shape.
type checker struct {
	doc *yamldoc.Doc
	say func(mistake)
	n   int // of mistakes
}

// mistake is where a document is not of its shape.
type mistake struct {
	sort string // variant of the kind; "" for an unknown key that is near to one
	node *yamldoc.Node
	args map[string]any
	want string // of an unknown key: the one that was probably meant
}

// most is how many mistakes are told of one file.
const most = 50

func (c *checker) wrong(sort string, n *yamldoc.Node, args map[string]any, want string) {
	if c.n++; c.n <= most {
		c.say(mistake{sort, n, args, want})
	}
}

// check looks at the value of a key.
func (c *checker) check(n *yamldoc.Node, s *shape, key string) {
	if c.decorated(n) {
		c.wrong("alias", n, map[string]any{"key": key}, "")
		return
	}
	if len(s.either) > 0 {
		for _, o := range s.either {
			if o.fits(n) {
				c.check(n, o, key)
				return
			}
		}
		c.wrong("type", n, map[string]any{"key": key, "want": s.says(), "got": called(n)}, "")
		return
	}
	if !s.fits(n) {
		c.wrong("type", n, map[string]any{"key": key, "want": sorts[s.sort], "got": called(n)}, "")
		return
	}
	switch s.sort {
	case text:
		if len(s.values) > 0 && !slices.Contains(s.values, n.Value) || s.match != nil && !s.match.MatchString(n.Value) {
			c.wrong("value", n, map[string]any{"key": key, "want": s.says()}, "")
		}
	case list:
		for _, item := range n.Items {
			c.check(item, s.each, key)
		}
	case record, names:
		c.pairs(n, s, key)
	}
}

// decorated reports an anchor, an alias or a tag.
func (c *checker) decorated(n *yamldoc.Node) bool {
	tagged := n.Start < n.End && n.Start < len(c.doc.Data) && c.doc.Data[n.Start] == '!'
	return n.Kind == yamldoc.Alias || n.Anchor != "" || tagged
}

// pairs looks at the keys of a mapping.
func (c *checker) pairs(n *yamldoc.Node, s *shape, key string) {
	seen := make(map[string]*yamldoc.Node, len(n.Pairs))
	for _, p := range n.Pairs {
		name := p.Key.Value
		switch first := seen[name]; {
		case c.decorated(p.Key) || p.Key.Tag == "!!merge":
			c.wrong("alias", p.Key, map[string]any{"key": name}, "")
			continue
		case p.Key.Kind != yamldoc.Scalar:
			c.wrong("key", p.Key, map[string]any{"got": called(p.Key)}, "")
			continue
		case first != nil:
			c.wrong("twice", p.Key, map[string]any{"key": name, "line": first.At.Line}, "")
			continue
		}
		seen[name] = p.Key
		if s.sort == names {
			c.check(p.Value, s.each, name)
		} else if f := s.field(name); f != nil {
			c.check(p.Value, f.shape, name)
		} else {
			c.unknown(p.Key, s, key)
		}
	}
	for _, f := range s.fields {
		if f.required && seen[f.name] == nil {
			c.wrong("missing", n, map[string]any{"key": f.name}, "")
		}
	}
}

func (c *checker) unknown(n *yamldoc.Node, s *shape, of string) {
	var known []string
	for _, f := range s.fields {
		known = append(known, f.name)
	}
	sort, want := "unknown", nearest(n.Value, known)
	if want != "" {
		sort = ""
	}
	c.wrong(sort, n, map[string]any{"key": n.Value, "of": of, "want": want, "known": strings.Join(known, ", ")}, want)
}

// aliases are spellings that come from other formats.
var aliases = map[string][]string{
	"endpoint": {"mirrors", "url"}, "endpoints": {"mirrors"}, "mirror": {"mirrors"}, "registry": {"registries"}, "configs": {"hosts"}, "config": {"hosts"},
	"username": {"user"}, "insecure_skip_verify": {"skipVerify"}, "insecureSkipVerify": {"skipVerify"}, "skip_verify": {"skipVerify"}, "insecure": {"skipVerify"},
	"ca_file": {"ca"}, "capabilities": {"serves"}, "override_path": {"url"}, "identity_token": {"identityToken"}, "identitytoken": {"identityToken"},
	"dial_timeout": {"dialTimeout"}, "header": {"headers"}, "location": {"url"}, "server": {"upstream"}, "rewrites": {"rewrite"}, "skipFallback": {"upstream"},
	"apiVersion": {"version"}, "ntp": {"time"}, "synchronize": {"synchronise"}, "pause": {"sandboxImage"}, "cas": {"trust"},
	"http_proxy": {"http"}, "https_proxy": {"https"}, "no_proxy": {"noProxy"}, "cert_file": {"cert"}, "key_file": {"key"},
}

// nearest is the key that was probably meant, or "".
func nearest(key string, known []string) string {
	for _, want := range aliases[key] {
		if slices.Contains(known, want) {
			return want
		}
	}
	best, least := "", 3
	if len(key) <= 4 {
		least = 2
	}
	if len(key) > 40 {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(key), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters have to change to make one text of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
