package pullsecret

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// lint says what is accepted and does not mean what it should.
func (c *Config) lint() {
	for _, s := range c.secrets {
		if !s.ok {
			continue
		}
		if len(s.entries) == 0 {
			c.lintEmpty(s)
		}
		for _, key := range keyring.Keys(s.entries) {
			e := s.entries[key]
			l := keyring.Login{Key: key, User: e.User, Password: e.Password}
			if !c.lintShape(s, l) {
				c.lintKey(s, key)
				c.lintLogin(s, l)
			}
		}
		c.lintMode(s)
	}
	for _, u := range c.users {
		c.lintUser(u)
	}
}

// lintEmpty: nothing that the kubelet would take.
func (c *Config) lintEmpty(s *secret) {
	top := s.keysOf("")
	outside := slices.ContainsFunc(top, func(k string) bool { return strings.Contains(k, ".") || strings.Contains(k, "://") })
	switch {
	case !s.flat && outside:
		c.say(s, malformed, "flat", s.at(""), nil)
	case slices.Contains(top, "credsStore"):
		s.soften(c.say(s, noContent, "", s.at(""), finding.Args{"where": "credsStore"}), "credsStore")
	case slices.Contains(top, "credHelpers"):
		s.soften(c.say(s, noContent, "", s.at(""), finding.Args{"where": "credHelpers"}), "credHelpers")
	case !s.plain:
		c.say(s, noContent, "empty", s.at(""), nil)
	}
}

// soften makes a note of passwords that are in a store, where a config.json lies
// at a place that no kubelet reads: there it is the file of somebody who logged
// in, and as it should be.
func (s *secret) soften(f *finding.Finding, store string) {
	if s.plain && store != "" && !slices.Contains(paths, s.doc.File) {
		f.Severity = finding.Info
	}
}

// lintShape looks at an entry by what else stands in it; true: it holds nothing
// to judge further.
func (c *Config) lintShape(s *secret, l keyring.Login) bool {
	if s.flat && l.Key == "auths" && l.User == "" {
		c.say(s, malformed, "nested", s.at(l.Key), nil)
		return true
	}
	blank := l.User == "" && l.Password.IsZero()
	if m := s.member(l.Key); m != nil && m.Value.Kind == jsondoc.Object {
		for _, field := range []string{"identitytoken", "registrytoken"} {
			if t := m.Value.Get(field); t != nil && t.Value.Text != "" {
				c.say(s, dropped, "", s.at(l.Key), finding.Args{"key": evidence.URL(l.Key), "field": field})
				return blank
			}
		}
	}
	if !blank {
		return false
	}
	variant, where := "blank", ""
	for _, store := range []string{"credsStore", "credHelpers"} {
		if slices.Contains(s.keysOf(""), store) {
			variant, where = "entry", store
			break
		}
	}
	f := c.say(s, noContent, variant, s.at(l.Key), finding.Args{"key": evidence.URL(l.Key), "where": where})
	s.soften(f, where)
	if norm, ok := keyring.Normalise(l.Key); ok && !strings.Contains(norm, "*") {
		f.Registry, _, _ = strings.Cut(norm, "/")
		if f.Registry == keyring.Hub {
			f.Registry = hub
		}
	}
	return true
}

// lintKey finds keys that match nothing.
func (c *Config) lintKey(s *secret, key string) {
	args := finding.Args{"key": evidence.URL(key)}
	bare := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	norm, ok := keyring.Normalise(key)
	host, part, _ := strings.Cut(norm, "/")
	switch {
	case strings.ContainsAny(bare, "?[") && !strings.HasPrefix(bare, "["):
		c.say(s, patternKey, "marks", s.at(key), args)
	case strings.Contains(bare, ":*") || strings.Contains(part, "*"):
		c.say(s, patternKey, "", s.at(key), args)
	case !ok || host == "" || strings.ContainsAny(host, " \t"):
		c.say(s, noMatch, "url", s.at(key), args)
	case c.wrongHub(host, part):
		args["want"] = "https://index.docker.io/v1/"
		f := c.say(s, hubKey, "", s.at(key), args)
		f.Registry = hub
		c.rename(f, s, key, "https://index.docker.io/v1/")
	case (part == "v1" || part == "v2") && host != hub && host != keyring.Hub:
		args["version"], args["want"] = part, host
		c.rename(c.say(s, noMatch, "version", s.at(key), args), s, key, host)
	}
}

// wrongHub reports a key that is meant for Docker Hub and not found there, while
// no other is.
func (c *Config) wrongHub(host, part string) bool {
	if len(c.Ring.Of(hub)) > 0 || len(c.Ring.Of(keyring.Hub)) > 0 {
		return false
	}
	version := part == "v1" || part == "v2"
	return neverHub(host, part) || host == hub && version
}

// rename cures a key, where it stands in a file of its own.
func (c *Config) rename(f *finding.Finding, s *secret, key, want string) {
	holder := s.holder()
	if m := s.member(key); s.plain && m != nil && holder.Get(want) == nil {
		evidence.Cure(f, (&jsondoc.Doc{File: s.doc.File, Data: s.content}).Replace(m.Name, jsondoc.Write(want)))
	}
}

// empty is what people leave for others to fill in.
var empty = regexp.MustCompile(`^(\$\{[A-Za-z_]\w*\}|\$\([^)]*\)|<[A-Za-z][^<>]*>|\{\{.*\}\})$`)

// lintLogin judges user name and password.
func (c *Config) lintLogin(s *secret, l keyring.Login) {
	at, args := s.at(l.Key), finding.Args{"key": evidence.URL(l.Key)}
	for _, field := range [][2]string{{"user name", l.User}, {"password", l.Password.Reveal()}} {
		args, value := finding.Args{"key": args["key"], "what": field[0]}, field[1]
		switch {
		case strings.HasSuffix(value, "\n"):
			c.say(s, lineBreak, "", at, args)
		case empty.MatchString(value):
			c.say(s, placeholder, "", at, args)
		}
	}
	if l.User == "robot" {
		c.say(s, placeholder, "robot", at, args).Severity = finding.Info
	}
	if l.WellKnown() {
		c.say(s, defaultPassword, "", at, args)
	}
	if t, ok := l.Token(); ok {
		args["cloud"], args["life"] = t.Cloud, fmt.Sprintf("%d h", int(t.Life.Hours()))
		variant := ""
		if !t.Expires.IsZero() {
			variant, args["expires"] = "dated", t.Expires.Format(time.RFC3339)
		}
		c.say(s, shortLived, variant, at, args)
	}
}

// lintMode looks at files in the place from which the kubelet reads them.
func (c *Config) lintMode(s *secret) {
	i := slices.IndexFunc(c.book.Files, func(f source.File) bool { return f.Path == s.doc.File })
	if !s.plain || i < 0 || !slices.Contains(paths, s.doc.File) {
		return
	}
	mode := c.book.Files[i].Mode.Perm()
	if mode&0o044 == 0 || !slices.ContainsFunc(keyring.Keys(s.entries), func(k string) bool { return !s.entries[k].Password.IsZero() }) {
		return
	}
	f := c.say(s, openFile, "", s.at(""), finding.Args{"mode": fmt.Sprintf("%04o", mode)})
	f.At.Line, f.At.Column = 0, 0
	f.Fix.Run = []string{"chmod 600 " + evidence.Quote(s.doc.File)}
}

// lintUser holds the secrets that somebody names to the images that are pulled
// with them.
func (c *Config) lintUser(u user) {
	var ring keyring.Ring
	var mine []*secret
	for _, name := range u.secrets {
		near, far := c.named(name, u.namespace)
		if near == nil && far != nil {
			c.say(far, otherNamespace, "", u.at, finding.Args{"who": u.who, "namespace": u.namespace, "other": far.namespace})
		}
		if near != nil && near.ok {
			mine = append(mine, near)
			for key := range near.entries {
				ring.Add(keyring.Login{Key: key})
			}
		}
	}
	for _, typed := range u.images {
		ref, err := route.ParseRef(typed)
		if err != nil || len(mine) == 0 {
			continue
		}
		name := ref.Registry + "/" + ref.Repository
		found := ring.Lookup(name)
		if len(found) == 0 {
			c.nearMiss(u, mine, ring.Keys(), ref)
			continue
		}
		c.lintPrefix(mine, found, name)
	}
}

// nearMiss finds a key that is meant for an image and does not match it.
func (c *Config) nearMiss(u user, mine []*secret, keys []string, ref route.Ref) {
	for _, key := range keys {
		host, _, _ := strings.Cut(key, "/")
		bare, image := hostOf(host), hostOf(ref.Registry)
		suffix, wild := strings.CutPrefix(bare, "*")
		s := mine[0]
		for _, m := range mine {
			if slices.ContainsFunc(keyring.Keys(m.entries), func(k string) bool { n, _ := keyring.Normalise(k); return n == key }) {
				s = m
			}
		}
		switch {
		case wild && strings.HasPrefix(suffix, ".") && strings.HasSuffix(image, suffix) && strings.Count(image, ".") > strings.Count(bare, "."):
			more := strings.Repeat("*.", strings.Count(image, ".")-strings.Count(bare, "."))
			c.say(s, patternKey, "labels", s.at(key), finding.Args{"key": key, "image": ref.String(), "want": more + key})
		case bare == image && host != ref.Registry:
			c.say(s, noMatch, "unused", s.at(key), finding.Args{"image": ref.String(), "who": u.who, "want": ref.Registry})
		default:
			continue
		}
		return
	}
}

// lintPrefix finds an image that only a path for another name matches.
func (c *Config) lintPrefix(mine []*secret, found []keyring.Login, image string) {
	key := ""
	for _, l := range found {
		norm, _ := keyring.Normalise(l.Key)
		_, part, _ := strings.Cut(norm, "/")
		if part == "" || strings.HasSuffix(norm, "/") || image == norm || strings.HasPrefix(image, norm+"/") {
			return
		}
		key = l.Key
	}
	for _, s := range mine {
		if _, there := s.entries[key]; there {
			c.say(s, prefixKey, "", s.at(key), finding.Args{"key": key, "image": image, "want": key + "/"})
			return
		}
	}
}

// hostOf is a host without its port.
func hostOf(host string) string {
	if port := route.Port(host); port != "" {
		return strings.TrimSuffix(host, ":"+port)
	}
	return host
}
