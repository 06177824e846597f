package report

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// Terminal writes text for people: colours only on a terminal that wants them,
// symbols that the locale can show, lines that fit.
type Terminal struct {
	W       io.Writer
	Width   int // columns; 0: do not break lines
	colours bool
	unicode bool
}

// NewTerminal looks at the writer and the environment: NO_COLOR, CLICOLOR_FORCE,
// TERM, COLUMNS and the locale.
func NewTerminal(w io.Writer, env []string) *Terminal {
	t := &Terminal{W: w, unicode: utf8Locale(env)}
	f, isFile := w.(*os.File)
	tty := isFile && term.IsTerminal(int(f.Fd()))
	if tty {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.Width = width
		}
	}
	if n, err := strconv.Atoi(getenv(env, "COLUMNS")); err == nil && n > 0 {
		t.Width = n
	}
	switch {
	case getenv(env, "NO_COLOR") != "":
	case getenv(env, "CLICOLOR_FORCE") != "" && getenv(env, "CLICOLOR_FORCE") != "0":
		t.colours = true
	default:
		t.colours = tty && getenv(env, "TERM") != "dumb"
	}
	return t
}

// Tty reports whether a stream is a terminal.
func Tty(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func getenv(env []string, key string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], key+"="); ok {
			return v
		}
	}
	return ""
}

func utf8Locale(env []string) bool {
	for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(env, key); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	blue   colour = "34"
	grey   colour = "2"
	bold   colour = "1"
)

// painted is text that may go to the terminal as it is: what came from servers
// and files has been made printable, the escapes in it are our own.
type painted string

// paint colours a text, which nobody reads on after thousands of characters: the
// documents have all of it.
func (t *Terminal) paint(c colour, s string) painted { return t.paintAll(c, bounded(s)) }

func (t *Terminal) paintAll(c colour, s string) painted {
	s = printable(s)
	if !t.colours || s == "" {
		return painted(s)
	}
	return painted("\x1b[" + string(c) + "m" + s + "\x1b[0m")
}

// longest is how many characters of one text are printed.
const longest = 2000

// print writes text; everything but what is painted is made printable.
func (t *Terminal) print(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case painted, int:
		default:
			args[i] = printable(bounded(fmt.Sprint(a)))
		}
	}
	fmt.Fprintf(t.W, format, args...)
}

// printable replaces what a terminal would act on: control characters, bytes
// that are no UTF-8, and marks that turn the direction of writing around.
func printable(s string) string { return strings.Map(shown, s) }

func shown(r rune) rune {
	if unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
		return '\uFFFD'
	}
	return r
}

// The symbols, with their spelling for terminals that lack them.
func (t *Terminal) symbol(unicode, ascii string) string {
	if t.unicode {
		return unicode
	}
	return ascii
}

func (t *Terminal) yes() painted { return t.paint(green, t.symbol("✓", "ok")) }
func (t *Terminal) no() painted  { return t.paint(red, t.symbol("✗", "XX")) }

// fold breaks a text at blanks so that it fits behind an indentation; lines
// after the first get it. Wide characters count twice.
func (t *Terminal) fold(text, indent string) painted {
	text = printable(bounded(text))
	room := t.Width - runewidth.StringWidth(indent)
	if t.Width == 0 || room < 20 {
		return painted(text)
	}
	var out strings.Builder
	column := 0
	for i, word := range strings.Split(text, " ") {
		w := runewidth.StringWidth(word)
		switch {
		case i == 0:
		case column+1+w > room:
			out.WriteString("\n" + indent)
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += w
	}
	return painted(strings.ReplaceAll(out.String(), " \n", "\n"))
}

// pad fills a text with blanks to a width in columns.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-runewidth.StringWidth(s)))
}
