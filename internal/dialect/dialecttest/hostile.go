package dialecttest

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Hostile feeds a dialect what nobody should write, made of a sound text, under
// a path that it reads. It must come to an end, within the time that all tests have, and what it finds has to be as
// decent as always.
func Hostile(t *testing.T, d dialect.Dialect, path, sound string) {
	t.Helper()
	for name, text := range hostile(sound) {
		t.Run(name, func(t *testing.T) {
			files := []source.File{{Path: path, Data: []byte(text)}}
			reading := d.Parse(files, route.Target{})
			for _, f := range reading.Findings {
				Decent(t, f)
			}
			if d.Render != nil && len(text) < 1<<20 {
				d.Render(reading.Table, files)
			}
		})
	}
}

func hostile(sound string) map[string]string {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := byte('b'); c < 'l'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(sound)) {
		wide.WriteByte(byte(u))
		wide.WriteByte(byte(u >> 8))
	}
	return map[string]string{
		"byte order mark": "\ufeff" + sound,
		"utf-16":          wide.String(),
		"windows":         strings.ReplaceAll(sound, "\n", "\r\n"),
		"old mac":         strings.ReplaceAll(sound, "\n", "\r"),
		"long line":       sound + "# " + strings.Repeat("x", 10<<20) + "\n",
		"long value":      "a = \"" + strings.Repeat("x", 10<<20) + "\"\n",
		"brackets":        "a = " + strings.Repeat("[", 1<<20),
		"braces":          strings.Repeat("{a: ", 1<<18),
		"inline tables":   "a = " + strings.Repeat("{b = ", 1<<16),
		"dots":            strings.Repeat("a.", 1<<18) + "a = 1\n",
		"dashes":          strings.Repeat("- ", 1<<19),
		"yaml bomb":       bomb,
		"itself":          "a: &a [*a]\n",
		"twice":           sound + sound,
		"smart quotes":    strings.NewReplacer(`"`, "“", `'`, "’").Replace(sound),
		"zero bytes":      strings.ReplaceAll(sound, "\n", "\x00\n"),
		"latin-1":         sound + "# caf\xe9\n",
		"nothing":         "",
		"only blanks":     " \n\t\n",
		"half":            sound[:len(sound)/2],
		"binary":          "\x7fELF\x02\x01\x01\x00\x00\x00",
		"tabs":            strings.ReplaceAll(sound, "  ", "\t"),
		"html":            "<!DOCTYPE html><html><body>404</body></html>\n",
	}
}

// Fuzz feeds a dialect's parser and writer with whatever the fuzzer makes of
// the seeds.
func Fuzz(f *testing.F, d dialect.Dialect, path string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []source.File{{Path: path, Data: data}}
		reading := d.Parse(files, route.Target{})
		for _, x := range reading.Findings {
			whole(t, x)
		}
		Asked(reading.Table)
		if d.Render == nil {
			return
		}
		once := d.Render(reading.Table, files)
		if len(once) > 0 && string(once[0].Data) != string(data) {
			t.Fatalf("writing what was read changes the file\nfrom %q\nto   %q", data, once[0].Data)
		}
	})
}
