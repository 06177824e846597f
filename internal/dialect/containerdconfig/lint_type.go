package containerdconfig

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

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
	for end, words := range map[string]string{"to a slice": "a list", "to a tree": "a table", "to trees": "a list of tables"} {
		if strings.HasPrefix(text, "Can't convert") && strings.HasSuffix(text, end) {
			return words + " where none belongs"
		}
	}
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
				l.cure(l.try([]source.Edit{
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
