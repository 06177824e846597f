package ca

import "github.com/towpath-dev/towpath/internal/finding"

// What can be wrong with one certificate.
var (
	expired = finding.Kind{
		Code: "tls/certificate-expired", ID: "tls/certificate-expired", Severity: finding.Error,
		Title: "A certificate has expired, or is not yet valid",
		Doc: "Verifiers compare the two dates of a certificate with their own clock. Before it is renewed, look whether the clock is right: a wrong one gives the same message. " +
			"`towpath ca issue` renews what an authority of its own has signed.",
		Text: "{title} expired on {end}, {ago}",
		Variants: map[string]finding.Variant{
			"early":    {Text: "{title} is not valid before {start}"},
			"backward": {Text: "{title} is never valid: it ends on {end}, before it begins on {start}"},
		},
	}
	expiresSoon = finding.Kind{
		Code: "tls/certificate-expires-soon", ID: "tls/certificate-expires-soon", Severity: finding.Warning,
		Title: "A certificate expires soon",
		Doc:   "A warning below `--warn` days (30) and an error below `--alarm` days (7). When an authority expires, everything that it signed is refused from that moment on, whatever its own dates say.",
		Text:  "{title} expires on {end}, {left}",
	}
	noSAN = finding.Kind{
		Code: "tls/no-san", ID: "TR005", Severity: finding.Error,
		Title: "A server certificate, or a request for one, names no host as SAN",
		Doc: "Go has ignored the Common Name since 1.15: names have to stand in the subject alternative names. A request with an empty list (`\"hosts\": []` of cfssl, or openssl without `-addext subjectAltName=…`) makes such a certificate; " +
			"every runtime then says \"certificate is not valid for any names\", and trusting its CA does not help.",
		Text: "{title} names {cn} in its Common Name alone, which Go ignores",
		Variants: map[string]finding.Variant{
			"none":    {Text: "{title} is for no host at all: it has neither a name nor an address"},
			"request": {Text: "the request for {title} asks for no subject alternative name: what is signed from it is for no host"},
			"recipe":  {Text: "hosts is empty: the certificate for {title} will be for no host", Fix: "write the host names and addresses of the server into hosts"},
		},
	}
	neverMatches = finding.Kind{
		Code: "tls/san-never-matches", ID: "tls/san-never-matches", Severity: finding.Error,
		Title: "A subject alternative name can never match",
		Doc: "A DNS name in a certificate is compared label by label with the host that was asked for. An asterisk counts only as the whole first label and stands for exactly one; " +
			"ports, schemes and paths are no part of a name; an address counts only as an IP address, not as a DNS name.",
		Text: "{title}: no verifier matches the name {name}",
		Variants: map[string]finding.Variant{
			"address":  {Text: "{title}: the address {name} stands among the DNS names, where Go does not look for addresses"},
			"wildcard": {Text: "{title}: the asterisk in {name} is not the whole first label, so it matches nothing"},
			"broad":    {Text: "{title}: Go matches {name}, OpenSSL and browsers do not: above a wildcard they want two labels"},
		},
	}
	notCovered = finding.Kind{
		Code: "tls/name-not-covered", ID: "tls/name-not-covered", Severity: finding.Error,
		Title: "A certificate is not for the host that was asked for",
		Doc:   "The name in the image reference or endpoint has to be one of the certificate's subject alternative names. A wildcard stands for one label: `*.corp.example` covers `r.corp.example`, neither `corp.example` nor `a.r.corp.example`.",
		Text:  "{title} is for {names}, not for {name}",
		Variants: map[string]finding.Variant{
			"address": {Text: "{title} is for {names} and has no IP address among them; {name} is one"},
		},
	}
	notForServers = finding.Kind{
		Code: "tls/not-for-servers", ID: "tls/not-for-servers", Severity: finding.Error,
		Title: "A certificate is not for servers",
		Doc:   "With an extended key usage that lacks serverAuth a certificate is refused from a server: \"certificate specifies an incompatible key usage\". One for clients lets a node log in, no more.",
		Text:  "{title} is for {use}, and {name} is a server",
	}
	weakKey = finding.Kind{
		Code: "tls/weak-key", ID: "TR006", Severity: finding.Warning,
		Title: "A key is too short",
		Doc:   "RSA below 2048 bits has not been acceptable for ten years; Go refuses less than 1024 bits, and more than 8192 in a handshake. Use ECDSA P-256, as `towpath ca` does.",
		Text:  "{title} has a key of {key}; the least is RSA 2048 or ECDSA P-256",
		Variants: map[string]finding.Variant{
			"refused": {Text: "{title} has a key of {key}, which Go refuses"},
		},
	}
	weakSignature = finding.Kind{
		Code: "tls/weak-signature", ID: "TR006", Severity: finding.Error,
		Title: "A certificate is signed with SHA-1 or another weak algorithm",
		Doc:   "Go refuses SHA-1 and MD5 signatures: \"cannot verify signature: insecure algorithm\". A root's signature of itself does not count. The certificate has to be issued again with SHA-256.",
		Text:  "{title} is signed with {algorithm}, which Go refuses",
	}
	longValidity = finding.Kind{
		Code: "tls/long-validity", ID: "TR006", Severity: finding.Warning,
		Title: "A certificate or private authority is valid for very long",
		Doc: "A key that leaks can be used until its certificate ends; nothing that pulls images looks at revocation lists. Apple's verifiers refuse server certificates of more than 825 days. " +
			"`towpath ca` issues for 365 days and renews in place, so nobody needs ten years.",
		Text: "{title} is valid for {days} days; more than {most} is a risk that nobody needs",
		Variants: map[string]finding.Variant{
			"recipe": {Text: "{title} makes certificates for {days} days; more than {most} is a risk that nobody needs"},
		},
	}
	bothUsages = finding.Kind{
		Code: "tls/server-and-client", ID: "TR006", Severity: finding.Info,
		Title: "A certificate is for servers and for clients",
		Doc:   "Whoever has the server's key can then log in with it wherever the authority's client certificates are accepted, the cluster's own API included. Issue one for each use.",
		Text:  "{title} is for servers and for clients; issue one for each",
		Variants: map[string]finding.Variant{
			"recipe": {Text: "{title} makes certificates for servers and for clients in one; use a profile for each"},
		},
	}
	outlives = finding.Kind{
		Code: "tls/outlives-its-ca", ID: "tls/outlives-its-ca", Severity: finding.Warning,
		Title: "A certificate ends after the authority that signed it",
		Doc:   "It stops working on the day on which its authority expires, not on its own last day.",
		Text:  "{title} is valid until {end}, but its authority {issuer} only until {until}",
	}
)
