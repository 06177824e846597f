// Package evidence makes findings about places in configuration files: each
// with the line that stands there, what is secret masked, and the command that
// shows it. It knows no format; a dialect says what it found.
package evidence

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// stage is where in a pull a mistake in a file bites.
const stage = "config"

// Book collects findings about some files.
type Book struct {
	Files    []source.File
	Findings []finding.Finding

	lines source.Lines
}

// Say adds a finding about a place, with its line as evidence, and returns it
// for what else there is to say of it.
func (b *Book) Say(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	all := finding.Args{"file": at.File}
	for name, v := range args {
		if text, ok := v.(string); ok {
			v = OneLine(text)
		}
		all[name] = v
	}
	f := k.Vary(variant, at.File, all).In(at)
	f.Stage = stage
	saw, command := b.evidence(at)
	b.Findings = append(b.Findings, f.Saw(saw, at.String(), command))
	return &b.Findings[len(b.Findings)-1]
}

// Cure adds edits to the fix of a finding, if it has one.
func Cure(f *finding.Finding, edits ...source.Edit) {
	if f.Fix != nil {
		f.Fix.Edits = edits
	}
}

func (b *Book) evidence(at source.Pos) (saw, command string) {
	f := source.Find(b.Files, at.File)
	if f == nil || at.Line == 0 {
		return at.File, "ls -l " + Quote(at.File)
	}
	return Show(b.lines.Line(f, at.Line)), fmt.Sprintf("sed -n %dp %s", at.Line, Quote(at.File))
}

var (
	secretKey = regexp.MustCompile(`(?i)((?:pass[a-z]*|\bauth(?:orization)?|cookie|[a-z_-]*token|secret[a-z]*|\bpwd|\bkey|\bdata|user-data)["']?\s*[=:：]\s*)([^\s,}#\[{][^,}#]*)`)
	userInfo  = regexp.MustCompile(`//[^/\s"'@]*@`)
	encoded   = regexp.MustCompile(`[A-Za-z0-9+/=_-]{28,}`)
	hasKey    = regexp.MustCompile(`[=:：\[{<“”]|^\s*- |^\s*#|\t`)
)

// widest is how much of a line is shown, in characters, and longest how much of
// it is looked at, in bytes.
const (
	widest  = 300
	longest = 4096
)

// Show is a line as it may be shown: passwords, tokens, keys and whatever looks
// like one are masked, and so is a line that is the middle of a longer text.
func Show(line string) string {
	line = OneLine(line[:min(len(line), longest)])
	if text := strings.TrimSpace(line); text != "" && !hasKey.MatchString(line) && !strings.HasPrefix(text, "---") {
		return "***"
	}
	line = userInfo.ReplaceAllString(secretKey.ReplaceAllString(line, "${1}***"), "//***@")
	line = encoded.ReplaceAllStringFunc(line, func(s string) string {
		if strings.Contains(s, "/") && !strings.ContainsAny(s, "+=") {
			return s // a path
		}
		return "***"
	})
	if r := []rune(line); len(r) > widest {
		return string(r[:widest]) + "…"
	}
	return line
}

// URL hides a password in something that should be a URL.
func URL(text string) string { return userInfo.ReplaceAllString(text, "//***@") }

// goName is how a parser names the place of a value in our program.
var goName = regexp.MustCompile(`struct field \S+ of type `)

var quoted = regexp.MustCompile("`[^`]*`|'[^']*'|\"[^\"]*\"")

// Message is a parser's complaint without the values that it quotes.
func Message(text string) string {
	if len(text) > longest {
		text = text[:longest]
		if i := strings.IndexAny(text, "`'\""); i >= 0 {
			text = text[:i] // what is quoted there may not end before the cut
		}
	}
	text = quoted.ReplaceAllString(goName.ReplaceAllString(strings.TrimPrefix(text, "toml: "), ""), "***")
	if r := []rune(text); len(r) > widest {
		text = string(r[:widest]) + "…"
	}
	return OneLine(text)
}

// OneLine keeps what a file says from breaking the line that quotes it.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// Quote makes a path safe to paste into a shell.
func Quote(p string) string {
	if strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._:@%+,=-") == "" {
		return p
	}
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}
