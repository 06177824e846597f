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
// above. Files are read again after each round of edits, until nothing is left
// that an edit would cure: two edits of one place are made one after the other. A
// file whose edits would uncover an error that was not there before, in it or in
// another, or leave a finding as it was, stays as it is.
func Mend(files []source.File, look Look) Mended {
	m := &mending{look: look, had: files, found: look(files), left: map[string]bool{}}
	for {
		m.run()
		bad := m.bad()
		if len(bad) == 0 {
			return Mended{m.plan, m.cured, slices.Sorted(maps.Keys(m.left))}
		}
		for _, name := range bad {
			m.left[name] = true
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
	had   []source.File
	found []finding.Finding // in them
	left  map[string]bool   // files that stay as they are

	files []source.File // as the plan leaves them
	plan  plan.Plan
	cured []finding.Finding
	stuck []string          // files with a finding that its own edits do not cure
	last  []finding.Finding // in the files as the plan leaves them
}

// run makes edits until there are none left to make.
func (m *mending) run() {
	found := m.found
	m.files, m.plan, m.cured, m.stuck = slices.Clone(m.had), plan.Plan{}, nil, nil
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

// bad are the files that had better stay as they are.
func (m *mending) bad() []string {
	bad, touched, strange := m.stuck, m.touched(), false
	for _, name := range m.uncovered() {
		if touched(name) {
			bad = append(bad, name)
		} else {
			strange = true
		}
	}
	if strange && len(bad) == 0 {
		return m.guilty()
	}
	return bad
}

// uncovered are the files with errors that were not there before, by the names
// that they had then.
func (m *mending) uncovered() []string {
	type trouble struct{ code, file string }
	known := map[trouble]bool{}
	for _, f := range m.found {
		if f.Severity == finding.Error {
			known[trouble{f.Code, f.At.File}] = true
		}
	}
	var out []string
	for _, f := range m.last {
		if name := m.origin(f.At.File); f.Severity == finding.Error && !known[trouble{f.Code, name}] {
			out = append(out, name)
		}
	}
	return out
}

// suspects bounds how many files are tried one by one.
const suspects = 20

// guilty is the file whose edits uncover an error in another one: the first
// without which it stays covered, else all that the plan changes.
func (m *mending) guilty() []string {
	var all []string
	for _, c := range m.plan.Changes {
		at := c.Path()
		if c.Before != nil {
			at = c.Before.Path
		}
		all = append(all, m.origin(at))
	}
	for _, name := range all[:min(len(all), suspects)] {
		without := &mending{look: m.look, had: m.had, found: m.found, left: maps.Clone(m.left)}
		without.left[name] = true
		if without.run(); len(without.uncovered()) < len(m.uncovered()) {
			return []string{name}
		}
	}
	return all
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
