package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// FromEdits is the plan that carries out edits on the files given. Every file
// that an edit names and that exists has to be among them. Edits of bytes come
// first, so they name a file as it is called now; the others follow in their
// order.
func FromEdits(have []source.File, edits []source.Edit) (Plan, error) {
	s := sheet{files: slices.Clone(have)}
	for _, path := range edited(edits) {
		var bytes []source.Edit
		for _, e := range edits {
			if e.Op == source.Replace && e.File == path {
				bytes = append(bytes, e)
			}
		}
		if err := s.replace(path, bytes); err != nil {
			return Plan{}, err
		}
	}
	for _, e := range edits {
		if err := s.edit(e); err != nil {
			return Plan{}, err
		}
	}
	return s.plan, nil
}

// edited lists the files whose bytes are edited, in the order of their first edit.
func edited(edits []source.Edit) []string {
	var paths []string
	for _, e := range edits {
		if e.Op == source.Replace && !slices.Contains(paths, e.File) {
			paths = append(paths, e.File)
		}
	}
	return paths
}

// sheet is the files as the plan so far leaves them.
type sheet struct {
	files []source.File
	plan  Plan
}

func (s *sheet) edit(e source.Edit) error {
	switch e.Op {
	case source.Replace:
		return nil
	case source.Create:
		return s.create(e)
	case source.Remove:
		return s.remove(e.File)
	case source.Rename:
		return s.rename(e.File, e.To)
	}
	return fmt.Errorf("edit %s: %q is no kind of edit", e.File, e.Op)
}

func (s *sheet) replace(path string, edits []source.Edit) error {
	f := source.Find(s.files, path)
	switch {
	case f == nil:
		return fmt.Errorf("edit %s: it is not there", path)
	case f.Kind != source.Regular || f.Unread || f.Problem != "":
		return fmt.Errorf("edit %s: it could not be read", path)
	}
	before, after := *f, *f
	data, err := source.Apply(f.Data, edits)
	if err != nil {
		return err
	}
	after.Data = data
	*f = after
	s.add(Change{Before: &before, After: &after})
	return nil
}

func (s *sheet) create(e source.Edit) error {
	if source.Find(s.files, e.File) != nil {
		return fmt.Errorf("create %s: it exists", e.File)
	}
	f := source.File{Path: e.File, Data: []byte(e.New), Mode: e.Mode}
	if f.Mode == 0 {
		f.Mode = 0o644
	}
	s.files = append(s.files, f)
	s.add(Change{After: &f})
	return nil
}

func (s *sheet) remove(path string) error {
	f := source.Find(s.files, path)
	if f == nil {
		return fmt.Errorf("remove %s: it is not there", path)
	}
	before := *f
	s.files = slices.DeleteFunc(s.files, func(f source.File) bool { return f.Path == path })
	s.add(Change{Before: &before})
	return nil
}

func (s *sheet) rename(from, to string) error {
	f := source.Find(s.files, from)
	switch {
	case f == nil:
		return fmt.Errorf("rename %s: it is not there", from)
	case source.Find(s.files, to) != nil:
		return fmt.Errorf("rename %s: %s exists", from, to)
	}
	before, after := *f, *f
	after.Path = to
	for i := range s.files {
		if rest, under := strings.CutPrefix(s.files[i].Path, from); under && (rest == "" || rest[0] == '/') {
			s.files[i].Path = to + rest
		}
	}
	s.add(Change{Before: &before, After: &after, Moved: true})
	return nil
}

func (s *sheet) add(c Change) { s.plan.Changes = append(s.plan.Changes, c) }
