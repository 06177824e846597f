package repair

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// stays reports whether an edit is of a file that stays as it is, or of the
// directory that it lies in.
func (m *mending) stays(e source.Edit) bool {
	name := m.origin(e.File)
	for left := range m.left {
		if left == name || strings.HasPrefix(left, name+"/") || strings.HasPrefix(name, left+"/") {
			return true
		}
	}
	return false
}

// choose takes the edits of as many findings as can be made at once.
func (m *mending) choose(found []finding.Finding) (edits []source.Edit, batch []finding.Finding) {
	taken := map[string][]source.Edit{}
	moved := map[string]bool{} // a rename is alone with its path for a round
	for _, f := range found {
		if f.Severity < finding.Warning || f.Role == finding.Secondary || f.Fix == nil || len(f.Fix.Edits) == 0 || slices.ContainsFunc(f.Fix.Edits, m.stays) {
			continue
		}
		fresh := slices.DeleteFunc(slices.Clone(f.Fix.Edits), func(e source.Edit) bool { return slices.Contains(taken[e.File], e) })
		if slices.ContainsFunc(fresh, func(e source.Edit) bool { return overlaps(e, taken, moved) }) {
			continue
		}
		for _, e := range fresh {
			taken[e.File] = append(taken[e.File], e)
			if e.Op != source.Replace {
				moved[e.File], moved[e.To] = true, true
			}
		}
		edits, batch = append(edits, fresh...), append(batch, f)
	}
	return edits, batch
}

// overlaps reports whether an edit is at odds with those that were taken.
func overlaps(e source.Edit, taken map[string][]source.Edit, moved map[string]bool) bool {
	if e.Op != source.Replace {
		for name, list := range taken {
			if len(list) > 0 && (name == e.File || strings.HasPrefix(name, e.File+"/") || moved[e.To] || name == e.To) {
				return true
			}
		}
		return false
	}
	for at := e.File; len(at) > 1; at = path.Dir(at) {
		if moved[at] {
			return true
		}
	}
	return slices.ContainsFunc(taken[e.File], func(o source.Edit) bool {
		return e.Start < o.End && o.Start < e.End || e.Start == o.Start // insertions at one place as well
	})
}
