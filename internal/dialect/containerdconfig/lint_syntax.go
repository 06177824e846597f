package containerdconfig

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var (
	typographic = regexp.MustCompile(`[“”„‟″]`)
	yamlLine    = regexp.MustCompile(`(?m)^\s*[\w-]+:(\s|$)`)
	twice       = regexp.MustCompile(`twice|already|duplicated`)
	hostPort    = regexp.MustCompile(`^(\s*\[.*\.(?:mirrors|configs))\.([A-Za-z0-9.-]+(?::\d+)?)((?:\.(?:tls|auth))?\s*\])`)
)

// syntax tells the ways in which a file fails to be TOML apart.
func (l *lint) syntax(f Failure) {
	file := source.Find(l.files, f.At.File)
	line := source.Line(file.Data, f.At.Line)
	why := l.reason(f)
	args := finding.Args{"why": why}
	switch {
	case isUTF16(file.Data):
		l.say(notTOML, "utf16", source.Pos{File: file.Path}, args)
	case bytes.HasPrefix(file.Data, bom) && !l.old():
		l.say(notTOML, "bom", f.At, args)
		l.cure(l.try([]source.Edit{{File: file.Path, Start: 0, End: len(bom)}}, func(Config) bool { return true }))
	case strings.Contains(f.Text, "crashes"):
		l.say(notTOML, "crash", f.At, args)
	case typographic.MatchString(line):
		l.quotes(f, args)
	case hostPort.MatchString(line):
		m := hostPort.FindStringSubmatchIndex(line)
		host := line[m[4]:m[5]]
		l.say(unquotedHost, "port", f.At, finding.Args{"name": strings.TrimSpace(line), "host": host, "why": why})
		start := source.Offset(file.Data, source.Pos{Line: f.At.Line, Column: 1}) + m[4]
		l.cure(l.try([]source.Edit{{File: file.Path, Start: start, End: start + len(host), New: strconv.Quote(host)}}, func(Config) bool { return true }))
	case twice.MatchString(f.Text):
		l.say(duplicate, "", f.At, args)
	case yamlLine.MatchString(line) && !strings.Contains(line, "="):
		l.say(notTOML, "yaml", f.At, args)
	default:
		l.say(notTOML, "", f.At, args)
	}
}

func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) ||
		len(data) > 3 && bytes.Count(data, []byte{0}) > len(data)/3
}

// quotes offers plain quotes for typographic ones, and the closing quote that
// such a line often lacks.
func (l *lint) quotes(f Failure, args finding.Args) {
	file := source.Find(l.files, f.At.File)
	var edits []source.Edit
	for n, at := 1, 0; at < len(file.Data); n++ {
		line := source.Line(file.Data, n)
		if typographic.MatchString(line) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			plain := typographic.ReplaceAllString(line, `"`)
			if strings.Count(plain, `"`)%2 == 1 {
				plain += `"`
			}
			edits = append(edits, source.Edit{File: file.Path, Start: at, End: at + len(line), New: plain})
		}
		next := bytes.IndexByte(file.Data[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	edits = l.try(edits, func(Config) bool { return true })
	if edits == nil {
		l.say(smartQuotes, "hand", f.At, args)
		return
	}
	l.say(smartQuotes, "", f.At, args)
	l.cure(edits)
}

// reason is the parser's own text, unless its line may hold a secret.
func (l *lint) reason(f Failure) string {
	text := strings.TrimPrefix(f.Text, "toml: ")
	file := source.Find(l.files, f.At.File)
	if file == nil {
		return text
	}
	for n := f.At.Line - 1; n <= f.At.Line+1; n++ {
		if shown(file.Data, n) != source.Line(file.Data, n) {
			return "a syntax error"
		}
	}
	const long = 200
	if len(text) > long {
		text = strings.ToValidUTF8(text[:long], "") + "…"
	}
	return text
}
