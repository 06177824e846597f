package survey_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/survey"
)

const (
	snapArgs = "var/snap/microk8s/current/args/"
	snapUnit = "etc/systemd/system/snap.microk8s.daemon-containerd.service"
	unit     = "[Service]\nExecStart=/usr/bin/snap run microk8s.daemon-containerd\n"
	snapConf = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"/var/snap/microk8s/current/args/certs.d\"\n"
)

// TestOtherEnginesAreReadWhereTheyKeepTheirFiles: each tree holds one runtime
// with a mirror of Docker Hub or of r.lab.
func TestOtherEnginesAreReadWhereTheyKeepTheirFiles(t *testing.T) {
	for name, c := range map[string]struct {
		files          map[string]string
		registry       string
		runtime, asked string
		findings       []string
	}{
		"Docker": {
			map[string]string{"usr/bin/dockerd": "", "etc/docker/daemon.json": `{"registry-mirrors": ["https://m.lab"]}`},
			"docker.io", "docker", "m.lab registry-1.docker.io", nil,
		},
		"Docker with flags": {
			map[string]string{"usr/sbin/dockerd": "", "lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// --config-file /opt/d.json --registry-mirror https://m.lab\n", "opt/d.json": "{}", "etc/docker/daemon.json": `{"registry-mirrors": ["https://other.lab"]}`},
			"docker.io", "docker", "m.lab registry-1.docker.io", nil,
		},
		"Docker with a flag that it refuses": {
			map[string]string{"usr/sbin/dockerd": "", "lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/sbin/dockerd --registry-mirror m.lab\n"},
			"r.lab", "docker", "", []string{"config/wrong-endpoint-url"},
		},
		"CRI-O": {
			map[string]string{"usr/bin/crio": "", "etc/containers/registries.conf": "[[registry]]\nlocation = \"r.lab\"\n[[registry.mirror]]\nlocation = \"m.lab\"\n"},
			"r.lab", "crio", "m.lab r.lab", nil,
		},
		"Podman": {
			map[string]string{"usr/bin/podman": "", "etc/containers/registries.conf.d/50-r.conf": "[[registry]]\nlocation = \"r.lab\"\n[[registry.mirror]]\nlocation = \"m.lab\"\n"},
			"r.lab", "podman", "m.lab r.lab", nil,
		},
		"MicroK8s": {
			map[string]string{snapUnit: unit, snapArgs + "containerd.toml": snapConf, snapArgs + "certs.d/r.lab/hosts.toml": mirrored},
			"r.lab", "microk8s", "m.lab r.lab", nil,
		},
		"MicroK8s, and a file for another containerd": {
			map[string]string{snapUnit: unit, snapArgs + "containerd.toml": snapConf, "etc/containerd/certs.d/r.lab/hosts.toml": mirrored},
			"r.lab", "microk8s", "r.lab", []string{"config/wrong-containerd-instance"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := take(t, programs(t, tree(t, c.files)), func(q *survey.Request) {
				if q.Runtime, q.Registry = "", c.registry; c.runtime == "microk8s" {
					q.Runtime = c.runtime
				}
			})
			if got := s.Runtime.Target.Runtime; got != c.runtime {
				t.Errorf("it is %s (%s), want %s", got, s.Why, c.runtime)
			}
			if got := asked(s, c.registry); got != c.asked {
				t.Errorf("asks %q, want %q", got, c.asked)
			}
			if got := found(s, finding.Warning); !slices.Equal(got, c.findings) {
				t.Errorf("found %q, want %q", got, c.findings)
			}
		})
	}
}

// programs makes the files of a tree that are programs executable.
func programs(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(dir + "/usr/*bin/*")
	for _, name := range found {
		err = errors.Join(err, os.Chmod(name, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTheProxyOfDaemonJSONCountsMoreThanItsEnvironment is so since Docker 23.
func TestTheProxyOfDaemonJSONCountsMoreThanItsEnvironment(t *testing.T) {
	files := map[string]string{
		"lib/systemd/system/docker.service": "[Service]\nEnvironment=HTTPS_PROXY=http://old.lab:3128\nExecStart=/usr/bin/dockerd\n",
		"etc/docker/daemon.json":            `{"proxies": {"https-proxy": "http://u:pw@new.lab:3128"}}`,
	}
	for version, want := range map[string]string{"docker@20.10.24": "http://old.lab:3128", "docker@28.5.2": "http://u:***@new.lab:3128"} {
		s := take(t, tree(t, files), func(q *survey.Request) { q.Runtime = version })
		if got := s.Runtime.Env["HTTPS_PROXY"]; got != want {
			t.Errorf("%s: the proxy is %q, want %q", version, got, want)
		}
	}
}
