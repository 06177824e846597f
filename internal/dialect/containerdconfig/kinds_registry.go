package containerdconfig

import "github.com/towpath-dev/towpath/internal/finding"

// Kinds about what the registry table says.
var (
	tlsRemoved = finding.Kind{
		Code: "config/tls-removed", ID: "CC003", Severity: finding.Error, Ignores: true,
		Title: "containerd 2 ignores configs.*.tls",
		Doc: "The tls tables of registry.configs were removed in containerd 2.0. Certificates and keys belong into hosts.toml files: " +
			"`ca`, `client`. Until then the registry's certificate is checked against the system's pool only.",
		Text: "containerd {containerd} ignores the tls table of {host}",
		Fix:  "move it to a hosts.toml file below {dir}",
	}
	deprecated = finding.Kind{
		Code: "config/deprecated-registry-table", ID: "CC004", Severity: finding.Info,
		Title: "The old registry tables are deprecated",
		Doc: "`mirrors`, `configs` and `auths` still work in containerd 2.4 and are announced to go in 2.7. They keep pulls off the transfer service. " +
			"Mirrors and certificates can be moved to hosts.toml files; credentials in `configs.*.auth` have no such successor.",
		Text: "registry.{table} is deprecated and keeps pulls off the transfer service",
	}
	relativePath = finding.Kind{
		Code: "config/relative-config-path", ID: "CC008", Severity: finding.Warning,
		Title: "config_path is relative",
		Doc:   "containerd opens it below its working directory. Under systemd that is /, so it works by accident, and stops when containerd is started otherwise.",
		Text:  "config_path {path} is relative and works only while containerd runs in /",
		Fix:   "write {want}",
	}
	listBug = finding.Kind{
		Code: "config/config-path-list-bug", ID: "CC009", Severity: finding.Error, Ignores: true,
		Title: "A config_path with several directories is not split, so none of them is used",
		Doc: "Since 2.1 pulls go through containerd's transfer service, which takes the list for the name of one directory. " +
			"The default of 2.2 and later is such a list. One directory works, and so does use_local_image_pull = true.",
		Text: "containerd {containerd} takes {path} for one directory, so the hosts.toml files below {dirs} are ignored",
		Fix:  "name one directory, {dir}",
		Variants: map[string]finding.Variant{
			"default": {Text: "the default config_path {path} of containerd {containerd} does not work, so the hosts.toml files below {dirs} are ignored", Fix: "set config_path to {dir}"},
			"both":    {Text: "containerd {containerd} takes {path} for one directory, so the hosts.toml files below {dirs} are ignored", Fix: "set use_local_image_pull = true, because both directories hold files"},
			"empty":   {Text: "containerd {containerd} takes {path} for one directory, so hosts.toml files below {dirs} would be ignored", Fix: "name one directory, {dir}"},
		},
	}
	pathWrong = finding.Kind{
		Code: "config/config-path-wrong", ID: "CC010", Severity: finding.Error, Ignores: true,
		Symptoms: []string{"config/wrong-containerd-instance", "syntax/unreadable"},
		Title:    "config_path is no directory",
		Doc:      "A directory that does not exist is ignored without a word; a file makes every pull fail.",
		Text:     "config_path {path} does not exist, so containerd reads no hosts.toml",
		Variants: map[string]finding.Variant{
			"file":  {Text: "config_path {path} is a file and not a directory", Fix: "name the directory, {want}"},
			"hand":  {Text: "config_path {path} is a file and not a directory"},
			"other": {Text: "config_path {path} does not exist, and the hosts.toml files are below {want}", Fix: "write {want}"},
		},
	}
	pathUnset = finding.Kind{
		Code: "config/config-path-unset", ID: "CC011", Severity: finding.Error, Ignores: true,
		Title: "hosts.toml files exist and config_path is not set",
		Doc:   "Until 2.1 containerd reads hosts.toml files only where config_path says so, and there is no default.",
		Text:  "config_path is not set, so containerd ignores the hosts.toml files below {dir}",
		Fix:   "set config_path to {dir}",
		Variants: map[string]finding.Variant{
			"mirrors": {Text: "mirrors are in use and config_path is not, so containerd ignores the hosts.toml files below {dir}", Fix: "move the mirrors to hosts.toml files and set config_path to {dir}"},
		},
	}
	noScheme = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "CC015", Severity: finding.Info,
		Title: "An endpoint has no scheme",
		Doc:   "containerd takes it for https://, and for http:// on localhost.",
		Text:  "the endpoint {endpoint} has no scheme, so {scheme}:// is assumed",
		Fix:   "write {scheme}://{endpoint}",
	}
	badEndpoint = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "CC043", Severity: finding.Error,
		Title: "An endpoint is no URL that can be asked",
		Doc:   "One endpoint that cannot be parsed fails every pull that its list is for; one without a host, or of another scheme than http and https, is never reached.",
		Text:  "the endpoint {endpoint} is no URL ({why}), so every pull from {registry} fails",
		Variants: map[string]finding.Variant{
			"host":   {Text: "the endpoint {endpoint} names no host, so it is never reached"},
			"scheme": {Text: "the endpoint {endpoint} is neither http nor https, so it is never reached"},
			"login":  {Text: "the endpoint of {host} has a login in its URL, which containerd drops"},
		},
	}
	literalPath = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "CC020", Severity: finding.Warning,
		Title: "An endpoint's path has no /v2",
		Doc: "In registry.mirrors the path of an endpoint is the root of its API as it stands: containerd adds no /v2, as it does for hosts.toml. " +
			"Most registries answer 404 then and the next endpoint is asked. Harbor's proxy projects are at /v2/PROJECT.",
		Text: "the endpoint {endpoint} is asked without /v2, which most registries answer with 404",
	}
	neverMatches = finding.Kind{
		Code: "config/mirror-never-matches", ID: "CC016", Severity: finding.Error, Ignores: true,
		Title: "No image has the name under which mirrors are configured",
		Doc:   "The key of a mirror is the host, and port if any, as image names begin with it, and docker.io for Docker Hub: without scheme and path.",
		Text:  "no image name begins with {name}, so its mirrors are ignored",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"hand": {Text: "no image name begins with {name}, so its mirrors are ignored"},
			"hub":  {Text: "images of Docker Hub are called docker.io and not {name}, so its mirrors are ignored for them", Fix: "write docker.io"},
		},
	}
	hubKey = finding.Kind{
		Code: "auth/wrong-registry-key", ID: "CC017", Severity: finding.Error, Ignores: true,
		Title: "Credentials or certificates for Docker Hub stand under the wrong name",
		Doc:   "registry.configs is keyed by the host of the endpoint's URL, and Docker Hub is reached at registry-1.docker.io.",
		Text:  "what is configured for {name} is never used: Docker Hub is reached at registry-1.docker.io",
		Fix:   "write registry-1.docker.io",
		Variants: map[string]finding.Variant{
			"url":  {Text: "what is configured for {name} is never used: the key is a host and port, without scheme and path", Fix: "write {want}"},
			"any":  {Text: "what is configured for * is never used: containerd knows no wildcard among registry.configs"},
			"hand": {Text: "what is configured for {name} is never used: Docker Hub is reached at registry-1.docker.io"},
		},
	}
	mirrorKey = finding.Kind{
		Code: "auth/wrong-registry-key", ID: "CC018", Severity: finding.Warning,
		Title: "Credentials or certificates stand under the registry's name and not its mirror's",
		Doc:   "registry.configs is keyed by the host of the endpoint that is asked. What stands under the registry's name is used for the registry itself, not for its mirrors.",
		Text:  "what is configured for {name} is not used for its mirror {host}",
	}
	plainTLS = finding.Kind{
		Code: "config/tls-for-plain-http", ID: "CC021", Severity: finding.Info, Ignores: true,
		Title: "TLS settings for an endpoint that is asked over plain HTTP",
		Doc:   "They do nothing. In a hosts.toml they would make containerd try HTTPS first.",
		Text:  "the tls table of {host} does nothing: its endpoint is {endpoint}",
	}
	verificationOff = finding.Kind{
		Code: "tls/verification-off", ID: "CC046", Severity: finding.Warning,
		Title: "Certificates of a registry are not verified",
		Doc:   "Anybody on the way can answer in the registry's name. Name the registry's authority with ca_file, or ca in a hosts.toml.",
		Text:  "insecure_skip_verify is set for {host}, so anybody on the way can answer in its name",
	}
	halfPair = finding.Kind{
		Code: "tls/half-client-pair", ID: "CC044", Severity: finding.Error, Stops: true,
		Title: "A client certificate without its key, or the reverse",
		Doc:   "containerd refuses half a pair and fails every pull that has the host among its endpoints.",
		Text:  "every pull from {host} fails: {why}",
	}
	badLogin = finding.Kind{
		Code: "auth/bad-encoding", ID: "CC045", Severity: finding.Error, Ignores: true,
		Title: "auth is not user:password in base64",
		Doc:   "`auth` holds user, colon and password in base64, as in Docker's config.json. Anything else fails when the registry asks for a login.",
		Text:  "the credentials for {host} cannot be used: {why}",
	}
	wellKnownPassword = finding.Kind{
		Code: "auth/default-password", ID: "CD014", Severity: finding.Warning,
		Title: "A password that everybody knows",
		Doc:   "The password is the one that a registry is installed with, or one of the most common ones.",
		Text:  "the password for {host} is a well-known one",
	}
	readable = finding.Kind{
		Code: "auth/readable-credentials", ID: "CC030", Severity: finding.Warning,
		Title: "Passwords in a file that everybody on the node can read",
		Doc:   "containerd runs as root: mode 0600 is enough for it.",
		Text:  "{file} holds credentials and has mode {mode}",
		Fix:   "let only root read it",
	}
	retiredSandbox = finding.Kind{
		Code: "config/sandbox-image-retired", ID: "CC029", Severity: finding.Warning,
		Title: "The pause image is named by a registry that is retired",
		Doc:   "k8s.gcr.io has been frozen since April 2023 and only forwards to registry.k8s.io.",
		Text:  "the sandbox image {image} comes from k8s.gcr.io, which is retired",
		Fix:   "write {want}",
	}
)

// Kinds that only k0s has.
var (
	k0sUnset = finding.Kind{
		Code: "config/config-path-unset", ID: "K0001", Severity: finding.Error, Ignores: true,
		Title: "hosts.toml files of k0s exist and no drop-in sets config_path",
		Doc:   "k0s sets no config_path. A drop-in in /etc/k0s/containerd.d has to name the directory.",
		Text:  "no drop-in sets config_path, so the containerd of k0s ignores the hosts.toml files below {dir}",
		Fix:   "write a drop-in that sets config_path to {dir}",
	}
	k0sElsewhere = finding.Kind{
		Code: "config/config-path-wrong", ID: "K0002", Severity: finding.Error, Ignores: true,
		Title: "config_path of k0s names another directory than the one with the files",
		Doc:   "Only the directory that config_path names is read.",
		Text:  "config_path is {path}, so the hosts.toml files below {dir} are ignored",
		Fix:   "write {dir}",
	}
	k0sNew = finding.Kind{
		Code: "config/k0s-drop-in-version", ID: "K0003", Severity: finding.Error, Stops: true,
		Title: "A drop-in is not of version 3, which k0s 1.36 demands",
		Doc:   "k0s 1.36 runs containerd 2 and refuses to start with a drop-in of version 2 or with the old CRI table.",
		Text:  "{file} is of version {version}, so k0s {k0s} refuses to start",
		Variants: map[string]finding.Variant{
			"table": {Text: "{file} has {table}, so k0s {k0s} refuses to start"},
		},
	}
	k0sOld = finding.Kind{
		Code: "config/k0s-drop-in-version", ID: "K0004", Severity: finding.Error, Stops: true,
		Title: "A drop-in is of version 3, which the containerd of k0s 1.35 does not know",
		Doc:   "Until k0s 1.35 the containerd inside is 1.7, which does not start with version 3.",
		Text:  "{file} is of version {version}, which the containerd of k0s {k0s} does not know",
	}
	k0sManaged = finding.Kind{
		Code: "config/k0s-managed-file", ID: "K0005", Severity: finding.Warning,
		Title: "Settings in a file that k0s writes anew at each start",
		Doc:   "While its first line is `# k0s_managed=true`, k0s overwrites /etc/k0s/containerd.toml. Settings belong into a drop-in in /etc/k0s/containerd.d.",
		Text:  "k0s overwrites {file} at its next start, and {key} in it is lost",
	}
	k0sNotImported = finding.Kind{
		Code: "config/drop-in-not-imported", ID: "K0006", Severity: finding.Error, Ignores: true,
		Title: "A containerd.toml of your own does not import the drop-ins of k0s",
		Doc:   "Without the line `# k0s_managed=true` k0s leaves the file alone, and drop-ins count only if it imports them.",
		Text:  "{path} is not imported by {main}, which k0s does not manage, so containerd ignores it",
		Fix:   "add {pattern} to the imports of {main}",
	}
	k0sMisplaced = finding.Kind{
		Code: "config/drop-in-not-imported", ID: "K0008", Severity: finding.Error, Ignores: true,
		Title: "A drop-in of k0s has the wrong name or place",
		Doc:   "k0s reads /etc/k0s/containerd.d/*.toml: no other names and no directories below.",
		Text:  "{path} is not one of /etc/k0s/containerd.d/*.toml, so k0s ignores it",
	}
)

// kinds lists everything that Parse may find.
var kinds = []finding.Kind{
	notTOML, unseen, smartQuotes, unquotedHost, duplicate, wrongType, endpointString, versionTooNew, shortID, missingImport, badSetting,
	requiredPlugin, criDisabled, mirrorsAndPath, mirrorsApart, tlsAndPath, mirrorsByDefault, badAuths,
	noVersion, wrongTable, bothTables, replacedTable, dropInVersion, unknownKey, transferPath, notImported, otherInstance, otherInstanceK0s,
	tlsRemoved, deprecated, relativePath, listBug, pathWrong, pathUnset, noScheme, badEndpoint, literalPath, neverMatches, hubKey, mirrorKey,
	plainTLS, verificationOff, halfPair, badLogin, wellKnownPassword, readable, retiredSandbox,
	noLayers, k0sUnset, k0sElsewhere, k0sNew, k0sOld, k0sManaged, k0sNotImported, k0sMisplaced,
}
