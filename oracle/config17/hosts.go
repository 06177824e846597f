package config17

import (
	"context"
	"unsafe"

	criconfig "github.com/containerd/containerd/pkg/cri/config"
	"github.com/containerd/containerd/remotes/docker"
	"github.com/containerd/containerd/remotes/docker/config"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// registryHosts is the method by which the CRI plugin finds the hosts of a
// registry. It is not exported; everything that leads to it would need a
// running daemon.
//
//go:linkname registryHosts github.com/containerd/containerd/pkg/cri/server.(*criService).registryHosts
func registryHosts(service unsafe.Pointer, ctx context.Context, auth *runtime.AuthConfig, update config.UpdateClientFunc) docker.RegistryHosts

// service stands for criService: its configuration is its first field, and the
// only one that registryHosts looks at.
type service struct {
	config criconfig.Config
	_      [4096]byte
}

func hostsOf(cri *criconfig.PluginConfig, registry string) ([]docker.RegistryHost, error) {
	s := &service{config: criconfig.Config{PluginConfig: *cri}}
	return registryHosts(unsafe.Pointer(s), context.Background(), nil, nil)(registry)
}
