package bottlerocket

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// judge says what is wrong with settings that Bottlerocket takes, and with files
// that it does not read.
func (r *reader) judge() {
	for _, f := range r.files {
		if path.Base(f.Path) == "hosts.toml" {
			r.say(hostsFile, "", source.Pos{File: f.Path}, finding.Args{"path": f.Path})
		}
	}
	if r.set == nil {
		return
	}
	seen := map[string]bool{}
	for _, m := range r.set.mirrors {
		r.registryName(m)
		r.double(seen, "mirrors", m.Registry, m.at)
		r.escape(m.at, "registry", m.Registry, m.Registry)
		for i := range m.Endpoint {
			r.endpoint(m, i)
		}
	}
	seen = map[string]bool{}
	for _, c := range r.set.credentials {
		r.double(seen, "credentials", authHost(c.Registry), c.at)
		r.credential(c)
	}
}

func (r *reader) double(seen map[string]bool, what, name string, at source.Pos) {
	if seen[name] {
		r.say(twice, "", at, finding.Args{"name": name, "what": what})
	}
	seen[name] = true
}

// plain is a host without a scheme and a path.
func plain(name string) string {
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, "/")
	return name
}

func (r *reader) registryName(m *mirror) {
	want := plain(m.Registry)
	switch want {
	case "index.docker.io", "hub.docker.com", hubHost:
		want = hub
	}
	switch {
	case m.Registry == "":
		r.say(nameless, "empty", m.at, finding.Args{"what": "mirrors"})
	case route.OnHub(m.Registry):
		r.say(nameless, "hub", m.at, finding.Args{"name": m.Registry})
	case want != m.Registry && m.Registry != route.Any:
		f := r.say(nameless, "fix", m.at, finding.Args{"name": m.Registry, "want": want})
		if m.entry >= 0 {
			if e := r.set.within(m.entry, "registry"); e != nil {
				evidence.Cure(f, r.set.doc.Replace(e.Value, tomldoc.Quote(want)))
			}
		}
	}
}

// endpoint judges one URL of a mirror.
func (r *reader) endpoint(m *mirror, i int) {
	text, at := m.Endpoint[i], m.at
	if i < len(m.places) {
		at = m.places[i]
	}
	r.escape(at, "endpoint", m.Registry, text)
	args := finding.Args{"endpoint": evidence.URL(text), "why": "it is no URL"}
	u, err := address(text)
	switch {
	case err != nil:
		r.say(badEndpoint, "", at, args)
	case u.Host == "":
		args["why"] = "it names no host"
		r.say(badEndpoint, "", at, args)
	case u.Scheme != "http" && u.Scheme != "https":
		args["why"] = "no request can be made over " + u.Scheme
		r.say(badEndpoint, "", at, args)
	case !strings.Contains(text, "://"):
		args["scheme"] = u.Scheme
		f := r.say(noScheme, "", at, args)
		if i < len(m.places) && !strings.Contains(text, "@") {
			start := source.Offset(r.set.doc.Data, m.places[i])
			evidence.Cure(f, source.Edit{File: r.file.Path, Start: start + 1, End: start + 1, New: u.Scheme + "://"})
		}
	}
}

func (r *reader) escape(at source.Pos, key, name, value string) {
	if strings.ContainsAny(value, "\"\\") {
		r.say(unescaped, "", at, finding.Args{"key": key, "name": name})
	}
}

// wellKnown are passwords that registries are installed with.
var wellKnown = []string{"Harbor12345", "Harbor@12345", "admin", "admin123", "123456", "password", "changeme", "registry"}

func (r *reader) credential(c *credential) {
	args := finding.Args{"name": c.Registry, "want": plain(c.Registry), "what": "credentials"}
	if args["want"] == "index.docker.io" {
		args["want"] = hub
	}
	switch {
	case c.Registry == "":
		r.say(nameless, "empty", c.at, args)
	case c.Registry == route.Any:
		args["want"] = "the host that is asked"
		r.say(nameless, "auth", c.at, args)
	case args["want"] != c.Registry:
		r.say(nameless, "auth", c.at, args)
	}
	for _, kv := range [][2]string{{"registry", c.Registry}, {"username", c.Username}, {"password", c.Password}, {"identitytoken", c.IdentityToken}} {
		r.escape(r.keyAt(r.set, c.entry, c.at, kv[0]), kv[0], c.Registry, kv[1])
	}
	if c.Auth != "" && c.auth().IsZero() {
		r.say(badAuth, "", r.keyAt(r.set, c.entry, c.at, "auth"), args)
	}
	if slices.Contains(wellKnown, c.auth().Password.Reveal()) {
		r.say(defaultPassword, "", c.at, args)
	}
}
