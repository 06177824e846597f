// Package buildkit reads and writes the registries of buildkitd.toml, the
// configuration of BuildKit's daemon.
//
// A table [registry."HOST"] says two things at once: which mirrors are asked
// before HOST when an image names it, and how HOST itself is spoken to, whoever
// sends a request there. So what is said of a mirror stands in the table of the
// mirror. The registry itself is always asked last, there is no wildcard, and
// credentials come from the client that asks for a build, not from here.
//
// What is read is what cmd/buildkitd/config and util/resolver of BuildKit
// 0.34.2 make of a file; oracle/buildkit compares. The settings of the Docker
// daemon, whose built-in BuildKit does not read this file, are not its business.
package buildkit

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	mainPath = "/etc/buildkit/buildkitd.toml"
	hub      = "docker.io"
	hubHost  = "registry-1.docker.io"
)

// Dialect is buildkitd.toml.
var Dialect = dialect.Dialect{
	Name:   "buildkit",
	Title:  "BuildKit buildkitd.toml",
	Docs:   "https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md",
	Proof:  "the configuration and resolver code of BuildKit 0.34.2",
	Paths:  []string{mainPath, "/root/.config/buildkit/buildkitd.toml", "/home/*/.config/buildkit/buildkitd.toml"},
	Parse:  Parse,
	Render: Render,
	Kinds:  Kinds,
	Limits: limits,
	Reload: func(route.Target) string { return "buildkit.service" },
}

// Parse returns the routes that buildkitd makes of its file, and what is wrong
// with it. With a file that it refuses buildkitd does not start.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, t)
	table := r.table()
	r.judge()
	return dialect.Reading{Table: table, Findings: r.book.Findings}
}

// reader is one reading of one file.
type reader struct {
	target route.Target
	book   evidence.Book
	files  []source.File
	file   *source.File // nil: there is none
	config *config      // nil: there is no file, or it is refused
}

func read(files []source.File, t route.Target) *reader {
	t.Runtime = "buildkit"
	r := &reader{target: t, files: files, book: evidence.Book{Files: files}}
	r.file = find(files)
	if f := r.file; f == nil || f.Kind != source.Regular || f.Unread || f.Problem != "" {
		return r
	}
	r.decode()
	return r
}

// find returns the file that is read: the standard one, else the first that has
// its name, else the only TOML file.
func find(files []source.File) *source.File {
	if f := source.Find(files, mainPath); f != nil {
		return f
	}
	named := func(f source.File) bool { return path.Base(f.Path) == "buildkitd.toml" }
	if i := slices.IndexFunc(files, named); i >= 0 {
		return &files[i]
	}
	var only *source.File
	for i := range files {
		if f := &files[i]; path.Ext(f.Path) == ".toml" && f.Kind == source.Regular {
			if only != nil {
				return nil
			}
			only = f
		}
	}
	return only
}
