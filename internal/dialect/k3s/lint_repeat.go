package k3s

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// repeats finds keys that are there twice, in one mapping or in two sections
// of one name. For each registry that is touched, the first finding that loses
// something, else its first, carries the edits that put everything together; a
// repeated section carries them only if nothing else does.
func (r *reader) repeats() {
	all := r.yaml.Repeats(4)
	for _, name := range []string{"mirrors", "configs"} {
		all = append(all, r.acrossSections(name)...)
	}
	if len(all) == 0 {
		return
	}
	edits := r.merged()
	first := len(r.findings)
	carriers, loses := map[string]int{}, map[string]bool{}
	for _, rep := range all {
		at := len(r.findings)
		r.repeat(rep)
		if len(rep.Path) == 0 {
			continue
		}
		name, worse := r.findings[at].Registry, len(lost(rep)) > 0
		if _, carried := carriers[name]; !carried || worse && !loses[name] {
			carriers[name], loses[name] = at, worse
		}
	}
	if len(carriers) == 0 {
		carriers[""] = first
	}
	for _, at := range carriers {
		r.edit(&r.findings[at], edits...)
	}
}

// acrossSections lists the names that are in more than one section.
func (r *reader) acrossSections(section string) []yamldoc.Repeat {
	var out []yamldoc.Repeat
	seen := map[string]yamldoc.Pair{}
	for i, m := range r.doc.sections(section) {
		for _, p := range m.Pairs {
			if first, twice := seen[keyOf(p)]; i > 0 && twice {
				out = append(out, yamldoc.Repeat{Path: []string{section}, First: first, Second: p})
			}
		}
		for _, p := range m.Pairs {
			seen[keyOf(p)] = p
		}
	}
	return out
}

func (r *reader) repeat(rep yamldoc.Repeat) {
	line := rep.Second.Key.At.Line
	if len(rep.Path) == 0 {
		f := r.found(repeatedSection, "", rep.First.Key.At, finding.Args{"section": keyOf(rep.First), "line": line})
		r.alsoSaw(f, rep.Second.Key.At)
		return
	}
	path := strings.Join(append(rep.Path[:len(rep.Path):len(rep.Path)], keyOf(rep.First)), ".")
	args := finding.Args{"path": path, "line": line, "lost": strings.Join(lost(rep), " and ")}
	variant := ""
	if len(lost(rep)) == 0 {
		variant = "same"
	}
	f := r.found(repeatedKey, variant, rep.First.Key.At, args)
	r.alsoSaw(f, rep.Second.Key.At)
	f.Registry = r.touched(append(rep.Path[:len(rep.Path):len(rep.Path)], keyOf(rep.First)))
	if within(rep.First.Value, rep.Second.Value) {
		f.Severity, f.Ignores = finding.Warning, false // nothing that it says is lost
	}
}

// touched is the only registry whose pulls an entry of the file bears on; empty
// when there are several.
func (r *reader) touched(path []string) string {
	if len(path) < 2 || path[1] == wildcard {
		return ""
	}
	if path[0] == "mirrors" {
		return path[1]
	}
	if names := r.namespaces(path[1]); len(names) == 1 {
		return names[0]
	}
	return ""
}

func (r *reader) alsoSaw(f *finding.Finding, at source.Pos) {
	*f = f.Saw(r.show(at), at.String(), sed(at))
}

// within reports whether everything that one value says is said by another.
func within(a, b *yamldoc.Node) bool {
	a, b = a.Follow(), b.Follow()
	switch {
	case a == nil || a.Kind == yamldoc.Null:
		return true
	case b == nil || a.Kind != b.Kind:
		return false
	case a.Kind == yamldoc.Scalar:
		return a.Value == b.Value
	case a.Kind == yamldoc.Sequence:
		return len(a.Items) == len(b.Items) && !slices.ContainsFunc(a.Items, func(n *yamldoc.Node) bool {
			return !slices.ContainsFunc(b.Items, func(o *yamldoc.Node) bool { return within(n, o) })
		})
	}
	for _, p := range a.Pairs {
		if q := b.Get(keyOf(p)); q == nil || !within(p.Value, q.Value) {
			return false
		}
	}
	return true
}

// lost names the keys that only the first of two entries has. Inside auth and
// tls nothing is lost: the second entry is laid over the first.
func lost(rep yamldoc.Repeat) []string {
	first, second := rep.First.Value.Follow(), rep.Second.Value.Follow()
	if first == nil || first.Kind != yamldoc.Mapping || len(rep.Path) > 1 {
		return nil
	}
	var out []string
	for _, p := range first.Pairs {
		if second.Get(keyOf(p)) == nil {
			out = append(out, keyOf(p))
		}
	}
	return out
}
