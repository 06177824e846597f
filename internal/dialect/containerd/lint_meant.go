package containerd

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// spokenHost is the host of an entry, the registry itself where none is written.
func (h *hostsFile) spokenHost(e entry) string {
	if e.endpoint.Host == "" {
		return spoken(h.match)
	}
	return e.endpoint.Host
}

// port judges whether scheme and port of a URL go together.
func (h *hostsFile) port(e entry) []finding.Finding {
	scheme, port := e.endpoint.Scheme, route.Port(e.endpoint.Host)
	if e.endpoint.PlainFallback {
		return nil // both are tried
	}
	args := finding.Args{"url": display(e.url), "port": port}
	switch {
	case scheme == "http" && port == "443":
		want := strings.Replace(e.url, "http://", "https://", 1)
		args["scheme"], args["other"], args["want"] = "HTTP", "HTTPS", display(want)
		return []finding.Finding{with(h.found(portOfOther, "", h.key(e), args), h.edits(e.url, want))}
	case scheme == "https" && port == "80":
		args["scheme"], args["other"] = "HTTPS", "HTTP"
		return []finding.Finding{h.found(portOfOther, "hand", h.key(e), args)}
	}
	return nil
}

// itself reports a cache for all registries that is written with a port that it
// need not have: as another host than that of its own images.
func (h *hostsFile) itself(e entry) []finding.Finding {
	bare, short := strings.CutSuffix(e.endpoint.Host, map[string]string{"https": ":443", "http": ":80"}[e.endpoint.Scheme])
	if h.match != route.Any || e.endpoint.Broken != "" || !short || bare == e.endpoint.Host {
		return nil
	}
	want := strings.Replace(e.url, e.endpoint.Host, bare, 1)
	f := h.found(asksItself, "", h.key(e), finding.Args{"host": e.endpoint.Host, "bare": bare, "want": display(want)})
	return []finding.Finding{with(f, h.edits(e.url, want)).Sure(finding.Possible)}
}

// local reports TLS settings that do not count, because containerd takes the
// registry for one on this machine.
func (h *hostsFile) local(e entry) []finding.Finding {
	if e.table != nil || e.endpoint.Host != "" || !trustsLocal(h.match, h.target) {
		return nil
	}
	key := ""
	switch s := e.settings; {
	case s.CA != nil:
		key = "ca"
	case s.SkipVerify != nil && !*s.SkipVerify:
		key = "skip_verify"
	default:
		return nil
	}
	at, _ := h.setting(e, key)
	line := "server = " + tomlString("https://"+h.match)
	f := h.found(localUpstream, "", at, finding.Args{"key": key, "want": line})
	return []finding.Finding{with(f, h.curing(h.edit(0, 0, line+h.newline())))}
}

// trustsLocal reports that this containerd does not verify a registry unless it
// is told its URL.
func trustsLocal(registry string, t route.Target) bool {
	return registry != route.Any && route.IsLocalhost(registry) && t.Containerd.Since("1.6.9", "1.7.0")
}

// waits judges how long a host that is down holds up a pull.
func (h *hostsFile) waits(e entry) []finding.Finding {
	const usual = 30 * time.Second
	if e.endpoint.DialTimeout <= usual {
		return nil
	}
	at, _ := h.setting(e, "dial_timeout")
	return []finding.Finding{h.found(longDial, "", at, finding.Args{"host": h.spokenHost(e), "timeout": e.endpoint.DialTimeout})}
}

// pushes reports a mirror that receives what is pushed to the registry.
func (h *hostsFile) pushes(e entry) []finding.Finding {
	at, x := h.setting(e, "capabilities")
	ours := e.table == nil || e.endpoint.Host == h.upstreamHost() || h.match == nobody || h.match == route.Any
	if x == nil || ours || !e.endpoint.Serves.Has(route.Push|route.Pull) {
		return nil
	}
	words := slices.DeleteFunc(slices.Clone(e.settings.Capabilities), func(w string) bool { return strings.EqualFold(w, "push") })
	f := h.found(pushToMirror, "", at, finding.Args{"host": e.endpoint.Host})
	return []finding.Finding{with(f, h.curing(h.edit(x.Value.Start, x.Value.End, tomlList(words))))}
}

// upstreamHost is the host that is asked last, the registry's own filled in.
func (h *hostsFile) upstreamHost() string {
	if h.upstream != nil && h.upstream.Host != "" {
		return h.upstream.Host
	}
	return route.Table{Target: h.target}.Default(h.match).Host
}

// realms are the token servers of well-known registries that are other hosts.
var realms = map[string]string{"registry-1.docker.io": "auth.docker.io", "registry.gitlab.com": "gitlab.com"}

// leaks judges to whom else the headers of a host are sent.
func (h *hostsFile) leaks(e entry) []finding.Finding {
	var out []finding.Finding
	for _, line := range e.endpoint.Header {
		at, _ := h.setting(e, "header", line.Key)
		host := e.endpoint.Host
		if host == "" {
			host = route.Table{Target: h.target}.Default(h.match).Host
		}
		args := finding.Args{"host": h.spokenHost(e), "key": display(line.Key), "realm": realms[host]}
		switch {
		case strings.EqualFold(line.Key, "authorization") && h.target.Containerd.Since("2.1.0"):
			out = append(out, h.secretToRealm(at, args))
		case secretName.MatchString(line.Key) && !staysBehind[strings.ToLower(line.Key)]:
			out = append(out, h.found(secretToTarget, "", at, args).Sure(finding.Possible))
		}
	}
	return out
}

// secretName is what headers with secrets are called.
var secretName = regexp.MustCompile(`(?i)token|secret|passw|api-?key|credential|auth`)

// staysBehind are the headers that Go's client does not send to another host.
var staysBehind = map[string]bool{"authorization": true, "cookie": true, "cookie2": true, "www-authenticate": true, "proxy-authorization": true}

func (h *hostsFile) secretToRealm(at source.Pos, args finding.Args) finding.Finding {
	if args["realm"] != "" {
		return h.found(secretToRealm, "", at, args)
	}
	f := h.found(secretToRealm, "any", at, args).Sure(finding.Possible)
	f.Severity = finding.Info
	return f
}

// ownCertificate reports a client certificate that by its name is the server's.
func (h *hostsFile) ownCertificate(e entry) []finding.Finding {
	for _, pair := range e.endpoint.TLS.Client {
		if pair.Key == "" || !namedAfter(pair.Cert, e.endpoint.Host) {
			continue
		}
		at, _ := h.setting(e, "client")
		f := h.found(serverAsClient, "", at, finding.Args{"path": pair.Cert, "host": h.spokenHost(e)})
		return []finding.Finding{f.Sure(finding.Likely)}
	}
	return nil
}

// namedAfter reports that a certificate has the name of the host that it is
// shown to, or that of a server.
func namedAfter(cert, host string) bool {
	base := strings.ToLower(path.Base(cert))
	stem := strings.TrimSuffix(base, path.Ext(base))
	if port := route.Port(host); port != "" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return stem == "server" || stem == "registry" || stem == "harbor" || host != "" && stem == strings.ToLower(host)
}

// placed reports keys that belong to another table than was meant.
func (h *hostsFile) placed() []finding.Finding {
	var out []finding.Finding
	var late *tomldoc.Entry // a server below a host
	deep := 0               // how far the keys of that host stand in before it
	for i := range h.doc.Entries {
		e := &h.doc.Entries[i]
		switch {
		case e.Kind != tomldoc.Value:
			late, deep = nil, 0
		case len(e.Path) < 3 || e.Path[0] != "host" || len(out) == maxOfKind:
		case h.asHeader(e):
			out = append(out, h.behindHeader(e))
		case len(e.Path) == 3 && e.Path[2] == "server":
			late = e
		case late == nil:
			deep = max(deep, e.At.Column)
		case len(e.Path) == 3 && forUpstream[e.Path[2]] && deep > late.At.Column && e.At.Column <= late.At.Column:
			args := finding.Args{"key": e.Path[2], "table": "[host." + display(e.Path[1]) + "]"}
			out = append(out, h.found(keyBehind, "", e.At, args).Sure(finding.Likely))
		}
	}
	return out
}

// forUpstream are keys that people write for server. Behind a server that stands
// too low they are meant for it where they stand out as far as it does.
var forUpstream = map[string]bool{"ca": true, "client": true, "skip_verify": true}

// asHeader reports that a setting of a host stands among its header lines.
func (h *hostsFile) asHeader(e *tomldoc.Entry) bool {
	return e != nil && len(e.Path) == 4 && e.Path[0] == "host" && e.Path[2] == "header" && slices.Contains(keys, e.Path[3])
}

// behindHeader reports such a setting. Values of headers are secret, so no edit
// repeats its line further up.
func (h *hostsFile) behindHeader(e *tomldoc.Entry) finding.Finding {
	args := finding.Args{"key": e.Path[3], "table": "[host." + display(e.Path[1]) + ".header]"}
	f := h.found(keyBehind, "header", e.At, args)
	f.Ignores = true
	return f
}

// only reports a comment that says what a missing server does not do.
func (h *hostsFile) only() []finding.Finding {
	if h.content.server != "" || h.target.Fork || h.upstream == nil || len(h.mirrors) == 0 {
		return nil
	}
	at := mirrorOnly.FindIndex(h.data)
	if at == nil {
		return nil
	}
	last := h.entries[len(h.mirrors)-1]
	line := "server = " + tomlString(last.url)
	f := h.found(mirrorOnlyMeant, "", source.PosAt(h.path, h.data, at[0]), finding.Args{"want": tomlString(last.url)}).Sure(finding.Likely)
	if last.url == "" || !servesTags(last.endpoint) || last.endpoint.TLS.Set || len(last.endpoint.Header) > 0 || last.settings.OverridePath {
		return []finding.Finding{f} // its other settings would have to go along
	}
	top, _ := h.lineAround(h.firstHeader(), h.firstHeader())
	return []finding.Finding{with(f, h.curing(h.edit(top, top, line+h.newline())))}
}

// mirrorOnly is a comment by somebody who wants no upstream.
var mirrorOnly = regexp.MustCompile(`(?im)#[^"'\n]*\b(no (upstream|fallback)|without (an? |the |any )?(upstream|fallback)|never (ask|use|contact|go to)\w* (the )?(upstream|docker hub|internet)|(disable|prevent|forbid)s? (the )?(upstream|fallback)|only (from|use|ask|pull from) (the |this |our )?mirrors?)\b|(?im)#\s*mirrors? only\s*$`)

// rootHeader reports headers that reach none of the hosts of the file.
func (h *hostsFile) rootHeader() []finding.Finding {
	if h.content.server != "" || h.upstream == nil || len(h.content.root.Header) == 0 || len(h.mirrors) == 0 {
		return nil
	}
	return []finding.Finding{h.found(headerToUpstream, "", h.at("header"), nil)}
}

// toPrivate reports a _default whose server has credentials of its own: a
// private registry more likely than a cache for all.
func (h *hostsFile) toPrivate() []finding.Finding {
	if h.match != route.Any || h.upstream == nil || h.upstream.Host == "" || publicRegistries[h.upstream.Host] != "" {
		return nil
	}
	for _, e := range h.entries {
		secret := slices.ContainsFunc(e.endpoint.Header, func(l route.Header) bool { return strings.EqualFold(l.Key, "authorization") })
		if secret && e.endpoint.Host == h.upstream.Host {
			f := h.found(privateDefault, "", h.at("server"), finding.Args{"host": h.upstream.Host})
			return []finding.Finding{about(f, *h.upstream).Sure(finding.Possible)}
		}
	}
	return nil
}
