package containerd

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/source"
)

// maxTried bounds how much is read again to try fixes of one file, in bytes.
const maxTried = 1 << 20

// trial reads other bytes in the place of this file's. Its verdict is unknown
// once too much was tried.
func (h *hostsFile) trial(data []byte) *hostsFile {
	if h.tried == nil {
		h.tried = new(int)
	}
	t := &hostsFile{path: h.path, dir: h.dir, match: h.match, target: h.target, data: data, tried: h.tried}
	if *h.tried += len(data); *h.tried > maxTried {
		t.verdict = unknown
		return t
	}
	readHosts(t)
	return t
}

// cures reports that edits make containerd read the file, or stop further
// down. An edit that would repeat a secret is not given, so it cures nothing.
func (h *hostsFile) cures(edits []source.Edit) bool {
	if len(edits) == 0 {
		return false
	}
	for _, e := range edits {
		if h.shown().reveals(e.New) {
			return false
		}
	}
	data, err := source.Apply(h.data, edits)
	return err == nil && h.trial(data).beyond(h)
}

// beyond reports that this reading got further than another of the same file.
func (h *hostsFile) beyond(other *hostsFile) bool {
	switch {
	case h.verdict == used:
		return true
	case h.verdict != dropped || other.problem == nil:
		return false
	case h.problem == nil:
		return true
	}
	return h.problem.At.Line > other.problem.At.Line
}

// edit replaces a range of the file.
func (h *hostsFile) edit(start, end int, text string) source.Edit {
	return source.Edit{File: h.path, Start: start, End: end, New: text}
}

// newline is the line end that the file uses.
func (h *hostsFile) newline() string {
	if bytes.Contains(h.data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// lineAround is the range of whole lines that hold a range, line end included.
func (h *hostsFile) lineAround(start, end int) (int, int) {
	start = bytes.LastIndexByte(h.data[:start], '\n') + 1
	if i := bytes.IndexByte(h.data[end:], '\n'); i >= 0 {
		return start, end + i + 1
	}
	return start, len(h.data)
}

// typographic maps what word processors write to what was meant.
var typographic = map[rune]string{
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '«': `"`, '»': `"`, '＂': `"`, '‘': "'", '’': "'", '‚': "'", '‛': "'", '＇': "'", '´': "'",
	'\u00a0': " ", '\u3000': " ", '\u2009': " ", '\u202f': " ", '\u200b': "", '\ufeff': "", '：': " =", '，': ",", '＝': "=",
	'［': "[", '］': "]", '｛': "{", '｝': "}", '．': ".",
}

// straighten lists the edits that replace typographic characters outside of
// comments, and the place of the first.
func (h *hostsFile) straighten() (edits []source.Edit, first int, was rune) {
	comment, open := false, rune(0)
	for i, r := range string(h.data) {
		plain, odd := typographic[r]
		switch {
		case r == '\n':
			comment, open = false, 0
		case comment || i == 0 && r == '\ufeff':
		case r == '#' && open == 0:
			comment = true
		case odd:
			if len(edits) == 0 {
				first, was = i, r
			}
			edits = append(edits, h.edit(i, i+utf8.RuneLen(r), plain))
		}
		if r == '"' || r == '\'' || plain == `"` || plain == "'" {
			open = toggle(open, r)
		}
	}
	return edits, first, was
}

func toggle(open, quote rune) rune {
	switch {
	case open == 0:
		return quote
	case open == quote || typographic[open] != "" && typographic[quote] != "":
		return 0
	}
	return open
}

// narrow is the text of a file in UTF-16; ok is false when it is not in it.
func narrow(data []byte) (text string, ok bool) {
	var at func(i int) uint16
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		at = func(i int) uint16 { return uint16(data[i]) | uint16(data[i+1])<<8 }
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		at = func(i int) uint16 { return uint16(data[i])<<8 | uint16(data[i+1]) }
	default:
		return "", false
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, at(i))
	}
	return string(utf16.Decode(units)), true
}

// mend tries to make TOML of a file line by line, where it stops being some,
// and gives the edits if containerd reads the result.
func (h *hostsFile) mend() []source.Edit {
	lines := bytes.SplitAfter(h.data, []byte("\n"))
	now := h
	for range 20 {
		n := now.problem.At.Line
		if n < 1 || n > len(lines) || !now.mendLine(lines, n-1) {
			return nil
		}
		now = h.trial(bytes.Join(lines, nil))
		if now.verdict == used {
			return h.lineEdits(lines)
		}
		if now.verdict != dropped || now.problem == nil {
			return nil
		}
	}
	return nil
}

// maxLine is the longest line that is mended.
const maxLine = 1000

// mendLine replaces one line by the first form of it that gets further.
func (h *hostsFile) mendLine(lines [][]byte, n int) bool {
	was := lines[n]
	if len(was) > maxLine {
		return false
	}
	text := strings.TrimRight(string(was), "\r\n")
	end := string(was[len(text):])
	for _, mend := range mends {
		if now := mend(text); now != text {
			lines[n] = []byte(now + end)
			if h.trial(bytes.Join(lines, nil)).beyond(h) {
				return true
			}
		}
	}
	lines[n] = was
	return false
}

func (h *hostsFile) lineEdits(lines [][]byte) []source.Edit {
	var out []source.Edit
	at := 0
	for i, was := range bytes.SplitAfter(h.data, []byte("\n")) {
		for _, e := range difference(was, lines[i]) {
			out = append(out, h.edit(at+e.Start, at+e.End, e.New))
		}
		at += len(was)
	}
	return out
}

// difference is the smallest set of edits between two lines, so that what does
// not change, a password say, is in none of them.
func difference(was, now []byte) []source.Edit {
	common := longest(was, now)
	var out []source.Edit
	add := func(start, end int, text string) {
		if n := len(out); n > 0 && out[n-1].End == start {
			out[n-1].End, out[n-1].New = end, out[n-1].New+text
			return
		}
		out = append(out, source.Edit{Start: start, End: end, New: text})
	}
	for i, j := 0, 0; i < len(was) || j < len(now); {
		switch {
		case i < len(was) && j < len(now) && was[i] == now[j]:
			i, j = i+1, j+1
		case j < len(now) && (i == len(was) || common[i][j+1] >= common[i+1][j]):
			add(i, i, string(now[j:j+1]))
			j++
		default:
			add(i, i+1, "")
			i++
		}
	}
	return out
}

// longest is the table of the longest common subsequences of all tails.
func longest(a, b []byte) [][]int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}

var (
	yamlLine     = regexp.MustCompile(`^(\s*[A-Za-z_]+)\s*:\s*(.*)$`)
	bareValue    = regexp.MustCompile(`^(\s*[A-Za-z_."-]+\s*=\s*)([^\s"'\[{#][^#]*?)(\s*(?:#.*)?)$`)
	bareHeader   = regexp.MustCompile(`^(\s*\[\s*host\s*\.\s*)"?([^"'\]]*[^"'\]\s])"?(\s*\].*)$`)
	openHeader   = regexp.MustCompile(`^(\s*\[\s*host\s*\.\s*(?:"[^"]*"|'[^']*'))\s*$`)
	missingComma = regexp.MustCompile(`(["'])(\s+)(["'])`)
	mixedQuotes  = regexp.MustCompile(`(?:"([^"']*)'|'([^"']*)")`)
)

// mends are the repairs of a line, each a guess at what was meant.
var mends = []func(string) string{
	func(s string) string { return bareHeader.ReplaceAllString(s, `${1}"${2}"${3}`) },
	func(s string) string { return openHeader.ReplaceAllString(s, `${1}]`) },
	func(s string) string { return bareValue.ReplaceAllString(s, `${1}"${2}"${3}`) },
	func(s string) string { return yamlLine.ReplaceAllString(s, `${1} = ${2}`) },
	func(s string) string {
		return bareValue.ReplaceAllString(yamlLine.ReplaceAllString(s, `${1} = ${2}`), `${1}"${2}"${3}`)
	},
	func(s string) string { return missingComma.ReplaceAllString(s, `${1},${2}${3}`) },
	func(s string) string { return strings.TrimRight(s, " \t;,") },
	func(s string) string { return s + `"` },
	func(s string) string { return s + `]` },
	func(s string) string { return s + `"]` },
	func(s string) string { return mixedQuotes.ReplaceAllString(s, `"${1}${2}"`) },
	func(s string) string { return strings.ReplaceAll(s, "\x00", "") },
}
