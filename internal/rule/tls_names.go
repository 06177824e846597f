package rule

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var otherServer = finding.Kind{
	Code: "tls/other-server", ID: "TLS-01",
	Title:    "The TLS peer is another server, not the registry",
	Severity: finding.Error,
	Text:     "{addr} presents a certificate for {names}, not for {host}: it is another server",
	Variants: map[string]finding.Variant{
		"hosts":  {Text: "{addr}, the address that {line} gives for {host}, presents a certificate for {names}: it is another server"},
		"dnat":   {Text: "a packet rule of this node sends {addr} to {to}, which presents a certificate for {names}, not for {host}"},
		"dnatca": {Text: "a packet rule of this node sends {addr} to {to}, which presents a certificate signed by {issuer} that this node does not trust: it is another server"},
		"one":    {Text: "{addr} presents a certificate for {names}, not for {host}: it is another server; {other}, the next address of that name, presents the right one"},
		"path":   {Text: "something on the way intercepts connections: {addr} and {control}, where nothing can be, present the same certificate for {names}, not for {host}"},
		"vhost":  {Text: "the server at {addr} chooses its certificate by name and has none for {host}: it presents that of {names}"},
	},
	Doc: "The certificate is valid, for somebody else. Neither an old CA bundle nor the clock can cause this: those give \"signed by unknown authority\" and \"expired or is not yet valid\". " +
		"The connection ended at another server. In the order of frequency: a line in the hosts file, a resolver that gives a false or stale address, a packet rule of this node (DNAT), " +
		"a transparent proxy or captive portal on the way, a server that holds many names and lacks this one, an incident at the operator. Towpath tells them apart: it resolves the name in every way the node can, " +
		"repeats the handshake with other names and addresses, and asks connection tracking where the packets really went. Updating certificates does not help, and switching verification off would send the pull to that other server.",
	Symptoms: []string{"tls/private-ca-untrusted", "tls/certificate-expired", "tls/corporate-interception", "tls/missing-intermediate", "tls/same-ca-name-other-key"},
}

func findOtherServer(s *snapshot.Snapshot) []finding.Finding {
	strange := badChains(s, snapshot.OtherNames)
	for _, x := range badChains(s, snapshot.UnknownAuthority, snapshot.SameNameOtherKey) {
		// A private registry may well be behind a translation, as Services of a
		// cluster are. A public address that ends on another machine is not one.
		if translated(x.try) != nil && !isPrivate(addr(x.try)) {
			strange = append(strange, x)
		}
	}
	return each(strange, func(x fault) finding.Finding {
		c := leaf(x.try)
		args := finding.Args{"addr": addr(x.try), "names": names(c), "host": x.name(), "issuer": quoted(issuer(c))}
		variant, proof := wayToOther(s, x, args)
		if variant == "dnat" && x.try.Handshake.Reason != snapshot.OtherNames {
			variant = "dnatca"
		}
		f := chainEvidence(otherServer.Vary(variant, x.host, args), x)
		f.Evidence = append(f.Evidence, proof...)
		if variant == "" {
			f = f.Sure(finding.Likely)
		}
		if strings.HasPrefix(variant, "dnat") {
			f.At.File, f.At.Line = "", 0
		}
		return f
	})
}

// wayToOther walks the decision tree: how did the connection get to another server?
func wayToOther(s *snapshot.Snapshot, x fault, args finding.Args) (variant string, proof []finding.Evidence) {
	if d := translated(x.try); d != nil {
		args["to"] = d.Translated
		return "dnat", append([]finding.Evidence{{
			Saw: d.Addr + " is translated to " + d.Translated, Where: "connection tracking", Command: "conntrack -L -p tcp --orig-dst " + hostOf(d.Addr),
		}}, translations(s)...)
	}
	if l := x.try.Lookup; l != nil && l.Hosts != nil {
		args["line"] = l.Hosts.At
		return "hosts", []finding.Evidence{{Saw: l.Hosts.Addr + " " + strings.Join(l.Hosts.Names, " "), Where: l.Hosts.At.String(), Command: "getent ahosts " + quote(x.name())}}
	}
	if t := rightElsewhere(x.hop); t != nil {
		args["other"] = t.Detail
		return "one", []finding.Evidence{{Saw: "a certificate that is accepted", Where: t.Detail, Command: tlsCommand(t.Detail, x.name())}}
	}
	for _, t := range x.hop.Tried(snapshot.ControlAddress) {
		if sameLeaf(&t.Attempt, x.try) {
			args["control"] = addr(&t.Attempt)
			return "path", []finding.Evidence{{Saw: "the same certificate", Where: addr(&t.Attempt), Command: tlsCommand(addr(&t.Attempt), x.name())}}
		}
	}
	for _, change := range []snapshot.Change{snapshot.PresentedName, snapshot.WithoutSNI} {
		for _, t := range x.hop.Tried(change) {
			if other := leaf(&t.Attempt); other != nil && !sameLeaf(&t.Attempt, x.try) {
				return "vhost", []finding.Evidence{{
					Saw: "certificate for " + names(other), Where: fmt.Sprintf("handshake with %s, %s", addr(&t.Attempt), t.Detail), Command: tlsCommand(addr(x.try), t.Detail),
				}}
			}
		}
	}
	return "", nil
}

// translated is the connection that this node has sent to another address.
func translated(a *snapshot.Attempt) *snapshot.Dial {
	for i, d := range a.Dials {
		if d.OK && d.Translated != "" && d.Translated != d.Addr {
			return &a.Dials[i]
		}
	}
	return nil
}

// rightElsewhere is the handshake with another address of the same name whose
// certificate is accepted.
func rightElsewhere(h *snapshot.Hop) *snapshot.Trial {
	for _, t := range h.Tried(snapshot.OtherAddress) {
		if t.Attempt.Handshake != nil && t.Attempt.Handshake.Verified {
			return &t
		}
	}
	return nil
}

// translations are the rules of this node that may have done it.
func translations(s *snapshot.Snapshot) []finding.Evidence {
	var out []finding.Evidence
	if s.Node == nil {
		return nil
	}
	for _, r := range s.Node.Translation {
		if r.Action == "dnat" || r.Action == "redirect" {
			out = append(out, finding.Evidence{Saw: r.Text, Where: r.Table, Command: "nft list ruleset"})
		}
	}
	return out
}

var noSAN = finding.Kind{
	Code: "tls/no-san", ID: "TLS-08",
	Title:    "The certificate has a Common Name only, no SAN",
	Severity: finding.Error,
	Text:     "the certificate of {addr} names {cn} only in its Common Name and has no subject alternative name",
	Doc: "Go has ignored the Common Name since 1.15: a certificate must list its names as subject alternative names. A signing request with an empty list of hosts (`\"hosts\": []`) makes such a certificate. " +
		"Adding its CA to the node does not help. Issue the certificate again, with the registry's name as DNS SAN.",
}

func findNoSAN(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.LegacyCN), func(x fault) finding.Finding {
		return chainEvidence(noSAN.New(x.host, finding.Args{"addr": addr(x.try), "cn": leaf(x.try).Subject.CommonName}), x)
	})
}

var withoutNames = finding.Kind{
	Code: "tls/certificate-without-names", ID: "TLS-09",
	Title:    "The certificate carries no host name at all",
	Severity: finding.Error,
	Text:     "the certificate of {addr} carries no host name at all ({subject}): a placeholder, or the block page of a firewall",
	Doc: "A certificate without any name is what a virtual host without a certificate of its own presents, and what firewalls present with their block page. " +
		"If the server is the registry, its certificate has to be issued again with the registry's name; if not, look for what took its place as for tls/other-server.",
}

func findWithoutNames(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.NoNames), func(x fault) finding.Finding {
		subject := leaf(x.try).Subject.String()
		if subject == "" {
			subject = "empty subject"
		}
		return chainEvidence(withoutNames.New(x.host, finding.Args{"addr": addr(x.try), "subject": subject}), x)
	})
}

var noIPSAN = finding.Kind{
	Code: "tls/no-ip-san", ID: "TLS-10",
	Title:    "The registry is addressed by IP and the certificate has no IP SAN",
	Severity: finding.Error,
	Text:     "{host} is addressed by IP and its certificate is for {names}",
	Doc:      "An address in a URL is checked against the certificate's IP addresses, never against its names. Use the name in the image reference or the endpoint (with a hosts entry if DNS lacks it), or issue the certificate again with the address.",
}

func findNoIPSAN(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.NoIPSAN), func(x fault) finding.Finding {
		return chainEvidence(noIPSAN.New(x.host, finding.Args{"host": x.name(), "names": names(leaf(x.try))}), x)
	})
}
