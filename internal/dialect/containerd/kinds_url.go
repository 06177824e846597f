package containerd

import "github.com/towpath-dev/towpath/internal/finding"

// What can be wrong with the URL of an endpoint.
var (
	noScheme = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT040", Severity: finding.Warning,
		Title: "An endpoint has no scheme",
		Doc:   "Without a scheme containerd takes https, for localhost too.",
		Text:  "{url} has no scheme, so containerd takes https",
		Fix:   "write {want}",
	}
	brokenURL = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT041", Severity: finding.Error,
		Title: "No request can be made to an endpoint",
		Doc:   "A text that begins with `http` gets no scheme added. Without `://` it is then a URL without host: the entry fails on every request, and as `server` it stands for the registry itself.",
		Text:  "{url} is not the URL of a host: {why}, so every request to it fails",
		Variants: map[string]finding.Variant{
			"fix":        {Text: "{url} is not the URL of a host: {why}, so every request to it fails", Fix: "write {want}"},
			"server":     {Text: "{url} names no host, so containerd contacts the registry itself instead"},
			"server-fix": {Text: "{url} names no host, so containerd contacts the registry itself instead", Fix: "write {want}"},
		},
	}
	wrongScheme = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT042", Severity: finding.Error,
		Title: "The scheme of an endpoint is neither http nor https",
		Doc:   "The scheme is http or https, in lower case. Before anything else containerd puts `https://`, which makes the scheme a host name.",
		Text:  "{url} is not asked: containerd makes {got} of it",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"hand": {Text: "{url} is not asked: containerd makes {got} of it"},
		},
	}
	malformedURL = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT043", Severity: finding.Error,
		Title: "The URL of an endpoint is malformed",
		Doc:   "An endpoint is `http://` or `https://`, a host, perhaps a port and a path.",
		Text:  "{url} is malformed: containerd asks for the host {host}",
		Variants: map[string]finding.Variant{
			"fix": {Text: "{url} is malformed: containerd asks for the host {host}", Fix: "write {want}"},
		},
	}
	userInURL = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT044", Severity: finding.Warning, Ignores: true,
		Title: "The URL of an endpoint holds credentials",
		Doc:   "containerd drops user and password from the URL and asks without. They lie in the file in clear text for nothing.",
		Text:  "containerd drops the credentials in the URL of {host}",
		Fix:   "remove them; give them as imagePullSecret, or as a static header",
	}
	queryInURL = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT045", Severity: finding.Warning, Ignores: true,
		Title: "The URL of an endpoint has a query or a fragment",
		Doc:   "containerd uses scheme, host and path of the URL and drops the rest.",
		Text:  "containerd drops {part} from the URL of {host}",
		Fix:   "remove it",
	}
	unusableURL = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT046", Severity: finding.Error, Ignores: true,
		Title: "The URL of an endpoint cannot be parsed",
		Doc:   "Blanks and bad ports make a URL invalid, and one invalid URL costs the whole file.",
		Text:  "{url} is no URL ({why}), " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "{url} is no URL ({why}), " + drops, Fix: "write {want}"},
		},
	}
	doubleV2 = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT047", Severity: finding.Error,
		Title: "The path of an endpoint goes on behind /v2 without override_path",
		Doc:   "containerd appends `/v2` to every path that does not end in it, unless `override_path = true` says that the path is the root of the API.",
		Text:  "{host} is asked below {got}, because containerd appends /v2 to {path}",
		Fix:   "add override_path = true",
	}
	overrideRoot = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT048", Severity: finding.Error,
		Title: "override_path is set on a URL without a path",
		Doc:   "With `override_path` the path of the URL is the root of the API. Without a path requests go to `/REPOSITORY/manifests/…`, which no registry answers.",
		Text:  "{host} is asked without /v2, because override_path is set and the URL has no path",
		Fix:   "remove override_path",
	}
	projectPath = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT049", Severity: finding.Warning,
		Title: "The path of an endpoint may lack /v2",
		Doc:   "Harbor and others serve a project or proxy cache below `/v2/PROJECT`. Written as `/PROJECT` it becomes `/PROJECT/v2`, which they answer with 404.",
		Text:  "{host} is asked below {got}; where {path} is a project, the API is below {want}",
		Fix:   "if {path} is a project, write {want} and override_path = true",
	}
	addressHost = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT050", Severity: finding.Error, Ignores: true,
		Title: "containerd 1 cannot read an IPv6 address in a table header",
		Doc:   "The TOML parser of containerd 1 ends the header at the first `]`, inside quotes too.",
		Text:  "containerd {version} cannot read the address in {table}, " + drops,
	}
	sameAsServer = finding.Kind{
		Code: "config/host-asked-twice", ID: "HT052", Severity: finding.Info,
		Title: "A host is also the server",
		Doc:   "The server is asked after all hosts. When a host is the same endpoint, it is asked again after it has failed, with the settings of the root of the file.",
		Text:  "{host} is asked again as server when it has failed, without the settings of its table",
		Variants: map[string]finding.Variant{
			"registry": {Text: "{host} is asked again as the registry itself when it has failed, without the settings of its table"},
		},
	}
	duplicateHost = finding.Kind{
		Code: "config/host-asked-twice", ID: "HT053", Severity: finding.Warning,
		Title: "Two tables are the same endpoint",
		Doc:   "URLs that differ in a trailing slash or in `/v2` are one endpoint, which is then asked twice.",
		Text:  "{host} is asked twice: {url} is the same endpoint as that of line {first}",
		Fix:   "remove one of the two",
	}
	serverPattern = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "CFG-09", Severity: finding.Error,
		Title: "The server field of hosts.toml is misunderstood",
		Doc: "`server` is the URL of the host that is asked last, in place of the registry itself. It is no pattern of the images that the file is about: that is the name of the directory. " +
			"Leave it out, and the registry itself is asked last.",
		Text:     "server = {url} is no pattern: containerd asks a host of that name last, in place of the registry",
		Fix:      "write the registry's own URL, {want}, or leave server out",
		Symptoms: []string{"dns/name-not-found"},
	}
	webSite = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT072", Severity: finding.Warning,
		Title: "The endpoint is a web site of Docker Hub, not its registry",
		Doc:   "The registry of Docker Hub is `https://registry-1.docker.io`. `docker.io` and `hub.docker.com` answer with web pages.",
		Text:  "{url} is a web site; the registry of Docker Hub is registry-1.docker.io",
		Fix:   "write {want}",
	}
	everythingToOne = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT070", Severity: finding.Error,
		Title: "_default sends every registry's images to one public registry",
		Doc:   "`server` replaces the registry itself. In `_default` it does so for every registry, and a public registry does not know the images of others.",
		Text:  "every registry without a directory of its own is replaced by {host}, which does not have their images",
		Fix:   "move the file to the directory {want}",
	}
)

// What can be wrong with capabilities.
var (
	trustsAll = finding.Kind{
		Code: "mirror/trusted-with-everything", ID: "HT060", Severity: finding.Info,
		Title: "A mirror without capabilities is trusted with everything",
		Doc:   "Without `capabilities` a mirror decides what a tag means and receives pushes. A Kubernetes node never pushes; who runs a third party's mirror should allow it `[\"pull\"]` only.",
		Text:  "{host} has no capabilities, so it may decide what a tag of {registry} means",
	}
	unknownCapability = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT061", Severity: finding.Error, Ignores: true,
		Title: "capabilities has a word that containerd does not know",
		Doc:   "The words are pull, resolve and push, and referrers since containerd 2.2. Any other costs the whole file.",
		Text:  "containerd {version} does not know the capability {word}, " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "containerd {version} does not know the capability {word}, " + drops, Fix: "write {want}"},
			"old": {Text: "containerd {version} does not know the capability {word}, " + drops, Fix: "remove it"},
		},
	}
	capabilityType = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT062", Severity: finding.Error, Ignores: true,
		Title: "capabilities is no list of strings",
		Doc:   "`capabilities` is a list: `[\"pull\", \"resolve\"]`.",
		Text:  "capabilities is no list of strings, " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "capabilities is no list of strings, " + drops, Fix: "write {want}"},
		},
	}
	neverForTags = finding.Kind{
		Code: "config/resolve-capability-missing", ID: "HT063", Severity: finding.Warning,
		Title: "A mirror is never asked for tags",
		Doc:   "A tag is resolved only by hosts with `pull` and `resolve`. A mirror with `pull` alone serves content by digest.",
		Text:  "{host} has no resolve capability, so tags never use it, only digests",
		Fix:   "add \"resolve\", if the mirror may decide what a tag means",
	}
	withoutPull = finding.Kind{
		Code: "config/pull-capability-missing", ID: "HT064", Severity: finding.Error,
		Title: "A host without pull is never asked first",
		Doc:   "Nothing is resolved by a host without `pull`.",
		Text:  "{host} has no pull capability, so containerd never resolves an image there",
		Fix:   "add \"pull\"",
	}
	capabilitiesUnused = finding.Kind{
		Code: "config/capabilities-unused", ID: "HT066", Severity: finding.Warning, Ignores: true,
		Title: "capabilities above the tables has no effect without server",
		Doc:   "The keys at the root of the file belong to `server`. Without it the registry itself is contacted with all capabilities.",
		Text:  "containerd ignores these capabilities, because there is no server they could belong to",
	}
	nobodyResolves = finding.Kind{
		Code: "config/resolve-capability-missing", ID: "HT067", Severity: finding.Error,
		Title: "No host may resolve a tag",
		Doc:   "Without a host that has both `pull` and `resolve` every pull by tag ends with \"no resolve hosts\".",
		Text:  "no host for {registry} has both pull and resolve: every tag fails with \"no resolve hosts\"",
		Fix:   "add the capability that is missing",
	}
	credentialsForAll = finding.Kind{
		Code: "auth/credentials-for-every-registry", ID: "HT071", Severity: finding.Error,
		Title: "_default carries credentials",
		Doc:   "`_default` serves every registry that has no directory of its own, so its headers go along with the pulls of all of them.",
		Text:  "the credentials for {host} are sent with the pulls of every registry that has no directory of its own",
		Fix:   "move the table to the directory of the registry that it is for",
	}
)

// What can be wrong with TLS settings, headers and timeouts.
var (
	emptyKey = finding.Kind{
		Code: "tls/client-file-unreadable", ID: "HT074", Severity: finding.Error,
		Title: "The second half of a client pair is empty",
		Doc:   "The form `[[\"cert.pem\", \"\"]]` of containerd's own documentation fails in every version: the empty name stands for the directory of the file, which cannot be read.",
		Text:  "the empty key file in client makes every pull from {registry} fail",
		Fix:   "write the certificate alone: {want}",
	}
	flatPair = finding.Kind{
		Code: "tls/client-file-unreadable", ID: "HT075", Severity: finding.Error,
		Title: "client lists a certificate and its key as two certificates",
		Doc:   "In a flat list each file has to hold a certificate together with its key. A pair is a list of its own: `[[\"cert\", \"key\"]]`.",
		Text:  "client takes {cert} and {key} for two certificates: every pull from {registry} fails",
		Fix:   "write {want}",
	}
	pairLength = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT076", Severity: finding.Error, Ignores: true,
		Title: "A pair in client or a list of files is malformed",
		Doc:   "`ca` is a file or a list of files. `client` is a file, a list of files, or a list of pairs of certificate and key.",
		Text:  "{why}, " + drops,
	}
	unusableCA = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "HT077", Severity: finding.Error,
		Title: "A file named in ca cannot be used",
		Doc:   "containerd reads certificate files on every pull. One that is missing or is no PEM fails the pull, also for the other hosts of the registry.",
		Text:  "the CA file {path} cannot be used ({why}): every pull from {registry} fails",
		Variants: map[string]finding.Variant{
			"unsure": {Text: "the CA file {path} could not be looked at ({why}), so whether pulls from {registry} work is not known"},
		},
	}
	unusableClient = finding.Kind{
		Code: "tls/client-file-unreadable", ID: "HT077", Severity: finding.Error,
		Title: "A file named in client cannot be used",
		Doc:   "containerd reads certificate files on every pull. One that is missing or is no PEM fails the pull, also for the other hosts of the registry.",
		Text:  "the client certificate {path} cannot be used ({why}): every pull from {registry} fails",
		Variants: map[string]finding.Variant{
			"unsure": {Text: "the client certificate {path} could not be looked at ({why}), so whether pulls from {registry} work is not known"},
		},
	}
	unverified = finding.Kind{
		Code: "tls/verification-off", ID: "HT078", Severity: finding.Warning,
		Title: "The certificate of a host is not verified",
		Doc:   "With `skip_verify = true` anybody on the way can serve other images and read the credentials. Name the authority in `ca` instead.",
		Text:  "the certificate of {host} is not verified, so anybody on the way can pose as it",
		Fix:   "name the file of its authority in ca and remove skip_verify",
	}
	tlsForPlain = finding.Kind{
		Code: "config/tls-for-plain-http", ID: "HT079", Severity: finding.Warning,
		Title: "TLS is set up for an http URL",
		Doc:   "containerd then tries HTTPS first and plain HTTP when that fails: one failing request more each time, and no pull at all from servers that answer a TLS handshake with something else.",
		Text:  "{host} is asked over HTTPS first, because {key} is set for an http URL",
		Fix:   "remove {key}, or write https",
		Variants: map[string]finding.Variant{
			"unused": {Text: "{key} has no effect on {host}, because its URL is http", Fix: "remove {key}, or write https"},
		},
	}
	wrongExtension = finding.Kind{
		Code: "tls/certificate-file-ignored", ID: "HT083", Severity: finding.Error, Ignores: true,
		Title: "A certificate file has a name that containerd does not use",
		Doc:   "Without a `hosts.toml` containerd uses `*.crt` as authorities and `*.cert` with `*.key` as client certificates. Other names are ignored.",
		Text:  "containerd ignores {name}: authorities end in .crt",
		Fix:   "rename it to {want}",
		Variants: map[string]finding.Variant{
			"client": {Text: "containerd takes {name} for an authority: client certificates end in .cert", Fix: "rename it to {want}"},
		},
	}
	loneKey = finding.Kind{
		Code: "tls/certificate-file-ignored", ID: "HT084", Severity: finding.Info, Ignores: true,
		Title: "A key file has no certificate",
		Doc:   "A `*.key` counts only beside a `*.cert` of the same name.",
		Text:  "containerd does not use {name}, because there is no {want}",
	}
	headerType = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT090", Severity: finding.Error, Ignores: true,
		Title: "A header is neither a string nor a list of strings",
		Doc:   "A header is a string or a list of strings.",
		Text:  "the header {key} is neither a string nor a list of strings, " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "the header {key} is neither a string nor a list of strings, " + drops, Fix: "put the value in quotes"},
		},
	}
	headerCase = finding.Kind{
		Code: "auth/header-case", ID: "HT091", Severity: finding.Warning,
		Title: "The Authorization header is not in its usual letters",
		Doc:   "containerd keeps the letters as typed. After a 401 it sets `Authorization` itself and sends yours along as a second one, which servers refuse.",
		Text:  "{key} is sent a second time beside containerd's own Authorization once a registry asks for a token",
		Fix:   "write Authorization",
	}
	malformedBasic = finding.Kind{
		Code: "auth/malformed-header", ID: "HT093", Severity: finding.Error,
		Title: "The Authorization header is not what Basic means",
		Doc:   "Basic credentials are the base64 form of `user:password`, without a line end: `printf %s USER:PASSWORD | base64 -w0`.",
		Text:  "the Authorization header for {host} {why}, so the registry will refuse it",
	}
	forbiddenHeader = finding.Kind{
		Code: "auth/malformed-header", ID: "HT096", Severity: finding.Error,
		Title: "HTTP does not allow a header line",
		Doc:   "Header names have no blanks and values no line ends. Go's client refuses such a request, so the host is never reached.",
		Text:  "HTTP does not allow the header {key}, so every request to {host} fails",
	}
	timeoutUnit = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT100", Severity: finding.Error, Ignores: true,
		Title: "dial_timeout is no duration",
		Doc:   "`dial_timeout` is a string with a unit, such as \"5s\".",
		Text:  "dial_timeout is no duration, " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "dial_timeout has no unit, " + drops, Fix: "write {want}"},
		},
	}
	oddTimeout = finding.Kind{
		Code: "config/dial-timeout", ID: "HT101", Severity: finding.Warning,
		Title: "dial_timeout is zero or negative",
		Doc:   "Zero means no limit at all; a negative one makes every connection fail at once.",
		Text:  "dial_timeout of {host} is zero, so connecting has no limit",
		Variants: map[string]finding.Variant{
			"negative": {Text: "dial_timeout of {host} is negative, so connecting fails at once", Fix: "write a positive duration"},
		},
	}
	timeoutIgnored = finding.Kind{
		Code: "config/dial-timeout", ID: "HT102", Severity: finding.Info, Ignores: true,
		Title: "This containerd does not know dial_timeout",
		Doc:   "`dial_timeout` is known since containerd 2.0.7 and 2.1.0.",
		Text:  "containerd {version} ignores dial_timeout",
	}
)
