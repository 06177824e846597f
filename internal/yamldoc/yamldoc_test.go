package yamldoc

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/source"
)

func parse(t *testing.T, text string) *Doc {
	t.Helper()
	d, bad := Parse("f.yaml", []byte(text))
	if bad != nil {
		t.Fatal(bad)
	}
	return d
}

// tree prints every node with its place and its bytes.
func tree(d *Doc, n *Node, name string, out *[]string) {
	if n == nil {
		return
	}
	text := strings.ReplaceAll(strings.ReplaceAll(d.Text(n), "\r", "\\r"), "\n", "\\n")
	*out = append(*out, strings.TrimPrefix(n.At.String(), "f.yaml:")+" "+name+" |"+text+"|")
	for _, p := range n.Pairs {
		tree(d, p.Key, "key", out)
		tree(d, p.Value, p.Key.Value, out)
	}
	for _, item := range n.Items {
		tree(d, item, "-", out)
	}
}

func TestEveryNodeKnowsItsPlaceAndItsBytes(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"block": {"# head\nmirrors:\r\n  中国.example:  # note\r\n    endpoint:\r\n      - \"https://x\"  # first\r\n      - 'it''s'\r\n", "" +
			"2:1 root |mirrors:\\r\\n  中国.example:  # note\\r\\n    endpoint:\\r\\n      - \"https://x\"  # first\\r\\n      - 'it''s'|\n" +
			"2:1 key |mirrors|\n" +
			"3:3 mirrors |中国.example:  # note\\r\\n    endpoint:\\r\\n      - \"https://x\"  # first\\r\\n      - 'it''s'|\n" +
			"3:3 key |中国.example|\n" +
			"4:5 中国.example |endpoint:\\r\\n      - \"https://x\"  # first\\r\\n      - 'it''s'|\n" +
			"4:5 key |endpoint|\n" +
			"5:7 endpoint |- \"https://x\"  # first\\r\\n      - 'it''s'|\n" +
			"5:9 - |\"https://x\"|\n" +
			"6:9 - |'it''s'|"},
		"flow": {"a: {b: [1, \"]\" , {c: d}, e: f], g: }\nh:\n", "" +
			"1:1 root |a: {b: [1, \"]\" , {c: d}, e: f], g: }\\nh:|\n" +
			"1:1 key |a|\n1:4 a |{b: [1, \"]\" , {c: d}, e: f], g: }|\n1:5 key |b|\n1:8 b |[1, \"]\" , {c: d}, e: f]|\n" +
			"1:9 - |1|\n1:12 - |\"]\"|\n1:18 - |{c: d}|\n1:19 key |c|\n1:22 c |d|\n1:26 - |e: f|\n1:26 key |e|\n1:29 e |f|\n" +
			"1:33 key |g|\n1:35 g ||\n2:1 key |h|\n2:3 h ||"},
		"blocks": {"a: |\n  one\n\n  two\nb: >-\n    x\nc: plain\n  goes on # note\nd: &id !!str tagged\ne: *id\nf: {}\ng: []\n", "" +
			"1:1 root |a: |\\n  one\\n\\n  two\\nb: >-\\n    x\\nc: plain\\n  goes on # note\\nd: &id !!str tagged\\ne: *id\\nf: {}\\ng: []|\n" +
			"1:1 key |a|\n1:4 a ||\\n  one\\n\\n  two|\n5:1 key |b|\n5:4 b |>-\\n    x|\n7:1 key |c|\n7:4 c |plain\\n  goes on|\n" +
			"9:1 key |d|\n9:4 d |&id !!str tagged|\n10:1 key |e|\n10:4 e |*id|\n11:1 key |f|\n11:4 f |{}|\n12:1 key |g|\n12:4 g |[]|"},
		"bom and complex keys": {"\ufeffa:\n  ? b\n  : c\n", "" +
			"1:1 root |a:\\n  ? b\\n  : c|\n1:1 key |a|\n2:3 a |? b\\n  : c|\n2:5 key |b|\n3:5 b |c|"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := parse(t, c.text)
			var got []string
			tree(d, d.Root, "root", &got)
			if g := strings.Join(got, "\n"); g != c.want {
				t.Errorf("got\n%s\nwant\n%s", g, c.want)
			}
		})
	}
}

func TestOfRepeatedKeysTheLastOneCounts(t *testing.T) {
	d := parse(t, "m:\n  a: 1\n  b: 2\nm:\n  a: 3\nbase: &b {x: 9}\nn:\n  <<: *b\n  y: 1\n")
	for path, want := range map[string]string{"m a": "3", "m b": "2", "n x": "9", "n y": "1"} {
		p := d.Find(strings.Fields(path)...)
		if p == nil || p.Value.Value != want {
			t.Errorf("%s: got %v, want %s", path, p, want)
		}
	}
	if d.Find("m", "c") != nil || d.Find("x", "y") != nil {
		t.Error("found a key that is not there")
	}
	if got := d.At("m", "c").String(); got != "f.yaml:4:1" {
		t.Errorf("the nearest parent of m.c is at %s", got)
	}
	repeats := d.Repeats(3)
	if len(repeats) != 1 || repeats[0].First.Key.At.Line != 1 || repeats[0].Second.Key.At.Line != 4 {
		t.Errorf("repeats: %+v", repeats)
	}
}

func TestUsualMistakesAreToldApart(t *testing.T) {
	cases := map[string]struct {
		text  string
		sort  Sort
		at    string
		after string // what the edits make of it; empty: no edits
	}{
		"tab":                   {"a:\n\tb:\n\t\tc: 1\n", Tab, "2:1", "a:\n  b:\n    c: 1\n"},
		"tab behind blanks":     {"a:\n  \tb: 1\n", Tab, "2:3", "a:\n    b: 1\n"},
		"star":                  {"m:\n  *:\n    e: [x]\n", Star, "2:3", "m:\n  \"*\":\n    e: [x]\n"},
		"full-width colon":      {"m：\n  a：\n    e: 1\n", FullWidth, "1:2", ""},
		"one full-width colon":  {"m：\n  a: 1\n", FullWidth, "1:2", "m:\n  a: 1\n"},
		"typographic quotes":    {"a: \"x”\nb: 1\n", SmartQuote, "1:6", "a: \"x\"\nb: 1\n"},
		"no blank":              {"a:\n  user:admin\n  pass: x\n", NoSpace, "2:7", "a:\n  user: admin\n  pass: x\n"},
		"shell lines":           {"cat >> f <<EOF\na: 1\nEOF\n$ systemctl restart k3s\n", Shell, "1:1", "a: 1\n"},
		"latin-1":               {"# caf\xe9\na: 1\n", Encoding, "1:6", ""},
		"utf-16 without a mark": {"a\x00:\x00 \x001\x00", Encoding, "1:2", ""},
		"c1 control":            {"a: 1 # \u0093\n", Control, "1:8", ""},
		"a merge is no script":  {"a: 1\n<<: [\n", Other, "2", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var into any
			p := Recognise("f.yaml", []byte(c.text), Decode("f.yaml", []byte(c.text), &into))
			if p == nil {
				t.Fatal("accepted")
			}
			if p.Sort != c.sort || !strings.HasPrefix(p.At.String(), "f.yaml:"+c.at) {
				t.Errorf("got %q at %s: %s; want %q at %s", p.Sort, p.At, p.Text, c.sort, c.at)
			}
			after, err := source.Apply([]byte(c.text), p.Edits)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Edits) == 0 {
				after = nil
			}
			if string(after) != c.after {
				t.Errorf("edits give %q, want %q", after, c.after)
			}
		})
	}
}

func TestUTF16IsReadAndNotEdited(t *testing.T) {
	data := []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune("a:\n  ü: x\n")) {
		data = append(data, byte(u>>8), byte(u))
	}
	var into map[string]map[string]string
	if bad := Decode("f.yaml", data, &into); bad != nil || into["a"]["ü"] != "x" {
		t.Fatalf("decoded %v, %v", into, bad)
	}
	d, bad := Parse("f.yaml", data)
	if bad != nil || !d.Wide || d.Find("a", "ü").Value.At.String() != "f.yaml:2:6" {
		t.Fatalf("got %+v, %v", d, bad)
	}
}

func TestLinesOfAnEntryMoveWithItsComments(t *testing.T) {
	const text = "m:\n  # about a\n  a:\n    x: 1 # one\n    # behind x\n  # about b\n  b: 2\n"
	d := parse(t, text)
	s, ok := d.Lines(*d.Find("m", "a"))
	if got := text[s.Start:s.End]; !ok || got != "  # about a\n  a:\n    x: 1 # one\n    # behind x\n" {
		t.Errorf("got %q, %v", got, ok)
	}
	flow := parse(t, "m: {a: 1, b: 2}\n")
	if _, ok := flow.Lines(*flow.Find("m", "a")); ok {
		t.Error("an entry in braces has no lines of its own")
	}
	if got := Shift("a:\n  b\n\nc\n", 2); got != "  a:\n    b\n\n  c\n" {
		t.Errorf("shifted: %q", got)
	}
	if got := Shift("  a:\n    b\n c\n", -2); got != "a:\n  b\nc\n" {
		t.Errorf("shifted back: %q", got)
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	for _, text := range []string{
		"docker.io", "r.lab:5000", "https://x.example/v2", "*", "yes", "0123", "1e3", "123456", "~", "", " a", "a: b", "a #b", "#", "- x",
		"Harbor@12345", "p\"q\\r", "tab\tnl\n", "中文", "\u0085", "[x]", "{x}", "$1", "^library/(.*)", "!x", "&x", "0x1F", "12:30:45", "a\u2028b", "@x", "`x", "%x", "?x", ".5", "-1", "null",
	} {
		var out struct{ K string }
		var loose struct{ K any }
		line := []byte("k: " + Write(text) + "\n")
		if bad := Decode("f", line, &out); bad != nil || out.K != text {
			t.Errorf("%q is written %q and read as %q, %v", text, line, out.K, bad)
		}
		if bad := Decode("f", line, &loose); bad != nil || loose.K != any(text) {
			t.Errorf("%q is written %q and is a %T for others", text, line, loose.K)
		}
	}
}

func TestHostileDocumentsComeToAnEnd(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := byte('b'); c < 'l'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	for name, text := range map[string]string{
		"alias bomb": bomb,
		"brackets":   strings.Repeat("[", 1<<20),
		"braces":     strings.Repeat("{a: ", 1<<18),
		"dashes":     strings.Repeat("- ", 1<<19),
		"long line":  "a: " + strings.Repeat("x", 2<<20),
		"repeats":    strings.Repeat("a:\n", 1<<17),
		"itself":     "a: &a [*a]\n",
		"huge":       strings.Repeat("#", MaxSize+1),
	} {
		t.Run(name, func(t *testing.T) {
			var into struct {
				A map[string]string
			}
			bad := Decode("f", []byte(text), &into)
			Recognise("f", []byte(text), bad)
			if d, refused := Parse("f", []byte(text)); refused == nil {
				d.Repeats(3)
				d.Find("a", "b")
			}
			if name == "huge" && (bad == nil || bad.Sort != TooLarge) {
				t.Errorf("got %v", bad)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"mirrors:\n  docker.io:\n    endpoint:\n      - https://x # y\n", "a: {b: [c, d: e]}\n", "a: |\n  x\nb: >\n y\n", "\ufeffa: 'b''c'\r\n",
		"a: &x 1\nb: *x\n<<: {c: d}\n", "? a\n: b\n", "a:\n\tb: 1\n", "*: x\n", "a：b\n", "a: “x”\n", "--- \na\n---\nb\n", "a: !!binary aGk=\n", "\"a\\\"b\": 'c'\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into any
		bad := Decode("f", data, &into)
		if p := Recognise("f", data, bad); p != nil {
			if _, err := source.Apply(data, p.Edits); err != nil {
				t.Fatalf("edits of %v do not apply: %v", p, err)
			}
		}
		d, refused := Parse("f", data)
		if refused != nil || d.Root == nil {
			return
		}
		inside(t, d, d.Root, 0, len(d.Data))
		d.Repeats(4)
	})
}

// inside checks that nodes lie within their parent and in order.
func inside(t *testing.T, d *Doc, n *Node, low, high int) {
	if n.Start < low || n.End < n.Start || n.End > high {
		t.Fatalf("%s: bytes %d to %d lie outside %d to %d of %q", n.At, n.Start, n.End, low, high, d.Data)
	}
	at := n.Start
	for _, p := range n.Pairs {
		inside(t, d, p.Key, at, n.End)
		inside(t, d, p.Value, p.Key.End, n.End)
		at = p.Value.End
		d.Lines(p)
	}
	for _, item := range n.Items {
		inside(t, d, item, at, n.End)
		at = item.End
	}
}
