package k3s

import "github.com/towpath-dev/towpath/internal/finding"

// The kinds about the files around registries.yaml on a node.
var (
	notApplied = finding.Kind{
		Code: codeInvalid, ID: "K3018", Severity: finding.Error, Ignores: true,
		Title: "registries.yaml is newer than what containerd reads",
		Doc: "registries.yaml is read once, when the agent starts. A later change has no effect until the agent is " +
			"restarted; containerd goes on with the files generated before.",
		Text: "the change of registries.yaml is not applied: {distro} has not been restarted since",
		Fix:  "restart {unit}",
		Variants: map[string]finding.Variant{
			"newer": {Text: "registries.yaml was changed after {distro} started at {started}", Fix: "restart {unit}"},
			"gone":  {Text: "the generated files still hold what registries.yaml no longer says", Fix: "restart {unit}"},
		},
	}
	handEdited = finding.Kind{
		Code: "config/certs-d-overwritten", ID: "K3019", Severity: finding.Warning,
		Title: "A generated file was edited by hand",
		Doc:   "K3s and RKE2 write config.toml and certs.d anew at every start. An edit counts until then and is lost.",
		Text:  "this file is generated and was changed afterwards: the next start of {distro} undoes it",
		Fix:   "make the change in {want}",
		Variants: map[string]finding.Variant{
			"own":   {Text: "the next start of {distro} deletes this directory: it renders one for the same registry", Fix: "make the change in {want}"},
			"all":   {Text: "the next start of {distro} deletes this directory: {version} clears certs.d", Fix: "make the change in {want}"},
			"first": {Text: "this directory hides the generated one of {name}: containerd looks here first", Fix: "remove the directory, or the registry from {want}"},
		},
	}
	overridden = finding.Kind{
		Code: "config/template-overrides-registries", ID: "K3020", Severity: finding.Error,
		Title: "A template leaves registries.yaml out of config.toml",
		Doc: "A template replaces the whole of config.toml. It has to include the stock one with {{ template \"base\" . }}, " +
			"or repeat config_path and the credentials of registries.yaml itself.",
		Text: "this template has no credentials of registries.yaml: containerd sends none",
		Fix:  "begin the template with {base}",
		Variants: map[string]finding.Variant{
			"mirrors": {Text: "this template has no config_path: the mirrors of registries.yaml are not used", Fix: "begin the template with {base}"},
			"both":    {Text: "this template has neither config_path nor credentials: nothing of registries.yaml is used", Fix: "begin the template with {base}"},
		},
		Symptoms: []string{codeInvalid},
	}
	unreadTemplate = finding.Kind{
		Code: "config/template-overrides-registries", ID: "K3021", Severity: finding.Error, Ignores: true,
		Title: "A template that this release does not read",
		Doc:   "config-v3.toml.tmpl is read by releases with containerd 2. With containerd 1 the name is config.toml.tmpl.",
		Text:  "{distro} with containerd {containerd} does not read config-v3.toml.tmpl",
		Fix:   "put what it says into config.toml.tmpl",
	}
	olderTemplate = finding.Kind{
		Code: "config/template-overrides-registries", ID: "K3021", Severity: finding.Info,
		Title: "A template of version 2 with containerd 2",
		Doc:   "config.toml.tmpl is still read; containerd 2 then gets a configuration of version 2 and converts it at every start.",
		Text:  "config.toml.tmpl makes containerd 2 read a configuration of version 2",
	}
	leak = finding.Kind{
		Code: "auth/readable-credentials", ID: "K3023", Severity: finding.Warning,
		Title: "Everybody on the node can read the credentials",
		Doc:   "registries.yaml holds passwords in clear text. Only root has to read it.",
		Text:  "registries.yaml holds credentials and has mode {mode}",
		Fix:   "let only root read it",
	}
	otherContainerd = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "K3024", Severity: finding.Warning, Ignores: true,
		Title: "A file of another containerd",
		Doc: "K3s and RKE2 run a containerd of their own, with configuration under their data directory. Files under " +
			"/etc/containerd and drop-ins of containerd.service have no effect on it.",
		Text: "{distro} does not read this file: its containerd is configured by {want}",
		Fix:  "write it into {want}",
		Variants: map[string]finding.Variant{
			"unit": {Text: "{distro} does not read this file: its containerd is started by {unit}", Fix: "write the variables into {want}"},
		},
	}
	otherRuntime = finding.Kind{
		Code: codeInvalid, ID: "config/other-runtime", Severity: finding.Error, Ignores: true,
		Title: "registries.yaml is for the built-in containerd only",
		Doc:   "With --docker or --container-runtime-endpoint the pulls are made by another runtime, which has a configuration of its own.",
		Text:  "registries.yaml is not used: {flag} makes {distro} use another runtime",
	}
	unreadable = finding.Kind{
		Code: codeInvalid, ID: "syntax/unreadable", Severity: finding.Error, Ignores: true,
		Title: "registries.yaml cannot be read",
		Doc:   "The file is there, but it is not a file that can be read.",
		Text:  "{file} {why}",
		Variants: map[string]finding.Variant{
			"us": {Text: "{file} was not read ({why}); it may change all that is said here"},
		},
	}
	serverOnlyFile = finding.Kind{
		Code: "config/server-only-hosts-toml", ID: "CFG-08", Severity: finding.Error, Ignores: true,
		Title: "The settings of a registry without mirrors are dropped",
		Doc:   "The releases of March 2024 wrote a hosts.toml without a [host] table for a registry that has only TLS settings. Containerd 1 drops such a file.",
		Text:  "{version} renders the TLS settings of {name} into a hosts.toml that containerd {containerd} drops",
		Fix:   "name the registry with an endpoint under mirrors, or update {distro}",
	}
)

var nodeKinds = []finding.Kind{
	notApplied, handEdited, overridden, unreadTemplate, olderTemplate, leak, otherContainerd, otherRuntime, unreadable, serverOnlyFile,
}
