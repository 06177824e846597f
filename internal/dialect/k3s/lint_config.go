package k3s

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// hostName checks that a key of configs can match the host of an endpoint.
func (r *reader) hostName(c config) {
	if c.name == wildcard || c.pair == nil {
		return
	}
	if want := plainHost(c.name); want != c.name {
		f := r.found(hostKey, "", c.at, finding.Args{"name": mask(c.name), "want": want})
		r.renameHost(f, c, want)
		return
	}
	if strings.Contains(c.name, ":") {
		return
	}
	if _, named := r.doc.spec.Mirrors[c.name]; named {
		return
	}
	asked := r.doc.endpointsAt(c.name)
	if len(asked) == 0 || slices.ContainsFunc(asked, func(a address) bool { return a.url.Port() == "" || r.has(a.url.Host) }) {
		return
	}
	want, text := asked[0].url.Host, asked[0].url.String()
	f := r.found(hostKey, "port", c.at, finding.Args{"name": c.name, "endpoint": mask(text), "want": want})
	if !slices.ContainsFunc(asked, func(a address) bool { return a.url.Host != want }) {
		r.renameHost(f, c, want)
	}
}

func (r *reader) has(name string) bool {
	_, ok := r.doc.spec.Configs[name]
	return ok
}

// plainHost is a key without scheme, path and login.
func plainHost(name string) string {
	if _, rest, found := strings.Cut(name, "://"); found {
		name = rest
	}
	name, _, _ = strings.Cut(name, "/")
	if _, rest, found := strings.Cut(name, "@"); found {
		name = rest
	}
	return name
}

func (r *reader) renameHost(f *finding.Finding, c config, want string) {
	if want != "" && !r.has(want) {
		r.edit(f, r.yaml.Replace(c.pair.Key, yamldoc.Write(want)))
	}
}

// credentialsOf checks that the credentials of a host are ever sent.
func (r *reader) credentialsOf(c config) {
	if c.Auth == nil {
		return
	}
	if _, why := c.auth(); why != "" {
		r.found(badAuth, "", c.place("auth", "auth"), finding.Args{"name": c.name, "why": why})
	}
	switch strings.ToLower(c.Auth.Password) {
	case "harbor12345", "harbor@12345", "123456", "12345678", "password", "admin123", "admin", "nexus123", "changeme":
		f := r.found(defaultPassword, "", c.place("auth", "password"), finding.Args{"name": c.name})
		*f = f.Sure(finding.Likely)
	}
	switch c.name {
	case wildcard:
		r.found(wildcardAuth, "", c.place("auth"), nil)
	case hub, "index.docker.io":
		f := r.found(hubName, "", c.at, finding.Args{"name": c.name})
		r.edit(f, r.toHubHost(c)...)
	}
}

// toHubHost gives the credentials of Docker Hub the name of its host. TLS
// settings stay under docker.io unless that name is under mirrors, too: without
// an entry of its own nothing would be rendered for docker.io.
func (r *reader) toHubHost(c config) []source.Edit {
	if r.has(hubHost) || c.pair == nil {
		return nil
	}
	_, mirrored := r.doc.spec.Mirrors[hub]
	if c.TLS == nil || mirrored || c.name != hub {
		return []source.Edit{r.yaml.Replace(c.pair.Key, hubHost)}
	}
	whole, ok := r.yaml.Lines(*c.pair)
	auth, fine := r.yaml.Lines(*c.child("auth"))
	if !ok || !fine || auth.End == auth.Start {
		return nil
	}
	text := string(r.yaml.Data[auth.Start:auth.End])
	if !strings.HasSuffix(text, "\n") {
		text += r.yaml.Break()
	}
	head := strings.Repeat(" ", r.yaml.Indent(c.pair.Key)) + hubHost + ":" + r.yaml.Break()
	return []source.Edit{r.yaml.Insert(whole.Start, head+text), r.yaml.Cut(auth)}
}

// tlsOf checks the TLS settings of a host.
func (r *reader) tlsOf(c config) {
	t := c.TLS
	if t == nil {
		return
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		have, lack := "cert_file", "key_file"
		if t.CertFile == "" {
			have, lack = lack, have
		}
		r.found(halfPair, "", c.place("tls", have), finding.Args{"have": have, "lack": lack, "namespaces": r.namespacesOf(c.name)})
	}
	if t.InsecureSkipVerify {
		r.found(unverified, "", c.place("tls", "insecure_skip_verify"), finding.Args{"name": c.name})
	}
	if servesItself(t.CertFile, t.KeyFile, c.name) {
		f := r.found(serverKey, "", c.place("tls", "cert_file"), nil)
		*f = f.Sure(finding.Likely)
	}
	for _, file := range [][2]string{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
		r.tlsFile(c, file[0], file[1])
	}
}

func (r *reader) tlsFile(c config, key, name string) {
	for _, dir := range r.dirsOf(c.name) {
		why := r.unreadable(dir, name, key == "ca_file")
		if why == "" {
			continue
		}
		args := finding.Args{"key": key, "path": name, "why": why, "namespaces": r.namespacesOf(c.name)}
		f := r.found(lostFile, "", c.place("tls", key), args)
		at := name
		if !path.IsAbs(name) {
			at = path.Join(r.certs(), dir, name)
		}
		*f = f.Saw(at+" "+why, at, "ls -l "+at)
		return
	}
}

// servesItself reports a client certificate that by its name is the registry's
// own: named after a host or after what it serves.
func servesItself(cert, key, host string) bool {
	if cert == "" || key == "" {
		return false
	}
	base := strings.ToLower(path.Base(cert))
	stem := strings.TrimSuffix(base, path.Ext(base))
	if strings.Contains(stem, "client") {
		return false
	}
	name, _, _ := splitHostPort(host)
	switch stem {
	case "server", "registry", "harbor", "tls", "domain", name:
		return true
	}
	return strings.Count(stem, ".") >= 2
}

// dirsOf lists the directories whose hosts.toml has the TLS settings of a host.
func (r *reader) dirsOf(name string) []string {
	var out []string
	for _, f := range r.hosts {
		if f.namespace == name || slices.ContainsFunc(f.entries, func(e entry) bool { return e.url.Host == defaultHost(name) }) ||
			f.root != nil && f.root.url != nil && f.root.url.Host == defaultHost(name) {
			out = append(out, f.dir)
		}
	}
	return out
}

// namespacesOf names the registries whose pulls use the settings of a host.
func (r *reader) namespacesOf(name string) string { return strings.Join(r.namespaces(name), ", ") }

// namespaces are those registries; the host itself when no file is made for one.
func (r *reader) namespaces(name string) []string {
	var out []string
	for _, f := range r.hosts {
		if slices.Contains(r.dirsOf(name), f.dir) {
			out = append(out, f.namespace)
		}
	}
	if len(out) == 0 {
		return []string{name}
	}
	return out
}

// wildcards checks what "*" does with this release.
func (r *reader) wildcards() {
	gen := generationOf(r.target.Version)
	if gen == inConfigToml {
		return
	}
	m, mirrored := r.place("mirrors")
	c, configured := r.place("configs")
	args := finding.Args{"version": r.title + " " + r.target.Version.String()}
	switch {
	case mirrored && gen == firstHosts:
		r.found(oldWildcard, "", m, args)
	case mirrored && wildcardLosesFallback(r.target.Version):
		r.found(wildcardFallback, "", m, args)
	}
	spec := r.doc.spec.Configs[wildcard]
	switch {
	case !configured || spec.TLS == nil && spec.Auth == nil:
	case !mirrored && gen >= rootHosts:
		r.found(wildcardFallback, "configs", c, args)
	case mirrored && spec.TLS.tls().Set && gen >= rootHosts:
		r.found(wildcardTLS, "", c, nil)
	}
}

// place is where "*" stands in a section.
func (r *reader) place(section string) (source.Pos, bool) {
	if section == "mirrors" {
		i := slices.IndexFunc(r.doc.mirrors, func(m mirror) bool { return m.name == wildcard })
		if i >= 0 {
			return r.doc.mirrors[i].at, true
		}
		return source.Pos{}, false
	}
	i := slices.IndexFunc(r.doc.configs, func(c config) bool { return c.name == wildcard })
	if i >= 0 {
		return r.doc.configs[i].at, true
	}
	return source.Pos{}, false
}

// fallback checks what the flags for the registry itself and for the embedded
// one do.
func (r *reader) fallback() {
	if r.set.embedded && len(r.doc.mirrors) == 0 {
		r.found(embeddedAlone, "", source.Pos{File: r.file.Path}, nil)
	}
	if !r.set.noDefault || generationOf(r.target.Version) == inConfigToml {
		return
	}
	with := 0
	for _, m := range r.doc.mirrors {
		if len(m.endpoints) == 0 && !r.set.embedded {
			continue
		}
		with++
		if r.has(m.name) && m.name != wildcard {
			r.found(flagQuirk, "", m.at, finding.Args{"name": m.name})
		}
	}
	if with == 0 {
		r.found(flagUnused, "", source.Pos{File: r.file.Path}, nil)
		return
	}
	for _, m := range r.doc.mirrors {
		if len(m.endpoints) == 0 && !r.set.embedded && !r.has(m.name) {
			r.found(flagUnused, "name", m.at, finding.Args{"name": m.name})
		}
	}
}

// escaped checks that a rewrite survives its way through hosts.toml, into which
// it goes without escaping.
func (r *reader) escaped(m mirror, rw route.Rewrite) {
	if !strings.ContainsAny(rw.Pattern+rw.Replacement, "\\\"\n\t") {
		return
	}
	args := finding.Args{"pattern": rw.Pattern, "name": m.name}
	variant := "changed"
	if r.refusedToml("\""+rw.Pattern+"\" = \""+rw.Replacement+"\"\n") != "" {
		variant = ""
	}
	f := r.found(rewriteEscape, variant, rw.From, args)
	pair := m.child("rewrite", rw.Pattern)
	if plain, ok := withoutEscapes(rw.Pattern); ok && pair != nil && !strings.ContainsAny(rw.Replacement, "\\\"") {
		r.edit(f, r.yaml.Replace(pair.Key, yamldoc.Write(plain)))
	}
}

// withoutEscapes writes a pattern without backslashes, if there is a way.
func withoutEscapes(pattern string) (string, bool) {
	classes := map[byte][2]string{ // outside and inside of brackets
		'.': {"[.]", "."}, '-': {"-", ""}, '/': {"/", "/"}, '_': {"_", "_"}, '+': {"[+]", "+"}, '*': {"[*]", "*"}, '?': {"[?]", "?"},
		'd': {"[0-9]", "0-9"}, 'w': {"[0-9A-Za-z_]", "0-9A-Za-z_"},
	}
	var b strings.Builder
	inside := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
			if i == len(pattern) {
				return "", false
			}
			text, ok := classes[pattern[i]]
			if !ok || text[inside] == "" {
				return "", false
			}
			b.WriteString(text[inside])
			continue
		case c == '"' || c == '\n' || c == '\t':
			return "", false
		case c == '[' && inside == 0:
			inside = 1
		case c == ']':
			inside = 0
		}
		b.WriteByte(pattern[i])
	}
	return b.String(), true
}

// generatedFiles checks that what is rendered can be read.
func (r *reader) generatedFiles() {
	if r.config != "" {
		at, name := source.Pos{File: r.file.Path}, "A name or value"
		for _, c := range r.doc.configs {
			if strings.ContainsAny(c.name, "[]\"'\\\n") {
				at, name = c.at, "configs."+mask(c.name)
			}
		}
		r.found(rewriteEscape, "config", at, finding.Args{"name": name, "why": mask(r.config), "pattern": ""})
		return
	}
	for _, f := range r.hosts {
		if r.serverOnly(f) {
			r.found(serverOnlyFile, "", f.from, finding.Args{
				"version": r.title + " " + r.target.Version.String(), "name": f.namespace, "containerd": r.target.Containerd.String(),
			})
		}
		if f.invalid == "" || slices.ContainsFunc(f.entries, func(e entry) bool { return hasEscape(e.rewrites) }) || generationOf(r.target.Version) == firstHosts {
			continue
		}
		r.found(rewriteEscape, "hosts", f.from, finding.Args{"name": f.namespace, "why": mask(f.invalid), "pattern": ""})
	}
}

func hasEscape(rules []route.Rewrite) bool {
	return slices.ContainsFunc(rules, func(rw route.Rewrite) bool { return strings.ContainsAny(rw.Pattern+rw.Replacement, "\\\"\n\t") })
}
