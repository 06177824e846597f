package yamldoc

import (
	"strings"
	"testing"
)

func TestEveryDocumentOfAStreamHasItsPlaces(t *testing.T) {
	const text = "# head\na: 1\n---\nb: [x,\n  y]\n---\n---\nc: d\n"
	docs, bad := Stream("f.yaml", []byte(text))
	if bad != nil || len(docs) != 4 {
		t.Fatalf("got %d documents, %v", len(docs), bad)
	}
	var out []string
	for _, d := range docs {
		tree(d, d.Root, "root", &out)
	}
	want := "2:1 root |a: 1|\n2:1 key |a|\n2:4 a |1|\n" +
		"4:1 root |b: [x,\\n  y]|\n4:1 key |b|\n4:4 b |[x,\\n  y]|\n4:5 - |x|\n5:3 - |y|\n" +
		"7:1 root ||\n8:1 root |c: d|\n8:1 key |c|\n8:4 c |d|"
	if got := strings.Join(out, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADocumentOfAStreamIsDecodedStrictlyAboutRepeatedKeys(t *testing.T) {
	docs, bad := Stream("f.yaml", []byte("a: 1\n---\na: 1\nb: 2\na: 3\n---\na: [\n"))
	if bad == nil || docs != nil || bad.At.Line == 0 {
		t.Fatalf("a stream with a broken document is read: %v, %v", docs, bad)
	}
	docs, bad = Stream("f.yaml", []byte("a: 1\n---\na: 1\nb: 2\na: 3\n"))
	if bad != nil {
		t.Fatal(bad)
	}
	var into struct{ A int }
	if bad := docs[0].Decode(&into); bad != nil || into.A != 1 {
		t.Errorf("got %+v, %v", into, bad)
	}
	if bad := docs[1].Decode(&into); bad == nil || bad.At.Line != 5 {
		t.Errorf("a repeated key is accepted: %+v, %v", into, bad)
	}
}

func FuzzStream(f *testing.F) {
	for _, seed := range []string{"a: 1\n---\nb: 2\n", "---\n...\n---\n", "a: &x [1]\n--- *x\n", "%YAML 1.2\n---\na: 1\n", "\xff\xfea\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, bad := Stream("f", data)
		if bad != nil {
			return
		}
		for _, d := range docs {
			var into any
			_ = d.Decode(&into)
			if d.Root != nil {
				inside(t, d, d.Root, 0, len(d.Data))
				d.Repeats(4)
			}
		}
	})
}
