package unit

import (
	"bytes"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Item is one word of an Environment= line, whether systemd takes it or not.
type Item struct {
	Text    string // unquoted, specifiers as written
	Assigns bool   // systemd makes a variable of it
	Section string // in which the line stands; Environment= counts in [Service] alone
	At      source.Pos
	Span    Span // quotes included
}

// Items lists the words of every Environment= line of a unit file, in order,
// those that systemd drops included.
func Items(f source.File, unit string) []Item {
	var out []Item
	places := places{file: f.Path, data: f.Data}
	for _, s := range Parse(f) {
		if s.Key != "Environment" {
			continue
		}
		for _, w := range words(f.Data, s.Span) {
			text, ok := expand(w.text, unit)
			key, _, assigns := strings.Cut(text, "=")
			out = append(out, Item{
				Text: w.text, Assigns: ok && assigns && validKey(key), Section: s.Section, At: places.at(w.span.Start), Span: w.span,
			})
		}
	}
	return out
}

// Export is a line of an environment file that begins with "export" and assigns
// nothing therefore, unless a shell reads it.
type Export struct {
	Key  string
	At   source.Pos
	Word Span // "export" and the blanks behind it
}

// Exports lists such lines.
func Exports(f source.File) []Export {
	var out []Export
	places := places{file: f.Path, data: f.Data}
	at := 0
	for l := range bytes.Lines(f.Data) {
		start := at
		at += len(l)
		text := string(l)
		lead := len(text) - len(strings.TrimLeft(text, blanks))
		rest, found := strings.CutPrefix(text[lead:], "export")
		value := strings.TrimLeft(rest, blanks)
		key, _, assigns := strings.Cut(value, "=")
		if !found || value == rest || !assigns || !validKey(key) {
			continue
		}
		word := Span{start + lead, start + len(text) - len(value)}
		out = append(out, Export{Key: key, At: places.at(word.Start), Word: word})
	}
	return out
}

// Quoted is an assignment as a unit file spells it: in quotes, percent signs
// doubled.
func Quoted(key, value string) string { return quote(key + "=" + value) }

// Bare is a value as an environment file spells it.
func Bare(value string) string { return quoteEnv(value) }
