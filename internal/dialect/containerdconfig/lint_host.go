package containerdconfig

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// host judges one entry of registry.configs.
func (l *lint) host(h Host) {
	l.hostKey(h)
	if h.Dropped != nil {
		l.say(tlsRemoved, "", h.TLSAt, finding.Args{"host": h.Name})
		l.migrates()
		l.only(h.Name)
	}
	if h.BadTLS != "" && l.ConfigPath.Value == "" {
		l.say(halfPair, "", h.TLSAt, finding.Args{"host": h.Name, "why": h.BadTLS})
		l.only(h.Name)
	}
	if h.BadAuth != "" {
		l.say(badLogin, "", h.AuthAt, finding.Args{"host": h.Name, "why": h.BadAuth})
		l.only(h.Name)
	}
	if wellKnown[strings.ToLower(h.Auth.Password.Reveal())] {
		l.say(wellKnownPassword, "", l.place("registry", "configs", h.Name, "auth", "password"), finding.Args{"host": h.Name})
		l.found[len(l.found)-1].Confidence = finding.Likely
	}
	if h.TLS != nil && l.ConfigPath.Value == "" {
		l.tlsUse(h)
	}
}

// wellKnown are passwords that registries are installed with, and common ones.
var wellKnown = map[string]bool{
	"harbor12345": true, "harbor@12345": true, "123456": true, "12345678": true, "password": true, "admin123": true, "admin": true, "nexus123": true, "changeme": true,
}

// only says that the last finding touches the pulls of one registry, if the
// host is not among the endpoints of others.
func (l *lint) only(host string) {
	for _, m := range l.Mirrors {
		for _, e := range m.Endpoints {
			if end, err := endpoint(e.Value); err == nil && end.Host == host && m.Name != host {
				return
			}
		}
	}
	if own := registriesAt(host); len(own) > 0 {
		l.found[len(l.found)-1].Registry = own[len(own)-1]
	}
}

// tlsUse: what the TLS settings of a host are good for.
func (l *lint) tlsUse(h Host) {
	plain, secure := "", h.Name == hubHost
	for _, m := range l.Mirrors {
		for _, e := range m.Endpoints {
			end, err := endpoint(e.Value)
			switch {
			case err != nil || end.Host != h.Name:
			case end.Scheme == "http":
				plain = end.String()
			default:
				secure = true
			}
		}
	}
	if plain != "" && !secure {
		l.say(plainTLS, "", h.TLSAt, finding.Args{"host": h.Name, "endpoint": plain})
		l.only(h.Name)
		return
	}
	if h.TLS.SkipVerify {
		l.say(verificationOff, "", l.place("registry", "configs", h.Name, "tls", "insecure_skip_verify"), finding.Args{"host": h.Name})
		l.only(h.Name)
	}
}

// place is where a setting of the image service stands, its table otherwise.
func (l *lint) place(keys ...string) source.Pos { return (&loading{Config: &l.Config}).place(keys...) }

// hostKey: keys of registry.configs that name no endpoint.
func (l *lint) hostKey(h Host) {
	if slices.ContainsFunc(l.Auths, func(a Host) bool { return a.At == h.At }) {
		return
	}
	want := ""
	switch {
	case h.Name == route.Any:
		l.say(hubKey, "any", h.At, finding.Args{"name": h.Name})
		return
	case h.Name == hubName || h.Name == "index.docker.io":
		want = hubHost
	case strings.Contains(h.Name, "/"):
		want = hostIn(h.Name)
	}
	if want == "" {
		l.mirrorKey(h)
		return
	}
	var edits []source.Edit
	for _, s := range l.spots("registry", "configs", h.Name) {
		edits = append(edits, s.layer.rename(s.keys, want)...)
	}
	edits = l.try(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Hosts, func(n Host) bool { return n.Name == want })
	})
	variant := ""
	if want != hubHost {
		variant = "url"
	}
	if variant == "" && edits == nil {
		variant = "hand"
	}
	l.say(hubKey, variant, h.At, finding.Args{"name": h.Name, "want": want})
	l.only(want)
	l.cure(edits)
}

// mirrorKey: the key is a registry's name, and its mirror has another.
func (l *lint) mirrorKey(h Host) {
	i := slices.IndexFunc(l.Mirrors, func(m Mirror) bool { return m.Name == h.Name })
	if i < 0 {
		return
	}
	var others []string
	for _, e := range l.Mirrors[i].Endpoints {
		end, err := endpoint(e.Value)
		if err != nil || end.Host == h.Name || slices.ContainsFunc(l.Hosts, func(o Host) bool { return o.Name == end.Host }) {
			return
		}
		others = append(others, end.Host)
	}
	if len(others) > 0 {
		l.say(mirrorKey, "", h.At, finding.Args{"name": h.Name, "host": strings.Join(others, ", ")})
	}
}
