package containerd

import (
	"bytes"
	"regexp"
	"strings"
)

// lines are the lines of a hosts.toml as they may be shown: values of headers
// and credentials in URLs are masked. It works on text, because the files that
// most need showing are no TOML.
type lines struct {
	text    []string
	secrets []string // the words that were masked
	cut     bool     // some line was too long to be looked at as a whole
}

// widest is how much of a line is shown, in bytes.
const widest = 400

const masked = "***"

var (
	headerTable = regexp.MustCompile(`(?i)^\s*\[.*header`)
	headerKey   = regexp.MustCompile(`(?i)(?:header|authorization|token|passw|secret|cookie|api-?key)[^=:]*[=:]`)
	anyKey      = regexp.MustCompile(`^\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*[=:]`)
	userinfo    = regexp.MustCompile(`//[^/\s"']*@`)
)

func maskLines(data []byte) *lines {
	out := &lines{}
	inHeader, open := false, 0
	for raw := range bytes.SplitSeq(data, []byte("\n")) {
		if len(raw) > widest {
			raw, out.cut = append(raw[:widest:widest], "…"...), true
		}
		line := strings.TrimSuffix(string(raw), "\r")
		table := strings.HasPrefix(strings.TrimSpace(line), "[")
		if table && open == 0 {
			inHeader = headerTable.MatchString(line)
		}
		hidden := secretFrom(line, inHeader && !table, open > 0)
		if hidden >= 0 {
			open = max(0, open+balance(line[hidden:]))
			out.learn(line[hidden:])
			line = strings.TrimRight(line[:hidden], " \t") + " " + masked
			line = strings.TrimLeft(line, " \t")
		}
		for _, user := range userinfo.FindAllString(line, -1) {
			out.learn(user)
		}
		out.text = append(out.text, userinfo.ReplaceAllString(line, "//"+masked+"@"))
	}
	return out
}

// learn notes the words of a text that nobody may see.
func (l *lines) learn(text string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\"',[]{}@/", r) }) {
		if len(word) > 3 && !strings.EqualFold(word, "basic") && !strings.EqualFold(word, "bearer") {
			l.secrets = append(l.secrets, word)
		}
	}
}

// reveals reports that a text holds something that is masked, or might.
func (l *lines) reveals(text string) bool {
	if l.cut && len(text) > widest {
		return true
	}
	for _, word := range l.secrets {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// secretFrom is where the part of a line begins that nobody may see; -1: there
// is none. Open says that the line continues a masked value.
func secretFrom(line string, inHeader, open bool) int {
	text := strings.TrimSpace(line)
	switch {
	case open:
		return 0
	case text == "" || text[0] == '#' && !headerKey.MatchString(text):
		return -1
	}
	if at := headerKey.FindStringIndex(line); at != nil {
		return at[1]
	}
	if !inHeader {
		return -1
	}
	if at := anyKey.FindStringIndex(line); at != nil {
		return at[1]
	}
	return 0
}

func balance(text string) int {
	return strings.Count(text, "[") + strings.Count(text, "{") - strings.Count(text, "]") - strings.Count(text, "}")
}

// at is line n, counted from 1; empty when there is none.
func (l *lines) at(n int) string {
	if n < 1 || n > len(l.text) {
		return ""
	}
	return l.text[n-1]
}

// hides reports that something in line n is masked.
func (l *lines) hides(n int) bool { return strings.Contains(l.at(n), masked) }

// goType is how a parser names the place of a value in its program.
var goType = regexp.MustCompile(`into struct field .* of type (\S+)$`)

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'|\(&.*`)

// reason is a parser's message as it may be shown beside line n.
func (l *lines) reason(text string, n int) string {
	text = goType.ReplaceAllString(strings.TrimPrefix(text, "toml: "), "into $1")
	if i := strings.Index(text, "(&"); i >= 0 {
		text = strings.TrimSpace(text[:i])
	}
	if l.hides(n) || n == 0 {
		text = quoted.ReplaceAllString(text, masked)
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}
