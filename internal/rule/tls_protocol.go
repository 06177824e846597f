package rule

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var plainHTTPServer = finding.Kind{
	Code: "tls/plain-http-server", ID: "TLS-11",
	Title:    "The server speaks plain HTTP where HTTPS is expected",
	Severity: finding.Error,
	Text:     "{host} speaks plain HTTP, and the runtime expects HTTPS there",
	Fix:      "write http://{at} in the configuration of {registry}",
	Doc: "Without an entry for exactly this host and port the runtime expects HTTPS. Write the endpoint with `http://`; verification has nothing to do with it, so skip_verify does not help. " +
		"When an http mirror fails, the fall-back to the registry's own name over HTTPS gives this message and hides the mirror's real fault.",
}

func findPlainHTTPServer(s *snapshot.Snapshot) []finding.Finding {
	var plain []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.NotTLS, snapshot.Closed, snapshot.Reset, snapshot.Silent) {
		if plainAnswer(x.hop) != nil {
			plain = append(plain, x)
		}
	}
	return each(plain, func(x fault) finding.Finding {
		t := plainAnswer(x.hop)
		f := plainHTTPServer.New(x.host, finding.Args{"host": x.host, "at": hostPort(x.host, "443"), "registry": s.Ref.Registry})
		f.Fix.Intent = &finding.Intent{Do: finding.UseScheme, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint, Value: "http"}
		return handshakeEvidence(f, x).Saw(outcome(&t.Attempt), t.Attempt.URL, curlCommand(&t.Attempt))
	})
}

// plainAnswer is the trial that got an answer over plain HTTP. A server that
// speaks TLS answers such a request too, by saying that it wants TLS.
func plainAnswer(h *snapshot.Hop) *snapshot.Trial {
	t := first(h.Tried(snapshot.PlainHTTP))
	if t == nil || t.Attempt.Response == nil || t.Attempt.Response.Status == 400 && strings.Contains(t.Attempt.Response.Head, "HTTPS") {
		return nil
	}
	return t
}

var httpToHTTPS = finding.Kind{
	Code: "tls/http-to-https-port", ID: "TLS-12",
	Title:    "An HTTPS port is addressed with http://",
	Severity: finding.Error,
	Text:     "{host} speaks TLS, and the endpoint is written with http://",
	Variants: map[string]finding.Variant{
		"default": {Text: "{host} speaks TLS, and the runtime speaks plain HTTP to this machine unless it is told otherwise", Fix: "write https://{at} in the configuration of {registry}"},
	},
	Fix:      "write https://{at} in the configuration of {registry}",
	Doc:      "The server wants TLS and gets plain HTTP; most answer 400 \"Client sent an HTTP request to an HTTPS server\". Correct the scheme of the endpoint.",
	Symptoms: []string{"registry/server-error", "registry/image-not-found", "registry/html-instead-of-manifest", "network/silent-after-connect"},
}

func findHTTPToHTTPS(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		t := first(h.Tried(snapshot.OverTLS))
		step := h.Failed()
		if step == nil || t == nil || t.Attempt.Handshake == nil || t.Attempt.Handshake.Version == "" {
			continue
		}
		variant := ""
		if h.From.IsZero() {
			variant = "default"
		}
		f := httpToHTTPS.Vary(variant, h.Host, finding.Args{"host": h.Host, "at": hostPort(h.Host, "80"), "registry": s.Ref.Registry})
		f.Fix.Intent = &finding.Intent{Do: finding.UseScheme, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: "https"}
		f = f.Saw(step.Attempt.Fault().Text, step.Attempt.URL, curlCommand(&step.Attempt)).
			Saw("TLS handshake: "+handshakeText(&t.Attempt), addr(&t.Attempt), tlsCommand(addr(&t.Attempt), name(h)))
		out = append(out, at(f, h, snapshot.Connect))
	}
	return out
}

var clientCertificate = finding.Kind{
	Code: "tls/client-certificate-required", ID: "TLS-13",
	Title:    "The server demands a client certificate",
	Severity: finding.Error,
	Text:     "{host} demands a client certificate{from}, and none is configured",
	Variants: map[string]finding.Variant{
		"refused": {Text: "{host} refuses the client certificate that is configured{from}"},
		"unsent":  {Text: "{host} demands a client certificate{from}; {file}, which is configured, is not of that authority and so is not sent"},
	},
	Doc: "The registry requires mutual TLS. Name the certificate and the key as `client = [[\"client.cert\", \"client.key\"]]` in hosts.toml, or as cert_file and key_file in registries.yaml. " +
		"It is the node's own certificate, issued for clients by a CA that the registry accepts; never the registry's server certificate.",
}

func findClientCertificate(s *snapshot.Snapshot) []finding.Finding {
	var asked []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.TLSAlert) {
		if x.try.Handshake != nil && x.try.Handshake.WantsCert {
			asked = append(asked, x)
		}
	}
	return each(asked, func(x fault) finding.Finding {
		from := ""
		if w := x.try.Handshake.WantsFrom; len(w) > 0 {
			from = " of " + strings.Join(w[:min(len(w), 3)], " or ")
		}
		variant, file := "", ""
		if all := s.Table.EndpointsFor(s.Ref); x.hop.Index >= 0 && x.hop.Index < len(all) && len(all[x.hop.Index].TLS.Client) > 0 {
			variant, file = "unsent", all[x.hop.Index].TLS.Client[0].Cert
		}
		if x.try.Handshake.SentCert {
			variant = "refused"
		}
		f := handshakeEvidence(clientCertificate.Vary(variant, x.host, finding.Args{"host": x.host, "from": from, "file": file}), x)
		if variant == "unsent" {
			f = f.Saw("configured, and not sent", file, "openssl x509 -noout -subject -issuer -in "+quote(file))
		}
		return f
	})
}

var versionMismatch = finding.Kind{
	Code: "tls/version-or-cipher-mismatch", ID: "TLS-14",
	Title:    "Client and server share no TLS version or cipher",
	Severity: finding.Error,
	Text:     "{host} and the runtime share no TLS version or cipher: {alert}",
	Doc:      "An old server offers only TLS 1.0 or 1.1 or ciphers that Go no longer uses. Upgrade the server, or put a current one in front of it.",
}

func findVersionMismatch(s *snapshot.Snapshot) []finding.Finding {
	var old []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.TLSAlert) {
		if x.try.Handshake == nil || !x.try.Handshake.WantsCert {
			old = append(old, x)
		}
	}
	return each(old, func(x fault) finding.Finding {
		return handshakeEvidence(versionMismatch.New(x.host, finding.Args{"host": x.host, "alert": x.why.Text}), x)
	})
}

var unparsable = finding.Kind{
	Code: "tls/unparsable-certificate", ID: "TLS-15",
	Title:    "The runtime's Go refuses to parse the server's certificate",
	Severity: finding.Error,
	Text:     "the certificate of {host} cannot be parsed: {why}",
	Doc:      "Newer Go versions parse certificates more strictly (negative serial numbers, invalid policies). It shows after an upgrade of the runtime. The certificate has to be issued again.",
}

func findUnparsable(s *snapshot.Snapshot) []finding.Finding {
	return each(faults(s, snapshot.TLS, snapshot.BadPeerCert), func(x fault) finding.Finding {
		return handshakeEvidence(unparsable.New(x.host, finding.Args{"host": x.host, "why": x.why.Text}), x)
	})
}

var weakSignature = finding.Kind{
	Code: "tls/weak-signature", ID: "TLS-16",
	Title:    "The chain is signed with SHA-1 or another weak algorithm",
	Severity: finding.Error,
	Text:     "the chain of {host} has a signature that Go no longer accepts ({algorithm})",
	Doc:      "Go refuses SHA-1 and MD5 signatures in certificates. The certificate has to be issued again with SHA-256 or better.",
}

func findWeakSignature(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.WeakSignature), func(x fault) finding.Finding {
		return chainEvidence(weakSignature.New(x.host, finding.Args{"host": x.host, "algorithm": leaf(x.try).SignatureAlgorithm}), x)
	})
}
