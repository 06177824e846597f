package plan

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// After is a set of files as the plan would leave them. Files that the plan does
// not name stay as they are.
func (p Plan) After(files []source.File) []source.File {
	s := state{files: slices.Clone(files)}
	for _, c := range p.Changes {
		s.change(c)
	}
	s.sweep()
	return s.files
}

// state is a set of files while it changes.
type state struct {
	files  []source.File
	places source.Places   // of files; nil: to be looked up again
	gone   map[string]bool // paths that are still to be taken out
}

func (s *state) change(c Change) {
	switch {
	case c.Moved:
		s.sweep()
		s.places = nil
		for i := range s.files {
			if rest, ok := strings.CutPrefix(s.files[i].Path, c.Before.Path); ok && (rest == "" || rest[0] == '/') {
				s.files[i].Path = c.After.Path + rest
			}
		}
	case c.After == nil:
		if s.gone == nil {
			s.gone = map[string]bool{}
		}
		s.gone[c.Before.Path] = true
	default:
		s.sweep()
		s.put(*c.After)
	}
}

func (s *state) put(f source.File) {
	if s.places == nil {
		s.places = source.PlacesOf(s.files)
	}
	if have := s.places.Find(s.files, f.Path); have != nil {
		*have = f
		return
	}
	s.places[f.Path] = len(s.files)
	s.files = append(s.files, f)
}

// sweep takes out what is gone.
func (s *state) sweep() {
	if len(s.gone) == 0 {
		return
	}
	s.files = slices.DeleteFunc(s.files, func(f source.File) bool { return s.gone[f.Path] })
	s.gone, s.places = nil, nil
}
