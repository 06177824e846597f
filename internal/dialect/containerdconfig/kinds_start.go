package containerdconfig

import "github.com/towpath-dev/towpath/internal/finding"

// What ends the texts of all that keeps the daemon, or its CRI plugin, down.
const (
	noStart = "so containerd does not start"
	noCRI   = "so containerd starts without its CRI plugin and the node is NotReady"
)

// Kinds of everything that keeps containerd or its CRI plugin from starting.
var (
	notTOML = finding.Kind{
		Code: "syntax/unreadable", ID: "CC038", Severity: finding.Error,
		Title: "A configuration file of containerd is not TOML",
		Doc:   "containerd exits when one of its files cannot be parsed, be it only imported. Pods that run stay; nothing new starts.",
		Text:  "{file} is not TOML ({why}), " + noStart,
		Variants: map[string]finding.Variant{
			"yaml":  {Text: "{file} is written like YAML ({why}), " + noStart},
			"utf16": {Text: "{file} is saved as UTF-16, " + noStart},
			"bom":   {Text: "{file} begins with a byte order mark, " + noStart, Fix: "remove the mark"},
			"crash": {Text: "{file} crashes the parser of containerd ({why}), " + noStart},
		},
	}
	unseen = finding.Kind{
		Code: "syntax/unreadable", ID: "CC047", Severity: finding.Error,
		Title: "A configuration file of containerd could not be read",
		Doc:   "What it says may change everything else that is said here. Run as root, or look at the file.",
		Text:  "{file} was not read ({why}); it may change all that is said here",
	}
	smartQuotes = finding.Kind{
		Code: "syntax/unreadable", ID: "CC022", Severity: finding.Error,
		Title: "Typographic quotes in a configuration of containerd",
		Doc:   "Word processors and web pages turn `\"` into “ ”, which is no TOML.",
		Text:  "{file} has typographic quotes ({why}), " + noStart,
		Fix:   "write plain double quotes",
		Variants: map[string]finding.Variant{
			"hand": {Text: "{file} has typographic quotes ({why}), " + noStart},
		},
	}
	unquotedHost = finding.Kind{
		Code: "config/unquoted-host", ID: "CC022", Severity: finding.Error, Ignores: true,
		Title: "A host without quotes in the name of a table",
		Doc: "A host name as part of a table's name needs quotes: without them each dot begins a table of its own, and what stands in it is ignored. " +
			"A colon without quotes is a syntax error.",
		Text: "{name} without quotes is a table for each dot, so what is said of {host} is ignored",
		Fix:  "put {host} in quotes",
		Variants: map[string]finding.Variant{
			"port": {Text: "{name} has a host and port without quotes, " + noStart, Fix: "put {host} in quotes"},
		},
	}
	duplicate = finding.Kind{
		Code: "syntax/unreadable", ID: "CC023", Severity: finding.Error,
		Title: "A table or key stands twice in a configuration of containerd",
		Doc:   "TOML forbids it. It is what appending a block to a file that has it already leads to.",
		Text:  "{file} has a table or key twice ({why}), " + noStart,
	}
	wrongType = finding.Kind{
		Code: "config/wrong-type", ID: "CC037", Severity: finding.Error,
		Title: "A setting of containerd has a value of the wrong type",
		Doc:   "A value of the wrong type anywhere, also in the table of a plugin that nobody uses, keeps the whole daemon down.",
		Text:  "{key} has a value of the wrong type ({why}), " + noStart,
		Variants: map[string]finding.Variant{
			"crash": {Text: "{key} is no table ({why}): containerd crashes while it migrates the configuration"},
		},
	}
	endpointString = finding.Kind{
		Code: "config/wrong-type", ID: "CC014", Severity: finding.Error,
		Title: "endpoint is a text and not a list",
		Doc:   "`endpoint` wants a list, also for a single mirror. A text keeps the whole daemon down.",
		Text:  "endpoint wants a list and got a text, " + noStart,
		Fix:   "put brackets around the text",
	}
	versionTooNew = finding.Kind{
		Code: "config/version-unsupported", ID: "CC007", Severity: finding.Error,
		Title: "The configuration has a version that this containerd does not know",
		Doc:   "Version 2 is read by containerd 1.3 and later, 3 by 2.0 and later, 4 by 2.3 and later.",
		Text:  "version {version} of the configuration is too new for containerd {containerd}, which reads up to {max}, " + noStart,
		Fix:   "write version = {max}",
		Variants: map[string]finding.Variant{
			"hand": {Text: "version {version} of the configuration is too new for containerd {containerd}, which reads up to {max}, " + noStart},
		},
	}
	shortID = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "CC039", Severity: finding.Error,
		Title: "A plugin goes by its short name where the full one is needed",
		Doc:   "From version 2 on plugins are called by their full id, `io.containerd.grpc.v1.cri`. A short name keeps the daemon down.",
		Text:  "{id} is no plugin id in a configuration of version {version} ({why}), " + noStart,
		Fix:   "write {full}",
		Variants: map[string]finding.Variant{
			"hand":     {Text: "{id} is no plugin id in a configuration of version {version} ({why}), " + noStart},
			"disabled": {Text: "disabled_plugins has {id}, which is no plugin id in a configuration of version {version}, " + noStart, Fix: "take it off the list"},
		},
	}
	missingImport = finding.Kind{
		Code: "config/import-missing", ID: "CC025", Severity: finding.Error,
		Title: "An imported file is not there",
		Doc:   "A path without `*` in `imports` has to exist. `containerd config dump` of 2.x hides the error, the daemon does not.",
		Text:  "{path} is imported and is not there, " + noStart,
		Fix:   "take it off the list of imports",
		Variants: map[string]finding.Variant{
			"main":      {Text: "{path} is given to containerd as its configuration and is not there, " + noStart},
			"directory": {Text: "{path} is a directory and not a file, " + noStart},
		},
	}
	badSetting = finding.Kind{
		Code: "config/bad-setting", ID: "CC040", Severity: finding.Error,
		Title: "containerd refuses a setting",
		Doc:   "Some values of the right type make no sense to containerd: a duration without a unit, one directory for root and state.",
		Text:  "containerd refuses a setting ({why}), " + noStart,
		Variants: map[string]finding.Variant{
			"cri":   {Text: "the CRI plugin refuses its configuration ({why}), " + noCRI},
			"pulls": {Text: "every pull fails: {why}", Fix: "write the default, 5m0s"},
		},
	}
	requiredPlugin = finding.Kind{
		Code: "config/required-plugin", ID: "CC041", Severity: finding.Error,
		Title: "A required plugin does not load",
		Doc:   "containerd exits when a plugin of `required_plugins` does not load, instead of running without it.",
		Text:  "required_plugins names a plugin that does not load ({why}), " + noStart,
	}
	criDisabled = finding.Kind{
		Code: "config/cri-plugin-disabled", ID: "CC034", Severity: finding.Error,
		Title: "The CRI plugin is disabled in config.toml",
		Doc: "Docker's package of containerd ships a config.toml with `disabled_plugins = [\"cri\"]`: enough for Docker, not for Kubernetes. " +
			"The kubelet sees `unknown service runtime.v1.RuntimeService`.",
		Text: "disabled_plugins has {id}, " + noCRI,
		Fix:  "take {id} off the list",
		Variants: map[string]finding.Variant{
			"hand": {Text: "disabled_plugins has {id}, " + noCRI},
		},
	}
	mirrorsAndPath = finding.Kind{
		Code: "config/mirrors-with-config-path", ID: "CC001", Severity: finding.Error,
		Title: "mirrors and config_path are both set, which disables the CRI plugin",
		Doc: "Mirrors are configured either in config.toml or in hosts.toml files below config_path. With both the CRI plugin refuses to load. " +
			"Move the mirrors to hosts.toml files: every containerd since 1.5 reads them, and no restart is needed to change them.",
		Text: "registry.mirrors and config_path ({path}) are both set, " + noCRI,
		Fix:  "move the mirrors to hosts.toml files below {dir} and take them out of config.toml",
		Variants: map[string]finding.Variant{
			"apart": {
				Text: "registry.mirrors stands here and config_path ({path}) in {other}, " + noCRI,
				Fix:  "move the mirrors to hosts.toml files below {dir} and take them out of config.toml",
			},
		},
	}
	mirrorsApart = finding.Kind{
		Code: "config/mirrors-with-config-path", ID: "K0009", Severity: finding.Error,
		Title: "Two drop-ins of k0s set mirrors and config_path",
		Doc:   "k0s merges its drop-ins into one configuration. With mirrors in one and config_path in another the CRI plugin refuses to load.",
		Text:  "registry.mirrors stands here and config_path ({path}) in {other}, " + noCRI,
		Fix:   "move the mirrors to hosts.toml files below {dir} and take them out of the drop-in",
	}
	tlsAndPath = finding.Kind{
		Code: "config/mirrors-with-config-path", ID: "CC002", Severity: finding.Error,
		Title: "configs.*.tls and config_path are both set, which disables the CRI plugin",
		Doc:   "Until 1.7 containerd takes TLS settings either from config.toml or from hosts.toml files. With both the CRI plugin refuses to load.",
		Text:  "a tls table of registry.configs and config_path ({path}) are both set, " + noCRI,
		Fix:   "move the certificates to hosts.toml files below {dir} and take the tables out of config.toml",
	}
	mirrorsByDefault = finding.Kind{
		Code: "config/mirrors-with-config-path", ID: "CC012", Severity: finding.Error,
		Title: "mirrors meet the default config_path of containerd 2.2.0 and 2.2.1",
		Doc: "These two releases set config_path by themselves and then refuse a configuration with mirrors. 2.2.2 fixed it. " +
			"Moving the mirrors to hosts.toml files works with every release.",
		Text: "registry.mirrors meets the default config_path of containerd {containerd}, " + noCRI,
		Fix:  "move the mirrors to hosts.toml files below {dir} and take them out of config.toml",
	}
	badAuths = finding.Kind{
		Code: "auth/auths-without-scheme", ID: "CC019", Severity: finding.Error, Ignores: true,
		Title: "A key of registry.auths has no scheme",
		Doc: "The keys of the old `auths` table are URLs. Without a scheme the host is taken for one and the credentials are lost, " +
			"or, if it cannot be one, the CRI plugin does not load.",
		Text: "the key {name} of registry.auths has no scheme, so its credentials are lost",
		Fix:  "write https://{name}",
		Variants: map[string]finding.Variant{
			"dead": {Text: "the key {name} of registry.auths is no URL, " + noCRI, Fix: "write https://{name}"},
			"hand": {Text: "the key {name} of registry.auths is no URL, " + noCRI},
		},
	}
)
