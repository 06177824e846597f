package rule

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// byRule tells what a packet rule of this node does to connections to the address
// that failed: "filter", "sent", or nothing that is known.
func byRule(s *snapshot.Snapshot, x fault, args finding.Args) string {
	r := packetRule(s, addr(x.try))
	switch {
	case r == nil:
		return ""
	case r.Action == "drop" || r.Action == "reject":
		args["rule"] = r.Text
		return "filter"
	}
	args["to"] = r.To
	return "sent"
}

func ruleEvidence(f finding.Finding, s *snapshot.Snapshot, x fault) finding.Finding {
	r := packetRule(s, addr(x.try))
	return f.Saw(r.Text, r.Table, "nft list ruleset; iptables-save")
}

// packetRule is the first rule of this node that names an address as destination,
// with its port or with none; nil: there is none.
func packetRule(s *snapshot.Snapshot, address string) *snapshot.PacketRule {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || s.Node == nil {
		return nil
	}
	for i := range s.Node.Translation {
		if aims(s.Node.Translation[i].Text, ap) {
			return &s.Node.Translation[i]
		}
	}
	return nil
}

// aims reports whether a rule is, beyond doubt, about TCP connections to an address.
func aims(rule string, ap netip.AddrPort) bool {
	named := false
	words := strings.Fields(rule)
	for i, w := range words[:max(0, len(words)-1)] {
		switch w {
		case "daddr", "-d":
			if i > 0 && words[i-1] == "!" || !within(words[i+1], ap.Addr()) {
				return false
			}
			named = true
		case "dport", "--dport":
			if words[i+1] != fmt.Sprint(ap.Port()) {
				return false
			}
		case "udp", "saddr", "-s":
			return false
		}
	}
	return named
}

// within reports whether an address or network in a rule holds an address.
func within(text string, ip netip.Addr) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a == ip
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Contains(ip)
}
