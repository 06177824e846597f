package k3s

import "github.com/towpath-dev/towpath/internal/finding"

// The kinds about what registries.yaml says.
var (
	otherHost = finding.Kind{
		Code: codeNoAuth, ID: "K3006", Severity: finding.Warning,
		Title: "configs names the registry, not the host of its endpoint",
		Doc: "Entries under configs are looked up by host and port of the endpoint's URL, not by the name under mirrors. " +
			"An entry under the registry's own name is for the registry itself, which is asked after its mirrors.",
		Text: "configs.{name} is used for {name} itself, not for its endpoint {endpoint}",
		Fix:  "write the entry under {host} if it is meant for the endpoint",
		Variants: map[string]finding.Variant{
			"sibling": {Text: "{endpoint} is asked without credentials, other endpoints of {name} have some", Fix: "write an entry for {host} under configs, if it wants credentials"},
		},
	}
	hubName = finding.Kind{
		Code: codeNoAuth, ID: "K3007", Severity: finding.Error, Ignores: true,
		Title: "Credentials for Docker Hub are under a name that no request has",
		Doc: "Credentials go to containerd under the key that is written, and containerd looks for the host that it asks: " +
			"registry-1.docker.io. TLS settings are found under docker.io, too.",
		Text: "the credentials of configs.{name} are never sent: Docker Hub is asked at registry-1.docker.io",
		Fix:  "write them under registry-1.docker.io",
	}
	hostKey = finding.Kind{
		Code: codeNoAuth, ID: "K3008", Severity: finding.Error, Ignores: true,
		Title: "A key of configs is not the host and port of an endpoint",
		Doc:   "Keys of configs are host or host:port, exactly as in the endpoint's URL: no scheme, no path, the port where the URL has one.",
		Text:  "configs.{name} is not used: the key is host or host:port, without scheme and path",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"port": {Text: "configs.{name} is not used for the endpoint {endpoint}: its port is missing in the key", Fix: "write {want}"},
		},
	}
	namespaceKey = finding.Kind{
		Code: codeInvalid, ID: "mirror/never-asked", Severity: finding.Error, Ignores: true,
		Title: "A key of mirrors is not the name of a registry",
		Doc: "Keys of mirrors are host or host:port as image names begin with; docker.io for images without a host. " +
			"A key with a scheme, a path or another spelling matches no image.",
		Text: "mirrors.{name} matches no image: the key is host or host:port as image names begin with",
		Fix:  "write {want}",
		Variants: map[string]finding.Variant{
			"hub": {Text: "mirrors.{name} matches no image: without a dot or a port an image name takes it for a name on Docker Hub", Fix: "put its endpoints under docker.io"},
		},
	}
	tlsOnHTTP = finding.Kind{
		Code: codeEndpoint, ID: "K3009", Severity: finding.Warning,
		Title: "TLS settings for an http endpoint",
		Doc: "Containerd asks an http endpoint that has TLS settings over HTTPS first and falls back to plain HTTP. That " +
			"costs a failing request each time and confuses the error messages; before containerd 1.6.25 and 1.7.7 the " +
			"settings were not used at all.",
		Text: "{endpoint} is http, but configs.{host} has TLS settings: it is asked over HTTPS first",
		Fix:  "write https:// in the endpoint, or remove the tls block",
		Variants: map[string]finding.Variant{
			"unused": {Text: "{endpoint} is http: the TLS settings of configs.{host} are not used for it", Fix: "write https:// in the endpoint, or remove the tls block"},
		},
	}
	unverified = finding.Kind{
		Code: "tls/verification-off", ID: "tls/verification-off", Severity: finding.Warning,
		Title: "Certificates of a host are not verified",
		Doc:   "With insecure_skip_verify anybody on the way can answer in the host's name and read its credentials. Name the host's authority in ca_file instead.",
		Text:  "insecure_skip_verify is set for {name}, so anybody on the way can answer in its name",
		Fix:   "name the file of its authority in ca_file instead",
	}
	serverKey = finding.Kind{
		Code: "tls/server-key-as-client", ID: "K3010", Severity: finding.Warning,
		Title: "The registry's own certificate is given as client certificate",
		Doc: "cert_file and key_file identify this node to the registry, for registries that ask for a client certificate. " +
			"To trust the registry's certificate ca_file is enough. Copying the registry's private key to every node lets " +
			"anybody who can read it pose as the registry.",
		Text: "cert_file looks like the registry's own certificate: its private key would be on every node",
		Fix:  "remove cert_file and key_file; ca_file is enough to trust the registry",
	}
	lostFile = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "K3011", Severity: finding.Error,
		Title: "A file that tls names cannot be loaded",
		Doc: "Containerd loads the TLS files of all hosts of a registry before it asks the first one. If one cannot be " +
			"loaded, every pull through that registry's file fails.",
		Text: "{key} {path} {why}: every pull of {namespaces} fails",
	}
	noScheme = finding.Kind{
		Code: codeEndpoint, ID: "K3012", Severity: finding.Info,
		Title: "An endpoint has no scheme",
		Doc:   "An endpoint without a scheme is asked over https; localhost with a port other than 443 over http.",
		Text:  "{endpoint} has no scheme: it is asked over {scheme}",
		Fix:   "write {scheme}:// in front",
	}
	defaultListed = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "K3013", Severity: finding.Info,
		Title: "The registry itself is listed as endpoint",
		Doc: "The registry itself is always asked after the endpoints. Listed last it changes nothing. Listed earlier it is " +
			"asked before the endpoints that follow it, so that those are asked only when the registry does not answer.",
		Text: "{endpoint} is the registry itself, which is asked last anyway",
		Fix:  "remove the line",
	}
	defaultEarly = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "K3013", Severity: finding.Warning,
		Title: "The registry itself is asked before its mirrors",
		Doc:   defaultListed.Doc,
		Text:  "{endpoint} is the registry itself: {later} behind it is asked only when the registry fails",
		Fix:   "put it last",
	}
	plainFallback = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "K3014", Severity: finding.Info,
		Title: "A registry that speaks only http is asked over https in the end",
		Doc: "When the http endpoint fails, the registry itself is asked over https, and it is that error which the kubelet " +
			"shows: \"server gave HTTP response to HTTPS client\". The real reason is in containerd's log.",
		Text: "when {endpoint} fails, {name} is asked over https and that error hides the first",
	}
	badURL = finding.Kind{
		Code: codeEndpoint, ID: "CFG-07", Severity: finding.Error, Ignores: true,
		Title: "An endpoint is not a usable URL",
		Doc:   "An endpoint that does not parse as URL is skipped with a warning in the agent's log.",
		Text:  "{endpoint} is skipped: {why}",
		Variants: map[string]finding.Variant{
			"scheme": {Text: "{endpoint} cannot be asked: {why}", Fix: "write {want}"},
			"query":  {Text: "{endpoint} has a query or a fragment, which is no part of an endpoint", Fix: "write {want}"},
		},
	}
	doubled = finding.Kind{
		Code: codeEndpoint, ID: "K3013", Severity: finding.Info, Ignores: true,
		Title: "An endpoint is listed twice",
		Doc:   "An endpoint that means the same URL as an earlier one is skipped. Releases before March 2024 wrote it twice into hosts.toml, which containerd then dropped.",
		Text:  "{endpoint} is listed twice: the second one is skipped",
		Fix:   "remove the line",
		Variants: map[string]finding.Variant{
			"fatal": {Text: "{endpoint} is listed twice: containerd drops the generated hosts.toml", Fix: "remove the line"},
		},
	}
	flagQuirk = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "K3015", Severity: finding.Warning,
		Title: "The registry itself is asked although the fallback is disabled",
		Doc:   "--disable-default-registry-endpoint has no effect for a name that stands both in mirrors and in configs.",
		Text:  "{name} is asked itself although --disable-default-registry-endpoint is set: it has an entry in configs",
	}
	flagUnused = finding.Kind{
		Code: "mirror/wrong-fallback", ID: "K3016", Severity: finding.Warning,
		Title: "Disabling the fallback has no effect",
		Doc:   "--disable-default-registry-endpoint works only for registries that have endpoints under mirrors, or for all with \"*\".",
		Text:  "--disable-default-registry-endpoint has no effect: no registry has endpoints under mirrors",
		Variants: map[string]finding.Variant{
			"name": {Text: "{name} is asked itself although --disable-default-registry-endpoint is set: it has no endpoint"},
		},
	}
	badRewrite = finding.Kind{
		Code: codeInvalid, ID: "K3017", Severity: finding.Error, Ignores: true,
		Title: "A rewrite is not a regular expression",
		Doc:   "Patterns of rewrite are Go regular expressions. One that does not compile is skipped with a warning in the log.",
		Text:  "the rewrite {pattern} is skipped: {why}",
	}
	manyRewrites = finding.Kind{
		Code: codeInvalid, ID: "K3017", Severity: finding.Warning,
		Title: "Rewrites apply in no fixed order",
		Doc:   "The first rule that changes the name wins, and the order of the rules is random at every pull. Patterns that can match the same name give different results.",
		Text:  "{count} rewrites of {name} can match the same image: which one applies is random",
	}
	lostDollar = finding.Kind{
		Code: codeInvalid, ID: "K3017", Severity: finding.Warning,
		Title: "The replacement of a rewrite lost its $1",
		Doc:   "A shell replaces $1 in a here-document by nothing unless the word behind << is in quotes.",
		Text:  "the pattern {pattern} has a group that the replacement {replacement} does not use: every image gets the same name",
		Fix:   "write $1 in the replacement; in a here-document begin with <<'EOF'",
	}
	rewriteEscape = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "K3032", Severity: finding.Error, Ignores: true,
		Title: "A rewrite makes the generated hosts.toml invalid",
		Doc: "Patterns and replacements go into hosts.toml without escaping. A backslash or a quotation mark makes the file " +
			"invalid; containerd drops it and asks the registry itself.",
		Text: "the rewrite {pattern} makes the generated hosts.toml invalid: none of the endpoints of {name} is asked",
		Fix:  "write [.] for a dot and [0-9] for a digit instead of a backslash",
		Variants: map[string]finding.Variant{
			"changed": {Text: "the backslash in the rewrite {pattern} means something else in the generated hosts.toml", Fix: "write [.] for a dot and [0-9] for a digit instead of a backslash"},
			"config":  {Text: "{name} makes the generated config.toml invalid: containerd does not start: {why}"},
			"hosts":   {Text: "the generated hosts.toml of {name} is invalid and dropped: {why}"},
		},
	}
	rewriteDefault = finding.Kind{
		Code: "config/rewrite-skips-default-endpoint", ID: "CFG-12", Severity: finding.Error, Ignores: true,
		Title: "Rewrites do not apply to the registry itself",
		Doc: "Since the releases of January 2024 rewrites apply to the listed endpoints only. The registry itself is asked " +
			"for the name as it is, also when it is listed as the last endpoint.",
		Text: "the rewrites of {name} are never applied: no endpoint but the registry itself is listed",
		Variants: map[string]finding.Variant{
			"none": {Text: "the rewrites of {name} are never applied: it has no endpoint"},
		},
	}
	wildcardFallback = finding.Kind{
		Code: "config/wildcard-without-fallback", ID: "CFG-13", Severity: finding.Error,
		Title: "A wildcard takes the registries themselves away",
		Doc: "In the fork of containerd a hosts.toml without a server line means that the registry itself is never asked. " +
			"That is what configs.\"*\" without mirrors.\"*\" renders, and what the releases of January and February 2024 " +
			"and of February 2025 did with mirrors.\"*\".",
		Text: "with {version} a wildcard mirror loses the fallback: images that the mirror lacks cannot be pulled",
		Fix:  "name the registries under mirrors instead of \"*\", or update {distro}",
		Variants: map[string]finding.Variant{
			"configs": {Text: "configs.\"*\" without mirrors.\"*\" leaves every registry without an entry of its own with no host to ask", Fix: "remove the entry, or name hosts under configs"},
		},
	}
	oldWildcard = finding.Kind{
		Code: codeInvalid, ID: "K3022", Severity: finding.Error, Ignores: true,
		Title: "The wildcard is not rendered by this release",
		Doc:   "The releases between January and March 2024 wrote \"*\" into a directory of that name, which containerd never looks up.",
		Text:  "{version} does not render \"*\" for containerd: the entry is ignored",
		Fix:   "name the registries, or update {distro}",
	}
	wildcardAuth = finding.Kind{
		Code: codeNoAuth, ID: "K3033", Severity: finding.Error, Ignores: true,
		Title: "Credentials for * are never sent",
		Doc:   "Containerd looks for credentials under the host that it asks and knows no wildcard there. Only RKE2's own pulls use configs.\"*\".auth.",
		Text:  "the credentials of configs.\"*\" are never sent by containerd",
		Fix:   "write an entry for each host",
	}
	wildcardTLS = finding.Kind{
		Code: codeInvalid, ID: "K3033", Severity: finding.Error, Ignores: true,
		Title: "TLS settings for * are dropped",
		Doc:   "configs.\"*\".tls is rendered only if mirrors has no \"*\": the file of the mirror takes its place.",
		Text:  "the TLS settings of configs.\"*\" are dropped because mirrors has \"*\", too",
		Fix:   "write an entry for each host",
	}
	loginInURL = finding.Kind{
		Code: codeNoAuth, ID: "auth/login-in-url", Severity: finding.Error, Ignores: true,
		Title: "Credentials in the URL of an endpoint are not sent",
		Doc:   "Containerd takes scheme, host and path of an endpoint. A name and a password in the URL are written into hosts.toml and never sent.",
		Text:  "the credentials in {endpoint} are not sent",
		Fix:   "write them under configs.{host}.auth",
	}
	halfPair = finding.Kind{
		Code: "tls/half-client-pair", ID: "K3034", Severity: finding.Error,
		Title: "A client certificate is only half configured",
		Doc: "With only one of cert_file and key_file an empty name goes into hosts.toml. Containerd then tries to read a " +
			"directory, and every pull through that file fails.",
		Text: "{have} is set without {lack}: every pull of {namespaces} fails",
		Fix:  "write both, or neither",
	}
	badAuth = finding.Kind{
		Code: codeNoAuth, ID: "auth/bad-encoding", Severity: finding.Error, Ignores: true,
		Title: "auth is not the base64 of user:password",
		Doc:   "auth holds username:password in base64, as in docker's config.json. With anything else containerd sends no credentials.",
		Text:  "the credentials of configs.{name} are not sent: {why}",
		Fix:   "write username and password instead",
	}
	defaultPassword = finding.Kind{
		Code: "auth/default-password", ID: "CD014", Severity: finding.Warning,
		Title: "A password that everybody knows",
		Doc:   "The password is the one that a registry is installed with, or one of the most common ones.",
		Text:  "the password of configs.{name} is a well-known one",
	}
	thirdParty = finding.Kind{
		Code: "mirror/third-party-tags", ID: "K3028", Severity: finding.Warning,
		Title: "A public mirror decides what a tag means",
		Doc: "Endpoints are trusted with resolving tags: whoever runs the mirror can hand out any image for a tag. Content " +
			"is verified by digest only once the mirror has named the digest. registries.yaml cannot restrict a mirror to digests.",
		Text: "{host} is a mirror of a third party and decides which image a tag of {name} is",
	}
	embeddedAlone = finding.Kind{
		Code: "mirror/embedded-without-registries", ID: "K3027", Severity: finding.Warning,
		Title: "The embedded registry shares nothing",
		Doc:   "The embedded registry shares images of the registries that have a key under mirrors, also an empty one. Without any it does not start.",
		Text:  "--embedded-registry shares nothing: no registry is named under mirrors",
		Fix:   "name the registries under mirrors",
	}
)

var meaningKinds = []finding.Kind{
	otherHost, hubName, hostKey, namespaceKey, tlsOnHTTP, unverified, serverKey, lostFile, noScheme, defaultListed, defaultEarly,
	plainFallback, badURL, doubled, flagQuirk, flagUnused, badRewrite, manyRewrites, lostDollar, rewriteEscape,
	rewriteDefault, wildcardFallback, oldWildcard, wildcardAuth, wildcardTLS, loginInURL, halfPair, badAuth, defaultPassword, thirdParty, embeddedAlone,
}
