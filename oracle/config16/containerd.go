// Package config16 reads configurations with containerd 1.6's own code: loading,
// imports, merging, the decoding of every built-in plugin's table and the CRI
// plugin's validation. It is the truth that our reading is held to, and is
// linked into nothing else.
package config16

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/defaults"
	_ "github.com/containerd/containerd/diff/walking/plugin"
	_ "github.com/containerd/containerd/events/plugin"
	_ "github.com/containerd/containerd/gc/scheduler"
	_ "github.com/containerd/containerd/metrics/cgroups"
	_ "github.com/containerd/containerd/pkg/cri"
	criconfig "github.com/containerd/containerd/pkg/cri/config"
	"github.com/containerd/containerd/plugin"
	"github.com/containerd/containerd/remotes/docker"
	_ "github.com/containerd/containerd/runtime/restart/monitor"
	_ "github.com/containerd/containerd/runtime/v1/linux"
	_ "github.com/containerd/containerd/runtime/v2"
	_ "github.com/containerd/containerd/services/diff"
	_ "github.com/containerd/containerd/services/opt"
	srvconfig "github.com/containerd/containerd/services/server/config"
	_ "github.com/containerd/containerd/services/tasks"
	_ "github.com/containerd/containerd/snapshots/native/plugin"
	_ "github.com/containerd/containerd/snapshots/overlay/plugin"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/outcome"
	"github.com/towpath-dev/towpath/internal/dialect/daemon/written"
)

const criURI = "io.containerd.grpc.v1.cri"

// read is the outcome of starting with a main file. A panic ends the daemon.
func read(main string, registries []string) (o outcome.Outcome) {
	defer func() {
		if recover() != nil {
			o = outcome.Outcome{Fatal: true}
		}
	}()
	c := &srvconfig.Config{
		Version: 1, Root: defaults.DefaultRootDir, State: defaults.DefaultStateDir,
		GRPC: srvconfig.GRPCConfig{Address: defaults.DefaultAddress},
	}
	if err := srvconfig.LoadConfig(main, c); err != nil {
		return outcome.Outcome{Fatal: true}
	}
	cri, dead, err := start(c)
	if err != nil {
		return outcome.Outcome{Fatal: true}
	}
	return describe(c, cri, dead, registries)
}

// start is what the daemon checks on its way up.
func start(c *srvconfig.Config) (*criconfig.PluginConfig, bool, error) {
	if c.Root == c.State {
		return nil, false, fmt.Errorf("root and state must be different paths")
	}
	for _, v := range c.Timeouts {
		if _, err := time.ParseDuration(v); err != nil {
			return nil, false, err
		}
	}
	filter := srvconfig.V2DisabledFilter
	if c.GetVersion() == 1 {
		filter = srvconfig.V1DisabledFilter
	}
	disabled := filter(c.DisabledPlugins)
	loaded := map[string]bool{}
	cri, dead := criconfig.DefaultConfig(), true
	for _, p := range all {
		if disabled(p) {
			continue
		}
		id := p.URI()
		if c.GetVersion() == 1 {
			id = p.ID
		}
		loaded[id] = true
		if p.Config == nil {
			continue
		}
		one := *p
		one.Config = reflect.New(reflect.TypeOf(p.Config).Elem()).Interface()
		if p.URI() == criURI {
			one.Config = &cri
		}
		if _, err := c.Decode(&one); err != nil {
			return nil, false, err
		}
		if p.URI() == criURI {
			err := criconfig.ValidatePluginConfig(context.Background(), &cri)
			dead, loaded[id] = err != nil, err == nil
		}
	}
	for _, id := range c.RequiredPlugins {
		if !loaded[id] {
			return nil, false, fmt.Errorf("required plugin %s not included", id)
		}
	}
	return &cri, dead, nil
}

// all are the registered plugins, in the order in which they start.
var all = plugin.Graph(func(*plugin.Registration) bool { return false })

func describe(c *srvconfig.Config, cri *criconfig.PluginConfig, dead bool, registries []string) outcome.Outcome {
	o := outcome.Outcome{
		Dead:        dead,
		ConfigPath:  cri.Registry.ConfigPath,
		Sandbox:     cri.SandboxImage,
		Snapshotter: cri.ContainerdConfig.Snapshotter,
		Address:     c.GRPC.Address,
		Local:       true,
		Disabled:    slices.Sorted(slices.Values(c.DisabledPlugins)),
		Headers:     cri.Registry.Headers,
	}
	for name, h := range cri.Registry.Configs {
		if h.Auth != nil {
			o.Auths = append(o.Auths, name)
		}
	}
	slices.Sort(o.Auths)
	if dead || o.ConfigPath != "" {
		return o
	}
	o.Endpoints = map[string][]string{}
	for _, name := range registries {
		o.Endpoints[name] = endpoints(cri, name)
	}
	return o
}

// endpoints asks containerd for the hosts of a registry.
func endpoints(cri *criconfig.PluginConfig, name string) []string {
	hosts, err := hostsOf(cri, name)
	if err != nil {
		return []string{outcome.Fails}
	}
	var out []string
	for _, h := range hosts {
		skip := false
		if t, ok := h.Client.Transport.(*http.Transport); ok && t.TLSClientConfig != nil {
			skip = t.TLSClientConfig.InsecureSkipVerify && h.Scheme != "http"
		}
		out = append(out, fmt.Sprintf("%s://%s%s skip=%v auth=%s", h.Scheme, h.Host, h.Path, skip, login(h)))
	}
	return out
}

// login is how containerd answers a Basic challenge of the host.
func login(h docker.RegistryHost) string {
	ctx := context.Background()
	req := &http.Request{URL: &url.URL{Scheme: h.Scheme, Host: h.Host, Path: h.Path}, Header: http.Header{}}
	res := &http.Response{StatusCode: http.StatusUnauthorized, Request: req, Header: http.Header{"Www-Authenticate": {`Basic realm="x"`}}}
	err := h.Authorizer.AddResponses(ctx, []*http.Response{res})
	if err != nil && (strings.Contains(err.Error(), "base64") || strings.Contains(err.Error(), "invalid decoded auth")) {
		return "error"
	}
	if err != nil || h.Authorizer.Authorize(ctx, req) != nil {
		return "none"
	}
	user, password, _ := req.BasicAuth()
	return outcome.Login(user, password, false)
}

// asks are the hosts of registries for a daemon that is started with a main
// file, whether they come from it or from hosts.toml files; nil: it does not start.
func asks(main string, registries []string) (out map[string][]string) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	c := &srvconfig.Config{Version: 1, Root: defaults.DefaultRootDir, State: defaults.DefaultStateDir}
	if srvconfig.LoadConfig(main, c) != nil {
		return nil
	}
	cri, dead, err := start(c)
	if err != nil || dead {
		return nil
	}
	out = map[string][]string{}
	for _, name := range registries {
		hosts, err := hostsOf(cri, name)
		out[name] = spelled(hosts, err)
	}
	return out
}

// spelled are hosts as the test that they belong to spells them.
func spelled(hosts []docker.RegistryHost, err error) []string {
	if err != nil {
		return []string{outcome.Fails}
	}
	var out []string
	for _, h := range hosts {
		set := &tls.Config{}
		t, single := h.Client.Transport.(*http.Transport)
		if single && t.TLSClientConfig != nil && h.Scheme != "http" {
			set = t.TLSClientConfig
		}
		line := written.Host(h.Scheme+"://"+h.Host+h.Path, set.InsecureSkipVerify, set.RootCAs != nil, len(set.Certificates) > 0) + " " + login(h)
		if !single {
			line += written.Falls
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}
