package survey

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/runbook"
	"github.com/towpath-dev/towpath/internal/dialect/towpath"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// certsTrees reads all that is of hosts.toml: the trees together, then the files
// that lie in none.
func (r *named) certsTrees() {
	var files []source.File
	for _, a := range r.args {
		if a.has(containerd.Dialect.Name) {
			files = append(files, a.files...)
		}
	}
	if len(files) == 0 {
		return
	}
	t := r.target(containerd.Dialect, files[0].Path)
	roots := r.roots(files, t)
	files = r.mentioned(files, containerd.References(files, t))
	alone := r.alone(roots)
	p := Part{Dialect: containerd.Dialect, Files: files, Roots: roots}
	r.parts = append(r.parts, part(p, func(files []source.File) dialect.Reading {
		out := dialect.Reading{Table: route.Table{Target: t}}
		if len(roots) > 0 {
			out = containerd.Read(roots, files, t)
		}
		for _, f := range alone {
			if now := source.Find(files, f.Path); now != nil {
				out.Findings = append(out.Findings, containerd.Alone(*now, files, t)...)
			}
		}
		return out
	}))
}

// roots are the directories in which the names of registries stand: those above
// the files that lie in such a directory, else those of the named directories
// that hold nothing else.
func (r *named) roots(files []source.File, t route.Target) []string {
	var out []string
	for _, f := range files {
		dir := path.Dir(f.Path)
		if f.Kind != source.Directory && path.Base(f.Path) == "hosts.toml" && !containerd.Nameless(dir, t) {
			out = append(out, path.Dir(dir))
		}
	}
	if len(out) == 0 {
		out = slices.DeleteFunc(containerd.Roots(files), func(root string) bool { return !r.within(root) })
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// within reports whether a directory is one of those named or lies below one.
func (r *named) within(dir string) bool {
	return slices.ContainsFunc(r.args, func(a argument) bool {
		return a.directory() && (dir == a.path || strings.HasPrefix(dir, strings.TrimSuffix(a.path, "/")+"/"))
	})
}

// alone are the files that are a hosts.toml and lie in no tree.
func (r *named) alone(roots []string) []source.File {
	var out []source.File
	for _, a := range r.args {
		if !a.has(containerd.Dialect.Name) {
			continue
		}
		for i, f := range a.files {
			wanted := i == 0 && f.Kind != source.Directory || path.Base(f.Path) == "hosts.toml" && f.Kind != source.Directory
			inTree := slices.ContainsFunc(roots, func(root string) bool {
				return path.Dir(f.Path) == root || path.Dir(path.Dir(f.Path)) == root && path.Base(f.Path) == "hosts.toml"
			})
			if wanted && !inTree {
				out = append(out, f)
			}
		}
	}
	return out
}

// configs reads each main file of a containerd, with what it imports.
func (r *named) configs() {
	read := map[string][]source.File{}
	for _, a := range r.args {
		if !a.has(containerdconfig.Dialect.Name) {
			continue
		}
		for _, main := range r.mains(a) {
			c := newCollector(r.Root, nil)
			for _, f := range containerdconfig.Collect(main, r.target(containerdconfig.Dialect, main), c.reader, c.lister) {
				c.add(f)
			}
			read[main] = c.files
		}
	}
	for _, main := range slices.Sorted(maps.Keys(read)) {
		if !imported(main, read) {
			r.config(main, read[main])
		}
	}
}

// config reads one main file with its imports. In its own place the directories
// that it names are looked at as well.
func (r *named) config(main string, files []source.File) {
	t := r.target(containerdconfig.Dialect, main)
	c := containerdconfig.Read(files, main, t)
	if r.InPlace {
		more := newCollector(r.Root, files)
		for _, dir := range c.List() {
			more.certs(path.Clean(dir), "", t)
		}
		files = r.mentioned(more.files, certificates(c.Table()))
	}
	p := Part{Dialect: daemon.Dialect, Files: files, Main: main}
	r.parts = append(r.parts, part(p, func(files []source.File) dialect.Reading {
		c := containerdconfig.Read(files, main, t)
		return dialect.Reading{Table: c.Table(), Findings: containerdconfig.Lint(c)}
	}))
}

// mains are the files that a containerd may be started with.
func (r *named) mains(a argument) []string {
	if !a.directory() {
		return []string{a.path}
	}
	var out []string
	for _, f := range a.files {
		guess := all.Guess(f)
		unnamed := guess == "" && r.Dialect != "" && path.Ext(f.Path) == ".toml"
		if f.Kind != source.Directory && (guess == containerdconfig.Dialect.Name || unnamed) {
			out = append(out, f.Path)
		}
	}
	return out
}

// imported reports whether another main file brings a file along.
func imported(name string, read map[string][]source.File) bool {
	for main, files := range read {
		if main != name && source.Find(files, name) != nil && source.Find(read[name], main) == nil {
			return true
		}
	}
	return false
}

// registries reads each registries.yaml.
func (r *named) registries() {
	for _, a := range r.args {
		if !a.has(k3s.K3s.Name, k3s.RKE2.Name) {
			continue
		}
		for _, f := range a.files {
			if name := r.rancher(a, f); name != "" {
				d, _ := all.Named(name)
				r.registriesYAML(d, f)
			}
		}
	}
}

// rancher is the dialect by which a file is read as registries.yaml; empty: it
// is something else.
func (r *named) rancher(a argument, f source.File) string {
	guess := all.Guess(f)
	switch {
	case f.Kind == source.Directory:
		return ""
	case isRancher(r.Dialect) && (isRancher(guess) || !a.directory()):
		return r.Dialect
	case isRancher(r.Dialect) || !isRancher(guess):
		return ""
	case r.given != nil && isRancher(r.given.Runtime):
		return r.given.Runtime
	}
	return guess
}

// registriesYAML reads one file. In its own place the files around it count:
// the settings of the agent, templates, and what was generated.
func (r *named) registriesYAML(d dialect.Dialect, f source.File) {
	t := r.target(d, f.Path)
	o := k3s.Options{Args: []string{"--private-registry", f.Path}, Whole: r.InPlace}
	c := newCollector(r.Root, []source.File{f})
	if r.InPlace && slices.ContainsFunc(d.Paths, func(p string) bool { ok, _ := path.Match(p, f.Path); return ok }) {
		c.glob(d.Paths...)
		o.Args = nil
	}
	files := r.mentioned(c.files, certificates(k3s.Read(c.files, t, o).Table))
	p := Part{Dialect: d, Files: files, Main: f.Path}
	r.parts = append(r.parts, part(p, func(files []source.File) dialect.Reading { return k3s.Read(files, t, o) }))
}

// own are the dialects that are read with what they bring along: trees, imports,
// generated files.
var own = []string{containerd.Dialect.Name, containerdconfig.Dialect.Name, k3s.K3s.Name, k3s.RKE2.Name}

// others reads what is named for the other dialects, each path by itself.
func (r *named) others() {
	for _, a := range r.args {
		for _, name := range a.dialects {
			d, known := all.Named(name)
			if !known || slices.Contains(own, name) {
				continue
			}
			files := a.files
			if r.Dialect == "" {
				files = slices.DeleteFunc(slices.Clone(files), func(f source.File) bool {
					guess := all.Guess(f)
					return guess != "" && guess != name && !(name == registriesconf.Dialect.Name && shared(f))
				})
			}
			t := r.engine(d)
			if name == towpath.Dialect.Name {
				r.neutral(d, files)
				continue
			}
			p := Part{Dialect: d, Files: files, Main: a.path}
			r.parts = append(r.parts, part(p, func(files []source.File) dialect.Reading { return d.Parse(files, t) }))
		}
	}
}

// neutral reads each towpath.yaml by itself, with the files that it names: they
// are the user's own, and are read where they are.
func (r *named) neutral(d dialect.Dialect, files []source.File) {
	var t route.Target
	if r.given != nil {
		t = *r.given
	}
	for _, f := range files {
		if f.Kind == source.Directory || all.Guess(f) != d.Name && (r.Dialect == "" || len(files) > 1) {
			continue
		}
		c := newCollector(r.Root, []source.File{f})
		for _, name := range towpath.References(c.files) {
			if got, ok := c.reader(name); ok {
				c.add(got)
			} else if r.InPlace {
				c.read(name)
			}
		}
		p := Part{Dialect: d, Files: c.files, Main: f.Path}
		r.parts = append(r.parts, part(p, func(files []source.File) dialect.Reading { return d.Parse(files, t) }))
	}
}

// engine is the runtime that reads a dialect of its own: the one that was given
// if it is that, else its newest version.
func (r *named) engine(d dialect.Dialect) route.Target {
	name := d.Name
	switch name {
	case "registries-conf":
		name = "crio"
	case "pull-secret", "credential-provider":
		name = "kubelet"
	case runbook.Dialect.Name:
		name = "containerd" // whatever was given counts: its socket and its ctr
	}
	if r.given != nil && (r.given.Runtime == name || name == "crio" && r.given.Runtime == "podman" || d.Name == runbook.Dialect.Name) {
		return *r.given
	}
	if t, found := r.targets[name]; found {
		return t
	}
	return route.Target{Runtime: name}
}

// Findings are those of all parts.
func Findings(parts []Part) []finding.Finding {
	var out []finding.Finding
	for _, p := range parts {
		out = append(out, p.Reading.Findings...)
	}
	return out
}
