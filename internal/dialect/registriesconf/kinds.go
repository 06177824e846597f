package registriesconf

import "github.com/towpath-dev/towpath/internal/finding"

// Codes that several kinds share.
const (
	codeInvalid  = "config/registries-conf-invalid"
	codeEndpoint = "config/wrong-endpoint-url"
	codeLogin    = "auth/no-credentials-sent"
	everyPull    = "CRI-O, Podman and Skopeo refuse the whole configuration then: every pull fails, of every registry."
)

// Kinds of what makes the runtime refuse a file, and with it every pull.
var (
	badSyntax = finding.Kind{
		Code: codeInvalid, ID: "CR017", Severity: finding.Error, Stops: true,
		Title: "registries.conf is no TOML, or a value has the wrong type",
		Doc:   everyPull,
		Text:  "the file is refused: {why}",
		Fix:   "correct the line",
		Variants: map[string]finding.Variant{
			"quotes": {Text: "the file is refused: it has typographic quotation marks, and TOML knows only \" and '", Fix: "write plain quotation marks"},
			"bom":    {Text: "the file is refused: it is in UTF-16, and TOML is UTF-8", Fix: "save the file as UTF-8"},
		},
	}
	hasScheme = finding.Kind{
		Code: codeEndpoint, ID: "CR001", Severity: finding.Error, Stops: true,
		Title: "A location has a scheme",
		Doc: "prefix and location are host[:port][/path]. The scheme is never written: HTTPS is tried, and with `insecure = true` " +
			"HTTP after it. " + everyPull,
		Text: "{key} {value} has a scheme, which is refused",
		Fix:  "write {want}, and insecure = true beside it if the registry speaks plain HTTP",
	}
	mixedLayouts = finding.Kind{
		Code: codeInvalid, ID: "CR002", Severity: finding.Error, Stops: true,
		Title: "The old and the new layout in one file",
		Doc:   "[registries.search], [registries.insecure] and [registries.block] are the first layout, [[registry]] the second. " + everyPull,
		Text:  "the tables [registries.*] of the first layout stand beside keys of the second: the file is refused",
		Fix:   "write the hosts of [registries.*] as [[registry]] and unqualified-search-registries",
	}
	oldLayout = finding.Kind{
		Code: codeInvalid, ID: "CR002", Severity: finding.Error, Stops: true,
		Title: "The old layout, which is no longer read",
		Doc: "Since containers-image 5.41 (2026) a file in the first layout is refused; in drop-ins it always was. Releases before " +
			"it read it. " + everyPull,
		Text: "the tables [registries.*] are the first layout of this file, which this release refuses",
		Fix:  "write the hosts of [registries.*] as [[registry]] and unqualified-search-registries",
	}
	badWildcard = finding.Kind{
		Code: codeInvalid, ID: "CR003", Severity: finding.Error, Stops: true,
		Title: "A wildcard prefix with a port or a path",
		Doc:   "The only wildcard is `*.domain`, for all hosts below a domain: no port, no path. " + everyPull,
		Text:  "the prefix {prefix} is refused: a wildcard has the form *.example.com",
		Fix:   "leave out what follows the domain",
	}
	conflicting = finding.Kind{
		Code: codeInvalid, ID: "CR005", Severity: finding.Error, Stops: true,
		Title: "Two registries with one location disagree",
		Doc:   "insecure and blocked belong to the location. Two [[registry]] tables with one location must agree on both. " + everyPull,
		Text:  "{key} of {location} differs from that in line {other}: the file is refused",
		Fix:   "give both the same value",
	}
	badPolicy = finding.Kind{
		Code: codeInvalid, ID: "CR006", Severity: finding.Error, Stops: true,
		Title: "pull-from-mirror is used in a way that is refused",
		Doc:   "pull-from-mirror stands in a [[registry.mirror]], is all, digest-only or tag-only, and excludes mirror-by-digest-only. " + everyPull,
		Text:  "the file is refused: {why}",
		Fix:   "write it in the mirror alone, with one of the three values",
	}
	emptyRegistry = finding.Kind{
		Code: codeInvalid, ID: "CR018", Severity: finding.Error, Stops: true,
		Title: "A registry without a name",
		Doc:   "A [[registry]] needs a location, a mirror too. Only a registry with a prefix *.domain may do without. " + everyPull,
		Text:  "a [[registry]] has neither location nor prefix: the file is refused",
		Fix:   "write its location",
	}
	noLocation = finding.Kind{
		Code: codeInvalid, ID: "CR018", Severity: finding.Error, Stops: true,
		Title: "A registry without a location",
		Doc:   emptyRegistry.Doc,
		Text:  "the registry {prefix} has no location: the file is refused",
		Fix:   "write location = \"{prefix}\"",
	}
	emptyMirror = finding.Kind{
		Code: codeInvalid, ID: "CR018", Severity: finding.Error, Stops: true,
		Title: "A mirror without a location",
		Doc:   emptyRegistry.Doc,
		Text:  "a mirror of {prefix} has no location: the file is refused",
		Fix:   "write its location, or remove the table",
	}
	badSearch = finding.Kind{
		Code: codeInvalid, ID: "CR019", Severity: finding.Error, Stops: true,
		Title: "unqualified-search-registries holds what is no host",
		Doc:   "Its entries are host[:port], without scheme and path. " + everyPull,
		Text:  "{host} in unqualified-search-registries is no host: the file is refused",
		Fix:   "write the host alone",
	}
	badShortName = finding.Kind{
		Code: codeInvalid, ID: "CR020", Severity: finding.Error, Stops: true,
		Title: "Short names are configured in a way that is refused",
		Doc:   "An alias maps a name without a registry to one with it, both without tag and digest. " + everyPull,
		Text:  "the file is refused: {why}",
		Fix:   "correct the line",
	}
	unreadable = finding.Kind{
		Code: codeInvalid, ID: "CR021", Severity: finding.Error, Stops: true,
		Title: "A file of the configuration cannot be read",
		Doc:   everyPull,
		Text:  "the file cannot be read: {why}",
	}
	tooLarge = finding.Kind{
		Code: codeInvalid, ID: "CR022", Severity: finding.Warning,
		Title: "A file is too large to be judged",
		Doc:   "Towpath reads 16 MB of a file. What stands in it is not known here; the runtime may accept it.",
		Text:  "the file is not judged: {why}",
	}
	badLogins = finding.Kind{
		Code: codeLogin, ID: "CR023", Severity: finding.Error, Stops: true,
		Title: "A file with credentials is no JSON",
		Doc:   "Every pull looks for credentials, and fails if a file that it looks into cannot be read.",
		Text:  "every pull fails: {why}",
		Fix:   "correct the file, or log in again after removing it",
	}
)

// Kinds of what has another meaning than it seems.
var (
	duplicatePrefix = finding.Kind{
		Code: codeInvalid, ID: "CR004", Severity: finding.Warning, Ignores: true,
		Title: "A registry is written twice",
		Doc:   "Of two [[registry]] tables with one prefix in one file only the first counts. Across files the later one replaces the earlier as a whole.",
		Text:  "the second registry {prefix} is ignored: the one in line {first} counts",
		Fix:   "remove one of them",
		Variants: map[string]finding.Variant{
			"file": {Text: "this registry {prefix} is ignored: {by} replaces it", Fix: "write it in one file"},
		},
	}
	hiddenMain = finding.Kind{
		Code: codeInvalid, ID: "CR007", Severity: finding.Warning, Ignores: true,
		Title: "A user's registries.conf hides the system's",
		Doc:   "The first of ~/.config/containers, /etc/containers and /usr/share/containers that has a registries.conf counts; the others are not read.",
		Text:  "the file is not read: {by} takes its place",
		Fix:   "put what is needed into {by}, or remove that",
	}
	hubLibrary = finding.Kind{
		Code: codeEndpoint, ID: "CR008", Severity: finding.Warning,
		Title: "Official images of Docker Hub lose their library/",
		Doc: "What prefix matches is replaced by location. A prefix docker.io/library takes library/ away, so that the mirror is asked for " +
			"`nginx`; and a location docker.io without library/ ends the pull before the first request, because docker.io/nginx is not written in full.",
		Text: "with the prefix {prefix} the mirror {location} is asked for {example}, without library/",
		Fix:  "write location = \"{location}/library\" if the mirror keeps official images there",
		Variants: map[string]finding.Variant{
			"short": {Text: "images directly below {prefix} cannot be pulled: {location}/NAME is no full name, Docker Hub needs {location}/library/NAME", Fix: "write location = \"{location}/library\" for official images"},
		},
	}
	certsPair = finding.Kind{
		Code: "tls/half-client-pair", ID: "CR009", Severity: finding.Error,
		Title: "The certificates of a host cannot be used",
		Doc: "In certs.d/HOST every .crt is an authority, every .cert a client certificate that needs a .key of its name. Where one is " +
			"missing or cannot be loaded, the host is not asked at all.",
		Text: "{host} is never asked: {why}",
		Fix:  "add the missing file; certificates of authorities end in .crt",
	}
	certsName = finding.Kind{
		Code: "config/wrong-directory-name", ID: "CR009", Severity: finding.Error, Ignores: true,
		Title: "A directory under certs.d has a name that is never looked for",
		Doc:   "The directory is named like the host in the location, with its port behind a colon.",
		Text:  "{dir} is never looked for",
		Fix:   "rename it to {want}",
	}
	certsHidden = finding.Kind{
		Code: "config/wrong-directory-name", ID: "CR024", Severity: finding.Warning, Ignores: true,
		Title: "A certs.d directory is hidden by another one",
		Doc:   "The first directory for a host counts, in the order ~/.config/containers, /etc/containers, /usr/share/containers, /etc/docker. The files of the others are not added.",
		Text:  "{dir} is not used: {by} takes its place",
		Fix:   "put the files together",
	}
	certsEmpty = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "TLS-17", Severity: finding.Error, Ignores: true,
		Title: "A CA file holds no certificate",
		Doc:   "An authority that is not PEM is skipped without a word.",
		Text:  "{path} holds no certificate in PEM form and is ignored",
	}
	certsSuffix = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "CR025", Severity: finding.Warning, Ignores: true,
		Title: "A certificate has a suffix that is not read",
		Doc:   "Authorities end in .crt, client certificates in .cert, their keys in .key. Everything else is ignored.",
		Text:  "{path} is ignored: certificates of authorities end in .crt",
		Fix:   "rename it to {want}",
	}
	crioInsecure = finding.Kind{
		Code: codeInvalid, ID: "CR010", Severity: finding.Warning, Ignores: true,
		Title: "insecure_registries of crio.conf has no effect",
		Doc:   "CRI-O leaves that to registries.conf: insecure = true in the [[registry]].",
		Text:  "insecure_registries has no effect: registries.conf decides",
		Fix:   "write [[registry]] with insecure = true in registries.conf",
	}
	badTrustPolicy = finding.Kind{
		Code: "config/trust-policy-invalid", ID: "CR011", Severity: finding.Error, Stops: true,
		Title: "policy.json is refused",
		Doc:   "Every pull reads policy.json: without the file, with an unknown key or without `default` none succeeds.",
		Text:  "every pull fails: {why}",
		Fix:   "correct the file; {\"default\": [{\"type\": \"insecureAcceptAnything\"}]} accepts unsigned images as other runtimes do",
	}
	notConf = finding.Kind{
		Code: codeInvalid, ID: "CR012", Severity: finding.Warning, Ignores: true,
		Title: "A drop-in is not read",
		Doc:   "In registries.conf.d only files that end in .conf are read, and of files with one name in several directories only the strongest.",
		Text:  "the file is not read: its name does not end in .conf",
		Fix:   "rename it to {want}",
		Variants: map[string]finding.Variant{
			"hidden": {Text: "the file is not read: {by} has the same name and comes first", Fix: "give it another name"},
		},
	}
	unknownKey = finding.Kind{
		Code: codeInvalid, ID: "CR013", Severity: finding.Warning, Ignores: true,
		Title: "A key is not known",
		Doc:   "Unknown keys are dropped with a line in the debug log.",
		Text:  "{key} is ignored: nothing of that name is known here",
		Fix:   "correct the name, or remove the line",
		Variants: map[string]finding.Variant{
			"near": {Text: "{key} is ignored: {want} was probably meant", Fix: "write {want}"},
		},
	}
	hostsToml = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "CR014", Severity: finding.Warning, Ignores: true,
		Title: "hosts.toml is not read by this runtime",
		Doc:   "hosts.toml is containerd's. CRI-O and Podman read registries.conf, and of certs.d only certificates.",
		Text:  "{path} is ignored: hosts.toml is for containerd",
		Fix:   "write its mirrors in registries.conf: towpath convert --from containerd --to registries-conf",
	}
	manySearch = finding.Kind{
		Code: "config/short-name-spoofing", ID: "CR015", Severity: finding.Warning,
		Title: "Short names are looked for in several registries",
		Doc:   "An image without a registry is taken from the first that has it. Who can push to an earlier one decides what is pulled. CRI-O's default `enforcing` refuses such names unless there is one registry or an alias.",
		Text:  "names without a registry are looked for in {count} registries: {hosts}",
		Fix:   "name one registry, or write images in full",
	}
	loginScheme = finding.Kind{
		Code: codeLogin, ID: "CR016", Severity: finding.Info,
		Title: "A key of the credentials is a URL",
		Doc:   "Keys are host[:port][/path]. A URL is an old spelling: it counts for its host as a whole, whatever its path says, and only if the host has no key of its own.",
		Text:  "the credentials for {key} are used for all of {host}",
		Fix:   "write {host}",
		Variants: map[string]finding.Variant{
			"shadowed": {Text: "the credentials for {key} are never used: {host} has a key of its own", Fix: "remove the entry"},
		},
	}
	badLogin = finding.Kind{
		Code: codeLogin, ID: "auth/bad-encoding", Severity: finding.Error,
		Title: "auth is not the base64 of user:password",
		Doc:   "What is no base64 makes every pull from that host fail; base64 without a colon is skipped and the pull is anonymous.",
		Text:  "pulls from {key} fail: its auth is no base64",
		Fix:   "log in again",
		Variants: map[string]finding.Variant{
			"colon":  {Text: "the credentials for {key} are ignored: the decoded text has no colon", Fix: "log in again"},
			"helper": {Text: "there are no credentials for {key} here: a credential helper keeps them, and Towpath asks none"},
		},
	}
	blockedAll = finding.Kind{
		Code: "config/registry-blocked", ID: "config/registry-blocked", Severity: finding.Info,
		Title: "A registry is blocked",
		Doc: "blocked = true refuses requests whose name matches the prefix after it was rewritten. Mirrors with another name are " +
			"asked all the same, and a location elsewhere is not blocked at all.",
		Text: "{prefix} is blocked: nothing is pulled from it",
		Variants: map[string]finding.Variant{
			"mirrors":  {Text: "{prefix} is blocked, but its mirrors are asked"},
			"location": {Text: "blocked has no effect for {prefix}: its location {location} does not match the prefix"},
		},
	}
	portMatch = finding.Kind{
		Code: "config/wrong-registry-name", ID: "config/wrong-registry-name", Severity: finding.Info,
		Title: "A prefix without a port matches every port",
		Doc:   "The prefix r.example matches r.example:5000/app as well, and the port is appended to the location. With a path in the location such images cannot be pulled. The library's authors call it unintended.",
		Text:  "images from {prefix}:PORT match this registry too and cannot be pulled: {location}:PORT is no name",
	}
	unverified = finding.Kind{
		Code: "tls/not-verified", ID: "CR026", Severity: finding.Info,
		Title: "Certificates are not verified",
		Doc:   "insecure = true accepts every certificate and falls back to plain HTTP: whoever is between can hand out any image for a tag.",
		Text:  "{location} is asked without verifying its certificate, and over plain HTTP if that fails",
	}
)

var kinds = []finding.Kind{
	badSyntax, hasScheme, mixedLayouts, oldLayout, badWildcard, conflicting, badPolicy, emptyRegistry, noLocation, emptyMirror,
	badSearch, badShortName, unreadable, tooLarge, badLogins,
	duplicatePrefix, hiddenMain, hubLibrary, certsPair, certsName, certsHidden, certsEmpty, certsSuffix, crioInsecure, badTrustPolicy,
	notConf, unknownKey, hostsToml, manySearch, loginScheme, badLogin, blockedAll, portMatch, unverified,
}
