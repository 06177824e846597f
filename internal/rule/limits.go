package rule

import (
	"fmt"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var limitsReached = finding.Kind{
	Code: "network/socket-limits-exhausted", ID: "NET-13",
	Title:    "Ephemeral ports, conntrack entries or file descriptors are used up",
	Severity: finding.Error,
	Text:     "no local port is free for a connection to {addr}: {max} may be used ({from})",
	Fix:      "widen the range of local ports",
	Variants: map[string]finding.Variant{
		"conntrack": {Text: "the table of connection tracking is full ({used} of {max} entries): the kernel drops the packets of new connections", Fix: "enlarge the table"},
		"files":     {Text: "{runtime} has {used} of {max} files open, which leaves too few for a pull", Fix: "raise LimitNOFILE= of {runtime} to 1048576"},
	},
	Doc: "Each connection takes a local port, an entry in the table of connection tracking and a file descriptor of its process. When one of them runs out the runtime reports \"cannot assign requested address\", \"operation not permitted\", a timeout, or \"too many open files\"; a process that can open no file does not even find its resolv.conf and says \"no such host\". " +
		"Find out who holds so many (`ss -s`, `conntrack -L`, `ls /proc/PID/fd`) before you raise the limit.",
	Symptoms: []string{"network/connect-timeout", "dns/resolver-timeout", "dns/blocked-by-local-firewall", "dns/name-not-found", "node/runtime-not-responding", "proxy/unreachable"},
}

func findLimitsReached(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, x := range faults(s, snapshot.Connect, snapshot.NoPort) {
		l := limit(s, "ports")
		f := limitsReached.New(x.host, finding.Args{"addr": addr(x.try), "max": l.Max, "from": l.From})
		f.Fix.Run = []string{"sysctl -w net.ipv4.ip_local_port_range='32768 60999'", "sysctl -w net.ipv4.ip_local_reserved_ports="}
		out = append(out, at(dialEvidence(f, x).Saw(fmt.Sprintf("%d local ports", l.Max), l.From, "sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports; ss -s"), x.hop, snapshot.Connect))
	}
	if l := limit(s, "conntrack"); l.Max > 0 && l.Used >= l.Max && dropped(s) {
		f := full(s, "conntrack", l)
		f.Fix.Live, f.Fix.Run = true, []string{fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", 4*l.Max)}
		f.Stage = string(snapshot.Connect)
		out = append(out, f.Saw(fmt.Sprintf("%d of %d entries", l.Used, l.Max), l.From, "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max"))
	}
	if l := limit(s, "files"); l.Max > 0 && l.Max-l.Used < forOnePull && s.Runtime != nil {
		f := full(s, "files", l)
		if l.Used < l.Max {
			f = f.Sure(finding.Likely)
		}
		f.Fix.Intent = &finding.Intent{Do: finding.RaiseFiles, Value: "1048576"}
		f.Stage, f.Stops = "node", true
		out = append(out, f.Saw(fmt.Sprintf("%d of %d files", l.Used, l.Max), l.From, fmt.Sprintf("ls /proc/%d/fd | wc -l; grep files /proc/%d/limits", s.Runtime.PID, s.Runtime.PID)))
	}
	return out
}

// forOnePull is how many files a pull has open at the least at one time: the
// questions to the name server, a connection or two, and what it writes.
// Measured with containerd 1.6, 1.7 and 2.4.
const forOnePull = 5

func full(s *snapshot.Snapshot, variant string, l snapshot.Limit) finding.Finding {
	return limitsReached.Vary(variant, "node", finding.Args{"runtime": runtimeName(s), "used": l.Used, "max": l.Max})
}

// limit is one of the node's; zero: it is not known.
func limit(s *snapshot.Snapshot, what string) snapshot.Limit {
	if s.Node != nil {
		for _, l := range s.Node.Limits {
			if l.What == what {
				return l
			}
		}
	}
	return snapshot.Limit{}
}

// dropped reports whether a host failed as it does when the kernel drops the
// first packet of a connection or of a question.
func dropped(s *snapshot.Snapshot) bool {
	return len(faults(s, snapshot.Connect, snapshot.DialTimeout, snapshot.Forbidden))+len(faults(s, snapshot.Resolve, snapshot.DNSTimeout, snapshot.DNSForbidden)) > 0
}
