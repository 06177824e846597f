package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// NewDoctor is the document of a diagnosis.
func NewDoctor(s *snapshot.Snapshot, d diagnosis.Diagnosis) Doctor {
	return Doctor{
		Schema: Schema, Image: s.Image, Reference: reference(s), Runtime: RuntimeOf(s.Table.Target),
		Verdict: string(d.Verdict), Hops: Hops(s.Pull), Findings: Findings(d.Findings),
	}
}

// reference is the name of the image as the runtime reads it; empty: it cannot.
func reference(s *snapshot.Snapshot) string {
	if s.Ref.Registry == "" {
		return ""
	}
	return s.Ref.String()
}

// Doctor prints a diagnosis: every host with its stages, the verdict, then the
// findings.
func (t *Terminal) Doctor(s *snapshot.Snapshot, d diagnosis.Diagnosis) {
	t.print("%s\n", t.paint(bold, cmp.Or(reference(s), strconv.QuoteToASCII(s.Image))))
	t.line("  asked by ", asker(s))
	t.print("\n")
	t.Seen(s, d)
}

// Seen prints a diagnosis without its head.
func (t *Terminal) Seen(s *snapshot.Snapshot, d diagnosis.Diagnosis) {
	if s.Pull != nil {
		for i, h := range s.Pull.Hops {
			t.hop(i+1, h)
		}
	}
	t.verdict(d)
	t.Findings(d.Findings, s.Files)
}

func asker(s *snapshot.Snapshot) string {
	target := s.Table.Target
	name := strings.TrimSpace(target.Runtime + " " + target.Version.String())
	if name == "" {
		name = "no runtime that was found; judged as the newest containerd"
	}
	if s.Runtime == nil {
		return name
	}
	var more []string
	if s.Runtime.PID != 0 {
		more = append(more, fmt.Sprintf("process %d", s.Runtime.PID))
	}
	if s.Runtime.Config != "" {
		more = append(more, s.Runtime.Config)
	}
	if len(more) > 0 {
		name += " (" + strings.Join(more, ", ") + ")"
	}
	return name
}

// named prints the line of a host: its endpoint, where it was written down and
// what is special about it, each on a line of its own where they do not fit.
func (t *Terminal) named(n int, h snapshot.Hop) {
	from := h.From.String()
	if h.From.IsZero() {
		from = "the registry itself"
	}
	rest := []string{from}
	if !h.Resolves {
		rest = append(rest, "asked for content by digest only")
	}
	if h.Proxy != "" {
		rest = append(rest, "through proxy "+h.Proxy)
	}
	t.print("%d  %s", n, t.paint(bold, h.Endpoint))
	column := 3 + runewidth.StringWidth(h.Endpoint)
	for _, text := range rest {
		gap, width := painted("  "), runewidth.StringWidth(text)
		if column += 2 + width; t.Width > 0 && column > t.Width {
			gap, column = "\n   ", 3+width
		}
		t.print("%s%s", gap, t.paint(grey, text))
	}
	t.print("\n")
}

func (t *Terminal) hop(n int, h snapshot.Hop) {
	t.named(n, h)
	for _, st := range h.Stages {
		mark, saw := t.yes(), st.Saw
		if !st.OK {
			mark, saw = t.no(), strings.TrimSpace(st.Saw+"  "+st.Err)
			if st.Stage == snapshot.API {
				mark = t.paint(grey, t.symbol("·", "--"))
			}
		}
		indent := strings.Repeat(" ", 14+runewidth.StringWidth(t.symbol("✓", "ok")))
		t.print("   %s %s %s%s\n", mark, pad(string(st.Stage), 9), t.fold(saw, indent), t.paint(grey, took(st.Took)))
	}
	t.print("\n")
}

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("  %.1f ms", millis(d))
}

var verdicts = map[diagnosis.Verdict]string{
	diagnosis.Healthy:  "healthy: the image can be pulled",
	diagnosis.Degraded: "degraded: the image can be pulled, with trouble",
	diagnosis.Broken:   "broken: the image cannot be pulled",
	diagnosis.Unknown:  "unknown: it cannot be told whether the image can be pulled",
}

func (t *Terminal) verdict(d diagnosis.Diagnosis) {
	mark, c := t.yes(), green
	switch d.Verdict {
	case diagnosis.Degraded:
		mark, c = t.paint(yellow, t.symbol("!", "!!")), yellow
	case diagnosis.Broken:
		mark, c = t.no(), red
	case diagnosis.Unknown:
		mark, c = t.paint(yellow, "?"), yellow
	}
	words, count := verdicts[d.Verdict], "("+Summary(d.Findings)+")"
	between := painted("  ")
	if t.Width > 0 && runewidth.StringWidth(t.symbol("✓", "ok")+words+count)+3 > t.Width {
		between = "\n  "
	}
	t.print("%s %s%s%s\n\n", mark, t.paint(c, words), between, count)
}
