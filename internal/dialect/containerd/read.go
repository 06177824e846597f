package containerd

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// hostsToml is the only file name that containerd reads.
const hostsToml = "hosts.toml"

// Read reads the trees under several roots, the parts of one config_path, as
// the target does: the first root that has a directory for a registry, be it
// _default, decides for it.
//
// A directory that comes Unread is judged by its name alone and has no route in
// the table; so the table speaks only for registries whose candidates were read.
func Read(roots []string, files []source.File, t route.Target) dialect.Reading {
	r := newReader(files, t)
	r.judges = true
	r.read(roots)
	r.spegel()
	return dialect.Reading{Table: r.table, Findings: r.findings}
}

// read reads the trees under the roots that exist, each once.
func (r *reader) read(roots []string) {
	var deciding []string
	for _, root := range roots {
		root = path.Clean(root)
		if slices.Contains(deciding, root) || r.tree.look(root) == nil {
			continue
		}
		r.root(root)
		deciding = append(deciding, root)
	}
	slices.SortStableFunc(r.table.Routes, func(a, b route.Route) int { return rank(a) - rank(b) })
}

func rank(r route.Route) int {
	if r.Match == route.Any {
		return 1
	}
	return 0
}

// reader collects what is found in the trees.
type reader struct {
	tree     *tree
	target   route.Target
	inspect  *inspector
	table    route.Table
	decided  map[string]string // registry: directory that decides for it
	findings []finding.Finding
	judges   bool // findings about the content of files are wanted
}

func newReader(files []source.File, t route.Target) *reader {
	tree := newTree(files)
	return &reader{
		tree: tree, target: t, table: route.Table{Target: t}, decided: map[string]string{},
		inspect: &inspector{tree: tree, roots: map[string]string{}},
	}
}

// root reads one tree.
func (r *reader) root(root string) {
	if f := r.tree.files[root]; f != nil && (f.Kind != source.Directory || f.Problem != "") {
		r.unusableRoot(root, f)
		return
	}
	everything, covered := r.decided[route.Any]
	here := map[string]string{} // what this root decides
	for _, registry := range r.registries(root) {
		dir := r.winner(root, registry)
		if dir == "" {
			continue
		}
		if by, ok := r.decided[registry]; ok || covered {
			if !ok {
				by = everything
			}
			r.hidden(dir, registry, by)
			continue
		}
		here[registry] = dir
		r.directory(dir, registry)
	}
	for registry, dir := range here {
		r.decided[registry] = dir
	}
}

// registries lists what the names in a root are looked up for, in the order of
// the names, and reports the names that are not looked up at all.
func (r *reader) registries(root string) []string {
	var out []string
	seen := map[string]bool{}
	for _, name := range r.tree.children[root] {
		registry, ok := RegistryOf(name, r.target)
		if !ok {
			r.strange(root, name)
			continue
		}
		if !seen[registry] {
			seen[registry] = true
			out = append(out, registry)
		}
	}
	return out
}

// winner is the first candidate of a registry that exists, empty when none but
// _default does. Those behind it are reported as hidden.
func (r *reader) winner(root, registry string) string {
	names := []string{fallback}
	if registry != route.Any {
		names = slices.DeleteFunc(Candidates(registry, r.target), func(n string) bool { return n == fallback })
	}
	win := ""
	for _, name := range names {
		dir := path.Join(root, name)
		switch f := r.tree.look(dir); {
		case f == nil:
		case f.Kind == source.Dangling:
			r.dangling(dir, registry, f)
		case win == "":
			win = dir
		default:
			r.hidden(dir, registry, win)
		}
	}
	return win
}

// directory reads the directory that decides for a registry.
func (r *reader) directory(dir, registry string) {
	f := r.tree.look(dir)
	if f.Kind != source.Directory && f.Problem == "" && looksLikeFile(dir) {
		r.misplaced(dir)
		return
	}
	r.named(dir, registry)
	if f.Unread && f.Problem == "" && f.Kind == source.Directory {
		return
	}
	out := route.Route{Match: registry, From: source.Pos{File: dir}}
	switch {
	case f.Problem != "":
		out.Fails = r.unreadable(dir, registry, f.Problem)
		out.Upstream = r.standard()
	case f.Kind != source.Directory:
		out.Fails = fmt.Sprintf("%s is a file where a directory is expected", dir)
		r.fileInPlace(dir, registry)
	default:
		r.load(dir, &out)
	}
	r.table.Routes = append(r.table.Routes, out)
}

func (r *reader) standard() *route.Endpoint {
	return &route.Endpoint{Role: route.Upstream, Serves: r.target.Everything()}
}

// load fills a route from what is in its directory.
func (r *reader) load(dir string, out *route.Route) {
	h := r.open(dir, out.Match)
	switch h.verdict {
	case used:
		out.From = source.Pos{File: h.path}
		out.Mirrors, out.Upstream = h.mirrors, h.upstream
	case fails:
		out.Fails = r.unreadable(h.path, out.Match, h.problem.Text)
	case crashes:
		out.Fails = fmt.Sprintf("%s makes containerd crash", h.path)
	default:
		out.Upstream = r.standard()
		if h.verdict != unknown {
			out.Upstream.TLS = certificates(r.tree, dir)
			r.localAuthority(out.Match, out.Upstream.TLS)
			out.Upstream.From = source.Pos{}
		}
	}
	if r.judges && !retired(path.Base(dir)) {
		r.judge(h)
	}
	if out.Fails == "" {
		r.certified(h, out)
	}
	if r.judges {
		r.leaves(h)
	}
}

// open reads the hosts.toml of a directory.
func (r *reader) open(dir, registry string) *hostsFile {
	return r.openFile(path.Join(dir, hostsToml), registry)
}

// openFile reads a file as the hosts.toml of a registry.
func (r *reader) openFile(file, registry string) *hostsFile {
	h := &hostsFile{path: file, dir: path.Dir(file), match: registry, target: r.target}
	f := r.tree.files[h.path]
	switch {
	case f == nil || f.Kind == source.Dangling:
	case f.Unread && f.Problem == "":
		h.verdict = unknown
	case strings.HasSuffix(f.Problem, "not read"): // by us, for its size
		h.verdict, h.problem = unknown, problemOf(h.path, f.Problem)
		h.problem.Unread = true
	case f.Problem != "" && unsure(f.Problem):
		h.verdict, h.problem = unknown, problemOf(h.path, f.Problem)
	case f.Problem != "":
		h.verdict, h.problem = fails, problemOf(h.path, f.Problem)
	case f.Kind == source.Directory:
		h.verdict, h.problem = fails, problemOf(h.path, "it is a directory")
	case f.Kind == source.Special && f.Link != "/dev/null":
		h.verdict, h.problem = fails, problemOf(h.path, "it is no regular file")
	default:
		h.data = f.Data
		readHosts(h)
	}
	return h
}
