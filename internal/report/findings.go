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
	q := newQuoter(t, files)
	follow := map[string][]finding.Finding{}
	for _, f := range all {
		if f.Role == finding.Secondary {
			follow[f.Because] = append(follow[f.Because], f)
		}
	}
	for _, f := range all {
		if f.Role == finding.Secondary {
			continue
		}
		q.finding(f)
		for _, s := range follow[f.Code] {
			if s.Hop == f.Hop || f.Endpoint == "" || s.Endpoint == "" || s.Endpoint == f.Endpoint {
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

func (q *quoter) finding(f finding.Finding) {
	t := q.Terminal
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
	quoted := q.quote(f)
	for _, e := range f.Evidence {
		if quoted && e.Where == f.At.String() {
			continue
		}
		t.evidence(e)
	}
	t.fix(f.Fix)
}

func (t *Terminal) evidence(e finding.Evidence) {
	saw := printable(strings.ReplaceAll(strings.TrimRight(e.Saw, "\n"), "\n", t.symbol(" ⏎ ", " / ")))
	if e.Where != "" {
		saw = e.Where + ": " + saw
	}
	t.line("  saw      ", saw)
	if e.Command != "" {
		t.print("           %s\n", t.paint(grey, "$ "+e.Command))
	}
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
