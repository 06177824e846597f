package registriesconf

import (
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// location is a location as it is read: without slashes at its end.
func location(text string) (string, bool) {
	trimmed := strings.TrimRight(text, "/")
	return trimmed, !strings.HasPrefix(trimmed, "http://") && !strings.HasPrefix(trimmed, "https://")
}

// check refuses what containers-image refuses, and completes the registries.
// Source: sysregistriesv2 postProcessRegistries, loadConfigFile.
func (d *document) check(t route.Target) {
	d.old(t)
	for _, g := range d.registries {
		d.complete(g)
	}
	d.conflicts()
	for _, text := range d.spec.Search {
		name, ok := location(text)
		if !ok || !domain(name) {
			d.refuse(&badSearch, d.top("unqualified-search-registries"), finding.Args{"host": text})
		}
	}
	d.shortNames()
	for _, g := range d.registries {
		if strings.HasPrefix(g.Prefix, "*.") && strings.ContainsAny(g.Prefix, "/@:") {
			d.refuse(&badWildcard, g.place("prefix"), finding.Args{"prefix": g.Prefix})
		}
	}
	slices.SortStableFunc(d.registries, func(a, b *registry) int { return strings.Compare(a.Prefix, b.Prefix) })
	for i, g := range d.registries {
		g.hidden = i > 0 && d.registries[i-1].Prefix == g.Prefix
	}
}

// old handles the first layout, [registries.search] and so on, which releases
// before containers-image 5.41 still read in the main file.
func (d *document) old(t route.Target) {
	o := d.spec.Old
	if o.Search.Registries == nil && o.Insecure.Registries == nil && o.Block.Registries == nil {
		return
	}
	at := d.top("registries")
	n := d.spec
	mixed := len(n.Registries)+len(n.Search)+len(n.CredentialHelpers)+len(n.Aliases) > 0 || n.ShortNameMode != "" || n.LayerStoreHelper != ""
	switch {
	case mixed:
		d.refuse(&mixedLayouts, at, nil)
		return
	case !readsOld(t) || strings.Contains(d.file.Path, ".d/"):
		d.refuse(&oldLayout, at, nil)
		return
	}
	byHost := map[string]*registrySpec{}
	var order []string
	get := func(text string) *registrySpec {
		name, _ := location(text)
		if byHost[name] == nil {
			byHost[name] = &registrySpec{endpointSpec: endpointSpec{Location: text}}
			order = append(order, name)
		}
		return byHost[name]
	}
	for _, text := range o.Block.Registries {
		get(text).Blocked = true
	}
	for _, text := range o.Insecure.Registries {
		get(text).Insecure = true
	}
	d.spec.Search = o.Search.Registries
	for i, name := range order {
		d.registries = append(d.registries, &registry{registrySpec: *byHost[name], doc: d, index: i, at: at})
	}
}

// readsOld reports whether the target still reads the first layout: CRI-O and
// Podman left it with the library's release 5.41 in 2026.
func readsOld(t route.Target) bool {
	switch t.Runtime {
	case "podman":
		return t.Version.Known() && t.Version.Before("6.0.0")
	case "skopeo":
		return t.Version.Known() && t.Version.Before("1.22.0")
	}
	return t.Version.Known() && t.Version.Before("1.36.0")
}

// complete fills in what follows from other keys and refuses the impossible.
func (d *document) complete(g *registry) {
	given := g.Location
	var ok bool
	if g.Location, ok = location(given); !ok {
		d.scheme(g.place("location"), "location", given)
	}
	switch prefix := g.Prefix; {
	case prefix == "" && g.Location == "":
		d.refuse(&emptyRegistry, g.at, nil)
	case prefix == "":
		g.Prefix = g.Location
	default:
		if g.Prefix, ok = location(prefix); !ok {
			d.scheme(g.place("prefix"), "prefix", prefix)
		} else if g.Location == "" && !strings.HasPrefix(g.Prefix, "*.") {
			d.refuse(&noLocation, g.at, finding.Args{"prefix": g.Prefix})
		}
	}
	if g.PullFromMirror != "" {
		d.refuse(&badPolicy, g.place("pull-from-mirror"), finding.Args{"why": "pull-from-mirror belongs to a mirror, not to the registry " + g.Prefix})
	}
	for j := range g.Mirrors {
		d.mirror(g, j)
	}
}

func (d *document) scheme(at source.Pos, key, text string) {
	d.refuse(&hasScheme, at, finding.Args{"key": key, "value": mask(text), "want": mask(unschemed(text))})
}

func unschemed(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	return strings.TrimRight(rest, "/")
}

func (d *document) mirror(g *registry, j int) {
	m := &g.Mirrors[j]
	given := m.Location
	var ok bool
	if m.Location, ok = location(given); !ok {
		d.scheme(g.mirrorPlace(j, "location"), "location", given)
	}
	if m.Location == "" {
		d.refuse(&emptyMirror, g.mirrors[j], finding.Args{"prefix": g.Prefix})
	}
	at := g.mirrorPlace(j, "pull-from-mirror")
	switch {
	case m.PullFromMirror == "":
	case g.MirrorByDigestOnly:
		d.refuse(&badPolicy, at, finding.Args{"why": "pull-from-mirror and mirror-by-digest-only exclude each other"})
	case !slices.Contains(policies, m.PullFromMirror):
		d.refuse(&badPolicy, at, finding.Args{"why": "pull-from-mirror is one of all, digest-only, tag-only, not " + m.PullFromMirror})
	}
}

var policies = []string{"all", "digest-only", "tag-only"}

// conflicts refuses two registries with one location that differ in what holds
// for the location.
func (d *document) conflicts() {
	byKey := map[string]*registry{}
	for _, g := range d.registries {
		key := g.Location
		if key == "" {
			key = g.Prefix
		}
		first := byKey[key]
		if first == nil {
			byKey[key] = g
			continue
		}
		for _, c := range []struct {
			key  string
			a, b bool
		}{{"insecure", first.Insecure, g.Insecure}, {"blocked", first.Blocked, g.Blocked}} {
			if c.a != c.b {
				d.refuse(&conflicting, g.place(c.key), finding.Args{"location": key, "key": c.key, "other": first.at.Line})
			}
		}
	}
}

func (d *document) shortNames() {
	switch d.spec.ShortNameMode {
	case "", "disabled", "enforcing", "permissive":
	default:
		d.refuse(&badShortName, d.top("short-name-mode"), finding.Args{"why": "short-name-mode is one of enforcing, permissive, disabled"})
	}
	for _, name := range sortedKeys(d.spec.Aliases) {
		if why := badAlias(name, d.spec.Aliases[name]); why != "" {
			d.refuse(&badShortName, d.top("aliases", name), finding.Args{"why": why})
		}
	}
}

// badAlias says what is wrong with an alias, nothing if it can be used.
// Source: sysregistriesv2 shortnames.go.
func badAlias(name, value string) string {
	if ref, err := reference.Parse(name); err != nil || !named(ref) || hosted(ref) {
		return "the alias " + name + " is no name without a registry, tag and digest"
	}
	if value == "" {
		return ""
	}
	if ref, err := reference.Parse(value); err != nil || !named(ref) || !hosted(ref) {
		return "the alias " + name + " stands for " + value + ", which is no registry/repository without tag and digest"
	}
	if _, err := reference.ParseNormalizedNamed(value); err != nil {
		return "the alias " + name + " stands for " + value + ": " + err.Error()
	}
	return ""
}

func named(ref reference.Reference) bool {
	n, ok := ref.(reference.Named)
	return ok && reference.IsNameOnly(n)
}

func hosted(ref reference.Reference) bool {
	host := reference.Domain(ref.(reference.Named))
	return strings.ContainsAny(host, ".:") || host == "localhost"
}

// domain reports whether a text is a host[:port]. IPv6 addresses are none to
// this library. Source: image/docker/reference.
func domain(text string) bool { return host.MatchString(text) }

var host = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?$`)

// top is the place of a key at the root of the file.
func (d *document) top(path ...string) source.Pos {
	if d.toml == nil {
		return source.Pos{File: d.file.Path}
	}
	if d.places == nil {
		d.places = make(map[string]int, len(d.toml.Entries))
		for i, e := range d.toml.Entries {
			if name := folded(e.Path); d.places[name] == 0 {
				d.places[name] = i + 1
			}
		}
	}
	if i := d.places[folded(path)]; i > 0 {
		return d.toml.Entries[i-1].At
	}
	return d.toml.At(path[0])
}

// folded is a path as one text, without regard to case, as the parser matches keys.
func folded(path []string) string { return strings.ToLower(strings.Join(path, "\xff")) }

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
