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
	Proof string   // what confirms that it is read as its runtime reads it, and what nothing here can confirm
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

	// Instead says in other words what the dialect has no words for, where that
	// comes to the same answers, and tells so. Nil: there is no such thing.
	// Conversions ask it before they look for losses.
	Instead func(route.Table) (route.Table, []finding.Finding)

	// Partial: it can say routes for parts of a registry, for tags alone and
	// blocked ones. Only containers-image can; for all others Losses tells it.
	Partial bool

	// Neutral: it is no runtime's own. A conversion into it keeps the runtime of
	// its source, and one from it reads with the rules of the one it is written for.
	Neutral bool

	// Spoken: it is command lines, which nobody keeps in files. It is written
	// only; its Parse reads what Render wrote, so that conversions can compare.
	Spoken bool
}

// Reading is what a parser makes of files.
type Reading struct {
	Table    route.Table
	Findings []finding.Finding
	Losses   []finding.Finding // what the files say and no Table can hold; a conversion names it
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
	Variants: map[string]finding.Variant{
		"names": {Text: "{what} cannot be carried over: names without a registry would be pulled from Docker Hub, so write images in full"},
	},
}

// NamesLost is what the variant of Loss for names without a registry says:
// which setting it was that led them elsewhere.
func NamesLost(what string) finding.Args { return finding.Args{"what": what} }

// AsHeader is the kind of finding for credentials that a conversion writes as a
// header line.
var AsHeader = finding.Kind{
	Code:     "convert/loss",
	ID:       "convert/header",
	Title:    "Credentials became a header line",
	Severity: finding.Info,
	Doc: "A hosts.toml knows no user and password, but a header can hold them: Authorization is then sent with the first request, and since " +
		"containerd 2.1 to the server that hands out tokens as well. Earlier releases ask that server without it, so that a registry with " +
		"tokens lets them read public images alone: give an imagePullSecret there, or keep registry.configs in config.toml, which config_path allows.",
	Text: "the user and password of {host} became an Authorization header in hosts.toml",
	Variants: map[string]finding.Variant{
		"basic": {
			Text: "the user and password of {host} became an Authorization header: containerd {containerd} can log in with it only where the registry asks for Basic credentials, not for a token",
		},
	},
}

// TellHeader is the finding that the credentials of a host became a header line.
// Before containerd 2.1 the line does not go to the server that hands out tokens.
// Source: containerd core/remotes/docker/config/hosts.go, WithAuthHeader.
func TellHeader(t route.Target, host string, a route.Auth) finding.Finding {
	variant, severity := "", finding.Info
	if t.Containerd.Before("2.1.0") {
		variant, severity = "basic", finding.Warning
	}
	f := AsHeader.Vary(variant, host, finding.Args{"host": host, "containerd": t.Containerd.String()}).In(a.From)
	f.Severity = severity
	return f.Saw(a.Source+" has a user and a password for "+host, "the source", "towpath explain "+host+"/IMAGE")
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
		Over:    partialLogins,
	},
}

// partialLogins reports routes with an endpoint that has credentials for a part
// of it.
func partialLogins(t route.Table) func(route.Route) bool {
	parts := map[string]bool{}
	for _, h := range t.Hosts {
		if host, _, part := strings.Cut(h.Name, "/"); part {
			parts[host] = true
		}
	}
	return func(r route.Route) bool {
		return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return parts[e.Host] || e.Host == "" && parts[r.Match] })
	}
}

// limits are all that hold for the dialect.
func (d Dialect) limits() []Limit {
	if d.Partial {
		return d.Limits
	}
	return slices.Concat(d.Limits, partial)
}

// anyOf stands for a registry that a route is for.
func anyOf(match string) string {
	if match == route.Any {
		return "REGISTRY"
	}
	return strings.Replace(match, "*", "REGISTRY", 1)
}

// Losses lists what the dialect would drop of a table.
func (d Dialect) Losses(t route.Table) []finding.Finding {
	t = t.Indexed()
	hit := make([][]Limit, len(t.Routes))
	for _, l := range d.limits() { // one after the other: a test may keep a table of its own
		test := l.Test(t)
		for i, r := range t.Routes {
			if test(r) {
				hit[i] = append(hit[i], l)
			}
		}
	}
	var out []finding.Finding
	for i, r := range t.Routes {
		for _, l := range hit[i] {
			args := finding.Args{"dialect": d.Name, "concept": l.Concept, "route": r.Match, "nearest": l.Nearest}
			f := Loss.New(r.Match, args)
			out = append(out, f.In(r.From).Saw(finding.Say(l.Text, args), d.Title, "towpath explain "+anyOf(r.Match)+"/IMAGE"))
		}
	}
	return out
}
