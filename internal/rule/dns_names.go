package rule

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var nameNotFound = finding.Kind{
	Code: "dns/name-not-found", ID: "DNS-01",
	Title:    "The name of the registry host does not exist",
	Severity: finding.Error,
	Text:     "no name server of this node knows {name}",
	Variants: map[string]finding.Variant{
		"split":   {Text: "name server {server} says that {name} does not exist, and is believed; {other} gives {addrs}"},
		"unasked": {Text: "{name} is not in the hosts file, and /etc/nsswitch.conf has names looked up nowhere else (hosts: {sources}): dns is missing there"},
		"typo":    {Text: "no name server of this node knows {name}; did you mean {guess}"},
		"empty":   {Text: "{name} exists in DNS but has no address"},
		"mirror":  {Text: "no name server of this node knows the mirror {name}", Fix: "take {endpoint} out of the mirrors of {registry}, or correct its name"},
	},
	Doc: "The name that fails may be that of the registry, of a mirror or of a redirect's target: it stands in the finding. " +
		"Common causes are a typing error, a private zone that this resolver does not serve (split horizon, VPN down), an internal name that leaked out of a registry's configuration, " +
		"and a domain that was given up. Correct the image reference or the node's name server, or configure a mirror.",
}

func findNameNotFound(s *snapshot.Snapshot) []finding.Finding {
	return each(faults(s, snapshot.Resolve, snapshot.NoSuchHost, snapshot.NoAddress), func(x fault) finding.Finding {
		l := x.try.Lookup
		args := finding.Args{"name": x.name(), "endpoint": x.hop.Endpoint, "registry": s.Ref.Registry}
		variant := ""
		if x.hop.Mirror && x.host == x.hop.Host {
			variant = "mirror"
		}
		if x.why.Cause == snapshot.NoAddress {
			variant = "empty"
		}
		if other := knowing(l); other != nil {
			variant, args["server"], args["other"], args["addrs"] = "split", l.Server.Addr, other.Server.Addr, addrs(other.Addrs)
		} else if l != nil && len(l.Answers) == 0 && l.Server == nil && s.Node != nil && len(s.Node.Sources) > 0 {
			variant, args["sources"] = "unasked", strings.Join(s.Node.Sources, " ")
			return nameNotFound.Vary(variant, x.host, args).Saw("hosts: "+strings.Join(s.Node.Sources, " "), "/etc/nsswitch.conf", "grep ^hosts: /etc/nsswitch.conf; getent ahosts "+quote(x.name()))
		} else if guess := nearest(x.name(), publicRegistries); guess != "" {
			variant, args["guess"] = "typo", guess
		}
		f := nameNotFound.Vary(variant, x.host, args)
		if variant == "mirror" {
			f.Fix.Intent = &finding.Intent{Do: finding.RemoveMirror, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint}
		}
		return dnsEvidence(f, x)
	})
}

var clusterInternalName = finding.Kind{
	Code: "dns/cluster-internal-name", ID: "DNS-11",
	Title:    "A Service name of the cluster is used as registry; node DNS does not know it",
	Severity: finding.Error,
	Text:     "{name} is a name inside the cluster; the runtime asks the node's name servers, which do not know it",
	Doc: "The kubelet and the container runtime resolve names with the node's DNS, never with the cluster's. A name that ends in `.svc` or `.cluster.local` exists for pods only. " +
		"Use a NodePort on localhost, a load balancer's name, or a mirror for that name whose endpoint is an address.",
	Symptoms: []string{"dns/name-not-found"},
}

func findClusterInternalName(s *snapshot.Snapshot) []finding.Finding {
	var inside []fault
	for _, x := range faults(s, snapshot.Resolve, snapshot.NoSuchHost, snapshot.NoAddress) {
		n := strings.TrimSuffix(x.name(), ".")
		if strings.HasSuffix(n, ".svc") || strings.HasSuffix(n, ".cluster.local") {
			inside = append(inside, x)
		}
	}
	return each(inside, func(x fault) finding.Finding {
		return dnsEvidence(clusterInternalName.New(x.host, finding.Args{"name": x.name()}), x)
	})
}

var resolvConfUnusable = finding.Kind{
	Code: "dns/resolv-conf-unusable", ID: "DNS-05",
	Title:    "resolv.conf is empty or cannot be read",
	Severity: finding.Error,
	Text:     "{file} names no usable name server: {problem}",
	Doc: "Without a name server in resolv.conf a Go program asks 127.0.0.1 and ::1, and the error then speaks of [::1]:53, which is usually read as an IPv6 problem. " +
		"The file is empty, a dangling link (systemd-resolved or NetworkManager not running) or unreadable in the runtime's own mount namespace. Restore it.",
	Symptoms: []string{"dns/resolver-not-listening", "dns/name-not-found"},
}

func findResolvConfUnusable(s *snapshot.Snapshot) []finding.Finding {
	if s.Node == nil || s.Node.Resolv.Problem == "" {
		return nil
	}
	asked := slices.ContainsFunc(lookups(s), func(l *snapshot.Lookup) bool { return l.Hosts == nil && len(l.Addrs) == 0 })
	if !asked {
		return nil
	}
	r := s.Node.Resolv
	f := resolvConfUnusable.New(r.File, finding.Args{"file": r.File, "problem": r.Problem})
	f.Stage = string(snapshot.Resolve)
	return []finding.Finding{f.In(source.Pos{File: r.File}).Saw(r.Problem, r.File, "ls -lL "+quote(r.File)+"; cat "+quote(r.File))}
}

// symptom says in a few words how a hop failed.
func symptom(f *snapshot.Failure) string {
	switch f.Cause {
	case snapshot.Refused:
		return "nothing listens"
	case snapshot.DialTimeout, snapshot.Silent:
		return "nobody answers"
	case snapshot.BadChain:
		return "another server answers"
	case snapshot.Reset, snapshot.Closed:
		return "the connection is closed"
	case snapshot.NoRoute, snapshot.Unreachable:
		return "there is no way to"
	case snapshot.NotTLS:
		return "no TLS is spoken"
	case snapshot.Status:
		return "the image is not served"
	}
	return "the pull fails"
}

// dnsEvidence adds what each server said.
func dnsEvidence(f finding.Finding, x fault) finding.Finding {
	for _, a := range answers(x.try.Lookup) {
		saw := a.RCode + " " + addrs(a.Addrs)
		if a.Err != nil {
			saw = a.Err.Text
		}
		f = f.Saw(saw, "name server "+a.Server.Addr, digCommand(a.Server.Addr, a.Name))
	}
	if len(f.Evidence) == 0 {
		f = f.Saw(x.why.Text, "name resolution", "getent ahosts "+quote(x.name()))
	}
	return f
}

// knowing is the answer of a server that does have addresses for the name.
func knowing(l *snapshot.Lookup) *snapshot.Answer {
	all := answers(l)
	for i := range all {
		if len(all[i].Addrs) > 0 {
			return &all[i]
		}
	}
	return nil
}

// answers are what the name servers said; none where nobody was asked.
func answers(l *snapshot.Lookup) []snapshot.Answer {
	if l == nil {
		return nil
	}
	return l.Answers
}
