package report

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// quoter is a terminal with the files that findings quote.
type quoter struct {
	*Terminal
	files  map[string]*source.File
	masked map[string][]string // lines of the files as they may be shown
	text   source.Lines
}

func newQuoter(t *Terminal, files []source.File) *quoter {
	q := &quoter{Terminal: t, files: make(map[string]*source.File, len(files)), masked: map[string][]string{}}
	for i := range files {
		q.files[files[i].Path] = &files[i]
	}
	return q
}

// largestFile is the size of a file above which its lines are not quoted. Bytes.
const largestFile = 1 << 20

// quote prints where a finding is and the user's own line with a mark under the
// place, credentials masked. It is false when there is no line to print.
func (q *quoter) quote(f finding.Finding) bool {
	if f.At.IsZero() {
		return false
	}
	q.print("  %s %s\n", q.paint(grey, q.symbol("──▶", "-->")), f.At)
	shown, plain := q.lines(f)
	if shown == "" {
		return false
	}
	number := fmt.Sprintf("%5d | ", f.At.Line)
	room := q.room(len(number) + 2)
	q.print("  %s%s\n", q.paint(grey, number), cut(shown, room))
	if before, length := mark(shown, plain, f.At.Column, room); length > 0 {
		q.print("  %s%s\n", strings.Repeat(" ", len(number)+before), q.paint(red, strings.Repeat("^", length)))
	}
	return true
}

// lines are the line of a finding as it may be shown and as it is. Who made the
// finding knows best what is secret in it.
func (q *quoter) lines(f finding.Finding) (shown, plain string) {
	file := q.files[f.At.File]
	if f.At.Line == 0 || file == nil || file.Data == nil {
		return "", ""
	}
	plain = spaced(q.text.Line(file, f.At.Line))
	for _, e := range f.Evidence {
		if e.Where == f.At.String() && e.Saw != "" && !strings.Contains(e.Saw, "\n") {
			return spaced(e.Saw), plain
		}
	}
	if len(file.Data) > largestFile {
		return "", plain
	}
	masked, known := q.masked[file.Path]
	if !known {
		masked = strings.Split(plan.Mask(string(file.Data)), "\n")
		q.masked[file.Path] = masked
	}
	if f.At.Line > len(masked) {
		return "", plain
	}
	return spaced(strings.TrimSuffix(masked[f.At.Line-1], "\r")), plain
}

// spaced is a line in which every character takes a place.
func spaced(line string) string { return strings.ReplaceAll(printable(line), "\t", " ") }

// mark is where the mark under a shown line begins and how long it is, in
// columns; no length: the place cannot be told, for something before it is masked.
func mark(shown, plain string, column, room int) (before, length int) {
	p, s := []rune(plain), []rune(shown)
	at := column - 1
	if column < 1 || at > len(p) || at > len(s) || at >= room || string(p[:at]) != string(s[:at]) {
		return 0, 0
	}
	before = runewidth.StringWidth(string(s[:at]))
	width := runewidth.StringWidth(strings.TrimRight(string(s[at:]), " "))
	return before, max(1, min(width, 60, room-before))
}
