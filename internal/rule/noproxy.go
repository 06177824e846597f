package rule

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var noProxyIncomplete = finding.Kind{
	Code: "proxy/no-proxy-incomplete", ID: "PRX-05",
	Title:    "NO_PROXY misses the private registry, the mirror or the cluster's CIDR",
	Severity: finding.Error,
	Text:     "requests to {host} go through the proxy {proxy} and fail there; directly it answers: NO_PROXY ({noproxy}) misses it",
	Fix:      "add {name} to NO_PROXY in the environment of {runtime}",
	Doc: "An internal host is sent through the proxy, which cannot or may not reach it. NO_PROXY is read by Go's rules: `example.com` covers the name and its subdomains, `.example.com` only the subdomains, " +
		"a CIDR matches only where the URL holds an address, `10.*` and blanks between items match nothing. Add the host and restart the runtime; its environment is read once.",
	Symptoms: append([]string{"proxy/unreachable", "proxy/auth-required", "proxy/denied-by-policy", "proxy/upstream-failure",
		"tls/corporate-interception", "tls/private-ca-untrusted", "tls/other-server", "registry/image-not-found"}, proxySymptoms...),
}

var mirrorThroughProxy = finding.Kind{
	Code: "proxy/mirror-sent-through-proxy", ID: "PRX-07",
	Title:    "Requests to an http mirror go through HTTP_PROXY",
	Severity: finding.Error,
	Text:     "requests to {host} (plain HTTP) go through HTTP_PROXY {proxy} and fail there; directly it answers: NO_PROXY ({noproxy}) misses it",
	Fix:      "add {name} to NO_PROXY in the environment of {runtime}",
	Doc: "Endpoints written with `http://` use HTTP_PROXY, which people set without thinking of their mirror on the local network. The proxy refuses it or cannot reach it. " +
		"Add the mirror to NO_PROXY and restart the runtime.",
	Symptoms: append([]string{"proxy/unreachable", "proxy/auth-required", "proxy/denied-by-policy", "proxy/upstream-failure",
		"registry/image-not-found"}, proxySymptoms...),
}

func findNoProxyIncomplete(s *snapshot.Snapshot) []finding.Finding {
	return bypass(s, noProxyIncomplete, "https://")
}

func findMirrorThroughProxy(s *snapshot.Snapshot) []finding.Finding {
	return bypass(s, mirrorThroughProxy, "http://")
}

// bypass finds hosts that fail through the proxy, answer without it, and were
// not meant to go through it.
func bypass(s *snapshot.Snapshot, k finding.Kind, scheme string) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		t := h.Cured(snapshot.Direct)
		if !ok || x.try.Proxy == "" || t == nil || untouched(h) != nil || !strings.HasPrefix(x.try.URL, scheme) || !internal(s, x, &t.Attempt) {
			continue
		}
		f := k.New(x.host, finding.Args{"host": x.host, "name": x.name(), "proxy": x.try.Proxy, "noproxy": noProxy(s), "runtime": runtimeName(s)})
		f.Fix.Intent = &finding.Intent{Do: finding.BypassProxy, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: x.name()}
		f = f.Saw(x.why.Text, "request through "+x.try.Proxy, curlCommand(x.try)).Saw(outcome(&t.Attempt), "request without a proxy", curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// internal reports whether a host should not be asked for through the proxy. A
// proxy that fails for every host alike, because it is down or wants a password,
// is what has to be repaired, unless NO_PROXY was meant to have the host. Else
// the host is where no public one is, or somebody has made a list of exceptions.
func internal(s *snapshot.Snapshot, x fault, direct *snapshot.Attempt) bool {
	at := hostOf(addr(direct))
	if own := ownFault(x.try); own || isPublic(x.name()) {
		return own && meant(noProxy(s), x.name(), at)
	}
	return isPrivate(at) || noProxy(s) != unset
}

// meant reports whether a NO_PROXY names a host in a way that other programs
// understand and Go does not: by a network, with blanks, with a star or a dot in
// front.
func meant(list, name, at string) bool {
	ip, err := netip.ParseAddr(at)
	return slices.ContainsFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }), func(item string) bool {
		if net, bad := netip.ParsePrefix(item); bad == nil && err == nil {
			return net.Contains(ip)
		}
		item = strings.TrimPrefix(strings.TrimPrefix(item, "*"), ".")
		return item != "" && (name == item || strings.HasSuffix(name, "."+item))
	})
}

// ownFault reports whether a proxy fails for every host alike.
func ownFault(a *snapshot.Attempt) bool {
	f := a.Fault()
	return f.Cause == snapshot.ProxyDial || f.Cause == snapshot.ProxyInvalid || f.Cause == snapshot.ProxyStatus && a.ProxyHTTP == nil || proxyStatus(a) == 407
}

// unset stands for a NO_PROXY that the runtime does not have.
const unset = "not set"

func noProxy(s *snapshot.Snapshot) string {
	if s.Runtime != nil {
		for _, key := range []string{"NO_PROXY", "no_proxy"} {
			if v := s.Runtime.Env[key]; v != "" {
				return v
			}
		}
	}
	return unset
}
