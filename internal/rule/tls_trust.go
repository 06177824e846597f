package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var privateCA = finding.Kind{
	Code: "tls/private-ca-untrusted", ID: "TLS-02",
	Title:    "The registry's private CA is not trusted on this node",
	Severity: finding.Error,
	Text:     "{host} has a certificate signed by {issuer}, which this node does not trust",
	Variants: map[string]finding.Variant{
		"unsent": {Text: "{host} has a certificate signed by {issuer}, which this node does not trust and whose certificate the server does not send: a private CA, or an intermediate that is missing"},
		"self":   {Text: "{host} has a self-signed certificate, which this node does not trust"},
		"node": {
			Text: "{host} has a certificate signed by {issuer}, which lies on this node in {file} but is not used for this registry",
			Fix:  "name {file} as ca of {endpoint}",
		},
	},
	Doc: "The authority that signed the registry's certificate is neither in the system's pool nor named in the registry's configuration. " +
		"Get the CA certificate from those who run the registry, compare its fingerprint with theirs, and name it as `ca` of that registry: in hosts.toml it counts at the next pull, without a restart. " +
		"The system's store works as well but is read once, when the runtime starts. Trust the CA, not the server's own certificate, and never switch verification off. " +
		"Where the certificate of the issuer was seen nowhere, it may be an intermediate that the server should send: ask for the whole chain, and trust its root.",
}

func findPrivateCA(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.UnknownAuthority), func(x fault) finding.Finding {
		c := leaf(x.try)
		args := finding.Args{"host": x.host, "issuer": quoted(issuer(c)), "endpoint": x.hop.Endpoint}
		variant := ""
		switch {
		case selfSigned(c):
			variant = "self"
		case !selfSigned(top(x.try)):
			variant, args["issuer"] = "unsent", quoted(issuer(top(x.try)))
		}
		t := x.hop.Cured(snapshot.NodeCA)
		if t != nil {
			variant, args["file"], args["issuer"] = "node", t.Detail, quoted(issuer(c))
		}
		f := chainEvidence(privateCA.Vary(variant, x.host, args), x)
		if variant == "unsent" {
			f = f.Sure(finding.Likely)
		}
		f = f.Saw("verified against "+strings.Join(x.try.Handshake.Trusted, ", "), "trust of this node", "trust list 2>/dev/null || ls /etc/ssl/certs")
		if t != nil {
			f.Fix.Intent = &finding.Intent{Do: finding.AddCA, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint, Value: t.Detail}
			f = f.Saw("the same chain verifies", "with "+t.Detail, "openssl s_client -CAfile "+quote(t.Detail)+" -connect "+addr(x.try)+" -servername "+quote(x.name())+" </dev/null")
		}
		return f
	})
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

var interception = finding.Kind{
	Code: "tls/corporate-interception", ID: "TLS-03",
	Title:    "A corporate proxy or firewall intercepts TLS with its own CA",
	Severity: finding.Error,
	Text:     "TLS to {hosts} is intercepted: the certificates are signed by {issuer}, not by a public authority",
	Variants: map[string]finding.Variant{
		"proxy": {Text: "the proxy {proxy} intercepts TLS: through it {hosts} has a certificate signed by {issuer}, directly another one"},
	},
	Doc: "A firewall or proxy ends TLS connections and signs new certificates with its own CA (Zscaler, Netskope, Fortinet and the like). Public registries, which no private CA would sign for, show the same issuer. " +
		"Have the registries exempted from inspection, or get the corporate root certificate and trust it on the node; then restart the runtime, which reads the system's pool once.",
	Symptoms: []string{"tls/private-ca-untrusted", "tls/missing-intermediate"},
}

func findInterception(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, x := range badChains(s, snapshot.UnknownAuthority) {
		c := leaf(x.try)
		args := finding.Args{"hosts": x.name(), "issuer": quoted(issuer(c)), "proxy": x.try.Proxy}
		if t := first(x.hop.Tried(snapshot.Direct)); x.try.Proxy != "" && t != nil && leaf(&t.Attempt) != nil && !sameLeaf(&t.Attempt, x.try) {
			f := chainEvidence(interception.Vary("proxy", x.host, args), x)
			f = f.Saw(fmt.Sprintf("certificate issued by %q", issuer(leaf(&t.Attempt))), "handshake without the proxy", tlsCommand(addr(&t.Attempt), x.name()))
			out = append(out, at(f, x.hop, snapshot.TLS))
			continue
		}
		twins := signedAlike(s, x)
		if len(twins) == 0 && !isPublic(x.name()) {
			continue
		}
		if len(twins) > 0 && !slices.ContainsFunc(append(hostsOf(twins), x.name()), isPublic) {
			continue
		}
		args["hosts"] = strings.Join(append([]string{x.name()}, hostsOf(twins)...), ", ")
		f := chainEvidence(interception.New(x.host, args), x)
		for _, t := range twins {
			f = f.Saw(fmt.Sprintf("certificate issued by %q", issuer(leaf(t))), "handshake with "+t.Handshake.SNI, tlsCommand(addr(t), t.Handshake.SNI))
		}
		if len(twins) == 0 {
			f = f.Sure(finding.Likely)
		}
		out = append(out, at(f, x.hop, snapshot.TLS))
	}
	return out
}

// signedAlike are handshakes with unrelated hosts whose certificates have the same issuer.
func signedAlike(s *snapshot.Snapshot, x fault) []*snapshot.Attempt {
	mine := leaf(x.try)
	seen := []string{x.name()}
	var out []*snapshot.Attempt
	consider := func(a *snapshot.Attempt) {
		c := leaf(a)
		if c == nil || a.Handshake.Verified || c.Issuer.String() != mine.Issuer.String() || selfSigned(c) {
			return
		}
		if slices.ContainsFunc(seen, func(n string) bool { return related(n, a.Handshake.SNI) }) {
			return
		}
		seen = append(seen, a.Handshake.SNI)
		out = append(out, a)
	}
	for i := range s.Pull.Anywhere {
		consider(&s.Pull.Anywhere[i])
	}
	for _, h := range hops(s) {
		for i := range h.Steps {
			for a := &h.Steps[i].Attempt; a != nil; a = a.Next {
				consider(a)
			}
		}
	}
	return out
}

func hostsOf(attempts []*snapshot.Attempt) []string {
	var out []string
	for _, a := range attempts {
		out = append(out, a.Handshake.SNI)
	}
	return out
}

// related reports whether two names may belong to one owner: the last two
// labels are the same. It errs on the side of yes (co.uk).
func related(a, b string) bool { return lastLabels(a) == lastLabels(b) }

func lastLabels(name string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// isPublic reports whether a name belongs to a registry that no private CA signs for.
func isPublic(name string) bool {
	return slices.ContainsFunc(publicRegistries, func(r string) bool { return name == r || strings.HasSuffix(name, "."+r) }) ||
		strings.HasSuffix(name, ".docker.io") || strings.HasSuffix(name, ".docker.com") || strings.HasSuffix(name, ".githubusercontent.com")
}

var missingIntermediate = finding.Kind{
	Code: "tls/missing-intermediate", ID: "TLS-04",
	Title:    "The server does not send its intermediate certificate",
	Severity: finding.Error,
	Text:     "{host} sends {sent} and not {missing}, without which the chain does not reach the root that this node trusts",
	Doc: "The server's bundle ends too early. Browsers often fetch the missing certificate or remember it, so the site works for people; Go does neither, and says \"signed by unknown authority\" as for an unknown CA. " +
		"Those who run the registry must send the intermediate after the server's certificate. Until then it can be added to `ca` of that registry, beside the root; adding the server's own certificate does not help.",
	Symptoms: []string{"tls/private-ca-untrusted", "tls/corporate-interception"},
}

func findMissingIntermediate(s *snapshot.Snapshot) []finding.Finding {
	var cut []fault
	for _, x := range badChains(s, snapshot.UnknownAuthority) {
		if x.hop.Cured(snapshot.WithIntermediate) != nil {
			cut = append(cut, x)
		}
	}
	return each(cut, func(x fault) finding.Finding {
		t := x.hop.Cured(snapshot.WithIntermediate)
		sent := "only its own certificate"
		if n := len(x.try.Handshake.Chain); n > 1 {
			sent = fmt.Sprintf("%d certificates", n)
		}
		f := missingIntermediate.New(x.host, finding.Args{"host": x.host, "sent": sent, "missing": quoted(issuer(top(x.try)))})
		return chainEvidence(f, x).Saw("with that certificate the chain verifies", t.Detail, tlsCommand(addr(x.try), x.name()))
	})
}

var caAddedAfterStart = finding.Kind{
	Code: "tls/ca-added-after-start", ID: "TLS-05",
	Title:    "The CA is on disk but the runtime was started before",
	Severity: finding.Error,
	Stops:    true,
	Text:     "the CA of {host} came into {file} at {changed}, after {runtime} was started ({started}): the running process does not know it",
	Fix:      "name {source} as ca of {endpoint}, which counts at once; or restart {runtime}",
	Doc: "A Go program reads the system's certificates once. After update-ca-certificates every new process trusts the CA, `ctr` and curl included, and this doctor's own handshake succeeds; the running runtime still says \"unknown authority\". " +
		"Restart the runtime, or name the CA as `ca` in the registry's hosts.toml, which is read at each pull.",
}

func findCAAddedAfterStart(s *snapshot.Snapshot) []finding.Finding {
	if s.Runtime == nil || s.Runtime.PID == 0 || s.Node == nil {
		return nil
	}
	var out []finding.Finding
	for _, h := range hops(s) {
		a, anchor := lateAnchor(s, h)
		if anchor == nil {
			continue
		}
		f := caAddedAfterStart.New(h.Host, finding.Args{
			"host": h.Host, "file": anchor.File, "source": anchor.File, "endpoint": h.Endpoint, "runtime": runtimeName(s),
			"changed": moment(anchor.Changed), "started": moment(s.Runtime.Started),
		}).Sure(finding.Likely)
		f.Fix.Intent = &finding.Intent{Do: finding.AddCA, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: anchor.File}
		f = f.Saw("changed "+moment(anchor.Changed), anchor.File, "stat "+quote(anchor.File)).
			Saw("started "+moment(s.Runtime.Started), fmt.Sprintf("process %d", s.Runtime.PID), fmt.Sprintf("ps -o lstart= -p %d", s.Runtime.PID)).
			Saw("a new process verifies the chain", addr(a), tlsCommand(addr(a), name(h)))
		out = append(out, at(f, h, snapshot.TLS))
	}
	return out
}

// lateAnchor is the certificate of the system's pool that a hop's chain ends in,
// if it was added on this node after the runtime had started.
func lateAnchor(s *snapshot.Snapshot, h *snapshot.Hop) (*snapshot.Attempt, *snapshot.Anchor) {
	for i := range h.Steps {
		a := &h.Steps[i].Attempt
		if h.Steps[i].Stage == snapshot.Token || a.Handshake == nil || !a.Handshake.Verified || a.Handshake.Root == "" {
			continue
		}
		if slices.Contains(a.Handshake.Trusted, a.Handshake.RootFile) {
			continue // named as ca of the registry, so read at each pull
		}
		for j := range s.Node.Trust.Anchors {
			c := &s.Node.Trust.Anchors[j]
			if c.Subject == a.Handshake.Root && c.File == a.Handshake.RootFile && c.Local && c.Changed.After(s.Runtime.Started.Add(time.Second)) {
				return a, c
			}
		}
	}
	return nil, nil
}

func moment(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

var sameName = finding.Kind{
	Code: "tls/same-ca-name-other-key", ID: "TLS-06",
	Title:    "The trusted CA and the signing CA have the same name but different keys",
	Severity: finding.Error,
	Text:     "{host} has a certificate signed by {issuer}; this node trusts a CA of that name with another key",
	Doc: "The CA was made anew (a reinstalled Harbor or K3s) and the node still has the old certificate, or somebody imitates the name. Compare fingerprints with those who run the registry: " +
		"if they made a new CA, distribute it; if not, the connection is being intercepted.",
	Symptoms: []string{"tls/private-ca-untrusted", "tls/missing-intermediate"},
}

func findSameName(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.SameNameOtherKey), func(x fault) finding.Finding {
		f := chainEvidence(sameName.New(x.host, finding.Args{"host": x.host, "issuer": quoted(issuer(top(x.try)))}), x)
		if s.Node == nil {
			return f
		}
		for _, c := range s.Node.Trust.Anchors {
			if c.Subject == top(x.try).Issuer.String() {
				f = f.Saw("public key SHA-256 "+c.KeyID, c.File, "openssl x509 -noout -subject -fingerprint -sha256 -in "+quote(c.File))
			}
		}
		return f
	})
}
