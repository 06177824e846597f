package towpath

import "regexp"

// Version is the one version of the format that there is.
const Version = "towpath/v1"

// format is the description of a whole file.
var format = &shape{sort: record, doc: "How the nodes of a cluster reach container registries.", fields: []field{
	{"version", "Version of this format.", &shape{sort: text, values: []string{Version}}, true},
	{"runtime", "Whose rules fill in what is not written here: NAME or NAME@VERSION. It matters for Docker and for CRI-O and Podman, " +
		"which choose routes in another way than containerd.", runtimeShape, false},
	{"localhost", "How a registry on the node itself is asked that has no entry: auto is HTTPS first, http is plain HTTP.",
		&shape{sort: text, values: []string{"auto", "http"}}, false},
	{"headers", "Headers for every registry.", headersShape, false},
	{"registries", "What is asked for the images of a registry. A key is the registry as images name it, docker.io or r.example:5000; " +
		"\"*\" is every other one. CRI-O and Podman know docker.io/library and *.example, too, Docker 192.0.2.0/24.",
		&shape{sort: names, each: registryShape}, false},
	{"hosts", "How a host is spoken to wherever it is used. A key is host[:port]; CRI-O and Podman know host/path for credentials, too.",
		&shape{sort: names, each: hostShape}, false},
	{"trust", "Authorities that the node itself is to trust, each in PEM or as the path of a PEM file.",
		&shape{sort: list, each: certificateShape}, false},
	{"proxy", "Proxy of the runtime's service.", proxyShape, false},
	{"time", "The node's clock.", &shape{sort: record, fields: []field{
		{"synchronise", "Keep the clock right with the node's own time synchronisation.", flagShape, true},
	}}, false},
	{"sandboxImage", "The image of pod sandboxes (pause).", &shape{sort: text, match: regexp.MustCompile(`^\S+$`), means: "the name of an image"}, false},
}}

var (
	textShape = &shape{sort: text}
	flagShape = &shape{sort: flag}
	fileShape = &shape{sort: text, match: regexp.MustCompile(`^/[^\n]*$`), means: "an absolute path"}
	urlShape  = &shape{sort: text, name: "url", match: regexp.MustCompile(`^https?://[^/\s@?#]+(/\S*)?$`), means: "an https:// or http:// URL",
		doc: "Where it is asked: https://HOST[:PORT], with the root of its API behind it where that is not /v2: https://HOST/v2/proxy."}
	certificateShape = &shape{sort: text, name: "certificate", doc: "PEM text, or the path of a PEM file."}

	runtimeShape = &shape{either: []*shape{
		{sort: text, match: regexp.MustCompile(`^[a-z][a-z0-9-]*(@[0-9A-Za-z.+~_-]+)?$`), means: "NAME or NAME@VERSION"},
		{sort: record, fields: []field{
			{"name", "Name of the runtime.", &shape{sort: text, match: regexp.MustCompile(`^[a-z][a-z0-9-]*$`), means: "the name of a runtime"}, true},
			{"version", "Version of the runtime.", textShape, false},
			{"containerd", "Version of the containerd that it pulls with.", textShape, false},
		}},
	}}
	headersShape = &shape{sort: names, name: "headers", doc: "Header lines of every request, each with a value or a list of values.",
		each: &shape{either: []*shape{textShape, {sort: list, each: textShape}}}}
	clientShape = &shape{sort: record, name: "client", doc: "A client certificate and its key, each in PEM or as the path of a PEM file.", fields: []field{
		{"cert", "The certificate.", certificateShape, false},
		{"key", "The key, unless the certificate's file holds it.", certificateShape, false},
	}}
	authShape = &shape{sort: record, name: "auth", doc: "Credentials.", fields: []field{
		{"user", "User, or the name of a robot account.", textShape, false},
		{"password", "Password. Better: passwordFile.", textShape, false},
		{"passwordFile", "Path of a file that holds the password alone.", fileShape, false},
		{"identityToken", "Identity token instead of a password.", textShape, false},
		{"identityTokenFile", "Path of a file that holds the identity token alone.", fileShape, false},
	}}
	rewriteShape = &shape{sort: record, name: "rewrite", doc: "Changes the repository in requests; the first that changes it wins.", fields: []field{
		{"match", "Regular expression (Go) for the repository, without the registry.", textShape, true},
		{"to", "What stands there instead; $1 is the first group.", textShape, true},
	}}
	proxyShape = &shape{sort: record, doc: "Proxy of the runtime's service.", fields: []field{
		{"http", "Proxy for http:// requests.", textShape, false},
		{"https", "Proxy for https:// requests.", textShape, false},
		{"noProxy", "Hosts, domains and address ranges that are asked directly.", &shape{either: []*shape{textShape, {sort: list, each: textShape}}}, false},
	}}
)

// connection is how a host is spoken to: keys of endpoints and of hosts.
var connection = []field{
	{"ca", "Authorities that sign its certificate, in PEM or as the path of a PEM file.",
		&shape{either: []*shape{certificateShape, {sort: list, each: certificateShape}}}, false},
	{"client", "Client certificates (mTLS).", &shape{either: []*shape{clientShape, {sort: list, each: clientShape}}}, false},
	{"skipVerify", "Do not verify its certificate. Give its ca instead.", flagShape, false},
	{"auth", "Credentials for it.", authShape, false},
	{"unusable", "Why no request is made to it.", textShape, false},
}

// endpointFields are the keys of a mirror, and of an upstream.
var endpointFields = append([]field{
	{"url", urlShape.doc + " Without it: the registry itself.", urlShape, false},
	{"serves", "What it is trusted with. A mirror is trusted with [pull, resolve] unless this says otherwise: with pull alone it is " +
		"asked for digests, never for tags; with tagsOnly it is not asked for digests.",
		&shape{sort: list, each: &shape{sort: text, values: []string{"pull", "resolve", "push", "referrers", "tagsOnly"}}}, false},
	{"plainFallback", "Try plain HTTP where HTTPS does not answer.", flagShape, false},
	{"rewrite", "Changes of the repository in requests, in order.", &shape{sort: list, each: rewriteShape}, false},
	{"headers", "Headers for it.", headersShape, false},
	{"dialTimeout", "How long to wait for a connection, as 3s or 500ms; none is no limit.",
		&shape{sort: text, match: regexp.MustCompile(`^(none|-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+)$`), means: "a time such as 3s, or none"}, false},
	{"namespace", "Value of ?ns= in requests, where the runtime does not choose it.", textShape, false},
	{"alias", "How images name its host where CRI-O and Podman are told another name: docker.io.", textShape, false},
}, connection...)

var (
	endpointShape = &shape{sort: record, name: "endpoint", doc: "A host that is asked, and how.", fields: endpointFields}
	hostShape     = &shape{sort: record, name: "host", doc: "How a host is spoken to.", fields: connection}
	registryShape = &shape{sort: record, name: "registry", doc: "What is asked for images, in order: the mirrors, then the upstream.", fields: []field{
		{"mirrors", "Mirrors, in the order in which they are asked, each a URL or a mapping.",
			&shape{sort: list, each: &shape{either: []*shape{urlShape, endpointShape}}}, false},
		{"upstream", "What is asked last: true is the registry itself, which is so without this key; false is nothing at all.",
			&shape{either: []*shape{flagShape, urlShape, endpointShape}}, false},
		{"upstreamUnlessListed", "Do not ask the registry itself again where a mirror is on its host.", flagShape, false},
		{"blocked", "Refuse to pull from it.", flagShape, false},
		{"fails", "Why every pull of it fails.", textShape, false},
	}}
)
