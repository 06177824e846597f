package corpus

import (
	"bytes"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// breakOne damages one of the files the way editors, copying and haste do.
func (g *generator) breakOne(files []source.File) {
	f := &files[g.rng.IntN(len(files))]
	f.Data = g.damage(f.Data)
	if g.in(3) {
		f.Data = g.damage(f.Data)
	}
}

func (g *generator) damage(data []byte) []byte {
	text := string(data)
	lines := strings.SplitAfter(text, "\n")
	at := g.rng.IntN(len(lines))
	switch g.rng.IntN(20) {
	case 0: // a line is lost
		return []byte(strings.Join(append(append([]string{}, lines[:at]...), lines[at+1:]...), ""))
	case 1: // a line is pasted twice
		return []byte(strings.Join(append(append(append([]string{}, lines[:at+1]...), lines[at]), lines[at+1:]...), ""))
	case 2:
		return []byte(g.once(text, `"`, "“"))
	case 3:
		return []byte(g.once(text, `"`, ""))
	case 4:
		return []byte(g.once(text, "]", ""))
	case 5:
		return append([]byte("\xef\xbb\xbf"), data...)
	case 6:
		return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	case 7:
		return append(data, data...)
	case 8:
		return data[:g.rng.IntN(len(data)+1)]
	case 9: // indented as YAML would be
		return []byte(strings.ReplaceAll(text, "\n", "\n    "))
	case 10:
		return []byte(g.once(text, " = ", ": "))
	case 11:
		return []byte(g.once(text, "config_path", g.one("config-path", "configpath", "config_paths", "CONFIG_PATH", "Config_path")))
	case 12:
		return []byte(g.once(text, "endpoint", g.one("endpoints", "Endpoint", "ENDPOINT")))
	case 13: // a list where a text belongs
		return []byte(g.once(text, " = \"", " = [\""))
	case 14: // a text where a list belongs
		return []byte(strings.ReplaceAll(strings.ReplaceAll(text, "endpoint = [", "endpoint = "), "\"]\n", "\"\n"))
	case 15:
		return g.noise(data)
	case 16: // sections in another order
		parts := strings.SplitAfter(text, "\n[")
		g.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return []byte(strings.Join(parts, ""))
	case 17:
		return []byte(strings.ReplaceAll(text, "\n", "  # comment ]\"\n"))
	case 18: // a table is written as one more key
		return []byte(text + g.one("plugins = 5\n", "[plugins]\n", "[plugins.x]\ny = 1\n", "plugins.\"a.b\".c = 1\n", "[[plugins.\"io.containerd.internal.v1.opt\"]]\n", "version = 3\n", "[settings]\na=1\n"))
	}
	return []byte(g.once(text, "true", g.one("True", "yes", "1", "\"true\"")))
}

// once replaces one of the places at which a text stands.
func (g *generator) once(text, old, now string) string {
	n := strings.Count(text, old)
	if n == 0 {
		return text
	}
	skip, from := g.rng.IntN(n), 0
	for range skip {
		from += strings.Index(text[from:], old) + len(old)
	}
	return text[:from] + strings.Replace(text[from:], old, now, 1)
}

// noise changes single bytes.
func (g *generator) noise(data []byte) []byte {
	out := bytes.Clone(data)
	for range 1 + g.rng.IntN(3) {
		if len(out) > 0 {
			out[g.rng.IntN(len(out))] = byte(g.one("\x00", "\"", "[", "=", " ", "\n", "\\", "é", "{", ".", "#")[0])
		}
	}
	return out
}
