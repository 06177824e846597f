package node

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

var kubeletFlags = map[string]string{
	"container-runtime-endpoint": "endpoint", "config": "config", "config-dir": "config-dir",
	"image-service-endpoint":           "image-endpoint",
	"image-credential-provider-config": "provider-config", "image-credential-provider-bin-dir": "provider-bin",
}

// kubelet finds out which runtime the kubelet uses: by its flags, its
// configuration file, what kubeadm left, or because it is part of k3s.
func (f *finder) kubelet() {
	if p := f.nearKubelet(); p != nil {
		f.unseen(f.proc.detail(p, label("kubelet", p))...)
		f.node.Kubelet = f.runningKubelet(p)
		return
	}
	if k := f.embedded(); k != nil {
		f.node.Kubelet = k
		return
	}
	f.node.Kubelet = f.written()
}

// nearKubelet prefers a kubelet in our own network namespace; those of other
// nodes, such as the containers of kind, count only when we have none.
func (f *finder) nearKubelet() *process {
	for _, p := range f.kubes {
		p.net, _ = f.root.link(f.proc.path(p, "ns/net"))
	}
	if i := slices.IndexFunc(f.kubes, func(p *process) bool { return !f.apart(p) }); i >= 0 {
		return f.kubes[i]
	}
	return nil
}

// runningKubelet reads a kubelet's flags, else its configuration, else takes
// its default. A relative path begins at its working directory.
func (f *finder) runningKubelet(p *process) *snapshot.Kubelet {
	given := scan(p.args[1:], kubeletFlags)
	abs := func(name string) string {
		if name == "" || path.IsAbs(name) || p.dir == "" {
			return name
		}
		return path.Join(p.dir, name)
	}
	k := &snapshot.Kubelet{PID: p.pid, Endpoint: given["endpoint"], ProviderConfig: abs(given["provider-config"]), ProviderBin: abs(given["provider-bin"])}
	if k.Endpoint != "" {
		k.From = f.flagAt(k.Endpoint, source.Pos{File: f.proc.path(p, "cmdline")})
		return k
	}
	view, free := f.view(p, "kubelet")
	defer free()
	for _, name := range kubeletConfigs(view, abs(given["config"]), abs(given["config-dir"])) {
		if !path.IsAbs(name) {
			continue
		}
		if at, ok := endpointIn(view, name); ok {
			k.Endpoint, k.From = at.text, at.at
			return k
		}
	}
	k.Endpoint = "unix://" + programNamed("containerd").socket
	return k
}

// kubeletConfigs lists a kubelet's configuration files, the one that counts
// most first.
func kubeletConfigs(r *Root, file, dir string) []string {
	var out []string
	if dir != "" {
		out, _ = r.Glob(path.Join(dir, "*.conf"))
		slices.Reverse(out)
	}
	if file != "" {
		out = append(out, file)
	}
	return out
}

func endpointIn(r *Root, name string) (scalar, bool) {
	f, ok := r.ReadFile(name)
	if !ok || f.Kind != source.Regular {
		return scalar{}, false
	}
	for _, s := range scalars(f) {
		if s.key == "containerRuntimeEndpoint" && s.text != "" {
			return s, true
		}
	}
	return scalar{}, false
}

// flagFiles are where kubelet flags are usually written down.
var flagFiles = []string{"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet"}

// flagAt finds the file in which an endpoint was given to the kubelet.
func (f *finder) flagAt(endpoint string, otherwise source.Pos) source.Pos {
	for _, name := range flagFiles {
		if at, given := f.flagsIn(name, "endpoint"); given["endpoint"] == endpoint {
			return at
		}
	}
	return otherwise
}

// flagsIn reads flags from an environment file whose variables hold them: those
// of the last variable that has one of the wanted ones.
func (f *finder) flagsIn(name string, wanted ...string) (source.Pos, map[string]string) {
	file, ok := f.root.ReadFile(name)
	if !ok || file.Kind != source.Regular {
		return source.Pos{}, nil
	}
	for _, v := range slices.Backward(unit.ParseEnv(file)) {
		given := scan(strings.Fields(v.Value), kubeletFlags)
		if slices.ContainsFunc(wanted, func(w string) bool { return given[w] != "" }) {
			return v.At, given
		}
	}
	return source.Pos{}, nil
}

// embedded is the kubelet inside k3s, which uses the containerd of k3s unless
// it was told otherwise.
func (f *finder) embedded() *snapshot.Kubelet {
	for _, rt := range f.node.Runtimes {
		if rt.Target.Runtime != "k3s" || rt.Apart || rt.Owner == nil || rt.Owner.PID == 0 {
			continue
		}
		k := &snapshot.Kubelet{PID: rt.Owner.PID, Endpoint: "unix://" + rt.Socket}
		f.rancherProviders(k)
		for _, o := range rt.Owner.Options {
			switch {
			case o.Key == "container-runtime-endpoint":
				k.Endpoint, k.From = o.Value, o.At
			case o.Key == "docker" && o.Value == "true":
				k.Endpoint, k.From = "unix:///run/k3s/cri-dockerd/cri-dockerd.sock", o.At
			}
		}
		return k
	}
	return nil
}

// rancherProviders: K3s and RKE2 give their kubelet a configuration of credential
// providers and the directory of their programs if both are in their place.
func (f *finder) rancherProviders(k *snapshot.Kubelet) {
	const config, bin = "/var/lib/rancher/credentialprovider/config.yaml", "/var/lib/rancher/credentialprovider/bin"
	if f.root.Exists(config) && f.root.Exists(bin) {
		k.ProviderConfig, k.ProviderBin = config, bin
	}
}

// written is what the files of a kubelet say that does not run.
func (f *finder) written() *snapshot.Kubelet {
	k := f.writtenEndpoint()
	for _, name := range flagFiles {
		at, given := f.flagsIn(name, "provider-config")
		if given == nil {
			continue
		}
		if k == nil {
			k = &snapshot.Kubelet{From: at}
		}
		k.ProviderConfig, k.ProviderBin = given["provider-config"], given["provider-bin"]
		break
	}
	return k
}

func (f *finder) writtenEndpoint() *snapshot.Kubelet {
	for _, name := range flagFiles {
		if at, given := f.flagsIn(name, "endpoint"); given != nil {
			return &snapshot.Kubelet{Endpoint: given["endpoint"], From: at}
		}
	}
	for _, name := range []string{"/var/lib/kubelet/instance-config.yaml", "/var/lib/kubelet/config.yaml"} {
		if s, ok := endpointIn(f.root, name); ok {
			return &snapshot.Kubelet{Endpoint: s.text, From: s.at}
		}
	}
	return nil
}

// socketOf is the path of a CRI endpoint: "unix:///run/x.sock", "/run/x.sock".
// /var/run is a link to /run wherever a runtime runs.
func socketOf(endpoint string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(endpoint, "unix:"), "//")
	if rest, ok := strings.CutPrefix(path.Clean(cmp.Or(name, "/")), "/var/run/"); ok {
		return "/run/" + rest
	}
	return path.Clean(cmp.Or(name, "/"))
}
