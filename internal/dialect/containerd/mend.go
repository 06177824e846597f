package containerd

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

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
