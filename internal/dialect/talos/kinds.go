package talos

import "github.com/towpath-dev/towpath/internal/finding"

const (
	codeRefused  = "config/talos-refused"
	codeEndpoint = "config/wrong-endpoint-url"
	codeUnused   = "config/talos-entry-unused"
)

const refusedDoc = "Talos takes a configuration as a whole or not at all. When one document is wrong talosctl refuses to apply it, " +
	"and a machine that finds it at boot goes into maintenance mode. `talosctl validate` tells before."

// Kinds of what Talos refuses. After each of them none of the configuration counts.
var (
	unreadable = finding.Kind{
		Code: codeRefused, ID: "TL010", Severity: finding.Error, Ignores: true,
		Title: "The configuration is not YAML, or a value has the wrong type", Doc: refusedDoc,
		Text: "Talos refuses the configuration: {why}",
	}
	unknown = finding.Kind{
		Code: codeRefused, ID: "TL009", Severity: finding.Error, Ignores: true,
		Title: "A key is unknown to Talos",
		Doc:   "Talos refuses keys that it does not know, be they misspelled or of another format. " + refusedDoc,
		Text:  "Talos refuses the configuration: it does not know the key {key}",
	}
	noKind = finding.Kind{
		Code: codeRefused, ID: "TL011", Severity: finding.Error, Ignores: true,
		Title: "A document has no kind or no apiVersion",
		Doc:   "Each document names its `apiVersion` and its `kind`; only the old configuration, with `machine` and `cluster`, has none. " + refusedDoc,
		Text:  "Talos refuses the configuration: a document has no kind",
		Fix:   "write apiVersion: v1alpha1 and the kind",
		Variants: map[string]finding.Variant{
			"version": {Text: "Talos refuses the configuration: a {kind} has no apiVersion", Fix: "write apiVersion: v1alpha1"},
		},
	}
	unknownKind = finding.Kind{
		Code: codeRefused, ID: "TL012", Severity: finding.Error, Ignores: true,
		Title: "A kind of document is unknown to Talos",
		Doc:   "The kinds for registries are RegistryMirrorConfig, RegistryAuthConfig and RegistryTLSConfig, all of apiVersion v1alpha1. " + refusedDoc,
		Text:  "Talos refuses the configuration: there is no kind {kind}",
		Variants: map[string]finding.Variant{
			"version": {Text: "Talos refuses the configuration: {kind} has no apiVersion {version}, only v1alpha1", Fix: "write apiVersion: v1alpha1"},
		},
	}
	newKind = finding.Kind{
		Code: codeRefused, ID: "TL013", Severity: finding.Error, Ignores: true,
		Title: "The kind is newer than this Talos",
		Doc:   "Talos knows documents for registries since 1.12; before, all stands under machine.registries. " + refusedDoc,
		Text:  "Talos {version} refuses the configuration: it does not know {kind}",
		Fix:   "write it under machine.registries",
	}
	doubleDocument = finding.Kind{
		Code: codeRefused, ID: "TL014", Severity: finding.Error, Ignores: true,
		Title: "Two documents have the same kind and name",
		Doc:   "A file may have one document of each kind and name. In patches that are applied one after the other they are merged. " + refusedDoc,
		Text:  "Talos refuses the configuration: {kind} {name} stands already in line {first}",
		Fix:   "make one document of the two",
		Variants: map[string]finding.Variant{
			"config": {Text: "Talos refuses the configuration: there are two documents with machine.registries", Fix: "make one document of the two"},
		},
	}
	noName = finding.Kind{
		Code: codeRefused, ID: "TL015", Severity: finding.Error, Ignores: true,
		Title: "A document has no name",
		Doc:   "The name says which registry, or which host, a document is for. " + refusedDoc,
		Text:  "Talos refuses the configuration: the document has no name",
		Fix:   "write the name of the registry or host",
	}
	nothing = finding.Kind{
		Code: codeRefused, ID: "TL016", Severity: finding.Error, Ignores: true,
		Title: "An entry of machine.registries is empty", Doc: refusedDoc,
		Text: "Talos refuses the configuration: registries.{section} has nothing under {name}",
		Fix:  "remove the key",
	}
	noScheme = finding.Kind{
		Code: codeEndpoint, ID: "TL001", Severity: finding.Error, Ignores: true,
		Title: "An endpoint has no scheme",
		Doc: "An endpoint is a URL with http:// or https://. RegistryMirrorConfig is refused with anything else. Under machine.registries " +
			"it is taken, but TLS settings of its host are not found, and an address with a port keeps all of the registry configuration from being rendered.",
		Text: "Talos refuses the configuration: {endpoint} is neither http nor https",
		Fix:  "write {want}",
		Variants: map[string]finding.Variant{
			"missing": {Text: "Talos refuses the configuration: an endpoint of {name} has no url"},
			"old":     {Text: "{endpoint} has no scheme: it is asked over https, without the TLS settings of its host", Fix: "write {want}"},
			"barren":  {Text: "{endpoint} is no URL: none of the registry configuration is rendered", Fix: "write {want}"},
		},
	}
	manyLogins = finding.Kind{
		Code: codeRefused, ID: "TL017", Severity: finding.Error, Ignores: true,
		Title: "Credentials are given in two ways",
		Doc:   "A RegistryAuthConfig has username and password, or auth, or identityToken. " + refusedDoc,
		Text:  "Talos refuses the configuration: {name} has more than one of username, auth and identityToken",
		Fix:   "keep one of them",
	}
	notPEM = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "TL007", Severity: finding.Error, Ignores: true,
		Title: "A CA is no certificate",
		Doc: "`ca` holds the certificate itself, in PEM, in RegistryTLSConfig as text and under machine.registries in base64. There are no " +
			"files on a Talos machine to point at.",
		Text: "Talos refuses the configuration: ca of {name} is no certificate in PEM",
		Fix:  "write the certificate itself, from -----BEGIN CERTIFICATE----- on",
		Variants: map[string]finding.Variant{
			"path": {Text: "Talos refuses the configuration: ca of {name} is the path {path}, not a certificate", Fix: "write the certificate itself, from -----BEGIN CERTIFICATE----- on"},
			"old":  {Text: "ca of {name} is no certificate in PEM: every pull through {host} fails", Fix: "write the base64 of the certificate's PEM text"},
		},
	}
	badClient = finding.Kind{
		Code: "tls/half-client-pair", ID: "TL018", Severity: finding.Error, Ignores: true,
		Title: "A client certificate or its key cannot be used",
		Doc:   "clientIdentity holds cert and key in PEM, the key in PKCS #8 (BEGIN PRIVATE KEY): `openssl pkcs8 -topk8 -nocrypt` converts.",
		Text:  "Talos refuses the configuration: clientIdentity of {name}: {why}",
		Variants: map[string]finding.Variant{
			"old": {Text: "clientIdentity of {name} cannot be used: every pull through {name} fails: {why}"},
		},
	}
	wildcardTLS = finding.Kind{
		Code: codeRefused, ID: "TL004", Severity: finding.Error, Ignores: true,
		Title: "TLS settings for every host",
		Doc:   "TLS settings are for one host. With settings for * Talos renders none of the registry configuration and keeps what was rendered before.",
		Text:  "TLS settings for * are not supported: none of the registry configuration is rendered",
		Fix:   "write one document for each host",
		Variants: map[string]finding.Variant{
			"unused": {Text: "TLS settings for * are not used", Fix: "write one document for each host"},
		},
	}
)

// Kinds of what Talos takes.
var (
	replaced = finding.Kind{
		Code: codeUnused, ID: "TL019", Severity: finding.Warning, Ignores: true,
		Title: "An entry is replaced by another one",
		Doc:   "Of a name that stands both under machine.registries and in a document, only the document counts: the two are not merged.",
		Text:  "the entry for {name} does not count: it stands again at {line}",
		Fix:   "remove one of the two",
	}
	unusedName = finding.Kind{
		Code: codeUnused, ID: "TL002", Severity: finding.Error, Ignores: true,
		Title: "Settings are under a name that no request has",
		Doc: "Credentials and TLS settings are found by the host of the URL that is asked, port included: of the endpoint, not of the " +
			"registry that it mirrors. No scheme, no path, no wildcard.",
		Text: "{what} of {name} are not used: the name is host or host:port, without scheme and path",
		Fix:  "write {want}",
		Variants: map[string]finding.Variant{
			"port":   {Text: "{what} of {name} are not used for {endpoint}: its port is missing in the name", Fix: "write {want}"},
			"mirror": {Text: "{what} of {name} are not used: {name} itself is never asked, only its mirrors are", Fix: "write them for {want}"},
			"any":    {Text: "{what} of * are not used: there is no wildcard"},
		},
	}
	mirrorName = finding.Kind{
		Code: codeUnused, ID: "mirror/never-asked", Severity: finding.Error, Ignores: true,
		Title: "The name of a mirror is not that of a registry",
		Doc:   "The name is host or host:port as image names begin with, docker.io for images without one, or *.",
		Text:  "{name} matches no image: the name is host or host:port as image names begin with",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"hub": {Text: "{name} matches no image: without a dot or a port an image name takes it for a name on Docker Hub", Fix: "put its endpoints under docker.io"},
		},
	}
	hubAuthName = finding.Kind{
		Code: "auth/no-credentials-sent", ID: "TL003", Severity: finding.Error, Ignores: true,
		Title: "Credentials for Docker Hub are under a name that no request has",
		Doc:   "Docker Hub is asked at registry-1.docker.io. Since 1.10 Talos takes docker.io for it in credentials; before, it does not.",
		Text:  "Talos {version} never sends the credentials of docker.io: Docker Hub is asked at registry-1.docker.io",
		Fix:   "write registry-1.docker.io",
	}
	doubleV2 = finding.Kind{
		Code: codeEndpoint, ID: "TL005", Severity: finding.Warning,
		Title: "The path of an endpoint gets a /v2 that it does not need",
		Doc:   "Without overridePath containerd appends /v2 to the path of an endpoint, unless it ends in it.",
		Text:  "{endpoint} is asked at {path}",
		Fix:   "set overridePath",
		Variants: map[string]finding.Variant{
			"none": {Text: "{endpoint} is asked without /v2, because overridePath is set", Fix: "remove overridePath"},
		},
	}
	onlyOne = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "TL006", Severity: finding.Info,
		Title: "A registry hangs on one mirror",
		Doc:   "With skipFallback the registry itself is never asked. When the only mirror is down or lacks an image, the pull fails.",
		Text:  "{name} is served by {endpoint} alone: without it no image of {name} can be pulled",
		Variants: map[string]finding.Variant{
			"none": {Text: "skipFallback of {name} has no effect: there is no endpoint"},
		},
	}
	fallbackTLS = finding.Kind{
		Code: "tls/settings-skip-fallback", ID: "TL008", Severity: finding.Warning, Ignores: true,
		Title: "TLS settings are not used for the registry itself",
		Doc: "Talos renders TLS settings for the endpoints of a registry that has mirrors, and for registries that have none. The registry " +
			"itself, asked after its mirrors, gets none.",
		Text: "the TLS settings of {name} are not used when {name} is asked itself, after its mirrors",
		Fix:  "list https://{name} as last endpoint and set skipFallback",
	}
	tlsForPlain = finding.Kind{
		Code: "config/tls-for-plain-http", ID: "HT079", Severity: finding.Warning,
		Title: "TLS is set up for an http URL",
		Doc:   "containerd then tries HTTPS first and plain HTTP when that fails: one failing request more each time, and no pull at all from servers that answer a TLS handshake with something else.",
		Text:  "{endpoint} is asked over HTTPS first, because {host} has TLS settings",
		Fix:   "remove the TLS settings, or write https",
	}
	doubled = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "TL020", Severity: finding.Error, Ignores: true,
		Title: "An endpoint is listed twice",
		Doc:   "The same URL twice makes the rendered hosts.toml invalid. containerd drops it with a line in its log and asks the registry itself.",
		Text:  "{endpoint} is listed twice: none of the endpoints of {name} is asked",
		Fix:   "remove one of the lines",
	}
	ownEndpoint = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "TL021", Severity: finding.Info,
		Title: "The registry itself is listed as endpoint",
		Doc:   "The registry itself is asked after the endpoints anyway, unless skipFallback is set.",
		Text:  "{endpoint} is the registry itself, which is asked last anyway",
		Fix:   "remove the line",
	}
	unverified = finding.Kind{
		Code: "tls/verification-off", ID: "HT078", Severity: finding.Warning,
		Title: "The certificate of a host is not verified",
		Doc:   "With insecureSkipVerify anybody on the way can serve other images and read the credentials. Give the certificate of the authority in `ca` instead.",
		Text:  "the certificate of {host} is not verified, so anybody on the way can pose as it",
		Fix:   "give the certificate of its authority in ca and remove insecureSkipVerify",
	}
	badAuth = finding.Kind{
		Code: "auth/no-credentials-sent", ID: "auth/bad-encoding", Severity: finding.Error, Ignores: true,
		Title: "auth is not the base64 of user:password",
		Doc:   "auth holds user:password in base64, as in docker's config.json. With anything else containerd sends no credentials.",
		Text:  "the credentials of {name} are not sent: auth is not the base64 of user:password",
		Fix:   "write username and password instead",
	}
	defaultPassword = finding.Kind{
		Code: "auth/default-password", ID: "CD014", Severity: finding.Warning,
		Title: "A password that everybody knows",
		Doc:   "The password is the one that a registry is installed with, or one of the most common ones.",
		Text:  "the password of {name} is a well-known one",
	}
)

// Kinds is everything that Parse may find.
var Kinds = []finding.Kind{
	unreadable, unknown, noKind, unknownKind, newKind, doubleDocument, noName, nothing, noScheme, manyLogins, notPEM, badClient, wildcardTLS,
	replaced, unusedName, mirrorName, hubAuthName, doubleV2, onlyOne, fallbackTLS, tlsForPlain, doubled, ownEndpoint, unverified, badAuth, defaultPassword,
}
