package docker

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// optionNames are the flags of dockerd 28, each of which may be a key of
// daemon.json. Source: moby cmd/dockerd/config.go, config_unix.go, options.go.
var optionNames = strings.Fields(`
	registry-mirror insecure-registry storage-opt authorization-plugin exec-opt pidfile data-root exec-root containerd
	cri-containerd feature default-network-opt mtu network-control-plane-mtu network-diagnostic-port raw-logs dns dns-opt
	dns-search host-gateway-ip label log-driver log-opt max-concurrent-downloads max-concurrent-uploads
	max-download-attempts shutdown-timeout swarm-default-advertise-addr experimental metrics-addr node-generic-resource
	containerd-namespace containerd-plugins-namespace default-runtime http-proxy https-proxy no-proxy cdi-spec-dir
	allow-nondistributable-artifacts api-cors-header restart add-runtime group storage-driver selinux-enabled
	default-ulimit iptables ip6tables ip-forward ip-forward-no-drop ip-masq ipv6 bip bip6 bridge fixed-cidr fixed-cidr-v6
	default-gateway default-gateway-v6 icc ip userland-proxy userland-proxy-path allow-direct-routing cgroup-parent
	userns-remap live-restore init init-path cpu-rt-period cpu-rt-runtime seccomp-profile default-shm-size
	no-new-privileges default-ipc-mode default-address-pool rootless default-cgroupns-mode
	version config-file debug validate log-level log-format tls tlsverify tlscacert tlscert tlskey host help`)

// lists maps the keys that have another name as a flag.
var flagNames = map[string]string{
	"registry-mirrors": "registry-mirror", "insecure-registries": "insecure-registry", "storage-opts": "storage-opt",
	"authorization-plugins": "authorization-plugin", "exec-opts": "exec-opt", "features": "feature",
	"default-network-opts": "default-network-opt", "dns-opts": "dns-opt", "host-gateway-ips": "host-gateway-ip", "labels": "label",
	"log-opts": "log-opt", "node-generic-resources": "node-generic-resource", "cdi-spec-dirs": "cdi-spec-dir",
	"runtimes": "add-runtime", "default-ulimits": "default-ulimit", "hosts": "host", "default-address-pools": "default-address-pool",
}

var listNames = func() []string {
	var out []string
	for name := range flagNames {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}()

// unchecked are keys that are not looked for among the flags.
var unchecked = []string{"features", "builder", "deprecated-key-path", "allow-nondistributable-artifacts"}

// flat are the keys whose objects are values; the keys in other objects are
// taken for options.
var flat = map[string]bool{
	"cluster-store-opts": true, "default-network-opts": true, "log-opts": true, "runtimes": true, "default-ulimits": true,
	"features": true, "builder": true,
}

func known(key string) bool {
	return slices.Contains(optionNames, key) || flagNames[key] != "" || slices.Contains(unchecked, key)
}

// singular are flags that dockerd accepts as keys and then disregards, because
// the file's key is another one.
var singular = func() map[string]string {
	out := map[string]string{}
	for key, flag := range flagNames {
		out[flag] = key
	}
	delete(out, "host-gateway-ip") // the file's old key, which is still read
	return out
}()

// flagOf is the flag that sets what a key sets.
func flagOf(key string) string {
	if flag := flagNames[key]; flag != "" {
		return flag
	}
	return key
}

// short are the flags with one letter.
var short = map[string]string{"D": "debug", "H": "host", "l": "log-level", "p": "pidfile", "s": "storage-driver", "b": "bridge", "G": "group", "r": "restart"}

// flags are the flags that dockerd is started with: of the process, else of its
// unit. Of a flag that is given several times it has the last value.
func (r *reader) flags() map[string]string {
	out := map[string]string{}
	for _, f := range r.line() {
		out[f.name] = f.value
	}
	return out
}

// flag is one flag with its value.
type flag struct{ name, value string }

// line is the command line of dockerd.
func (r *reader) line() []flag {
	args := r.unitArgs()
	if r.opts.Args != nil {
		args = r.opts.Args
	}
	var out []flag
	for i, word := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case strings.HasPrefix(word, "--"):
		case strings.HasPrefix(word, "-") && len(word) > 1:
			value, joined = strings.TrimPrefix(word[2:], "="), len(word) > 2
			if name = short[word[1:2]]; name == "" {
				continue
			}
		default:
			continue
		}
		if !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			value = args[i+1]
		}
		out = append(out, flag{name, value})
	}
	return out
}

// given takes over the lists that flags set instead of the file. Both at once
// keep dockerd from starting, which is told elsewhere.
func (r *reader) given() {
	for _, f := range r.line() {
		switch f.name {
		case "registry-mirror":
			if why := badMirror(f.value); why != "" {
				r.refuse(wrongMirror, "", r.place("registry-mirrors"), finding.Args{"mirror": mask(f.value), "why": why})
			}
			r.set.Mirrors = append(r.set.Mirrors, f.value)
		case "insecure-registry":
			if why := badInsecure(f.value); why != "" {
				r.refuse(wrongInsecure, "", r.place("insecure-registries"), finding.Args{"entry": mask(f.value), "why": why})
			}
			r.set.Insecure = append(r.set.Insecure, f.value)
		}
	}
}

// Proxies are the proxy variables that dockerd sets for itself, by daemon.json
// or flags, over those of its environment: since 23.0. A value may hold a
// password; one of a flag of a running dockerd has lost it.
func Proxies(files []source.File, t route.Target, o Options) map[string]string {
	out := map[string]string{}
	if t.Version.Known() && t.Version.Before("23.0.0") {
		return out
	}
	r := read(files, t, o)
	if r.refused != nil {
		return out
	}
	flags := r.flags()
	for name, value := range map[string]string{"http-proxy": r.set.Proxies.HTTP, "https-proxy": r.set.Proxies.HTTPS, "no-proxy": r.set.Proxies.No} {
		if f := flags[name]; f != "" {
			value = f
		}
		if value != "" {
			out[strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = value
		}
	}
	return out
}

// unitArgs is the command line of the unit: the last ExecStart that starts dockerd.
func (r *reader) unitArgs() []string {
	var out []string
	read := func(name string) {
		f := r.byPath[name]
		if f == nil {
			return
		}
		text := strings.ReplaceAll(string(f.Data), "\\\n", " ")
		for line := range strings.SplitSeq(text, "\n") {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
			if words := strings.Fields(command); ok && len(words) > 0 && path.Base(strings.TrimLeft(words[0], "-@:+!")) == "dockerd" {
				out, r.flagAt = words[1:], source.Pos{File: name, Line: 1 + strings.Count(text[:strings.Index(text, line)], "\n")}
			}
		}
	}
	for _, dir := range []string{"/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system"} {
		read(dir + "/" + service)
	}
	for _, name := range r.children["/etc/systemd/system/"+service+".d"] {
		read("/etc/systemd/system/" + service + ".d/" + name)
	}
	return out
}

// Differs reports whether a running dockerd goes by other registry settings than
// its files and flags say.
func Differs(files []source.File, t route.Target, o Options, loaded snapshot.Loaded) bool {
	o.Loaded = nil
	r := read(files, t, o)
	if r.refused != nil || r.unread {
		return r.refused != nil
	}
	return !slices.Equal(trimmed(r.set.Mirrors), trimmed(loaded.Mirrors[hub])) || !slices.Equal(listed(r.set.Insecure), listed(loaded.Insecure))
}

// trimmed are mirrors as dockerd compares them, each once.
func trimmed(mirrors []string) []string {
	var out []string
	for _, m := range mirrors {
		if m = strings.TrimSuffix(m, "/"); !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// listed are insecure registries as dockerd keeps them, without this machine's
// own addresses.
func listed(list []string) []string {
	out := []string{}
	for _, text := range list {
		entry := unschemed(text)
		if p, ok := addresses(entry); ok {
			if entry = p.String(); p.Addr().IsLoopback() && p.Bits() >= 8 {
				continue
			}
		}
		out = append(out, entry)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
