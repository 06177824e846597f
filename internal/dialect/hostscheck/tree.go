package hostscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/source"
)

// Tree is a certs.d tree and the images that are asked for with it.
type Tree struct {
	Name    string
	Roots   []string // directories of config_path, relative
	Entries []Entry
	Images  []string
}

// Entry is one path of a tree: a link if Link is set, a directory if Dir is.
type Entry struct {
	Path string
	Data string
	Dir  bool
	Link string
}

// pkiLink is the name of the link to the certificates, beside the roots.
const pkiLink = "pki"

// write puts the tree on disk, with the link, and returns its roots.
func (t Tree) write(tb testing.TB, dir string, p pki) []string {
	tb.Helper()
	t.Entries = append(t.Entries[:len(t.Entries):len(t.Entries)], Entry{Path: pkiLink, Link: p.dir})
	for _, e := range t.Entries {
		path := filepath.Join(dir, e.Path)
		parent := filepath.Dir(path)
		if e.Dir {
			parent = path
		}
		err := os.MkdirAll(parent, 0o755)
		switch {
		case err != nil || e.Dir:
		case e.Link != "":
			err = os.Symlink(e.Link, path)
		default:
			err = os.WriteFile(path, []byte(e.Data), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	var roots []string
	for _, r := range t.Roots {
		roots = append(roots, filepath.Join(dir, r))
	}
	return roots
}

// edited is the tree after edits of one of its files; ok is false when they do
// more than that.
func (t Tree) edited(c *checker, edits []source.Edit) (Tree, bool) {
	out := t
	out.Entries = slices.Clone(t.Entries)
	for i, e := range out.Entries {
		if !strings.HasSuffix(edits[0].File, "/"+e.Path) || edits[0].Op != source.Replace {
			continue
		}
		data, err := source.Apply([]byte(e.Data), edits)
		if err != nil {
			c.t.Errorf("%s: %v", t.Name, err)
		}
		out.Entries[i].Data = string(data)
		return out, err == nil
	}
	return t, false
}

// look reads everything under a directory as package node would give it.
func look(tb testing.TB, dir string) []source.File {
	tb.Helper()
	var out []source.File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		out = append(out, file(path, d))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func file(path string, d fs.DirEntry) source.File {
	f := source.File{Path: path}
	if d.Type()&fs.ModeSymlink != 0 {
		f.Link, _ = os.Readlink(path)
	}
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		f.Kind = source.Dangling
	case err != nil:
		f.Problem = err.Error()
	case info.IsDir():
		f.Kind = source.Directory
		f.Unread = f.Link != ""
	case !info.Mode().IsRegular():
		f.Kind = source.Special
	default:
		f.Mode = info.Mode().Perm()
		f.Data, _ = os.ReadFile(path)
	}
	return f
}

// referenced adds files that a tree names and that lie elsewhere.
func referenced(files []source.File, paths []string) []source.File {
	for _, path := range paths {
		if slices.ContainsFunc(files, func(f source.File) bool { return f.Path == path }) {
			continue
		}
		f := source.File{Path: path}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			f.Problem = "no such file or directory"
		case info.IsDir():
			f.Kind = source.Directory
		default:
			f.Data, _ = os.ReadFile(path)
		}
		files = append(files, f)
	}
	return files
}
