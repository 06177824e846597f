// Package daemon is containerd's own configuration as a whole: config.toml with
// what it imports, and the tree of hosts.toml files that its config_path names.
// What the two mean is said by packages containerdconfig and containerd; this
// one decides which of them a route is written in. It finds nothing itself: the
// findings are those of config.toml, a tree is linted by its own dialect.
package daemon

import (
	"io/fs"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/embedded"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is config.toml, read and written.
var Dialect = written(containerdconfig.Dialect)

func written(d dialect.Dialect) dialect.Dialect {
	d.Parse, d.Render, d.Limits = Parse, Render, limits
	return d
}

// Trees writes all routes as hosts.toml files, whatever the version of
// containerd, and edits config.toml so that they count.
var Trees = inTrees(containerd.Dialect)

func inTrees(d dialect.Dialect) dialect.Dialect {
	d.Parse, d.Limits, d.Instead = Parse, containerd.TreeLimits, settle
	d.Kinds = containerdconfig.Dialect.Kinds
	d.Render = func(want route.Table, have []source.File) []source.File {
		main, files := prepared(want.Target, have)
		return renderTrees(main, want.Whole(), files)
	}
	return d
}

func settle(t route.Table) (route.Table, []finding.Finding) { return containerd.Settled(t), nil }

// Parse reads config.toml and, where config_path is in use, the hosts.toml
// files among those given. The findings are those of config.toml.
func Parse(files []source.File, t route.Target) dialect.Reading {
	c := containerdconfig.Read(files, containerdconfig.MainFile(files, t), t)
	return dialect.Reading{Table: Table(c, files), Findings: containerdconfig.Lint(c)}
}

// Table is what config.toml and the hosts.toml files that it leads to say
// together. Old mirrors keep hosts.toml from counting.
func Table(c containerdconfig.Config, files []source.File) route.Table {
	table, roots := c.Table(), c.Roots("/")
	if len(roots) == 0 || len(c.Mirrors) > 0 {
		return table
	}
	tree := containerd.Read(roots, files, c.Target).Table
	tree.Header = table.Header
	for _, h := range table.Hosts {
		if h.TLS = (route.TLS{}); !h.Auth.IsZero() {
			tree.Hosts = append(tree.Hosts, h)
		}
	}
	return tree
}

// Render writes routes where the target reads them. A containerd 1.x without
// config_path gets its old registry tables. Where config_path is in use, and for
// containerd 2, config.toml says where the hosts.toml files are and holds the
// credentials and headers alone, and old mirrors and tls tables go. Either way
// config.toml is edited in the version that it has: all else in it stays byte
// for byte. Tables that this containerd would not hear are first given the
// version or the id under which it does.
func Render(want route.Table, have []source.File) []source.File {
	want = want.Whole()
	if settledAlready(want, have) {
		return have
	}
	main, files := prepared(want.Target, have)
	c := containerdconfig.Read(files, main, want.Target)
	if old(want.Target) && c.ConfigPath.At.IsZero() {
		return set(c, Spoken(want), files)
	}
	return renderTrees(main, want, files)
}

// settledAlready reports files that ask what is wanted and are no old tables of
// a containerd 2.
func settledAlready(want route.Table, have []source.File) bool {
	c := containerdconfig.Read(have, containerdconfig.MainFile(have, want.Target), want.Target)
	if !old(want.Target) && len(c.Mirrors) > 0 {
		return false
	}
	now, then := index(Table(c, have)), index(want)
	names := []string{stranger}
	for _, x := range []indexed{now, then} {
		for match := range x.own {
			names = append(names, match)
		}
		for _, h := range x.table.Hosts {
			names = append(names, h.Name)
		}
	}
	return !slices.ContainsFunc(names, func(name string) bool { return name != route.Any && !now.asks(then, name) })
}

// prepared are the main file's name, and the files with tables that are heard.
func prepared(t route.Target, have []source.File) (string, []source.File) {
	main := containerdconfig.MainFile(have, t)
	return main, heard(main, t, slices.Clone(have))
}

func renderTrees(main string, want route.Table, files []source.File) []source.File {
	tree := containerd.Settled(want)
	tree.Header = nil
	files = embedded.Render(embedded.Distro{Main: main, Root: containerdconfig.StandardDir}, tree, files)
	return set(containerdconfig.Read(files, main, want.Target), Logins(want), files)
}

// stranger stands for every registry that no route names.
const stranger = "other.registry.example"

func old(t route.Target) bool { return t.Containerd.Before("2.0.0") }

// heard gives tables of the CRI plugin that the target would pass over the
// version or the id under which it reads them.
func heard(main string, t route.Target, files []source.File) []source.File {
	for _, f := range containerdconfig.Lint(containerdconfig.Read(files, main, t)) {
		if f.Code == "config/wrong-plugin-table" && f.Severity == finding.Error && f.Fix != nil && len(f.Fix.Edits) > 0 {
			return carried(files, f.Fix.Edits, 0)
		}
	}
	return files
}

// set makes the registry table say what is wanted. A file that gets credentials
// is for root alone from then on.
func set(c containerdconfig.Config, want containerdconfig.Registry, files []source.File) []source.File {
	mode := fs.FileMode(0)
	if want.Secret() {
		mode = 0o600
	}
	return carried(files, c.SetRegistry(want), mode)
}

// carried is files after edits; what is edited gets the mode, unless that is 0.
func carried(files []source.File, edits []source.Edit, mode fs.FileMode) []source.File {
	by := map[string][]source.Edit{}
	for _, e := range edits {
		if e.Op == source.Create {
			files = append(files, source.File{Path: e.File, Data: []byte(e.New), Mode: e.Mode})
			continue
		}
		by[e.File] = append(by[e.File], e)
	}
	for i := range files {
		own := by[files[i].Path]
		data, err := source.Apply(files[i].Data, own)
		if len(own) == 0 || err != nil {
			continue
		}
		files[i].Data = data
		if mode != 0 {
			files[i].Mode = mode
		}
	}
	return files
}
