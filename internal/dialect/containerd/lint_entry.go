package containerd

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// endpoints judges every table of a file that containerd uses.
func (h *hostsFile) endpoints() []finding.Finding {
	var out []finding.Finding
	for i, e := range h.entries[:min(len(h.entries), maxEndpoints)] {
		if h.misread(e) {
			continue
		}
		for _, judge := range []func(entry) []finding.Finding{
			h.address, h.port, h.itself, h.rest, h.paths, h.trust, h.pushes, h.verification, h.local, h.ownCertificate, h.headers, h.leaks, h.timeouts, h.waits,
		} {
			for _, f := range judge(e) {
				out = append(out, about(f, e.endpoint))
			}
		}
		out = append(out, h.twice(i, e)...)
	}
	return append(out, h.whole()...)
}

// misread reports that an entry is what is left of an unquoted name, which has
// a finding of its own.
func (h *hostsFile) misread(e entry) bool {
	i, ok := h.within[strings.Join(e.table, sep)]
	if !ok || h.entry(e.table...) != nil {
		return false
	}
	p := h.doc.Entries[i].Path
	return h.doc.Entries[i].Kind == tomldoc.Header && len(p) > 2 && p[2] != "header" && p[2] != "rewrite"
}

// maxEndpoints bounds the work on absurd files: no pull gets to the end of it.
const maxEndpoints = 200

// key is the place of an entry's URL.
func (h *hostsFile) key(e entry) source.Pos {
	if e.table == nil {
		return h.at("server")
	}
	return h.at(e.table...)
}

// setting is the place and expression of a key of an entry.
func (h *hostsFile) setting(e entry, key ...string) (source.Pos, *tomldoc.Entry) {
	p := append(e.table[:len(e.table):len(e.table)], key...)
	return h.at(p...), h.entry(p...)
}

// address judges scheme and host.
func (h *hostsFile) address(e entry) []finding.Finding {
	if e.url == "" {
		return nil
	}
	want := tidy(e.url)
	args := finding.Args{"url": display(e.url), "want": display(want), "host": e.endpoint.Host, "why": e.endpoint.Broken, "got": e.endpoint.Scheme + "://" + e.endpoint.Host}
	var edits []source.Edit
	if want != e.url && h.doc != nil {
		edits = h.respell(e.url, want)
	}
	vary := func(k finding.Kind, mended, plain string) []finding.Finding {
		if h.cures(edits) {
			return []finding.Finding{with(h.found(k, mended, h.key(e), args), edits)}
		}
		return []finding.Finding{h.found(k, plain, h.key(e), args)}
	}
	scheme, _, hasScheme := strings.Cut(e.url, "://")
	switch {
	case e.table == nil && strings.Contains(e.url, "*"):
		args["want"] = h.ownURL()
		return []finding.Finding{with(h.found(serverPattern, "", h.key(e), args), h.edits(e.url, h.ownURL()))}
	case e.table == nil && h.upstream.Host == "":
		out := vary(brokenURL, "server-fix", "server")
		out[0].Ignores = true
		return out
	case e.endpoint.Broken != "" && brokenHeader(e.endpoint) == "":
		return vary(brokenURL, "fix", "")
	case hasScheme && !strings.HasPrefix(e.url, "http"):
		return vary(wrongScheme, "", "hand")
	case !plausible(e.endpoint.Host):
		return vary(malformedURL, "fix", "")
	case !hasScheme && scheme == e.url && !strings.HasPrefix(e.url, "http"):
		return vary(noScheme, "", "")
	case webSites[e.endpoint.Host]:
		args["want"] = "https://registry-1.docker.io"
		f := with(h.found(webSite, "", h.key(e), args), h.edits(e.url, "https://registry-1.docker.io"))
		if e.table == nil && slices.ContainsFunc(h.mirrors, func(m route.Endpoint) bool { return m.Host == "registry-1.docker.io" && servesTags(m) }) {
			f.Severity = finding.Info // asked only when Docker Hub itself has failed
		}
		return []finding.Finding{f}
	}
	return nil
}

// ownURL is the registry that a file is about, as server would name it.
func (h *hostsFile) ownURL() string {
	switch h.match {
	case route.Any, nobody:
		return ""
	case "docker.io":
		return "https://registry-1.docker.io"
	}
	return "https://" + h.match
}

var webSites = map[string]bool{"docker.io": true, "hub.docker.com": true, "www.docker.com": true}

func (h *hostsFile) edits(old, now string) []source.Edit {
	if h.doc == nil {
		return nil
	}
	if edits := h.respell(old, now); h.cures(edits) {
		return edits
	}
	return nil
}

// rest judges what containerd drops from a URL.
func (h *hostsFile) rest(e entry) []finding.Finding {
	full := e.url
	if full != "" && !strings.HasPrefix(full, "http") {
		full = "https://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" {
		return nil
	}
	var out []finding.Finding
	args := finding.Args{"host": u.Host}
	if u.User != nil {
		_, after, _ := strings.Cut(e.url, "@")
		before, _, _ := strings.Cut(e.url, "//")
		if before == e.url {
			before = ""
		} else {
			before += "//"
		}
		out = append(out, with(h.found(userInURL, "", h.key(e), args), h.edits(e.url, before+after)))
	}
	if i := strings.IndexAny(e.url, "?#"); i >= 0 {
		args["part"] = map[byte]string{'?': "the query", '#': "the fragment"}[e.url[i]]
		out = append(out, with(h.found(queryInURL, "", h.key(e), args), h.edits(e.url, e.url[:i])))
	}
	return out
}

// paths judges the root of the API.
func (h *hostsFile) paths(e entry) []finding.Finding {
	if e.url == "" || e.endpoint.Broken != "" || !plausible(e.endpoint.Host) {
		return nil
	}
	written := pathOf(e.url)
	args := finding.Args{"host": e.endpoint.Host, "got": e.endpoint.Path, "path": written}
	segments := strings.Split(strings.Trim(written, "/"), "/")
	switch {
	case e.settings.OverridePath && e.endpoint.Path == "":
		at, x := h.setting(e, "override_path")
		f := h.found(overrideRoot, "", at, args)
		if x == nil || x.Inline {
			return []finding.Finding{f}
		}
		start, end := h.lineAround(x.Start, x.End)
		return []finding.Finding{with(f, h.curing(h.edit(start, end, "")))}
	case e.settings.OverridePath || written == "" || strings.HasSuffix(written, "/v2"):
		return nil
	case segments[0] == "v2":
		return []finding.Finding{with(h.found(doubleV2, "", h.key(e), args), h.curing(h.insert(e, "override_path = true")...))}
	case len(segments) == 1 && !strings.HasPrefix(segments[0], "v1"):
		args["want"] = path.Join("/v2", written)
		return []finding.Finding{h.found(projectPath, "", h.key(e), args).Sure(finding.Possible)}
	}
	return nil
}

// pathOf is the path of a URL as it is written, without a slash at its end.
func pathOf(written string) string {
	var e route.Endpoint
	if address(&e, written, true) != nil {
		return ""
	}
	return e.Path
}

// curing gives edits back if containerd reads the file with them.
func (h *hostsFile) curing(edits ...source.Edit) []source.Edit {
	if h.cures(edits) {
		return edits
	}
	return nil
}

// insert puts a line into the table of an entry, behind its header; for the
// root of the file behind the line of server. Without a line of its own there
// is no place for it.
func (h *hostsFile) insert(e entry, line string) []source.Edit {
	at := h.entry(e.table...)
	if e.table == nil {
		at = h.entry("server")
	}
	if at == nil || e.table != nil && at.Kind != tomldoc.Header {
		return nil
	}
	_, end := h.lineAround(at.Start, at.End)
	text := h.indent(end) + line + h.newline()
	if end > 0 && h.data[end-1] != '\n' {
		text = h.newline() + text
	}
	return []source.Edit{h.edit(end, end, text)}
}

// indent is the white space with which the line at an offset begins.
func (h *hostsFile) indent(at int) string {
	end := at
	for end < len(h.data) && (h.data[end] == ' ' || h.data[end] == '\t') {
		end++
	}
	if end < len(h.data) && strings.IndexByte("\r\n[", h.data[end]) >= 0 {
		return ""
	}
	return string(h.data[at:end])
}

// twice reports an endpoint that stands in the file before.
func (h *hostsFile) twice(i int, e entry) []finding.Finding {
	for _, earlier := range h.entries[:i] {
		other := h.upstreamOr(e)
		again := e.table == nil && e.url != "" && e.url == earlier.url // perhaps over HTTPS first
		if !same(earlier.endpoint, other) && !again || other.Host == "" {
			continue
		}
		args := finding.Args{"host": other.Host, "url": display(e.url), "first": h.key(earlier).Line}
		switch {
		case e.table != nil && e.url != earlier.url:
			return []finding.Finding{about(h.found(duplicateHost, "", h.key(e), args), other)}
		case e.table == nil && e.url != "":
			return []finding.Finding{about(h.found(sameAsServer, "", h.key(e), args), other)}
		case e.table == nil:
			return []finding.Finding{about(h.found(sameAsServer, "registry", h.key(earlier), args), other)}
		}
	}
	return nil
}

// upstreamOr is the endpoint of an entry, the registry itself filled in.
func (h *hostsFile) upstreamOr(e entry) route.Endpoint {
	if e.table != nil || e.endpoint.Host != "" || h.match == route.Any {
		return e.endpoint
	}
	return route.Table{Target: h.target}.Default(h.match)
}

// timeouts judges dial_timeout.
func (h *hostsFile) timeouts(e entry) []finding.Finding {
	at, _ := h.setting(e, "dial_timeout")
	host := e.endpoint.Host
	if host == "" {
		host = spoken(h.match)
	}
	switch args := (finding.Args{"host": host}); {
	case e.endpoint.NoDialLimit:
		return []finding.Finding{h.found(oddTimeout, "", at, args)}
	case e.endpoint.DialTimeout < 0:
		f := h.found(oddTimeout, "negative", at, args)
		f.Severity = finding.Error
		return []finding.Finding{f}
	}
	return nil
}
