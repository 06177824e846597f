package tomldoc

import (
	"strings"
	"testing"
)

func TestEveryExpressionKnowsItsPlace(t *testing.T) {
	const text = "# head\nserver = \"https://r.example\" # own\n\n" +
		"[host.\"https://m.example\"]\n  capabilities = [\"pull\", # a ] here\n \"resolve\"]\n" +
		"  client = [[\"c\", \"k\"]]\n\n[a.'b.c']\nd.e = { f = \"}\", g = '''x''''' }\r\n"
	d, bad := Parse("hosts.toml", []byte(text))
	if bad != nil {
		t.Fatal(bad)
	}
	want := []string{
		`server | "https://r.example" | 2:1`,
		`host/https://m.example | [host."https://m.example"] | 4:1`,
		`host/https://m.example/capabilities | ["pull", # a ] here` + "\n" + ` "resolve"] | 5:3`,
		`host/https://m.example/client | [["c", "k"]] | 7:3`,
		`a/b.c | [a.'b.c'] | 9:1`,
		`a/b.c/d/e | { f = "}", g = '''x''''' } | 10:1`,
		`a/b.c/d/e/f | "}" | 10:9`,
		`a/b.c/d/e/g | '''x''''' | 10:18`,
	}
	var got []string
	for _, e := range d.Entries {
		span := e.Value
		if e.Kind != Value {
			span = Span{e.Start, e.End}
		}
		got = append(got, strings.Join(e.Path, "/")+" | "+d.Text(span)+" | "+strings.TrimPrefix(e.At.String(), "hosts.toml:"))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestTheTwoGrammarsDisagree(t *testing.T) {
	bom := []byte("\ufeffa = 1\n")
	if _, bad := Decode(V1, "f", bom); bad != nil {
		t.Errorf("go-toml v1 accepts a byte order mark, got %v", bad)
	}
	if _, bad := Decode(V2, "f", bom); bad == nil {
		t.Error("go-toml v2 refuses a byte order mark")
	}
}

func TestProblemsHaveAPlace(t *testing.T) {
	for _, g := range []Grammar{V1, V2} {
		_, bad := Decode(g, "f", []byte("a = 1\nb = = 2\n"))
		if bad == nil || bad.At.Line != 2 {
			t.Errorf("grammar %d: got %v, want a problem in line 2", g, bad)
		}
	}
}

func TestHostileDocumentsAreRefusedInTime(t *testing.T) {
	big := func(s string, n int) []byte { return []byte(strings.Repeat(s, n)) }
	for name, data := range map[string][]byte{
		"ten megabytes in one line": append([]byte("a = \""), big("x", 10<<20)...),
		"nested arrays":             append([]byte("a = "), big("[", 10000)...),
		"nested tables":             big("a = {", 10000),
		"dotted key":                append(big("a.", 10000), "b = 1\n"...),
		"dotted header":             append(append([]byte("["), big("a.", 10000)...), "b]\n"...),
		"many keys":                 big("a = 1\n", 100000),
		"many tables":               big("  [a]\n", 100000),
		"one line of strings":       append(big(`a = "" `, 100000), big("[", 501)...),
	} {
		for _, g := range []Grammar{V1, V2} {
			if _, bad := Decode(g, "f", data); bad == nil || !bad.Unread {
				t.Errorf("%s, grammar %d: got %v", name, g, bad)
			}
		}
		if _, bad := Parse("f", data); bad == nil || !bad.Unread {
			t.Errorf("%s: got %v", name, bad)
		}
	}
}

func TestBracketsInStringsAndCommentsAreNotCounted(t *testing.T) {
	line := "# " + strings.Repeat("[", 600) + "\na = \"" + strings.Repeat("{.", 600) + "\"\n"
	if bad := Guard("f", []byte(line)); bad != nil {
		t.Error(bad)
	}
}
