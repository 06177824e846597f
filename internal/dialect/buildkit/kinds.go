package buildkit

import "github.com/towpath-dev/towpath/internal/finding"

const (
	codeRefused  = "config/buildkitd-refused"
	codeEndpoint = "config/wrong-endpoint-url"
	codeUnused   = "config/buildkitd-entry-unused"
)

var (
	refused = finding.Kind{
		Code: codeRefused, ID: "BK010", Severity: finding.Error, Ignores: true, Stops: true,
		Title: "buildkitd does not start with this file",
		Doc:   "The file has to be TOML, and each value of the right type, also in parts that have nothing to do with registries.",
		Text:  "buildkitd does not start: {why}",
		Variants: map[string]finding.Variant{
			"quotes": {Text: "buildkitd does not start: the line has typographic quotation marks", Fix: "write straight quotation marks"},
		},
	}
	unread = finding.Kind{
		Code: "config/file-not-read", ID: "BK011", Severity: finding.Warning,
		Title: "The file is too large to be judged", Doc: "Towpath bounds what it reads of a configuration; buildkitd does not.",
		Text: "the file was not read: {why}",
	}
	mirrorScheme = finding.Kind{
		Code: codeEndpoint, ID: "BK001", Severity: finding.Warning, Ignores: true,
		Title: "A mirror has a scheme",
		Doc: "A mirror is host[:port], with a path if need be. A scheme is dropped: whether the host speaks HTTP is said by `http` in the " +
			"host's own table.",
		Text: "the scheme of {mirror} does not count: it is asked over {scheme}",
		Fix:  "write {want}",
		Variants: map[string]finding.Variant{
			"plain": {Text: "the scheme of {mirror} does not count: it is asked over {scheme}", Fix: "write {want}, and http = true in [registry.\"{host}\"]"},
		},
	}
	badMirror = finding.Kind{
		Code: codeEndpoint, ID: "BK006", Severity: finding.Error, Ignores: true,
		Title: "A mirror is no host", Doc: "A mirror is host[:port], with a path if need be.",
		Text: "no request can be made to the mirror {mirror}: {why}",
	}
	mirrorV2 = finding.Kind{
		Code: codeEndpoint, ID: "BK007", Severity: finding.Warning,
		Title: "The path of a mirror begins with /v2", Doc: "BuildKit puts /v2 in front of the path of a mirror.",
		Text: "{mirror} is asked at {path}",
		Fix:  "write {want}",
	}
	wrongTable = finding.Kind{
		Code: codeUnused, ID: "BK002", Severity: finding.Warning,
		Title: "Settings for a mirror stand in the table of the registry",
		Doc: "`http`, `insecure`, `ca` and `keypair` say how the host is spoken to whose name the table has. For a mirror they stand in a " +
			"table with the mirror's name.",
		Text: "{key} counts for {name} itself, not for its mirror {mirror}",
		Fix:  "write it in [registry.\"{mirror}\"]",
	}
	plainCA = finding.Kind{
		Code: "config/tls-for-plain-http", ID: "BK003", Severity: finding.Warning, Ignores: true,
		Title: "TLS is set up for a host that is asked over HTTP",
		Doc:   "With http = true, and without insecure = true, only plain HTTP is spoken. The certificates are loaded and not used.",
		Text:  "{key} of {name} is not used: with http = true it is asked over plain HTTP",
		Fix:   "remove http = true",
	}
	fallback = finding.Kind{
		Code: "tls/verification-off", ID: "BK008", Severity: finding.Warning,
		Title: "The certificate of a host is not verified",
		Doc: "With insecure = true anybody on the way can serve other images. With http = true besides, BuildKit falls back to plain HTTP. " +
			"Name the authority in `ca` instead.",
		Text: "the certificate of {name} is not verified, so anybody on the way can pose as it",
		Fix:  "name the file of its authority in ca and remove insecure",
	}
	lostFile = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "BK005", Severity: finding.Error,
		Title: "A certificate cannot be loaded",
		Doc: "BuildKit loads the files of a registry and of all its mirrors before it asks the first one. Paths are those inside of " +
			"buildkitd's container: with a builder of docker buildx the files have to be in its image or volume.",
		Text: "{why}: every pull of {name} fails",
	}
	noCertificate = finding.Kind{
		Code: "tls/ca-file-unreadable", ID: "BK009", Severity: finding.Error, Ignores: true,
		Title: "A CA file holds no certificate", Doc: "BuildKit says nothing of a file without a certificate in PEM; the registry's certificate is then not trusted.",
		Text: "{file} holds no certificate in PEM, and BuildKit does not say so",
	}
	unknownKey = finding.Kind{
		Code: codeUnused, ID: "BK012", Severity: finding.Warning, Ignores: true,
		Title: "A key is unknown to BuildKit", Doc: "BuildKit drops keys that it does not know without a word.",
		Text: "{key} is not known to BuildKit and does not count",
		Variants: map[string]finding.Variant{
			"near": {Text: "{key} is not known to BuildKit and does not count", Fix: "write {want}"},
		},
	}
	unknownName = finding.Kind{
		Code: codeUnused, ID: "mirror/never-asked", Severity: finding.Error, Ignores: true,
		Title: "The name of a table is not that of a registry",
		Doc:   "The name is host or host:port as image names begin with, docker.io for images without one. There is no wildcard.",
		Text:  "{name} matches no image and no mirror: the name is host or host:port",
		Variants: map[string]finding.Variant{
			"any": {Text: "there is no wildcard: the table {name} matches no image"},
			"fix": {Text: "{name} matches no image and no mirror: the name is host or host:port", Fix: "write {want}"},
		},
	}
	unusedFile = finding.Kind{
		Code: codeUnused, ID: "BK004", Severity: finding.Info,
		Title: "A builder of docker buildx does not read this file by itself",
		Doc: "buildx copies the file into the builder's container when the builder is made with --buildkitd-config. Docker's built-in " +
			"BuildKit reads daemon.json.",
		Text: "{file} is read by a buildkitd on this machine, not by builders of docker buildx that were made without it",
	}
)

// Kinds is everything that Parse may find.
var Kinds = []finding.Kind{
	refused, unread, mirrorScheme, badMirror, mirrorV2, wrongTable, plainCA, fallback, lostFile, noCertificate, unknownKey, unknownName, unusedFile,
}
