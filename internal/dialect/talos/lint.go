package talos

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// judge says what is wrong with a configuration that Talos takes.
func (r *reader) judge() {
	if r.refused {
		return
	}
	l := &lint{reader: r, hosts: map[string][]*mirror{}, mirrored: map[string]*mirror{}, verified: map[string]*tls{}}
	for _, m := range r.mirrors {
		l.mirrored[m.name] = m
		for _, e := range m.endpoints {
			if u, err := url.Parse(e.text); err == nil {
				l.hosts[u.Host] = append(l.hosts[u.Host], m)
			}
		}
	}
	for _, t := range r.tlses {
		l.verified[t.name] = t
	}
	for _, m := range r.mirrors {
		l.mirror(m)
	}
	for _, a := range r.auths {
		l.auth(a)
	}
	for _, t := range r.tlses {
		l.tls(t)
	}
}

type lint struct {
	*reader
	hosts    map[string][]*mirror // that have an endpoint at a host
	mirrored map[string]*mirror
	verified map[string]*tls
}

func (l *lint) mirror(m *mirror) {
	if want := registryName(m.name); want != m.name && m.name != wildcard {
		f := l.say(mirrorName, "", m.nameAt, finding.Args{"name": m.name, "want": want})
		if l.mirrored[want] == nil {
			l.rename(f, m.spot, want)
		}
	} else if route.OnHub(m.name) {
		l.say(mirrorName, "hub", m.nameAt, finding.Args{"name": m.name})
	}
	seen := map[string]bool{}
	for i, e := range m.endpoints {
		u, err := url.Parse(e.text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			l.oldEndpoint(m, e, err != nil)
			continue
		}
		// The last one with skipFallback is the server, not one of the hosts.
		if server := m.skip && i == len(m.endpoints)-1; seen[e.text] && !server {
			l.say(doubled, "", e.at, finding.Args{"endpoint": evidence.URL(e.text), "name": m.name}).Registry = registryOf(m)
		}
		seen[e.text] = true
		l.path(e, u)
		if x := l.verified[u.Host]; x != nil && !x.empty() && u.Scheme == "http" && u.Port() != "80" {
			l.say(tlsForPlain, "", e.at, finding.Args{"endpoint": evidence.URL(e.text), "host": u.Host}).Endpoint = e.text
		}
		if !m.skip && u.Scheme == "https" && u.Host == defaultHost(m.name) && strings.Trim(u.Path, "/") == "" && i == len(m.endpoints)-1 && l.verified[u.Host] == nil {
			l.say(ownEndpoint, "", e.at, finding.Args{"endpoint": e.text})
		}
	}
	if args := (finding.Args{"name": spoken(m.name)}); m.skip && len(m.endpoints) == 0 {
		l.say(onlyOne, "none", m.at, args)
	} else if m.skip && len(m.endpoints) == 1 {
		args["endpoint"] = evidence.URL(m.endpoints[0].text)
		l.say(onlyOne, "", m.endpoints[0].at, args)
	}
}

func spoken(name string) string {
	if name == wildcard {
		return "every other registry"
	}
	return name
}

func registryOf(m *mirror) string {
	if m.name == wildcard {
		return ""
	}
	return m.name
}

// registryName is what the name of a mirror was meant to be.
func registryName(name string) string {
	want := name
	if _, rest, ok := strings.Cut(name, "://"); ok {
		want = rest
	}
	want, _, _ = strings.Cut(want, "/")
	switch want {
	case "index.docker.io", hubHost, "hub.docker.com":
		return hub
	case "":
		return name
	}
	return want
}

// rename adds the edit that gives an entry another name.
func (l *lint) rename(f *finding.Finding, s spot, want string) {
	n := (*yamldoc.Node)(nil)
	if s.pair != nil {
		n = s.pair.Key
	} else if p := s.node.Get("name"); p != nil {
		n = p.Value
	}
	if n != nil && n.Kind == yamldoc.Scalar {
		evidence.Cure(f, l.edits(s.file, s.doc.Replace(n, yamldoc.Write(want)))...)
	}
}

// oldEndpoint judges an endpoint of machine.registries that is no http URL.
func (l *lint) oldEndpoint(m *mirror, e endpoint, broken bool) {
	variant := "old"
	if broken {
		variant = "barren"
	}
	want := e.text
	if _, rest, ok := strings.Cut(e.text, "://"); ok {
		want = rest
	}
	want = "https://" + want
	f := l.say(noScheme, variant, e.at, finding.Args{"endpoint": evidence.URL(e.text), "want": evidence.URL(want)})
	if !broken {
		f.Severity, f.Ignores = finding.Warning, false
	}
	if e.node != nil && e.node.Kind == yamldoc.Scalar && evidence.URL(want) == want {
		evidence.Cure(f, l.edits(m.file, m.doc.Replace(e.node, yamldoc.Write(want)))...)
	}
}

// path judges what containerd makes of the path of an endpoint.
func (l *lint) path(e endpoint, u *url.URL) {
	clean := path.Clean("/" + u.Path)
	switch {
	case e.override && clean == "/":
		l.say(doubleV2, "none", e.at, finding.Args{"endpoint": evidence.URL(e.text)})
	case !e.override && strings.HasPrefix(clean, "/v2/") && !strings.HasSuffix(clean, "/v2"):
		l.say(doubleV2, "", e.at, finding.Args{"endpoint": evidence.URL(e.text), "path": clean + "/v2/…"})
	}
}

// name judges the host that settings are for.
func (l *lint) name(s spot, what string) bool {
	args := finding.Args{"name": s.name, "what": what}
	want := s.name
	if _, rest, ok := strings.Cut(s.name, "://"); ok {
		want = rest
	}
	want, _, _ = strings.Cut(want, "/")
	switch m := l.mirrored[s.name]; {
	case s.name == wildcard:
		l.say(unusedName, "any", s.nameAt, args)
	case want != s.name:
		args["want"] = want
		l.rename(l.say(unusedName, "", s.nameAt, args), s, want)
	case len(l.hosts[s.name]) > 0 || s.name == hub && len(l.hosts[hubHost]) > 0:
		return true
	case m != nil && m.skip && len(m.endpoints) > 0:
		args["want"] = hostOf(m.endpoints[0])
		l.say(unusedName, "mirror", s.nameAt, args)
	case m == nil && !strings.Contains(s.name, ":"):
		if host := l.withPort(s.name); host != "" {
			args["want"], args["endpoint"] = host, host
			l.rename(l.say(unusedName, "port", s.nameAt, args), s, host)
			return false
		}
		return true
	default:
		return true
	}
	return false
}

func hostOf(e endpoint) string {
	if u, err := url.Parse(e.text); err == nil && u.Host != "" {
		return u.Host
	}
	return evidence.URL(e.text)
}

// withPort is the only endpoint's host that has the name and a port.
func (l *lint) withPort(name string) string {
	found := ""
	for host := range l.hosts {
		if bare, _, ok := strings.Cut(host, ":"); ok && bare == name {
			if found != "" {
				return ""
			}
			found = host
		}
	}
	return found
}

// wellKnown are passwords that registries are installed with.
var wellKnown = []string{"Harbor12345", "Harbor@12345", "admin", "admin123", "123456", "password", "changeme", "registry"}

func (l *lint) auth(a *auth) {
	l.name(a.spot, "the credentials")
	if a.name == hub && !hubAuth(l.target.Version) {
		f := l.say(hubAuthName, "", a.nameAt, finding.Args{"version": l.target.Version.String()})
		l.rename(f, a.spot, hubHost)
	}
	if a.username == "" && a.token == "" && a.encoded != "" {
		if _, _, ok := decodePair(a.encoded); !ok {
			l.say(badAuth, "", a.place("auth"), finding.Args{"name": a.name})
		}
	}
	if c := a.credentials(); slices.Contains(wellKnown, c.Password.Reveal()) {
		l.say(defaultPassword, "", a.nameAt, finding.Args{"name": a.name})
	}
}

func (l *lint) tls(t *tls) {
	if t.empty() {
		return
	}
	if t.name == wildcard {
		variant := ""
		if l.mirrored[wildcard] != nil {
			variant = "unused"
		}
		l.say(wildcardTLS, variant, t.nameAt, nil)
		return
	}
	used := l.name(t.spot, "the TLS settings")
	if m := l.mirrored[t.name]; used && m != nil && !m.skip && t.name != hub || t.name == hub && m != nil {
		l.say(fallbackTLS, "", t.nameAt, finding.Args{"name": t.name})
	}
	if t.skip {
		l.say(unverified, "", t.place("insecureSkipVerify"), finding.Args{"host": t.name}).Endpoint = ""
	}
	if t.pair == nil {
		return // judged when it was read
	}
	if t.ca != nil && !isCA(t.ca) {
		l.say(notPEM, "old", t.place("ca"), finding.Args{"name": t.name, "host": t.name})
	}
	if why := badPair(t.cert, t.key); t.client && why != "" && !strings.Contains(why, "PKCS") {
		l.say(badClient, "old", t.place("clientIdentity"), finding.Args{"name": t.name, "why": why})
	}
}
