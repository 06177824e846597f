package containerd

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// trust judges the capabilities of a host.
func (h *hostsFile) trust(e entry) []finding.Finding {
	at, x := h.setting(e, "capabilities")
	host := e.endpoint.Host
	args := finding.Args{"host": host}
	if e.table == nil && host == "" {
		if len(e.settings.Capabilities) > 0 {
			return []finding.Finding{h.found(capabilitiesUnused, "", at, args)}
		}
		return nil
	}
	add := func(word string) []source.Edit {
		if x == nil {
			return nil
		}
		words := append(slices.Clone(e.settings.Capabilities), word)
		slices.SortStableFunc(words, func(a, b string) int { return order(a) - order(b) })
		return h.curing(h.edit(x.Value.Start, x.Value.End, tomlList(words)))
	}
	switch serves := e.endpoint.Serves; {
	case len(e.settings.Capabilities) == 0 && e.table != nil && host != h.match && h.match != route.Any:
		return []finding.Finding{h.found(trustsAll, "", h.key(e), args)}
	case len(e.settings.Capabilities) == 0:
		return nil
	case serves == route.Push:
		f := h.found(withoutPull, "push", at, args)
		f.Severity, f.Ignores = finding.Info, false
		return []finding.Finding{f}
	case !serves.Has(route.Pull):
		return []finding.Finding{with(h.found(withoutPull, "", at, args), add("pull"))}
	case !serves.Has(route.Resolve):
		return []finding.Finding{with(h.found(neverForTags, "", at, args), add("resolve"))}
	}
	return nil
}

// order puts capabilities into the order in which people write them.
func order(word string) int {
	c, _ := capability(word)
	return int(c)
}

// verification judges the TLS keys of a host.
func (h *hostsFile) verification(e entry) []finding.Finding {
	host := e.endpoint.Host
	if host == "" {
		host = spoken(h.match)
	}
	args := finding.Args{"host": host}
	plain := e.endpoint.PlainFallback || e.endpoint.Scheme == "http"
	if plain && e.endpoint.TLS.Set {
		return []finding.Finding{h.tlsForPlain(e, args)}
	}
	if e.endpoint.TLS.SkipVerify {
		at, _ := h.setting(e, "skip_verify")
		return []finding.Finding{h.found(unverified, "", at, args)}
	}
	return nil
}

func (h *hostsFile) tlsForPlain(e entry, args finding.Args) finding.Finding {
	var at source.Pos
	var edits []source.Edit
	for _, key := range []string{"client", "ca", "skip_verify"} {
		p, x := h.setting(e, key)
		if x == nil {
			continue
		}
		at, args["key"] = p, key
		if !x.Inline {
			start, end := h.lineAround(x.Start, x.End)
			edits = append(edits, h.edit(start, end, ""))
		}
	}
	if at.Line == 0 {
		at, args["key"] = h.key(e), "TLS"
	}
	variant := "unused"
	if e.endpoint.PlainFallback {
		variant = ""
	}
	f := with(h.found(tlsForPlain, variant, at, args), h.curing(edits...))
	if variant == "unused" {
		f.Severity, f.Ignores = finding.Info, true
	}
	return f
}

// headers judges the header lines of a host.
func (h *hostsFile) headers(e entry) []finding.Finding {
	var out []finding.Finding
	for _, line := range e.endpoint.Header {
		at, x := h.setting(e, "header", line.Key)
		args := finding.Args{"host": e.endpoint.Host, "key": fmt.Sprintf("%q", line.Key)}
		if e.endpoint.Host == "" {
			args["host"] = spoken(h.match)
		}
		if !validHeader(line) {
			out = append(out, h.found(forbiddenHeader, "", at, args))
		}
		if !strings.EqualFold(line.Key, "authorization") {
			continue
		}
		if line.Key != "Authorization" {
			f := h.found(headerCase, "", at, args)
			if x != nil {
				f = with(f, h.curing(h.renameKey(x, "Authorization")...))
			}
			out = append(out, f)
		}
		if why := badBasic(line); why != "" {
			args["why"] = why
			out = append(out, h.found(malformedBasic, "", at, args))
		}
		if h.match == route.Any {
			out = append(out, h.found(credentialsForAll, "", at, args))
		}
	}
	return out
}

// badBasic says what is wrong with Basic credentials, without showing them.
func badBasic(line route.Header) string {
	for _, v := range line.Values {
		scheme, secret, _ := strings.Cut(v.Reveal(), " ")
		if !strings.EqualFold(scheme, "basic") {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(secret))
		switch {
		case strings.ContainsAny(secret, "<>${}"):
			return "holds a placeholder"
		case err != nil:
			return "is not base64"
		case !strings.Contains(string(text), ":"):
			return "has no colon between user and password"
		case strings.HasSuffix(string(text), "\n"):
			return "has a line end behind the password"
		}
	}
	return ""
}

// whole judges what all tables of a file make together.
func (h *hostsFile) whole() []finding.Finding {
	var out []finding.Finding
	if !slices.ContainsFunc(h.entries, func(e entry) bool { return servesTags(e.endpoint) }) {
		at := source.Pos{File: h.path}
		for _, e := range h.entries {
			if p, x := h.setting(e, "capabilities"); x != nil {
				at = p
			}
		}
		out = append(out, h.found(nobodyResolves, "", at, nil))
	}
	if h.match == route.Any && h.upstream != nil && publicRegistries[h.upstream.Host] != "" {
		want := publicRegistries[h.upstream.Host]
		f := h.found(everythingToOne, "", h.at("server"), finding.Args{"host": h.upstream.Host, "want": want})
		out = append(out, about(f, *h.upstream))
	}
	return out
}

// publicRegistries maps the hosts of well-known registries to the names that
// images have for them. None of them serves the images of another.
var publicRegistries = map[string]string{
	"registry-1.docker.io": "docker.io", "docker.io": "docker.io", "ghcr.io": "ghcr.io", "quay.io": "quay.io", "gcr.io": "gcr.io",
	"registry.k8s.io": "registry.k8s.io", "mcr.microsoft.com": "mcr.microsoft.com", "public.ecr.aws": "public.ecr.aws", "registry.gitlab.com": "registry.gitlab.com",
}

// readable reports a file with credentials that everybody can read.
func (r *reader) readable(h *hostsFile) {
	f := r.tree.files[h.path]
	if f == nil || f.Mode.Perm()&0o004 == 0 {
		return
	}
	for _, e := range h.entries {
		for _, line := range e.endpoint.Header {
			if strings.EqualFold(line.Key, "authorization") {
				at, _ := h.setting(e, "header", line.Key)
				found := h.found(readableSecret, "", at, finding.Args{"mode": fmt.Sprintf("%#o", f.Mode.Perm())})
				r.add(with(found, nil, "chmod 600 "+quote(h.path)))
				return
			}
		}
	}
}

// judge reports everything about the directory of a route.
func (r *reader) judge(h *hostsFile) {
	r.beside(h)
	for _, f := range h.explain() {
		r.add(f)
	}
	if h.verdict == unknown && h.problem != nil && !h.problem.Unread {
		r.unreadable(h.path, h.match, h.problem.Text)
	}
	if h.verdict == used {
		if h.doc != nil {
			for _, f := range slices.Concat(h.unknown(), h.versions(), h.tables()) {
				r.add(f)
			}
		}
		for _, f := range h.endpoints() {
			r.add(f)
		}
		r.later(h)
		r.readable(h)
	}
}

// later reports what this version accepts and the next will not.
func (r *reader) later(h *hostsFile) {
	if grammar(h.target) == tomldoc.V1 && strings.HasPrefix(string(h.data), string(bom)) {
		f := h.marked("later", []source.Edit{h.edit(0, len(bom), "")})
		f.Severity, f.Ignores = finding.Info, false
		r.add(f)
	}
}

// certified inspects the certificate files of a route in the order in which
// containerd reads them; it stops at the first that it cannot use.
func (r *reader) certified(h *hostsFile, out *route.Route) {
	all := out.Mirrors
	if out.Upstream != nil {
		all = append(all[:len(all):len(all)], *out.Upstream)
	}
	for i, e := range all {
		bad := r.inspect.inspect(e.TLS)
		if bad == nil {
			continue
		}
		if bad.sure {
			out.Fails = fmt.Sprintf("%s cannot be used: %s", bad.file, bad.why)
		}
		r.add(about(r.flawed(h, i, bad), e))
		return
	}
}

// flawed words a certificate file that cannot be used.
func (r *reader) flawed(h *hostsFile, i int, bad *flaw) finding.Finding {
	kind, key, variant := unusableCA, "ca", ""
	if bad.client {
		kind, key = unusableClient, "client"
	}
	if !bad.sure {
		variant = "unsure"
	}
	args := finding.Args{"path": bad.file, "why": bad.why}
	if h.verdict != used || i >= len(h.entries) {
		return sureOf(r.inTree(kind, variant, bad.file, h.match, args), bad)
	}
	e := h.entries[i]
	at, x := h.setting(e, key)
	if bad.client {
		if f := h.pairForm(e, at, x, bad); f != nil {
			return *f
		}
	}
	f := h.found(kind, variant, at, args)
	return sureOf(f.Saw(bad.why, bad.file, "ls -l "+quote(bad.file)), bad)
}

func sureOf(f finding.Finding, bad *flaw) finding.Finding {
	if !bad.sure {
		f.Severity = finding.Info
		return f.Sure(finding.Possible)
	}
	return f
}

// pairForm recognises the two wrong ways to write a pair; nil: it is neither.
func (h *hostsFile) pairForm(e entry, at source.Pos, x *tomldoc.Entry, bad *flaw) *finding.Finding {
	list, ok := e.settings.Client.([]any)
	if !ok || x == nil {
		return nil
	}
	replace := func(want string) []source.Edit { return h.curing(h.edit(x.Value.Start, x.Value.End, want)) }
	if files, flat := texts(list); flat && len(files) == 2 && strings.HasSuffix(files[1], "key") {
		want := "[" + tomlList(files) + "]"
		f := with(h.found(flatPair, "", at, finding.Args{"cert": path.Base(files[0]), "key": path.Base(files[1]), "want": want}), replace(want))
		return &f
	}
	for i, one := range list {
		pair, _ := one.([]any)
		files, ok := texts(pair)
		if !ok || len(files) != 2 || files[1] != "" || bad.file != h.absolute("") {
			continue
		}
		single := append(slices.Clone(list[:i]), any(files[0]))
		want := tomlValue(append(single, list[i+1:]...))
		f := with(h.found(emptyKey, "", at, finding.Args{"want": want}), replace(want))
		return &f
	}
	return nil
}

// tomlValue writes the strings and lists of strings that client can hold.
func tomlValue(v any) string {
	switch v := v.(type) {
	case string:
		return tomlString(v)
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, tomlValue(item))
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return ""
}
