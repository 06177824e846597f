package buildkit

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// judge says what is wrong with a file that buildkitd takes.
func (r *reader) judge() {
	if r.config == nil {
		return
	}
	if r.config.doc != nil {
		r.keys()
	}
	mirrors := map[string]bool{}
	for _, c := range r.config.registries {
		for _, m := range c.Mirrors {
			mirrors[mirror(m).Host] = true
		}
	}
	for _, name := range r.config.names {
		r.name(name, mirrors[name])
		r.mirrors(name)
		r.manner(name)
	}
	if strings.Contains(r.file.Path, "buildkitd.default") {
		r.book.Say(unusedFile, "", source.Pos{File: r.file.Path}, nil)
	}
}

// at is the place of a key in the file.
func (r *reader) at(keys ...string) source.Pos { return r.config.at(r.file.Path, keys...) }

// known are the keys of a registry's table.
var known = []string{"mirrors", "http", "insecure", "ca", "keypair", "tlsconfigdir"}

// meant are keys of other formats, and near misses.
var meant = map[string]string{
	"mirror": "mirrors", "endpoint": "mirrors", "endpoints": "mirrors", "plain_http": "http", "plain-http": "http", "plainhttp": "http",
	"skip_verify": "insecure", "insecure_skip_verify": "insecure", "ca_file": "ca", "cacert": "ca", "keypairs": "keypair", "tlsConfigDir": "tlsconfigdir",
}

func (r *reader) keys() {
	for _, e := range r.config.doc.Entries {
		if e.Path[0] == "registries" || e.Path[0] == "mirrors" {
			r.book.Say(unknownKey, "near", e.At, finding.Args{"key": e.Path[0], "want": "registry"})
		}
		if len(e.Path) < 3 || e.Path[0] != "registry" || len(e.Path) > 3 && e.Kind != tomldoc.Value {
			continue
		}
		key := e.Path[2]
		// go-toml takes keys in any case.
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			continue
		}
		if want := meant[key]; want != "" {
			r.book.Say(unknownKey, "near", e.At, finding.Args{"key": key, "want": want})
		} else {
			r.book.Say(unknownKey, "", e.At, finding.Args{"key": key})
		}
	}
}

// name judges the name of a table.
func (r *reader) name(name string, isMirror bool) {
	want := name
	if _, rest, ok := strings.Cut(name, "://"); ok {
		want = rest
	}
	want, _, _ = strings.Cut(want, "/")
	switch want {
	case "index.docker.io", "hub.docker.com":
		want = hub
	}
	args := finding.Args{"name": name, "want": want}
	switch {
	case strings.Contains(name, "*"):
		r.book.Say(unknownName, "any", r.at(name), args)
	case want == "":
		r.book.Say(unknownName, "", r.at(name), args)
	case want != name && !isMirror:
		r.book.Say(unknownName, "fix", r.at(name), args)
	}
}

func (r *reader) mirrors(name string) {
	c := r.config.registries[name]
	at := r.config.elements(r.file.Path, len(c.Mirrors), name, "mirrors")
	for i, text := range c.Mirrors {
		e := mirror(text)
		why := r.settings(&e, r.config.registries[e.Host])
		args := finding.Args{"mirror": evidence.URL(text), "scheme": e.Scheme, "host": e.Host, "want": written(e), "path": e.Path + "/…"}
		if bad := unusable(e.Host); bad != "" {
			args["why"] = bad
			r.book.Say(badMirror, "", at[i], args)
			continue
		}
		if scheme, rest, ok := strings.Cut(text, "://"); ok {
			r.scheme(name, i, at[i], scheme, strings.TrimRight(rest, "/"), args)
		}
		if strings.HasPrefix(e.Path, "/v2/v2") {
			args["want"] = e.Host + strings.TrimPrefix(e.Path, "/v2/v2")
			r.replace(r.book.Say(mirrorV2, "", at[i], args), name, i, e.Host+strings.TrimPrefix(e.Path, "/v2/v2"))
		}
		if why != "" {
			f := r.book.Say(lostFile, "", r.at(e.Host), finding.Args{"why": why, "name": name})
			f.Registry = name
		}
	}
}

func (r *reader) scheme(name string, i int, at source.Pos, scheme, want string, args finding.Args) {
	variant := ""
	if u, err := url.Parse(want); err == nil && strings.EqualFold(scheme, "http") && args["scheme"] == "https" {
		variant, _ = "plain", u
	}
	args["want"] = evidence.URL(want)
	f := r.book.Say(mirrorScheme, variant, at, args)
	f.Severity = finding.Warning
	if variant == "" && !strings.Contains(want, "@") {
		r.replace(f, name, i, want)
	}
}

// replace adds the edit that writes one mirror anew.
func (r *reader) replace(f *finding.Finding, name string, i int, want string) {
	if r.config.doc == nil {
		return
	}
	e := r.config.doc.Find("registry", name, "mirrors")
	if e == nil {
		return
	}
	if spans := r.config.doc.Elements(e.Value); len(spans) == len(r.config.registries[name].Mirrors) {
		evidence.Cure(f, r.config.doc.Replace(spans[i], tomldoc.Quote(want)))
	}
}

// manner judges how the host of a table is spoken to.
func (r *reader) manner(name string) {
	c := r.config.registries[name]
	insecure := c.Insecure != nil && *c.Insecure
	if insecure {
		f := r.book.Say(fallback, "", r.at(name, "insecure"), finding.Args{"name": name})
		f.Endpoint = ""
	}
	key := map[bool]string{true: "ca", false: ""}[len(c.CA) > 0]
	key = cmp.Or(key, map[bool]string{true: "keypair", false: ""}[len(c.Pairs) > 0])
	if key != "" && c.HTTP != nil && *c.HTTP && !insecure {
		r.book.Say(plainCA, "", r.at(name, key), finding.Args{"key": key, "name": name})
	}
	if _, why := r.certificates(c); why != "" {
		r.book.Say(lostFile, "", r.at(name), finding.Args{"why": why, "name": name}).Registry = name
	}
	for i, p := range c.CA {
		if r.holdsNone(p) {
			r.book.Say(noCertificate, "", r.config.elements(r.file.Path, len(c.CA), name, "ca")[i], finding.Args{"file": p})
		}
	}
	r.misplaced(name, c)
}

// misplaced finds settings that were probably meant for the mirror.
func (r *reader) misplaced(name string, c registry) {
	if len(c.Mirrors) == 0 || !slices.Contains([]string{hub, "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "public.ecr.aws", "mcr.microsoft.com"}, name) {
		return
	}
	m := mirror(c.Mirrors[0])
	if _, own := r.config.registries[m.Host]; own {
		return
	}
	for _, x := range []struct {
		key string
		set bool
	}{{"http", c.HTTP != nil && *c.HTTP}, {"insecure", c.Insecure != nil && *c.Insecure}, {"ca", len(c.CA) > 0}, {"keypair", len(c.Pairs) > 0}} {
		if x.set {
			r.book.Say(wrongTable, "", r.at(name, x.key), finding.Args{"key": x.key, "name": name, "mirror": m.Host})
		}
	}
}
