// Package kubeyaml reads files of Kubernetes objects as kubectl and the kubelet
// do: YAML or JSON, several documents in a file, turned into JSON before
// anything is made of it. It keeps the places, so that a mistake can be shown
// where it stands. It knows no kind of object and does no I/O.
package kubeyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	v2 "gopkg.in/yaml.v2"

	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// MaxBytes is the size beyond which a file is not read. The API server takes
// 3 MiB in one request.
const MaxBytes = 8 << 20

// Problem is why a file was refused, and where. Its text may quote values.
type Problem struct {
	At     source.Pos
	Text   string
	Unread bool // too large for us; Kubernetes may read it
}

// Error is "file:line:column: text".
func (p *Problem) Error() string { return p.At.String() + ": " + p.Text }

// Object is a JSON object of a document.
type Object = map[string]any

// Doc is one document.
type Doc struct {
	File   string
	Object Object // nil: the document is empty, or is no object
	Twice  string // a key that stands twice in one object; empty: none does

	text  []byte
	start int // byte of the file at which the document begins
	line  int // lines of the file before it
	exact bool
	tree  *yamldoc.Doc // nil: not made yet, or there is none
	tried bool
}

// Read returns every document of a file that holds something.
// Source: k8s.io/apimachinery util/yaml (YAMLOrJSONDecoder).
func Read(file string, data []byte) ([]*Doc, *Problem) {
	if len(data) > MaxBytes {
		return nil, &Problem{At: source.Pos{File: file}, Text: fmt.Sprintf("%d bytes are more than the %d that are read", len(data), MaxBytes), Unread: true}
	}
	r := &reader{file: file, data: data}
	rest := 0
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n\v\f"), []byte("{")) {
		var done bool
		if rest, done = r.json(); done {
			return r.docs, r.bad
		}
	}
	r.yaml(rest)
	if r.bad != nil {
		return nil, r.bad
	}
	return r.docs, nil
}

// One returns a file that is a single document, as a component reads its own
// configuration: what follows the first is not looked at.
func One(file string, data []byte) (*Doc, *Problem) {
	if len(data) > MaxBytes {
		_, bad := Read(file, data)
		return nil, bad
	}
	d := &Doc{File: file, text: data, exact: true}
	var bad error
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n\v\f\u0085\u00a0"), []byte("{")) {
		bad = d.fromJSON()
	} else {
		bad = d.fromYAML()
	}
	if bad != nil {
		return nil, problem(file, bad, 0)
	}
	return d, nil
}

type reader struct {
	file  string
	data  []byte
	docs  []*Doc
	count int // of JSON documents
	bad   *Problem
}

// json reads objects one after the other. Where that fails near the beginning
// the rest may still be YAML: it returns where that begins.
func (r *reader) json() (rest int, done bool) {
	dec := json.NewDecoder(bytes.NewReader(r.data))
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		switch {
		case err == nil:
			rest = int(dec.InputOffset())
			r.count++
			text := bytes.TrimSpace(raw)
			at := rest - len(text)
			d := &Doc{File: r.file, text: text, start: at, line: bytes.Count(r.data[:at], []byte("\n")), exact: true}
			if err := d.fromJSON(); err != nil {
				r.bad = problem(r.file, err, d.line)
				return rest, true
			}
			r.keep(d)
		case errors.Is(err, io.EOF):
			return rest, true
		case r.count > 1:
			r.bad = problem(r.file, err, bytes.Count(r.data[:rest], []byte("\n")))
			r.docs = nil
			return rest, true
		default:
			return r.blank(rest), false
		}
	}
}

// blank is where white space ends, or the line that it ends.
func (r *reader) blank(at int) int {
	for at < len(r.data) && strings.ContainsRune(" \t\r\v\f", rune(r.data[at])) {
		at++
	}
	if at < len(r.data) && r.data[at] == '\n' {
		at++
	}
	return at
}

// yaml reads documents between lines of three dashes. Those in front of the
// first word of a document belong to it.
func (r *reader) yaml(from int) {
	d := r.begin(from)
	for at := from; at < len(r.data); {
		begin := at
		text, ended := r.data[at:], false
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			text, ended = text[:i], true
		}
		at += len(text)
		if ended {
			at, text = at+1, bytes.TrimSuffix(text, []byte("\r"))
		}
		behind, divides := bytes.CutPrefix(text, []byte("---"))
		if word := bytes.TrimSpace(behind); divides && len(word) > 0 && word[0] != '#' {
			r.bad = &Problem{At: source.Pos{File: r.file, Line: bytes.Count(r.data[:begin], []byte("\n")) + 1}, Text: "something stands behind the dashes between two documents"}
			return
		}
		if !divides || len(d.text) == 0 {
			d.text = append(append(d.text, text...), '\n')
			continue
		}
		if !r.flush(d) {
			return
		}
		d = r.begin(at)
	}
	r.flush(d)
}

func (r *reader) begin(at int) *Doc {
	return &Doc{File: r.file, start: at, line: bytes.Count(r.data[:at], []byte("\n"))}
}

// flush ends a document; false: it is broken.
func (r *reader) flush(d *Doc) bool {
	if len(d.text) == 0 {
		return true
	}
	d.exact = bytes.HasPrefix(append(r.data[d.start:len(r.data):len(r.data)], '\n'), d.text)
	if err := d.fromYAML(); err != nil {
		r.bad = problem(r.file, err, d.line)
		return false
	}
	r.keep(d)
	return true
}

func (r *reader) keep(d *Doc) {
	if d.Object != nil {
		r.docs = append(r.docs, d)
	}
}

var numbered = regexp.MustCompile(`(?:unmarshal errors:\s*)?line (\d+): `)

// problem is a parser's complaint, its line counted from the file's beginning.
func problem(file string, err error, before int) *Problem {
	p := &Problem{At: source.Pos{File: file, Line: before + 1}, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := numbered.FindStringSubmatch(p.Text); m != nil {
		n, _ := strconv.Atoi(m[1])
		p.At.Line, p.Text = max(n, 1)+before, strings.Replace(p.Text, m[0], "", 1)
	}
	return p
}

func (d *Doc) fromJSON() error {
	tree, bad := jsondoc.Parse(d.File, d.text)
	if bad != nil && !bad.Unread {
		return fmt.Errorf("line %d: %s", bad.At.Line, bad.Text)
	}
	if tree != nil {
		d.Twice = twice(tree.Root)
	}
	return d.take(d.text)
}

func (d *Doc) take(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return err
	}
	d.Object, _ = value.(Object)
	return nil
}

// twice is a key that an object has two times.
func twice(n *jsondoc.Node) string {
	if n == nil {
		return ""
	}
	seen := map[string]bool{}
	for _, m := range n.Members {
		if seen[m.Key] {
			return m.Key
		}
		seen[m.Key] = true
		if key := twice(m.Value); key != "" {
			return key
		}
	}
	for _, item := range n.Items {
		if key := twice(item); key != "" {
			return key
		}
	}
	return ""
}

func (d *Doc) fromYAML() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser crashes: %v", r)
		}
	}()
	var value any
	if err := v2.Unmarshal(d.text, &value); err != nil {
		return err
	}
	var again any
	if err := v2.UnmarshalStrict(d.text, &again); err != nil {
		d.Twice = "a key" // which one the error tells; nobody relies on the name
		if _, name, found := strings.Cut(err.Error(), "key \""); found {
			d.Twice, _, _ = strings.Cut(name, "\"")
		}
	}
	plain, err := convert(value, 0)
	if err != nil {
		return err
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	return d.take(text)
}

// convert makes JSON's values of YAML's: keys become texts.
// Source: sigs.k8s.io/yaml (convertToJSONableObject).
func convert(value any, depth int) (any, error) {
	if depth > 1000 {
		return nil, fmt.Errorf("nested too deep")
	}
	switch v := value.(type) {
	case map[any]any:
		out := make(Object, len(v))
		for key, value := range v {
			name, ok := keyText(key)
			if !ok {
				return nil, fmt.Errorf("a key is no text")
			}
			plain, err := convert(value, depth+1)
			if err != nil {
				return nil, err
			}
			out[name] = plain
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			plain, err := convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = plain
		}
		return out, nil
	}
	return value, nil
}

func keyText(key any) (string, bool) {
	switch k := key.(type) {
	case string:
		return k, true
	case int:
		return strconv.Itoa(k), true
	case int64:
		return strconv.FormatInt(k, 10), true
	case bool:
		return strconv.FormatBool(k), true
	case float64:
		text := strconv.FormatFloat(k, 'g', -1, 32)
		if dotted, odd := map[string]string{"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}[text]; odd {
			text = dotted
		}
		return text, true
	}
	return "", false
}
