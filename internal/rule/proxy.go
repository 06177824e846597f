package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var proxyUnreachable = finding.Kind{
	Code: "proxy/unreachable", ID: "PRX-01",
	Title:    "The configured proxy cannot be reached",
	Severity: finding.Error,
	Text:     "the proxy of {runtime}, {proxy}, cannot be reached: {why}",
	Variants: map[string]finding.Variant{
		"invalid": {Text: "the proxy of {runtime} is no proxy URL: {why}"},
	},
	Doc: "The runtime's environment names a proxy that is down, or whose name or port is wrong. Every request that goes through it fails before the registry is asked. " +
		"Correct the variable where the process gets it: in the systemd unit or environment file that starts it, not in a shell.",
	Symptoms: proxySymptoms,
}

// proxySymptoms are what a fault of a proxy looks like on the hosts behind it.
var proxySymptoms = []string{"network/connection-refused", "network/connect-timeout", "network/no-route-to-host", "network/silent-after-connect",
	"dns/name-not-found", "tls/plain-http-server", "registry/server-error", "registry/html-instead-of-manifest"}

func findProxyUnreachable(s *snapshot.Snapshot) []finding.Finding {
	return proxies(s, func(f *snapshot.Failure, _ int) bool {
		return f.Cause == snapshot.ProxyDial || f.Cause == snapshot.ProxyInvalid
	}, func(x fault) finding.Finding {
		variant := ""
		if x.why.Cause == snapshot.ProxyInvalid {
			variant = "invalid"
		}
		f := proxyUnreachable.Vary(variant, x.hop.Proxy, finding.Args{"runtime": runtimeName(s), "proxy": x.hop.Proxy, "why": x.why.Text})
		return f
	})
}

var proxyAuthRequired = finding.Kind{
	Code: "proxy/auth-required", ID: "PRX-02",
	Title:    "The proxy asks for authentication",
	Severity: finding.Error,
	Text:     "the proxy {proxy} wants a user name and a password that {runtime} does not give: {line}",
	Variants: map[string]finding.Variant{
		"refused": {Text: "the proxy {proxy} does not accept the user name and password of {runtime}: {line}"},
	},
	Doc: "The proxy answers 407. The variable has no user name and password, quotes from an environment file have become part of it, special characters are not percent-encoded " +
		"(and `%` not doubled in a systemd unit), or the proxy accepts NTLM or Kerberos only, which no container runtime speaks. " +
		"containerd shows only \"Proxy Authentication Required\", without the status 407.",
}

func findProxyAuthRequired(s *snapshot.Snapshot) []finding.Finding {
	return proxies(s, func(f *snapshot.Failure, status int) bool { return status == 407 }, func(x fault) finding.Finding {
		variant := ""
		if strings.Contains(x.hop.Proxy, "@") {
			variant = "refused"
		}
		return proxyAuthRequired.Vary(variant, x.hop.Proxy, finding.Args{"runtime": runtimeName(s), "proxy": x.hop.Proxy, "line": proxyLine(x.try)})
	})
}

var proxyDenied = finding.Kind{
	Code: "proxy/denied-by-policy", ID: "PRX-03",
	Title:    "The proxy's policy refuses this host",
	Severity: finding.Error,
	Text:     "the proxy {proxy} refuses {host}: {line}",
	Doc: "The proxy answers the CONNECT with 403 (or 451): the host is not on its list of allowed destinations. " +
		"containerd shows a bare \"Forbidden\", which reads like wrong credentials; a registry's own 403 comes as \"unexpected status from HEAD request\". Have the host added to the list.",
}

func findProxyDenied(s *snapshot.Snapshot) []finding.Finding {
	return perHost(s, func(status int) bool { return status == 403 || status == 451 || status == 405 }, func(x fault) finding.Finding {
		return proxyDenied.New(x.host, finding.Args{"proxy": x.hop.Proxy, "host": x.host, "line": proxyLine(x.try)})
	})
}

var proxyUpstream = finding.Kind{
	Code: "proxy/upstream-failure", ID: "PRX-04",
	Title:    "The proxy cannot reach the registry",
	Severity: finding.Error,
	Text:     "the proxy {proxy} cannot reach {host}: {line}",
	Variants: map[string]finding.Variant{
		"all": {Text: "the proxy {proxy} cannot reach {host}, nor another registry: {line}"},
	},
	Doc: "The proxy is there and its own way to the registry fails: DNS, firewall or outage behind the proxy. " +
		"containerd shows a bare \"Service Unavailable\" or \"Bad Gateway\", which reads like maintenance of the registry. Ask those who run the proxy.",
}

func findProxyUpstream(s *snapshot.Snapshot) []finding.Finding {
	return perHost(s, func(status int) bool { return status >= 500 }, func(x fault) finding.Finding {
		variant := ""
		if t := first(x.hop.Tried(snapshot.ControlHost)); t != nil && !t.Attempt.OK() {
			variant = "all"
		}
		return proxyUpstream.Vary(variant, x.host, finding.Args{"proxy": x.hop.Proxy, "host": x.host, "line": proxyLine(x.try)})
	})
}

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
		"registry/image-not-found", "auth/insufficient-scope"}, proxySymptoms...),
}

func findNoProxyIncomplete(s *snapshot.Snapshot) []finding.Finding {
	return bypass(s, noProxyIncomplete, "https://")
}

func findMirrorThroughProxy(s *snapshot.Snapshot) []finding.Finding {
	return bypass(s, mirrorThroughProxy, "http://")
}

// bypass finds hosts that fail through the proxy and answer without it.
func bypass(s *snapshot.Snapshot, k finding.Kind, scheme string) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		t := h.Cured(snapshot.Direct)
		step := h.Failed()
		if h.Proxy == "" || step == nil || t == nil || !strings.HasPrefix(h.Endpoint, scheme) || ownFault(&step.Attempt) {
			continue
		}
		f := k.New(h.Host, finding.Args{"host": h.Host, "name": name(h), "proxy": h.Proxy, "noproxy": noProxy(s), "runtime": runtimeName(s)})
		f.Fix.Intent = &finding.Intent{Do: finding.BypassProxy, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: name(h)}
		f = f.Saw(step.Attempt.Fault().Text, "request through "+h.Proxy, curlCommand(&step.Attempt)).Saw(outcome(&t.Attempt), "request without a proxy", curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// ownFault reports whether a proxy fails for every host alike: it is down, or
// wants a password. Then the proxy is what has to be repaired.
func ownFault(a *snapshot.Attempt) bool {
	f := a.Fault()
	return f.Cause == snapshot.ProxyDial || f.Cause == snapshot.ProxyInvalid || proxyStatus(a) == 407
}

func noProxy(s *snapshot.Snapshot) string {
	if s.Runtime != nil {
		for _, key := range []string{"NO_PROXY", "no_proxy"} {
			if v := s.Runtime.Env[key]; v != "" {
				return v
			}
		}
	}
	return "not set"
}

var proxyNotSet = finding.Kind{
	Code: "proxy/not-set-for-runtime", ID: "PRX-06",
	Title:    "A proxy is set in the shell or Docker but not for the runtime (or the reverse)",
	Severity: finding.Error,
	Text:     "{runtime} has no proxy and cannot reach {host}; through the proxy of {where} it answers",
	Fix:      "give {runtime} the proxy of {where}",
	Doc: "curl or docker works on this node because the shell or Docker has a proxy; the container runtime has none, because a systemd service gets neither a shell's exports nor /etc/environment. " +
		"Set it in the unit that owns the process: containerd.service on plain containerd, k3s.service.env on K3s, /etc/default/rke2-* on RKE2, the k0s unit on k0s. A drop-in for containerd.service does nothing on K3s, RKE2 and k0s.",
	Symptoms: []string{"network/connection-refused", "network/connect-timeout", "network/no-route-to-host", "network/ipv6-unreachable", "network/ipv4-only-registry",
		"dns/name-not-found", "dns/resolver-timeout", "mirror/black-holed"},
}

func findProxyNotSet(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		t := h.Cured(snapshot.ThroughProxy)
		step := h.Failed()
		if h.Proxy != "" || t == nil || step == nil {
			continue
		}
		f := proxyNotSet.New(h.Host, finding.Args{"runtime": runtimeName(s), "host": h.Host, "where": t.Detail})
		f.Fix.Intent = &finding.Intent{Do: finding.UseProxy, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: t.Attempt.Proxy}
		f = f.Saw(step.Attempt.Fault().Text, "request without a proxy", curlCommand(&step.Attempt)).
			Saw(outcome(&t.Attempt), "request through "+t.Attempt.Proxy, curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// proxies finds faults of the proxy itself: told once per proxy, about all hosts.
func proxies(s *snapshot.Snapshot, hit func(*snapshot.Failure, int) bool, make func(fault) finding.Finding) []finding.Finding {
	var out []finding.Finding
	var seen []string
	for _, h := range hops(s) {
		x, ok := throughProxy(h)
		if !ok || !hit(&x.why, proxyStatus(x.try)) || slices.Contains(seen, h.Proxy) {
			continue
		}
		seen = append(seen, h.Proxy)
		f := make(x).Saw(x.why.Text, "request to "+h.Host+" through "+h.Proxy, curlCommand(x.try))
		f.Stage = string(snapshot.Connect)
		out = append(out, f)
	}
	return out
}

// perHost finds hosts that the proxy answered for with a status.
func perHost(s *snapshot.Snapshot, hit func(int) bool, make func(fault) finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := throughProxy(h)
		if !ok || !hit(proxyStatus(x.try)) {
			continue
		}
		f := make(x).Saw(fmt.Sprintf("%s (%s)", proxyLine(x.try), x.why.Text), "CONNECT "+h.Host+" at "+h.Proxy, curlCommand(x.try))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// throughProxy is the fault of a hop that its proxy caused.
func throughProxy(h *snapshot.Hop) (fault, bool) {
	step := h.Failed()
	if step == nil || h.Proxy == "" || step.Attempt.Failure == nil {
		return fault{}, false
	}
	switch step.Attempt.Failure.Cause {
	case snapshot.ProxyDial, snapshot.ProxyStatus, snapshot.ProxyInvalid:
		return fault{h, &step.Attempt, *step.Attempt.Failure, h.Host}, true
	case snapshot.Status:
		if byProxy(h) {
			return fault{h, &step.Attempt, *step.Attempt.Failure, h.Host}, true
		}
	}
	return fault{}, false
}

// byProxy reports whether a status over plain HTTP is the proxy's own: the host
// itself answers otherwise.
func byProxy(h *snapshot.Hop) bool {
	return h.Proxy != "" && strings.HasPrefix(h.Endpoint, "http://") && h.Cured(snapshot.Direct) != nil
}

func proxyStatus(a *snapshot.Attempt) int {
	if a.ProxyHTTP == nil {
		return a.Status()
	}
	return a.ProxyHTTP.Status
}

func proxyLine(a *snapshot.Attempt) string {
	if a.ProxyHTTP == nil {
		return outcome(a)
	}
	return a.ProxyHTTP.Line
}

// outcome says in a few words how an attempt ended.
func outcome(a *snapshot.Attempt) string {
	if f := a.Fault(); f != nil {
		return f.Text
	}
	if r := a.Final().Response; r != nil {
		return r.Line
	}
	return "it answers"
}
