package report

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Findings prints findings one after the other, the causes with their evidence
// and fix, the symptoms under them in a line each.
func (t *Terminal) Findings(all []finding.Finding, files []source.File) {
	for _, f := range all {
		if f.Role == finding.Secondary {
			continue
		}
		t.finding(f, files)
		for _, s := range all {
			if s.Role == finding.Secondary && s.Because == f.Code && (s.Hop == f.Hop || f.Endpoint == "" || s.Endpoint == "" || s.Endpoint == f.Endpoint) {
				t.line("  follows  ", s.Code+": "+s.Text)
			}
		}
		t.print("\n")
	}
}

// line prints a label and a text, folded under itself.
func (t *Terminal) line(label, text string) {
	t.print("%s%s\n", t.paint(grey, label), t.fold(text, strings.Repeat(" ", runewidth.StringWidth(label))))
}

func (t *Terminal) severity(s finding.Severity) painted {
	switch s {
	case finding.Error:
		return t.paint(red, t.symbol("✗ error", "XX error"))
	case finding.Warning:
		return t.paint(yellow, t.symbol("! warning", "!! warning"))
	}
	return t.paint(blue, t.symbol("· info", "-- info"))
}

func (t *Terminal) finding(f finding.Finding, files []source.File) {
	id := ""
	if f.ID != "" && f.ID != f.Code {
		id = " (" + f.ID + ")"
	}
	sure := ""
	if f.Confidence != finding.Certain {
		sure = ", " + string(f.Confidence)
	}
	t.print("%s  %s%s\n", t.severity(f.Severity), t.paint(bold, f.Code), t.paint(grey, id+sure))
	t.print("  %s\n", t.fold(f.Text, "  "))
	if !f.At.IsZero() {
		t.quote(f.At, files)
	}
	for _, e := range f.Evidence {
		saw := strings.TrimRight(e.Saw, "\n")
		if strings.Contains(saw, "\n") {
			saw = strings.ReplaceAll(saw, "\n", " ⏎ ")
		}
		where := e.Where
		if where != "" {
			where += ": "
		}
		t.line("  saw      ", where+saw)
		if e.Command != "" {
			t.print("           %s\n", t.paint(grey, "$ "+e.Command))
		}
	}
	t.fix(f.Fix)
}

func (t *Terminal) fix(f *finding.Fix) {
	if f == nil {
		return
	}
	when := ""
	if len(f.Edits) > 0 {
		when = " (needs a restart)"
		if f.Live {
			when = " (takes effect at once)"
		}
	}
	t.print("  %s      %s\n", t.paint(green, "fix"), t.fold(f.Text+when, "           "))
	for _, r := range f.Run {
		t.print("           %s\n", t.paint(grey, "$ "+r))
	}
}

// quote prints the user's own line with a mark under the place.
func (t *Terminal) quote(at source.Pos, files []source.File) {
	t.print("  %s %s\n", t.paint(grey, t.symbol("──▶", "-->")), at)
	file := source.Find(files, at.File)
	if file == nil || at.Line == 0 || file.Data == nil {
		return
	}
	line := strings.ReplaceAll(printable(source.Line(file.Data, at.Line)), "\t", " ")
	number := fmt.Sprintf("%5d | ", at.Line)
	room := t.room(len(number) + 2)
	t.print("  %s%s\n", t.paint(grey, number), cut(line, room))
	if at.Column == 0 || at.Column > room {
		return
	}
	runes := []rune(line)
	before := runewidth.StringWidth(string(runes[:min(at.Column-1, len(runes))]))
	length := runewidth.StringWidth(strings.TrimRight(string(runes[min(at.Column-1, len(runes)):]), " "))
	t.print("  %s%s\n", strings.Repeat(" ", len(number)+before), t.paint(red, strings.Repeat("^", max(1, min(length, 60, room-before)))))
}

// room is how much of a user's line is shown behind so many columns.
func (t *Terminal) room(taken int) int {
	const most = 160
	if t.Width-taken < 20 {
		return most
	}
	return min(most, t.Width-taken)
}

// cut shortens a text to a width in columns.
func cut(s string, width int) string { return runewidth.Truncate(s, width, "…") }

// bounded shortens a text that nobody would read to its end.
func bounded(s string) string {
	n := longest
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// Summary counts findings: "2 errors, 1 warning".
func Summary(all []finding.Finding) string {
	var n [3]int
	for _, f := range all {
		n[f.Severity]++
	}
	var parts []string
	for s := finding.Error; ; s-- {
		if c := n[s]; c == 1 {
			parts = append(parts, "1 "+s.String())
		} else if c > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", c, s))
		}
		if s == finding.Info {
			break
		}
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.ReplaceAll(strings.Join(parts, ", "), "infos", "notes")
}
