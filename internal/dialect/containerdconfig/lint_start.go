package containerdconfig

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// start says what keeps the daemon, its CRI plugin or all pulls down.
func (l *lint) start() {
	for _, f := range l.Unseen {
		l.say(unseen, "", f.At, finding.Args{"why": override("permission or size", f.Text)})
	}
	for _, f := range l.Fatal {
		l.fatal(f)
	}
	for _, f := range l.CRIDead {
		l.dead(f)
	}
	for _, f := range l.PullFails {
		l.say(badSetting, "pulls", f.At, finding.Args{"why": f.Text})
		l.cure(l.proven(l.set(strconv.Quote(fiveMinutes), "image_pull_progress_timeout"), func(c Config) bool { return len(c.PullFails) == 0 }))
	}
}

func (l *lint) fatal(f Failure) {
	switch f.Cause {
	case Missing:
		l.missing(f)
	case Syntax:
		l.syntax(f)
	case WrongType:
		l.wrongType(f)
	case BadVersion:
		l.badVersion(f)
	case DropInVersion:
		ly := l.layers[len(l.layers)-1]
		l.say(dropInVersion, "fatal", f.At, finding.Args{"version": ly.daemon.Version, "why": f.Text})
	case BadPluginID:
		l.badID(f)
	case RequiredPlugin:
		l.say(requiredPlugin, "", f.At, finding.Args{"why": f.Text})
	default:
		l.say(badSetting, "", f.At, finding.Args{"why": f.Text})
	}
}

func (l *lint) missing(f Failure) {
	if len(l.layers) == 0 {
		l.say(missingImport, "main", f.At, finding.Args{"path": f.At.File})
		return
	}
	path := strings.TrimSuffix(strings.TrimPrefix(f.Text, "open "), ": no such file or directory")
	variant := ""
	if strings.HasPrefix(f.Text, "read ") {
		variant, path = "directory", strings.TrimSuffix(strings.TrimPrefix(f.Text, "read "), ": is a directory")
	}
	l.say(missingImport, variant, f.At, finding.Args{"path": path})
	for _, ly := range l.layers {
		if ly.file.Path == f.At.File {
			gone := func(entry string) bool { return l.resolves(ly, entry, path) }
			l.cure(l.proven(ly.without("imports", gone), func(Config) bool { return true }))
		}
	}
}

func (l *lint) resolves(ly *layer, entry, path string) bool {
	return importsOf(ly.file.Path, []string{entry}, nil, l.Target)[0].Path == path
}

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
		l.cure(l.proven([]source.Edit{{File: file.Path, Start: 0, End: len(bom)}}, func(Config) bool { return true }))
	case strings.Contains(f.Text, "crashes"):
		l.say(notTOML, "crash", f.At, args)
	case typographic.MatchString(line):
		l.quotes(f, args)
	case hostPort.MatchString(line):
		m := hostPort.FindStringSubmatchIndex(line)
		host := line[m[4]:m[5]]
		l.say(smartQuotes, "port", f.At, finding.Args{"name": strings.TrimSpace(line), "host": host, "why": why})
		start := source.Offset(file.Data, source.Pos{Line: f.At.Line, Column: 1}) + m[4]
		l.cure(l.proven([]source.Edit{{File: file.Path, Start: start, End: start + len(host), New: strconv.Quote(host)}}, func(Config) bool { return true }))
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
	edits = l.proven(edits, func(Config) bool { return true })
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

var (
	convertV1 = regexp.MustCompile(`(?s)^Can't convert .*\(([^()]+)\) to (?:\S*\()?([^()]+?)\)?$`)
	decodeV2  = regexp.MustCompile(`cannot decode TOML (\S+) into .*?(?:of type )?(\S+)$`)
)

// kinds of values in the words of a user.
var spokenTypes = []struct{ part, words string }{
	{"[]", "a list"}, {"array", "a list"}, {"slice", "a list"}, {"map", "a table"}, {"table", "a table"}, {"tree", "a table"}, {"Tree", "a table"},
	{"struct", "a table"}, {"string", "a text"}, {"bool", "true or false"}, {"int", "a number"}, {"float", "a number"}, {"date", "a date"},
}

func spokenType(t string) string {
	for _, s := range spokenTypes {
		if strings.Contains(t, s.part) {
			return s.words
		}
	}
	return "a table"
}

// mismatch says what stands where something else belongs, never the value: it
// may be a password.
func mismatch(text string) string {
	for _, re := range []*regexp.Regexp{convertV1, decodeV2} {
		if m := re.FindStringSubmatch(text); m != nil {
			return fmt.Sprintf("%s where %s belongs", spokenType(m[1]), spokenType(m[2]))
		}
	}
	if strings.Contains(text, "duration") {
		return "no duration"
	}
	return "not what belongs there"
}

func (l *lint) wrongType(f Failure) {
	if strings.HasPrefix(f.Text, "panic: ") {
		l.say(wrongType, "crash", f.At, finding.Args{"key": "a plugin's setting", "why": strings.TrimPrefix(f.Text, "panic: runtime error: ")})
		return
	}
	ly := l.fileOf(f.At.File)
	key := "a setting"
	if ly != nil && ly.doc != nil {
		for _, e := range ly.doc.Entries {
			if e.At.Line != f.At.Line || len(e.Path) == 0 {
				continue
			}
			key = e.Path[len(e.Path)-1]
			if key == "endpoint" && bytes.IndexByte([]byte(`"'`), ly.file.Data[e.Value.Start]) >= 0 {
				l.say(endpointString, "", f.At, nil)
				l.cure(l.proven([]source.Edit{
					{File: ly.file.Path, Start: e.Value.Start, End: e.Value.Start, New: "["},
					{File: ly.file.Path, Start: e.Value.End, End: e.Value.End, New: "]"},
				}, func(Config) bool { return true }))
				return
			}
		}
	}
	l.say(wrongType, "", f.At, finding.Args{"key": key, "why": mismatch(f.Text)})
}

// fileOf is the file at a path, be it one that was refused before it counted.
func (l *lint) fileOf(path string) *layer {
	for _, ly := range l.layers {
		if ly.file.Path == path {
			return ly
		}
	}
	if f := source.Find(l.files, path); f != nil {
		return &layer{file: *f, doc: parse(*f)}
	}
	return nil
}

func (l *lint) badVersion(f Failure) {
	highest := maxVersion(l.Target)
	args := finding.Args{"version": l.Version.Value, "max": highest}
	var edits []source.Edit
	for _, ly := range l.layers {
		if ly.daemon.Version > highest {
			edits = append(edits, ly.replace(strconv.Itoa(highest), []string{"version"})...)
		}
	}
	edits = l.proven(edits, func(after Config) bool { return len(after.Ignored) == 0 })
	variant := ""
	if edits == nil {
		variant = "hand"
	}
	l.say(versionTooNew, variant, f.At, args)
	l.cure(edits)
}

// badID is for short names where full ids belong.
func (l *lint) badID(f Failure) {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.Text[strings.Index(f.Text, `"`):], `"`), `"`)
	args := finding.Args{"id": name, "version": l.Version.Value, "why": f.Text, "full": fullName(name)}
	if strings.Contains(f.Text, "disabled plugin") {
		var edits []source.Edit
		for _, ly := range l.layers {
			edits = append(edits, ly.without("disabled_plugins", func(id string) bool { return id == name })...)
		}
		l.say(shortID, "disabled", f.At, args)
		l.cure(l.proven(edits, func(Config) bool { return true }))
		return
	}
	var edits []source.Edit
	for _, ly := range l.layers {
		edits = append(edits, ly.renameTable(name, fullName(name))...)
	}
	edits = l.proven(edits, func(Config) bool { return true })
	variant := ""
	if edits == nil {
		variant = "hand"
	}
	l.say(shortID, variant, f.At, args)
	l.cure(edits)
}

func (l *lint) dead(f Failure) {
	args := finding.Args{"why": f.Text, "path": l.ConfigPath.Value, "other": l.ConfigPath.At.File}
	switch f.Cause {
	case DisabledCRI:
		id := strings.Trim(strings.TrimPrefix(f.Text, "disabled_plugins has "), `"`)
		edits := l.EnableCRI()
		variant := ""
		if edits == nil {
			variant = "hand"
		}
		l.say(criDisabled, variant, f.At, finding.Args{"id": id})
		l.cure(edits)
	case MirrorsAndPath:
		switch {
		case l.ConfigPath.At.IsZero():
			l.say(mirrorsByDefault, "", f.At, args)
		case l.ConfigPath.At.File != f.At.File && l.Target.Runtime == "k0s":
			l.say(mirrorsApart, "", f.At, args)
		case l.ConfigPath.At.File != f.At.File:
			l.say(mirrorsAndPath, "apart", f.At, args)
		default:
			l.say(mirrorsAndPath, "", f.At, args)
		}
	case TLSAndPath:
		l.say(tlsAndPath, "", f.At, args)
	case BadAuths:
		l.authsKey(f.At, "dead")
	default:
		l.say(badSetting, "cri", f.At, args)
	}
}

// authsKey offers a scheme for a key of registry.auths that has none.
func (l *lint) authsKey(at source.Pos, variant string) {
	i := slices.IndexFunc(l.Auths, func(h Host) bool { return h.At == at })
	if i < 0 {
		return
	}
	name := l.Auths[i].Name
	var edits []source.Edit
	for _, s := range l.spots("registry", "auths", name) {
		edits = append(edits, s.layer.rename(s.keys, "https://"+name)...)
	}
	edits = l.proven(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Hosts, func(h Host) bool { return h.Name == name && h.HasAuth })
	})
	if edits == nil && variant == "dead" {
		variant = "hand"
	}
	l.say(badAuths, variant, at, finding.Args{"name": name})
	l.cure(edits)
}
