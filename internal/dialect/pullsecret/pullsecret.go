// Package pullsecret reads credentials that come with a pull: Secrets of
// Kubernetes as manifests, and the config.json of Docker that they wrap. It
// reads them as the kubelet does, with all that it drops and all that makes every
// pull of a pod fail. The Pods, workloads and service accounts that stand beside
// the secrets tell whether they are ever found.
//
// It does not write: a secret is made by kubectl, and belongs to a cluster.
package pullsecret

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is a pull secret.
var Dialect = dialect.Dialect{
	Name:  "pull-secret",
	Title: "Pull secrets of Kubernetes and Docker's config.json",
	Docs:  "https://kubernetes.io/docs/concepts/containers/images/#using-a-private-registry",
	Proof: "the kubelet's own keyring and provider code, k8s.io/kubernetes 1.36.3, on generated and on mutated files",
	Paths: paths,
	Parse: Parse,
	Kinds: Kinds,
}

// paths are where the kubelet looks for credentials of the node; the first file
// that it can decode counts. HOME of a kubelet that systemd starts is mostly not
// set: /root is read where it is.
// Source: kubernetes pkg/credentialprovider/config.go, cmd/kubelet/app/server.go.
var paths = []string{
	"/var/lib/kubelet/config.json", "/root/.docker/config.json", "/.docker/config.json",
	"/var/lib/kubelet/.dockercfg", "/root/.dockercfg", "/.dockercfg",
}

const (
	hub     = "docker.io"
	hubHost = "registry-1.docker.io"
)

// Parse returns what the credentials are for and what is wrong with them.
func Parse(files []source.File, t route.Target) dialect.Reading {
	c := Read(files)
	table, losses := c.table(t)
	return dialect.Reading{Table: table, Findings: c.findings, Losses: losses}
}

// Config is what the kubelet makes of some files.
type Config struct {
	Ring  keyring.Ring
	Fails string // every pull that these secrets come with fails, and why; empty: none does

	Refused []string // names of secrets that the API server does not take
	Broken  bool     // a file cannot be read at all

	book     evidence.Book
	secrets  []*secret
	users    []user
	findings []finding.Finding
}

// Read reads the files of one namespace, or of one node.
func Read(files []source.File) *Config {
	c := &Config{book: evidence.Book{Files: files}}
	for i := range files {
		f := &files[i]
		if f.Kind == source.Regular && !f.Unread && f.Problem == "" {
			c.file(f)
		}
	}
	c.collect()
	c.lint()
	c.findings = c.book.Findings
	return c
}

// Findings are what is wrong with the files.
func (c *Config) Findings() []finding.Finding { return c.findings }

// Empty reports files in which nothing is that could be a secret.
func (c *Config) Empty() bool { return len(c.secrets) == 0 && len(c.findings) == 0 }

// collect puts the entries of the secrets that count onto one ring.
func (c *Config) collect() {
	node := ""
	for _, p := range paths {
		i := slices.IndexFunc(c.secrets, func(s *secret) bool { return s.plain && s.doc.File == p && s.ok })
		if i >= 0 {
			node = p
			break
		}
	}
	for _, s := range c.secrets {
		if !s.ok || s.plain && slices.Contains(paths, s.doc.File) && s.doc.File != node {
			continue
		}
		for _, key := range keyring.Keys(s.entries) {
			e := s.entries[key]
			c.Ring.Add(keyring.Login{Key: key, User: e.User, Password: e.Password, Source: s.title(), From: s.at(key)})
		}
	}
}

// table says the entries by host. What no other format can say of them is a loss.
func (c *Config) table(t route.Target) (route.Table, []finding.Finding) {
	t.Runtime = "kubelet"
	table := route.Table{Target: t}
	if c.Fails != "" {
		table.Routes = []route.Route{{Match: route.Any, Fails: c.Fails}}
		return table, nil
	}
	l, listed := &losses{book: evidence.Book{Files: c.book.Files}}, map[string]bool{}
	for _, key := range c.Ring.Keys() {
		all := c.Ring.Of(key)
		first := all[0]
		name, registry, why := c.place(key)
		switch {
		case first.User == "" && first.Password.IsZero():
			continue
		case why != "":
			l.tell(first, why, "")
			continue
		}
		for _, other := range all[1:] {
			if !same(first, other) {
				l.tell(other, "", "second")
			}
		}
		table.Hosts = append(table.Hosts, route.Host{Name: name, From: first.From, Auth: route.Auth{
			User: first.User, Password: first.Password, Source: first.Source, From: first.From,
		}})
		if !listed[registry] {
			listed[registry] = true
			table.Routes = append(table.Routes, route.Route{Match: registry, From: first.From, Upstream: &route.Endpoint{Role: route.Upstream, Serves: t.Everything(), From: first.From}})
		}
	}
	return table, l.book.Findings
}

func same(a, b keyring.Login) bool { return a.User == b.User && a.Password == b.Password }

// place is where a table writes a key: the host as it is asked, with the path,
// and the registry of images; or why it cannot.
func (c *Config) place(key string) (name, registry, why string) {
	host, part, _ := strings.Cut(key, "/")
	part = strings.Trim(part, "/")
	switch {
	case strings.ContainsAny(host, `*?[]\ `) || host == "":
		return "", "", "it is a pattern of hosts"
	case host == keyring.Hub && part == "":
		if len(c.Ring.Of(hub)) > 0 {
			return "", "", "the key docker.io comes first"
		}
		host = hub
	case neverHub(host, part):
		return "", "", "no image of Docker Hub has that name"
	}
	registry, name = host, host
	if host == hub {
		name = hubHost
	}
	if part != "" {
		name = path.Join(name, part)
	}
	return name, registry, ""
}

// neverHub reports a key that is meant for Docker Hub and matches nothing there.
func neverHub(host, part string) bool {
	return host == hubHost || host == "hub.docker.com" || host == "registry.hub.docker.com" || host == keyring.Hub && part != ""
}

// losses collects what only pull secrets can say.
type losses struct{ book evidence.Book }

func (l *losses) tell(e keyring.Login, why, variant string) {
	l.book.Say(onlyHere, variant, e.From, finding.Args{"key": evidence.URL(e.Key), "why": why})
}
