// Package registriesconf reads and writes registries.conf with its drop-ins,
// the certs.d directories beside it and auth.json: the configuration of CRI-O,
// Podman, Buildah and Skopeo, which pull with one library, containers-image. It
// reads them as that library does for root, with all that it silently drops.
//
// It does not read what only one of those programs has, but for the settings of
// crio.conf that people take for registry settings, and does not judge
// signatures: of policy.json only whether every pull fails with it.
package registriesconf

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is registries.conf and what belongs to it.
var Dialect = dialect.Dialect{
	Name:    "registries-conf",
	Title:   "registries.conf of CRI-O, Podman, Buildah and Skopeo",
	Docs:    "https://github.com/containers/container-libs/blob/main/image/docs/containers-registries.conf.5.md",
	Proof:   "go.podman.io/image, the library of the four programs, on generated and on mutated files; Podman 4.3.1 and Skopeo 1.9.3 pull by these files in the lab. Nothing here runs CRI-O's daemon: what crio.conf, its drop-ins and a reload do follows its docs/crio.conf.5.md, internal/storage and server/image_pull.go",
	Paths:   paths,
	Reload:  reload,
	Parse:   Parse,
	Render:  Render,
	Kinds:   kinds,
	Limits:  limits,
	Partial: true,
}

// paths are where root's configuration lies, ours first.
var paths = []string{
	mainFile, mainFile + ".d/*", "/etc/containers/registries.rootful.conf.d/*",
	home + "/registries.conf", home + "/registries.conf.d/*",
	vendor + "/registries.conf", vendor + "/registries.conf.d/*", vendor + "/registries.rootful.conf.d/*",
	"/etc/containers/certs.d/*/*", "/etc/containers/certs.rootful.d/*/*", home + "/certs.d/*/*",
	"/etc/docker/certs.d/*/*", vendor + "/certs.d/*/*", vendor + "/certs.rootful.d/*/*",
	"/run/containers/0/auth.json", home + "/auth.json", "/root/.docker/config.json", "/root/.dockercfg",
	"/etc/containers/policy.json", home + "/policy.json", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*",
}

const (
	mainFile = "/etc/containers/registries.conf"
	home     = "/root/.config/containers"
	vendor   = "/usr/share/containers"
)

// reload: CRI-O reads registries.conf when it starts or is told to reload, the
// others at every pull.
func reload(t route.Target) string {
	if t.Runtime == "" || t.Runtime == "crio" {
		return "crio.service"
	}
	return ""
}

// Parse reads the files of one node. A single file with another name than those
// in Paths is taken for registries.conf.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, t)
	r.lint()
	return dialect.Reading{Table: r.table, Findings: r.findings, Losses: r.shortLosses()}
}

// read works out the configuration without judging it.
func read(files []source.File, t route.Target) *reader {
	if t.Runtime == "" {
		t.Runtime = "crio"
	}
	r := &reader{files: files, target: t, table: route.Table{Target: t}}
	r.index()
	r.crio = r.crioConf()
	r.load()
	r.routes()
	r.certificates()
	r.logins()
	return r
}

// reader is one reading of one node's files.
type reader struct {
	files    []source.File
	target   route.Target
	byPath   map[string]*source.File
	children map[string][]string // names in a directory, sorted
	main     *source.File        // the registries.conf that counts; nil: there is none
	docs     []*document         // the files that count, in the order in which they are read
	merged   []*registry         // what is left when the later ones have replaced the earlier, sorted by prefix
	crio     crioSettings
	lines    source.Lines
	table    route.Table
	findings []finding.Finding
}

// index notes the files by path and by directory.
func (r *reader) index() {
	r.byPath, r.children = map[string]*source.File{}, map[string][]string{}
	for i := range r.files {
		p := path.Clean(r.files[i].Path)
		r.byPath[p] = &r.files[i]
		for p != "/" && p != "." {
			dir := path.Dir(p)
			known := len(r.children[dir]) > 0
			r.children[dir] = append(r.children[dir], path.Base(p))
			if known {
				break
			}
			p = dir
		}
	}
	for dir, names := range r.children {
		slices.Sort(names)
		r.children[dir] = slices.Compact(names)
	}
}

// fails ends every pull.
func (r *reader) fails(why string, at source.Pos) {
	r.table.Routes = []route.Route{{Match: route.Any, Fails: why, From: at}}
}

// dead reports whether every pull fails already.
func (r *reader) dead() bool {
	return len(r.table.Routes) == 1 && r.table.Routes[0].Match == route.Any && r.table.Routes[0].Fails != ""
}
