package k3s

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// meaning looks at what the file says, entry by entry.
func (r *reader) meaning() {
	if r.set.external != "" {
		return
	}
	for _, m := range r.doc.mirrors {
		r.mirrorName(m)
		r.endpoints(m)
		r.rewrites(m)
	}
	for _, c := range r.doc.configs {
		r.hostName(c)
		r.credentialsOf(c)
		r.tlsOf(c)
	}
	r.wildcards()
	r.fallback()
	r.generatedFiles()
}

// mirrorName checks that a key of mirrors can match an image.
func (r *reader) mirrorName(m mirror) {
	want := m.name
	switch {
	case m.name == wildcard || m.pair == nil:
		return
	case strings.Contains(m.name, "://"):
		_, want, _ = strings.Cut(m.name, "://")
	}
	want, _, _ = strings.Cut(want, "/")
	switch want {
	case "index.docker.io", hubHost, "hub.docker.com", "dockerhub", "docker.com":
		want = hub
	}
	if want == m.name && route.OnHub(want) {
		r.found(namespaceKey, "hub", m.at, finding.Args{"name": m.name})
	}
	if want == m.name || want == "" {
		return
	}
	f := r.found(namespaceKey, "", m.at, finding.Args{"name": m.name, "want": want})
	if _, taken := r.doc.spec.Mirrors[want]; !taken {
		r.edit(f, r.yaml.Replace(m.pair.Key, yamldoc.Write(want)))
	}
}

// endpoints checks the list of one namespace.
func (r *reader) endpoints(m mirror) {
	seen := map[string]bool{}
	own, _ := normalise(m.name, "")
	for i, e := range m.endpoints {
		a, err := normalise(e.text, "")
		switch {
		case typographic(e.text):
			continue // said already
		case err != nil || a.broken() != "" || a.url.Hostname() == "https" || a.url.Hostname() == "http":
			r.badEndpoint(e, a, err)
			continue
		}
		r.oddURL(e, a)
		if !strings.Contains(e.text, "://") {
			r.schemeless(e, a)
		}
		if seen[a.url.String()] {
			r.doubledEndpoint(m, i)
		}
		seen[a.url.String()] = true
		if m.name != wildcard && own.url != nil && a.url.Host == own.url.Host && a.url.Scheme == own.url.Scheme && a.url.Path == own.url.Path {
			r.ownEndpoint(m, i)
		}
		r.plainEndpoint(m, e, a)
		r.foreignMirror(m, e, a)
		r.tlsOnPlain(e, a)
	}
	r.siblings(m)
}

// badEndpoint reports an endpoint that is skipped or can never answer.
func (r *reader) badEndpoint(e endpoint, a address, err error) {
	args := finding.Args{"endpoint": mask(e.text)}
	if err != nil {
		args["why"] = mask(reason(err))
		f := r.found(badURL, "", e.at, args)
		if want := repaired(e.text); want != "" && e.node != nil {
			f.Fix = &finding.Fix{Text: "write " + want, Run: []string{"systemctl restart " + r.unit()}}
			r.edit(f, r.yaml.Replace(e.node, yamldoc.Write(want)))
		}
		return
	}
	args["why"], args["want"] = cmp.Or(a.broken(), "its host would be "+a.url.Hostname()), "http:// or https:// and a host"
	want := repaired(e.text)
	if want != "" {
		args["want"] = want
	}
	f := r.found(badURL, "scheme", e.at, args)
	if want != "" && e.node != nil {
		r.edit(f, r.yaml.Replace(e.node, yamldoc.Write(want)))
	}
}

func typographic(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return yamldoc.SmartQuotes[c] != "" })
}

// reason is the last part of an error of net/url, which has no secrets in it.
func reason(err error) string {
	text := err.Error()
	if u, ok := err.(*url.Error); ok {
		text = u.Err.Error()
	}
	return text
}

var twistedScheme = regexp.MustCompile(`^(?i)(https?|http:s|https;|http;|htps|htpps|htttps?)\s*:?/{1,3}`)

// repaired writes the scheme of a URL as it was meant, or "".
func repaired(text string) string {
	text = strings.TrimSpace(text)
	m := twistedScheme.FindString(text)
	if m == "" {
		return ""
	}
	scheme := "https://"
	if strings.EqualFold(strings.TrimRight(m, ":/; "), "http") {
		scheme = "http://"
	}
	fixed := scheme + text[len(m):]
	if u, err := url.Parse(fixed); err != nil || u.Hostname() == "" || fixed == text {
		return ""
	}
	return fixed
}

// oddURL reports parts of a URL that are no part of an endpoint.
func (r *reader) oddURL(e endpoint, a address) {
	clean := *a.url
	args := finding.Args{"endpoint": mask(e.text), "host": a.url.Host}
	if clean.User != nil {
		clean.User = nil
		r.found(loginInURL, "", e.at, args)
	}
	if clean.RawQuery != "" || clean.Fragment != "" || clean.ForceQuery {
		clean.RawQuery, clean.Fragment, clean.ForceQuery = "", "", false
		args["want"] = clean.String()
		f := r.found(badURL, "query", e.at, args)
		if e.node != nil {
			r.edit(f, r.yaml.Replace(e.node, yamldoc.Write(clean.String())))
		}
	}
}

func (r *reader) schemeless(e endpoint, a address) {
	f := r.found(noScheme, "", e.at, finding.Args{"endpoint": mask(e.text), "scheme": a.url.Scheme})
	if e.node != nil {
		r.edit(f, r.yaml.Replace(e.node, yamldoc.Write(a.url.Scheme+"://"+e.text)))
	}
}

func (r *reader) doubledEndpoint(m mirror, i int) {
	variant := ""
	if generationOf(r.target.Version) == firstHosts {
		variant = "fatal"
	}
	f := r.found(doubled, variant, m.endpoints[i].at, finding.Args{"endpoint": mask(m.endpoints[i].text)})
	if variant != "" {
		f.Severity = finding.Error
	}
	r.edit(f, r.withoutItem(m, i)...)
}

// withoutItem takes the line of an endpoint away, if it has one of its own.
func (r *reader) withoutItem(m mirror, i int) []source.Edit {
	n := m.endpoints[i].node
	if n == nil || len(m.endpoints) < 2 {
		return nil
	}
	line := r.yaml.Line(n.At.Line)
	text := strings.TrimSpace(string(r.yaml.Data[line.Start:n.Start]))
	if text != "-" || r.yaml.Pos(n.End).Line != n.At.Line {
		return nil
	}
	end := line.End
	for end < len(r.yaml.Data) && (r.yaml.Data[end] == '\r' || r.yaml.Data[end] == '\n') {
		end++
		if r.yaml.Data[end-1] == '\n' {
			break
		}
	}
	return []source.Edit{{Start: line.Start, End: end}}
}

// ownEndpoint reports the registry itself among its mirrors.
func (r *reader) ownEndpoint(m mirror, i int) {
	if len(m.endpoints) == 1 {
		return
	}
	e := m.endpoints[i]
	args := finding.Args{"endpoint": mask(e.text)}
	if i+1 == len(m.endpoints) {
		f := r.found(defaultListed, "", e.at, args)
		r.edit(f, r.withoutItem(m, i)...)
		return
	}
	if r.set.noDefault {
		return
	}
	args["later"] = mask(m.endpoints[i+1].text)
	f := r.found(defaultEarly, "", e.at, args)
	cut := r.withoutItem(m, i)
	last := m.endpoints[len(m.endpoints)-1].node
	if cut == nil || last == nil || !strings.HasSuffix(string(r.yaml.Data[cut[0].Start:cut[0].End]), "\n") {
		return
	}
	line := r.yaml.Line(r.yaml.Pos(last.End).Line)
	moved := strings.TrimRight(string(r.yaml.Data[cut[0].Start:cut[0].End]), "\r\n")
	r.edit(f, cut[0], r.yaml.Insert(line.End, r.yaml.Break()+moved))
}

// plainEndpoint reports a registry that is served over http only.
func (r *reader) plainEndpoint(m mirror, e endpoint, a address) {
	if a.url.Scheme != "http" || a.url.Host != m.name || r.set.noDefault || isLocalhost(m.name) {
		return
	}
	if r.configOf(a.name).TLS.tls().Set {
		return
	}
	r.found(plainFallback, "", e.at, finding.Args{"endpoint": mask(e.text), "name": m.name})
}

// configOf is the config that an endpoint gets.
func (r *reader) configOf(name string) configSpec {
	if c, ok := r.doc.spec.Configs[defaultHost(name)]; ok {
		return c
	}
	return r.doc.spec.Configs[name]
}

func (r *reader) tlsOnPlain(e endpoint, a address) {
	if a.url.Scheme != "http" || !r.configOf(a.name).TLS.tls().Set {
		return
	}
	variant := ""
	if !r.target.Containerd.Since("1.6.25", "1.7.7", "2.0.0") {
		variant = "unused"
	}
	r.found(tlsOnHTTP, variant, e.at, finding.Args{"endpoint": mask(e.text), "host": a.name})
}

// publicMirrors are domains of mirrors that are run for everybody.
var publicMirrors = []string{
	"nju.edu.cn", "ustc.edu.cn", "tuna.tsinghua.edu.cn", "sjtug.sjtu.edu.cn", "daocloud.io", "aliyuncs.com", "163.com",
	"tencentyun.com", "docker-cn.com", "dockerproxy.com", "dockerproxy.net", "1ms.run", "1panel.live", "baidubce.com",
	"azk8s.cn", "qiniu.com", "hub.rat.dev", "xuanyuan.me", "rainbond.cc", "linkedbus.com", "timeweb.cloud", "iranserver.com",
}

// publicRegistries are the registries that everybody pulls from.
var publicRegistries = []string{hub, "ghcr.io", "quay.io", "gcr.io", "k8s.gcr.io", "registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws", wildcard}

// foreignMirror reports a mirror that somebody else runs for a public registry.
func (r *reader) foreignMirror(m mirror, e endpoint, a address) {
	if !slices.Contains(publicRegistries, m.name) {
		return
	}
	host := a.url.Hostname()
	for _, domain := range publicMirrors {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			f := r.found(thirdParty, "", e.at, finding.Args{"host": host, "name": m.name})
			*f = f.Sure(finding.Likely)
			return
		}
	}
}

// siblings compares the credentials of one namespace's endpoints.
func (r *reader) siblings(m mirror) {
	var without []endpoint
	some := false
	for _, e := range m.endpoints {
		a, err := normalise(e.text, "")
		if err != nil || a.broken() != "" || a.name == m.name && len(m.endpoints) == 1 {
			continue
		}
		if c, ok := r.doc.spec.Configs[a.url.Host]; ok && c.Auth != nil {
			some = true
		} else if a.name != hub {
			without = append(without, e)
		}
	}
	if some {
		for _, e := range without {
			a, _ := normalise(e.text, "")
			f := r.found(otherHost, "sibling", e.at, finding.Args{"endpoint": mask(e.text), "name": m.name, "host": a.name})
			*f = f.Sure(finding.Possible)
		}
		return
	}
	if c, ok := r.doc.spec.Configs[m.name]; !ok || m.name == wildcard || c.Auth == nil && c.TLS == nil || len(without) == 0 {
		return
	}
	at := m.at
	if c, ok := r.doc.config(m.name); ok {
		at = c.at
	}
	a, _ := normalise(without[0].text, "")
	if a.url.Host == defaultHost(m.name) || m.name == hub {
		return
	}
	f := r.found(otherHost, "", at, finding.Args{"name": m.name, "endpoint": mask(without[0].text), "host": a.name})
	*f = f.Sure(finding.Likely)
}

// rewrites checks the rules of one namespace.
func (r *reader) rewrites(m mirror) {
	var fine []route.Rewrite
	for _, rw := range m.rewrites {
		if _, err := regexp.Compile(rw.Pattern); err != nil {
			r.found(badRewrite, "", rw.From, finding.Args{"pattern": rw.Pattern, "why": strings.TrimPrefix(err.Error(), "error parsing regexp: ")})
			continue
		}
		fine = append(fine, rw)
		r.escaped(m, rw)
		if strings.Contains(rw.Pattern, "(") && !strings.Contains(rw.Pattern, "(?") && !strings.Contains(rw.Replacement, "$") &&
			(strings.HasSuffix(rw.Replacement, "/") || rw.Replacement == "" || strings.HasSuffix(rw.Replacement, "-")) {
			f := r.found(lostDollar, "", rw.From, finding.Args{"pattern": rw.Pattern, "replacement": `"` + rw.Replacement + `"`})
			*f = f.Sure(finding.Likely)
		}
	}
	if len(fine) > 1 && overlap(fine) {
		r.found(manyRewrites, "", fine[0].From, finding.Args{"count": len(fine), "name": m.name})
	}
	r.rewrittenDefault(m, len(fine) > 0)
}

// overlap reports whether two patterns may match one name: they may unless both
// are anchored and begin with texts of which neither is the beginning of the other.
func overlap(rules []route.Rewrite) bool {
	for i, a := range rules {
		for _, b := range rules[i+1:] {
			x, y := anchored(a.Pattern), anchored(b.Pattern)
			if x == "" || y == "" || strings.HasPrefix(x, y) || strings.HasPrefix(y, x) {
				return true
			}
		}
	}
	return false
}

func anchored(pattern string) string {
	rest, is := strings.CutPrefix(pattern, "^")
	if !is {
		return ""
	}
	re, err := regexp.Compile(rest)
	if err != nil {
		return ""
	}
	prefix, _ := re.LiteralPrefix()
	return prefix
}

// rewrittenDefault reports rewrites that apply to no endpoint at all.
func (r *reader) rewrittenDefault(m mirror, some bool) {
	if !some || generationOf(r.target.Version) == inConfigToml || r.set.noDefault {
		return
	}
	if len(m.endpoints) == 0 {
		r.found(rewriteDefault, "none", m.at, finding.Args{"name": m.name})
		return
	}
	own, err := normalise(m.name, "")
	if err != nil || m.name == wildcard {
		return
	}
	for _, e := range m.endpoints {
		if a, err := normalise(e.text, ""); err == nil && a.url.String() != own.url.String() {
			return
		}
	}
	r.found(rewriteDefault, "", m.at, finding.Args{"name": m.name})
}
