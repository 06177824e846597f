package tomldoc

import (
	"slices"
	"strings"
	"testing"
)

func TestNestingWithoutEndIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"open arrays":   "a = " + strings.Repeat("[", 3_000_000),
		"closed arrays": "a = " + strings.Repeat("[", 1001) + strings.Repeat("]", 1001),
		"tables":        strings.Repeat("a = { ", 300_000),
		"dotted key":    strings.Repeat("a.", 1_000_000) + "a = 1",
		"header":        "[" + strings.Repeat("a.", 1_000_000) + "a]",
	} {
		for _, g := range []Grammar{V1, V2} {
			if _, bad := Decode(g, "f", []byte(text)); bad == nil || !strings.Contains(bad.Text, "1000 levels") {
				t.Errorf("%s, grammar %d: got %v, want a problem of nesting", name, g, bad)
			}
		}
		if _, bad := Parse("f", []byte(text)); bad == nil {
			t.Errorf("%s: Parse accepts it", name)
		}
	}
}

func TestBracketsThatDoNotNestAreNoNesting(t *testing.T) {
	text := strings.Repeat("# [[[ ... {{{\n", 2000) + "a = '" + strings.Repeat("[.{", 2000) + "'\n" +
		"b = \"" + strings.Repeat("\\\"[", 2000) + "\"\n" + "c = '''" + strings.Repeat("\n[.", 2000) + "'''\n" +
		"d = [" + strings.Repeat("1.5, ", 2000) + "]\n" + strings.Repeat("[[e]]\n", 2000)
	for _, g := range []Grammar{V1, V2} {
		if _, bad := Decode(g, "f", []byte(text)); bad != nil {
			t.Errorf("grammar %d: got %v", g, bad)
		}
	}
}

func TestAnArrayKnowsItsElements(t *testing.T) {
	const text = "a = [ # one ]\n  'x, y', [1, 2], { b = \"]\" }, \"\"\"z\"\"\", 3 ]\nb = 'no array'\n"
	d, bad := Parse("f", []byte(text))
	if bad != nil {
		t.Fatal(bad)
	}
	var got []string
	for _, s := range d.Elements(d.Find("a").Value) {
		got = append(got, d.Text(s))
	}
	want := []string{"'x, y'", "[1, 2]", `{ b = "]" }`, `"""z"""`, "3"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := d.Elements(d.Find("b").Value); n != nil {
		t.Errorf("a string has elements: %v", n)
	}
}
