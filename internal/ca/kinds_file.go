package ca

import "github.com/towpath-dev/towpath/internal/finding"

// Kinds are all findings about certificates, keys and what holds them.
func Kinds() []finding.Kind {
	return []finding.Kind{
		notCertificate, wrongEncoding, unparsable, keyUnparsable, keyEncrypted, keyReadable, keyMismatch,
		expired, expiresSoon, noSAN, neverMatches, notCovered, notForServers,
		weakKey, weakSignature, longValidity, bothUsages, outlives,
		leafAsCA, caWithoutFlag, sameName, missingIntermediate, issuerUnknown, chainOrder, chainStranger, duplicate, refused, notSeen,
	}
}

// What can be wrong with a file, whatever is in it.
var (
	notCertificate = finding.Kind{
		Code: "syntax/no-certificate", ID: "syntax/no-certificate", Severity: finding.Error,
		Title: "There is no certificate in the file",
		Doc: "Runtimes want certificates as PEM: blocks that begin with `-----BEGIN CERTIFICATE-----`. A `ca` without one fails every pull from its registry; " +
			"in a folder of the system's store such a file is passed over in silence.",
		Text: "{file} holds no certificate, key or signing request",
		Variants: map[string]finding.Variant{
			"empty":  {Text: "{file} is empty"},
			"unread": {Text: "{file} could not be read: {why}"},
			"folder": {Text: "{file} is no regular file"},
			"html":   {Text: "{file} is an HTML page: the download ended at a login or an error page"},
			"pkcs12": {Text: "{file} seems to be PKCS #12, which no runtime reads", Fix: "take it apart: openssl pkcs12 -in FILE -nokeys -out certificates.pem, and -nocerts -nodes for the key"},
			"jks":    {Text: "{file} is a Java key store, which no runtime reads", Fix: "export it as PEM with keytool -exportcert -rfc"},
			"ssh":    {Text: "{file} holds an SSH key, which has nothing to do with TLS"},
		},
	}
	wrongEncoding = finding.Kind{
		Code: "tls/ca-file-encoding", ID: "TR001", Severity: finding.Error,
		Title: "A certificate is written so that Go programs pass it over",
		Doc: "Go's certificate pool, and with it containerd, K3s, Docker, CRI-O and Podman, takes PEM blocks of type CERTIFICATE that begin at the beginning of a line and have no header lines. " +
			"Everything else is skipped without a word. OpenSSL and browsers are more generous, so such a file \"works\" everywhere but in a pull. " +
			"Debian's update-ca-certificates takes only files that end in `.crt`.",
		Text: "{file} has a certificate that Go passes over",
		Variants: map[string]finding.Variant{
			"der":       {Text: "{file} is DER; as ca of a registry or in the system's store it has to be PEM", Fix: "openssl x509 -inform der -in FILE -out FILE.pem"},
			"pkcs7":     {Text: "{file} is PKCS #7; as ca of a registry or in the system's store it has to be PEM certificates", Fix: "openssl pkcs7 -print_certs -in FILE -out FILE.pem, with -inform der if it is binary"},
			"utf16":     {Text: "{file} is UTF-16: no runtime finds a certificate in it", Fix: "save it as UTF-8 or ASCII"},
			"bom":       {Text: "{file} begins with a byte order mark, so Go passes over its first block", Fix: "save it as UTF-8 without a byte order mark"},
			"indented":  {Text: "a block of {file} does not begin at the beginning of a line, so Go passes over it", Fix: "remove what stands before -----BEGIN"},
			"headers":   {Text: "a certificate in {file} has header lines, so Go passes over it", Fix: "remove the lines between -----BEGIN CERTIFICATE----- and the data"},
			"type":      {Text: "a certificate in {file} is marked as {type}, so Go passes over it", Fix: "write it anew: openssl x509 -in FILE -out FILE.pem"},
			"cut":       {Text: "a block of {file} has no end: the file is cut short"},
			"damaged":   {Text: "a block of {file} is damaged: its data or its last line is not as PEM wants it"},
			"bare":      {Text: "{file} is the data of a certificate without its first and last line", Fix: "put -----BEGIN CERTIFICATE----- before and -----END CERTIFICATE----- after it"},
			"extension": {Text: "update-ca-certificates passes over {file}: its name does not end in .crt", Fix: "rename it to NAME.crt and run update-ca-certificates"},
		},
	}
	unparsable = finding.Kind{
		Code: "tls/unparsable-certificate", ID: "tls/unparsable-certificate", Severity: finding.Error,
		Title: "Go refuses to parse a certificate",
		Doc:   "Newer Go versions parse more strictly: negative serial numbers, invalid policies, names that are none. Runtimes pass such a certificate over in a pool and refuse it from a server. It has to be issued again.",
		Text:  "a certificate in {file} cannot be parsed: {why}",
		Variants: map[string]finding.Variant{
			"request": {Text: "a signing request in {file} cannot be parsed: {why}"},
		},
	}
	keyUnparsable = finding.Kind{
		Code: "tls/unparsable-key", ID: "tls/unparsable-key", Severity: finding.Error,
		Title: "A private key cannot be parsed",
		Doc:   "Go reads keys as PKCS #8 (`PRIVATE KEY`), PKCS #1 (`RSA PRIVATE KEY`) and SEC 1 (`EC PRIVATE KEY`): RSA, ECDSA on the NIST curves, Ed25519.",
		Text:  "the key in {file} cannot be parsed: {why}",
	}
	keyEncrypted = finding.Kind{
		Code: "tls/key-encrypted", ID: "tls/key-encrypted", Severity: finding.Error,
		Title: "A private key is locked with a pass phrase",
		Doc:   "Neither container runtimes nor registries ask for a pass phrase: they fail with \"failed to parse private key\". Protect the file by its mode and owner.",
		Text:  "the key in {file} is locked with a pass phrase, for which no runtime or registry asks",
		Fix:   "openssl pkey -in FILE -out FILE.open, and give it mode 0600",
	}
	keyReadable = finding.Kind{
		Code: "tls/key-readable", ID: "tls/key-readable", Severity: finding.Warning,
		Title: "A private key can be read by others",
		Doc:   "Who can read the key can pose as the server, or with the key of an authority as every server. A key has mode 0600.",
		Text:  "the key in {file} can be read by {who} (mode {mode})",
		Fix:   "chmod 0600 {file}",
	}
	keyMismatch = finding.Kind{
		Code: "tls/key-mismatch", ID: "tls/key-mismatch", Severity: finding.Error,
		Title: "The key does not belong to the certificate",
		Doc:   "A server or client that is given both stops with \"private key does not match public key\". Usually the certificate was issued again for a new key, or the first certificate of the chain is not the server's own.",
		Text:  "the key in {file} belongs to none of the certificates, also not to {title}",
	}
)
