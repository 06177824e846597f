package runbook

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// script looks at every command of a script or a note.
func (r *reader) script(f source.File) {
	notes := slices.Contains([]string{".md", ".markdown", ".txt", ".adoc", ".rst"}, path.Ext(f.Path))
	for _, words := range commands(f.Data, notes) {
		c, ok := parse(words)
		if !ok {
			continue
		}
		r.typedPassword(f, c)
		if c.tool == "minikube" {
			r.minikube(f, c)
			continue
		}
		image, n, pulls := c.image()
		if !pulls {
			continue
		}
		r.misplacedFlags(f, c, image, n)
		r.shortName(f, c, image)
		r.hubOnly(f, image)
		r.namespace(f, c)
		if c.tool == "ctr" {
			r.ctr(f, c)
		}
	}
}

// misplacedFlags: flags behind the image are dropped by ctr 2.0 to 2.3 and by
// crictl, whose parsers stop at the first argument.
func (r *reader) misplacedFlags(f source.File, c call, image word, n int) {
	v := r.target.Containerd
	if c.tool == "nerdctl" || c.tool == "ctr" && v.Known() && (v.Before("2.0.0") || v.Since("2.4.0")) {
		return
	}
	var behind []flag
	for _, x := range c.flags {
		if x.behindArgs >= n {
			behind = append(behind, x)
		}
	}
	if len(behind) == 0 {
		return
	}
	kind := ctrFlags
	if c.tool == "crictl" {
		kind = crictlFlags
	}
	r.say(kind, "", f, behind[0].at, finding.Args{"flag": behind[0].typed(), "tool": c.tool}, inFront(f, image, behind)...)
}

// ctr checks what holds for ctr alone.
func (r *reader) ctr(f source.File, c call) {
	_, local := c.flag("local")
	for _, name := range []string{"k", "skip-verify", "tlscacert", "tlscert", "tlskey"} {
		x, set := c.flag(name)
		if !set || local || r.target.Containerd.Known() && r.target.Containerd.Before("2.0.0") {
			continue
		}
		if name == "k" || name == "skip-verify" {
			r.say(needsLocal, "unverified", f, x.at, finding.Args{"flag": x.typed()})
		} else {
			r.say(needsLocal, "", f, x.at, finding.Args{"flag": x.typed()}, source.Edit{File: f.Path, Start: x.at.start, End: x.at.start, New: "--local "})
		}
		break
	}
	switch dir, set := c.flag("hosts-dir"); {
	case !set && c.distro == "":
		r.say(noHostsDir, "", f, c.head, nil)
	case set && strings.Contains(dir.value, ":") && !strings.Contains(dir.value, "$"):
		r.say(hostsDirList, "", f, dir.at, finding.Args{"value": dir.value})
	}
	_, address := c.flag("a", "address")
	if name := r.distro(f); name != "" && c.distro == "" && !address && !strings.Contains(string(f.Data), "CONTAINERD_ADDRESS") {
		r.say(otherSocket, "", f, c.head, finding.Args{"distro": name, "socket": sockets[name]})
	}
}

// sockets are those of distributions that bring a containerd of their own.
var sockets = map[string]string{
	"k3s": "/run/k3s/containerd/containerd.sock", "rke2": "/run/k3s/containerd/containerd.sock", "k0s": "/run/k0s/containerd.sock",
	"microk8s": "/var/snap/microk8s/common/run/containerd.sock",
}

// namespace: what is pulled into another namespace the kubelet does not see.
func (r *reader) namespace(f source.File, c call) {
	_, set := c.flag("n", "namespace")
	if c.tool == "crictl" || set || c.distro != "" || !onKube.Match(f.Data) || strings.Contains(string(f.Data), "CONTAINERD_NAMESPACE") {
		return
	}
	kind := ctrNamespace
	if c.tool == "nerdctl" {
		kind = nerdctlNamespace
	}
	r.say(kind, "", f, c.head, finding.Args{"tool": c.tool}, source.Edit{File: f.Path, Start: c.head.end, End: c.head.end, New: " -n k8s.io"})
}

// shortName: ctr completes no names.
func (r *reader) shortName(f source.File, c call, image word) {
	first, _, below := strings.Cut(image.text, "/")
	host := below && (strings.ContainsAny(first, ".:") || first == "localhost")
	if c.tool != "ctr" || host || unknown(image.text) {
		return
	}
	full := "docker.io/" + image.text
	if !below {
		full = "docker.io/library/" + image.text
	}
	r.say(short, "", f, image, finding.Args{"image": image.text, "want": full}, source.Edit{File: f.Path, Start: image.start, End: image.end, New: full})
}

// unknown reports a word that a shell or a reader has still to fill in.
func unknown(text string) bool { return strings.ContainsAny(text, "$<>{}*\\\"'…") }

// hubOnly: repositories below library/ are those of Docker Hub's official images.
func (r *reader) hubOnly(f source.File, image word) {
	host, rest, _ := strings.Cut(image.text, "/")
	if slices.Contains([]string{"ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "mcr.microsoft.com"}, host) && strings.HasPrefix(rest, "library/") {
		r.say(noSuchImage, "", f, image, finding.Args{"image": image.text, "host": host})
	}
}

// typedPassword: whoever may list processes or read the history sees it.
func (r *reader) typedPassword(f source.File, c call) {
	for _, x := range c.flags {
		secret := false
		switch {
		case c.tool == "ctr" && (x.name == "u" || x.name == "user"), c.tool == "crictl" && x.name == "creds":
			_, after, pair := strings.Cut(x.value, ":")
			secret = pair && after != "" && !unknown(after)
		case c.tool == "ctr" && x.name == "refresh", c.tool == "crictl" && x.name == "auth":
			secret = x.value != "" && !unknown(x.value)
		}
		if secret {
			r.say(visiblePassword, "", f, x.at, finding.Args{"flag": x.typed(), "tool": c.tool})
		}
	}
}

// typed is the flag as it was typed, without a value.
func (x flag) typed() string {
	name, _, _ := strings.Cut(x.at.text, "=")
	return name
}

// minikube hands --registry-mirror to Docker alone.
func (r *reader) minikube(f source.File, c call) {
	mirror, set := c.flag("registry-mirror")
	runtime, named := c.flag("container-runtime")
	if set && named && len(c.args) > 0 && c.args[0].text == "start" && (runtime.value == "containerd" || strings.HasPrefix(runtime.value, "cri")) {
		r.say(minikubeMirror, "", f, mirror.at, finding.Args{"runtime": runtime.value})
	}
}
