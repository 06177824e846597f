package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// fact is something true of a machine: files of a fake tree, procfs included.
type fact map[string]string

func machine(facts ...fact) map[string]string {
	files := map[string]string{
		"proc/stat": "cpu 1 2 3\nbtime 1700000000\n", "proc/self/ns/net": "-> net:[1]", "proc/self/ns/mnt": "-> mnt:[1]",
		"proc/self/root": "-> /", "proc/sys/kernel/hostname": "node1\n",
	}
	maps.Copy(files, process1())
	for _, f := range facts {
		maps.Copy(files, f)
	}
	return files
}

func process1() fact { return proc(1, 0, "/sbin/init") }

// proc is a process of root that was started 10 s after the machine. Facts about
// it follow as "name=content" of files below its directory; "env", "unit", "exe",
// "net" and "root" are short for what they need.
func proc(pid, parent int, cmdline string, more ...string) fact {
	dir := fmt.Sprintf("proc/%d/", pid)
	args := strings.Fields(cmdline)
	f := fact{
		dir + "cmdline": strings.Join(args, "\x00") + "\x00",
		dir + "stat":    fmt.Sprintf("%d (odd) name) S %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1000 0", pid, parent),
		dir + "status":  "Name:\tx\nUid:\t0\t0\t0\t0\n",
		dir + "environ": "", dir + "cgroup": "0::/\n",
		dir + "exe": "-> " + args[0], dir + "cwd": "-> /", dir + "root": "-> /",
		dir + "ns/net": "-> net:[1]", dir + "ns/mnt": "-> mnt:[1]",
	}
	for _, m := range more {
		key, value, _ := strings.Cut(m, "=")
		switch key {
		case "env":
			f[dir+"environ"] = strings.ReplaceAll(value, " ", "\x00") + "\x00"
		case "unit":
			f[dir+"cgroup"] = "0::/system.slice/" + value + "\n"
		case "net":
			f[dir+"ns/net"] = "-> net:[" + value + "]"
		case "root":
			f[dir+"root"], f[dir+"ns/mnt"] = "-> "+value, "-> mnt:["+value+"]"
		case "exe", "cwd":
			f[dir+key] = "-> " + value
		default:
			f[dir+key] = value
		}
	}
	return f
}

func containerd(pid int, more ...string) fact {
	return proc(pid, 1, "/usr/bin/containerd", append([]string{"unit=containerd.service"}, more...)...)
}

func unitFile(name, text string) fact {
	return fact{"etc/systemd/system/" + name: "[Service]\n" + text + "\n"}
}

// k3s hides its arguments, runs its containerd from its data directory and has
// its settings in several places.
func k3s() fact {
	f := fact{
		"etc/rancher/k3s/config.yaml":                            "data-dir: /ignored\nprivate-registry: /from/yaml\npause-image: p:1\nnode-label: [a=b]\n",
		"etc/rancher/k3s/config.yaml.d/1.yaml":                   "pause-image: p:2\n",
		"etc/systemd/system/k3s.service.env":                     "K3S_TOKEN=secret\nHTTPS_PROXY=http://u:pw@proxy:3128\nCONTAINERD_NO_PROXY=r.example\n",
		"var/lib/rancher/k3s/agent/etc/containerd/config.toml":   "version = 3\nroot = \"/var/lib/rancher/k3s/agent/containerd\"\n[grpc]\n  address = \"/run/k3s/containerd/containerd.sock\"\n",
		"var/lib/rancher/k3s/data/4a8/bin/containerd":            "",
		"usr/lib/systemd/system/unrelated.service":               "[Service]\nExecStart=/bin/true\n",
		"etc/systemd/system/multi-user.target.wants/k3s.service": "-> /etc/systemd/system/k3s.service",
	}
	maps.Copy(f, unitFile("k3s.service", "EnvironmentFile=-/etc/systemd/system/%N.service.env\nExecStart=/usr/local/bin/k3s \\\n server \\\n\t--private-registry /first '--private-registry=/srv/registries.yaml' --disable-default-registry-endpoint --token secret"))
	maps.Copy(f, proc(200, 1, "k3s", "cmdline=/usr/local/bin/k3s server\x00\x00\x00\x00", "exe=/var/lib/rancher/k3s/data/4a8/bin/k3s", "unit=k3s.service"))
	maps.Copy(f, proc(210, 200, "containerd -c /var/lib/rancher/k3s/agent/etc/containerd/config.toml", "exe=/var/lib/rancher/k3s/data/4a8/bin/containerd",
		"unit=k3s.service", "env=HTTPS_PROXY=http://u:pw@proxy:3128 NO_PROXY=r.example HOME=/root"))
	return f
}

// stranger is a runtime in a container of its own, as the nodes of kind are.
func stranger(pid int) fact {
	root := fmt.Sprintf("/nodes/%d", pid)
	f := containerd(pid, "net="+root, "root="+root)
	f[root[1:]+"/etc/systemd/system/containerd.service.d/p.conf"] = "[Service]\nEnvironment=HTTPS_PROXY=http://" + root[1:] + "\n"
	f[root[1:]+"/etc/containerd/config.toml"] = "version = 2\n[grpc]\naddress = '/run/stranger.sock'\n"
	maps.Copy(f, proc(pid+1, 1, "/usr/bin/kubelet --container-runtime-endpoint=unix:///run/stranger.sock", "net="+root, "root="+root))
	return f
}

func kubelet(args string, more ...string) fact { return proc(50, 1, "/usr/bin/kubelet "+args, more...) }

// summary is what a table says of a runtime.
func summary(rt *snapshot.Runtime) string {
	if rt == nil {
		return "none"
	}
	text := strings.Join([]string{rt.Target.Runtime, fmt.Sprint(rt.PID), rt.Config, rt.Socket, rt.Data, rt.Unit}, " ")
	if rt.Given {
		text += " given"
	}
	return text
}

func TestRuntimesAreFoundAndChosen(t *testing.T) {
	const plain = "/etc/containerd/config.toml /run/containerd/containerd.sock /var/lib/containerd containerd.service"
	config := fact{"etc/containerd/config.toml": "version = 2\n"}
	installed := fact{"usr/bin/containerd": "", "lib/systemd/system/containerd.service": "[Service]\nExecStart=/usr/bin/containerd\n"}
	tests := []struct {
		name  string
		facts []fact
		want  Want
		rt    string // summary of the one chosen
		why   string
		err   string // part of the error
		found int    // runtimes in all
	}{
		{name: "an empty machine", rt: "none", why: "no container runtime was found"},
		{
			name: "containerd with its defaults", facts: []fact{containerd(100)}, found: 1,
			rt:  "containerd 100  /run/containerd/containerd.sock /var/lib/containerd containerd.service",
			why: "the only one: process 100 /usr/bin/containerd, built-in defaults",
		},
		{
			name: "containerd with the default file", facts: []fact{containerd(100), config}, found: 1,
			rt: "containerd 100 " + plain, why: "the only one: process 100 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name: "flags before the configuration, relative to the working directory",
			facts: []fact{
				proc(100, 1, "./containerd --config=c.toml -a run/x.sock -root data", "cwd=/srv/ctr", "exe=/srv/ctr/containerd (deleted)", "cgroup=0::/user.slice/user-0.slice/session-3.scope"),
				{"srv/ctr/c.toml": "root = '/r'\n[grpc]\naddress = '/other.sock'\n"},
			},
			found: 1, rt: "containerd 100 /srv/ctr/c.toml /srv/ctr/run/x.sock /srv/ctr/data ",
			why: "the only one: process 100 /srv/ctr/containerd, configuration /srv/ctr/c.toml from --config",
		},
		{
			name: "address and root from imported files, the last wins",
			facts: []fact{containerd(100), {
				"etc/containerd/config.toml":   "version = 2\nimports = ['conf.d/*.toml', '/etc/more.toml', '/etc/containerd/config.toml']\nroot = '/a'\n",
				"etc/containerd/conf.d/1.toml": "[grpc]\naddress = '/one.sock'\n", "etc/containerd/conf.d/2.toml": "[grpc]\naddress = '/two.sock'\n",
				"etc/more.toml": "root = '/b'\n",
			}},
			found: 1, rt: "containerd 100 /etc/containerd/config.toml /two.sock /b containerd.service",
			why: "the only one: process 100 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name:  "version 4 of the configuration",
			facts: []fact{containerd(100), {"etc/containerd/config.toml": "version = 4\n[plugins.'io.containerd.server.v1.grpc']\naddress = '/v4.sock'\n"}},
			found: 1, rt: "containerd 100 /etc/containerd/config.toml /v4.sock /var/lib/containerd containerd.service",
			why: "the only one: process 100 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name:  "a broken configuration",
			facts: []fact{containerd(100), {"etc/containerd/config.toml": "version = = 2\n"}},
			found: 1, rt: "containerd 100 " + plain, why: "the only one: process 100 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name: "commands that end by themselves are no runtimes",
			facts: []fact{
				proc(10, 1, "/usr/bin/containerd config dump"), proc(11, 1, "/usr/bin/containerd --address /x publish --topic a"),
				proc(12, 1, "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io"), proc(13, 1, "/usr/local/bin/k3s kubectl get pods"),
				proc(14, 1, "vi containerd"), proc(15, 1, "k0s ctr images"), proc(16, 1, "/usr/local/bin/k3s"),
			},
			rt: "none", why: "no container runtime was found",
		},
		{
			name: "k3s", facts: []fact{k3s()}, found: 1,
			rt:  "k3s 210 /var/lib/rancher/k3s/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/k3s/agent/containerd k3s.service",
			why: "the kubelet uses unix:///run/k3s/containerd/containerd.sock",
		},
		{
			name: "k3s beside a leftover containerd", facts: []fact{k3s(), containerd(100), config}, found: 2,
			rt:  "k3s 210 /var/lib/rancher/k3s/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/k3s/agent/containerd k3s.service",
			why: "the kubelet uses unix:///run/k3s/containerd/containerd.sock",
		},
		{
			name: "k3s whose containerd died",
			facts: []fact{
				proc(200, 1, "/usr/local/bin/k3s agent", "unit=k3s-agent.service"),
				unitFile("k3s-agent.service", "ExecStart=/usr/local/bin/k3s agent\nEnvironment=HTTPS_PROXY=http://p"),
			},
			found: 1, rt: "k3s 0 /var/lib/rancher/k3s/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/k3s/agent/containerd k3s-agent.service",
			why: "the kubelet uses unix:///run/k3s/containerd/containerd.sock",
		},
		{
			name: "k3s that uses another containerd",
			facts: []fact{
				proc(200, 1, "/usr/local/bin/k3s server --container-runtime-endpoint unix:///var/run/containerd/containerd.sock", "unit=k3s.service"),
				containerd(100), config,
			},
			found: 2, rt: "containerd 100 " + plain, why: "the kubelet uses unix:///var/run/containerd/containerd.sock",
		},
		{
			name: "servers that run no containers", rt: "none", why: "no container runtime was found",
			facts: []fact{
				proc(400, 1, "/usr/local/bin/k0s controller --config=/etc/k0s/k0s.yaml"),
				proc(200, 1, "/usr/local/bin/k3s server", "unit=k3s.service"), {"etc/rancher/k3s/config.yaml": "disable-agent: true\n"},
				unitFile("k3s.service", "ExecStart=/usr/local/bin/k3s server"), {"usr/local/bin/k0s": ""},
			},
		},
		{
			name:  "a controller that is a worker too, its containerd died",
			facts: []fact{proc(400, 1, "/usr/local/bin/k0s controller --single --data-dir /data/k0s")}, found: 1,
			rt: "k0s 0 /etc/k0s/containerd.toml /run/k0s/containerd.sock /data/k0s/containerd ", why: "the only one: process 400 /usr/local/bin/k0s, its containerd does not run",
		},
		{
			name: "rke2, whose kubelet is a process of its own",
			facts: []fact{
				proc(300, 1, "/usr/local/bin/rke2 server", "unit=rke2-server.service"),
				proc(310, 300, "containerd -c /var/lib/rancher/rke2/agent/etc/containerd/config.toml -a /run/k3s/containerd/containerd.sock --state /run/k3s/containerd --root /var/lib/rancher/rke2/agent/containerd", "unit=rke2-server.service"),
				proc(320, 300, "kubelet --node-ip 10.0.0.1 --container-runtime-endpoint=unix:///run/k3s/containerd/containerd.sock"),
			},
			found: 1, rt: "rke2 310 /var/lib/rancher/rke2/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/rke2/agent/containerd rke2-server.service",
			why: "the kubelet uses unix:///run/k3s/containerd/containerd.sock",
		},
		{
			name: "k0s",
			facts: []fact{
				proc(400, 1, "/usr/local/bin/k0s worker --token-file=/etc/k0s/token", "unit=k0sworker.service"),
				proc(410, 400, "/var/lib/k0s/bin/containerd --root=/var/lib/k0s/containerd --state=/run/k0s/containerd --address=/run/k0s/containerd.sock --log-level=info --config=/etc/k0s/containerd.toml", "cgroup=12:cpu:/x\n1:name=systemd:/system.slice/k0sworker.service\n0::/\n"),
			},
			found: 1, rt: "k0s 410 /etc/k0s/containerd.toml /run/k0s/containerd.sock /var/lib/k0s/containerd k0sworker.service",
			why: "the only one: process 410 /var/lib/k0s/bin/containerd, configuration /etc/k0s/containerd.toml from --config, started by k0s (process 400)",
		},
		{
			name:  "k0s whose process cannot be seen",
			facts: []fact{proc(410, 77, "/var/lib/k0s/bin/containerd --address=/run/k0s/containerd.sock --config=/etc/k0s/containerd.toml")},
			found: 1, rt: "k0s 410 /etc/k0s/containerd.toml /run/k0s/containerd.sock /var/lib/containerd ",
			why: "the only one: process 410 /var/lib/k0s/bin/containerd, configuration /etc/k0s/containerd.toml from --config",
		},
		{
			name: "Docker's own containerd is none of the runtimes, one besides is",
			facts: []fact{
				proc(500, 1, "/usr/bin/dockerd -H fd://", "unit=docker.service"),
				proc(510, 500, "containerd --config /var/run/docker/containerd/containerd.toml"), containerd(100), config,
			},
			found: 2, err: "2 container runtimes and no kubelet that says which counts; choose one:\n  --runtime containerd: containerd (process 100), socket /run/containerd/containerd.sock\n  --runtime docker: docker (process 500), socket /run/docker.sock",
		},
		{
			name: "a containerd that only serves Docker",
			facts: []fact{
				proc(500, 1, "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock", "unit=docker.service"), containerd(100), config,
			},
			found: 2, rt: "docker 500 /etc/docker/daemon.json  /var/lib/docker docker.service", why: "the only one: process 500 /usr/sbin/dockerd",
		},
		{
			name: "that containerd serves a kubelet, too",
			facts: []fact{
				proc(500, 1, "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock"), containerd(100), config,
				kubelet("--container-runtime-endpoint=unix:///run/containerd/containerd.sock"),
			},
			found: 2, rt: "containerd 100 " + plain, why: "the kubelet uses unix:///run/containerd/containerd.sock",
		},
		{
			name:  "Docker alone",
			facts: []fact{proc(500, 1, "/usr/bin/dockerd -H fd://", "unit=docker.service"), {"usr/bin/podman": ""}},
			found: 2, rt: "docker 500 /etc/docker/daemon.json  /var/lib/docker docker.service", why: "the only one: process 500 /usr/bin/dockerd",
		},
		{
			name:  "Docker that is installed, its containerd too",
			facts: []fact{installed, proc(500, 1, "/usr/sbin/dockerd")},
			found: 2, rt: "docker 500 /etc/docker/daemon.json  /var/lib/docker ", why: "the only one: process 500 /usr/sbin/dockerd",
		},
		{
			name: "Docker with its flags, for a kubelet by cri-dockerd",
			facts: []fact{
				proc(500, 1, "/usr/bin/dockerd --config-file=/opt/d.json -H unix:///opt/d.sock"), {"opt/d.json": `{"data-root": "/data"}`}, containerd(100), config,
				proc(520, 1, "/usr/bin/cri-dockerd --container-runtime-endpoint fd://"), kubelet("--container-runtime-endpoint unix:///var/run/cri-dockerd.sock"),
			},
			found: 2, rt: "docker 500 /opt/d.json /run/cri-dockerd.sock /data ", why: "the kubelet uses unix:///var/run/cri-dockerd.sock",
		},
		{
			name:  "Docker for an old kubelet",
			facts: []fact{proc(500, 1, "/usr/bin/dockerd --data-root /data"), containerd(100), config, kubelet("--container-runtime-endpoint=unix:///var/run/dockershim.sock")},
			found: 2, rt: "docker 500 /etc/docker/daemon.json  /data ", why: "the kubelet uses unix:///var/run/dockershim.sock",
		},
		{
			name: "Docker that does not run", facts: []fact{{"usr/bin/dockerd": "", "etc/docker/daemon.json": `{"data-root": "/data"}`}},
			found: 1, rt: "docker 0 /etc/docker/daemon.json  /data ", why: "the only one: program /usr/bin/dockerd, does not run",
		},
		{
			name: "Podman and nothing else", facts: []fact{{"usr/bin/podman": ""}},
			found: 1, rt: "podman 0 /etc/containers/registries.conf  /var/lib/containers/storage ", why: "the only one: program /usr/bin/podman",
		},
		{
			name: "Podman beside containerd", facts: []fact{{"usr/bin/podman": ""}, installed, config},
			found: 2, rt: "containerd 0 " + plain, why: "the only one: unit containerd.service, program /usr/bin/containerd, does not run",
		},
		{
			name: "Podman by name", facts: []fact{{"usr/bin/podman": ""}, installed, config}, want: Want{Runtime: "podman@4.3.1"},
			found: 2, rt: "podman 0 /etc/containers/registries.conf  /var/lib/containers/storage ", why: "named by --runtime podman@4.3.1",
		},
		{
			name: "Podman and a Docker that does not run", facts: []fact{{"usr/bin/podman": "", "usr/bin/dockerd": ""}},
			found: 2, err: "--runtime podman: podman",
		},
		{
			name: "CRI-O with drop-ins and flags",
			facts: []fact{
				proc(600, 1, "/usr/bin/crio --root /data/images", "unit=crio.service"),
				{"etc/crio/crio.conf": "[crio]\nroot = '/a'\n[crio.api]\nlisten = '/a.sock'\n", "etc/crio/crio.conf.d/10-x.conf": "[crio.api]\nlisten = '/var/run/b.sock'\n"},
			},
			found: 1, rt: "crio 600 /etc/crio/crio.conf /run/b.sock /data/images crio.service", why: "the only one: process 600 /usr/bin/crio",
		},
		{
			name: "CRI-O and containerd, and a kubelet's file",
			facts: []fact{
				proc(600, 1, "/usr/bin/crio"), containerd(100), config, kubelet("--config /var/lib/kubelet/config.yaml"),
				{"var/lib/kubelet/config.yaml": "containerRuntimeEndpoint: unix:///var/run/crio/crio.sock\n"},
			},
			found: 2, rt: "crio 600 /etc/crio/crio.conf /run/crio/crio.sock /var/lib/containers/storage ", why: "the kubelet uses unix:///var/run/crio/crio.sock",
		},
		{
			name: "CRI-O and containerd without a kubelet", facts: []fact{proc(600, 1, "/usr/bin/crio"), containerd(100), config},
			found: 2, err: "--runtime crio: crio (process 600), socket /run/crio/crio.sock",
		},
		{
			name: "MicroK8s that does not run", facts: []fact{{"etc/systemd/system/snap.microk8s.daemon-containerd.service": "[Service]\n", "var/snap/microk8s/current/args/containerd.toml": "version = 2\n"}},
			found: 1, rt: "microk8s 0 /var/snap/microk8s/current/args/containerd.toml /var/snap/microk8s/common/run/containerd.sock /var/snap/microk8s/common/var/lib/containerd snap.microk8s.daemon-containerd.service",
			why: "the only one: unit snap.microk8s.daemon-containerd.service, does not run",
		},
		{
			name: "two containerds and a kubelet's flag",
			facts: []fact{
				containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock"),
				kubelet("--container-runtime-endpoint /opt/c.sock"),
			},
			found: 2, rt: "containerd 101 /opt/c.toml /opt/c.sock /var/lib/containerd ", why: "the kubelet uses /opt/c.sock",
		},
		{
			name: "two containerds and a kubelet's configuration",
			facts: []fact{
				containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock"),
				kubelet("--config=kubelet.yaml --config-dir /etc/kubelet.d", "cwd=/srv"),
				{"srv/kubelet.yaml": "kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n"},
				{"etc/kubelet.d/10.conf": "containerRuntimeEndpoint: unix:///opt/c.sock\n", "etc/kubelet.d/05.conf": "containerRuntimeEndpoint: unix:///x.sock\n"},
			},
			found: 2, rt: "containerd 101 /opt/c.toml /opt/c.sock /var/lib/containerd ", why: "the kubelet uses unix:///opt/c.sock",
		},
		{
			name: "two containerds and the files of a kubelet that is down",
			facts: []fact{
				containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock"),
				{"var/lib/kubelet/kubeadm-flags.env": "KUBELET_KUBEADM_ARGS=\"--pod-infra-container-image=p --container-runtime-endpoint=unix:///opt/c.sock\"\n"},
			},
			found: 2, rt: "containerd 101 /opt/c.toml /opt/c.sock /var/lib/containerd ", why: "the kubelet uses unix:///opt/c.sock",
		},
		{
			name: "two containerds and crictl",
			facts: []fact{
				containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock"),
				{"etc/crictl.yaml": "runtime-endpoint: unix:///opt/c.sock\n"},
			},
			found: 2, rt: "containerd 101 /opt/c.toml /opt/c.sock /var/lib/containerd ", why: "/etc/crictl.yaml names unix:///opt/c.sock",
		},
		{
			name:  "two containerds and nobody to say which",
			facts: []fact{containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock")}, found: 2,
			err: "2 container runtimes and no kubelet that says which counts; choose one:\n" +
				"  --containerd-config /etc/containerd/config.toml: containerd (process 100), socket /run/containerd/containerd.sock\n" +
				"  --containerd-config /opt/c.toml: containerd (process 101), socket /opt/c.sock",
		},
		{
			name: "one of two, by its configuration", want: Want{Config: "/opt/./c.toml"},
			facts: []fact{containerd(100), config, proc(101, 1, "/opt/containerd -c /opt/c.toml -a /opt/c.sock")}, found: 2,
			rt: "containerd 101 /opt/c.toml /opt/c.sock /var/lib/containerd ", why: "named by --containerd-config /opt/./c.toml",
		},
		{
			name: "containerd beside k0s, by name", want: Want{Runtime: "containerd"},
			facts: []fact{containerd(100), config, proc(400, 1, "k0s worker"), proc(410, 400, "containerd --config=/etc/k0s/containerd.toml --address=/run/k0s/containerd.sock")},
			found: 2, rt: "containerd 100 " + plain, why: "named by --runtime containerd",
		},
		{
			name:  "containerd beside k0s, not named",
			facts: []fact{containerd(100), config, proc(400, 1, "k0s worker"), proc(410, 400, "containerd --config=/etc/k0s/containerd.toml --address=/run/k0s/containerd.sock")},
			found: 2, err: "\n  --runtime k0s: k0s (process 410), socket /run/k0s/containerd.sock",
		},
		{
			name: "a runtime that is not there", want: Want{Runtime: "k3s@1.31"}, facts: []fact{containerd(100), config}, found: 1,
			rt: "k3s 0  /run/k3s/containerd/containerd.sock /var/lib/rancher/k3s/agent/containerd  given", why: "named by --runtime k3s@1.31, not found on this node",
		},
		{
			name: "a configuration that nobody uses", want: Want{Config: "/tmp/c.toml"}, facts: []fact{containerd(100), config}, found: 1,
			rt: "containerd 0 /tmp/c.toml /run/containerd/containerd.sock /var/lib/containerd  given", why: "named by --containerd-config /tmp/c.toml, not found on this node",
		},
		{name: "a runtime that nobody knows", want: Want{Runtime: "cri-o"}, err: `runtime "cri-o" is none of containerd, k3s, rke2, k0s`},
		{name: "a version that is none", want: Want{Runtime: "containerd@new"}, err: "not of the form"},
		{name: "an empty version", want: Want{Runtime: "containerd@"}, err: "not of the form"},
		{
			name: "nodes of kind on their host", facts: []fact{stranger(1000), stranger(2000), proc(500, 1, "/usr/bin/dockerd")}, found: 3,
			err: "--root ROOT/proc/1000/root: containerd (process 1000), socket /run/stranger.sock, in another network namespace",
		},
		{
			name: "one node of kind on its host", facts: []fact{stranger(1000)}, found: 1,
			rt:  "containerd 1000 /etc/containerd/config.toml /run/stranger.sock /var/lib/containerd containerd.service",
			why: "the only one: process 1000 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name: "our own runtime before those of others", facts: []fact{stranger(1000), containerd(100), config}, found: 2,
			rt: "containerd 100 " + plain, why: "the only one: process 100 /usr/bin/containerd, configuration /etc/containerd/config.toml by default",
		},
		{
			name: "our own runtime is down, that of another node runs", facts: []fact{stranger(1000), installed, config}, found: 2,
			rt: "containerd 0 " + plain, why: "the only one: unit containerd.service, program /usr/bin/containerd, does not run",
		},
		{
			name: "CRI-O runs, containerd is only installed", facts: []fact{installed, proc(600, 1, "/usr/bin/crio", "unit=crio.service")}, found: 2,
			rt: "crio 600 /etc/crio/crio.conf /run/crio/crio.sock /var/lib/containers/storage crio.service", why: "the only one: process 600 /usr/bin/crio",
		},
		{
			name: "MicroK8s", facts: []fact{proc(700, 1, "/snap/microk8s/7000/bin/containerd --config /var/snap/microk8s/7000/args/containerd.toml --root /var/snap/microk8s/common/var/lib/containerd --address /var/snap/microk8s/common/run/containerd.sock")}, found: 1,
			rt:  "microk8s 700 /var/snap/microk8s/7000/args/containerd.toml /var/snap/microk8s/common/run/containerd.sock /var/snap/microk8s/common/var/lib/containerd ",
			why: "the only one: process 700 /snap/microk8s/7000/bin/containerd, configuration /var/snap/microk8s/7000/args/containerd.toml from --config",
		},
		{
			name: "containerd that is down", facts: []fact{installed, config}, found: 1,
			rt: "containerd 0 " + plain, why: "the only one: unit containerd.service, program /usr/bin/containerd, does not run",
		},
		{
			name: "containerd that is down, and what its unit says",
			facts: []fact{
				unitFile("containerd.service", "ExecStart=/opt/ctr/containerd --config /opt/c.toml"), {"opt/c.toml": "root = '/data'\n[grpc]\naddress = '/opt/c.sock'\n"},
			},
			found: 1, rt: "containerd 0 /opt/c.toml /opt/c.sock /data containerd.service", why: "the only one: unit containerd.service, does not run",
		},
		{
			name:  "a kubelet that waits for a containerd that is down, Docker runs",
			facts: []fact{installed, config, proc(500, 1, "/usr/bin/dockerd"), kubelet("--container-runtime-endpoint=unix:///run/containerd/containerd.sock")},
			found: 2, rt: "containerd 0 " + plain, why: "the kubelet uses unix:///run/containerd/containerd.sock",
		},
		{
			name:  "k3s that is down, with its data elsewhere",
			facts: []fact{unitFile("k3s-agent.service", "ExecStart=/usr/local/bin/k3s agent -d /data/k3s")},
			found: 1, rt: "k3s 0 /data/k3s/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /data/k3s/agent/containerd k3s-agent.service",
			why: "the only one: unit k3s-agent.service, does not run",
		},
		{
			name:  "a masked unit is none",
			facts: []fact{{"etc/systemd/system/containerd.service": "-> /dev/null", "usr/bin/containerd": "", "lib/systemd/system/containerd.service": "[Service]\n"}},
			found: 1, rt: "containerd 0  /run/containerd/containerd.sock /var/lib/containerd ", why: "the only one: program /usr/bin/containerd, does not run",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := openRoot(t, writeTree(t, machine(tt.facts...)))
			n := Find(t.Context(), r, Caller{})
			if len(n.Runtimes) != tt.found {
				t.Errorf("%d runtimes, want %d: %+v", len(n.Runtimes), tt.found, n.Runtimes)
			}
			rt, why, err := Choose(r, n, tt.want)
			if tt.err != "" {
				want := strings.ReplaceAll(tt.err, "ROOT", r.Name())
				if _, usage := err.(*Usage); !usage || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v\nwant %s", err, want)
				}
				return
			}
			if got := summary(rt); err != nil || got != tt.rt {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.rt)
			}
			if why != tt.why {
				t.Errorf("because %s\nwant    %s", why, tt.why)
			}
		})
	}
}

func TestAVersionOnTheCommandLineWins(t *testing.T) {
	dpkg := fact{"var/lib/dpkg/status": "Package: containerd\nStatus: deinstall ok config-files\nVersion: 1.5.1-1\n\nPackage: containerd\nStatus: install ok installed\nVersion: 1:1.6.20~ds1-1+deb12u3\n\n", "usr/bin/containerd": ""}
	tests := []struct{ want, version, containerd, why string }{
		{"", "1.6.20~ds1", "1.6.20~ds1", "the only one"},
		{"containerd", "1.6.20~ds1", "1.6.20~ds1", "named by --runtime containerd"},
		{"containerd@1.6", "1.6.20~ds1", "1.6.20~ds1", "named by --runtime containerd@1.6"},
		{"containerd@1", "1.6.20~ds1", "1.6.20~ds1", "named by --runtime containerd@1"},
		{"containerd@1.6.20", "1.6.20~ds1", "1.6.20~ds1", "named by --runtime containerd@1.6.20"},
		{"containerd@1.6.9", "1.6.9", "1.6.9", "named by --runtime containerd@1.6.9, though what was found is 1.6.20~ds1"},
		{"containerd@2.1", "2.1", "2.1", "named by --runtime containerd@2.1, though what was found is 1.6.20~ds1"},
		{"k3s@1.31.5+k3s1", "1.31.5+k3s1", "1.7", "named by --runtime k3s@1.31.5+k3s1, not found on this node"},
		{"k3s@1.31", "1.31", "2.0", "named by --runtime k3s@1.31, not found on this node"},
		{"rke2@1.32.1", "1.32.1", "1.7", "named by --runtime rke2@1.32.1, not found on this node"},
		{"k0s@1.35", "1.35", "1.7", "named by --runtime k0s@1.35, not found on this node"},
		{"k0s@1.36.0+k0s.0", "1.36.0+k0s.0", "2", "named by --runtime k0s@1.36.0+k0s.0, not found on this node"},
		{"k3s@1.35.6", "1.35.6", "2.2", "named by --runtime k3s@1.35.6, not found on this node"},
		{"k3s@1.34", "1.34", "2.1", "named by --runtime k3s@1.34, not found on this node"},
		{"k3s@1.26.4", "1.26.4", "1.6", "named by --runtime k3s@1.26.4, not found on this node"},
		{"k3s@1.26.5", "1.26.5", "1.7", "named by --runtime k3s@1.26.5, not found on this node"},
		{"k3s@1.25.3", "1.25.3", "1.6", "named by --runtime k3s@1.25.3, not found on this node"},
	}
	r := openRoot(t, writeTree(t, machine(containerd(100), dpkg)))
	n := Find(t.Context(), r, Caller{})
	for _, tt := range tests {
		rt, why, err := Choose(r, n, Want{Runtime: tt.want})
		if err != nil {
			t.Fatal(err)
		}
		if rt.Target.Version.Text != tt.version || rt.Target.Containerd.Text != tt.containerd || !strings.HasPrefix(why, tt.why) || tt.want != "" && why != tt.why {
			t.Errorf("%q: version %q, containerd %q, because %s", tt.want, rt.Target.Version, rt.Target.Containerd, why)
		}
		if fork := strings.HasPrefix(tt.want, "k3s") || strings.HasPrefix(tt.want, "rke2"); rt.Target.Fork != fork {
			t.Errorf("%q: fork %v", tt.want, rt.Target.Fork)
		}
	}
}

func TestARuntimeTellsAllAboutItself(t *testing.T) {
	r := openRoot(t, writeTree(t, machine(k3s())))
	asked := ""
	ask := func(_ context.Context, _ snapshot.Runtime, socket string) (snapshot.CRI, string) {
		asked = socket
		return snapshot.CRI{Asked: true, Answers: true, Images: true}, "v2.0.4-k3s2"
	}
	n := Find(t.Context(), r, Caller{Env: []string{"http_proxy=http://me:pw@p", "HOME=/"}, Ask: ask})
	if len(n.Runtimes) != 1 || !n.Live || n.Name != "node1" || len(n.Unseen) != 0 {
		t.Fatalf("%+v", n)
	}
	rt := n.Runtimes[0]
	check := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("shell", n.ShellProxy, map[string]string{"http_proxy": "http://me:***@p"})
	check("environment", rt.Env, map[string]string{"HTTPS_PROXY": "http://u:***@proxy:3128", "NO_PROXY": "r.example"})
	check("values", Environment(&rt)["NO_PROXY"].Reveal()+" "+Environment(&rt)["HTTPS_PROXY"].Reveal(), "r.example http://u:pw@proxy:3128")
	check("secret", rt.Reveal["HTTPS_PROXY"].Reveal(), "http://u:pw@proxy:3128")
	check("start", rt.Started.UTC().Format("15:04:05.000"), "22:13:30.010")
	check("CRI", rt.CRI.Images, true)
	check("socket asked", strings.HasSuffix(asked, "/run/k3s/containerd/containerd.sock"), true)
	check("containerd", rt.Target.Containerd, "v2.0.4-k3s2")
	check("fork", rt.Target.Fork, true)
	check("owner", rt.Owner.PID, 200)
	for key, want := range map[string]string{
		"private-registry": "/srv/registries.yaml", "pause-image": "p:2", "data-dir": "/ignored",
		"disable-default-registry-endpoint": "true", "token": "", "embedded-registry": "",
	} {
		check(key, rt.Owner.Option(key), want)
	}
	var settings []string
	for _, p := range rt.Proxies {
		settings = append(settings, fmt.Sprintf("%s %s=%s", p.At, p.Key, p.Value))
	}
	check("settings", strings.Join(settings, "\n"), "/etc/systemd/system/k3s.service.env:2:1 HTTPS_PROXY=http://u:***@proxy:3128\n"+
		"/etc/systemd/system/k3s.service.env:3:1 CONTAINERD_NO_PROXY=r.example")
	if text := fmt.Sprintf("%+v", n); strings.Contains(text, ":pw@") || strings.Contains(text, "secret") {
		t.Errorf("a secret shows: %s", text)
	}
}

func TestRuntimesInTheirOwnFileSystemsAreNotMixedUp(t *testing.T) {
	n := Find(t.Context(), openRoot(t, writeTree(t, machine(stranger(1000), stranger(2000)))), Caller{})
	for _, rt := range n.Runtimes {
		want := fmt.Sprintf("http://nodes/%d", rt.PID)
		if len(rt.Proxies) != 1 || rt.Proxies[0].Value != want || !rt.Apart {
			t.Errorf("%d has %+v, want %s", rt.PID, rt.Proxies, want)
		}
	}
}

func TestASocketThatMayNotBeAskedIsNotSeen(t *testing.T) {
	r := openRoot(t, writeTree(t, machine(containerd(100))))
	ask := func(context.Context, snapshot.Runtime, string) (snapshot.CRI, string) {
		return snapshot.CRI{Asked: true, Err: "dial unix /run/containerd/containerd.sock: connect: permission denied"}, ""
	}
	n := Find(t.Context(), r, Caller{Ask: ask})
	want := []snapshot.Unseen{{What: "CRI socket /run/containerd/containerd.sock", Why: "permission denied, run as root"}}
	if !slices.Equal(n.Unseen, want) || n.Runtimes[0].CRI.Asked {
		t.Errorf("got %+v, want %+v; the answer is %+v", n.Unseen, want, n.Runtimes[0].CRI)
	}
}

func TestProcessesThatAreHiddenAreMissed(t *testing.T) {
	facts := machine(containerd(100))
	delete(facts, "proc/1/cmdline")
	n := Find(t.Context(), openRoot(t, writeTree(t, facts)), Caller{})
	want := []snapshot.Unseen{{What: "processes of other users", Why: "/proc hides them, run as root"}}
	if !slices.Equal(n.Unseen, want) || len(n.Runtimes) != 1 {
		t.Errorf("got %+v, want %+v", n.Unseen, want)
	}
}

func TestATreeWithoutProcessesIsReadByItsFiles(t *testing.T) {
	tests := []struct {
		name  string
		files fact
		want  string
		found string
	}{
		{
			"containerd", fact{"etc/containerd/config.toml": "root = '/data'\n", "etc/hostname": "n2\n"},
			"containerd 0 /etc/containerd/config.toml /run/containerd/containerd.sock /data ", "directory /etc/containerd",
		},
		{
			"k3s, though containerd left something", fact{
				"etc/containerd/config.toml":                           "",
				"var/lib/rancher/k3s/agent/etc/containerd/config.toml": "",
				"usr/local/bin/k3s":                                    "", "etc/systemd/system/k3s.service": "[Service]\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server\n",
				"etc/systemd/system/k3s.service.env": "CONTAINERD_HTTPS_PROXY=http://p\n", "var/lib/kubelet/config.yaml": "containerRuntimeEndpoint: unix:///run/k3s/containerd/containerd.sock\n",
			},
			"k3s 0 /var/lib/rancher/k3s/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/k3s/agent/containerd k3s.service",
			"unit k3s.service, program /usr/local/bin/k3s, configuration /var/lib/rancher/k3s/agent/etc/containerd/config.toml",
		},
		{
			"rke2 with its version in a directory", fact{"usr/local/bin/rke2": "", "var/lib/rancher/rke2/data/v1.31.6-rke2r1-4a8/bin/": "", "var/lib/rancher/rke2/data/v1.30.1-rke2r1-4a8/bin/": ""},
			"rke2 0 /var/lib/rancher/rke2/agent/etc/containerd/config.toml /run/k3s/containerd/containerd.sock /var/lib/rancher/rke2/agent/containerd ",
			"program /usr/local/bin/rke2",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := openRoot(t, writeTree(t, tt.files))
			asked := false
			n := Find(t.Context(), r, Caller{Ask: func(context.Context, snapshot.Runtime, string) (snapshot.CRI, string) {
				asked = true
				return snapshot.CRI{}, ""
			}})
			rt, _, err := Choose(r, n, Want{})
			if got := summary(rt); err != nil || got != tt.want || rt.Found != tt.found {
				t.Errorf("got  %s (%s), %v\nwant %s (%s)", got, rt.Found, err, tt.want, tt.found)
			}
			if n.Live || asked || len(n.Unseen) != 0 {
				t.Errorf("live %v, asked %v, unseen %v", n.Live, asked, n.Unseen)
			}
			if rt.Target.Runtime == "rke2" && (rt.Target.Version.Text != "v1.31.6-rke2r1-4a8" || rt.Target.Containerd.Major != 2) {
				t.Errorf("%+v", rt.Target)
			}
			v := Look(t.Context(), r, n, rt)
			defer v.Close()
			if v.Net != nil || n.Translation != nil {
				t.Error("the network of this machine was taken for that of the tree")
			}
		})
	}
}

func TestTheEnvironmentOfADownRuntimeIsThatOfItsUnit(t *testing.T) {
	r := openRoot(t, writeTree(t, machine(
		unitFile("k0sworker.service", "ExecStart=/usr/local/bin/k0s worker\nEnvironment=HTTPS_PROXY=http://all CONTAINERD_HTTPS_PROXY=http://u:p@child NO_PROXY=a"),
		fact{"etc/systemd/system/k0sworker.service.d/p.conf": "[Service]\nEnvironment=NO_PROXY=b\n"},
	)))
	rt, _, err := Choose(r, Find(t.Context(), r, Caller{}), Want{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rt.Env); got != "map[HTTPS_PROXY:http://u:***@child NO_PROXY:b]" {
		t.Errorf("environment %s", got)
	}
}

func TestPasswordsOfProxiesAreMasked(t *testing.T) {
	for value, want := range map[string]string{
		"http://u:p@h:1":       "http://u:***@h:1",
		"u:p@h:1":              "u:***@h:1",
		"http://u:p@w:d@h":     "http://u:***@h",
		"http://user@h":        "http://user@h",
		"http://h:3128":        "http://h:3128",
		"socks5://u:p%40@h/x":  "socks5://u:***@h/x",
		"localhost,10.0.0.0/8": "localhost,10.0.0.0/8",
		"":                     "",
	} {
		if got := mask(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestUnitsAreFoundAsSystemdFindsThem(t *testing.T) {
	r := openRoot(t, writeTree(t, fact{
		"etc/systemd/system/k3s-agent.service.d/b.conf":   "[Service]\nEnvironment=B=own\n",
		"run/systemd/system/k3s-agent.service.d/b.conf":   "[Service]\nEnvironment=B=hidden\n",
		"etc/systemd/system/k3s-.service.d/a.conf":        "[Service]\nEnvironment=A=prefix\n",
		"etc/systemd/system/service.d/b.conf":             "[Service]\nEnvironment=B=all\n",
		"etc/systemd/system/service.d/c.conf":             "[Service]\nEnvironment=C=all\n",
		"etc/systemd/system/k3s-agent.service.d/d.config": "[Service]\nEnvironment=D=ignored\n",
		"lib/systemd/system/k3s-agent.service":            "[Service]\nEnvironment=A=hidden\n",
		"usr/local/lib/systemd/system/k3s-agent.service":  "[Service]\nEnvironment=U=unit\nEnvironmentFile=/etc/e/*\n",
		"etc/systemd/system.conf.d/x.conf":                "[Manager]\nDefaultEnvironment=M=manager\n",
		"etc/e/1":                                         "E=file\n",
	}))
	var got []string
	for _, v := range Service(r, "k3s-agent.service", "k3s").Variables() {
		got = append(got, v.Key+"="+v.Value)
	}
	if want := []string{"M=manager", "U=unit", "A=prefix", "B=own", "C=all", "E=file"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := Service(r, "", "containerd"); s.Name != "" || s.Parts != nil {
		t.Errorf("no unit: %+v", s)
	}
}
