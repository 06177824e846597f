package suppress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/suppress"
)

func known(word string) bool {
	return strings.EqualFold(word, "HT078") || strings.EqualFold(word, "tls/verification-off") || word == "HT037"
}

// at is a finding in a line of the file; 0: about all of it.
func at(id string, line int) finding.Finding {
	return finding.Finding{Code: "tls/verification-off", ID: id, At: source.Pos{File: "/d/f", Line: line}}
}

func TestACommentTakesAwayWhatItIsAbout(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		want       string // "kept", "gone", and what is said of the comment
	}{
		{"at the end of the line", "a = 1 # towpath:ignore HT078\n", 1, "gone"},
		{"by its code", "a = 1 # towpath:ignore tls/verification-off\n", 1, "gone"},
		{"in other letters", "a = 1 # towpath:ignore ht078\n", 1, "gone"},
		{"several", "a = 1 # towpath:ignore HT037, HT078\n", 1, "gone lint/ignore-unused:1"},
		{"with a reason", "a = 1 # towpath:ignore HT078 -- it is a lab\n", 1, "gone"},
		{"without blanks", "a = \"x\"#towpath:ignore HT078\n", 1, "gone"},
		{"line above", "# towpath:ignore HT078\na = 1\n", 2, "gone"},
		{"line above, with a comment between", "# towpath:ignore HT078\n# why\n\na = 1\n", 4, "gone"},
		{"two lines above", "# towpath:ignore HT078\na = 1\nb = 2\n", 3, "kept lint/ignore-unused:1"},
		{"the comment itself", "# towpath:ignore HT078\n", 1, "gone"},
		{"line below", "a = 1\n# towpath:ignore HT078\nb = 2\n", 1, "kept lint/ignore-unused:2"},
		{"another code", "a = 1 # towpath:ignore HT037\n", 1, "kept lint/ignore-unused:1"},
		{"no such code", "a = 1 # towpath:ignore HT999\n", 1, "kept lint/ignore-unknown-code:1"},
		{"no code", "a = 1 # towpath:ignore\n", 1, "kept lint/ignore-unknown-code:1"},
		{"the whole file", "# towpath:ignore-file HT078\na = 1\nb = 2\n", 3, "gone"},
		{"the file as such", "# towpath:ignore-file HT078\n", 0, "gone"},
		{"a line is not the file", "a = 1 # towpath:ignore HT078\n", 0, "kept lint/ignore-unused:1"},
		{"unused in the whole file", "# towpath:ignore-file HT037\na = 1\n", 2, "kept lint/ignore-unused:1"},
		{"in a string", "a = \"# towpath:ignore HT078\"\n", 1, "kept"},
		{"in a literal", "a = '# towpath:ignore HT078'\n", 1, "kept"},
		{"behind an escaped quote", "a = \"\\\"\" # towpath:ignore HT078\n", 1, "gone"},
		{"behind an apostrophe", "a: it's so # towpath:ignore HT078\n", 1, "gone"},
		{"a fragment", "a: http://x/#towpath:ignore HT078\n", 1, "kept"},
		{"another word", "a = 1 # towpath:ignored HT078\n", 1, "kept"},
		{"JSON", "{\n\"a\": 1 # towpath:ignore HT078\n}\n", 2, "kept"},
		{"CRLF", "a = 1 # towpath:ignore HT078\r\n", 1, "gone"},
		{"no line end", "a = 1 # towpath:ignore HT078", 1, "gone"},
	} {
		files := []source.File{{Path: "/d/f", Data: []byte(c.text)}}
		kept, gone := suppress.ByComment([]finding.Finding{at("HT078", c.line)}, files, known)
		got := "kept"
		if len(gone) == 1 {
			got = "gone"
		}
		for _, f := range kept {
			if f.ID != "HT078" {
				got += fmt.Sprintf(" %s:%d", f.Code, f.At.Line)
				if f.Severity != finding.Info || len(finding.Names(f.Text)) > 0 {
					t.Errorf("%s: %+v", c.name, f)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestACommentForTheFileCountsForItsDirectory(t *testing.T) {
	files := []source.File{{Path: "/d/f", Data: []byte("# towpath:ignore-file HT078\n")}}
	found := finding.Finding{ID: "HT078", At: source.Pos{File: "/d"}}
	if kept, gone := suppress.ByComment([]finding.Finding{found}, files, known); len(kept) != 0 || len(gone) != 1 {
		t.Errorf("kept %v, gone %v", kept, gone)
	}
}

func TestACodeOnTheCommandLineTakesAwayAllOfIt(t *testing.T) {
	kept, gone := suppress.ByCode([]finding.Finding{at("HT078", 1), at("HT037", 2), at("HT078", 3)}, []string{"ht078"})
	if len(kept) != 1 || kept[0].ID != "HT037" || len(gone) != 2 {
		t.Errorf("kept %v, gone %v", kept, gone)
	}
}

// Whatever stands in a file, every finding is either kept or gone.
func FuzzComments(f *testing.F) {
	f.Add([]byte("a = 1 # towpath:ignore HT078\n# towpath:ignore-file x\n"), 1)
	f.Add([]byte("\"'#\xff\r# towpath:ignore,,,--"), 2)
	f.Fuzz(func(t *testing.T, data []byte, line int) {
		found := []finding.Finding{at("HT078", line)}
		kept, gone := suppress.ByComment(found, []source.File{{Path: "/d/f", Data: data}}, known)
		n := len(gone)
		for _, k := range kept {
			if k.ID == "HT078" {
				n++
			} else if k.At.Line < 1 {
				t.Errorf("%+v is nowhere", k)
			}
		}
		if n != 1 {
			t.Errorf("kept %v, gone %v", kept, gone)
		}
	})
}
