// Package bottlerocket reads and writes settings.container-registry of
// Bottlerocket's user data, in TOML: mirrors and credentials. Bottlerocket makes
// the registry.mirrors and registry.configs tables of containerd's config.toml
// of them; so does this package, in memory, and package containerdconfig says
// what containerd makes of that.
//
// No library and no program here confirms it. The sources relied on are the
// settings model (bottlerocket-settings-models, container-registry v1) and the
// template of packages/containerd-1.7 in bottlerocket-core-kit. Variants of 2026
// with containerd 2.1 set config_path instead, and where their hosts.toml files
// come from was not to be found: they are taken to ask the same hosts in the
// same order. Variants with Docker know mirrors of Docker Hub only.
//
// Certificates of authorities are settings.pki there, for all hosts, which is
// not read here.
package bottlerocket

import (
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	// mainPath is where the first boot finds user data on bare metal; in clouds
	// it comes from the metadata service.
	mainPath = "/var/lib/bottlerocket/user-data.toml"
	hub      = "docker.io"
	hubHost  = "registry-1.docker.io"
)

// Dialect is Bottlerocket's user data.
var Dialect = dialect.Dialect{
	Name:   "bottlerocket",
	Title:  "Bottlerocket settings.container-registry",
	Docs:   "https://bottlerocket.dev/en/os/latest/api/settings/container-registry/",
	Proof:  "no library and no program here can confirm it. The templates of bottlerocket-core-kit of October 2024 are relied on; newer releases were not looked at",
	Paths:  []string{mainPath},
	Parse:  Parse,
	Render: Render,
	Kinds:  Kinds,
	Limits: limits,
	Reload: func(route.Target) string { return "" },
}

// Parse returns the routes that Bottlerocket gives its containerd, and what is
// wrong with the settings. Settings that it refuses keep a node from booting
// with them, and have no routes.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, t)
	table := r.table()
	r.judge()
	return dialect.Reading{Table: table, Findings: r.book.Findings}
}

// reader is one reading of one file.
type reader struct {
	target  route.Target
	book    evidence.Book
	files   []source.File
	file    *source.File // nil: there is none
	set     *settings    // nil: there is no file, or it is refused
	refused bool
}

func read(files []source.File, t route.Target) *reader {
	t.Runtime = "bottlerocket"
	if !t.Containerd.Known() {
		t.Containerd = route.MustVersion("1.7")
	}
	r := &reader{target: t, files: files, book: evidence.Book{Files: files}}
	r.file = find(files)
	if f := r.file; f != nil && f.Kind == source.Regular && !f.Unread && f.Problem == "" {
		r.decode()
	}
	return r
}

// find returns the file that is read: the standard one, else the only TOML file.
func find(files []source.File) *source.File {
	if f := source.Find(files, mainPath); f != nil {
		return f
	}
	var only *source.File
	for i := range files {
		if f := &files[i]; path.Ext(f.Path) == ".toml" && path.Base(f.Path) != "hosts.toml" && f.Kind == source.Regular {
			if only != nil {
				return nil
			}
			only = f
		}
	}
	return only
}

// table says as routes what containerd makes of the rendered config.toml.
func (r *reader) table() route.Table {
	t := route.Table{Target: r.target, Plain: route.PlainCRI}
	if r.set == nil {
		return t
	}
	config := containerdconfig.Read([]source.File{{Path: containerdconfig.DefaultPath, Data: []byte(r.set.config())}}, "", r.target)
	if config.Dead() {
		why := slices.Concat(config.Fatal, config.CRIDead, config.PullFails)[0]
		t.Routes = []route.Route{{Match: route.Any, Fails: "containerd does not start: " + evidence.Message(why.Text), From: source.Pos{File: r.file.Path}}}
		return t
	}
	t = config.Table()
	t.Plain = route.PlainCRI
	r.places(t.Routes)
	at := map[string]source.Pos{}
	for _, c := range r.set.credentials {
		at[authHost(c.Registry)] = c.at
	}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		if p, written := at[h.Name]; written {
			h.From, h.Auth.From, h.Auth.Source = p, p, "Bottlerocket settings"
		}
	}
	t.Hosts = slices.DeleteFunc(t.Hosts, func(h route.Host) bool { return h.Auth.IsZero() })
	return t
}

// places says of routes and their mirrors where they are written: what the
// template makes of them has other places.
func (r *reader) places(routes []route.Route) {
	at := map[string]*mirror{}
	for _, m := range r.set.mirrors {
		at[m.Registry] = m
	}
	for i := range routes {
		if m := at[routes[i].Match]; m != nil {
			m.place(&routes[i])
		}
	}
}

func (m *mirror) place(rt *route.Route) {
	rt.From = m.at
	for i := range rt.Mirrors {
		rt.Mirrors[i].From = m.at
		if i < len(m.places) {
			rt.Mirrors[i].From = m.places[i]
		}
	}
}

func authHost(registry string) string {
	if registry == hub {
		return hubHost
	}
	return registry
}

// config is the part of config.toml that the template makes, unescaped as there.
func (s *settings) config() string {
	const table = `plugins."io.containerd.grpc.v1.cri".registry`
	var b strings.Builder
	b.WriteString("version = 2\n")
	for _, m := range s.mirrors {
		quoted := make([]string, len(m.Endpoint))
		for i, e := range m.Endpoint {
			quoted[i] = `"` + e + `"`
		}
		b.WriteString("[" + table + `.mirrors."` + m.Registry + "\"]\nendpoint = [" + strings.Join(quoted, ", ") + "]\n")
	}
	for _, c := range s.credentials {
		b.WriteString("[" + table + `.configs."` + authHost(c.Registry) + "\".auth]\n")
		for _, kv := range [][2]string{{"username", c.Username}, {"password", c.Password}, {"auth", c.Auth}, {"identitytoken", c.IdentityToken}} {
			if kv[1] != "" {
				b.WriteString(kv[0] + ` = "` + kv[1] + "\"\n")
			}
		}
	}
	return b.String()
}

// credentialsOf picks what containerd logs in with. Source: containerd's ParseAuth.
func (c *credential) auth() route.Auth {
	switch {
	case c.Username != "":
		return route.Auth{User: c.Username, Password: route.NewSecret(c.Password)}
	case c.IdentityToken != "":
		return route.Auth{IdentityToken: route.NewSecret(c.IdentityToken)}
	}
	data, err := base64.StdEncoding.DecodeString(c.Auth)
	user, password, ok := strings.Cut(string(data), ":")
	if err != nil || !ok {
		return route.Auth{}
	}
	return route.Auth{User: user, Password: route.NewSecret(strings.Trim(password, "\x00"))}
}

// say adds a finding.
func (r *reader) say(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	return r.book.Say(k, variant, at, args)
}

// refuse notes that Bottlerocket does not take the settings, and why.
func (r *reader) refuse(k finding.Kind, variant string, at source.Pos, args finding.Args) {
	r.refused = true
	r.say(k, variant, at, args)
}
