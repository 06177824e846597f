// Package outcome is what a containerd configuration comes down to for a pull,
// in a form by which two readers of it can be compared: ours and the runtime's
// own. It only reports; which of the two is right is for the tests that use it.
package outcome

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/route"
)

// Outcome is one reading. Of a daemon that does not start only that is told.
type Outcome struct {
	Fatal       bool
	Dead        bool // the daemon is up, the CRI plugin is not
	Off         bool // because it is disabled: its settings are what they would be
	ConfigPath  string
	Sandbox     string
	Snapshotter string
	Address     string
	Local       bool                // pulls go past the transfer service
	Disabled    []string            // sorted
	Headers     map[string][]string //
	Auths       []string            // names of registry.configs with credentials, sorted
	Endpoints   map[string][]string // registry to its endpoints; empty where hosts.toml decides
}

// Fails stands in Endpoints for a registry whose pulls fail before a request.
const Fails = "fails"

// Of is the outcome of our reading, for the registries asked about.
func Of(c containerdconfig.Config, registries []string) Outcome {
	o := Outcome{Fatal: len(c.Fatal) > 0}
	if o.Fatal {
		return o
	}
	o.Dead = len(c.CRIDead) > 0
	o.Off = slices.ContainsFunc(c.CRIDead, func(f containerdconfig.Failure) bool { return f.Cause == containerdconfig.DisabledCRI })
	o.ConfigPath, o.Sandbox, o.Snapshotter, o.Address = c.ConfigPath.Value, c.Sandbox.Value, c.Snapshotter.Value, c.Address.Value
	o.Local = c.LocalPull.Value
	for _, d := range c.Disabled {
		o.Disabled = append(o.Disabled, d.Value)
	}
	slices.Sort(o.Disabled)
	o.Headers = map[string][]string{}
	for _, h := range c.Headers {
		o.Headers[h.Key] = []string{}
		for _, v := range h.Values {
			o.Headers[h.Key] = append(o.Headers[h.Key], v.Reveal())
		}
	}
	for _, h := range c.Hosts {
		if h.HasAuth {
			o.Auths = append(o.Auths, h.Name)
		}
	}
	slices.Sort(o.Auths)
	if o.Dead || c.ConfigPath.Value != "" || !c.LocalPull.Value {
		return o
	}
	o.Endpoints = map[string][]string{}
	for _, registry := range registries {
		o.Endpoints[registry] = endpoints(c, registry)
	}
	return o
}

func endpoints(c containerdconfig.Config, registry string) []string {
	t := c.Table()
	if t.Route(registry).Fails != "" {
		return []string{Fails}
	}
	var out []string
	for _, e := range t.Endpoints(registry) {
		bad := ""
		if i := slices.IndexFunc(c.Hosts, func(h containerdconfig.Host) bool { return h.Name == e.Host }); i >= 0 {
			bad = c.Hosts[i].BadAuth
		}
		out = append(out, Endpoint(e, bad != ""))
	}
	return out
}

// Endpoint writes an endpoint down. What is not used over plain HTTP is left out.
func Endpoint(e route.Endpoint, badAuth bool) string {
	skip := e.TLS.SkipVerify && e.Scheme != "http"
	return fmt.Sprintf("%s://%s%s skip=%v auth=%s", e.Scheme, e.Host, e.Path, skip, Login(e.Auth.User, e.Auth.Password.Reveal(), badAuth))
}

// Login is how a Basic challenge would be answered.
func Login(user, password string, bad bool) string {
	switch {
	case bad:
		return "error"
	case user == "" || password == "":
		return "none"
	}
	return user + ":" + password
}

// OddRequirement reports whether required_plugins names something that is
// perhaps no plugin of this containerd, which would keep it from starting. Our
// reading does not know every plugin that was ever built in.
func OddRequirement(c containerdconfig.Config) bool {
	return slices.ContainsFunc(c.Required, func(s containerdconfig.Setting[string]) bool {
		return !slices.Contains([]string{"cri", "opt", "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"}, s.Value)
	})
}

// Registries are the names to ask about: usual ones, and all that occur in the
// configuration itself, as far as an image can be named so.
func Registries(c containerdconfig.Config) []string {
	out := []string{"docker.io", "ghcr.io", "registry.lab:5000", "localhost:5000", "127.0.0.1", "harbor.lab", "other.example"}
	for _, m := range c.Mirrors {
		if strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") == "" {
			out = append(out, m.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// certsDirs is the default that containerd fills in while its plugin loads.
const certsDirs = "/etc/containerd/certs.d:/etc/docker/certs.d"

// plain leaves out what is not settled when a plugin does not load: containerd
// stops at the first thing that it dislikes.
func (o Outcome) plain() Outcome {
	if !o.Dead {
		return o
	}
	o.Local, o.Auths, o.Endpoints = false, nil, nil
	if o.ConfigPath == certsDirs {
		o.ConfigPath = ""
	}
	return o
}

// Diff tells in which fields two outcomes differ; empty: in none.
func Diff(ours, theirs Outcome) string {
	ours, theirs = ours.plain(), theirs.plain()
	if ours.Off && theirs.Dead { // a runtime does not read the settings of a plugin that is disabled, and we say what they would be
		ours.Off = false
		for _, o := range []*Outcome{&ours, &theirs} {
			o.ConfigPath, o.Sandbox, o.Snapshotter, o.Headers = "", "", "", nil
		}
	}
	var out []string
	a, b := reflect.ValueOf(ours), reflect.ValueOf(theirs)
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if !reflect.DeepEqual(x.Interface(), y.Interface()) && !bothEmpty(x, y) {
			out = append(out, fmt.Sprintf("%s: ours %v, theirs %v", a.Type().Field(i).Name, show(x), show(y)))
		}
	}
	return strings.Join(out, "\n")
}

func bothEmpty(x, y reflect.Value) bool {
	switch x.Kind() {
	case reflect.Map, reflect.Slice:
		return x.Len() == 0 && y.Len() == 0
	}
	return false
}

func show(v reflect.Value) any {
	m, ok := v.Interface().(map[string][]string)
	if !ok {
		return v.Interface()
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s: %v", k, m[k]))
	}
	return strings.Join(out, "; ")
}
