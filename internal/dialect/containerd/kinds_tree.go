package containerd

import "github.com/towpath-dev/towpath/internal/finding"

// What the names and states of directories and files in a tree can be.
var (
	portDirectory = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT001", Severity: finding.Error, Ignores: true,
		Title: "The port in a directory name is not written as containerd looks for it",
		Doc:   "For `r.example:5000` containerd looks for `r.example_5000_`, then for `r.example:5000`, then for `_default`. Any other spelling is passed over without a log line.",
		Text:  "containerd never looks for {name}: for the registry {registry} it wants {want}",
		Fix:   "rename the directory to {want}",
	}
	hiddenDirectory = finding.Kind{
		Code: "config/directory-hidden", ID: "HT002", Severity: finding.Error, Ignores: true,
		Title: "Another directory for the same registry is found first",
		Doc:   "The first candidate that exists decides alone, even when it is empty: `HOST_PORT_`, then `HOST:PORT`, then `_default`; and an earlier directory of `config_path` before a later one. Directories are never merged.",
		Text:  "{dir} is never read: for {registry} containerd finds {by} first",
		Fix:   "keep one of the two",
		Variants: map[string]finding.Variant{
			"same": {Text: "{dir} is never read: {by} comes first and says the same", Fix: "remove it"},
		},
	}
	hubDirectory = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT003", Severity: finding.Error, Ignores: true,
		Title: "The directory is named after a host of Docker Hub, images say docker.io",
		Doc:   "The directory has the name of the registry in the normalised image reference. For Docker Hub that is `docker.io`, whatever host serves it.",
		Text:  "{name} is not used for Docker Hub: its images belong to docker.io",
		Fix:   "rename the directory to docker.io",
	}
	oddDirectory = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT004", Severity: finding.Error, Ignores: true,
		Title: "The directory's name is no registry that an image can name",
		Doc:   "containerd compares the registry of an image with directory names as text. There are no wildcards, no schemes and no paths; the only fallback is `_default`.",
		Text:  "containerd never looks for {name}: no image reference names such a registry",
		Variants: map[string]finding.Variant{
			"want":   {Text: "containerd never looks for {name}: it wants {want}", Fix: "rename the directory to {want}"},
			"nested": {Text: "{name} is too deep: containerd looks only at directories right under {root}", Fix: ""},
			"bare":   {Text: "no image is pulled from {name}: without a dot or a port an image reference takes it for a name on Docker Hub"},
		},
	}
	emptyDirectory = finding.Kind{
		Code: "config/directory-hides-default", ID: "HT005", Severity: finding.Warning,
		Title: "An empty directory or file hides _default",
		Doc:   "A directory that exists decides for its registry, whatever it holds. An empty one, or an empty `hosts.toml`, means: no mirrors, contact the registry itself.",
		Text:  "{path} is empty and hides {default}: {registry} is pulled without mirrors",
		Fix:   "remove it, or write the mirrors into it",
		Variants: map[string]finding.Variant{
			"nothing": {Text: "{path} says nothing: {registry} is pulled without mirrors"},
		},
	}
	fileForDirectory = finding.Kind{
		Code: "config/file-for-directory", ID: "HT006", Severity: finding.Error,
		Title: "A file stands where containerd expects a directory",
		Doc:   "containerd takes whatever has the registry's name for its directory. When that is a file, every pull from the registry fails with \"not a directory\".",
		Text:  "{path} is a file: every pull from {registry} fails with \"not a directory\"",
		Fix:   "move the file to {path}/hosts.toml",
	}
	unreadableFile = finding.Kind{
		Code: "syntax/unreadable", ID: "HT007", Severity: finding.Error,
		Title: "A file or directory cannot be read",
		Doc:   "containerd fails the pull when it cannot read the registry's directory or its `hosts.toml`, unless they do not exist.",
		Text:  "{path} cannot be read ({why}): every pull from {registry} fails",
		Variants: map[string]finding.Variant{
			"us":    {Text: "{path} could not be looked at ({why}), so what it says is not known"},
			"large": {Text: "{path} was not read: {why}"},
		},
	}
	oldDefault = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT008", Severity: finding.Error, Ignores: true,
		Title: "This containerd does not know _default",
		Doc:   "`_default` is looked for since containerd 1.6.17 and 1.7.0.",
		Text:  "containerd {version} ignores _default, which needs 1.6.17",
	}
	misnamedFile = finding.Kind{
		Code: "config/wrong-file-name", ID: "HT009", Severity: finding.Error, Ignores: true,
		Title: "The file is not named hosts.toml",
		Doc:   "containerd reads `hosts.toml` and no other name, letter case included.",
		Text:  "containerd does not read {name}, only hosts.toml",
		Fix:   "rename the file to hosts.toml",
		Variants: map[string]finding.Variant{
			"root": {Text: "containerd does not read {name} here: it belongs into a directory named after a registry"},
		},
	}
	defaultPort = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT010", Severity: finding.Warning,
		Title: "The directory is for a registry written with its default port",
		Doc:   "Names are compared as text: a directory for `r.example:443` serves images written `r.example:443/…`, not `r.example/…`.",
		Text:  "{name} serves only images that are written with :{port}, not {host}/…",
	}
	upperDirectory = finding.Kind{
		Code: "config/wrong-directory-name", ID: "HT011", Severity: finding.Warning,
		Title: "The directory name has upper-case letters",
		Doc:   "Names are compared as text, letter case included, and images name registries in lower case.",
		Text:  "{name} serves only images that are written in these letters",
		Fix:   "rename the directory to {want}",
	}
	danglingLink = finding.Kind{
		Code: "config/dangling-link", ID: "HT012", Severity: finding.Error, Ignores: true,
		Title: "A symbolic link leads nowhere",
		Doc:   "A link without a target counts as absent: the next candidate or the registry itself is used instead, without a log line.",
		Text:  "{path} links to {target}, which does not exist: containerd goes on as if it were not there",
	}
)
