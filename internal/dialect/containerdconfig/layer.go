package containerdconfig

import (
	"bytes"
	"fmt"
	"reflect"
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
	raw, bad := tomldoc.Decode(grammar(t), f.Path, f.Data)
	if bad != nil {
		return nil, &Failure{Cause: Syntax, Text: bad.Text, At: bad.At}
	}
	l := &layer{file: f, raw: raw, doc: parse(f)}
	l.places = placesOf(l.doc)
	d, failed := decodeDaemon(f, t)
	if failed != nil {
		return nil, failed
	}
	l.daemon = *d
	return l, l.decodePlugins(t)
}

func (l *layer) decodePlugins(t route.Target) *Failure {
	if grammar(t) == tomldoc.V1 {
		var p struct {
			Plugins map[string]v1.Tree `toml:"plugins"`
		}
		if err := unmarshalV1(l.file.Data, &p); err != nil {
			return l.failure(err)
		}
		l.trees = p.Plugins
		l.plugins, _ = l.raw["plugins"].(map[string]any)
		return nil
	}
	var p struct {
		Plugins map[string]any `toml:"plugins"`
	}
	if err := v2.Unmarshal(l.file.Data, &p); err != nil {
		return l.failure(err)
	}
	l.plugins = p.Plugins
	return nil
}

// decodeDaemon reads what the daemon itself looks at.
func decodeDaemon(f source.File, t route.Target) (*daemon, *Failure) {
	l := layer{file: f}
	if raw, bad := tomldoc.Decode(grammar(t), f.Path, f.Data); bad != nil || raw == nil {
		return nil, &Failure{Cause: Syntax, Text: bad.Text, At: bad.At}
	}
	d, newer := &daemon{}, &newerDaemon{}
	if grammar(t) == tomldoc.V2 {
		for _, into := range []any{d, newer} {
			if err := v2.Unmarshal(f.Data, into); err != nil {
				return nil, l.failure(err)
			}
		}
		return d, nil
	}
	if err := unmarshalV1(f.Data, d); err != nil {
		return nil, l.failure(err)
	}
	if t.Containerd.Since("1.7.35") {
		if err := unmarshalV1(f.Data, newer); err != nil {
			return nil, l.failure(err)
		}
	}
	return d, nil
}

// unmarshalV1 turns the library's panics into errors: containerd dies of them.
func unmarshalV1(data []byte, into any) (err error) {
	defer crash(&err)
	tree, err := v1.LoadBytes(data)
	if err != nil {
		return err
	}
	return tree.Unmarshal(into)
}

func unmarshalTree(tree v1.Tree, into any) (err error) {
	defer crash(&err)
	return tree.Unmarshal(into)
}

func crash(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the parser crashes: %v", r)
	}
}

// failure places an error of one of the two libraries in the file.
func (l *layer) failure(err error) *Failure {
	f := &Failure{Cause: WrongType, Text: err.Error(), At: source.Pos{File: l.file.Path}}
	var line, column int
	if _, scan := fmt.Sscanf(f.Text, "(%d, %d): ", &line, &column); scan == nil {
		f.At.Line, f.At.Column = line, column
		f.Text = f.Text[len(fmt.Sprintf("(%d, %d): ", line, column)):]
	}
	if d, ok := asDecodeError(err); ok {
		f.At.Line, f.At.Column = d.Position()
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
		out = append(out, source.PosAt(doc.File, doc.Data, s.Start))
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
