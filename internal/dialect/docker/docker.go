// Package docker reads and writes the registry settings of Docker Engine:
// daemon.json and the certificates in /etc/docker/certs.d. It reads them as
// dockerd 28 does, with all that it silently drops and all that keeps it from
// starting.
//
// With its own image store Docker has mirrors for Docker Hub alone. With
// containerd's (features.containerd-snapshotter) it pulls with containerd's code
// and reads hosts.toml files, too; package containerd reads those. Settings of
// daemon.json that have nothing to do with pulls are only known by name and type.
package docker

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Where Docker keeps its configuration.
const (
	mainFile = "/etc/docker/daemon.json"
	certsDir = "/etc/docker/certs.d"
	hub      = "docker.io"
	hubHost  = "registry-1.docker.io"
	service  = "docker.service"
)

// Dialect is daemon.json with certs.d.
var Dialect = dialect.Dialect{
	Name:   "docker",
	Title:  "Docker daemon.json",
	Docs:   "https://docs.docker.com/reference/cli/dockerd/",
	Proof:  "the daemon/config package of Docker 28.5.2, on generated and on mutated files; dockerd 20.10.24 pulls by these files in the lab. Nothing here runs its containerd image store: that hosts.toml files count then follows its source, daemon/hosts.go",
	Paths:  []string{mainFile, certsDir + "/*/*", "/etc/systemd/system/docker.service", "/etc/systemd/system/docker.service.d/*.conf", "/usr/lib/systemd/system/docker.service", "/lib/systemd/system/docker.service"},
	Reload: func(route.Target) string { return service },
	Parse:  func(files []source.File, t route.Target) dialect.Reading { return Read(files, t, Options{}) },
	Render: Render,
	Kinds:  kinds,
	Limits: limits,
	// Ranges of addresses are Docker's own; paths and blocked registries are not:
	// limits tells those.
	Partial: true,
}

// OtherRuntime is the number of the finding that Options.Beside makes.
const OtherRuntime = "DK008"

// Options is what a node tells besides its files. The zero value knows nothing.
type Options struct {
	Config string   // the file that --config-file names; empty: the conventional one
	Args   []string // arguments of the running dockerd; nil: from its unit
	Beside bool     // the kubelet of the node uses another runtime

	// Loaded is what the running dockerd goes by, whatever its files say by now;
	// nil: it goes by its files.
	Loaded *snapshot.Loaded
}

// Read returns what dockerd makes of the files and everything that is wrong
// with them. A single JSON file with another path is taken for daemon.json.
func Read(files []source.File, t route.Target, o Options) dialect.Reading {
	r := read(files, t, o)
	r.lint()
	return dialect.Reading{Table: r.table, Findings: r.findings}
}

// reader is one reading of one node's files.
type reader struct {
	files    []source.File
	opts     Options
	target   route.Target
	byPath   map[string]*source.File
	children map[string][]string // names in a directory, sorted
	file     *source.File        // daemon.json; nil: there is none
	text     []byte              // its content as dockerd decodes it
	wide     bool                // it is in UTF-16 and cannot be edited by bytes
	doc      *jsondoc.Doc        // nil: it is refused, or there is none
	set      settings
	listed   func(host string) bool // whether insecure-registries has it
	table    route.Table
	findings []finding.Finding
	refused  *refusal   // why dockerd does not start
	unread   bool       // we could not look into daemon.json
	flagAt   source.Pos // the line of the unit that has the flags; zero: there is none
}

// refusal is a reason not to start.
type refusal struct {
	kind finding.Kind
	at   source.Pos
	args finding.Args
	vary string
}

func read(files []source.File, t route.Target, o Options) *reader {
	t.Runtime = "docker"
	r := &reader{files: files, opts: o, target: t, byPath: map[string]*source.File{}, children: map[string][]string{}}
	r.index()
	r.file = r.find()
	r.decode()
	r.given()
	if o.Loaded != nil {
		r.refused, r.set.Mirrors, r.set.Insecure = nil, o.Loaded.Mirrors[hub], o.Loaded.Insecure
	}
	r.store()
	r.table = route.Table{Target: r.target}
	r.routes()
	return r
}

func (r *reader) index() {
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

// find is the file that dockerd reads.
func (r *reader) find() *source.File {
	name := mainFile
	if r.opts.Config != "" {
		name = r.opts.Config
	} else if flag := r.flags()["config-file"]; flag != "" {
		name = flag
	}
	if f := r.byPath[name]; f != nil {
		return f
	}
	var only *source.File
	for i := range r.files {
		if f := &r.files[i]; path.Ext(f.Path) == ".json" {
			if only != nil {
				return nil
			}
			only = f
		}
	}
	return only
}

// store decides which image store is used: containerd's if the configuration
// asks for it.
func (r *reader) store() {
	if r.set.Features["containerd-snapshotter"] {
		r.target.Containerd = bundled
	}
}

// bundled is the containerd whose code dockerd 28 pulls with.
var bundled = route.MustVersion("2.1.4")
