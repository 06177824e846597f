package pullsecret

import "github.com/towpath-dev/towpath/internal/finding"

const (
	codeSecret = "auth/malformed-secret"
	codeMatch  = "auth/no-credentials-sent"
	keysMatch  = "The kubelet compares a key with the image's name: the host label for label, where a label may be or hold `*`; the port, which has to be the same or missing on both sides; " +
		"and the path, which has to be how the image's begins. The scheme does not count."
)

// Kinds of what keeps a secret from being one.
var (
	unreadable = finding.Kind{
		Code: codeSecret, ID: "CD001", Severity: finding.Error,
		Title: "A manifest cannot be read",
		Doc:   "kubectl refuses a file with a document that is no YAML or JSON.",
		Text:  "the file cannot be read: {why}",
		Fix:   "correct the line",
	}
	malformed = finding.Kind{
		Code: codeSecret, ID: "CD001", Severity: finding.Error,
		Title: "The pull secret is malformed",
		Doc: "A pull secret has the type `kubernetes.io/dockerconfigjson`, the key `.dockerconfigjson` and JSON of the form {\"auths\": {HOST: …}}. In `data` it is base64, once; in `stringData` it is plain. " +
			"The API server refuses a secret whose type and content do not fit, and the kubelet looks at no other type: the pull goes on without credentials, with the event FailedToRetrieveImagePullSecret if the secret is not there. " +
			"`kubectl create secret docker-registry` makes a right one.",
		Text: "{secret} is refused: its {key} is no JSON: {why}",
		Fix:  "write the content of a config.json",
		Variants: map[string]finding.Variant{
			"file":      {Text: "the file is no JSON: {why}", Fix: "correct the file, or log in again after removing it"},
			"twice":     {Text: "{secret} is refused: its {key} is base64 of base64", Fix: "encode the JSON once: base64 -w0 config.json"},
			"encoded":   {Text: "{secret} is refused: its {key} is base64, and stringData holds plain text", Fix: "write data instead of stringData"},
			"plain":     {Text: "{secret} is refused: its {key} is plain JSON, and data holds base64", Fix: "write stringData instead of data"},
			"notBase64": {Text: "{secret} is refused: its {key} is no base64", Fix: "encode the JSON: base64 -w0 config.json"},
			"key":       {Text: "{secret} is refused: a secret of its type has the key {key}", Fix: "write {key}"},
			"otherType": {Text: "{secret} has the type {type}, which is never looked at", Fix: "write type: {want}"},
			"wrongType": {Text: "{secret} is refused: {field} has the wrong type", Fix: "write a text; a number or a word like yes needs quotation marks"},
			"flat":      {Text: "{secret} holds no credentials: the hosts stand outside of auths", Fix: "write {\"auths\": …} around them"},
			"nested":    {Text: "{secret} holds no credentials: in a .dockercfg the hosts stand at the top, without auths", Fix: "make it a secret of the type kubernetes.io/dockerconfigjson"},
		},
	}
	badLogin = finding.Kind{
		Code: codeSecret, ID: "CD002", Severity: finding.Error, Stops: true,
		Title: "Credentials cannot be decoded",
		Doc: "`auth` is base64 of user:password on one line; if it is there, username and password beside it do not count. The API server does not look inside. " +
			"The kubelet does, and one entry that it cannot decode ends every pull of a pod that names the secret, whichever image it is. A file on the node is passed over as a whole instead.",
		Text: "{secret} cannot be decoded: {why}",
		Fix:  "correct the entry",
		Variants: map[string]finding.Variant{
			"secret":      {Text: "every pull with {secret} fails: {why}", Fix: "correct the entry"},
			"secretEntry": {Text: "every pull with {secret} fails: the entry {key} cannot be decoded, {why}", Fix: "write auth as base64 of user:password, on one line: printf %s user:password | base64 -w0"},
			"file":        {Text: "no credentials are taken from the file: {why}", Fix: "correct the file, or log in again after removing it"},
			"fileEntry":   {Text: "no credentials are taken from the file: the entry {key} cannot be decoded, {why}", Fix: "write auth as base64 of user:password, on one line: printf %s user:password | base64 -w0"},
		},
	}
	lineBreak = finding.Kind{
		Code: codeSecret, ID: "CD002", Severity: finding.Error,
		Title: "A line break is part of the credentials",
		Doc:   "`echo user:password | base64` encodes the line break, too, and it becomes part of the password. The registry refuses it, and nobody sees why.",
		Text:  "the {what} for {key} ends in a line break",
		Fix:   "encode it without: printf %s user:password | base64 -w0",
	}
	noContent = finding.Kind{
		Code: codeSecret, ID: "CD003", Severity: finding.Error,
		Title: "The credentials are in a store that the cluster does not have",
		Doc: "Docker Desktop and `docker-credential-…` helpers keep passwords outside of config.json; what is left is `credsStore`, `credHelpers` and empty entries. " +
			"Neither the kubelet nor containerd runs such helpers. Make the secret with `kubectl create secret docker-registry --docker-username --docker-password`.",
		Text: "{secret} holds no password: {where} is on the computer where somebody logged in",
		Variants: map[string]finding.Variant{
			"entry": {Text: "the entry {key} holds no password: {where} is on the computer where somebody logged in"},
			"empty": {Text: "{secret} holds no credentials"},
			"blank": {Text: "the entry {key} has neither user name nor password, and is sent like that"},
		},
	}
	dropped = finding.Kind{
		Code: codeSecret, ID: "CD012", Severity: finding.Warning, Ignores: true,
		Title: "A token in a pull secret is dropped",
		Doc:   "Of an entry the kubelet takes auth, or username and password. It drops identitytoken and registrytoken, which `docker login` writes for some registries, and sends the rest.",
		Text:  "{field} of the entry {key} is dropped: the kubelet knows user names and passwords only",
		Fix:   "log in with an access token as the password, and write username and password",
	}
	tooLarge = finding.Kind{
		Code: codeSecret, ID: "CD021", Severity: finding.Warning,
		Title: "A file is too large to be judged",
		Doc:   "A Secret has 1 MiB at most. What stands in a larger file is not known here.",
		Text:  "the file is not judged: {why}",
	}
)

// Kinds of keys that do not match what they are for.
var (
	noMatch = finding.Kind{
		Code: codeMatch, ID: "CD004", Severity: finding.Error, Ignores: true,
		Title: "A key matches none of the images that it is for",
		Doc:   keysMatch,
		Text:  "the key {key} matches no image",
		Fix:   "write the host as images do, with its port",
		Variants: map[string]finding.Variant{
			"unused":  {Text: "no key of {secret} matches {image}, which {who} pulls with it", Fix: "write the registry as the image does: {want}"},
			"url":     {Text: "the key {key} is no host and is ignored", Fix: "write host[:port], without blanks"},
			"version": {Text: "the key {key} matches no image: /{version} counts as a path without a slash behind it", Fix: "write {want}"},
		},
	}
	hubKey = finding.Kind{
		Code: codeMatch, ID: "CD005", Severity: finding.Error, Ignores: true,
		Title: "A key for Docker Hub matches no image of Docker Hub",
		Doc: "For the kubelet images of Docker Hub are docker.io/…: the keys docker.io and https://index.docker.io/v1/, with the last slash, are found. " +
			"In the configuration of a node it is the other way round: containerd, K3s and Talos look for registry-1.docker.io there.",
		Text: "the key {key} matches no image of Docker Hub",
		Fix:  "write {want}",
	}
	patternKey = finding.Kind{
		Code: codeMatch, ID: "CD007", Severity: finding.Warning, Ignores: true,
		Title: "A wildcard stands where none counts, or for too few labels",
		Doc:   keysMatch + " `*.io` is not for `registry.corp.io`: a wildcard stands for one label.",
		Text:  "the key {key} matches no image: a wildcard counts in the host's labels alone",
		Fix:   "leave it out: a path is how the image's begins, and a port has to be named",
		Variants: map[string]finding.Variant{
			"labels": {Text: "the key {key} does not match {image}: a wildcard stands for one label", Fix: "write {want}"},
			"marks":  {Text: "the key {key} matches no image: * is the only wildcard", Fix: "write * or the names themselves"},
		},
	}
	prefixKey = finding.Kind{
		Code: codeMatch, ID: "CD008", Severity: finding.Warning,
		Title: "A key's path is the beginning of another name",
		Doc:   keysMatch + " So `r.example/team` is also for r.example/teamwork/app, which then is pulled with the credentials of the other team and, if they are refused, not without any.",
		Text:  "the key {key} is also for {image}: a path is compared letter by letter",
		Fix:   "write {want}",
	}
	otherNamespace = finding.Kind{
		Code: codeMatch, ID: "CD011", Severity: finding.Error,
		Title: "The secret is in another namespace than the pod",
		Doc:   "A pod finds secrets of its own namespace alone. The pull goes on without credentials, with the event FailedToRetrieveImagePullSecret.",
		Text:  "{secret} is in the namespace {other}, and {who} looks for it in {namespace} alone",
		Fix:   "make a copy of the secret in {namespace}",
	}
	shortLived = finding.Kind{
		Code: "auth/cloud-token-expired", ID: "CD013", Severity: finding.Warning,
		Title: "A token that lives for hours is written down",
		Doc: "The passwords of ECR, Artifact Registry and ACR that their command lines print end after 12, 1 and 3 hours. In a secret they work until then. " +
			"Use the cloud's credential provider for the kubelet, a program that renews the secret, or a long-lived key of a service account.",
		Text: "the password for {key} is a token of {cloud}, which lives {life}",
		Variants: map[string]finding.Variant{
			"dated": {Text: "the password for {key} is a token of {cloud}, which ends at {expires}"},
		},
	}
	defaultPassword = finding.Kind{
		Code: "auth/default-password", ID: "CD014", Severity: finding.Warning,
		Title: "A password that everybody knows",
		Doc:   "The password is the one that a registry is installed with, or one of the most common ones.",
		Text:  "the password for {key} is a well-known one",
	}
	placeholder = finding.Kind{
		Code: codeSecret, ID: "CD015", Severity: finding.Warning,
		Title: "A shell's variable stands in the credentials, or is lost from them",
		Doc: "In a here-document without quotation marks the shell replaces `$name`, `!` and backticks: the robot accounts of Harbor, robot$name, become robot. With quotation marks, or in a file that no program fills, " +
			"`${PASSWORD}` stays as it is written. Write the secret with `kubectl create secret docker-registry --docker-username='robot$name'`.",
		Text: "the {what} for {key} is still a placeholder",
		Variants: map[string]finding.Variant{
			"robot": {Text: "the user name for {key} is robot: Harbor's robot accounts are named robot$NAME, and a shell takes $NAME for a variable"},
		},
	}
	openFile = finding.Kind{
		Code: "auth/readable-credentials", ID: "CD016", Severity: finding.Warning,
		Title: "A file with passwords can be read by everybody on the node",
		Doc:   "The kubelet runs as root: nobody else has to read its credentials. auth is not encrypted, only encoded.",
		Text:  "the file holds passwords and its mode is {mode}",
		Fix:   "chmod 600 {file}",
	}
	onlyHere = finding.Kind{
		Code: "convert/loss", ID: "convert/pull-secret", Severity: finding.Error,
		Title: "Only pull secrets can say this",
		Doc:   "Keys of pull secrets may have wildcards, and all that match are tried one after the other. The configuration of a node has one set of credentials for one host.",
		Text:  "the credentials for {key} are left out: {why}",
		Variants: map[string]finding.Variant{
			"second": {Text: "further credentials for {key} are left out: a node has one set for a host"},
		},
	}
)

// Kinds are all findings of the dialect.
var Kinds = []finding.Kind{
	unreadable, malformed, badLogin, lineBreak, noContent, dropped, tooLarge, noMatch, hubKey, patternKey, prefixKey, otherNamespace,
	shortLived, defaultPassword, placeholder, openFile, onlyHere,
}
