package rule

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// behindAddress are the faults that a wrong address brings about.
var behindAddress = []string{
	"tls/other-server", "tls/certificate-without-names", "tls/no-san", "tls/private-ca-untrusted", "tls/certificate-expired", "tls/plain-http-server",
	"tls/same-ca-name-other-key", "tls/client-certificate-required", "tls/corporate-interception", "tls/missing-intermediate",
	"network/connection-refused", "network/connect-timeout", "network/no-route-to-host", "network/ipv6-unreachable",
	"network/reset-in-tls-handshake", "network/silent-after-connect", "mirror/black-holed", "mirror/timeout-used-up",
	"registry/image-not-found", "registry/html-instead-of-manifest", "registry/server-error", "auth/insufficient-scope", "auth/no-credentials-sent",
}

// behindName are those that a wrong address for a name brings about: the name may
// also be that of a token server or of a redirect's target.
var behindName = append([]string{"auth/token-realm-unreachable", "network/redirect-target-blocked"}, behindAddress...)

var sinkholed = finding.Kind{
	Code: "dns/sinkholed", ID: "DNS-07",
	Title:    "The name is answered with 0.0.0.0 or 127.0.0.1",
	Severity: finding.Error,
	Text:     "name server {server} sends {name} to {addrs}, where nothing can be: a filter blocks the name",
	Variants: map[string]finding.Variant{
		"hosts": {Text: "{at} sends {name} to {addrs}, where nothing can be: a filter list blocks the name", Fix: "remove {name} from {at}"},
	},
	Doc: "Ad blockers and parental or corporate filters answer a blocked name with an address at which nothing can be. " +
		"The runtime then reports \"connection refused\", which is read as \"the registry is down\". Add the name to the filter's list of exceptions.",
	Symptoms: behindName,
}

func findSinkholed(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		if !ok || x.try.Lookup == nil || isLocal(x.name()) || !sink(x.try.Lookup, &x.why) {
			continue
		}
		l := x.try.Lookup
		if l.Hosts != nil {
			f := sinkholed.Vary("hosts", x.host, finding.Args{"at": l.Hosts.At, "name": x.name(), "addrs": addrs(l.Addrs)}).In(l.Hosts.At)
			f.Fix.Live, f.Fix.Edits = true, withoutName(s, x.name(), nil)
			f = f.Saw(l.Hosts.Addr+" "+strings.Join(l.Hosts.Names, " "), l.Hosts.At.String(), "getent ahosts "+quote(x.name()))
			out = append(out, at(f, h, snapshot.Resolve))
			continue
		}
		server := ""
		if l.Server != nil {
			server = l.Server.Addr
		}
		f := sinkholed.New(x.host, finding.Args{"server": server, "name": x.name(), "addrs": addrs(l.Addrs)})
		out = append(out, at(dnsEvidence(f, x), h, snapshot.Resolve))
	}
	return out
}

// sink reports whether every address of an answer is one of those that filters
// give. An address of the loopback network counts only where nothing listens:
// a registry on the node itself is an ordinary thing.
func sink(l *snapshot.Lookup, why *snapshot.Failure) bool {
	if len(l.Addrs) == 0 {
		return false
	}
	return !slices.ContainsFunc(l.Addrs, func(text string) bool {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return true
		}
		loop := text == "127.0.0.1" || text == "::1"
		return !ip.IsUnspecified() && !(loop && why.Cause == snapshot.Refused)
	})
}

// isLocal reports whether a name stands for this machine.
func isLocal(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || !strings.Contains(name, ".")
}

var poisonedAnswer = finding.Kind{
	Code: "dns/poisoned-answer", ID: "DNS-08",
	Title:    "A resolver gives a false address for this one name",
	Severity: finding.Error,
	Text:     "name server {server} sends {name} to {false}, where {symptom}; {other} says {true}, which works",
	Variants: map[string]finding.Variant{
		"invents": {Text: "name server {server} sends {name} to {false}, where {symptom}, and invents the same address for a name that cannot exist"},
		"differ":  {Text: "name server {server} sends {name} to {false}, where {symptom}; {other} says {true}, which does not work either"},
	},
	Doc: "A resolver lies about one name: a country's or provider's filter, a captive network, malware, or a cache that kept an address which now belongs to somebody else. " +
		"What the runtime reports is a certificate of a stranger, a reset or a timeout for exactly one registry. " +
		"Use a resolver that can be trusted, or a mirror that the node can reach. A longer timeout does not help.",
	Symptoms: behindName,
}

func findPoisonedAnswer(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		if !ok || x.try.Lookup == nil || x.try.Lookup.Hosts != nil || x.try.Lookup.Server == nil || len(x.try.Lookup.Addrs) == 0 {
			continue
		}
		if f, ok := poisoned(x); ok {
			out = append(out, at(dnsEvidence(f, x), h, snapshot.Resolve))
		}
	}
	return out
}

func poisoned(x fault) (finding.Finding, bool) {
	l := x.try.Lookup
	args := finding.Args{"server": l.Server.Addr, "name": x.name(), "false": addrs(l.Addrs), "symptom": symptom(&x.why)}
	if t := x.hop.Cured(snapshot.OtherResolver); t != nil && t.Attempt.Lookup != nil {
		args["other"], args["true"] = t.Detail, addrs(t.Attempt.Lookup.Addrs)
		f := poisonedAnswer.Vary("", x.host, args)
		return f.Saw(fmt.Sprintf("with the address of %s the same request gets further", t.Detail), addr(&t.Attempt), tlsCommand(addr(&t.Attempt), x.name())), true
	}
	if len(l.Control) > 0 && len(l.Control[0].Addrs) > 0 && overlap(l.Control[0].Addrs, l.Addrs) {
		c := l.Control[0]
		f := poisonedAnswer.Vary("invents", x.host, args).Sure(finding.Likely)
		return f.Saw(c.Name+" has address "+addrs(c.Addrs), "name server "+c.Server.Addr, digCommand(c.Server.Addr, c.Name)), true
	}
	if t := first(x.hop.Tried(snapshot.OtherResolver)); t != nil && t.Attempt.Lookup != nil && x.why.Cause == snapshot.BadChain &&
		len(t.Attempt.Lookup.Addrs) > 0 && !overlap(t.Attempt.Lookup.Addrs, l.Addrs) && t.Attempt.Reached() && t.Attempt.Handshake == nil {
		args["other"], args["true"] = t.Detail, addrs(t.Attempt.Lookup.Addrs)
		return poisonedAnswer.Vary("differ", x.host, args).Sure(finding.Possible), true
	}
	return finding.Finding{}, false
}

func first(t []snapshot.Trial) *snapshot.Trial {
	if len(t) == 0 {
		return nil
	}
	return &t[0]
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

var localhostIPv6 = finding.Kind{
	Code: "dns/localhost-ipv6", ID: "DNS-12",
	Title:    "localhost resolves to ::1 but the listener is on 127.0.0.1 only",
	Severity: finding.Error,
	Text:     "{name} is [::1] here, where nothing listens on port {port}; 127.0.0.1 answers",
	Doc: "The name resolves to the IPv6 loopback address alone and the registry listens on IPv4 alone. " +
		"Write 127.0.0.1 in the endpoint, add `127.0.0.1 localhost` to the hosts file, or let the registry listen on both.",
	Symptoms: []string{"network/connection-refused", "dns/sinkholed", "dns/hosts-file-override"},
}

func findLocalhostIPv6(s *snapshot.Snapshot) []finding.Finding {
	var six []fault
	for _, x := range faults(s, snapshot.Connect, snapshot.Refused) {
		if x.try.Lookup == nil || !slices.Equal(x.try.Lookup.Addrs, []string{"::1"}) {
			continue
		}
		if t := x.hop.Cured(snapshot.OtherAddress); t != nil && strings.HasPrefix(addr(&t.Attempt), "127.0.0.1:") {
			six = append(six, x)
		}
	}
	return each(six, func(x fault) finding.Finding {
		t := x.hop.Cured(snapshot.OtherAddress)
		_, port, _ := strings.Cut(strings.TrimPrefix(addr(&t.Attempt), "127.0.0.1"), ":")
		f := localhostIPv6.New(x.host, finding.Args{"name": x.name(), "port": port})
		return f.Saw(x.why.Text, "connection to "+addr(x.try), connectCommand(addr(x.try))).
			Saw("connected", "connection to "+addr(&t.Attempt), connectCommand(addr(&t.Attempt)))
	})
}
