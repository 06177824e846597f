package plan

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

const context = 3 // unchanged lines around a change

// span says that the old lines from a to b, counted from 0 and without b,
// became the new lines from c to d.
type span struct{ a, b, c, d int }

// spans compares two texts line by line.
func spans(before, after string) []span {
	var out []span
	var at, line, shift int // bytes and lines of before already counted; new lines minus old ones
	for _, e := range udiff.Lines(before, after) {
		line += strings.Count(before[at:e.Start], "\n")
		s := span{a: line, b: line + lines(before[e.Start:e.End])}
		s.c = s.a + shift
		s.d = s.c + lines(e.New)
		out = append(out, s)
		at, line, shift = e.End, s.b, s.d-s.b
	}
	return out
}

func lines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}

// grouped joins the spans whose contexts touch.
func grouped(all []span) [][]span {
	var out [][]span
	for _, s := range all {
		if n := len(out) - 1; n >= 0 && s.a-out[n][len(out[n])-1].b <= 2*context {
			out[n] = append(out[n], s)
			continue
		}
		out = append(out, []span{s})
	}
	return out
}

// sides are the two texts as lines with their line ends, as they may be shown.
type sides struct{ old, new []string }

func (t sides) hunk(b *strings.Builder, h []span) {
	first, last := h[0], h[len(h)-1]
	lead := min(context, first.a)
	tail := min(context, len(t.old)-last.b)
	fmt.Fprintf(b, "@@ -%s +%s @@\n",
		place(first.a-lead, last.b+tail), place(first.c-lead, last.d+tail))
	at := first.a - lead
	for _, s := range h {
		write(b, " ", t.old[at:s.a])
		write(b, "-", t.old[s.a:s.b])
		write(b, "+", t.new[s.c:s.d])
		at = s.b
	}
	write(b, " ", t.old[at:at+tail])
}

// place is the lines from a to b as diff writes them: an empty range is named
// by the line before it.
func place(a, b int) string {
	switch b - a {
	case 0:
		return fmt.Sprintf("%d,0", a)
	case 1:
		return fmt.Sprint(b)
	}
	return fmt.Sprintf("%d,%d", a+1, b-a)
}

func write(b *strings.Builder, sign string, text []string) {
	for _, line := range text {
		body, ended := strings.CutSuffix(line, "\n")
		fmt.Fprintf(b, "%s%s\n", sign, visible(body))
		if !ended {
			fmt.Fprintln(b, `\ No newline at end of file`)
		}
	}
}
