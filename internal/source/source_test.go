package source_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/source"
)

func TestAPositionReadsAsCompilersPrintIt(t *testing.T) {
	for want, p := range map[string]source.Pos{
		"-": {Line: 3}, "f": {File: "f", Column: 3}, "f:3": {File: "f", Line: 3}, "f:3:4": {File: "f", Line: 3, Column: 4},
	} {
		if p.String() != want {
			t.Errorf("%#v is %q, want %q", p, p, want)
		}
	}
	if (source.Pos{}).IsZero() == (source.Pos{File: "f"}).IsZero() {
		t.Error("a file is a place")
	}
}

func TestALineIsThatOfAnEditor(t *testing.T) {
	data := []byte("one\r\ntwo\n\nfour")
	for n, want := range map[int]string{-1: "", 0: "", 1: "one", 2: "two", 3: "", 4: "four", 5: ""} {
		if got := source.Line(data, n); got != want {
			t.Errorf("line %d is %q, want %q", n, got, want)
		}
	}
}

// An offset and its position are the same place, whatever the bytes, unless the
// offset is in the middle of a character.
func FuzzPositions(f *testing.F) {
	f.Add([]byte("a\nbä\r\n\n署"), 4)
	f.Add([]byte("\xff\xfe\n\xc3"), 1)
	f.Fuzz(func(t *testing.T, data []byte, offset int) {
		p := source.PosAt("f", data, offset)
		at := min(max(offset, 0), len(data))
		whole := at == len(data) || utf8.RuneStart(data[at])
		if back := source.Offset(data, p); whole && back != at {
			t.Errorf("%d of %q is %s, and that is %d", at, data, p, back)
		}
		if p.Line < 1 || p.Column < 1 || p.Line > bytes.Count(data, []byte("\n"))+1 {
			t.Errorf("%d of %q is %s", at, data, p)
		}
	})
}

func TestEditsReferToTheBytesAsTheyWere(t *testing.T) {
	at := func(start, end int, text string) source.Edit {
		return source.Edit{File: "f", Start: start, End: end, New: text}
	}
	for _, c := range []struct {
		edits []source.Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]source.Edit{at(8, 10, "x"), at(0, 2, "abc")}, "abc234567x"},
		{[]source.Edit{at(5, 5, "first"), at(5, 5, "second")}, "01234firstsecond56789"},
		{[]source.Edit{at(2, 4, ""), at(4, 6, "")}, "016789"},
		{[]source.Edit{at(10, 10, "!")}, "0123456789!"},
	} {
		if got, err := source.Apply([]byte("0123456789"), c.edits); err != nil || string(got) != c.want {
			t.Errorf("%v: %q, %v, want %q", c.edits, got, err, c.want)
		}
	}
}

func TestEditsThatCannotBeMadeAreRefused(t *testing.T) {
	data := []byte("0123456789")
	at := func(start, end int) source.Edit { return source.Edit{File: "f", Start: start, End: end} }
	if _, err := source.Apply(data, []source.Edit{at(2, 5), at(4, 6)}); !errors.Is(err, source.ErrOverlap) {
		t.Errorf("two that overlap: %v", err)
	}
	for _, e := range []source.Edit{at(-1, 2), at(3, 2), at(5, 11), {Op: source.Remove, File: "f"}} {
		if got, err := source.Apply(data, []source.Edit{e}); err == nil || !strings.Contains(err.Error(), "f") {
			t.Errorf("%+v: %q, %v", e, got, err)
		}
	}
}
