package containerdconfig

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// Import is one entry of an import list, resolved against the file it stands in.
type Import struct {
	Path string     // absolute unless the importing file's own path is not
	Glob bool       // a pattern: as many files as match, in the order of their names; else the file must exist
	At   source.Pos // the entry
}

// Imports lists what a file imports. A file that is not TOML imports nothing:
// containerd refuses it. Until 1.6.30 and 1.7.16 a relative pattern, unlike a
// relative path, started at the working directory of containerd; such a pattern
// comes back relative. Source: resolveImports.
func Imports(f source.File, t route.Target) []Import {
	if doc := parse(f); doc != nil && !slices.ContainsFunc(doc.Entries, func(e tomldoc.Entry) bool { return strings.EqualFold(e.Path[0], "imports") }) {
		return nil // that costs a tenth of reading what the file means
	}
	l, bad := readLayer(f, t)
	if bad != nil {
		return nil
	}
	return importsOf(f.Path, l.daemon.Imports, l.doc, t)
}

func importsOf(from string, list []string, doc *tomldoc.Doc, t route.Target) []Import {
	at := elementPlaces(doc, "imports")
	out := make([]Import, 0, len(list))
	for i, text := range list {
		in := Import{Path: path.Clean(text), Glob: strings.Contains(text, "*"), At: source.Pos{File: from}}
		fromCwd := in.Glob && !t.Containerd.Since("1.6.30", "1.7.16")
		if !path.IsAbs(in.Path) && !fromCwd {
			in.Path = path.Join(path.Dir(from), in.Path)
		}
		if len(at) == len(list) {
			in.At = at[i]
		}
		out = append(out, in)
	}
	return out
}

// Lister returns the paths that match a pattern, as filepath.Glob would.
type Lister func(pattern string) []string

// Reader returns what stands at a path, and false when nothing does.
type Reader func(path string) (source.File, bool)

// Collect returns the main file and all that it imports, directly or through
// other files, for Read. It is how a caller that can touch a disk finds out
// which files to read; at most limit files are read.
func Collect(main string, t route.Target, read Reader, list Lister) []source.File {
	const limit = 1000
	var out []source.File
	seen := map[string]bool{}
	pending := []string{main}
	for len(pending) > 0 && len(out) < limit {
		next := pending[0]
		pending = pending[1:]
		if seen[next] {
			continue
		}
		seen[next] = true
		f, ok := read(next)
		if !ok {
			continue
		}
		f.Path = next
		out = append(out, f)
		for _, in := range Imports(f, t) {
			if in.Glob {
				pending = append(pending, list(in.Path)...)
				continue
			}
			pending = append(pending, in.Path)
		}
	}
	return out
}

// expand matches a pattern against the files that are known, in the order of
// filepath.Glob: directory by directory, names sorted. A pattern that makes no
// sense is an error for containerd.
func expand(pattern string, files []source.File) ([]string, error) {
	var out []string
	for _, f := range files {
		ok, err := path.Match(pattern, f.Path)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f.Path)
		}
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	slices.SortFunc(out, byComponent)
	return slices.Compact(out), nil
}

func byComponent(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), cmp.Compare[string])
}
