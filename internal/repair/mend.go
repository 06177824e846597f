package repair

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// Look tells what is wrong with files as they are, or as a plan would leave them.
type Look func([]source.File) []finding.Finding

// Mended is what edits can do about findings.
type Mended struct {
	Plan  plan.Plan
	Cured []finding.Finding // those whose edits the plan makes
	Left  []string          // files that stay as they are although there are edits for them
}

// Mend is the plan that carries out the edits of all findings at warning or
// above. Files are read again after each round of
// edits, until nothing is left that an edit would cure: two edits of one place
// are made one after the other. A file in which that would uncover an error that
// was not there before, or leave a finding as it was, stays as it is.
func Mend(files []source.File, look Look) Mended {
	found := look(files)
	m := &mending{look: look, left: map[string]bool{}}
	for {
		m.files, m.plan, m.cured = slices.Clone(files), plan.Plan{}, nil
		m.run(found)
		if !m.leave(found) {
			return Mended{m.plan, m.cured, slices.Sorted(maps.Keys(m.left))}
		}
	}
}

// MendNode is Mend for the files of a node: what is made of them follows, and a
// restart is planned where they count only after one.
func MendNode(n Node, look Look) Mended {
	out := Mend(n.Files, look)
	d := &draft{node: n, files: slices.Clone(n.Files)}
	d.add(out.Plan)
	d.settle()
	out.Plan = d.plan
	return out
}

// mending is one attempt to mend files.
type mending struct {
	look  Look
	left  map[string]bool // files that stay as they are
	files []source.File   // as the plan leaves them
	plan  plan.Plan
	cured []finding.Finding
	stuck []string // files with a finding that its own edits do not cure
	last  []finding.Finding
}

// run makes edits until there are none left to make.
func (m *mending) run(found []finding.Finding) {
	m.stuck = nil
	for range rounds {
		edits, batch := m.choose(found)
		if len(batch) == 0 {
			break
		}
		p, err := plan.FromEdits(m.files, edits)
		if err != nil || p.Empty() {
			m.stuck = append(m.stuck, m.origin(batch[0].At.File))
			break
		}
		m.add(p)
		found = m.look(m.files)
		for _, f := range batch {
			if slices.ContainsFunc(found, func(g finding.Finding) bool { return alike(f, g) }) {
				m.stuck = append(m.stuck, m.origin(f.At.File))
			}
		}
		m.cured = append(m.cured, batch...)
	}
	m.last = found
}

// alike reports that a finding is still there after its edits.
func alike(f, g finding.Finding) bool {
	return f.Code == g.Code && f.ID == g.ID && f.At == g.At && f.Text == g.Text
}

// leave notes the files that had better stay as they are, and reports whether
// there are some.
func (m *mending) leave(before []finding.Finding) bool {
	type trouble struct{ code, file string }
	known := map[trouble]bool{}
	for _, f := range before {
		if f.Severity == finding.Error {
			known[trouble{f.Code, f.At.File}] = true
		}
	}
	bad, touched := m.stuck, m.touched()
	for _, f := range m.last {
		name := m.origin(f.At.File)
		if f.Severity == finding.Error && touched(name) && !known[trouble{f.Code, name}] {
			bad = append(bad, name)
		}
	}
	for _, name := range bad {
		m.left[name] = true
	}
	return len(bad) > 0
}

// touched reports of a file or directory whether the plan changes or moves it,
// what it lies in, or what lies in it.
func (m *mending) touched() func(string) bool {
	changed, above := map[string]bool{}, map[string]bool{}
	for _, c := range m.plan.Changes {
		at := c.Path()
		if c.Before != nil {
			at = c.Before.Path
		}
		at = m.origin(at)
		changed[at] = true
		for dir := path.Dir(at); len(dir) > 1; dir = path.Dir(dir) {
			above[dir] = true
		}
	}
	return func(name string) bool {
		for at := name; len(at) > 1; at = path.Dir(at) {
			if changed[at] {
				return true
			}
		}
		return above[name]
	}
}

// origin is the name that a file had before the plan moved it.
func (m *mending) origin(name string) string {
	for _, c := range slices.Backward(m.plan.Changes) {
		if !c.Moved {
			continue
		}
		if rest, inside := strings.CutPrefix(name, c.After.Path); inside && (rest == "" || rest[0] == '/') {
			name = c.Before.Path + rest
		}
	}
	return name
}

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

// add takes up a plan. A file that is changed again is changed once.
func (m *mending) add(p plan.Plan) {
	m.files = p.After(m.files)
	for _, c := range p.Changes {
		if i := m.earlier(c); i >= 0 {
			m.plan.Changes[i].After = c.After
			continue
		}
		m.plan.Changes = append(m.plan.Changes, c)
	}
}

// earlier is the change of the same file that nothing was moved behind; -1: there
// is none.
func (m *mending) earlier(c plan.Change) int {
	if c.Moved || c.Before == nil || c.After == nil {
		return -1
	}
	for i, o := range slices.Backward(m.plan.Changes) {
		switch {
		case o.Moved:
			return -1
		case o.After != nil && o.After.Path == c.Before.Path:
			return i
		}
	}
	return -1
}
