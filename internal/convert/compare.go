package convert

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// stranger stands for every registry that no route names.
const stranger = "any.other.registry.example"

// registries are the names for which two tables may differ.
func registries(tables ...route.Table) []string {
	out := []string{stranger, "docker.io"}
	for _, t := range tables {
		for _, r := range t.Routes {
			if r.Match != route.Any {
				out = append(out, r.Match)
			}
		}
		for _, h := range t.Hosts {
			if h.Name != route.Any && h.Name != "registry-1.docker.io" {
				out = append(out, h.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// digest is that of nothing in particular: an image is asked for by tag and by
// digest, because mirrors may serve the one and not the other.
const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// images are two references in a registry; none if nothing can have that name.
func images(registry string) []route.Ref {
	var out []route.Ref
	for _, object := range []string{":1", "@" + digest} {
		if ref, err := route.ParseRef(registry + "/team/app" + object); err == nil {
			out = append(out, ref)
		}
	}
	return out
}

// step is one host that a pull asks. Two are the same when their keys are; shown
// is what may be seen of it.
type step struct{ url, shown, key string }

// steps are the hosts that a pull asks for a manifest, in order. That containerd
// looks for a digest among the blobs, too, is its own way and none of the
// configuration.
func steps(t route.Table, ref route.Ref) []step {
	if t.Route(ref.Registry).Fails != "" {
		return []step{{"", "nothing, the pull fails", "fails"}}
	}
	var out []step
	seen := map[string]bool{}
	for _, e := range t.EndpointsFor(ref) {
		if s := describe(e, ref, t.Files); t.Asks(ref, e) && !seen[s.key] {
			seen[s.key] = true
			out = append(out, s)
		}
	}
	return out
}

// describe says of an endpoint what a conversion has to keep. Certificates are
// the same by what is in them, where that is known.
func describe(e route.Endpoint, ref route.Ref, files []source.File) step {
	url := e.Scheme + "://" + e.Host + path.Join("/", e.Path, e.Repository(ref))
	var notes []string
	note := func(on bool, text string) {
		if on {
			notes = append(notes, text)
		}
	}
	if e.Scheme != "https" {
		e.TLS = route.TLS{} // nothing uses it
	}
	note(e.PlainFallback, "else over http")
	note(e.TLS.SkipVerify, "unverified")
	e = loggedIn(e)
	note(e.DialTimeout != 0, fmt.Sprint("dial timeout ", e.DialTimeout))
	note(e.Broken != "", "no request can be made")
	note(!e.Auth.IsZero(), "with credentials")
	note(len(e.Header) > 0, "with headers")
	same := url + strings.Join(notes, ", ") + contentsOf(e.TLS, files)
	note(len(e.TLS.CA) > 0, "ca "+strings.Join(e.TLS.CA, ", "))
	note(len(e.TLS.Client) > 0, fmt.Sprint("client ", e.TLS.Client))
	shown := url
	if len(notes) > 0 {
		shown += " (" + strings.Join(notes, ", ") + ")"
	}
	return step{url, shown, same + "\n" + confidential(e)}
}

// contentsOf is what certificates come down to.
func contentsOf(t route.TLS, files []source.File) string {
	var out strings.Builder
	add := func(what, name string) {
		fmt.Fprint(&out, "\n", what, " ")
		i, found := slices.BinarySearchFunc(files, name, func(f source.File, path string) int { return strings.Compare(f.Path, path) })
		if found && len(files[i].Data) > 0 {
			name = string(files[i].Data)
		}
		out.WriteString(name)
	}
	for _, name := range t.CA {
		add("ca", name)
	}
	for _, p := range t.Client {
		add("certificate", p.Cert)
		add("key", p.Key)
	}
	return out.String()
}

// loggedIn is an endpoint whose header line for a user and password is taken for
// what it says: the same credentials, sent without waiting for a challenge.
func loggedIn(e route.Endpoint) route.Endpoint {
	if !e.Auth.IsZero() {
		return e
	}
	for i, h := range e.Header {
		if len(h.Values) != 1 || !strings.EqualFold(h.Key, "authorization") {
			continue
		}
		text, is := strings.CutPrefix(h.Values[0].Reveal(), "Basic ")
		data, err := base64.StdEncoding.DecodeString(text)
		user, password, pair := strings.Cut(string(data), ":")
		if is && err == nil && pair {
			e.Auth = route.Auth{User: user, Password: route.NewSecret(password)}
			e.Header = slices.Delete(slices.Clone(e.Header), i, i+1)
			break
		}
	}
	return e
}

// confidential is what of an endpoint nobody may see.
func confidential(e route.Endpoint) string {
	lines := []string{e.Auth.User, e.Auth.Password.Reveal(), e.Auth.IdentityToken.Reveal()}
	for _, h := range e.Header {
		for _, v := range h.Values {
			lines = append(lines, h.Key+": "+v.Reveal())
		}
	}
	return strings.Join(lines, "\n")
}

// unforeseen are the differences that no loss explains.
func unforeseen(name string, r Result) []finding.Finding {
	var out []finding.Finding
	told, alone := map[string]bool{}, unasked(r.Before)
	for _, f := range r.Losses {
		told[f.Subject] = told[f.Subject] || f.Severity == finding.Error
	}
	source := r.Before
	for _, registry := range registries(r.Before, r.After) {
		if told[source.Route(registry).Match] || told[registry] {
			continue
		}
		for _, ref := range images(registry) {
			before, after := steps(source, ref), steps(r.After, ref)
			i := differ(before, after)
			if i < 0 {
				continue
			}
			args := finding.Args{"dialect": name, "route": registry, "want": shown(before, i), "got": shown(after, i)}
			f := Unforeseen.New(registry, args).In(source.Route(registry).From)
			if !source.Has(registry) && sameURLs(before, after) && !alone[registry] {
				f.Severity = finding.Info // the source does not speak of it: only what is known of its host came along
			}
			out = append(out, f.Saw(shown(after, i)+" instead of "+shown(before, i), "the requests of both sides for "+ref.String(), "towpath explain "+ref.String()))
			break
		}
	}
	return out
}

// Comparison is two tables whose requests are compared.
type Comparison struct{ was, is route.Table }

// Compare prepares the comparison of two tables.
func Compare(was, is route.Table) Comparison { return Comparison{was.Indexed(), is.Indexed()} }

// Difference tells what the two ask first of different hosts, or otherwise, for
// a registry; both are empty when they ask the same. Secrets are not shown.
func (c Comparison) Difference(registry string) (before, after string) {
	for _, ref := range images(registry) {
		a, b := steps(c.was, ref), steps(c.is, ref)
		if i := differ(a, b); i >= 0 {
			return shown(a, i), shown(b, i)
		}
	}
	return "", ""
}

// differ is the first step in which two pulls differ; -1: none.
func differ(a, b []step) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i].key != b[i].key {
			return i
		}
	}
	return -1
}

// unasked are the hosts of which a table says something and that none of its
// routes asks: it is meant for the registries of those names.
func unasked(t route.Table) map[string]bool {
	out := map[string]bool{}
	for _, h := range t.Hosts {
		out[h.Name] = true
	}
	for _, r := range t.Routes {
		for _, e := range r.Endpoints() {
			delete(out, e.Host)
		}
	}
	return out
}

func sameURLs(a, b []step) bool {
	return slices.EqualFunc(a, b, func(x, y step) bool { return x.url == y.url })
}

func shown(steps []step, i int) string {
	if i >= len(steps) {
		return "nothing"
	}
	return steps[i].shown
}

// harm is what a result does at a host that its source does not.
type harm struct {
	kind     string // "unverified", "plain", "credentials"
	host     string
	registry string // for whose images
}

// harms are where a result verifies less, speaks in the clear where the source
// did not, or sends credentials to a host that did not get them.
func harms(before, after route.Table) []harm {
	var out []harm
	for _, registry := range registries(before, after) {
		have, now := hosts(before, registry), hosts(after, registry)
		for _, name := range slices.Sorted(maps.Keys(now)) {
			e, old := now[name], have[name]
			if e.Role == route.Upstream && route.IsLocalhost(name) {
				old.TLS.SkipVerify, old.PlainFallback = true, true // a rule of the runtime, not of its configuration
			}
			switch {
			case plain(e) && !plain(old):
				out = append(out, harm{"plain", name, registry})
			case e.TLS.SkipVerify && !old.TLS.SkipVerify && !plain(old):
				out = append(out, harm{"unverified", name, registry})
			case secrets(e) && !secrets(old):
				out = append(out, harm{"credentials", name, registry})
			}
		}
	}
	return out
}

// hosts are the endpoints of a registry by their host. What one of several for
// the same host may do, the host may.
func hosts(t route.Table, registry string) map[string]route.Endpoint {
	out := map[string]route.Endpoint{}
	for _, e := range t.Endpoints(registry) {
		old := out[e.Host]
		e.TLS.SkipVerify = e.TLS.SkipVerify || old.TLS.SkipVerify
		e.PlainFallback = plain(e) || plain(old)
		if !secrets(e) {
			e.Auth, e.Header = old.Auth, old.Header
		}
		out[e.Host] = e
	}
	return out
}

func plain(e route.Endpoint) bool { return e.Scheme == "http" || e.PlainFallback }

func secrets(e route.Endpoint) bool {
	return !e.Auth.IsZero() || slices.ContainsFunc(e.Header, func(h route.Header) bool { return strings.EqualFold(h.Key, "authorization") })
}

// Secret reports whether a table holds credentials.
func Secret(t route.Table) bool {
	for _, h := range t.Hosts {
		if !h.Auth.IsZero() {
			return true
		}
	}
	return len(t.Header) > 0 || slices.ContainsFunc(t.Routes, func(r route.Route) bool {
		return slices.ContainsFunc(r.Endpoints(), func(e route.Endpoint) bool { return secrets(e) || len(e.Header) > 0 })
	})
}
