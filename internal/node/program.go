package node

import (
	"path"
	"slices"
	"strings"
)

// program is what is known of one kind of container runtime without looking.
// Sources: containerd defaults; k3s and RKE2 pkg/daemons/config, k0s
// pkg/component/worker/containerd, the snap of MicroK8s; moby daemon/config;
// CRI-O docs/crio.conf.5.md; containers-storage.conf(5).
type program struct {
	name     string
	units    []string // systemd units that run it
	binaries []string
	config   string // what its containerd reads, when no flag says otherwise
	socket   string
	data     string
	prefix   string // of environment variables that are for its containerd alone
	services string // where it stands in the command line: "server", "agent"
	pulls    string // what it pulls with: containerd, else its own code
}

var programs = []program{
	{
		name: "containerd", units: []string{"containerd.service"},
		binaries: []string{"/usr/bin/containerd", "/usr/local/bin/containerd", "/opt/bin/containerd", "/usr/sbin/containerd"},
		config:   "/etc/containerd/config.toml", socket: "/run/containerd/containerd.sock", data: "/var/lib/containerd",
	},
	{
		name: "k3s", units: []string{"k3s.service", "k3s-agent.service"}, services: "server agent",
		binaries: []string{"/usr/local/bin/k3s", "/opt/bin/k3s", "/usr/bin/k3s", "/bin/k3s"},
		config:   "/var/lib/rancher/k3s/agent/etc/containerd/config.toml", socket: "/run/k3s/containerd/containerd.sock",
		data: "/var/lib/rancher/k3s/agent/containerd", prefix: "CONTAINERD_",
	},
	{
		name: "rke2", units: []string{"rke2-server.service", "rke2-agent.service"}, services: "server agent",
		binaries: []string{"/usr/local/bin/rke2", "/usr/bin/rke2", "/opt/rke2/bin/rke2"},
		config:   "/var/lib/rancher/rke2/agent/etc/containerd/config.toml", socket: "/run/k3s/containerd/containerd.sock",
		data: "/var/lib/rancher/rke2/agent/containerd", prefix: "CONTAINERD_",
	},
	{
		name: "k0s", units: []string{"k0sworker.service", "k0scontroller.service"}, services: "controller worker",
		binaries: []string{"/usr/local/bin/k0s", "/usr/bin/k0s", "/opt/bin/k0s"},
		config:   "/etc/k0s/containerd.toml", socket: "/run/k0s/containerd.sock", data: "/var/lib/k0s/containerd", prefix: "CONTAINERD_",
	},
	{
		name: "microk8s", units: []string{"snap.microk8s.daemon-containerd.service"},
		config: "/var/snap/microk8s/current/args/containerd.toml", socket: "/var/snap/microk8s/common/run/containerd.sock",
		data: "/var/snap/microk8s/common/var/lib/containerd",
	},
	{
		name: "crio", units: []string{"crio.service"}, binaries: []string{"/usr/bin/crio", "/usr/local/bin/crio"}, pulls: "crio",
		config: crioConf, socket: "/run/crio/crio.sock", data: "/var/lib/containers/storage",
	},
	{
		name: "docker", units: []string{"docker.service"}, pulls: "docker",
		binaries: []string{"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"},
		config:   "/etc/docker/daemon.json", data: "/var/lib/docker",
	},
	{
		name: "podman", binaries: []string{"/usr/bin/podman", "/usr/local/bin/podman"}, pulls: "podman",
		config: "/etc/containers/registries.conf", data: "/var/lib/containers/storage",
	},
}

func programNamed(name string) *program {
	i := slices.IndexFunc(programs, func(p program) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return &programs[i]
}

// RuntimeOf is the runtime that a systemd unit runs; empty: none that is known.
func RuntimeOf(unit string) string {
	for _, p := range programs {
		if slices.Contains(p.units, unit) {
			return p.name
		}
	}
	return ""
}

// Names lists the runtimes that --runtime may name.
func Names() []string {
	var out []string
	for _, p := range programs {
		out = append(out, p.name)
	}
	return out
}

// recognise tells by its command line which program a process is: the name of a
// runtime, "kubelet", or nothing. Commands that end by themselves, such as
// "containerd config dump" or "k3s kubectl", are none. k3s overwrites its
// command line with "/usr/local/bin/k3s server" in one piece.
func recognise(p *process) string {
	words := strings.Fields(strings.Join(p.args, " "))
	if len(words) == 0 {
		return ""
	}
	switch base := path.Base(words[0]); base {
	case "containerd":
		if _, rest := flags(p.args[1:], containerdFlags); len(rest) > 0 {
			return ""
		}
		return base
	case "k3s-server", "k3s-agent":
		return service("k3s", words)
	case "k3s", "rke2", "k0s":
		return service(base, words)
	case "dockerd":
		return "docker"
	case "crio", "kubelet", "cri-dockerd":
		return base
	}
	return ""
}

func service(name string, words []string) string {
	if len(words) > 1 && slices.Contains(strings.Fields(programNamed(name).services), words[1]) {
		return name
	}
	return ""
}

// containerdFlags are the flags of containerd that take a value, with their
// short forms.
var containerdFlags = map[string]string{
	"c": "config", "config": "config", "a": "address", "address": "address",
	"l": "log-level", "log-level": "log-level", "root": "root", "state": "state",
}

// flags reads a command line as Go's flag package does: one dash or two, the
// value behind "=" or in the next word, until the first word that is no flag.
// Flags that are not known take no value.
func flags(args []string, known map[string]string) (values map[string]string, rest []string) {
	values = map[string]string{}
	for len(args) > 0 {
		word := args[0]
		if len(word) < 2 || word[0] != '-' || word == "--" {
			return values, args
		}
		args = args[1:]
		name, value, joined := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
		long, ok := known[name]
		switch {
		case !ok:
		case joined:
			values[long] = value
		case len(args) > 0:
			values[long], args = args[0], args[1:]
		}
	}
	return values, nil
}

// scan picks known flags out of a command line whose other flags are not known,
// so that it cannot be told where the flags end.
func scan(args []string, known map[string]string) map[string]string {
	values := map[string]string{}
	for i, word := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		long, ok := known[name]
		if !ok || !strings.HasPrefix(word, "-") {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		values[long] = value
	}
	return values
}
