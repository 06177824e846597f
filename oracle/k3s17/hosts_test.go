// Package k3s17 holds Towpath to the fork of containerd 1.7.23 that K3s and RKE2 carry.
package k3s17

import (
	"context"
	"io"
	"testing"

	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/remotes/docker"
	"github.com/containerd/containerd/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/towpath-dev/towpath/internal/dialect/hostscheck"
)

// each is how many generated and how many mutated trees are compared.
const each = 1000

func TestHostsTomlIsReadAsK3s17ReadsIt(t *testing.T) {
	log.L.Logger.SetOutput(io.Discard) // the fork logs rewrites that do not compile there
	hostscheck.Run(t, hostscheck.Runtime{Version: "1.7.23", Fork: true, Hosts: hosts, Resolve: resolve}, each)
}

func hosts(w io.Writer, wire *hostscheck.Wire, roots []string, registry string) ([]hostscheck.Host, error) {
	configured, err := registryHosts(w, wire, roots)(registry)
	if err != nil {
		return nil, err
	}
	var out []hostscheck.Host
	for _, h := range configured {
		out = append(out, hostscheck.Host{
			Scheme: h.Scheme, Host: h.Host, Path: h.Path, Header: h.Header, Client: h.Client,
			Capabilities: uint8(h.Capabilities),
		})
	}
	return out, nil
}

func resolve(wire *hostscheck.Wire, roots []string, image string) error {
	r := docker.NewResolver(docker.ResolverOptions{Hosts: registryHosts(io.Discard, wire, roots)})
	_, _, err := r.Resolve(quiet(io.Discard), image)
	return err
}

// registryHosts is what the CRI plugin builds from a config_path.
// Source: pkg/cri/server/image_pull.go, hostDirFromRoots.
func registryHosts(w io.Writer, wire *hostscheck.Wire, roots []string) docker.RegistryHosts {
	return config.ConfigureHosts(quiet(w), config.HostOptions{
		UpdateClient: wire.Client,
		HostDir: func(registry string) (dir string, err error) {
			for _, root := range roots {
				dir, err = config.HostDirFromRoot(root)(registry)
				if err != nil && !errdefs.IsNotFound(err) || dir != "" {
					break
				}
			}
			return dir, err
		},
	})
}

// quiet is a context whose logger writes to w.
func quiet(w io.Writer) context.Context {
	l := logrus.New()
	l.SetOutput(w)
	return log.WithLogger(context.Background(), logrus.NewEntry(l))
}
