package tomldoc

import (
	"slices"
	"testing"
)

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
