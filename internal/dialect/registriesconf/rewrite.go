package registriesconf

import (
	"bytes"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// block is a table of a file with the comment right above it: the registry and
// the mirror that it is, or that it belongs to.
type block struct {
	registry, mirror int // -1: none
	foreign          bool
	start, end       int
}

// rewrite carries a change out and says whether there was any. A file that was
// refused, or has no places, is written anew with what it says.
func (d *document) rewrite(c change) ([]byte, bool) {
	switch {
	case d.unread:
		return nil, false
	case d.problem != nil:
		return []byte(fresh(c.add, nil)), true
	case c.empty():
		return nil, false
	case d.toml == nil || len(d.tables) != len(d.registries) || d.spec.Old.any():
		return []byte(d.anew(c)), true
	}
	top, all := d.blocks()
	var out strings.Builder
	out.Write(d.file.Data[:top])
	for at := 0; at < len(all); {
		end := at + 1
		for end < len(all) && all[end].registry == all[at].registry && all[at].registry >= 0 {
			end++
		}
		d.registry(&out, all[at:end], c)
		at = end
	}
	for _, w := range c.add {
		d.line(&out)
		out.WriteString(d.lines(w.text()))
	}
	return []byte(out.String()), true
}

func (o oldSpec) any() bool {
	return o.Search.Registries != nil || o.Insecure.Registries != nil || o.Block.Registries != nil
}

// anew is the whole file, comments gone.
func (d *document) anew(c change) string {
	var keep []registrySpec
	for _, g := range d.registries {
		if w, set := c.set[g.index]; set {
			keep = append(keep, w)
		} else if !c.drop[g.index] && !g.hidden {
			g.registrySpec.Mirrors, g.MirrorByDigestOnly = g.effective(), false
			keep = append(keep, g.registrySpec)
		}
	}
	return fresh(slices.Concat(keep, c.add), &d.spec)
}

// blocks cuts a file into what stands above the first table and the tables.
func (d *document) blocks() (top int, out []block) {
	reg, mirror := -1, -1
	top = len(d.file.Data)
	for i := range d.toml.Entries {
		e := &d.toml.Entries[i]
		if e.Kind == tomldoc.Value {
			continue
		}
		b := block{start: d.commentAbove(e.Start), end: len(d.file.Data)}
		switch {
		case e.Kind == tomldoc.ArrayHeader && is(e.Path, "registry"):
			reg, mirror = reg+1, -1
		case e.Kind == tomldoc.ArrayHeader && is(e.Path, "registry", "mirror"):
			mirror++
		default:
			b.foreign = true
		}
		b.registry, b.mirror = reg, mirror
		if b.foreign && !strings.EqualFold(e.Path[0], "registry") {
			b.registry, b.mirror = -1, -1
		}
		if n := len(out); n > 0 {
			out[n-1].end = b.start
		} else {
			top = b.start
		}
		out = append(out, b)
	}
	return top, out
}

// commentAbove is the start of the comment right above a line, or of the line.
func (d *document) commentAbove(at int) int {
	data := d.file.Data
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	for start > 0 {
		above := bytes.LastIndexByte(data[:start-1], '\n') + 1
		if !strings.HasPrefix(strings.TrimSpace(string(data[above:start])), "#") {
			break
		}
		start = above
	}
	return start
}

// registry writes the blocks of one registry, or one of none.
func (d *document) registry(out *strings.Builder, blocks []block, c change) {
	i := blocks[0].registry
	w, set := c.set[i]
	switch {
	case i >= 0 && c.drop[i]:
		return
	case i < 0 || !set:
		d.line(out)
		for _, b := range blocks {
			out.Write(d.file.Data[b.start:b.end])
		}
		return
	}
	keep := d.kept(blocks, w)
	for n, b := range blocks {
		d.line(out)
		switch {
		case n == 0:
			out.WriteString(d.head(b, w, keep == nil))
		case b.foreign || keep == nil:
			out.Write(d.file.Data[b.start:b.end])
		case len(keep) > 0 && !laterMirror(blocks[n+1:]):
			out.WriteString(d.joined(keep))
			keep = keep[:0]
		case len(keep) > 0:
			out.WriteString(keep[0])
			keep = keep[1:]
		}
	}
	if len(keep) > 0 {
		d.line(out)
		out.WriteString(d.joined(keep))
	}
}

func laterMirror(rest []block) bool {
	return slices.ContainsFunc(rest, func(b block) bool { return !b.foreign })
}

func (d *document) joined(texts []string) string {
	var out strings.Builder
	for _, t := range texts {
		d.line(&out)
		out.WriteString(t)
	}
	return out.String()
}

// kept are the texts of the wanted mirrors: what is there for those that are;
// nil if all stay as they are.
func (d *document) kept(all []block, w registrySpec) []string {
	g := d.numbered(all[0].registry)
	if slices.EqualFunc(g.effective(), w.Mirrors, sameEndpoint) {
		return nil
	}
	out := make([]string, 0, len(w.Mirrors)+1)
	taken := map[int]bool{}
	for _, m := range w.Mirrors {
		text := d.lines(mirrorText(m))
		for j, have := range g.Mirrors {
			if have.PullFromMirror == "all" {
				have.PullFromMirror = ""
			}
			n := slices.IndexFunc(all, func(b block) bool { return b.mirror == j && !b.foreign })
			if n >= 0 && !taken[j] && have == m {
				taken[j] = true
				text = string(d.file.Data[all[n].start:all[n].end])
				break
			}
		}
		out = append(out, text)
	}
	return out
}

// numbered is the registry with an index in the file.
func (d *document) numbered(i int) *registry {
	if d.byIndex == nil {
		d.byIndex = make([]*registry, len(d.registries))
		for _, g := range d.registries {
			d.byIndex[g.index] = g
		}
	}
	return d.byIndex[i]
}

// head is the registry's own table with its keys changed.
func (d *document) head(b block, w registrySpec, sameMirrors bool) string {
	g, t := d.numbered(b.registry), d.tables[b.registry]
	var edits []source.Edit
	header := t.entries[0]
	lineEnd := bytes.IndexByte(d.file.Data[header.End:], '\n') + header.End
	if lineEnd < header.End {
		lineEnd = len(d.file.Data)
	}
	if d.file.Data[lineEnd-1] == '\r' {
		lineEnd--
	}
	var added strings.Builder
	set := func(key, value string, same, plain bool) {
		e := d.entry(b.registry, -1, key)
		switch {
		case same:
		case e != nil:
			edits = append(edits, source.Edit{Start: e.Value.Start - b.start, End: e.Value.End - b.start, New: value})
		case !plain:
			added.WriteString(d.newline() + key + " = " + value)
		}
	}
	set("prefix", quote(w.Prefix), g.Prefix == w.Prefix && (d.entry(b.registry, -1, "prefix") != nil || w.Location == w.Prefix), false)
	set("location", quote(w.Location), g.Location == w.Location, w.Location == "")
	set("insecure", boolText(w.Insecure), g.Insecure == w.Insecure, !w.Insecure)
	set("blocked", boolText(w.Blocked), g.Blocked == w.Blocked, !w.Blocked)
	set("namespace-proxy", quote(w.NamespaceProxy), g.NamespaceProxy == w.NamespaceProxy, w.NamespaceProxy == "")
	set("mirror-by-digest-only", "false", sameMirrors || !g.MirrorByDigestOnly, true)
	if e := d.entry(b.registry, -1, "mirror"); e != nil && !sameMirrors {
		edits = append(edits, d.withoutLine(e, b))
	}
	if added.Len() > 0 {
		edits = append(edits, source.Edit{Start: lineEnd - b.start, End: lineEnd - b.start, New: added.String()})
	}
	out, err := source.Apply(d.file.Data[b.start:b.end], edits)
	if err != nil {
		return string(d.file.Data[b.start:b.end])
	}
	return string(out)
}

// withoutLine takes an entry away, its line with it.
func (d *document) withoutLine(e *tomldoc.Entry, b block) source.Edit {
	start := bytes.LastIndexByte(d.file.Data[:e.Start], '\n') + 1
	end := e.End
	for end < len(d.file.Data) && d.file.Data[end-1] != '\n' {
		end++
	}
	return source.Edit{Start: max(start, b.start) - b.start, End: min(end, b.end) - b.start}
}

// line ends the line that was written last.
func (d *document) line(out *strings.Builder) {
	if s := out.String(); s != "" && !strings.HasSuffix(s, "\n") {
		out.WriteString(d.newline())
	}
}

func (d *document) newline() string {
	if d.nl == "" {
		d.nl = "\n"
		if bytes.Contains(d.file.Data, []byte("\r\n")) {
			d.nl = "\r\n"
		}
	}
	return d.nl
}

func (d *document) lines(text string) string { return strings.ReplaceAll(text, "\n", d.newline()) }
