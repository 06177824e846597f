// Package towpath reads and writes towpath.yaml, Towpath's own configuration:
// the routes of every runtime in one small file, and what a node is to have
// besides them, its trusted authorities, proxy, clock and sandbox image.
//
// The format is strict: a file with a mistake counts for nothing. It is
// described once, in format.go; the parser and the JSON Schema for editors are
// made of that. The package carries nothing out: what a node is to have comes
// from ReadNode as a value.
package towpath

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

const name = "towpath"

// Path is where a node keeps the file.
const Path = "/etc/towpath/towpath.yaml"

// InlineDir is where certificates are put that stand in the file itself.
const InlineDir = "/etc/towpath/pki"

// Dialect is towpath.yaml.
var Dialect = dialect.Dialect{
	Name:    name,
	Title:   "Towpath towpath.yaml",
	Proof:   "the published JSON Schema, on generated and on mutated documents; every other dialect goes there and back",
	Docs:    "https://github.com/towpath-dev/towpath/blob/main/docs/towpath.md",
	Paths:   []string{Path},
	Parse:   Parse,
	Render:  Render,
	Kinds:   Kinds,
	Limits:  limits,
	Partial: true,
	Neutral: true,
	Reload:  func(route.Target) string { return "" },
}

// limits is the little that the format refuses to hold.
var limits = []dialect.Limit{{
	Concept: "an endpoint that is neither https nor http",
	Text:    "an endpoint is written as https://HOST or http://HOST; with anything else no request succeeds",
	Nearest: "leave it out, or write the scheme that the server speaks",
	Hits:    func(_ route.Table, r route.Route) bool { return slices.ContainsFunc(r.Endpoints(), unspeakable) },
}}

// unspeakable reports an endpoint that no URL of the format names.
func unspeakable(e route.Endpoint) bool {
	if e.Host == "" {
		return false
	}
	text := spell(e)
	scheme, host, root := split(text)
	return !urlShape.match.MatchString(text) || scheme != e.Scheme || host != e.Host || root != e.Path
}

// Parse returns the routes of a towpath.yaml and what is wrong with it. The
// rules of a runtime that is given win over those of the one that the file
// names. A file that is refused fails every pull.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, t)
	r.lint()
	return dialect.Reading{Table: r.table, Findings: r.book.Findings}
}

// reader is one reading of one file.
type reader struct {
	files    []source.File
	file     *source.File // nil: there is none
	doc      *yamldoc.Doc // nil: it is not YAML
	book     evidence.Book
	refused  bool
	named    route.Target // the runtime that the file names
	table    route.Table
	password []*yamldoc.Node // what is secret and stands in the file
	inline   map[string]bool // files of table that stand in the file
	absent   []*yamldoc.Node // paths of authorities that are not at hand
}

func read(files []source.File, t route.Target) *reader {
	r := &reader{files: files, book: evidence.Book{Files: files}, inline: map[string]bool{}}
	r.table.Target = t
	if r.file = find(files); r.file == nil {
		return r
	}
	if r.parse(); !r.refused {
		r.decode(t)
	}
	if r.refused {
		r.table = route.Table{Target: r.table.Target, Routes: []route.Route{{
			Match: route.Any, Fails: r.file.Path + " has a mistake and counts for nothing", From: source.Pos{File: r.file.Path},
		}}}
	}
	return r
}

// find returns the file that is read: the standard one, else the first YAML
// file, else the only one.
func find(files []source.File) *source.File {
	if f := source.Find(files, Path); f != nil {
		return f
	}
	for i := range files {
		if f := &files[i]; f.Kind == source.Regular && (strings.HasSuffix(f.Path, ".yaml") || strings.HasSuffix(f.Path, ".yml")) {
			return f
		}
	}
	if len(files) == 1 && files[0].Kind == source.Regular {
		return &files[0]
	}
	return nil
}

// parse reads the text and compares it with the format.
func (r *reader) parse() {
	f := r.file
	if f.Unread || f.Problem != "" || f.Kind != source.Regular {
		why := f.Problem
		if why == "" {
			why = "it was not read"
		}
		r.refuse(unreadable, "unread", source.Pos{File: f.Path}, finding.Args{"why": why})
		return
	}
	doc, bad := yamldoc.Parse(f.Path, f.Data)
	if bad != nil {
		found := yamldoc.Recognise(f.Path, f.Data, bad)
		got := r.refuse(unreadable, "", found.At, finding.Args{"why": evidence.Message(found.Text)})
		evidence.Cure(got, found.Edits...)
		return
	}
	r.doc = doc
	if doc.Rest {
		r.refuse(unreadable, "more", doc.Pos(doc.Root.End), nil)
		return
	}
	if r.versioned() {
		c := checker{doc: doc, say: r.mistake}
		c.check(doc.Root, format, "the file")
	}
}

// versioned checks the version before all else: another version is another
// format, and its keys are not judged.
func (r *reader) versioned() bool {
	root := r.doc.Root
	if root == nil || root.Kind != yamldoc.Mapping {
		r.refuse(badVersion, "missing", source.Pos{File: r.file.Path, Line: 1, Column: 1}, finding.Args{"want": Version})
		return false
	}
	p := root.Get("version")
	if p == nil {
		f := r.refuse(badVersion, "missing", root.At, finding.Args{"want": Version})
		if !root.Flow && !r.doc.Wide {
			evidence.Cure(f, r.doc.Insert(root.Start, "version: "+Version+r.doc.Break()))
		}
		return true
	}
	if p.Value.Kind == yamldoc.Scalar && p.Value.Value != Version {
		f := r.refuse(badVersion, "", p.Value.At, finding.Args{"want": Version, "got": p.Value.Value})
		if similar := strings.TrimPrefix(strings.ToLower(p.Value.Value), "towpath/"); similar == "v1" || similar == "1" {
			r.cure(f, p.Value, Version)
		}
		return false
	}
	return true
}

// mistake tells where the file is not of its format.
func (r *reader) mistake(m mistake) {
	if m.sort == "missing" && m.args["key"] == "version" {
		return // said already
	}
	args := finding.Args{}
	for k, v := range m.args {
		args[k] = v
	}
	number := m.sort == "type" && m.args["want"] == "text" && m.node.Kind == yamldoc.Scalar
	if number {
		m.sort = "number"
	}
	f := r.refuse(misshapen, m.sort, m.node.At, args)
	switch {
	case m.want != "":
		r.cure(f, m.node, m.want)
	case number:
		r.cure(f, m.node, `"`+r.doc.Text(m.node)+`"`)
	}
}

// cure puts another text in the place of a node.
func (r *reader) cure(f *finding.Finding, n *yamldoc.Node, want string) {
	if !r.doc.Wide && n.Start < n.End {
		evidence.Cure(f, r.doc.Replace(n, want))
	}
}

// refuse notes why the file counts for nothing.
func (r *reader) refuse(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	r.refused = true
	f := r.book.Say(k, variant, at, args)
	f.Stops = true
	return f
}
