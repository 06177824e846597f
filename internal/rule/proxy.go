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
		"quoted":  {Text: "the proxy variable of {runtime} has quotation marks in its value, {value}: take them out where it is set"},
		"mute":    {Text: "the proxy of {runtime}, {proxy}, accepts connections and does not do what a proxy does: {why}"},
	},
	Doc: "The runtime's environment names a proxy that is down, or whose name or port is wrong. Every request that goes through it fails before the registry is asked. " +
		"Correct the variable where the process gets it: in the systemd unit or environment file that starts it, not in a shell.",
	Symptoms: proxySymptoms,
}

// proxySymptoms are what a fault of a proxy looks like on the hosts behind it.
var proxySymptoms = []string{"network/connection-refused", "network/connect-timeout", "network/no-route-to-host", "network/silent-after-connect",
	"dns/name-not-found", "tls/plain-http-server", "registry/server-error", "registry/html-instead-of-manifest",
	"auth/insufficient-scope", "auth/token-realm-unreachable", "network/redirect-target-blocked"}

func findProxyUnreachable(s *snapshot.Snapshot) []finding.Finding {
	return proxies(s, func(x fault) bool {
		return x.why.Cause == snapshot.ProxyDial || x.why.Cause == snapshot.ProxyInvalid || x.why.Cause == snapshot.ProxyStatus && x.try.ProxyHTTP == nil
	}, func(x fault) finding.Finding {
		variant, value := "", quotedProxy(s)
		switch {
		case value != "":
			variant = "quoted"
		case x.why.Cause == snapshot.ProxyInvalid:
			variant = "invalid"
		case x.why.Cause == snapshot.ProxyStatus:
			variant = "mute"
		}
		return proxyUnreachable.Vary(variant, x.try.Proxy, finding.Args{"runtime": runtimeName(s), "proxy": x.try.Proxy, "why": x.why.Text, "value": value})
	})
}

// quotedProxy is the proxy variable of the runtime that begins with a quotation
// mark, as it does where an environment file is read without a shell.
func quotedProxy(s *snapshot.Snapshot) string {
	if s.Runtime != nil {
		for _, key := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			if v := s.Runtime.Env[key]; strings.HasPrefix(v, `"`) || strings.HasPrefix(v, "'") {
				return key + "=" + v
			}
		}
	}
	return ""
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
	return proxies(s, func(x fault) bool { return proxyStatus(x.try) == 407 }, func(x fault) finding.Finding {
		variant := ""
		if strings.Contains(x.try.Proxy, "@") {
			variant = "refused"
		}
		return proxyAuthRequired.Vary(variant, x.try.Proxy, finding.Args{"runtime": runtimeName(s), "proxy": x.try.Proxy, "line": proxyLine(x.try)})
	})
}

var proxyDenied = finding.Kind{
	Code: "proxy/denied-by-policy", ID: "PRX-03",
	Title:    "The proxy's policy refuses this host",
	Severity: finding.Error,
	Text:     "the proxy {proxy} refuses {host}: {line}",
	Doc: "The proxy answers the CONNECT with 403 (or 451): the host is not on its list of allowed destinations. " +
		"containerd shows a bare \"Forbidden\", which reads like wrong credentials; a registry's own 403 comes as \"unexpected status from HEAD request\". Have the host added to the list.",
	Symptoms: proxySymptoms,
}

func findProxyDenied(s *snapshot.Snapshot) []finding.Finding {
	return perHost(s, denies, func(x fault) finding.Finding {
		return proxyDenied.New(x.host, finding.Args{"proxy": x.try.Proxy, "host": x.host, "line": proxyLine(x.try)})
	})
}

// denies reports whether a status is a proxy's refusal of a destination.
func denies(status int) bool { return status == 403 || status == 405 || status == 451 }

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
	Symptoms: proxySymptoms,
}

func findProxyUpstream(s *snapshot.Snapshot) []finding.Finding {
	return perHost(s, func(status int) bool { return status >= 500 }, func(x fault) finding.Finding {
		variant := ""
		if t := first(x.hop.Tried(snapshot.ControlHost)); t != nil && !t.Attempt.OK() {
			variant = "all"
		}
		return proxyUpstream.Vary(variant, x.host, finding.Args{"proxy": x.try.Proxy, "host": x.host, "line": proxyLine(x.try)})
	})
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
		"dns/name-not-found", "dns/resolver-timeout", "mirror/black-holed", "auth/token-realm-unreachable", "network/redirect-target-blocked"},
}

func findProxyNotSet(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		t := h.Cured(snapshot.ThroughProxy)
		x, ok := failing(h)
		if !ok || x.try.Proxy != "" || t == nil {
			continue
		}
		f := proxyNotSet.New(x.host, finding.Args{"runtime": runtimeName(s), "host": x.host, "where": t.Detail})
		f.Fix.Intent = &finding.Intent{Do: finding.UseProxy, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: t.Attempt.Proxy}
		f = f.Saw(x.why.Text, "request without a proxy", curlCommand(x.try)).
			Saw(outcome(&t.Attempt), "request through "+t.Attempt.Proxy, curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// proxies finds faults of the proxy itself: told once per proxy, about all hosts.
func proxies(s *snapshot.Snapshot, hit func(fault) bool, make func(fault) finding.Finding) []finding.Finding {
	var out []finding.Finding
	var seen []string
	for _, h := range hops(s) {
		x, ok := throughProxy(h)
		if !ok || !hit(x) || slices.Contains(seen, x.try.Proxy) {
			continue
		}
		seen = append(seen, x.try.Proxy)
		f := directEvidence(make(x).Saw(x.why.Text, "request to "+x.host+" through "+x.try.Proxy, curlCommand(x.try)), h)
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
		what := "CONNECT " + x.host
		if strings.HasPrefix(x.try.URL, "http://") {
			what = x.try.Method + " " + x.try.URL
		}
		f := directEvidence(make(x).Saw(fmt.Sprintf("%s (%s)", proxyLine(x.try), x.why.Text), what+" at "+x.try.Proxy, curlCommand(x.try)), h)
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

// directEvidence adds how the same request ends without the proxy.
func directEvidence(f finding.Finding, h *snapshot.Hop) finding.Finding {
	if t := h.Cured(snapshot.Direct); t != nil {
		f = f.Saw(outcome(&t.Attempt), "request without a proxy", curlCommand(&t.Attempt))
	}
	return f
}

// throughProxy is the fault of a hop that its proxy caused.
func throughProxy(h *snapshot.Hop) (fault, bool) {
	x, ok := failing(h)
	if !ok {
		return fault{}, false
	}
	switch x.why.Cause {
	case snapshot.ProxyDial, snapshot.ProxyStatus, snapshot.ProxyInvalid:
		return x, true
	case snapshot.Status:
		return x, x.try.Proxy != "" && strings.HasPrefix(x.try.URL, "http://") && (h.Cured(snapshot.Direct) != nil || stranger(x.try))
	}
	return fault{}, false
}

// byProxy reports whether a hop failed because of its proxy.
func byProxy(h *snapshot.Hop) bool {
	_, ok := throughProxy(h)
	return ok
}

// stranger reports whether an answer bears no sign of a registry: neither the
// header nor the errors of its API.
func stranger(a *snapshot.Attempt) bool {
	r := a.Response
	if r == nil || !denies(r.Status) && r.Status < 500 {
		return false
	}
	return len(r.Header["Docker-Distribution-Api-Version"]) == 0 && len(r.Header["Www-Authenticate"]) == 0 && !strings.Contains(r.Head, `"errors"`) && !strings.Contains(r.Type, "json")
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
