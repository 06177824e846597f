package containerdconfig

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/pelletier/go-toml"
	v2 "github.com/pelletier/go-toml/v2"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// layer is one file as containerd reads it, before it is merged.
type layer struct {
	file     source.File
	doc      *tomldoc.Doc // nil: only v1 accepts the file, so that places are not known
	places   map[string]source.Pos
	raw      map[string]any     // the whole document
	daemon   daemon             //
	plugins  map[string]any     // [plugins], as it stands in the file
	trees    map[string]v1.Tree // the same for containerd 1.x
	migrated bool               // its old plugin tables were carried over into the new ones
	patch    bool               // k0s merges its CRI table into what was there before
}

func grammar(t route.Target) tomldoc.Grammar {
	if t.Containerd.Before("2.0.0") {
		return tomldoc.V1
	}
	return tomldoc.V2
}

var bom = []byte("\xef\xbb\xbf")

// parse returns the places of a document, or nil. A byte order mark, which v1
// skips, is taken for blanks.
func parse(f source.File) *tomldoc.Doc {
	data := f.Data
	if bytes.HasPrefix(data, bom) {
		data = append([]byte("   "), data[len(bom):]...)
	}
	doc, bad := tomldoc.Parse(f.Path, data)
	if bad != nil {
		return nil
	}
	return doc
}

// readLayer decodes a file, or says why containerd refuses it.
func readLayer(f source.File, t route.Target) (*layer, *Failure) {
	g := grammar(t)
	raw, bad := tomldoc.Decode(g, f.Path, f.Data)
	if bad != nil {
		return nil, failure(Syntax, bad)
	}
	l := &layer{file: f, raw: raw, doc: parse(f)}
	l.places = placesOf(l.doc)
	bad = tomldoc.Try(g, f.Path, f.Data, func() error { return l.decode(t) })
	if bad != nil {
		return nil, failure(WrongType, bad)
	}
	return l, nil
}

// decode reads the parts of the file that containerd decodes at once.
func (l *layer) decode(t route.Target) error {
	if grammar(t) == tomldoc.V2 {
		if l.decodeOnce() {
			return nil
		}
		tables := struct {
			Plugins map[string]any `toml:"plugins"`
		}{}
		for _, into := range []any{&l.daemon, &newerDaemon{}, &tables} {
			if err := v2.Unmarshal(l.file.Data, into); err != nil {
				return err
			}
		}
		l.plugins = tables.Plugins
		return nil
	}
	tree, err := v1.LoadBytes(l.file.Data)
	if err != nil {
		return err
	}
	tables := struct {
		Plugins map[string]v1.Tree `toml:"plugins"`
	}{}
	into := []any{&l.daemon, &tables}
	if t.Containerd.Since("1.7.35") {
		into = append(into, &newerDaemon{})
	}
	for _, v := range into {
		if err := tree.Unmarshal(v); err != nil {
			return err
		}
	}
	l.trees = tables.Plugins
	l.plugins, _ = l.raw["plugins"].(map[string]any)
	return nil
}

// decodeOnce reads the same parts with a single pass of the library, whose time
// grows with the square of the tables in a document. It reports false where the
// library may see more in the file than raw shows: it takes keys in any case,
// and a table of another kind for an error.
func (l *layer) decodeOnce() bool {
	for key := range l.raw {
		if strings.EqualFold(key, "proxy_plugins") || strings.EqualFold(key, "plugins") && key != "plugins" {
			return false
		}
	}
	plugins, is := l.raw["plugins"].(map[string]any)
	if _, written := l.raw["plugins"]; written && !is {
		return false
	}
	var d daemon
	if v2.Unmarshal(l.file.Data, &d) != nil {
		return false
	}
	l.daemon, l.plugins = d, plugins
	return true
}

var (
	valueV1 = regexp.MustCompile(`(?s)^Can't convert .*\(([^()]+)\) to`)
	goNames = regexp.MustCompile(`containerdconfig\.\w+\.`)
)

// withoutValue takes the value, which may be a password, and our own names out
// of a library's complaint.
func withoutValue(text string) string {
	return goNames.ReplaceAllString(valueV1.ReplaceAllString(text, "Can't convert ($1) to"), "")
}

// failure takes over why one of the two libraries refuses a document.
func failure(cause Cause, bad *tomldoc.Problem) *Failure {
	f := &Failure{Cause: cause, Text: withoutValue(bad.Text), At: bad.At}
	if bad.Unread {
		f.Cause = Unreadable
	}
	return f
}

const sep = "\x00"

func joined(keys []string) string { return strings.Join(keys, sep) }

// placesOf gives every path of a document, and every table above it, the place
// where it is first spoken of.
func placesOf(doc *tomldoc.Doc) map[string]source.Pos {
	out := map[string]source.Pos{}
	if doc == nil {
		return out
	}
	for _, e := range doc.Entries {
		for n := 1; n <= len(e.Path); n++ {
			if key := joined(e.Path[:n]); out[key].IsZero() || n == len(e.Path) && e.Kind != tomldoc.Value {
				out[key] = e.At
			}
		}
	}
	return out
}

// at is where a path stands; of its nearest table when it has no place of its own.
func (l *layer) at(keys ...string) source.Pos {
	for n := len(keys); n > 0; n-- {
		if p, ok := l.places[joined(keys[:n])]; ok {
			return p
		}
	}
	return source.Pos{File: l.file.Path}
}

// entry is the expression at a path; nil when there is none or places are not known.
func (l *layer) entry(keys ...string) *tomldoc.Entry {
	if l.doc == nil {
		return nil
	}
	return l.doc.Find(keys...)
}

// value is what stands at a path of the document.
func (l *layer) value(keys ...string) (any, bool) { return lookup(l.raw, keys) }

func lookup(v any, keys []string) (any, bool) {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[k]; !ok {
			return nil, false
		}
	}
	return v, true
}

// elementPlaces gives the places of the elements of an array.
func elementPlaces(doc *tomldoc.Doc, keys ...string) []source.Pos {
	if doc == nil {
		return nil
	}
	e := doc.Find(keys...)
	if e == nil {
		return nil
	}
	var out []source.Pos
	for _, s := range doc.Elements(e.Value) {
		out = append(out, doc.Within(*e, s.Start))
	}
	return out
}

// pluginIDs are the plugin tables of a file in its order.
func (l *layer) pluginIDs() []string {
	var out []string
	for id := range l.plugins {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b string) int {
		x, y := l.at("plugins", a), l.at("plugins", b)
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return strings.Compare(a, b)
	})
	return out
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
