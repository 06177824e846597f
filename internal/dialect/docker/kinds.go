package docker

import "github.com/towpath-dev/towpath/internal/finding"

const (
	codeInvalid  = "config/daemon-json-invalid"
	codeEndpoint = "config/wrong-endpoint-url"
	noStart      = "dockerd does not start with such a file, and a running one ignores a reload. `dockerd --validate --config-file FILE` tells the same. " +
		"After a change restart docker, or reload it where only mirrors and insecure registries changed; `systemctl daemon-reload` is for units, not for daemon.json."
)

var (
	badJSON = finding.Kind{
		Code: codeInvalid, ID: "DK001", Severity: finding.Error, Stops: true,
		Title: "daemon.json is no JSON, or a value has the wrong type",
		Doc:   "JSON has no comments, no trailing commas and only plain quotation marks. " + noStart,
		Text:  "dockerd does not start: {why}",
		Fix:   "correct the line",
		Variants: map[string]finding.Variant{
			"comma":    {Text: "dockerd does not start: a comma stands before the closing bracket", Fix: "remove the comma"},
			"missing":  {Text: "dockerd does not start: a comma is missing between two entries", Fix: "write a comma behind the entry before"},
			"comment":  {Text: "dockerd does not start: JSON has no comments", Fix: "remove the comment"},
			"quotes":   {Text: "dockerd does not start: the quotation marks are typographic, and JSON knows only \"", Fix: "write plain quotation marks"},
			"type":     {Text: "dockerd does not start: {why}", Fix: "write a value of the right type"},
			"encoding": {Text: "dockerd does not start: the file is not UTF-8", Fix: "save the file as UTF-8"},
			"read":     {Text: "dockerd does not start: the file cannot be read: {why}"},
		},
	}
	unknownKey = finding.Kind{
		Code: codeInvalid, ID: "DK001", Severity: finding.Error, Stops: true,
		Title: "A key of daemon.json is no option",
		Doc:   "Every key has to be an option of dockerd. " + noStart,
		Text:  "dockerd does not start: {key} is no option",
		Fix:   "remove the entry",
		Variants: map[string]finding.Variant{
			"near": {Text: "dockerd does not start: {key} is no option, {want} is", Fix: "write {want}"},
		},
	}
	badValue = finding.Kind{
		Code: codeInvalid, ID: "DK001", Severity: finding.Error, Stops: true,
		Title: "A value of daemon.json is out of range",
		Doc:   noStart,
		Text:  "dockerd does not start because of {key}: {why}",
		Fix:   "correct the value",
	}
	repeatedKey = finding.Kind{
		Code: codeInvalid, ID: "DK021", Severity: finding.Error, Ignores: true,
		Title: "A list of registries is there twice and the first one is lost",
		Doc: "Of a key that is written twice dockerd takes the last, without a message: the mirrors or insecure registries of the first are not used. " +
			"It happens when a block is pasted into a file that has it already.",
		Text: "{key} is written again in line {line}, which replaces this one",
		Fix:  "put both lists together",
	}
	wrongMirror = finding.Kind{
		Code: codeEndpoint, ID: "DK002", Severity: finding.Error, Stops: true,
		Title: "A mirror is no URL that dockerd accepts",
		Doc:   "registry-mirrors holds URLs with http or https, a host and perhaps a path: no user name, query or fragment. " + noStart,
		Text:  "dockerd does not start: the mirror {mirror} is refused, {why}",
		Fix:   "write it as https://HOST[:PORT]",
	}
	upperScheme = finding.Kind{
		Code: codeEndpoint, ID: "DK020", Severity: finding.Error, Ignores: true,
		Title: "The scheme of a mirror is in capitals",
		Doc:   "dockerd accepts such a URL and then puts https:// in front of it: it asks a host that is named HTTPS.",
		Text:  "the mirror {mirror} is never asked: its scheme has to be in lower case",
		Fix:   "write {want}",
	}
	plainMirror = finding.Kind{
		Code: "tls/not-verified", ID: "DK003", Severity: finding.Warning,
		Title: "A mirror of Docker Hub is not verified",
		Doc:   "A mirror decides which image a tag is. Over plain HTTP, or with a certificate that nobody verifies, so does whoever is between.",
		Text:  "the mirror {mirror} is asked without verification and decides which image a tag of Docker Hub is",
	}
	hubOnly = finding.Kind{
		Code: "mirror/never-asked", ID: "DK004", Severity: finding.Warning,
		Title: "A mirror in daemon.json is for Docker Hub alone",
		Doc:   "registry-mirrors are asked for images of Docker Hub only. Images from other registries have no mirrors in Docker.",
		Text:  "{mirror} looks like a mirror of {registry}, but is asked for images of Docker Hub only",
		Fix:   "name the mirror in the image instead",
	}
	schemeCut = finding.Kind{
		Code: codeEndpoint, ID: "DK005", Severity: finding.Warning,
		Title: "An entry of insecure-registries has a scheme",
		Doc:   "Entries are host[:port] or a range of addresses. A scheme is cut off with a warning in the log.",
		Text:  "the scheme of {entry} is cut off: HTTPS is tried first whatever it says",
		Fix:   "write {want}",
	}
	wrongInsecure = finding.Kind{
		Code: codeEndpoint, ID: "DK005", Severity: finding.Error, Stops: true,
		Title: "An entry of insecure-registries is refused",
		Doc:   "Entries are host[:port] or a range of addresses, without path. " + noStart,
		Text:  "dockerd does not start: {entry} in insecure-registries is refused, {why}",
		Fix:   "write host[:port] alone",
	}
	portLess = finding.Kind{
		Code: "config/wrong-registry-name", ID: "DK006", Severity: finding.Warning,
		Title: "An insecure registry is listed without its port",
		Doc:   "Entries are compared with the registry as images write it, port included.",
		Text:  "{entry} says nothing of {near}, which has a port",
		Fix:   "write {near} if that is meant",
	}
	retired = finding.Kind{
		Code: "mirror/public-mirror-retired", ID: "DK007", Severity: finding.Warning,
		Title: "A mirror was shut down or serves few",
		Doc:   "These mirrors were closed to the public or are limited to their own cloud. Every pull waits for them first.",
		Text:  "the mirror {mirror} was shut down or serves only its own cloud",
		Fix:   "remove it",
	}
	otherRuntime = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: OtherRuntime, Severity: finding.Warning, Ignores: true,
		Title: "daemon.json does not count for pods",
		Doc:   "The kubelet of this node uses another runtime, which reads other files. Docker's are for `docker pull` alone.",
		Text:  "the registries in daemon.json do not count for pods: the kubelet does not use Docker",
	}
	flagAndFile = finding.Kind{
		Code: codeInvalid, ID: "DK009", Severity: finding.Error, Stops: true,
		Title: "An option is set in daemon.json and as a flag",
		Doc:   "dockerd refuses an option that is given twice, even with the same value. The usual case is `hosts` beside `-H fd://` in the unit.",
		Text:  "dockerd does not start: {key} is set here and with --{flag} on its command line",
		Fix:   "leave one of them out; a drop-in with an empty ExecStart= and a new one changes the unit",
	}
	certsPair = finding.Kind{
		Code: "tls/half-client-pair", ID: "DK010", Severity: finding.Error,
		Title: "The certificates of a host cannot be used",
		Doc:   "In certs.d/HOST every .crt is an authority, every .cert a client certificate that needs a .key of its name. Where one is missing every pull that needs the host fails.",
		Text:  "pulls from {host} fail: {why}",
		Fix:   "add the missing file; certificates of authorities end in .crt",
	}
	certsName = finding.Kind{
		Code: "config/wrong-directory-name", ID: "DK010", Severity: finding.Error, Ignores: true,
		Title: "A directory under certs.d has a name that is never looked for",
		Doc:   "The directory is named like the registry, with its port behind a colon. For Docker Hub itself none is read.",
		Text:  "{dir} is never looked for",
		Fix:   "rename it to {want}",
		Variants: map[string]finding.Variant{
			"hub":      {Text: "{dir} is not read: Docker Hub has no certificates of its own"},
			"insecure": {Text: "{dir} is not read: {host} is an insecure registry, whose certificate is not verified", Fix: "remove {host} from insecure-registries"},
		},
	}
	certsSuffix = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "DK019", Severity: finding.Warning, Ignores: true,
		Title: "A certificate has a suffix that is not read",
		Doc:   "Authorities end in .crt, client certificates in .cert, their keys in .key. Everything else is ignored.",
		Text:  "{path} is ignored: certificates of authorities end in .crt",
		Fix:   "rename it to {want}",
	}
	certsEmpty = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "TLS-17", Severity: finding.Error, Ignores: true,
		Title: "A CA file holds no certificate",
		Doc:   "An authority that is not PEM is skipped without a word.",
		Text:  "{path} holds no certificate in PEM form and is ignored",
	}
	hostsWin = finding.Kind{
		Code: "mirror/never-asked", ID: "DK011", Severity: finding.Warning, Ignores: true,
		Title: "hosts.toml takes the place of daemon.json",
		Doc:   "With containerd's image store Docker reads hosts.toml. Where one has a mirror, daemon.json's mirrors and insecure entries do not count for that registry.",
		Text:  "registry-mirrors and insecure-registries do not count for {registry}: {file} has mirrors",
		Fix:   "write everything in hosts.toml",
		Variants: map[string]finding.Variant{
			"unread": {Text: "{file} is not read: hosts.toml counts only with containerd's image store", Fix: "set features.containerd-snapshotter, or remove the file"},
		},
	}
	broadRange = finding.Kind{
		Code: "tls/not-verified", ID: "DK012", Severity: finding.Warning,
		Title: "A range of insecure registries is very broad",
		Doc:   "Nothing in the range is verified, and plain HTTP is spoken when HTTPS fails. Names count as well: their addresses are looked up.",
		Text:  "{entry} leaves {count} addresses unverified",
		Fix:   "list the registries",
	}
	topProxy = finding.Kind{
		Code: "proxy/not-set-for-runtime", ID: "DK014", Severity: finding.Error, Ignores: true,
		Title: "The proxy stands outside of proxies",
		Doc:   "http-proxy, https-proxy and no-proxy belong into the object `proxies`. At the top they are accepted as names of flags, and then disregarded.",
		Text:  "{key} has no effect here: it belongs into proxies",
		Fix:   "write it inside \"proxies\": { }",
	}
	looseHub = finding.Kind{
		Code: "tls/not-verified", ID: "DK015", Severity: finding.Warning,
		Title: "One insecure mirror leaves Docker Hub itself unverified",
		Doc:   "With containerd's image store all mirrors of Docker Hub and the Hub itself share one client. If one of them is insecure, none is verified.",
		Text:  "{mirror} is insecure, and so are all other mirrors and Docker Hub itself",
		Fix:   "give the node the mirror's CA in {dir} and remove it from insecure-registries",
	}
	singularKey = finding.Kind{
		Code: codeInvalid, ID: "DK016", Severity: finding.Error, Ignores: true,
		Title: "A key is accepted and has no effect",
		Doc:   "The names of flags are accepted as keys, but the file reads the plural: registry-mirrors, insecure-registries.",
		Text:  "{key} has no effect: the key is {want}",
		Fix:   "write {want}",
	}
	ignoredObject = finding.Kind{
		Code: codeInvalid, ID: "DK017", Severity: finding.Warning, Ignores: true,
		Title: "An object is accepted and has no effect",
		Doc:   "The keys inside of an object that is no option are checked as if they stood at the top, but nobody reads them.",
		Text:  "{key} has no effect: it is no option, and what is in it is not read",
		Fix:   "write what is in it at the top of the file",
	}
	lostHub = finding.Kind{
		Code: codeInvalid, ID: "DK018", Severity: finding.Warning, Ignores: true,
		Title: "Docker Hub cannot be made insecure",
		Doc:   "An entry docker.io is overwritten: Docker Hub is always verified.",
		Text:  "{entry} in insecure-registries has no effect: Docker Hub is always verified",
		Fix:   "remove it",
	}
)

var kinds = []finding.Kind{
	badJSON, unknownKey, badValue, repeatedKey, wrongMirror, upperScheme, plainMirror, hubOnly, schemeCut, wrongInsecure, portLess, retired, otherRuntime, flagAndFile,
	certsPair, certsName, certsSuffix, certsEmpty, hostsWin, broadRange, topProxy, looseHub, singularKey, ignoredObject, lostHub,
}
