// Package convert says the routes of one dialect in another. It trusts nobody,
// itself included: what it has written it reads again as the target's runtime
// would, and every difference to what the source asks is a named loss. It is
// pure, and refuses a result that is less safe than its source.
package convert

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Job is one conversion.
type Job struct {
	From, To       dialect.Dialect
	Source, Target route.Target     // the runtimes of both sides, with their versions
	Files          []source.File    // of the source, with the certificates that they name
	Reading        *dialect.Reading // of Files, where somebody has read them already; nil: they are read
	Have           []source.File    // of the target, whose other settings stay; nil: none

	// Certificates are what the source names and does not bring along. A target
	// that keeps certificates in places of its own gets copies of them.
	Certificates []source.File
}

// Result is what comes of a conversion.
type Result struct {
	Before, After route.Table       // what the source asks, and what the target will
	Files         []source.File     // those that the target needs and does not have like that
	Read          []finding.Finding // what is wrong with the source
	Losses        []finding.Finding // what of it the target cannot say
}

// ErrReadOnly tells that a dialect is read but not written.
var ErrReadOnly = errors.New("is read only")

// ErrUnsafe tells that a result would be less safe than its source.
var ErrUnsafe = errors.New("the result would be less safe than its source")

// Unforeseen is what no limit of the target explains, found by comparing the
// requests of both sides.
var Unforeseen = finding.Kind{
	Code: "convert/loss", ID: "convert/difference", Severity: finding.Error,
	Title: "The target asks otherwise than the source",
	Text:  "{dialect} asks otherwise for {route}: {want} became {got}",
	Doc: "After a conversion both sides are read again, each as its runtime would, and the requests for every registry that is " +
		"named are compared: hosts and their order, paths, certificates, credentials, headers. This is a difference that no " +
		"known limit of the target explains.",
}

// Widened is what is left out because the target would do it for others, too.
var Widened = finding.Kind{
	Code: "convert/loss", ID: "convert/widened", Severity: finding.Error,
	Title: "Left out, because the target would do it for other registries too",
	Text:  "{dialect} would do that at {host} for {route}, too, so it was left out",
	Variants: map[string]finding.Variant{
		"unverified":  {Text: "{dialect} would leave {host} unverified for {route}, too, so it is verified"},
		"plain":       {Text: "{dialect} would ask {host} over plain http for {route}, too, so it is not asked"},
		"credentials": {Text: "{dialect} would send the credentials of {host} for {route}, too, so they were left out"},
	},
	Doc: "Some dialects say how a host is spoken to once for all registries, others for each. A conversion never makes the result less " +
		"safe than its source: what would be left unverified, asked in the clear or sent credentials for registries where the source " +
		"does not do that is left out.",
}

// Kinds are the findings of conversions.
var Kinds = []finding.Kind{dialect.Loss, dialect.AsHeader, Unforeseen, Widened}

// Run converts. Its error is ErrReadOnly or ErrUnsafe, wrapped; what the source
// lacks and the target cannot say are findings.
func Run(j Job) (Result, error) {
	if j.To.Render == nil {
		return Result{}, fmt.Errorf("%s %w", j.To.Name, ErrReadOnly)
	}
	reading := j.reading()
	switch {
	case j.From.Neutral && reading.Table.Target.Runtime == "":
		reading = j.From.Parse(j.Files, j.Target)
	case j.To.Neutral && j.Target.Runtime == "":
		j.Target = reading.Table.Target
	}
	reading.Table.Files = contents(reading.Table, j.Files, j.Certificates)
	want := retarget(reading.Table, j.Target)
	out := Result{Before: reading.Table.Indexed(), Read: reading.Findings}
	var said []finding.Finding
	if j.To.Instead != nil {
		want, said = j.To.Instead(want)
	}
	lost := j.To.Losses(want)
	if once := unlisted(want); len(lost) > 0 {
		if fewer := j.To.Losses(once); len(fewer) < len(lost) {
			want, lost = once, fewer
		}
	}
	out.Losses = slices.Concat(reading.Losses, said, lost)
	for range rounds {
		after := j.certificates(want, j.To.Render(want, j.Have))
		out.Files, out.After = changed(j.Have, after), j.To.Parse(after, j.Target).Table.Indexed()
		out.After.Files = contents(out.After, after, j.Certificates)
		bad := harms(out.Before, out.After)
		if len(bad) == 0 {
			out.Losses = append(out.Losses, unforeseen(j.To.Name, out)...)
			return out, nil
		}
		var left bool
		if want, left = without(want, bad); !left {
			want, left = dropped(want, bad)
		}
		if !left {
			return Result{}, fmt.Errorf("convert %s to %s: %w: %s for %s", j.From.Name, j.To.Name, ErrUnsafe, bad[0].host, bad[0].registry)
		}
		for _, h := range bad {
			f := Widened.Vary(h.kind, h.registry, finding.Args{"dialect": j.To.Name, "host": h.host, "route": h.registry}).In(out.Before.Route(h.registry).From)
			out.Losses = append(out.Losses, f.Saw("the source does not do that for "+h.registry, "the requests of both sides", "towpath explain "+h.registry+"/IMAGE"))
		}
	}
	return Result{}, fmt.Errorf("convert %s to %s: %w", j.From.Name, j.To.Name, ErrUnsafe)
}

func (j Job) reading() dialect.Reading {
	if j.Reading != nil {
		return *j.Reading
	}
	return j.From.Parse(j.Files, j.Source)
}

// rounds bounds how often something is left out of a result.
const rounds = 20

// without leaves out of a table what does harm, wherever the host is used; false
// when there is nothing of that kind.
func without(t route.Table, bad []harm) (route.Table, bool) {
	left := false
	done := map[harm]bool{}
	for _, h := range bad {
		done[harm{kind: h.kind, host: h.host}] = true
	}
	does := func(kind, host string) bool { return done[harm{kind: kind, host: host}] }
	clean := func(host string, set *route.TLS, auth *route.Auth, header *[]route.Header) {
		if set.SkipVerify && does("unverified", host) {
			set.SkipVerify, left = false, true
		}
		if does("credentials", host) && (!auth.IsZero() || header != nil && len(*header) > 0) {
			*auth, left = route.Auth{}, true
			if header != nil {
				*header = nil
			}
		}
	}
	t.Routes, t.Hosts = slices.Clone(t.Routes), slices.Clone(t.Hosts)
	for i := range t.Routes {
		r := &t.Routes[i]
		r.Mirrors = slices.DeleteFunc(slices.Clone(r.Mirrors), func(e route.Endpoint) bool {
			gone := does("plain", e.Host) && plain(e)
			left = left || gone
			return gone
		})
		for k := range r.Mirrors {
			clean(r.Mirrors[k].Host, &r.Mirrors[k].TLS, &r.Mirrors[k].Auth, &r.Mirrors[k].Header)
		}
		if r.Upstream != nil {
			u := *r.Upstream
			clean(cmp.Or(u.Host, t.Default(r.Match).Host), &u.TLS, &u.Auth, &u.Header)
			r.Upstream = &u
		}
	}
	for i := range t.Hosts {
		clean(t.Hosts[i].Name, &t.Hosts[i].TLS, &t.Hosts[i].Auth, nil)
	}
	return t, left
}

// dropped is a table without the endpoints that do harm, and without the routes
// whose own registry does; false when there are none.
func dropped(t route.Table, bad []harm) (route.Table, bool) {
	harmed := map[string]bool{}
	for _, h := range bad {
		harmed[h.host] = true
	}
	does := func(host string) bool { return harmed[host] }
	var kept []route.Route
	left := false
	for _, r := range t.Routes {
		mirrors := slices.DeleteFunc(slices.Clone(r.Mirrors), func(e route.Endpoint) bool { return does(e.Host) })
		own := r.Upstream != nil && does(cmp.Or(r.Upstream.Host, t.Default(r.Match).Host))
		left = left || own || len(mirrors) < len(r.Mirrors)
		if r.Mirrors = mirrors; !own {
			kept = append(kept, r)
		}
	}
	t.Routes = kept
	return t, left
}

// retarget is a table as the target's runtime would have it: what may do all
// that its runtime knows may still do all.
func retarget(t route.Table, target route.Target) route.Table {
	old := t.Target.Everything()
	t.Target = target
	t.Routes = slices.Clone(t.Routes)
	for i := range t.Routes {
		r := &t.Routes[i]
		r.Mirrors = slices.Clone(r.Mirrors)
		for k := range r.Mirrors {
			r.Mirrors[k].Serves = grown(r.Mirrors[k].Serves, old, target)
		}
		if r.Upstream != nil {
			u := *r.Upstream
			u.Serves = grown(u.Serves, old, target)
			r.Upstream = &u
		}
	}
	return t
}

func grown(s, old route.Serves, target route.Target) route.Serves {
	if s.Has(old) {
		return target.Everything() | s&route.TagsOnly
	}
	return s & (target.Everything() | route.TagsOnly)
}

// certificates adds the certificate files that the table names and that are at
// hand, so that the result stands alone.
func (j Job) certificates(t route.Table, after []source.File) []source.File {
	for _, name := range named(t) {
		f := source.Find(j.Files, name)
		if f == nil {
			f = source.Find(t.Files, name)
		}
		if f != nil && f.Kind == source.Regular && source.Find(after, name) == nil {
			after = append(after, *f)
		}
	}
	return after
}

// contents are the files that a table names, as far as they are known, by path.
func contents(t route.Table, lists ...[]source.File) []source.File {
	names := map[string]bool{}
	for _, name := range named(t) {
		names[name] = true
	}
	out := slices.Clone(t.Files)
	for _, f := range out {
		delete(names, f.Path)
	}
	for _, f := range slices.Concat(lists...) {
		if names[f.Path] && f.Kind == source.Regular {
			delete(names, f.Path)
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// named are the paths of certificates and keys in a table.
func named(t route.Table) []string {
	var out []string
	add := func(s route.TLS) {
		out = append(out, s.CA...)
		for _, p := range s.Client {
			out = append(out, p.Cert, p.Key)
		}
	}
	for _, r := range t.Routes {
		for _, e := range r.Mirrors {
			add(e.TLS)
		}
		if r.Upstream != nil {
			add(r.Upstream.TLS)
		}
	}
	for _, h := range t.Hosts {
		add(h.TLS)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
}

// changed are the files that are new or different, and regular.
func changed(have, after []source.File) []source.File {
	var out []source.File
	for _, f := range after {
		old := source.Find(have, f.Path)
		if f.Kind == source.Regular && (old == nil || string(old.Data) != string(f.Data)) {
			out = append(out, f)
		}
	}
	return out
}

// unlisted leaves a registry out of the end of its own mirrors, where old
// configurations of containerd list it: it is asked last all the same. For
// targets that know no such list; the requests are compared afterwards.
func unlisted(t route.Table) route.Table {
	t.Routes = slices.Clone(t.Routes)
	for i := range t.Routes {
		r := &t.Routes[i]
		if !r.UpstreamUnlessListed || r.Match == route.Any {
			continue
		}
		own := t.Default(r.Match)
		mirrors := r.Mirrors
		for len(mirrors) > 0 && plainly(mirrors[len(mirrors)-1], own) {
			mirrors = mirrors[:len(mirrors)-1]
		}
		if slices.ContainsFunc(mirrors, func(e route.Endpoint) bool { return e.Host == r.Match }) {
			continue
		}
		r.Mirrors, r.UpstreamUnlessListed = mirrors, false
	}
	return t
}

// plainly reports whether an endpoint is a registry's own, with nothing special
// about it.
func plainly(e, own route.Endpoint) bool {
	return e.Scheme == own.Scheme && e.Host == own.Host && e.Path == own.Path && !e.TLS.Set && e.Auth.IsZero() &&
		len(e.Header)+len(e.Rewrites) == 0 && e.Broken == "" && e.Serves.Has(route.Pull|route.Resolve)
}
