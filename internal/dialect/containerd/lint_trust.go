package containerd

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
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
		return []finding.Finding{h.found(pushOnly, "", at, args)}
	case !serves.Has(route.Pull):
		return []finding.Finding{with(h.found(withoutPull, "", at, args), add("pull"))}
	case !serves.Has(route.Resolve):
		f := with(h.found(neverForTags, "", at, args), add("resolve"))
		if slices.ContainsFunc(h.entries, func(o entry) bool { return o.table != nil && servesTags(o.endpoint) }) {
			f.Severity = finding.Info // beside a mirror for tags, as containerd's documentation has it
		}
		return []finding.Finding{f}
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
	return slices.Concat(out, h.toPrivate(), h.only(), h.rootHeader())
}

// publicRegistries maps the hosts of well-known registries to the names that
// images have for them. None of them serves the images of another.
var publicRegistries = map[string]string{
	"registry-1.docker.io": "docker.io", "docker.io": "docker.io", "ghcr.io": "ghcr.io", "quay.io": "quay.io", "gcr.io": "gcr.io",
	"registry.k8s.io": "registry.k8s.io", "mcr.microsoft.com": "mcr.microsoft.com", "public.ecr.aws": "public.ecr.aws", "registry.gitlab.com": "registry.gitlab.com",
}
