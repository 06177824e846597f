package plan

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// After is a set of files as the plan would leave them. Files that the plan does
// not name stay as they are.
func (p Plan) After(files []source.File) []source.File {
	out := slices.Clone(files)
	for _, c := range p.Changes {
		out = c.after(out)
	}
	return out
}

func (c Change) after(files []source.File) []source.File {
	if c.Moved {
		for i := range files {
			if rest, ok := strings.CutPrefix(files[i].Path, c.Before.Path); ok && (rest == "" || rest[0] == '/') {
				files[i].Path = c.After.Path + rest
			}
		}
		return files
	}
	if c.After == nil {
		return slices.DeleteFunc(files, func(f source.File) bool { return f.Path == c.Before.Path })
	}
	if f := source.Find(files, c.After.Path); f != nil {
		*f = *c.After
		return files
	}
	return append(files, *c.After)
}
