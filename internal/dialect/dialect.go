// Package dialect describes the spellings of routes: which files a runtime
// reads, what they mean to which version of it, and what cannot be said in
// them. A dialect is a value; package all lists them. Nothing here does I/O.
package dialect

import (
	"slices"
	"strings"

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
	Limits []Limit        // everything in the model that the dialect cannot say, but for what Partial is about

	// Partial: it can say routes for parts of a registry, for tags alone and
	// blocked ones. Only containers-image can; for all others Losses tells it.
	Partial bool

	// Neutral: it is no runtime's own. A conversion into it keeps the runtime of
	// its source, and one from it reads with the rules of the one it is written for.
	Neutral bool
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

	// Over, if it is set, takes the place of Hits where a route has to be compared
	// with all others: it looks at the table once and returns the test of a route.
	Over func(route.Table) func(route.Route) bool
}

// Test is the limit's question to each route of a table.
func (l Limit) Test(t route.Table) func(route.Route) bool {
	if l.Over != nil {
		return l.Over(t)
	}
	return func(r route.Route) bool { return l.Hits(t, r) }
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

// partial is what only containers-image can say.
var partial = []Limit{
	{
		Concept: "a route for a part of a registry",
		Text:    "only CRI-O and Podman choose routes by a path or by a wildcard domain, and only Docker by a range of addresses",
		Nearest: "write one for the registry as a whole",
		Hits:    func(_ route.Table, r route.Route) bool { return !r.IsWhole() },
	},
	{
		Concept: "a blocked registry",
		Text:    "only CRI-O and Podman can block a registry",
		Nearest: "name an upstream that nobody can reach",
		Hits:    func(_ route.Table, r route.Route) bool { return r.Blocked },
	},
	{
		Concept: "an endpoint for tags alone",
		Text:    "an endpoint that resolves tags is asked for digests, too",
		Nearest: "leave it out, or let it serve both",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Serves.Has(route.TagsOnly) })
		},
	},
	{
		Concept: "a namespace of your own in ?ns=",
		Text:    "only CRI-O and Podman ask with a namespace that the configuration chooses",
		Nearest: "leave it out: containerd sends the registry's own name",
		Hits: func(_ route.Table, r route.Route) bool {
			return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Namespace != "" })
		},
	},
	{
		Concept: "credentials for a part of a registry",
		Text:    "only CRI-O and Podman choose credentials by the repository's path",
		Nearest: "give the host one set of credentials",
		Hits: func(t route.Table, r route.Route) bool {
			return slices.ContainsFunc(t.Hosts, func(h route.Host) bool {
				host, _, part := strings.Cut(h.Name, "/")
				return part && slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return e.Host == host || e.Host == "" && host == r.Match })
			})
		},
	},
}

// limits are all that hold for the dialect.
func (d Dialect) limits() []Limit {
	if d.Partial {
		return d.Limits
	}
	return slices.Concat(d.Limits, partial)
}

// Losses lists what the dialect would drop of a table.
func (d Dialect) Losses(t route.Table) []finding.Finding {
	limits := d.limits()
	tests := make([]func(route.Route) bool, len(limits))
	for i, l := range limits {
		tests[i] = l.Test(t)
	}
	var out []finding.Finding
	for _, r := range t.Routes {
		for i, l := range limits {
			if tests[i](r) {
				args := finding.Args{"dialect": d.Name, "concept": l.Concept, "route": r.Match, "nearest": l.Nearest}
				f := Loss.New(r.Match, args)
				out = append(out, f.In(r.From).Saw(finding.Say(l.Text, args), d.Title, "towpath explain "+r.Match+"/IMAGE"))
			}
		}
	}
	return out
}
