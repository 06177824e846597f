// Package suppress takes findings away that somebody does not want to hear of:
// by a code on the command line, or by a comment in the file. It knows comments
// that begin with #, which all dialects have but JSON, and no dialect.
//
//	skip_verify = true  # towpath:ignore HT078
//	# towpath:ignore HT078 tls/verification-off -- until the new CA is out
//	# towpath:ignore-file HT037
//
// A comment at the end of a line is about that line, one on a line of its own
// about the next line that is more than a comment, and ignore-file, which stands
// on a line of its own, about the whole file and what is said of its directory.
package suppress

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Known reports whether a word is the code or number of a finding that there is.
type Known func(word string) bool

// Matches reports whether a word is the code or number of a finding, whatever
// its letter case.
func Matches(word string, f finding.Finding) bool {
	return strings.EqualFold(word, f.Code) || strings.EqualFold(word, f.ID)
}

// ByCode splits findings into those that stay and those that one of the words names.
func ByCode(found []finding.Finding, words []string) (kept, gone []finding.Finding) {
	for _, f := range found {
		if slices.ContainsFunc(words, func(w string) bool { return Matches(w, f) }) {
			gone = append(gone, f)
		} else {
			kept = append(kept, f)
		}
	}
	return kept, gone
}

// ByComment splits findings by the comments in files. A comment that takes
// nothing away, or names what there is not, becomes a finding itself.
func ByComment(found []finding.Finding, files []source.File, known Known) (kept, gone []finding.Finding) {
	all := comments(files)
	if len(all) == 0 {
		return found, nil
	}
	byPlace := index(all)
	for _, f := range found {
		if byPlace.take(f) {
			gone = append(gone, f)
		} else {
			kept = append(kept, f)
		}
	}
	for _, c := range all {
		kept = append(kept, c.judge(known)...)
	}
	return kept, gone
}

// comment is one that takes findings away.
type comment struct {
	at    source.Pos // of the #
	line  int        // that it is about; zero: the whole file
	words []string
	used  []bool // words that took something away
	shown string
}

// places are comments by what they are about.
type places map[place][]*comment

type place struct {
	file string
	line int
}

func index(all []*comment) places {
	out := places{}
	for _, c := range all {
		out[place{c.at.File, c.line}] = append(out[place{c.at.File, c.line}], c)
		if c.line == 0 {
			dir := place{path.Dir(c.at.File), 0}
			out[dir] = append(out[dir], c)
		}
	}
	return out
}

// take reports whether a comment takes a finding away. All that do are used.
func (p places) take(f finding.Finding) bool {
	taken := p.at(place{f.At.File, 0}, f)
	if f.At.Line > 0 {
		taken = p.at(place{f.At.File, f.At.Line}, f) || taken
	}
	return taken
}

func (p places) at(where place, f finding.Finding) bool {
	taken := false
	for _, c := range p[where] {
		for i, w := range c.words {
			if Matches(w, f) {
				c.used[i], taken = true, true
			}
		}
	}
	return taken
}

// judge finds what a comment says in vain.
func (c *comment) judge(known Known) []finding.Finding {
	say := func(k finding.Kind, variant, word string) finding.Finding {
		f := k.Vary(variant, c.at.File, finding.Args{"word": word, "line": c.line})
		return f.In(c.at).Saw(c.shown, c.at.String(), "")
	}
	if len(c.words) == 0 {
		return []finding.Finding{say(unknownCode, "none", "")}
	}
	var out []finding.Finding
	for i, w := range c.words {
		switch {
		case c.used[i]:
		case !known(w):
			out = append(out, say(unknownCode, "", w))
		case c.line == 0:
			out = append(out, say(unused, "file", w))
		default:
			out = append(out, say(unused, "", w))
		}
	}
	return out
}

// largest is the size of a file above which comments are not looked for. Bytes.
const largest = 16 << 20

var marker = []byte("towpath:ignore")

// comments reads those of all files.
func comments(files []source.File) []*comment {
	var out []*comment
	for _, f := range files {
		if f.Kind == source.Regular && len(f.Data) <= largest && bytes.Contains(f.Data, marker) && !isJSON(f) {
			out = append(out, commentsOf(f)...)
		}
	}
	return out
}

// isJSON reports a file without comments.
func isJSON(f source.File) bool {
	return path.Ext(f.Path) == ".json" || bytes.HasPrefix(bytes.TrimSpace(f.Data), []byte("{"))
}

func commentsOf(f source.File) []*comment {
	var out, waiting []*comment // those on lines of their own wait for a line with more
	number := 0
	for line := range bytes.Lines(f.Data) {
		number++
		text := strings.TrimRight(string(line), "\r\n")
		at := hash(text)
		alone := at >= 0 && strings.TrimSpace(text[:at]) == ""
		if at < 0 || !alone {
			if strings.TrimSpace(text) != "" {
				waiting = about(waiting, number)
			}
		}
		if at < 0 {
			continue
		}
		c, whole := parse(text[at+1:])
		if c == nil {
			continue
		}
		c.at = source.Pos{File: f.Path, Line: number, Column: len([]rune(text[:at])) + 1}
		c.shown = strings.TrimSpace(text[at:])
		switch {
		case whole:
		case alone:
			waiting = append(waiting, c)
			c.line = number
		default:
			c.line = number
		}
		out = append(out, c)
	}
	return out
}

// about gives waiting comments the line that they are about.
func about(waiting []*comment, line int) []*comment {
	for _, c := range waiting {
		c.line = line
	}
	return nil
}

// parse reads what stands behind a #; nil: it is not for us.
func parse(text string) (c *comment, whole bool) {
	rest, ours := strings.CutPrefix(strings.TrimSpace(text), "towpath:ignore")
	if !ours {
		return nil, false
	}
	rest, whole = strings.CutPrefix(rest, "-file")
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' && rest[0] != ',' {
		return nil, false // some other word that begins so
	}
	rest, _, _ = strings.Cut(rest, "--")
	words := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	return &comment{words: words, used: make([]bool, len(words))}, whole
}

// hash is where the comment of a line begins; -1: it has none. A # in quotes, or
// right behind a word, is no comment.
func hash(line string) int {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case quote != 0:
			if b == '\\' && quote == '"' {
				i++
			} else if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'' && !letterBefore(line, i):
			quote = b
		case b == '#' && (i == 0 || strings.IndexByte(" \t]})\"'", line[i-1]) >= 0):
			return i
		}
	}
	return -1
}

// letterBefore tells an apostrophe from a quote.
func letterBefore(line string, i int) bool {
	if i == 0 {
		return false
	}
	b := line[i-1]
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
