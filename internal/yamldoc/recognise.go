package yamldoc

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Sort is what sort of mistake a Problem is.
type Sort string

// The mistakes that are told apart, besides the ones that only have the
// parser's text.
const (
	Other      Sort = ""
	WrongType  Sort = "wrong-type"  // the syntax is right; a value is not of the type that is read
	TooLarge   Sort = "too-large"   //
	Encoding   Sort = "encoding"    // not UTF-8 (and not UTF-16 with a byte order mark)
	Control    Sort = "control"     // a control character
	Tab        Sort = "tab"         // a tab in the indentation
	Star       Sort = "star"        // * without quotes, which YAML takes for an alias
	FullWidth  Sort = "full-width"  // a full-width colon, comma or blank
	SmartQuote Sort = "smart-quote" // a typographic quotation mark that ends nothing
	NoSpace    Sort = "no-space"    // key:value without the blank
	Shell      Sort = "shell"       // a line of a shell script
)

// Recognise names the usual mistakes of hand-written YAML in a document that
// was refused with a problem. The problem comes back with the sort and the
// place of the mistake, and with edits if those get the document further.
func Recognise(file string, data []byte, p *Problem) *Problem {
	found, s := recognise(file, data, p)
	if found == p || len(found.Edits) == 0 {
		return found
	}
	if !s.further(found) {
		found.Edits = nil
	}
	return found
}

// recognise is Recognise without a look at what the edits make of the document.
func recognise(file string, data []byte, p *Problem) (*Problem, *suspect) {
	if p == nil || p.Sort != Other {
		return p, nil
	}
	if _, wide := narrow(data); wide {
		return p, nil
	}
	s := suspect{file: file, data: data, refused: *p}
	s.doc.Data, s.doc.File = data, file
	s.doc.index()
	for _, look := range []func(*suspect) *Problem{
		(*suspect).encoding, (*suspect).control, (*suspect).shell, (*suspect).tabs,
		(*suspect).star, (*suspect).fullWidth, (*suspect).smartQuote, (*suspect).noSpace,
	} {
		if found := look(&s); found != nil {
			return found, &s
		}
	}
	return p, nil
}

// suspect is a refused document under examination.
type suspect struct {
	file    string
	data    []byte
	doc     Doc
	refused Problem
}

// near reports whether a line is where the parser gave up, or right before:
// it often notices a mistake only on the line that follows.
func (s *suspect) near(line int) bool {
	return s.refused.At.Line == 0 || line == s.refused.At.Line || line == s.refused.At.Line-1
}

func (s *suspect) found(sort Sort, at int, text string, edits ...source.Edit) *Problem {
	for i := range edits {
		edits[i].File = s.file
	}
	return &Problem{At: s.doc.Pos(at), Text: text, Sort: sort, Edits: edits}
}

// further reports whether edits get the document further: it is accepted, or
// refused at a later place, or for another mistake that is known.
func (s *suspect) further(p *Problem) bool {
	after, err := source.Apply(s.data, p.Edits)
	if err != nil {
		return false
	}
	var any any
	left := Decode(s.file, after, &any)
	if left == nil || left.At.Line > s.refused.At.Line {
		return true
	}
	next, _ := recognise(s.file, after, left)
	return next.Sort != Other && next.Sort != p.Sort
}

func (s *suspect) encoding() *Problem {
	if i := bytes.IndexByte(s.data, 0); i >= 0 {
		return s.found(Encoding, i, "a NUL byte: the file is UTF-16 without a byte order mark, or not a text")
	}
	if i, bad := badByte(s.data); bad {
		return s.found(Encoding, i, fmt.Sprintf("byte 0x%02X is not UTF-8", s.data[i]))
	}
	return nil
}

func (s *suspect) control() *Problem {
	if i, r, bad := badRune(s.data); bad {
		return s.found(Control, i, fmt.Sprintf("control character U+%04X", r))
	}
	return nil
}

// eachLine calls f with every line up to the one where the parser gave up, and
// the line's offset; it stops when f returns a problem.
func (s *suspect) eachLine(f func(n, at int, line []byte) *Problem) *Problem {
	for n, at := range s.doc.feeds {
		if s.refused.At.Line > 0 && n+1 > s.refused.At.Line+1 {
			return nil
		}
		if p := f(n+1, at, s.data[at:s.doc.lineEnd(at)]); p != nil {
			return p
		}
	}
	return nil
}

func (s *suspect) tabs() *Problem {
	return s.eachLine(func(n, at int, line []byte) *Problem {
		head := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		tab := bytes.IndexByte(head, '\t')
		if tab < 0 || len(head) == len(line) || line[len(head)] == '#' {
			return nil
		}
		return s.found(Tab, at+tab, "a tab in the indentation", s.untab()...)
	})
}

// untab replaces the tabs of all indentations by two blanks each.
func (s *suspect) untab() []source.Edit {
	var out []source.Edit
	for _, at := range s.doc.feeds {
		line := s.data[at:s.doc.lineEnd(at)]
		head := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if i := bytes.IndexByte(head, '\t'); i >= 0 && len(head) < len(line) {
			out = append(out, source.Edit{Start: at, End: at + len(head), New: strings.ReplaceAll(string(head), "\t", "  ")})
		}
	}
	return out
}

var (
	starKey  = regexp.MustCompile(`^[ \t]*(?:- )?(\*)[ \t]*:`)
	tightKey = regexp.MustCompile(`^[ ]*(?:- )?[A-Za-z_]+(:)[^\s:/\\]`)
	script   = regexp.MustCompile("^[ \\t]*(?:[$#] (?:sudo|cat|tee|systemctl|mkdir|crictl|kubectl|curl|vim?)\\b|(?:sudo|cat|tee|systemctl|mkdir) [^:]|cat\\s*>|EOF\\s*$|```)")
	wide     = map[rune]string{'：': ": ", '，': ", ", '　': " "}
)

func (s *suspect) star() *Problem {
	return s.eachLine(func(n, at int, line []byte) *Problem {
		m := starKey.FindSubmatchIndex(line)
		if m == nil {
			return nil
		}
		return s.found(Star, at+m[2], "* without quotes is an alias", source.Edit{Start: at + m[2], End: at + m[3], New: `"*"`})
	})
}

func (s *suspect) fullWidth() *Problem {
	return s.eachLine(func(n, at int, line []byte) *Problem {
		first := -1
		var edits []source.Edit
		for i, r := range string(line) {
			if r == '#' && (i == 0 || isBlank(line[i-1])) {
				break
			}
			if text, is := wide[r]; is {
				end := i + len(string(r))
				if end == len(line) || isBlank(line[end]) {
					text = strings.TrimRight(text, " ")
				}
				if first < 0 {
					first = i
				}
				edits = append(edits, source.Edit{Start: at + i, End: at + end, New: text})
			}
		}
		if first < 0 {
			return nil
		}
		return s.found(FullWidth, at+first, "a full-width character where YAML needs an ASCII one", edits...)
	})
}

// SmartQuotes are the typographic quotation marks that text processors put for
// " and ', and the plain ones.
var SmartQuotes = map[rune]string{'“': `"`, '”': `"`, '„': `"`, '‘': `'`, '’': `'`, '＂': `"`}

func (s *suspect) smartQuote() *Problem {
	return s.eachLine(func(n, at int, line []byte) *Problem {
		// A quote that does not end is noticed at the end of the file.
		if !s.near(n) && !strings.Contains(s.refused.Text, "end of stream") {
			return nil
		}
		first := -1
		var edits []source.Edit
		for i, r := range string(line) {
			if plain, is := SmartQuotes[r]; is {
				if first < 0 {
					first = i
				}
				edits = append(edits, source.Edit{Start: at + i, End: at + i + len(string(r)), New: plain})
			}
		}
		if first < 0 {
			return nil
		}
		return s.found(SmartQuote, at+first, "a typographic quotation mark", edits...)
	})
}

func (s *suspect) noSpace() *Problem {
	return s.eachLine(func(n, at int, line []byte) *Problem {
		m := tightKey.FindSubmatchIndex(line)
		if m == nil || !s.near(n) || bytes.HasSuffix(bytes.TrimRight(line, " \t"), []byte(":")) {
			return nil
		}
		return s.found(NoSpace, at+m[2], "no blank behind the colon", source.Edit{Start: at + m[3], End: at + m[3], New: " "})
	})
}

// shell finds lines that belong to the script which wrote the file, not into it.
func (s *suspect) shell() *Problem {
	var edits []source.Edit
	for _, at := range s.doc.feeds {
		end := s.doc.lineEnd(at)
		if script.Match(s.data[at:end]) && s.data[at] != '#' {
			edits = append(edits, source.Edit{Start: at, End: s.doc.nextLine(at)})
		}
	}
	if len(edits) == 0 {
		return nil
	}
	edits = slices.Clip(edits)
	return s.found(Shell, edits[0].Start, "a line of a shell script", edits...)
}
