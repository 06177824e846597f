package containerd

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// keys lists the keys of a table that some containerd understands.
var keys = []string{"capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout", "rewrite"}

// synonyms maps words that people write to the keys that they mean.
var synonyms = map[string]string{
	"capability": "capabilities", "caps": "capabilities", "cacert": "ca", "ca_cert": "ca", "ca_file": "ca", "cafile": "ca", "ca-file": "ca", "cas": "ca",
	"client_cert": "client", "clients": "client", "cert": "client", "certs": "client", "headers": "header", "overridepath": "override_path", "override-path": "override_path",
	"dialtimeout": "dial_timeout", "dial-timeout": "dial_timeout", "timeout": "dial_timeout", "rewrites": "rewrite", "servers": "server",
	"hosts": "host", "mirror": "host", "mirrors": "host", "registry": "host", "registries": "host", "endpoint": "host", "endpoints": "host",
}

// insecure and logins are further words for what containerd calls otherwise.
var (
	insecure = []string{"skipverify", "skip-verify", "insecure", "insecure_skip_verify", "insecure-skip-verify", "tls_verify", "tls-verify", "verify", "skip_tls_verify", "plain_http", "tls"}
	logins   = []string{"username", "user", "password", "auth", "identitytoken", "token", "credentials"}
)

// unknown reports keys and tables that this containerd ignores.
func (h *hostsFile) unknown() []finding.Finding {
	var out []finding.Finding
	var ignored []string // path of the last table that was reported
	for i := range h.doc.Entries {
		e := &h.doc.Entries[i]
		if ignored != nil && len(e.Path) >= len(ignored) && slices.Equal(e.Path[:len(ignored)], ignored) {
			continue
		}
		if f, whole := h.unknownEntry(e); f != nil {
			out = append(out, *f)
			if whole {
				ignored = e.Path
			}
		}
		if len(out) == maxOfKind {
			break
		}
	}
	return out
}

// unknownEntry judges one expression; whole says that everything below its
// path is ignored with it.
func (h *hostsFile) unknownEntry(e *tomldoc.Entry) (f *finding.Finding, whole bool) {
	host := len(e.Path) > 1 && e.Path[0] == "host"
	var key string
	switch {
	case len(e.Path) == 1 || host && len(e.Path) == 3:
		key = e.Path[len(e.Path)-1]
	case !host && e.Kind != tomldoc.Value:
		key = e.Path[0]
	case host && len(e.Path) > 3 && e.Kind != tomldoc.Value:
		key = e.Path[2]
	default:
		return nil, false
	}
	if h.knows(key, host) {
		return nil, false
	}
	at := e.At
	if e.Kind != tomldoc.Value {
		return h.unknownTable(e, key, at), true
	}
	if host && key == "server" {
		return h.lateServer(e), false
	}
	if lower := strings.ToLower(key); lower != key && (slices.Contains(keys, lower) || lower == "server" && !host) {
		return h.caseOf(e, lower), false
	}
	return h.unknownKey(e, key), true
}

// knows reports that a key counts in a table: below a host, or at the root.
func (h *hostsFile) knows(key string, host bool) bool {
	switch {
	case key == "rewrite" && !h.target.Fork, key == "dial_timeout" && !hasDialTimeout(h.target):
		return true // they have findings of their own
	case slices.Contains(keys, key):
		return true
	}
	return !host && (key == "server" || key == "host")
}

func (h *hostsFile) unknownKey(e *tomldoc.Entry, key string) *finding.Finding {
	args := finding.Args{"key": key}
	lower := strings.ToLower(key)
	want := synonyms[lower]
	if want == "" {
		want = nearest(lower, append(keys[:len(keys):len(keys)], "server"))
	}
	var f finding.Finding
	switch {
	case slices.Contains(insecure, lower) || want == "skip_verify":
		f = h.found(unknownKey, "insecure", e.At, args)
	case slices.Contains(logins, lower):
		f = h.found(unknownKey, "login", e.At, args)
	case want == "" || want == "host" || h.entry(append(slices.Clone(e.Path[:len(e.Path)-1]), want)...) != nil:
		f = h.found(unknownKey, "", e.At, args)
	default:
		args["want"] = want
		f = h.cured(h.found(unknownKey, "want", e.At, args), h.renameKey(e, want))
	}
	return &f
}

// renameKey replaces the last part of an expression's key.
func (h *hostsFile) renameKey(e *tomldoc.Entry, want string) []source.Edit {
	text := h.doc.Text(e.Key)
	p := part(text, 0)
	for p.End < len(text) {
		dot := strings.IndexByte(text[p.End:], '.')
		if dot < 0 {
			break
		}
		p = part(text, p.End+dot+1)
	}
	return []source.Edit{h.edit(e.Key.Start+p.Start, e.Key.Start+p.End, want)}
}

func (h *hostsFile) unknownTable(e *tomldoc.Entry, key string, at source.Pos) *finding.Finding {
	table := h.doc.Text(tomldoc.Span{Start: e.Start, End: e.End})
	if len(e.Path) > 2 && e.Path[0] == "host" {
		return h.brokenName(e, table)
	}
	args := finding.Args{"table": table}
	lower := strings.ToLower(key)
	if e.Kind == tomldoc.Header && (lower == "host" || synonyms[lower] == "host") && len(e.Path) > 1 {
		text := h.doc.Text(e.Key)
		p := part(text, 0)
		args["want"] = "[host" + text[p.End:] + "]"
		f := h.cured(h.found(unknownTable, "want", at, args), []source.Edit{h.edit(e.Key.Start+p.Start, e.Key.Start+p.End, "host")})
		return h.atHost(f, e.Path[1])
	}
	f := h.found(unknownTable, "", at, args)
	if lower != "host" && synonyms[lower] == "" {
		f.Severity = finding.Warning
	}
	return &f
}

// brokenName reports a host that lost its quotes and with them its name.
func (h *hostsFile) brokenName(e *tomldoc.Entry, table string) *finding.Finding {
	text := h.doc.Text(e.Key)
	p := second(text)
	if p.Start >= len(text) || text[p.Start] == '"' || text[p.Start] == '\'' || e.Kind != tomldoc.Header {
		f := h.found(unknownTable, "", e.At, finding.Args{"table": table})
		f.Severity = finding.Warning
		return &f
	}
	name := strings.Join(e.Path[1:], ".")
	f := h.cured(h.found(unquotedHost, "", e.At, finding.Args{"table": table, "got": e.Path[1]}), []source.Edit{h.edit(e.Key.Start+p.Start, e.Key.End, tomlString("https://"+name))})
	return h.atHost(f, e.Path[1])
}

// atHost ties a finding to the endpoint that a host's name stands for.
func (h *hostsFile) atHost(f finding.Finding, written string) *finding.Finding {
	var e route.Endpoint
	if address(&e, written, false) == nil && e.Host != "" {
		f.Endpoint = e.String()
	}
	return &f
}

func (h *hostsFile) caseOf(e *tomldoc.Entry, want string) *finding.Finding {
	variant := ""
	if grammar(h.target) == tomldoc.V1 {
		if strings.ToUpper(want) == e.Path[len(e.Path)-1] {
			return nil
		}
		variant = "ignored"
	}
	f := h.cured(h.found(keyCase, variant, e.At, finding.Args{"key": e.Path[len(e.Path)-1], "want": want}), h.renameKey(e, want))
	if variant != "" {
		f.Severity, f.Ignores = finding.Error, true
		if want == "skip_verify" && f.Fix != nil {
			f.Fix = nil
		}
	}
	return &f
}

// lateServer reports a server below a host, and moves it to the top.
func (h *hostsFile) lateServer(e *tomldoc.Entry) *finding.Finding {
	args := finding.Args{"table": "[host." + display(e.Path[1]) + "]"}
	if h.entry("server") != nil || e.Inline {
		f := h.found(lateServer, "hand", e.At, args)
		return &f
	}
	start, end := h.lineAround(e.Start, e.End)
	top, _ := h.lineAround(h.firstHeader(), h.firstHeader())
	line := strings.TrimLeft(string(h.data[start:end]), " \t")
	if !strings.HasSuffix(line, "\n") {
		line += h.newline()
	}
	f := h.cured(h.found(lateServer, "", e.At, args), []source.Edit{h.edit(top, top, line), h.edit(start, end, "")})
	return &f
}

// firstHeader is where the root of the file ends.
func (h *hostsFile) firstHeader() int {
	for _, e := range h.doc.Entries {
		if e.Kind != tomldoc.Value {
			return e.Start
		}
	}
	return len(h.data)
}

// versions reports keys that other versions know.
func (h *hostsFile) versions() []finding.Finding {
	var out []finding.Finding
	for _, e := range h.doc.Entries {
		host := ""
		switch {
		case len(e.Path) == 3 && e.Path[0] == "host":
			host = e.Path[1]
		case len(e.Path) != 1:
			continue
		}
		switch key := e.Path[len(e.Path)-1]; {
		case key == "rewrite" && !h.target.Fork:
			out = append(out, h.found(rewriteIgnored, "", e.At, finding.Args{"host": hostOf(host)}))
		case key == "dial_timeout" && !hasDialTimeout(h.target):
			out = append(out, h.found(timeoutIgnored, "", e.At, nil))
		}
		if len(out) == maxOfKind {
			break
		}
	}
	return out
}

// hostOf is the host[:port] of a URL as it is written.
func hostOf(written string) string {
	var e route.Endpoint
	if address(&e, written, false) != nil || e.Host == "" {
		return display(written)
	}
	return e.Host
}
