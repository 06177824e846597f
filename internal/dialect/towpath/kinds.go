package towpath

import "github.com/towpath-dev/towpath/internal/finding"

const refusedDoc = "Towpath takes a `towpath.yaml` as a whole or not at all: nothing of a file with a mistake is applied, so that a typing " +
	"error cannot leave out what was meant. Editors mark such mistakes while you type, with the schema that `towpath schema` prints."

// Kinds of what makes a file count for nothing.
var (
	unreadable = finding.Kind{
		Code: "config/towpath-refused", ID: "TW001", Severity: finding.Error, Ignores: true,
		Title: "The file is not YAML", Doc: refusedDoc,
		Text: "{file} is not YAML: {why}",
		Fix:  "correct the line",
		Variants: map[string]finding.Variant{
			"more":   {Text: "a second document begins in {file}, and one is all there may be", Fix: "make one document of the two"},
			"unread": {Text: "{file} cannot be read: {why}"},
		},
	}
	misshapen = finding.Kind{
		Code: "config/towpath-refused", ID: "TW002", Severity: finding.Error, Ignores: true,
		Title: "A key or a value is not one of the format", Doc: refusedDoc,
		Text: "there is no key {key} here; {want} was probably meant",
		Fix:  "write {want}",
		Variants: map[string]finding.Variant{
			"unknown": {Text: "there is no key {key} here; the keys are {known}", Fix: "remove it, or write the key that was meant"},
			"twice":   {Text: "{key} stands already in line {line}", Fix: "make one entry of the two"},
			"type":    {Text: "{key} takes {want}, and here is {got}", Fix: "write {want}"},
			"number":  {Text: "{key} takes text, and without quotes this is {got}", Fix: "put it in quotes"},
			"value":   {Text: "{key} takes {want}", Fix: "write {want}"},
			"missing": {Text: "{key} is missing", Fix: "add {key}"},
			"key":     {Text: "a key is text, and here is {got}", Fix: "write the name of the key"},
			"alias":   {Text: "anchors, aliases and tags of YAML are not read here", Fix: "write the value out; what holds for one host everywhere goes under hosts"},
		},
	}
	badVersion = finding.Kind{
		Code: "config/towpath-refused", ID: "TW003", Severity: finding.Error, Ignores: true,
		Title: "The version of the format is unknown", Doc: refusedDoc,
		Text: "this Towpath reads version {want}, not {got}",
		Fix:  "write version: {want}, or use a newer Towpath",
		Variants: map[string]finding.Variant{
			"missing": {Text: "the file does not say its version", Fix: "begin it with version: {want}"},
		},
	}
	contrary = finding.Kind{
		Code: "config/towpath-refused", ID: "TW004", Severity: finding.Error, Ignores: true,
		Title: "A value cannot be used", Doc: refusedDoc,
		Text: "{first} and {second} are two answers to one question",
		Fix:  "keep one of them",
		Variants: map[string]finding.Variant{
			"regexp":  {Text: "match is no regular expression: {why}", Fix: "correct it; the syntax is that of Go"},
			"runtime": {Text: "the version of the runtime is not of the form 1.2.3", Fix: "write NAME@1.2.3"},
			"time":    {Text: "dialTimeout is longer than can be counted", Fix: "write a time such as 3s"},
			"pem":     {Text: "{key} holds no PEM block that can be read", Fix: "paste it anew, from -----BEGIN on"},
			"image":   {Text: "sandboxImage is not the name of an image: {why}", Fix: "write it in full, as registry.k8s.io/pause:3.10"},
			"proxy":   {Text: "{key} of proxy is not the URL of a proxy", Fix: "write http://HOST:PORT"},
			"empty":   {Text: "a registry has no name", Fix: "write it as images do: docker.io, r.example:5000"},
		},
	}
)

// Kinds of what a file that counts may have.
var (
	noSecret = finding.Kind{
		Code: "auth/secret-file-missing", ID: "TW005", Severity: finding.Error,
		Title: "A file with a secret is not there",
		Doc: "`passwordFile` and `identityTokenFile` name files that hold one secret each. Without the file nothing is asked of that host: " +
			"a request without credentials would be another one than was meant.",
		Text: "{path} cannot be read: {why}",
		Fix:  "create {path} with the secret alone, readable for root",
		Variants: map[string]finding.Variant{
			"unseen": {Text: "{path} was not looked at, so nothing can be said about these credentials"},
		},
	}
	noAuthority = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "TW009", Severity: finding.Error,
		Title: "A certificate that the node is to trust is not there",
		Doc: "`trust` names PEM files. They are read where the file is applied from, else on the node. Without the certificate nothing of the " +
			"file is applied, so that no pull begins to depend on it.",
		Text: "{path}, which the node is to trust, cannot be read: {why}",
		Fix:  "put the certificate there, or its PEM text into trust",
	}
	exposed = finding.Kind{
		Code: "auth/file-world-readable", ID: "TW006", Severity: finding.Warning,
		Title: "Everybody on the node can read the secrets",
		Doc:   "A file with passwords, tokens or keys belongs to root alone. Or name files that hold them: `passwordFile`, `identityTokenFile`, the path of a key.",
		Text:  "{file} holds secrets and everybody can read it (mode {mode})",
		Fix:   "chmod 600 {file}, or name files that hold the secrets",
	}
	unverified = finding.Kind{
		Code: "tls/verification-off", ID: "HT078", Severity: finding.Warning,
		Title: "The certificate of a host is not verified",
		Doc:   "With skipVerify anybody on the way can serve other images and read the credentials. Give the certificate of the authority in `ca` instead.",
		Text:  "the certificate of {host} is not verified, so anybody on the way can pose as it",
		Fix:   "give the certificate of its authority in ca and remove skipVerify",
	}
	unusable = finding.Kind{
		Code: "config/kept-unusable", ID: "TW007", Severity: finding.Info,
		Title: "An entry is written down as one that cannot work",
		Doc:   "`unusable` and `fails` keep what a converted configuration has wrong, so that nothing gets lost on the way. Repair the entry and remove the key.",
		Text:  "{name} is kept as it was found: no request can be made",
		Fix:   "repair it, then remove {key}",
	}
	oddRoot = finding.Kind{
		Code: "config/api-root", ID: "TW008", Severity: finding.Info,
		Title: "The path of a mirror has no /v2",
		Doc: "What stands behind the host of a URL is the root of the registry's API as it is, nothing is added. With most registries it begins " +
			"with /v2: a project or proxy cache named hub of Harbor is `https://harbor.example/v2/hub`.",
		Text: "{url} is asked without /v2 in its path",
		Fix:  "write {want}, unless the registry really has its API there",
	}
	defaultPassword = finding.Kind{
		Code: "auth/default-password", ID: "CD014", Severity: finding.Warning,
		Title: "A password that everybody knows",
		Doc:   "The password is the one that a registry is installed with, or one of the most common ones.",
		Text:  "the password of {name} is a well-known one",
		Fix:   "change it at the registry, and name a file that holds it: passwordFile",
	}
)

// Kinds is everything that Parse and ReadNode may find.
var Kinds = []finding.Kind{
	unreadable, misshapen, badVersion, contrary, noSecret, noAuthority, exposed, unverified, unusable, oddRoot, defaultPassword,
}
