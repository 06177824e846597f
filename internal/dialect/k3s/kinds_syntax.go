package k3s

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
)

// Codes of modes that several kinds are cases of.
const (
	codeInvalid  = "config/registries-yaml-invalid"
	codeNoAuth   = "auth/no-credentials-sent"
	codeEndpoint = "config/wrong-endpoint-url"
)

// Kinds is everything that Read may find, in the order of the catalogue.
func Kinds() []finding.Kind {
	return slices.Concat(syntaxKinds, meaningKinds, nodeKinds)
}

// The kinds about how registries.yaml is written.
var (
	badSyntax = finding.Kind{
		Code: codeInvalid, ID: "K3001", Severity: finding.Error, Ignores: true,
		Title: "registries.yaml is not valid YAML",
		Doc: "K3s and RKE2 read registries.yaml when they start and exit if it does not parse. A running agent goes on " +
			"with the files generated earlier, so that the mistake shows only at the next restart.",
		Text: "{distro} does not start with this file: {why}",
		Variants: map[string]finding.Variant{
			"tab":         {Text: "{distro} does not start with this file: a tab in the indentation", Fix: "indent with blanks"},
			"star":        {Text: "{distro} does not start with this file: * without quotes is an alias in YAML", Fix: `write "*" in quotes`},
			"full-width":  {Text: "{distro} does not start with this file: a full-width character where YAML needs an ASCII one", Fix: "write the ASCII character"},
			"smart-quote": {Text: "{distro} does not start with this file: a typographic quotation mark does not quote", Fix: "write the plain quotation mark"},
			"no-space":    {Text: "{distro} does not start with this file: no blank behind the colon", Fix: "put a blank behind the colon"},
			"shell":       {Text: "{distro} does not start with this file: a line of a shell script", Fix: "remove the lines of the script that wrote the file"},
			"encoding":    {Text: "{distro} does not start with this file: {why}", Fix: "save the file as UTF-8"},
			"control":     {Text: "{distro} does not start with this file: {why}", Fix: "remove the character"},
			"too-large":   {Text: "not read: {why}"},
		},
	}
	quotedKey = finding.Kind{
		Code: codeInvalid, ID: "K3001", Severity: finding.Error, Ignores: true,
		Title: "A typographic quotation mark became part of a name",
		Doc: "YAML knows only the plain quotation marks. Typographic ones, which text processors and web pages put in " +
			"their place, belong to the text, so that the name matches no registry and the URL no host.",
		Text: "{what} contains typographic quotation marks: it matches no registry",
		Fix:  "write plain quotation marks",
	}
	mojibake = finding.Kind{
		Code: "syntax/mojibake", ID: "syntax/mojibake", Severity: finding.Info,
		Title: "The file was saved in a wrong encoding",
		Doc: "The character U+FFFD stands where another program could not read a byte. In a comment it does no harm; in a " +
			"name or a password it is not the character that was meant.",
		Text: "{count} characters were lost when the file was saved in a wrong encoding",
		Variants: map[string]finding.Variant{
			"value": {Text: "characters of this value were lost when the file was saved in a wrong encoding"},
		},
	}
	wideFile = finding.Kind{
		Code: "syntax/utf-16", ID: "syntax/utf-16", Severity: finding.Info,
		Title: "The file is UTF-16",
		Doc:   "K3s and RKE2 read UTF-16 with a byte order mark. Most other tools do not, and Towpath does not edit it.",
		Text:  "the file is UTF-16: {distro} reads it, most other tools do not",
		Fix:   "save the file as UTF-8",
	}
	secondDocument = finding.Kind{
		Code: codeInvalid, ID: "K3001", Severity: finding.Error, Ignores: true,
		Title: "Only the first document of the file counts",
		Doc:   "Everything behind a line of three dashes is a second YAML document. K3s and RKE2 read the first one.",
		Text:  "a second document begins here: {distro} reads only the first",
		Fix:   "remove the line of dashes",
	}
	repeatedKey = finding.Kind{
		Code: codeInvalid, ID: "K3002", Severity: finding.Error, Ignores: true,
		Title: "A key is there twice and the first one is lost",
		Doc: "Of a repeated name the last entry counts, as a whole: what only the first one says is lost without a " +
			"message. It happens when a block is appended to a file that has it already.",
		Text: "{path} is written again in line {line}, which replaces this one: {lost} is lost",
		Fix:  "put both entries together",
		Variants: map[string]finding.Variant{
			"same": {Text: "{path} is written again in line {line}, which replaces this one", Fix: "put both entries together"},
		},
	}
	repeatedSection = finding.Kind{
		Code: codeInvalid, ID: "K3026", Severity: finding.Warning,
		Title: "A section is there twice",
		Doc: "A second mirrors or configs section is what is left of cat >> onto an existing file. The two are merged " +
			"name by name; a name that is in both counts as the second says. Other YAML tools refuse the file or take " +
			"only one of the sections.",
		Text: "{section} stands here and again in line {line}",
		Fix:  "put both sections together",
	}
	wrongList = finding.Kind{
		Code: codeInvalid, ID: "K3003", Severity: finding.Error, Ignores: true,
		Title: "endpoint is not a list of texts",
		Doc:   "endpoint holds a list, also for a single URL. With anything else K3s and RKE2 do not start.",
		Text:  "{distro} does not start with this file: endpoint of {name} is not a list",
		Fix:   "write the endpoint as a list",
		Variants: map[string]finding.Variant{
			"list": {Text: "{distro} does not start with this file: the endpoints of {name} stand without the key endpoint", Fix: "put the list under endpoint"},
			"item": {Text: "{distro} does not start with this file: an endpoint of {name} is not a text"},
		},
	}
	wrongType = finding.Kind{
		Code: codeInvalid, ID: "K3003", Severity: finding.Error, Ignores: true,
		Title: "A value is of the wrong type",
		Doc:   "Where a name, a list or a text is expected and something else stands, K3s and RKE2 do not start.",
		Text:  "{distro} does not start with this file: {why}",
	}
	unknownKey = finding.Kind{
		Code: codeInvalid, ID: "K3004", Severity: finding.Error, Ignores: true,
		Title: "An unknown key is ignored",
		Doc: "registries.yaml is read without strictness: a misspelled key, or one on the wrong level, is dropped without a " +
			"message. The names are mirrors.NAME.endpoint, mirrors.NAME.rewrite, configs.HOST.auth.username, password, " +
			"auth, identity_token, configs.HOST.tls.ca_file, cert_file, key_file, insecure_skip_verify.",
		Text: "{key} is unknown here and ignored",
		Variants: map[string]finding.Variant{
			"rename": {Text: "{key} is ignored: the key is {want}", Fix: "write {want}"},
			"move":   {Text: "{key} is ignored here: it belongs under {want}", Fix: "move it under {want}"},
			"skip":   {Text: "{key} is ignored: the certificate is verified all the same", Fix: "name the registry's CA in tls.ca_file instead"},
			"token":  {Text: "{key} is ignored: {distro} knows no such key", Fix: "write username and password, or identity_token for a refresh token"},
		},
	}
	strangeKey = finding.Kind{
		Code: codeInvalid, ID: "K3004", Severity: finding.Warning, Ignores: true,
		Title: "An unknown key is ignored",
		Doc:   unknownKey.Doc,
		Text:  "{key} is unknown here and ignored",
	}
	quotedBool = finding.Kind{
		Code: codeInvalid, ID: "K3005", Severity: finding.Error, Ignores: true,
		Title: "insecure_skip_verify is a text",
		Doc: "A boolean in quotes is a text, and with a text K3s and RKE2 do not start. Trusting the registry's own CA " +
			"with ca_file is what the setting stands in for.",
		Text: "{distro} does not start with this file: insecure_skip_verify is a text, not true or false",
		Fix:  "remove the line and name the registry's CA in ca_file",
	}
	legacyAuths = finding.Kind{
		Code: codeInvalid, ID: "K3030", Severity: finding.Error, Ignores: true,
		Title: "auths is ignored",
		Doc:   "auths comes from old versions of containerd. K3s and RKE2 decode it and use nothing of it.",
		Text:  "auths is ignored: credentials belong under configs.HOST.auth",
		Fix:   "write the credentials under configs.HOST.auth",
	}
	wrongName = finding.Kind{
		Code: codeInvalid, ID: "K3031", Severity: finding.Error, Ignores: true,
		Title: "The file has a name that nobody reads",
		Doc: "K3s reads /etc/rancher/k3s/registries.yaml, RKE2 /etc/rancher/rke2/registries.yaml, unless " +
			"--private-registry names another file. Any other name is ignored without a message.",
		Text: "{distro} does not read this file: it reads {want}",
		Fix:  "rename it to {want}",
		Variants: map[string]finding.Variant{
			"both": {Text: "{distro} does not read this file but {want}, which exists, too"},
		},
	}
)

var syntaxKinds = []finding.Kind{
	badSyntax, quotedKey, mojibake, wideFile, secondDocument, repeatedKey, repeatedSection, wrongList, wrongType,
	unknownKey, strangeKey, quotedBool, legacyAuths, wrongName,
}
