// Package survey looks at a node once and reads everything that decides how it
// pulls: which runtime counts, the files it goes by, what it would make of
// them. It asks no registry and changes nothing.
package survey

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/dialect/microk8s"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Request says what to look at.
type Request struct {
	Root       *node.Root
	Runtime    string   // --runtime NAME[@VERSION]
	Config     string   // --containerd-config FILE
	HostsDir   string   // --hosts-dir DIR
	Registries string   // --registries FILE
	Registry   string   // the only registry of interest; empty: all of them
	Env        []string // the caller's environment
	Ask        node.Ask // asks CRI sockets; nil: they are left alone
	Still      bool     // files are all that matters: network, certificates and disks stay unseen
}

// Survey is what was seen. Close gives back what it holds open.
type Survey struct {
	Node    *snapshot.Node
	Runtime *snapshot.Runtime // never nil: without one on the node, a containerd of the newest version stands in
	Why     string            // why this runtime counts
	View    *node.View
	Input   effective.Input // what Reading was made of
	Reading effective.Reading
	Files   []source.File
}

// Close gives back what the survey holds open.
func (s *Survey) Close() { s.View.Close() }

// Take looks. An error is that of node.Choose: the user has to choose a runtime.
func Take(ctx context.Context, q Request) (*Survey, error) {
	s := &Survey{Node: node.Find(ctx, q.Root, node.Caller{Env: q.Env, Ask: q.Ask})}
	want := node.Want{Runtime: q.Runtime, Config: q.Config}
	if q.Runtime == "" && q.Config == "" && q.Registries != "" {
		want.Runtime = rancherOf(q.Registries)
	}
	if q.Runtime == "" && q.Config == "" && q.HostsDir != "" && len(s.Node.Runtimes) > 1 {
		if rt, why, err := node.Choose(q.Root, s.Node, want); err == nil {
			s.Runtime, s.Why = rt, why
		} else {
			want.Runtime = "containerd" // the flag says which files count
		}
	}
	if s.Runtime == nil {
		rt, why, err := node.Choose(q.Root, s.Node, want)
		if err != nil {
			return nil, err
		}
		s.Runtime, s.Why = rt, why
	}
	if s.Runtime == nil {
		s.Runtime = &snapshot.Runtime{Target: route.Target{Runtime: "containerd"}, Given: true, Root: q.Root.Name(), Dir: "/"}
		s.Why = "no runtime was found"
	}
	if q.Config != "" {
		s.Runtime.Config = q.Config
	}
	if q.Still {
		s.View = node.Glance(q.Root, s.Node, s.Runtime)
	} else {
		s.View = node.Look(ctx, q.Root, s.Node, s.Runtime)
	}
	s.read(q)
	s.remote(ctx, q)
	s.providers(q.Root)
	s.dockerBeside(q.Root)
	return s, nil
}

// remote asks the snapshotter, where it is a program of its own, whether it is there.
func (s *Survey) remote(ctx context.Context, q Request) {
	c := s.Reading.Config
	if c.Remote.Value == "" {
		return
	}
	r := &snapshot.Remote{Name: c.Snapshotter.Value, Socket: strings.TrimPrefix(c.Remote.Value, "unix://"), From: c.Remote.At}
	s.Runtime.Remote = r
	if q.Still || q.Root.Name() != "/" || s.Runtime.PID == 0 || !path.IsAbs(r.Socket) {
		return
	}
	where, err := s.View.Files.Real(r.Socket)
	if err == nil {
		err = node.Listens(ctx, where)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		s.Node.Unseen = append(s.Node.Unseen, snapshot.Unseen{What: "socket " + r.Socket, Why: "permission denied, run as root"})
	case err != nil:
		r.Asked, r.Err = true, strings.ReplaceAll(err.Error(), where, r.Socket)
		r.Absent = errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
	default:
		r.Asked = true
	}
}

// rancherOf is whose registries.yaml a path is.
func rancherOf(file string) string {
	if strings.Contains(file, "rke2") {
		return "rke2"
	}
	return "k3s"
}

// read collects files until nothing that they name is missing.
func (s *Survey) read(q Request) {
	c := newCollector(s.View.Files, nil)
	target := effective.Target(s.Runtime.Target)
	s.Runtime.Target = target
	if s.readOther(c, target, q) {
		return
	}
	main := s.Runtime.Config
	if main == "" {
		main = containerdconfig.MainFile(nil, target)
	}
	for _, f := range containerdconfig.Collect(main, target, c.reader, c.lister) {
		c.add(f)
	}
	if target.Runtime == "k3s" || target.Runtime == "rke2" || q.Registries != "" {
		c.rancher(*s.Runtime, q.Registries)
	}
	if target.Runtime == "k0s" {
		c.glob("/etc/k0s/containerd.toml", "/etc/k0s/containerd.d/*")
	}
	if target.Runtime == "microk8s" {
		c.glob(microk8s.Dialect.Paths...)
	}
	c.glob("/etc/containerd/config.toml", "/etc/containerd/conf.d/*.toml")
	c.read("/etc/hosts")
	c.read("/etc/resolv.conf")
	in := effective.Input{Runtime: *s.Runtime, HostsDir: q.HostsDir, Registries: q.Registries, Registry: q.Registry}
	in.Files = c.files
	s.Reading = effective.Read(in)
	roots := append(slices.Clone(s.Reading.Roots), s.Reading.Config.List()...)
	for _, root := range append(roots, "/etc/containerd/certs.d", "/etc/docker/certs.d", "/etc/k0s/certs.d", "/etc/k0s/containerd.d/certs.d") {
		c.certs(path.Clean(root), q.Registry, target)
	}
	for _, file := range append(containerd.References(c.files, target), certificates(s.Reading.Table)...) {
		c.read(file)
	}
	in.Files = c.files
	s.Reading, s.Files, s.Input = effective.Read(in), c.files, in
	s.Runtime.Sandbox = s.Reading.Sandbox
}

// readOther reads the files of a runtime that is not containerd, and reports
// whether it is one.
func (s *Survey) readOther(c *collector, target route.Target, q Request) bool {
	switch target.Runtime {
	case "docker":
		c.glob(docker.Dialect.Paths...)
		if f, ok := c.reader(s.Runtime.Config); ok {
			c.add(f)
		}
	case "crio", "podman":
		c.glob(registriesconf.Dialect.Paths...)
	default:
		return false
	}
	c.read("/etc/hosts")
	c.read("/etc/resolv.conf")
	s.Input = effective.Input{Runtime: *s.Runtime, Registry: q.Registry, Files: c.files}
	s.Reading, s.Files = effective.Read(s.Input), c.files
	s.proxies()
	return true
}

// proxies puts what daemon.json and flags say of proxies over the environment of
// dockerd, as dockerd itself does since 23.0.
func (s *Survey) proxies() {
	if s.Runtime.Target.Runtime != "docker" {
		return
	}
	for key, value := range docker.Proxies(s.Files, s.Runtime.Target, effective.DockerOptions(*s.Runtime)) {
		for _, name := range []string{key, strings.ToLower(key)} {
			delete(s.Runtime.Env, name)
			delete(s.Runtime.Reveal, name)
		}
		node.SetVariable(s.Runtime, key, value)
	}
}

// certificates are the files with certificates and keys that a table names.
func certificates(t route.Table) []string {
	var out []string
	add := func(set route.TLS) {
		out = append(out, set.CA...)
		for _, p := range set.Client {
			out = append(out, p.Cert, p.Key)
		}
	}
	for _, h := range t.Hosts {
		add(h.TLS)
	}
	for _, rt := range t.Routes {
		for _, e := range rt.Mirrors {
			add(e.TLS)
		}
		if rt.Upstream != nil {
			add(rt.Upstream.TLS)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(p string) bool { return p == "" })
}

// collector reads files of a node, each once.
type collector struct {
	root  *node.Root
	seen  map[string]bool
	files []source.File
}

func newCollector(root *node.Root, have []source.File) *collector {
	c := &collector{root: root, seen: map[string]bool{}}
	for _, f := range have {
		c.add(f)
	}
	return c
}

func (c *collector) add(f source.File) {
	if !c.seen[f.Path] {
		c.seen[f.Path] = true
		c.files = append(c.files, f)
	}
}

// read reads one file. That it does not exist is worth knowing, too: certificates
// that are named have to be there.
func (c *collector) read(name string) {
	if c.seen[name] {
		return
	}
	f, ok := c.root.ReadFile(name)
	if !ok {
		if path.Ext(name) == ".toml" || path.Ext(name) == ".yaml" || name == "/etc/hosts" || name == "/etc/resolv.conf" {
			return
		}
		f = source.File{Path: name, Problem: "no such file or directory"}
	}
	f.Path = name
	c.add(f)
}

func (c *collector) reader(name string) (source.File, bool) {
	f, ok := c.root.ReadFile(name)
	f.Path = name
	return f, ok
}

func (c *collector) lister(pattern string) []string {
	out, _ := c.root.Glob(pattern)
	return out
}

func (c *collector) glob(patterns ...string) {
	for _, p := range patterns {
		for _, name := range c.lister(p) {
			if f, ok := c.reader(name); ok {
				c.add(f)
			}
		}
	}
}

// rancher reads everything that decides what K3s or RKE2 makes of registries.yaml.
func (c *collector) rancher(rt snapshot.Runtime, registries string) {
	opts := effective.K3sOptions(rt)
	c.glob(k3s.Paths(rt.Target, opts)...)
	if registries != "" {
		c.read(registries)
	}
	for _, name := range certificates(k3s.Read(c.files, rt.Target, opts).Table) {
		c.read(name)
	}
}

// certs reads a tree of hosts.toml files: all of it, or of one registry its own
// directories, the others by their names alone.
func (c *collector) certs(root, registry string, t route.Target) {
	if c.seen[root] {
		return
	}
	if registry == "" {
		for _, f := range c.root.Tree(root, node.Limits{}) {
			c.add(f)
		}
		return
	}
	top, ok := c.root.Stat(root)
	if !ok {
		return
	}
	top.Path = root
	c.add(top)
	entries, err := c.root.List(root)
	if err != nil {
		return
	}
	mine := containerd.Candidates(registry, t)
	for _, e := range entries {
		if !slices.Contains(mine, path.Base(e.Path)) || e.Kind != source.Directory {
			e.Unread = true
			c.add(e)
			continue
		}
		for _, f := range c.root.Tree(e.Path, node.Limits{}) {
			c.add(f)
		}
	}
}

// Socket is where the runtime's socket, CRI or Docker's API, can be reached from
// here; empty: it has none.
func (s *Survey) Socket() string {
	if s.Runtime.Door() == "" {
		return ""
	}
	if where, err := s.View.Files.Real(s.Runtime.Door()); err == nil {
		return where
	}
	return s.Runtime.Door()
}
