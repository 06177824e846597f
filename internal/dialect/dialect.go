// Package dialect describes the spellings of routes: which files a runtime
// reads, what they mean to which version of it, and what cannot be said in
// them. A dialect is a value; package all lists them. Nothing here does I/O.
package dialect

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is one configuration format.
type Dialect struct {
	Name  string   // as typed: --from containerd
	Title string   // for people
	Docs  string   // the format's own reference, a URL
	Paths []string // where a node keeps its files, as globs; the first is where we would write

	// Reload is what has to be restarted after a change; empty: read on each pull.
	Reload func(route.Target) string

	// Parse reads files as the target would. It cannot fail: a file that makes
	// no sense is a finding, as is everything the target silently drops.
	Parse func([]source.File, route.Target) Reading

	// Render returns have with its routes replaced by want. Settings that are
	// none of our business survive byte for byte. Nil: read only.
	Render func(want route.Table, have []source.File) []source.File

	Kinds  []finding.Kind // everything Parse may find
	Limits []Limit        // everything in the model that the dialect cannot say
}

// Reading is what a parser makes of files.
type Reading struct {
	Table    route.Table
	Findings []finding.Finding
}

// Limit is something that a dialect cannot express.
type Limit struct {
	Concept string // "rewrite", "header per endpoint"
	Text    string // template of the loss, with {route} and {nearest}
	Nearest string // what to do instead
	Hits    func(route.Table, route.Route) bool
}

// Loss is the kind of finding for what a conversion cannot carry over.
var Loss = finding.Kind{
	Code:     "convert/loss",
	ID:       "convert/loss",
	Title:    "The target dialect cannot say this",
	Severity: finding.Error,
	Doc: "Every dialect leaves something out. A conversion names each setting that its target cannot hold " +
		"and the nearest safe form; with `--allow-loss` it goes on without them.",
	Text: "{dialect} cannot say {concept} of {route}: {nearest}",
}

// Losses lists what the dialect would drop of a table.
func (d Dialect) Losses(t route.Table) []finding.Finding {
	var out []finding.Finding
	for _, r := range t.Routes {
		for _, l := range d.Limits {
			if l.Hits(t, r) {
				args := finding.Args{"dialect": d.Name, "concept": l.Concept, "route": r.Match, "nearest": l.Nearest}
				f := Loss.New(r.Match, args)
				out = append(out, f.In(r.From).Saw(finding.Say(l.Text, args), r.From.String(), "towpath explain "+r.Match+"/IMAGE"))
			}
		}
	}
	return out
}
