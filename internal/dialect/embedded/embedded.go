// Package embedded reads and writes a containerd that a distribution brings
// along: a config.toml at a place of its own, and the tree of hosts.toml files
// that its config_path names. What the two mean is said by packages
// containerdconfig and containerd; this one puts them together. Distributions
// that make these files of a format of their own have packages of their own.
package embedded

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Kinds is everything that Read may find.
var Kinds = slices.Concat(containerdconfig.Dialect.Kinds, containerd.Dialect.Kinds)

// Limits is everything in the model that the two formats together cannot say,
// when credentials are not written.
var Limits = slices.Concat(containerd.Dialect.Limits, []dialect.Limit{{
	Concept: "the rule for registries on this machine of the old mirrors table",
	Text:    "with hosts.toml files a registry on this machine is asked over HTTPS first",
	Nearest: "write a route for it, with the scheme that it speaks",
	Hits: func(t route.Table, r route.Route) bool {
		return t.Plain != route.PlainLocalhost && route.IsLocalhost(r.Match) && r.Upstream != nil && r.Upstream.Host == ""
	},
}})

// Distro is where a distribution keeps the files.
type Distro struct {
	Main string // config.toml
	Root string // of the hosts.toml tree, where we would write it

	// Configure makes the containerd look into a directory, where no file sets
	// config_path yet. Nil: by an edit of config.toml.
	Configure func(t route.Target, dir string) source.Edit
}

// Reading is what the files come to.
type Reading struct {
	dialect.Reading
	Config containerdconfig.Config
	Roots  []string // where hosts.toml files are looked for
}

// Read returns the routes of such a containerd and what is wrong with its files.
func Read(d Distro, files []source.File, t route.Target) Reading {
	c := containerdconfig.Read(files, d.Main, t)
	out := Reading{Config: c, Roots: c.Roots("/")}
	out.Findings = containerdconfig.Lint(c)
	out.Table = c.Table()
	if len(out.Roots) > 0 && len(c.Mirrors) == 0 {
		tree := containerd.Read(out.Roots, files, t)
		tree.Table.Hosts, tree.Table.Header = withoutTLS(out.Table.Hosts), out.Table.Header
		out.Table = tree.Table
		out.Findings = append(out.Findings, tree.Findings...)
	}
	if c.Dead() {
		why := slices.Concat(c.Fatal, c.CRIDead, c.PullFails)[0]
		out.Table.Routes = []route.Route{{Match: route.Any, Fails: why.Text, From: why.At}}
	}
	out.Findings = unique(out.Findings)
	return out
}

// withoutTLS: with hosts.toml files the tls tables of config.toml do not count.
func withoutTLS(hosts []route.Host) []route.Host {
	out := slices.Clone(hosts)
	for i := range out {
		out[i].TLS = route.TLS{}
	}
	return slices.DeleteFunc(out, func(h route.Host) bool { return h.Auth.IsZero() })
}

// unique drops what both packages find.
func unique(all []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, f := range all {
		if !slices.ContainsFunc(out, func(o finding.Finding) bool {
			return o.Code == f.Code && o.ID == f.ID && o.At == f.At && o.Text == f.Text
		}) {
			out = append(out, f)
		}
	}
	return out
}

// Render returns have with the routes of want as hosts.toml files, below the
// directory that config_path names. Old mirrors and tls tables are taken out of
// config.toml, since containerd takes one or the other. Credentials in it stay
// as they are.
func Render(d Distro, want route.Table, have []source.File) []source.File {
	c := containerdconfig.Read(have, d.Main, want.Target)
	files := slices.Clone(have)
	if moved, ok := containerdconfig.Migrate(c, d.Root); ok {
		files = apply(files, moved.Edits)
		return containerd.RenderIn([]string{moved.Dir}, want, files)
	}
	roots := c.Roots("/")
	if c.ConfigPath.At.IsZero() || len(roots) == 0 {
		if len(want.Routes) == 0 {
			return files
		}
		roots = []string{d.Root}
		if d.Configure != nil {
			files = apply(files, []source.Edit{d.Configure(want.Target, d.Root)})
		} else {
			files = apply(files, c.SetConfigPath(d.Root))
		}
	}
	return containerd.RenderIn(roots, want, files)
}

// apply carries out edits that replace bytes of files or make new ones.
func apply(files []source.File, edits []source.Edit) []source.File {
	by := map[string][]source.Edit{}
	for _, e := range edits {
		switch {
		case e.Op == source.Create && source.Find(files, e.File) == nil:
			files = append(files, source.File{Path: e.File, Data: []byte(e.New), Mode: 0o644})
		case e.Op == source.Replace:
			by[e.File] = append(by[e.File], e)
		}
	}
	for i := range files {
		if data, err := source.Apply(files[i].Data, by[files[i].Path]); err == nil && len(by[files[i].Path]) > 0 {
			files[i].Data = data
		}
	}
	return files
}
