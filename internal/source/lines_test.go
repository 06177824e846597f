package source

import "testing"

func TestLinesAreFoundAsLineFindsThem(t *testing.T) {
	for _, text := range []string{"", "\n", "a", "a\n", "a\r\nb\r\n", "\n\na\n\nb", "é\n“x”\n"} {
		var l Lines
		f := &File{Path: "x", Data: []byte(text)}
		for n := -1; n < 8; n++ {
			if got, want := l.Line(f, n), Line(f.Data, n); got != want {
				t.Errorf("%q line %d: got %q, want %q", text, n, got, want)
			}
		}
	}
}
