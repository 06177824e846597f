package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/source"
)

func parse(t *testing.T, text string) *jsondoc.Doc {
	t.Helper()
	d, bad := jsondoc.Parse("f.json", []byte(text))
	if bad != nil {
		t.Fatal(bad)
	}
	return d
}

func TestEditsLeaveEveryOtherByteAlone(t *testing.T) {
	for _, c := range []struct{ name, have, want string }{
		{"add to an empty object", "{}", "{\n  \"k\": 1\n}"},
		{"add in the style of the others", "{\r\n\t\"a\": [1 , 2]\r\n}\r\n", "{\r\n\t\"a\": [1 , 2],\r\n\t\"k\": 1\r\n}\r\n"},
		{"add on one line", `{"a":1}`, `{"a":1, "k": 1}`},
	} {
		d := parse(t, c.have)
		got, err := source.Apply(d.Data, []source.Edit{d.Add(d.Root, "k", "1")})
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, want %q (%v)", c.name, got, c.want, err)
		}
	}
	for _, c := range []struct{ have, want string }{
		{`{"k": 1}`, `{}`},
		{"{\n  \"k\": 1,\n  \"a\": 2\n}", "{\n  \"a\": 2\n}"},
		{"{\n  \"a\": 2,\n  \"k\": 1\n}", "{\n  \"a\": 2\n}"},
		{`{"k": 1, "k": 2, "a": 3}`, `{"a": 3}`},
		{`{"a": 3, "k": 1, "k": 2}`, `{"a": 3}`},
		{`{"k": 0, "a": 3, "k": 1, "b": 2, "k": 5}`, `{"a": 3, "b": 2}`},
		{`{"a": 3}`, `{"a": 3}`},
	} {
		d := parse(t, c.have)
		got, err := source.Apply(d.Data, d.Remove(d.Root, "k"))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, want %q (%v)", c.have, got, c.want, err)
		}
	}
}

func TestHostileDocumentsAreProblems(t *testing.T) {
	for name, text := range map[string]string{
		"a byte order mark":   "\xef\xbb\xbf{}",
		"UTF-16":              "\xff\xfe{\x00}\x00",
		"smart quotes":        "{“a”: 1}",
		"a comment":           "{} // no",
		"a trailing comma":    `{"a": 1,}`,
		"two documents":       "{} {}",
		"ten megabytes":       `{"a": "` + strings.Repeat("x", 10<<20) + `"}`,
		"a thousand brackets": strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		"brackets left open":  strings.Repeat("{\"a\":", 100000),
	} {
		if _, bad := jsondoc.Parse("f", []byte(text)); bad == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzParse holds the tree to what encoding/json makes of the same bytes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a": [1, -2e5, "x\"é", null, true, {"b": {}}], "a": 2}`, "[]", ` "x" `, "{\"a\" : [ ] }", "nul"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, bad := jsondoc.Parse("f", data)
		if bad != nil {
			if !bad.Unread && json.Valid(data) {
				t.Fatalf("refused, though valid: %v", bad)
			}
			return
		}
		if d.Root == nil {
			if len(bytes.TrimSpace(data)) > 0 && json.Valid(data) {
				t.Fatal("no root")
			}
			return
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			return // a number out of range
		}
		if got := plain(d, d.Root); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func plain(d *jsondoc.Doc, n *jsondoc.Node) any {
	switch n.Kind {
	case jsondoc.Object:
		out := map[string]any{}
		for _, m := range n.Members {
			out[m.Key] = plain(d, m.Value)
		}
		return out
	case jsondoc.Array:
		out := []any{}
		for _, i := range n.Items {
			out = append(out, plain(d, i))
		}
		return out
	case jsondoc.String:
		return n.Text
	case jsondoc.Bool:
		return n.True
	case jsondoc.Null:
		return nil
	}
	var v any
	_ = json.Unmarshal(d.Data[n.Start:n.End], &v)
	return v
}
