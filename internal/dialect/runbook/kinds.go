package runbook

import "github.com/towpath-dev/towpath/internal/finding"

var (
	ctrFlags = finding.Kind{
		Code: "command/flag-dropped", ID: "CT001", Severity: finding.Warning,
		Title: "A flag stands behind the image",
		Doc: "The ctr of containerd 2.0 to 2.3 reads no flags behind the image: it drops them without a word, and pulls with verification and " +
			"without credentials. Flags in front of the image work with every release.",
		Text: "{flag} behind the image is dropped by the {tool} of containerd 2.0 to 2.3", Fix: "write flags in front of the image",
	}
	crictlFlags = finding.Kind{
		Code: "command/flag-dropped", ID: "CI004", Severity: finding.Warning,
		Title: "A flag stands behind the image", Doc: "crictl reads no flags behind the image.",
		Text: "{flag} behind the image is dropped by {tool}", Fix: "write flags in front of the image",
	}
	needsLocal = finding.Kind{
		Code: "command/needs-local", ID: "CT002", Severity: finding.Warning,
		Title: "A TLS flag of ctr needs --local",
		Doc: "Since containerd 2.0 ctr lets the daemon pull, which takes no TLS settings from the command line: ctr stops unless --local is given. " +
			"A directory with the registry's CA works in both ways: --hosts-dir.",
		Text: "ctr of containerd 2 stops at {flag} without --local", Fix: "add --local, or name the CA in a hosts.toml and give --hosts-dir",
		Variants: map[string]finding.Variant{"unverified": {
			Text: "ctr of containerd 2 stops at {flag} without --local",
			Fix:  "name the registry's CA in a hosts.toml and give --hosts-dir, which keeps verification on",
		}},
	}
	ctrNamespace = finding.Kind{
		Code: "command/other-namespace", ID: "CT003", Severity: finding.Warning,
		Title: "An image goes to a namespace that the kubelet does not look into",
		Doc:   "containerd keeps images by namespace. The kubelet's are in k8s.io; ctr and nerdctl use default unless they are told otherwise.",
		Text:  "{tool} pulls into the namespace default, where the kubelet does not see the image", Fix: "add -n k8s.io",
	}
	nerdctlNamespace = finding.Kind{
		Code: ctrNamespace.Code, ID: "ND001", Severity: finding.Warning,
		Title: ctrNamespace.Title, Doc: ctrNamespace.Doc, Text: ctrNamespace.Text, Fix: ctrNamespace.Fix,
	}
	noHostsDir = finding.Kind{
		Code: "command/reads-no-configuration", ID: "CT004", Severity: finding.Info,
		Title: "A pull by ctr does not use the node's registry configuration",
		Doc: "ctr reads neither the registry tables of config.toml nor hosts.toml files, unless --hosts-dir names their directory. That a pull by ctr " +
			"fails or succeeds says nothing about the kubelet's pulls: crictl pull goes the same way as they do. nerdctl reads hosts.toml files.",
		Text: "without --hosts-dir ctr reads no hosts.toml: this pull does not try the node's configuration",
	}
	short = finding.Kind{
		Code: "command/short-name", ID: "CT005", Severity: finding.Error,
		Title: "A short name is given to ctr", Doc: "ctr completes no names: an image needs its registry, and official images of Docker Hub library/ besides.",
		Text: "ctr does not complete {image}: it needs {want}", Fix: "write {want}",
	}
	visiblePassword = finding.Kind{
		Code: "command/password-visible", ID: "CT006", Severity: finding.Warning,
		Title: "A password stands on a command line",
		Doc: "Whoever may list processes or read the shell's history sees it, and so does everybody with the file. ctr asks for a password that is " +
			"left out; a variable keeps it out of the file.",
		Text: "a password is given to {tool} with {flag}, for everybody to read", Fix: "leave the password out, and let it be asked for or come from a variable",
	}
	hostsDirList = finding.Kind{
		Code: "command/hosts-dir-list", ID: "CT007", Severity: finding.Error,
		Title: "--hosts-dir of ctr names several directories",
		Doc:   "The --hosts-dir of ctr is one directory. A list with colons is a directory that does not exist, so that no hosts.toml is read.",
		Text:  "ctr takes {value} for one directory, and reads no hosts.toml", Fix: "name one directory",
	}
	otherSocket = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "CT008", Severity: finding.Warning,
		Title: "The containerd that ctr speaks to is not the node's",
		Doc:   "K3s, RKE2, k0s and MicroK8s bring a containerd of their own, with a socket of its own. ctr without an address asks /run/containerd/containerd.sock.",
		Text:  "ctr without -a does not reach the containerd of {distro}", Fix: "write {distro} ctr, or -a {socket}",
	}
	noSuchImage = finding.Kind{
		Code: "command/no-such-image", ID: "K3029", Severity: finding.Info,
		Title: "An image is tried that no registry has",
		Doc:   "library/ holds the official images of Docker Hub. Other registries have no such repositories: they answer 403 or 404, whatever mirrors are configured.",
		Text:  "{host} has no repositories below library/: {image} answers 403 or 404 with every configuration",
	}
	minikubeMirror = finding.Kind{
		Code: "command/flag-unused", ID: "MN002", Severity: finding.Warning,
		Title: "A mirror is given to minikube that it does not use",
		Doc:   "minikube writes --registry-mirror into the options of dockerd. With another runtime nothing reads it.",
		Text:  "minikube does not use --registry-mirror with {runtime}", Fix: "write hosts.toml files to ~/.minikube/files/etc/containerd/certs.d, which minikube copies into the node",
	}
	noScheme = finding.Kind{
		Code: "config/crictl-endpoint", ID: "CI001", Severity: finding.Warning,
		Title: "An endpoint of crictl has no scheme", Doc: "Endpoints without unix:// are deprecated and cost a warning with each call.",
		Text: "{key} has no unix://, which is deprecated", Fix: "write {want}",
	}
	wrongSocket = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "CI002", Severity: finding.Error,
		Title: "The runtime that crictl speaks to is not the node's",
		Doc: "crictl asks the socket that its configuration names. Where K3s, RKE2, k0s or MicroK8s run, that of a containerd beside them has other " +
			"images and other registries. dockershim went with Kubernetes 1.24.",
		Text: "{key} is {socket}, and {distro} listens on {want}", Fix: "write unix://{want}",
		Variants: map[string]finding.Variant{"dockershim": {Text: "{key} is the socket of dockershim, which is gone since Kubernetes 1.24", Fix: "name the socket of the node's runtime, unix:///run/containerd/containerd.sock for containerd"}},
	}
	shortTimeout = finding.Kind{
		Code: "config/crictl-timeout", ID: "CI003", Severity: finding.Info,
		Title: "The timeout of crictl is short for pulls", Doc: "The timeout counts for a whole call. A large image takes longer, and the pull is cut though nothing is wrong.",
		Text: "crictl gives up after {seconds} seconds, which may be too few for a pull: crictl --timeout 10m pull gives it time",
	}
	insecureForAll = finding.Kind{
		Code: "config/insecure-everywhere", ID: "ND003", Severity: finding.Warning,
		Title: "No registry is verified by nerdctl", Doc: "insecure_registry turns off verification and allows plain HTTP for every registry. A hosts.toml names the CA, or http://, for the one that needs it.",
		Text: "insecure_registry leaves every registry unverified", Fix: "remove it, and write a hosts.toml for the registry that needs it",
	}
	rootlessHosts = finding.Kind{
		Code: "config/config-path-unset", ID: "ND002", Severity: finding.Info,
		Title: "Rootless nerdctl looks elsewhere for hosts.toml files", Doc: "Without hosts_dir rootless nerdctl looks in ~/.config/containerd/certs.d and ~/.config/docker/certs.d, not below /etc.",
		Text: "without hosts_dir rootless nerdctl looks in ~/.config/containerd/certs.d, not in /etc/containerd/certs.d",
	}
)

// Kinds is everything that Parse may find.
var Kinds = []finding.Kind{
	ctrFlags, crictlFlags, needsLocal, ctrNamespace, nerdctlNamespace, noHostsDir, short, visiblePassword, hostsDirList, otherSocket, noSuchImage,
	minikubeMirror, noScheme, wrongSocket, shortTimeout, insecureForAll, rootlessHosts,
}
