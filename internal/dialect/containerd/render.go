package containerd

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// standardRoot is where files go when there are none yet.
const standardRoot = "/etc/containerd/certs.d"

// Render returns have with its routes replaced by want, in the first root of
// have: see RenderIn.
func Render(want route.Table, have []source.File) []source.File {
	roots := Roots(have)
	if len(roots) == 0 {
		roots = []string{standardRoot}
	}
	return RenderIn(roots, want, have)
}

// RenderIn writes the routes of a table for its target. A route keeps the
// directory that decides for it now; a new one goes into the first root. A file
// that says what is wanted already is not touched, and of others every byte
// that need not change stays.
func RenderIn(roots []string, t route.Table, have []source.File) []source.File {
	t = t.Whole().Registered()
	r := newReader(have, t.Target)
	r.read(roots)
	d := draft{reader: r, files: slices.Clone(have), root: path.Clean(roots[0])}
	keep := matches(t)
	for _, match := range keep {
		d.write(t, match)
	}
	for _, old := range r.table.Routes {
		if !slices.Contains(keep, old.Match) {
			d.clear(r.decided[old.Match])
		}
	}
	return d.files
}

// draft is a set of files while routes are written into it.
type draft struct {
	reader *reader
	files  []source.File
	root   string
}

// write puts one route into its file.
func (d *draft) write(t route.Table, match string) {
	w := want(t, match)
	dir, decided := d.reader.decided[match]
	if decided && d.unchanged(t, w) {
		return
	}
	if !decided {
		dir = path.Join(d.root, candidate(match, t.Target))
	}
	file := path.Join(dir, hostsToml)
	d.drop(func(f source.File) bool { return f.Path == dir && f.Kind != source.Directory })
	d.put(file, d.text(dir, w, t.Target), w)
}

// unchanged reports that the present route asks what is wanted.
func (d *draft) unchanged(t route.Table, w wanted) bool {
	now := d.reader.table
	if now.Route(w.match).Fails == w.fails && slices.EqualFunc(now.Endpoints(w.match), t.Endpoints(w.match), func(a, b route.Endpoint) bool {
		return a.Broken == b.Broken && alike(t.Target, a, b)
	}) {
		return true
	}
	i := slices.IndexFunc(now.Routes, func(r route.Route) bool { return r.Match == w.match })
	if i < 0 || now.Routes[i].Fails != w.fails {
		return false
	}
	return w.meets(now.Target, &hostsFile{verdict: used, mirrors: now.Routes[i].Mirrors, upstream: now.Routes[i].Upstream})
}

// text is the file with the route: the one that is there, reworked, or a new one.
func (d *draft) text(dir string, w wanted, t route.Target) string {
	if h := d.reader.open(dir, w.match); h.verdict == used {
		if text, ok := rework(h, w); ok {
			return text
		}
	}
	return fresh(t, w)
}

// candidate is the name of a new directory: the one that works on every system.
func candidate(match string, t route.Target) string {
	switch {
	case match == route.Any:
		return fallback
	case route.Port(match) == "":
		return match
	}
	return Candidates(match, t)[0]
}

// put replaces the content of a file or adds it. A new file with header lines
// may hold a password and is for root alone.
func (d *draft) put(p, text string, w wanted) {
	for i := range d.files {
		if d.files[i].Path == p && d.files[i].Kind == source.Regular {
			d.files[i].Data = []byte(text)
			d.files[i].Unread, d.files[i].Problem = false, ""
			return
		}
	}
	d.drop(func(f source.File) bool { return f.Path == p })
	mode := source.File{Path: p, Data: []byte(text), Mode: 0o644}
	if strings.Contains(text, ".header]") || w.upstream != nil && len(w.upstream.Header) > 0 {
		mode.Mode = 0o600
	}
	d.files = append(d.files, mode)
}

// clear takes away what makes a directory count, and the directory when nothing
// else is in it: an empty one would hide _default.
func (d *draft) clear(dir string) {
	if dir == "" {
		return
	}
	d.drop(func(f source.File) bool {
		name := path.Base(f.Path)
		return path.Dir(f.Path) == dir && (name == hostsToml || strings.HasSuffix(name, ".crt") || strings.HasSuffix(name, ".cert") || strings.HasSuffix(name, ".key"))
	})
	if !slices.ContainsFunc(d.files, func(f source.File) bool { return strings.HasPrefix(f.Path, dir+"/") }) {
		d.drop(func(f source.File) bool { return f.Path == dir })
	}
}

func (d *draft) drop(which func(source.File) bool) { d.files = slices.DeleteFunc(d.files, which) }
