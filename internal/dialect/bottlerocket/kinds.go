package bottlerocket

import "github.com/towpath-dev/towpath/internal/finding"

const (
	codeRefused  = "config/bottlerocket-refused"
	codeEndpoint = "config/wrong-endpoint-url"
	codeUnused   = "config/bottlerocket-entry-unused"
)

const refusedDoc = "Bottlerocket checks settings as it takes them. With user data that it refuses a node does not come up; apiclient says why."

var (
	notTOML = finding.Kind{
		Code: codeRefused, ID: "BR010", Severity: finding.Error, Ignores: true,
		Title: "User data is not TOML", Doc: refusedDoc,
		Text: "Bottlerocket refuses the settings: {why}",
		Variants: map[string]finding.Variant{
			"quotes": {Text: "Bottlerocket refuses the settings: the line has typographic quotation marks", Fix: "write straight quotation marks"},
		},
	}
	unread = finding.Kind{
		Code: "config/file-not-read", ID: "BR011", Severity: finding.Warning,
		Title: "The file is too large to be judged", Doc: "Towpath bounds what it reads of a configuration.",
		Text: "the file was not read: {why}",
	}
	unknownKey = finding.Kind{
		Code: codeRefused, ID: "BR003", Severity: finding.Error, Ignores: true,
		Title: "A setting is unknown to Bottlerocket", Doc: "A mirror has registry and endpoint, credentials have registry, username, password, auth and identitytoken. " + refusedDoc,
		Text: "Bottlerocket refuses the settings: it does not know {key}, only {known}",
		Variants: map[string]finding.Variant{
			"near":    {Text: "Bottlerocket refuses the settings: it does not know {key}", Fix: "write {want}"},
			"outside": {Text: "{key} does not count: it has to stand below settings", Fix: "write settings.container-registry"},
		},
	}
	wrongType = finding.Kind{
		Code: codeRefused, ID: "BR004", Severity: finding.Error, Ignores: true,
		Title: "A setting has the wrong type", Doc: refusedDoc,
		Text: "Bottlerocket refuses the settings: {key} is {want}",
	}
	notBase64 = finding.Kind{
		Code: codeRefused, ID: "BR005", Severity: finding.Error, Ignores: true,
		Title: "auth is not base64", Doc: "auth is user:password in base64. " + refusedDoc,
		Text: "Bottlerocket refuses the settings: auth of {name} is not base64",
		Fix:  "write username and password instead",
	}
	badAuth = finding.Kind{
		Code: "auth/no-credentials-sent", ID: "auth/bad-encoding", Severity: finding.Error, Ignores: true,
		Title: "auth is not the base64 of user:password", Doc: "With anything else containerd sends no credentials.",
		Text: "the credentials of {name} are not sent: auth is not the base64 of user:password",
		Fix:  "write username and password instead",
	}
	noScheme = finding.Kind{
		Code: codeEndpoint, ID: "BR001", Severity: finding.Info,
		Title: "An endpoint has no scheme", Doc: "An endpoint without a scheme is asked over https, one on this machine over http.",
		Text: "{endpoint} has no scheme: it is asked over {scheme}",
		Fix:  "write {scheme}:// in front",
	}
	badEndpoint = finding.Kind{
		Code: codeEndpoint, ID: "BR008", Severity: finding.Error, Ignores: true,
		Title: "An endpoint is no usable URL", Doc: "An endpoint is http:// or https://, a host and perhaps a path.",
		Text: "no request can be made to {endpoint}: {why}",
	}
	hostsFile = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "BR002", Severity: finding.Error, Ignores: true,
		Title: "A hosts.toml is not read on Bottlerocket",
		Doc:   "The file system of a Bottlerocket host is read only, and its containerd is configured by settings alone.",
		Text:  "{path} is not read on Bottlerocket: registries are settings.container-registry there",
	}
	twice = finding.Kind{
		Code: "config/duplicate-entry", ID: "BR006", Severity: finding.Error, Stops: true,
		Title: "A registry stands twice in the settings",
		Doc:   "Each entry becomes a table of config.toml. The same table twice is no TOML, and containerd does not start; docker.io and registry-1.docker.io are one in credentials.",
		Text:  "{name} stands twice among the {what}: containerd does not start",
		Fix:   "write all endpoints in one entry",
	}
	unescaped = finding.Kind{
		Code: "config/unescaped-value", ID: "BR007", Severity: finding.Error, Stops: true,
		Title: "A quotation mark or a backslash breaks containerd's config.toml",
		Doc:   "Values go into config.toml without being escaped.",
		Text:  "{key} of {name} has a quotation mark or a backslash: containerd does not start, or reads another value",
		Fix:   "give user:password in base64 as auth instead",
	}
	nameless = finding.Kind{
		Code: codeUnused, ID: "mirror/never-asked", Severity: finding.Error, Ignores: true,
		Title: "The name of a registry is none", Doc: "registry is host or host:port as image names begin with, docker.io for images without one, or *.",
		Text: "{name} matches no image: registry is host or host:port as image names begin with",
		Variants: map[string]finding.Variant{
			"fix":   {Text: "{name} matches no image: registry is host or host:port as image names begin with", Fix: "write {want}"},
			"hub":   {Text: "{name} matches no image: without a dot or a port an image name takes it for a name on Docker Hub", Fix: "put its endpoints under docker.io"},
			"empty": {Text: "an entry among the {what} names no registry"},
			"auth":  {Text: "the credentials of {name} are not used: registry is the host and port that is asked", Fix: "write {want}"},
		},
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
	notTOML, unread, unknownKey, wrongType, notBase64, badAuth, noScheme, badEndpoint, hostsFile, twice, unescaped, nameless, defaultPassword,
}
