package play

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// stock are the files of a node that runs containerd as kubeadm sets it up.
func stock(r runtime) map[string]string {
	files := map[string]string{r.config: "version = <<.ConfigVersion>>\n\n[<<.Registry>>]\n  config_path = \"/etc/containerd/certs.d\"\n"}
	if path := r.gen.Path(); strings.HasPrefix(path, "/usr/local") {
		files["/etc/systemd/system/containerd.service"] = "[Unit]\nDescription=containerd container runtime\nAfter=network.target\n\n" +
			"[Service]\nExecStart=" + path + "\nType=notify\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n"
	}
	return files
}

// embedded are the files of a node that runs K3s or RKE2, before its first start.
func embedded(r runtime) map[string]string {
	return map[string]string{
		"/etc/systemd/system/" + r.unit(): "[Unit]\nDescription=Lightweight Kubernetes\n\n[Service]\nType=notify\nKillMode=process\n" +
			"EnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/systemd/system/" + r.unit() + ".env\n" +
			"ExecStart=" + standPath(r.spec.Kind) + " server\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n",
	}
}

// kubelets is the socket that the kubelet uses.
func (r runtime) kubelets() string {
	if r.spec.Kubelet != "" {
		return strings.TrimPrefix(r.spec.Kubelet, "unix://")
	}
	return r.socket
}

// unit is the systemd unit that owns the runtime.
func (r runtime) unit() string {
	return map[string]string{"containerd": "containerd.service", "docker": "docker.service", "k3s": "k3s.service", "rke2": "rke2-server.service"}[r.spec.Kind]
}

func standPath(name string) string { return "/usr/local/bin/" + name }

// stand is a stand-in for a program that cannot run here: the lab under its name.
func stand(name string, args ...string) *exec.Cmd {
	return &exec.Cmd{Path: standPath(name), Args: append([]string{standPath(name)}, args...)}
}

// running tells whether a process is the runtime, by its arguments.
func (r runtime) running(args []string) bool {
	if r.gen.Engine() {
		return args[0] == r.gen.Path()
	}
	return filepath.Base(args[0]) == "containerd" && !slices.Contains(args, otherConfig)
}
