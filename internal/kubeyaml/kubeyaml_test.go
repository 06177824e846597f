package kubeyaml_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/source"
)

func read(t *testing.T, text string) []*kubeyaml.Doc {
	t.Helper()
	docs, bad := kubeyaml.Read("f", []byte(text))
	if bad != nil {
		t.Fatalf("%q: %v", text, bad)
	}
	return docs
}

func TestDocumentsAreFoundAsKubectlFindsThem(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "[]"},
		{"# nothing\n", "[]"},
		{"a: 1\n", `[{"a":1}]`},
		{"---\na: 1\n---\n# none\n---\nb: x", `[{"a":1},{"b":"x"}]`},
		{"a: 1\r\n--- # the second\r\nb: x\r\n", `[{"a":1},{"b":"x"}]`},
		{`{"a": 1} {"b": 2}`, `[{"a":1},{"b":2}]`},
		{"{\"a\": 1}\n---\nb: 2\n", `[{"a":1},{"b":2}]`},
		{"{a: 1}\n", `[{"a":1}]`},
		{"1: yes\n2.5: {true: null}\n", `[{"1":true,"2.5":{"true":null}}]`},
		{"a: 1\na: 2\n", `[{"a":2}]`},
	} {
		all := []kubeyaml.Object{}
		for _, d := range read(t, c.text) {
			all = append(all, d.Object)
		}
		if got, _ := json.Marshal(all); string(got) != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestBrokenFilesAreProblemsWithALine(t *testing.T) {
	for text, line := range map[string]int{
		"a: 1\n---\nb: [\n":            3,
		"a: 1\n--- b: 2\n":             2,
		"{\"a\": 1}{\"b\": 1}\n{\"c\"": 1,
		"? [a]\n: 1\n":                 0,
		strings.Repeat("[", 1<<20):     0,
	} {
		docs, bad := kubeyaml.Read("f", []byte(text))
		if bad == nil {
			t.Errorf("%.40q is accepted: %v", text, docs)
		} else if line > 0 && bad.At.Line != line {
			t.Errorf("%.40q: line %d, want %d: %v", text, bad.At.Line, line, bad)
		}
	}
}

func TestKeysThatStandTwiceAreTold(t *testing.T) {
	for _, text := range []string{"a: {b: 1, b: 2}\n", `{"a": [{"b": 1, "b": 2}]}`} {
		if d := read(t, text)[0]; d.Twice != "b" {
			t.Errorf("%q: %q stands twice", text, d.Twice)
		}
	}
	if d := read(t, "a: {b: 1}\nc: {b: 1}\n")[0]; d.Twice != "" {
		t.Errorf("%q does not stand twice", d.Twice)
	}
}

func TestPlacesAndEditsAreThoseOfTheFile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"# one\n---\nx: 1\n---\ndata:\n  key: v\n  list: [a, \"b\"]\n", "# one\n---\nx: 1\n---\ndata:\n  KEY: v\n  list: [a, \"B\"]\n"},
		{"{\"x\": 1}\n{\"data\": {\"key\": 1, \"list\": [\"a\", \"b\"]}}", "{\"x\": 1}\n{\"data\": {\"KEY\": 1, \"list\": [\"a\", \"B\"]}}"},
	} {
		d := read(t, c.text)[1]
		key, ok := d.Key("KEY", "data", "key")
		value, also := d.Value("B", "data", "list", 1)
		if !ok || !also {
			t.Fatalf("%q: no place", c.text)
		}
		got, err := source.Apply([]byte(c.text), []source.Edit{key, value})
		if err != nil || string(got) != c.want {
			t.Errorf("got %q, want %q (%v)", got, c.want, err)
		}
		if at, want := d.At("data", "key"), source.PosAt("f", []byte(c.text), strings.Index(c.text, "key")); at.Line != want.Line {
			t.Errorf("%q: the key is at %v, want %v", c.text, at, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("---\na: 1\n---\nb: x"))
	f.Add([]byte(`{"a": 1} {"b": [2]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, _ := kubeyaml.Read("f", data)
		for _, d := range docs {
			if d.Object == nil {
				t.Fatal("an empty document is kept")
			}
			for key := range d.Object {
				d.At(key)
				if e, ok := d.Key("x", key); ok && (e.Start < 0 || e.End > len(data)) {
					t.Fatalf("an edit beyond the file: %+v of %d", e, len(data))
				}
			}
		}
		_, _ = kubeyaml.One("f", data)
	})
}
