package containerd

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// tree is the files that were given, by path and by directory.
type tree struct {
	files    map[string]*source.File
	children map[string][]string // names in a directory, sorted
}

func newTree(files []source.File) *tree {
	t := &tree{files: make(map[string]*source.File, len(files)), children: map[string][]string{}}
	for i := range files {
		p := path.Clean(files[i].Path)
		t.files[p] = &files[i]
		t.enter(p)
	}
	for dir := range t.children {
		slices.Sort(t.children[dir])
		t.children[dir] = slices.Compact(t.children[dir])
	}
	return t
}

// enter notes a path in its directory and that in its own, since a caller may
// name a file without its directories.
func (t *tree) enter(p string) {
	for p != "/" && p != "." {
		dir, name := path.Dir(p), path.Base(p)
		known := len(t.children[dir]) > 0
		t.children[dir] = append(t.children[dir], name)
		if known {
			return
		}
		p = dir
	}
}

// look is the file at a path; nil: it was not given. A directory of which only
// the content was given counts as given.
func (t *tree) look(p string) *source.File {
	if f := t.files[p]; f != nil {
		return f
	}
	if len(t.children[p]) > 0 {
		return &source.File{Path: p, Kind: source.Directory}
	}
	return nil
}

// exists reports what stat would: a dangling link does not exist.
func (t *tree) exists(p string) bool {
	f := t.look(p)
	return f != nil && f.Kind != source.Dangling
}

// missing reports that a path is known not to exist: the directory that should
// hold it was listed, or a link there leads nowhere.
func (t *tree) missing(p string) bool {
	if f := t.look(p); f != nil {
		return f.Kind == source.Dangling
	}
	dir := t.files[path.Dir(p)]
	return dir != nil && dir.Kind == source.Directory && !dir.Unread && dir.Problem == ""
}

// unsure reports that a problem is the reader's own: a runtime that runs as
// root, and reads files of any size, has it not.
func unsure(problem string) bool {
	return strings.HasSuffix(problem, "not read") || strings.Contains(problem, "permission denied") || strings.Contains(problem, "operation not permitted")
}
