package report

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// These print what stands around diagnoses where a session at a node is told as
// a story: headings, sentences, commands and what they said.

// Narrow keeps lines readable: it breaks them also where the width is not
// known, and at no more than so many columns.
func (t *Terminal) Narrow(columns int) {
	if t.Width == 0 || t.Width > columns {
		t.Width = columns
	}
}

// Heading prints a title with a rule under it and a note at its right end.
func (t *Terminal) Heading(title, note string) {
	width := max(t.Width, runewidth.StringWidth(title+"  "+note))
	gap := strings.Repeat(" ", width-runewidth.StringWidth(title+note))
	t.print("%s%s%s\n", t.paint(bold, title), gap, t.paint(grey, note))
	t.print("%s\n", t.paint(grey, strings.Repeat(t.symbol("─", "-"), width)))
}

// Say prints a sentence, folded.
func (t *Terminal) Say(text string) { t.print("%s\n", t.fold(text, "")) }

// Command prints a command as typed at a prompt.
func (t *Terminal) Command(line string) { t.print("%s %s\n", t.paint(blue, "$"), t.paint(bold, line)) }

// Answer prints what another program said, folded.
func (t *Terminal) Answer(text string) {
	for _, line := range strings.Split(string(t.fold(text, "")), "\n") {
		t.print("%s\n", t.paint(grey, line))
	}
}

// Mark prints a text behind the sign for good or bad.
func (t *Terminal) Mark(good bool, text string) {
	mark := t.no()
	if good {
		mark = t.yes()
	}
	t.print("%s %s\n", mark, t.fold(text, "  "))
}

// Gap prints an empty line.
func (t *Terminal) Gap() { t.print("\n") }
