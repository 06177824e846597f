package k3s

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// underEndpoint puts a list that stands directly under a namespace under the
// key endpoint.
func (r *reader) underEndpoint(p yamldoc.Pair) []source.Edit {
	list := p.Value
	if list.Kind == yamldoc.Alias || list.Anchor != "" {
		return nil
	}
	if list.Flow {
		return []source.Edit{r.yaml.Insert(list.Start, "{endpoint: "), r.yaml.Insert(list.End, "}")}
	}
	if len(list.Items) == 0 || list.At.Line == p.Key.At.Line {
		return nil
	}
	first := r.yaml.Line(list.At.Line)
	last := r.yaml.Line(r.yaml.Pos(list.End).Line)
	by := r.yaml.Indent(p.Key) + 4 - r.yaml.Indent(list)
	text := string(r.yaml.Data[first.Start:last.End])
	head := strings.Repeat(" ", r.yaml.Indent(p.Key)+2) + "endpoint:" + r.yaml.Break()
	return []source.Edit{{Start: first.Start, End: last.End, New: head + yamldoc.Shift(text, by)}}
}

// move puts a key of a host where it counts. Of several keys that belong
// together the first one's fix moves all.
func (r *reader) move(parent *yamldoc.Node, p yamldoc.Pair, path []string, want string) []source.Edit {
	name, _ := level(path)
	switch {
	case name == "auth" && keyOf(p) == "tls":
		return r.outOfAuth(p, path)
	case name != "configs":
		return nil
	}
	var together []yamldoc.Pair
	for _, q := range parent.Pairs {
		if _, fine := known["configs"][keyOf(q)]; !fine && r.belongs("configs", simplify(keyOf(q))) == want && spelled("configs", simplify(keyOf(q))) == "" {
			together = append(together, q)
		}
	}
	if len(together) == 0 || together[0].Key != p.Key {
		return nil
	}
	return r.gather(parent, together, want)
}

// gather moves entries of a host under auth or tls, spelled as they have to be.
func (r *reader) gather(parent *yamldoc.Node, entries []yamldoc.Pair, want string) []source.Edit {
	target := parent.Get(want)
	indent := r.yaml.Indent(entries[0].Key) + 2
	at, head := -1, strings.Repeat(" ", indent-2)+want+":"+r.yaml.Break()
	if target != nil {
		into := target.Value
		if into.Kind != yamldoc.Mapping || into.Flow || len(into.Pairs) == 0 {
			return nil
		}
		lines, ok := r.yaml.Lines(into.Pairs[len(into.Pairs)-1])
		if !ok {
			return nil
		}
		at, head = r.yaml.After(lines)
		indent = r.yaml.Indent(into.Pairs[0].Key)
	}
	var edits []source.Edit
	for _, q := range entries {
		lines, ok := r.yaml.Lines(q)
		if !ok {
			return nil
		}
		if at < 0 {
			at = lines.Start
		}
		text := string(r.yaml.Data[lines.Start:q.Key.Start]) + spelled(want, simplify(keyOf(q))) + string(r.yaml.Data[q.Key.End:lines.End])
		if !strings.HasSuffix(text, "\n") {
			text += r.yaml.Break()
		}
		edits = append(edits, r.yaml.Cut(lines), r.yaml.Insert(at, head+yamldoc.Shift(text, indent-r.yaml.Indent(q.Key))))
		head = ""
	}
	return inserted(edits, at)
}

// inserted joins a deletion that begins where text is inserted with it, because
// the two would be out of order otherwise.
func inserted(edits []source.Edit, at int) []source.Edit {
	var out []source.Edit
	text := ""
	for _, e := range edits {
		if e.Start == at && e.End == at {
			text += e.New
			continue
		}
		out = append(out, e)
	}
	for i := range out {
		if out[i].Start == at {
			out[i].New = text
			return out
		}
	}
	return append(out, source.Edit{File: edits[0].File, Start: at, End: at, New: text})
}

// outOfAuth moves a tls block that stands inside auth to its host.
func (r *reader) outOfAuth(p yamldoc.Pair, path []string) []source.Edit {
	host := r.yaml.Find(path[:2]...)
	if host == nil || host.Value.Get("tls") != nil {
		return nil
	}
	auth := host.Value.Get("auth")
	block, ok := r.yaml.Lines(p)
	whole, fine := r.yaml.Lines(*auth)
	if !ok || !fine {
		return nil
	}
	at, head := r.yaml.After(whole)
	text := yamldoc.Shift(string(r.yaml.Data[block.Start:block.End]), r.yaml.Indent(auth.Key)-r.yaml.Indent(p.Key))
	if block.End == at {
		return []source.Edit{{Start: block.Start, End: block.End, New: text}}
	}
	return []source.Edit{r.yaml.Cut(block), r.yaml.Insert(at, head+text)}
}

// merged is the one edit that puts all repeated keys of the file together: what
// only an earlier entry says is kept, what both say is as the last one says. It
// is nil where that cannot be done by moving lines.
func (r *reader) merged() []source.Edit {
	data := r.yaml.Data
	for range 200 {
		doc, bad := yamldoc.Parse(r.file.Path, data)
		if bad != nil {
			return nil
		}
		repeats := doc.Repeats(4)
		if len(repeats) == 0 {
			return difference(r.file.Path, r.yaml.Data, data)
		}
		edits, ok := unite(doc, repeats[0])
		if !ok {
			return nil
		}
		next, err := source.Apply(data, edits)
		if err != nil {
			return nil
		}
		var spec registriesSpec
		if yamldoc.Decode(r.file.Path, next, &spec) != nil {
			return nil
		}
		data = next
	}
	return nil
}

// unite puts the second of two entries with one key into the first.
func unite(d *yamldoc.Doc, rep yamldoc.Repeat) ([]source.Edit, bool) {
	second, ok := d.Lines(rep.Second)
	if !ok {
		return nil, false
	}
	edits, ok := into(d, rep.First.Value, rep.Second.Value)
	if !ok {
		return nil, false
	}
	return append(edits, d.Cut(second)), true
}

// into makes the edits by which one value takes up another.
func into(d *yamldoc.Doc, first, second *yamldoc.Node) ([]source.Edit, bool) {
	switch {
	case second.Kind == yamldoc.Null:
		return nil, true
	case first.Kind == yamldoc.Null:
		text := string(d.Data[second.Start:second.End])
		if second.Kind == yamldoc.Scalar && !strings.Contains(text, "\n") {
			return []source.Edit{d.Replace(first, strings.Repeat(" ", one(first.Start == first.End))+text)}, true
		}
		return nil, false
	case first.Kind == yamldoc.Mapping && second.Kind == yamldoc.Mapping:
		return intoMapping(d, first, second)
	case first.Kind == yamldoc.Sequence && second.Kind == yamldoc.Sequence:
		return intoList(d, first, second)
	case first.Kind == yamldoc.Scalar && second.Kind == yamldoc.Scalar:
		return []source.Edit{d.Replace(first, d.Text(second))}, true
	}
	return nil, false
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func intoMapping(d *yamldoc.Doc, first, second *yamldoc.Node) ([]source.Edit, bool) {
	if first.Flow || second.Flow || len(first.Pairs) == 0 {
		return nil, false
	}
	last, ok := d.Lines(first.Pairs[len(first.Pairs)-1])
	if !ok {
		return nil, false
	}
	at, head := d.After(last)
	var edits []source.Edit
	for _, p := range second.Pairs {
		if old := first.Get(p.Key.Value); old != nil {
			inner, ok := into(d, old.Value, p.Value)
			if !ok {
				return nil, false
			}
			edits = append(edits, inner...)
			continue
		}
		lines, ok := d.Lines(p)
		if !ok {
			return nil, false
		}
		text := string(d.Data[lines.Start:lines.End])
		if !strings.HasSuffix(text, "\n") {
			text += d.Break()
		}
		edits = append(edits, d.Insert(at, head+yamldoc.Shift(text, d.Indent(first.Pairs[0].Key)-d.Indent(p.Key))))
		head = ""
	}
	return edits, true
}

// intoList puts the items of the second list first, because they are what
// counts now, and the others of the first behind them.
func intoList(d *yamldoc.Doc, first, second *yamldoc.Node) ([]source.Edit, bool) {
	if first.Flow || second.Flow || len(first.Items) == 0 {
		return nil, false
	}
	indent := strings.Repeat(" ", d.Indent(first))
	at := map[string]int{}
	var lines []string
	for _, list := range []*yamldoc.Node{second, first} {
		for _, item := range list.Items {
			if item.Kind != yamldoc.Scalar || d.Pos(item.Start).Line != d.Pos(item.End).Line {
				return nil, false
			}
			line := "- " + string(d.Data[item.Start:d.Line(item.At.Line).End])
			i, seen := at[item.Value]
			switch {
			case !seen:
				at[item.Value] = len(lines)
				lines = append(lines, line)
			case !strings.Contains(lines[i], " #"):
				lines[i] = line
			}
		}
	}
	end := d.Line(d.Pos(first.End).Line).End
	return []source.Edit{{File: d.File, Start: first.Start, End: end, New: strings.Join(lines, d.Break()+indent)}}, true
}

// difference is the edit between two texts: the bytes between what is equal at
// their beginnings and at their ends.
func difference(file string, before, after []byte) []source.Edit {
	start := 0
	for start < len(before) && start < len(after) && before[start] == after[start] {
		start++
	}
	end := 0
	for end < len(before)-start && end < len(after)-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	if start == len(before) && start == len(after) {
		return nil
	}
	return []source.Edit{{File: file, Start: start, End: len(before) - end, New: string(after[start : len(after)-end])}}
}
