// Package talos reads and writes what a Talos machine configuration says of
// registries: machine.registries, and since Talos 1.12 the documents
// RegistryMirrorConfig, RegistryAuthConfig and RegistryTLSConfig, which replace
// it name by name.
//
// Talos makes hosts.toml files and certificates of it under
// /etc/cri/conf.d/hosts for the containerd inside. So does this package, in
// memory, and package containerd says what that containerd makes of them.
// Certificates stand inline in the configuration; the table has them as Files,
// under the paths where Talos writes them.
//
// A file is read as a whole configuration, also when it is a patch: how talosctl
// merges patches is not modelled, and of a name in several files the last one
// counts. What else a machine configuration holds is not judged, beyond the
// names of its top sections. The image cache, which puts an endpoint on the
// node itself in front of all others, is not known here.
//
// The source relied on is Talos 1.11 to 1.13: pkg/machinery/config, to which
// oracle/talos compares, and internal/pkg/containers/cri/containerd/hosts.go,
// which no other module can run. Older releases are taken to do the same, but
// for what versions.go names.
package talos

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is the Talos machine configuration.
var Dialect = dialect.Dialect{
	Name:   "talos",
	Title:  "Talos registry documents",
	Docs:   "https://www.talos.dev/latest/reference/configuration/cri/registrymirrorconfig/",
	Proof:  "the configuration library of Talos, pkg/machinery 1.13.0. Nothing here runs Talos: what it writes for containerd follows its source, internal/pkg/containers/cri/containerd/hosts.go",
	Paths:  []string{statePath},
	Parse:  Parse,
	Render: Render,
	Kinds:  Kinds,
	Limits: limits,
	Reload: func(route.Target) string { return "" },
}

// statePath is where a machine keeps its configuration.
const statePath = "/system/state/config.yaml"

const (
	hub      = "docker.io"
	hubHost  = "registry-1.docker.io"
	wildcard = "*"
)

// Parse returns the routes that Talos gives its containerd, and what is wrong
// with the configuration. One that Talos refuses has no routes: the machine
// keeps what it had before.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, t)
	table := r.table()
	r.judge()
	return dialect.Reading{Table: table, Findings: r.book.Findings}
}

// reader is one reading of some files.
type reader struct {
	target  route.Target
	book    evidence.Book
	files   []*file
	refused bool // by Talos: nothing of it counts
	mirrors []*mirror
	auths   []*auth
	tlses   []*tls
	silent  bool   // findings are not wanted
	barren  string // why Talos renders nothing of an accepted configuration
}

func read(files []source.File, t route.Target) *reader {
	r := &reader{target: Fill(t), book: evidence.Book{Files: files}}
	for i := range files {
		if counts(files[i], len(files)) {
			r.file(&files[i])
		}
	}
	r.settle()
	return r
}

// counts reports a file that may hold documents of Talos.
func counts(f source.File, of int) bool {
	ext := path.Ext(f.Path)
	return f.Kind == source.Regular && !f.Unread && f.Problem == "" && (ext == ".yaml" || ext == ".yml" || of == 1)
}

// table says as routes what containerd makes of the rendered files.
func (r *reader) table() route.Table {
	t := route.Table{Target: r.target}
	if r.refused {
		return t
	}
	tree, why := r.render()
	if r.barren = why; why == "" {
		read := containerd.Read([]string{hostsRoot}, tree.files, r.target)
		t = read.Table
		r.place(&t, tree)
		t.Files = tree.certificates()
	}
	t.Hosts = r.credentials()
	return t
}

// place puts the positions of the configuration in place of those in rendered files.
func (r *reader) place(t *route.Table, tree *tree) {
	for i := range t.Routes {
		rt := &t.Routes[i]
		from := tree.from[directory(rt.Match)]
		rt.From = from.at
		if rt.Upstream != nil {
			rt.Upstream.From = source.Pos{}
		}
		if rt.Upstream != nil && rt.Upstream.Host != "" {
			rt.Upstream.From = from.at
			if n := len(from.endpoints); n > len(rt.Mirrors) {
				rt.Upstream.From = from.endpoints[n-1]
			}
		}
		for j := range rt.Mirrors {
			rt.Mirrors[j].From = from.at
			if j < len(from.endpoints) {
				rt.Mirrors[j].From = from.endpoints[j]
			}
		}
	}
}

// credentials are what the rendered part of config.toml says by host. Two names
// of Docker Hub become one, and the later in the alphabet counts.
func (r *reader) credentials() []route.Host {
	var out []route.Host
	for _, a := range byName(r.auths) {
		h := route.Host{Name: r.authHost(a.name), Auth: a.credentials(), From: a.at}
		if h.Auth.IsZero() {
			continue
		}
		out = slices.DeleteFunc(out, func(x route.Host) bool { return x.Name == h.Name })
		out = append(out, h)
	}
	return out
}

// authHost is the host that credentials are for.
func (r *reader) authHost(name string) string {
	if name == hub && hubAuth(r.target.Version) {
		return hubHost
	}
	return name
}
