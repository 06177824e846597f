package containerdconfig

import "github.com/towpath-dev/towpath/internal/finding"

// Kinds of tables and files that do not count.
var (
	noVersion = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "CC005", Severity: finding.Error, Ignores: true, Symptoms: []string{"config/config-path-unset"},
		Title: "The configuration has no version, so its plugin table is ignored",
		Doc: "Without `version` containerd 1.x reads a file as version 1, whose CRI table is called `plugins.cri`. " +
			"2.0 to 2.2 find neither form then. Nothing is logged.",
		Text: "{file} has no version, so containerd {containerd} ignores {table}",
		Fix:  "write version = 2 at the top",
		Variants: map[string]finding.Variant{
			"hand":  {Text: "{file} has no version, so containerd {containerd} ignores {table}"},
			"short": {Text: "containerd {containerd} no longer reads {table} of version 1", Fix: "write version = 2 at the top and call the table {want}"},
		},
	}
	wrongTable = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "CC006", Severity: finding.Error, Ignores: true,
		Symptoms: []string{"config/config-path-unset", "config/config-path-list-bug"},
		Title:    "The registry settings stand in the wrong plugin table for this config version",
		Doc: "The CRI settings are called `plugins.cri` in version 1, `plugins.\"io.containerd.grpc.v1.cri\"` in version 2 and " +
			"`plugins.\"io.containerd.cri.v1.images\"` in versions 3 and 4. Under another name they are ignored without a word; " +
			"`containerd config dump` shows what counts.",
		Text: "containerd {containerd} ignores {table} in a configuration of version {version}",
		Fix:  "call the table {want}",
		Variants: map[string]finding.Variant{
			"hand":    {Text: "containerd {containerd} ignores {table} in a configuration of version {version}"},
			"version": {Text: "containerd {containerd} ignores {table} in a configuration of version {version}", Fix: "call the table {want} and write version = {max}"},
			"server":  {Text: "containerd {containerd} ignores {table} in a file of version 4: it is a plugin's table now, {want}"},
		},
	}
	bothTables = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "CC036", Severity: finding.Error, Ignores: true,
		Symptoms: []string{"config/wrong-containerd-instance"},
		Title:    "Two tables of one file set the same thing, and the older one wins",
		Doc:      "In a file of version 2 containerd 2.x lets the old CRI table override the new one, key by key.",
		Text:     "{key} is set in two tables of {file}; the older one wins and this one is ignored",
		Fix:      "take this one out",
	}
	replacedTable = finding.Kind{
		Code: "config/drop-in-replaces-table", ID: "CC026", Severity: finding.Error, Ignores: true,
		Title: "A later file replaces the whole table of the CRI plugin",
		Doc: "containerd 1.x does not merge the tables of one plugin: the last file that has one replaces it as a whole, " +
			"so a drop-in with three lines erases everything that the main file said of that plugin. Keep all of it in one file.",
		Text: "{other} replaces the whole table {table}, so {lost} of {file} is ignored",
	}
	dropInVersion = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "CC027", Severity: finding.Error, Ignores: true,
		Title: "Main file and drop-in are of different versions",
		Doc: "2.0 to 2.2 migrate the merged configuration once, if no file is of version 3: with one that is, the tables of version 2 are lost. " +
			"2.3.0 to 2.3.4 refuse a drop-in of a higher version. Write the same version into every file.",
		Text: "{table} of version {version} is ignored because {other} is of version 3",
		Variants: map[string]finding.Variant{
			"fatal": {Text: "{file} is of version {version}, higher than the main file ({why}), " + noStart},
		},
	}
	unknownKey = finding.Kind{
		Code: "config/unknown-key", ID: "CC013", Severity: finding.Error, Ignores: true,
		Symptoms: []string{"config/config-path-unset", "config/config-path-list-bug"},
		Title:    "containerd does not know a key of its configuration",
		Doc:      "Unknown keys are ignored: by 1.x without a word, by 2.x with one warning in the log.",
		Text:     "containerd ignores the key {key}: it is called {want}",
		Fix:      "write {want}",
		Variants: map[string]finding.Variant{
			"hand":    {Text: "containerd ignores the key {key}; {table} knows {known}"},
			"sandbox": {Text: "containerd ignores sandbox_image in {table}: the image is called pinned_images.sandbox there", Fix: "set sandbox in {table}.pinned_images"},
		},
	}
	transferPath = finding.Kind{
		Code: "config/transfer-config-path", ID: "CC028", Severity: finding.Error, Ignores: true,
		Title: "config_path of the transfer plugin is not used",
		Doc:   "`plugins.\"io.containerd.transfer.v1.local\".config_path` is parsed and used by nobody. Pulls of the kubelet follow that of the CRI plugin.",
		Text:  "nobody uses config_path of the transfer plugin; pulls of the kubelet follow {want}",
		Fix:   "set config_path of the CRI plugin to {path}",
		Variants: map[string]finding.Variant{
			"hand": {Text: "nobody uses config_path of the transfer plugin; pulls of the kubelet follow {want}"},
		},
	}
	notImported = finding.Kind{
		Code: "config/drop-in-not-imported", ID: "CC024", Severity: finding.Error, Ignores: true,
		Symptoms: []string{"config/config-path-unset", "config/config-path-list-bug"},
		Title:    "A drop-in is not imported",
		Doc: "containerd reads only what `imports` of its main file names. The directory /etc/containerd/conf.d means nothing by itself; " +
			"the default of 2.2 and later names it only in what `containerd config default` prints.",
		Text: "{path} is not imported by {main}, so containerd ignores it",
		Fix:  "add {pattern} to the imports of {main}",
		Variants: map[string]finding.Variant{
			"hand":     {Text: "{path} is not imported by {main}, so containerd ignores it"},
			"relative": {Text: "until 1.6.30 and 1.7.16 containerd looks for {pattern} below its working directory, so it ignores {path}", Fix: "write the pattern as an absolute path"},
		},
	}
	otherInstance = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "CC033", Severity: finding.Warning, Ignores: true,
		Title: "The configuration belongs to another containerd",
		Doc: "K3s, RKE2 and k0s run a containerd of their own with a configuration of their own. What stands in /etc/containerd " +
			"is for another one, be it installed or not.",
		Text: "{runtime} runs a containerd of its own that does not read {file}; registries are configured in {want}",
	}
	otherInstanceK0s = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "K0007", Severity: finding.Warning, Ignores: true,
		Title: "k0s does not read /etc/containerd",
		Doc:   "The containerd of k0s reads /etc/k0s/containerd.toml and what that imports.",
		Text:  "k0s runs a containerd of its own that does not read {file}; registries are configured in {want}",
	}
)
