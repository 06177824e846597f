// Package config24 reads configurations with containerd 2.4's own code: loading,
// imports, merging, migration, the decoding of every built-in plugin's table and
// the CRI plugin's validation. It is the truth that our reading is held to, and
// is linked into nothing else.
package config24

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins"
	srvconfig "github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/containerd/v2/plugins"
	"github.com/containerd/containerd/v2/version"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/outcome"
	"github.com/towpath-dev/towpath/internal/dialect/daemon/written"
)

const (
	criServer  = "io.containerd.grpc.v1.cri"
	criImages  = "io.containerd.cri.v1.images"
	criRuntime = "io.containerd.cri.v1.runtime"
)

// reader holds what one process can register only once.
type reader struct {
	all     []plugin.Registration
	pristin map[string]any // plugin defaults, before any decoding
	state   string         // directory for what plugins create
}

func newReader(state string) *reader {
	r := &reader{all: registry.Graph(func(*plugin.Registration) bool { return false }), pristin: map[string]any{}, state: state}
	for _, p := range r.all {
		if p.Config != nil {
			r.pristin[p.URI()] = copyOf(p.Config)
		}
	}
	return r
}

// read is the outcome of starting with a main file. A panic ends the daemon.
func (r *reader) read(main string, registries []string) (o outcome.Outcome) {
	defer func() {
		if recover() != nil {
			o = outcome.Outcome{Fatal: true}
		}
	}()
	for _, p := range r.all {
		if p.Config != nil {
			reflect.ValueOf(p.Config).Elem().Set(reflect.ValueOf(copyOf(r.pristin[p.URI()])).Elem())
		}
	}
	c := &srvconfig.Config{
		Version: version.ConfigVersion, Root: defaults.DefaultRootDir, State: defaults.DefaultStateDir,
		Plugins: map[string]any{"io.containerd.server.v1.grpc": map[string]any{"address": defaults.DefaultAddress}},
	}
	plugins := func() iter.Seq[plugin.Registration] { return slices.Values(r.all) }
	if err := srvconfig.LoadConfigWithPlugins(context.Background(), main, plugins, c); err != nil {
		return outcome.Outcome{Fatal: true}
	}
	if err := r.start(c); err != nil {
		return outcome.Outcome{Fatal: true}
	}
	return r.describe(c, registries)
}

// start is what the daemon checks on its way up.
func (r *reader) start(c *srvconfig.Config) error {
	if c.Root == c.State {
		return fmt.Errorf("root and state must be different paths")
	}
	for _, v := range c.Timeouts {
		if _, err := time.ParseDuration(v); err != nil {
			return err
		}
	}
	for _, p := range r.all {
		if p.Config == nil || slices.Contains(c.DisabledPlugins, p.URI()) {
			continue
		}
		if _, err := c.Decode(context.Background(), p.URI(), p.Config); err != nil {
			return err
		}
	}
	for _, id := range c.RequiredPlugins {
		if r.find(id) == nil || slices.Contains(c.DisabledPlugins, id) || r.dead(c, id) {
			return fmt.Errorf("required plugin %s not included", id)
		}
	}
	return nil
}

func (r *reader) find(id string) *plugin.Registration {
	for i := range r.all {
		if r.all[i].URI() == id {
			return &r.all[i]
		}
	}
	return nil
}

// dead reports whether a plugin of the CRI refuses to load.
func (r *reader) dead(c *srvconfig.Config, id string) bool {
	switch id {
	case criImages, criRuntime:
		return slices.Contains(c.DisabledPlugins, id) || r.refuses(id)
	case criServer:
		timeout := text(r.find(criServer).Config, "StreamIdleTimeout")
		_, err := time.ParseDuration(timeout)
		return slices.Contains(c.DisabledPlugins, id) || timeout != "" && err != nil || r.dead(c, criImages) || r.dead(c, criRuntime)
	}
	return false
}

// refuses runs a plugin's own start as far as it needs nothing but its
// configuration.
func (r *reader) refuses(id string) bool {
	set := plugin.NewPluginSet()
	warnings := r.find("io.containerd.warning.v1.deprecations")
	add(set, warnings.Init(plugin.NewContext(context.Background(), set, nil)))
	add(set, plugin.Registration{Type: plugins.MetadataPlugin, ID: "bolt", InitFn: func(*plugin.InitContext) (any, error) {
		return (*metadata.DB)(nil), nil
	}}.Init(plugin.NewContext(context.Background(), set, nil)))
	p := r.find(id)
	ic := plugin.NewContext(context.Background(), set, map[string]string{
		plugins.PropertyRootDir: r.state + "/root/p", plugins.PropertyStateDir: r.state + "/state/p",
	})
	ic.Config = p.Config
	_, err := p.Init(ic).Instance()
	return err != nil && strings.Contains(err.Error(), "invalid ")
}

func add(set *plugin.Set, p *plugin.Plugin) {
	if err := set.Add(p); err != nil {
		panic(err)
	}
}

func (r *reader) describe(c *srvconfig.Config, registries []string) outcome.Outcome {
	o := outcome.Outcome{Dead: r.dead(c, criServer), Disabled: slices.Sorted(slices.Values(c.DisabledPlugins))}
	images := reflect.ValueOf(r.find(criImages).Config).Elem()
	reg := images.FieldByName("Registry")
	o.ConfigPath = reg.FieldByName("ConfigPath").String()
	o.Snapshotter = images.FieldByName("Snapshotter").String()
	o.Local = images.FieldByName("UseLocalImagePull").Bool()
	o.Sandbox = images.FieldByName("PinnedImages").Interface().(map[string]string)["sandbox"]
	if o.Sandbox == "" {
		o.Sandbox = r.pristinSandbox()
	}
	o.Address, _ = table(c.Plugins["io.containerd.server.v1.grpc"])["address"].(string)
	if o.Address == "" {
		o.Address = defaults.DefaultAddress
	}
	o.Headers = reg.FieldByName("Headers").Interface().(map[string][]string)
	for it := reg.FieldByName("Configs").MapRange(); it.Next(); {
		if !it.Value().FieldByName("Auth").IsNil() {
			o.Auths = append(o.Auths, it.Key().String())
		}
	}
	slices.Sort(o.Auths)
	if o.Dead || o.ConfigPath != "" || !o.Local {
		return o
	}
	o.Endpoints = map[string][]string{}
	for _, name := range registries {
		o.Endpoints[name] = endpoints(images, name)
	}
	return o
}

func (r *reader) pristinSandbox() string {
	return reflect.ValueOf(r.pristin[criImages]).Elem().FieldByName("PinnedImages").Interface().(map[string]string)["sandbox"]
}

func table(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func text(config any, field string) string {
	return reflect.ValueOf(config).Elem().FieldByName(field).String()
}

// endpoints asks containerd for the hosts of a registry.
func endpoints(images reflect.Value, name string) []string {
	hosts, err := hostsOf(images, name, nil)
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
func (r *reader) asks(main string, registries []string) map[string][]string {
	if o := r.read(main, nil); o.Fatal || o.Dead {
		return nil
	}
	images := reflect.ValueOf(r.find(criImages).Config).Elem()
	out := map[string][]string{}
	for _, name := range registries {
		hosts, err := hostsOf(images, name, configured(images))
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
