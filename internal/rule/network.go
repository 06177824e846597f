package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var connectionRefused = finding.Kind{
	Code: "network/connection-refused", ID: "NET-01",
	Title:    "Nothing accepts connections on that address and port",
	Severity: finding.Error,
	Text:     "nothing accepts connections at {addr}",
	Variants: map[string]finding.Variant{
		"port":   {Text: "nothing accepts connections at {addr}, but port {open} of the same host is open"},
		"filter": {Text: "connections to {addr} are rejected by a packet rule of this node: {rule}"},
		"sent":   {Text: "a packet rule of this node sends {addr} to {to}, where nothing accepts connections"},
	},
	Doc: "The connection is refused at once: the service is down, listens on another port or only on another address, a hostPort is not implemented by the network plugin, " +
		"or a firewall rejects it. Start the service or correct the port. " +
		"containerd 1.6 and 1.7 show a refusing mirror's error even when the registry behind it has answered something else.",
}

func findConnectionRefused(s *snapshot.Snapshot) []finding.Finding {
	return each(faults(s, snapshot.Connect, snapshot.Refused), func(x fault) finding.Finding {
		args, variant := finding.Args{"addr": addr(x.try)}, ""
		t := openPort(x.hop)
		if t != nil {
			variant, args["open"] = "port", t.Detail
		}
		if v := byRule(s, x, args); v != "" {
			return ruleEvidence(dialEvidence(connectionRefused.Vary(v, x.host, args), x), s, x)
		}
		f := dialEvidence(connectionRefused.Vary(variant, x.host, args), x)
		if t != nil {
			f = f.Saw("connected", "connection to "+addr(&t.Attempt), connectCommand(addr(&t.Attempt)))
		}
		return f
	})
}

// openPort is the trial that found another port of the host open.
func openPort(h *snapshot.Hop) *snapshot.Trial {
	for _, t := range h.Tried(snapshot.OtherPort) {
		if t.Attempt.Reached() {
			return &t
		}
	}
	return nil
}

var connectTimeout = finding.Kind{
	Code: "network/connect-timeout", ID: "NET-02",
	Title:    "Connecting times out: packets are dropped on the way",
	Severity: finding.Error,
	Text:     "no answer from {addr} within {waited}: packets are dropped on the way",
	Variants: map[string]finding.Variant{
		"port":   {Text: "no answer from {addr} within {waited}, though port {open} of the same host is open: this port is filtered"},
		"filter": {Text: "connections to {addr} are dropped by a packet rule of this node: {rule}"},
		"sent":   {Text: "a packet rule of this node sends {addr} to {to}, from where no answer comes within {waited}"},
		"first":  {Text: "{addr} does not answer: the runtime waits {waited} for it at each connection before it tries {next}, the next address of {name}"},
	},
	Doc: "Packets to this address vanish: a firewall drops them, the host is down or the route leads nowhere. The runtime waits 30 seconds for each request, and remembers nothing. " +
		"Open the firewall, repair the route, or use a mirror that this node can reach.",
	Symptoms: []string{"network/slow"},
}

func findConnectTimeout(s *snapshot.Snapshot) []finding.Finding {
	out := each(faults(s, snapshot.Connect, snapshot.DialTimeout), func(x fault) finding.Finding {
		args, variant := finding.Args{"addr": addr(x.try), "waited": brief(waited(x.try))}, ""
		if v := byRule(s, x, args); v != "" {
			return ruleEvidence(dialEvidence(connectTimeout.Vary(v, x.host, args), x), s, x)
		}
		if t := openPort(x.hop); t != nil {
			variant, args["open"] = "port", t.Detail
		}
		return dialEvidence(connectTimeout.Vary(variant, x.host, args), x)
	})
	for _, d := range deadAddresses(s) {
		f := connectTimeout.Vary("first", d.host, finding.Args{"addr": d.addr, "next": addr(d.try), "name": d.name(), "waited": brief(d.wait)})
		f.Severity = finding.Warning
		out = append(out, at(dialEvidence(f, d.fault), d.hop, snapshot.Connect))
	}
	return out
}

// blackHoled: the same on a mirror, where it is the configuration that is wrong.
var blackHoled = finding.Kind{
	Code: "mirror/black-holed", ID: "MIR-01",
	Title:    "The mirror drops packets: each request costs 30 s before fallback",
	Severity: finding.Error,
	Text:     "mirror {endpoint} drops packets: every request of every pull waits {limit} before the next host is asked",
	Fix:      "take {endpoint} out of the mirrors of {registry}, or repair the way to it",
	Doc: "containerd asks its hosts in order and keeps no memory of a dead one. A mirror whose packets are dropped costs 30 seconds for each manifest, config and layer: " +
		"two minutes for a small image, more than ten for one of sixty layers, and the same again for the next pull. " +
		"Remove the mirror or ask it last; on containerd 2.1 and later `dial_timeout` limits the damage.",
	Symptoms: []string{"network/connect-timeout"},
}

func findBlackHoled(s *snapshot.Snapshot) []finding.Finding {
	var dead []fault
	for _, x := range faults(s, snapshot.Connect, snapshot.DialTimeout) {
		if x.hop.Mirror && x.host == x.hop.Host {
			dead = append(dead, x)
		}
	}
	return each(dead, func(x fault) finding.Finding {
		limit := "30s"
		for _, e := range s.Table.EndpointsFor(s.Ref) {
			if e.String() == x.hop.Endpoint && e.DialTimeout > 0 {
				limit = e.DialTimeout.String()
			}
		}
		f := blackHoled.New(x.host, finding.Args{"endpoint": x.hop.Endpoint, "limit": limit, "registry": s.Ref.Registry})
		f.Fix.Intent = &finding.Intent{Do: finding.RemoveMirror, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint}
		return dialEvidence(f, x)
	})
}

var noRoute = finding.Kind{
	Code: "network/no-route-to-host", ID: "NET-03",
	Title:    "No route to the host (ARP failure or ICMP host-unreachable)",
	Severity: finding.Error,
	Text:     "no route to {addr}: {why}",
	Variants: map[string]finding.Variant{
		"filter": {Text: "connections to {addr} are rejected by a packet rule of this node: {rule}"},
		"sent":   {Text: "a packet rule of this node sends {addr} to {to}, to which there is no route"},
	},
	Doc: "Either nobody on the local network owns the address (ARP or neighbour discovery fails, after about three seconds), or a router or firewall says that the host is unreachable, at once. " +
		"firewalld's REJECT uses just this message, so it is often a firewall and not a route.",
}

func findNoRoute(s *snapshot.Snapshot) []finding.Finding {
	return each(faults(s, snapshot.Connect, snapshot.NoRoute), func(x fault) finding.Finding {
		why := "it was refused at once, as a firewall does (firewalld's REJECT)"
		if waited(x.try).Seconds() > 1 {
			why = "nobody on the local network answers for that address"
		}
		args := finding.Args{"addr": addr(x.try), "why": why}
		if v := byRule(s, x, args); v != "" {
			return ruleEvidence(dialEvidence(noRoute.Vary(v, x.host, args), x), s, x)
		}
		f := dialEvidence(noRoute.New(x.host, args), x)
		f.Evidence[0].Command = "ip route get " + hostOf(addr(x.try)) + "; ip neigh show " + hostOf(addr(x.try))
		return f
	})
}

var ipv6Unreachable = finding.Kind{
	Code: "network/ipv6-unreachable", ID: "NET-04",
	Title:    "The node has no IPv6 path to the address that was tried",
	Severity: finding.Error,
	Text:     "{name} has IPv6 addresses only ({addrs}) and this node has no IPv6 route",
	Doc: "The host has no IPv4 address, or its IPv4 path failed as well and the IPv6 error was the one that was kept. " +
		"Give the node an IPv6 route, or use a registry or mirror with an IPv4 address.",
}

func findIPv6Unreachable(s *snapshot.Snapshot) []finding.Finding {
	return unreachable(s, true, func(x fault) finding.Finding {
		return ipv6Unreachable.New(x.host, finding.Args{"name": x.name(), "addrs": dialled(x.try)})
	})
}

var ipv4Only = finding.Kind{
	Code: "network/ipv4-only-registry", ID: "NET-05",
	Title:    "The node is IPv6-only and the registry has no IPv6 address",
	Severity: finding.Error,
	Text:     "{name} has IPv4 addresses only ({addrs}) and this node has no IPv4 route to them",
	Doc: "An IPv6-only node cannot reach a registry without IPv6 addresses unless there is NAT64 with DNS64 in between. Use those, or a mirror with both families. " +
		"On a node that does have IPv4 the route to this network is missing.",
}

func findIPv4Only(s *snapshot.Snapshot) []finding.Finding {
	return unreachable(s, false, func(x fault) finding.Finding {
		return ipv4Only.New(x.host, finding.Args{"name": x.name(), "addrs": dialled(x.try)})
	})
}

// unreachable lists the hops all of whose addresses are of one family and have no route.
func unreachable(s *snapshot.Snapshot, six bool, make func(fault) finding.Finding) []finding.Finding {
	var mine []fault
	for _, x := range faults(s, snapshot.Connect, snapshot.Unreachable) {
		all := true
		for _, d := range x.try.Dials {
			all = all && strings.HasPrefix(d.Addr, "[") == six
		}
		if all {
			mine = append(mine, x)
		}
	}
	return each(mine, func(x fault) finding.Finding { return dialEvidence(make(x), x) })
}

func dialled(a *snapshot.Attempt) string {
	var out []string
	for _, d := range a.Dials {
		out = append(out, hostOf(d.Addr))
	}
	return addrs(out)
}

// waited is how long the longest of an attempt's dials took.
func waited(a *snapshot.Attempt) (longest time.Duration) {
	for _, d := range a.Dials {
		longest = max(longest, d.Took)
	}
	return longest
}

// dialEvidence adds what each address did.
func dialEvidence(f finding.Finding, x fault) finding.Finding {
	for _, d := range x.try.Dials {
		saw := "connected in " + brief(d.Took)
		if d.Err != nil {
			saw = fmt.Sprintf("%s, after %s", d.Err.Text, brief(d.Took))
		}
		f = f.Saw(saw, "connection to "+d.Addr, connectCommand(d.Addr))
	}
	if len(x.try.Dials) == 0 {
		f = f.Saw(x.why.Text, "connection to "+x.host, connectCommand(x.host))
	}
	return f
}
