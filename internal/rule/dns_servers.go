package rule

import (
	"fmt"
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// These rules are about name servers, not about one name: whatever host of the
// chain showed the fault, it is told once per server.

var resolverTimeout = finding.Kind{
	Code: "dns/resolver-timeout", ID: "DNS-02",
	Title:    "The resolver does not answer in time",
	Severity: finding.Error,
	Text:     "name server {server} does not answer ({name}, waited {waited}); {others}",
	Doc: "A name server of resolv.conf is silent: outgoing UDP and TCP port 53 is dropped, or the server is down. " +
		"Go waits 5 seconds for each try of each server, so one dead server in front of a living one costs 10 to 20 seconds per name. " +
		"The fault belongs to one node: look at the node of the pod. Repair the node's network configuration; resolv.conf itself is usually written by another program.",
	Symptoms: []string{"dns/name-not-found"},
}

func findResolverTimeout(s *snapshot.Snapshot) []finding.Finding {
	return servers(s, snapshot.DNSTimeout, func(b badServer) finding.Finding {
		return resolverTimeout.New(b.answer.Server.Addr, finding.Args{
			"server": b.answer.Server.Addr, "name": b.answer.Name, "waited": brief(b.answer.Took), "others": b.others,
		})
	})
}

var servfailOrRefused = finding.Kind{
	Code: "dns/servfail-or-refused", ID: "DNS-03",
	Title:    "The resolver answers with an error (SERVFAIL, REFUSED)",
	Severity: finding.Error,
	Text:     "name server {server} answers {rcode} for {name}; {others}",
	Doc: "The server is there but cannot or will not answer: the upstream of a stub resolver is dead, an access list refuses this node, " +
		"or DNSSEC validation fails. containerd words it \"server misbehaving\", which reads as if the registry misbehaved. Repair the name server.",
}

func findServfailOrRefused(s *snapshot.Snapshot) []finding.Finding {
	return servers(s, snapshot.DNSError, func(b badServer) finding.Finding {
		return servfailOrRefused.New(b.answer.Server.Addr, finding.Args{
			"server": b.answer.Server.Addr, "rcode": b.answer.RCode, "name": b.answer.Name, "others": b.others,
		})
	})
}

var resolverNotListening = finding.Kind{
	Code: "dns/resolver-not-listening", ID: "DNS-04",
	Title:    "Nothing listens at the configured resolver address",
	Severity: finding.Error,
	Text:     "nothing listens at name server {server}; {others}",
	Doc: "The address in resolv.conf refuses DNS queries. Most often a stub resolver on this node (systemd-resolved, dnsmasq, node-local DNS) is not running, " +
		"or a process still holds the address of a former network. Start the stub resolver; restart the runtime if it holds an old address.",
}

func findResolverNotListening(s *snapshot.Snapshot) []finding.Finding {
	return servers(s, snapshot.DNSRefused, func(b badServer) finding.Finding {
		return resolverNotListening.New(b.answer.Server.Addr, finding.Args{"server": b.answer.Server.Addr, "others": b.others})
	})
}

var blockedByLocalFirewall = finding.Kind{
	Code: "dns/blocked-by-local-firewall", ID: "DNS-06",
	Title:    "A packet filter on the node itself drops DNS queries",
	Severity: finding.Error,
	Text:     "this node's own packet filter forbids queries to name server {server}",
	Doc: "Sending a query fails with \"operation not permitted\": an OUTPUT rule of this node drops it. A filter further away would show as a timeout. " +
		"It looks like a permission or SELinux problem and is neither. Find the rule by its counter and change it.",
}

func findBlockedByLocalFirewall(s *snapshot.Snapshot) []finding.Finding {
	return servers(s, snapshot.DNSForbidden, func(b badServer) finding.Finding {
		f := blockedByLocalFirewall.New(b.answer.Server.Addr, finding.Args{"server": b.answer.Server.Addr})
		if s.Node == nil {
			return f
		}
		for _, r := range s.Node.Translation {
			if r.Action == "drop" || r.Action == "reject" {
				f = f.Saw(r.Text, r.Table, "nft list ruleset")
			}
		}
		return f
	})
}

// badServer is a server of the node and how it failed.
type badServer struct {
	answer snapshot.Answer
	others string // what the node's other servers do
}

// servers makes one finding per server of the node that failed for a cause,
// with the verbatim failure as its first evidence. It is a warning while
// another server answers.
func servers(s *snapshot.Snapshot, cause snapshot.Cause, make func(badServer) finding.Finding) []finding.Finding {
	var out []finding.Finding
	var seen []string
	for _, l := range lookups(s) {
		for _, a := range l.Answers {
			if !a.Server.Node || a.Err == nil || a.Err.Cause != cause || slices.Contains(seen, a.Server.Addr) {
				continue
			}
			if answered(l, a.Server.Addr) {
				continue // UDP failed and TCP worked, or one of two questions
			}
			seen = append(seen, a.Server.Addr)
			living := living(l)
			b := badServer{answer: a, others: "no other name server of this node answers, ask who runs the network for one that does"}
			if len(living) > 0 {
				b.others = addrs(living) + " of this node answers"
			}
			f := make(b).In(a.Server.At)
			f.Stage = string(snapshot.Resolve)
			if len(living) > 0 {
				f.Severity = finding.Warning
			}
			if l.Server != nil && len(l.Addrs) > 0 && asksBefore(s, l.Server.Addr, a.Server.Addr) {
				f.Severity = finding.Info // the runtime gets its answer before it would ask this one
			}
			f.Evidence = append([]finding.Evidence{{
				Saw: a.Err.Text, Where: fmt.Sprintf("query for %s over %s", a.Name, a.Net), Command: digCommand(a.Server.Addr, a.Name),
			}}, f.Evidence...)
			out = append(out, f)
		}
	}
	return out
}

// lookups are the name resolutions of all hops, token servers and redirects included.
func lookups(s *snapshot.Snapshot) []*snapshot.Lookup {
	var out []*snapshot.Lookup
	for _, h := range hops(s) {
		for i := range h.Steps {
			for a := &h.Steps[i].Attempt; a != nil; a = a.Next {
				if a.Lookup != nil {
					out = append(out, a.Lookup)
				}
			}
		}
	}
	return out
}

// asksBefore reports whether the runtime asks one server of resolv.conf before another.
func asksBefore(s *snapshot.Snapshot, first, second string) bool {
	if s.Node == nil || first == second {
		return false
	}
	for _, n := range s.Node.Resolv.Servers {
		if n.Addr == first || n.Addr == second {
			return n.Addr == first
		}
	}
	return false
}

// answered reports whether a server gave some usable answer in a lookup.
func answered(l *snapshot.Lookup, server string) bool {
	return slices.ContainsFunc(l.Answers, func(a snapshot.Answer) bool {
		return a.Server.Addr == server && (a.Err == nil || a.Err.Cause == snapshot.NoSuchHost || a.Err.Cause == snapshot.NoAddress)
	})
}

// living are the node's servers that answered at all.
func living(l *snapshot.Lookup) []string {
	var out []string
	for _, a := range l.Answers {
		if a.Server.Node && answered(l, a.Server.Addr) && !slices.Contains(out, a.Server.Addr) {
			out = append(out, a.Server.Addr)
		}
	}
	return out
}
