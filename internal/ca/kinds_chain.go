package ca

import "github.com/towpath-dev/towpath/internal/finding"

// What can be wrong between certificates.
var (
	leafAsCA = finding.Kind{
		Code: "tls/leaf-as-ca", ID: "TR004", Severity: finding.Warning,
		Title: "A self-signed certificate stands in for an authority",
		Doc: "A server's own self-signed certificate can be trusted only one by one: each renewal has to reach every node at the same moment. Some verifiers refuse it for want of CA:TRUE. " +
			"Make an authority with `towpath ca new`, trust that once, and renew what it signs at will.",
		Text: "{title} is self-signed and no authority: every renewal has to reach every node at once",
	}
	caWithoutFlag = finding.Kind{
		Code: "tls/ca-without-flag", ID: "TR004", Severity: finding.Error,
		Title: "A certificate signs others and may not",
		Doc:   "Only a certificate with CA:TRUE, and certificate signing among its key usages if it names any, may sign others. Go says \"certificate signed by unknown authority\" or \"parent certificate cannot sign this kind of certificate\".",
		Text:  "{title} has signed {child}, but is no authority: it lacks CA:TRUE",
		Variants: map[string]finding.Variant{
			"usage": {Text: "{title} has signed {child}, but its key usage does not allow to sign certificates"},
		},
	}
	sameName = finding.Kind{
		Code: "tls/same-ca-name-other-key", ID: "tls/same-ca-name-other-key", Severity: finding.Error,
		Title: "An authority has the right name and another key",
		Doc:   "The authority was made anew under its old name and one side still has the old certificate, or somebody imitates it. Compare fingerprints with those who run it.",
		Text:  "{title} names {issuer} as its issuer, but the {issuer} that is known here did not sign it: it has another key",
	}
	missingIntermediate = finding.Kind{
		Code: "tls/missing-intermediate", ID: "tls/missing-intermediate", Severity: finding.Warning,
		Title: "A link of the chain is missing",
		Doc: "A server has to send its certificate and all intermediates; Go fetches none. Browsers do, so it works for people. Put the intermediate behind the server's certificate " +
			"(certbot calls such a file fullchain.pem).",
		Text: "the chain of {title} breaks off: the certificate of {issuer} is missing",
		Variants: map[string]finding.Variant{
			"url": {Text: "the chain of {title} breaks off: the certificate of {issuer} is missing; it can be had from {url}"},
		},
	}
	issuerUnknown = finding.Kind{
		Code: "tls/issuer-unknown", ID: "tls/issuer-unknown", Severity: finding.Info,
		Title: "It is not known here who signed a certificate",
		Doc:   "Neither the files nor the trust of this node have the certificate of its issuer. If that is a private authority, name its file too, or with --ca, and the chain can be judged.",
		Text:  "{issuer}, who signed {title}, is not known here; name its certificate with --ca to have the chain verified",
	}
	chainOrder = finding.Kind{
		Code: "tls/chain-order", ID: "tls/chain-order", Severity: finding.Error,
		Title: "The certificates of a chain are in the wrong order",
		Doc:   "The server's own certificate comes first, then the one that signed it, and so on. Servers take the first for their own: with another in front they stop with \"private key does not match public key\" or present the wrong one.",
		Text:  "{file} begins with {first}; the certificate of the server, {title}, has to come first",
		Variants: map[string]finding.Variant{
			"later": {Text: "in {file} {title} has to stand before {first}"},
		},
	}
	chainStranger = finding.Kind{
		Code: "tls/chain-stranger", ID: "tls/chain-stranger", Severity: finding.Warning,
		Title: "A certificate in a chain has nothing to do with it",
		Doc:   "It is sent in every handshake and helps nobody. Often it is what remained of an earlier chain, while the new intermediate is missing.",
		Text:  "{stranger} is in the chain of {title} and has signed nothing there",
	}
	duplicate = finding.Kind{
		Code: "tls/duplicate-certificate", ID: "tls/duplicate-certificate", Severity: finding.Info,
		Title: "A certificate stands in a file twice",
		Doc:   "It does no harm in a pool; in a chain it is sent twice.",
		Text:  "{title} stands twice in {file}",
	}
	refused = finding.Kind{
		Code: "tls/chain-refused", ID: "tls/chain-refused", Severity: finding.Error,
		Title: "Go refuses a chain",
		Doc:   "What runtimes say, verbatim. Name constraints and path lengths of an authority, usages and names all count.",
		Text:  "{title} is refused: {why}",
	}
)
