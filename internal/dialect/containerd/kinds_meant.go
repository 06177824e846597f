package containerd

import "github.com/towpath-dev/towpath/internal/finding"

// What settings of a host can do that nobody meant.
var (
	bracketedName = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT013", Severity: finding.Info,
		Title: "The directory is named after an IPv6 address without a port",
		Doc: "containerd takes what follows the last colon for a port, in an address without a port, too: for `[fd00::1]` it looks for `[fd00:_1]_` first. " +
			"A directory of that name would hide this one.",
		Text: "containerd takes the end of the address {name} for a port and looks for {want} first",
	}
	localUpstream = finding.Kind{
		Code: "tls/verification-off", ID: "HT014", Severity: finding.Warning, Ignores: true,
		Title: "The registry on this machine is not verified, whatever the file says",
		Doc: "When no `server` is named, containerd reaches a registry on localhost without verification, and over HTTP where HTTPS fails. " +
			"Only a `server` with its URL makes the TLS settings of the root of the file count as they are written.",
		Text: "{key} does not count for {registry}: without server containerd does not verify a registry on this machine",
		Fix:  "name the registry in server: {want}",
		Variants: map[string]finding.Variant{
			"file": {Text: "{name} does not make containerd verify {registry}: without a hosts.toml it trusts a registry on this machine as it is", Fix: "write a hosts.toml with server = \"https://{registry}\" and ca"},
		},
	}
	keyBehind = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT032", Severity: finding.Warning,
		Title: "A key stands behind a table and belongs to it",
		Doc: "In TOML a key belongs to the last table header above it. What is meant for `server` has to stand above the first `[host…]`, " +
			"and what is meant for a host above its `[host….header]`.",
		Text: "{key} stands below {table} and belongs to that host, not to server",
		Fix:  "move it above the first table",
		Variants: map[string]finding.Variant{
			"header": {Text: "{key} stands below {table}, so it is sent as an HTTP header and does not count as a setting", Fix: "move it above {table}"},
		},
	}
	portOfOther = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT051", Severity: finding.Warning,
		Title: "Scheme and port of a URL do not go together",
		Doc:   "Port 443 is that of HTTPS and port 80 that of HTTP. A server that speaks the other protocol refuses the request, and containerd goes on to the next host.",
		Text:  "{url} asks for {scheme} on port {port}, which is that of {other}",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"hand": {Text: "{url} asks for {scheme} on port {port}, which is that of {other}"},
		},
	}
	pushOnly = finding.Kind{
		Code: "config/pull-capability-missing", ID: "HT065", Severity: finding.Info,
		Title: "A host for pushes is asked for content, too",
		Doc:   "containerd resolves nothing at a host without `pull`, but once an image is resolved it asks every host of the file for the content, whatever its capabilities.",
		Text:  "{host} is for pushes only, but containerd also asks it for content by digest",
	}
	pushToMirror = finding.Kind{
		Code: "mirror/trusted-with-everything", ID: "HT068", Severity: finding.Info,
		Title: "A mirror receives pushes",
		Doc: "A push goes to the first host with the capability `push`. Before the registry itself that is the mirror, so the image never reaches the registry. " +
			"A Kubernetes node never pushes; `nerdctl push` does.",
		Text: "{host} has the capability push and stands before the registry, so pushes to {registry} go there",
		Fix:  "remove \"push\"",
	}
	mirrorOnlyMeant = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT069", Severity: finding.Warning,
		Title: "Without server the registry itself is asked in the end",
		Doc: "Leaving `server` out does not keep containerd from the registry: it is asked when all hosts have failed. To ask mirrors alone, name the last of them in `server`. " +
			"Only the containerd of K3s and RKE2 takes a missing `server` for \"nobody\".",
		Text: "the comment says that only mirrors are to be asked, but without server containerd asks {registry} itself in the end",
		Fix:  "name the last mirror as server: server = {want}",
	}
	longDial = finding.Kind{
		Code: "config/dial-timeout", ID: "HT073", Severity: finding.Warning,
		Title: "A host that is down holds up every pull",
		Doc:   "containerd does not remember that a host is down: each request of each pull waits until connecting to it times out, 30 s unless `dial_timeout` says otherwise.",
		Text:  "while {host} is down, each request waits {timeout} before the next host is asked",
		Fix:   "write a few seconds, such as dial_timeout = \"3s\"",
	}
	relativePath = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "HT080", Severity: finding.Error,
		Title: "A relative path is meant from another directory",
		Doc:   "Relative paths in a `hosts.toml` begin in the directory of that file, not in `/etc/containerd` and not in the working directory of containerd.",
		Text:  "{path} does not exist, {other} does: relative paths begin in {dir}; every pull from {registry} fails",
		Fix:   "write {want}",
	}
	notAuthority = finding.Kind{
		Code: "tls/leaf-as-ca", ID: "HT081", Severity: finding.Warning,
		Title: "A file named in ca holds no authority",
		Doc: "A certificate that may not sign others is trusted for itself alone: for the server that presents exactly this one. " +
			"With its next certificate every pull fails. Name the certificate of the authority that signed it.",
		Text: "{path} holds the certificate of {subject}, which is no authority: it is trusted only until the server gets a new one",
	}
	serverAsClient = finding.Kind{
		Code: "tls/server-key-as-client", ID: "HT082", Severity: finding.Warning,
		Title: "The registry's own certificate is given as client certificate",
		Doc: "`client` identifies this node to registries that ask for a client certificate. To trust the registry's certificate `ca` is enough. " +
			"With the registry's private key on every node anybody who can read it can pose as the registry.",
		Text: "{path} looks like the certificate of {host} itself: its private key would be on every node",
		Fix:  "remove client; ca is enough to trust the registry",
	}
	secretToRealm = finding.Kind{
		Code: "auth/secret-leaves-host", ID: "HT092", Severity: finding.Warning,
		Title: "A fixed Authorization header goes to the token server, too",
		Doc: "Since containerd 2.1 the headers of a host are also sent to the token server that the host names, which may belong to somebody else. " +
			"A pull secret or a credential provider sends a password only where it belongs.",
		Text: "the credentials for {host} are sent to its token server {realm}, too",
		Fix:  "use a pull secret instead of the header",
		Variants: map[string]finding.Variant{
			"any": {Text: "the credentials for {host} are sent to whatever token server it names, too", Fix: "use a pull secret instead of the header"},
		},
	}
	secretToTarget = finding.Kind{
		Code: "auth/secret-leaves-host", ID: "HT094", Severity: finding.Info,
		Title: "A header of your own follows redirects",
		Doc:   "Registries redirect the download of layers to other hosts. Authorization and Cookie stay behind then; every other header goes along.",
		Text:  "{key} is sent along when {host} redirects a download to another host",
	}
	headerToUpstream = finding.Kind{
		Code: "auth/secret-leaves-host", ID: "HT095", Severity: finding.Warning,
		Title: "Headers above the tables go to the registry itself",
		Doc:   "`[header]` at the root of the file belongs to `server`. Without one it is sent to the registry that the image names, and to none of the hosts.",
		Text:  "this header goes to {registry} itself and not to the hosts of this file, because there is no server it could belong to",
		Fix:   "write it as [host.\"URL\".header] below the host that it is for",
	}
	asksItself = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT054", Severity: finding.Info,
		Title: "A cache in _default is asked for its own images as for those of others",
		Doc: "`_default` serves every registry without a directory of its own, the cache itself among them. containerd leaves `?ns=` out only where the host is written " +
			"as in the image; written with a port that the image does not have, the cache is told to fetch its own images from itself.",
		Text: "images named {bare}/… are asked of {host} with ?ns={bare}, so a cache is sent to itself for them",
		Fix:  "write {want}, or give {bare} a directory of its own",
	}
	privateDefault = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT070", Severity: finding.Warning,
		Title: "_default sends every registry's images to one private registry",
		Doc: "`server` replaces the registry itself. In `_default` it does so for every registry, and containerd names the registry in `?ns=`, " +
			"which pull-through caches understand and other registries ignore.",
		Text: "every registry without a directory of its own is replaced by {host}, which serves their images only if it is a cache for all of them",
	}
)
