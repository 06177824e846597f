package node

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/unit"
)

// Caller is who looks at a node.
type Caller struct {
	Env []string // as from os.Environ
	Ask Ask      // nil: sockets are left alone
}

// Find looks for the container runtimes of a node and its kubelet. What it may
// not see it lists. The files and the surroundings of the runtime that counts
// are the business of Look.
func Find(ctx context.Context, r *Root, c Caller) *snapshot.Node {
	f := &finder{root: r, node: &snapshot.Node{Root: r.Name(), Name: hostname(r), ShellProxy: ProxyVariables(c.Env)}}
	if f.proc, f.node.Live = openProc(r); f.node.Live {
		f.running()
	}
	f.shell = newEnviron(c.Env)
	f.installed()
	f.kubelet()
	if f.node.Live && c.Ask != nil {
		f.ask(ctx, c.Ask)
	}
	for i := range f.node.Runtimes {
		f.version(ctx, &f.node.Runtimes[i])
	}
	slices.SortStableFunc(f.node.Runtimes, func(a, b snapshot.Runtime) int {
		return cmp.Or(order(a.Apart, b.Apart), order(a.PID == 0, b.PID == 0), cmp.Compare(a.PID, b.PID))
	})
	return f.node
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func hostname(r *Root) string {
	for _, name := range []string{"/proc/sys/kernel/hostname", "/etc/hostname"} {
		if data, err := r.slurp(name); err == nil {
			if first, _, _ := strings.Cut(string(data), "\n"); strings.TrimSpace(first) != "" {
				return strings.TrimSpace(first)
			}
		}
	}
	return ""
}

// finder is one run of Find.
type finder struct {
	root  *Root
	proc  *procfs // nil: the tree has no procfs
	node  *snapshot.Node
	procs map[int]*process
	kubes []*process
	idle  []string // programs that run and were told to run no containers
	units map[string]unit.Service
	shell environ // of the caller
}

func (f *finder) unseen(list ...snapshot.Unseen) { f.node.Unseen = append(f.node.Unseen, list...) }

// running turns processes into runtimes.
func (f *finder) running() {
	all, complete := f.proc.list()
	if !complete {
		f.unseen(snapshot.Unseen{What: "processes of other users", Why: "/proc hides them, run as root"})
	}
	f.procs = map[int]*process{}
	for _, p := range all {
		f.procs[p.pid] = p
	}
	owners := map[*process]string{}
	for _, p := range all {
		switch name := recognise(p); name {
		case "", "containerd", "cri-dockerd":
		case "kubelet":
			f.kubes = append(f.kubes, p)
		default:
			owners[p] = name
		}
	}
	for _, p := range all {
		if recognise(p) != "containerd" {
			continue
		}
		owner, name := f.ownerOf(p)
		if name == "docker" {
			continue // it serves dockerd and reads nothing about registries
		}
		if owner != nil {
			delete(owners, owner)
		}
		f.add(f.containerd(p, programNamed(name), owner))
	}
	for _, p := range all {
		if name, ok := owners[p]; ok {
			rt := f.childless(p, programNamed(name))
			if rt.Owner != nil && workless(&rt, p.args) {
				f.idle = append(f.idle, name)
				continue
			}
			f.add(rt)
		}
	}
}

func (f *finder) add(rt snapshot.Runtime) { f.node.Runtimes = append(f.node.Runtimes, rt) }

// ownerOf finds the program that started a containerd: by its ancestors, else
// by where its files are.
func (f *finder) ownerOf(p *process) (*process, string) {
	for at, n := f.procs[p.parent], 0; at != nil && n < 5; at, n = f.procs[at.parent], n+1 {
		switch name := recognise(at); name {
		case "k3s", "rke2", "k0s", "docker":
			return at, name
		}
	}
	line := strings.Join(p.args, " ")
	for _, sign := range []struct{ text, name string }{
		{"/rancher/k3s/", "k3s"}, {"/rancher/rke2/", "rke2"}, {"/k0s/", "k0s"}, {"/etc/k0s", "k0s"},
		{"microk8s", "microk8s"}, {"/run/docker/containerd", "docker"},
	} {
		if strings.Contains(line, sign.text) {
			return nil, sign.name
		}
	}
	return nil, "containerd"
}

// containerd describes a running containerd.
func (f *finder) containerd(p *process, prog *program, owner *process) snapshot.Runtime {
	f.unseen(f.proc.detail(p, label(prog.name, p))...)
	view, free := f.view(p, prog.name)
	defer free()
	rt := f.basic(p, prog, view)
	rt.Owner = f.owner(prog, owner, &rt, view)
	given, _ := flags(p.args[1:], containerdFlags)
	how := f.files(&rt, view, given)
	rt.Classic = classicHello(f.program(view, p.pid, p.exe), rt.Env["GODEBUG"])
	rt.Found = fmt.Sprintf("process %d %s, %s", p.pid, cmp.Or(p.exe, p.args[0]), how)
	if owner != nil {
		rt.Found += fmt.Sprintf(", started by %s (process %d)", prog.name, owner.pid)
	}
	return rt
}

// files fills in what containerd reads and where it keeps its data: a flag wins
// over the configuration, the configuration over the default. Relative paths
// begin at the working directory; where that is not known they stay relative.
func (f *finder) files(rt *snapshot.Runtime, view *Root, given map[string]string) string {
	std := programNamed("containerd")
	abs := func(name string) string {
		if name == "" || path.IsAbs(name) || rt.Dir == "" {
			return name
		}
		return path.Join(rt.Dir, name)
	}
	how := "configuration " + abs(given["config"]) + " from --config"
	rt.Config = abs(given["config"])
	if rt.Config == "" {
		how = "built-in defaults"
		if view.Exists(std.config) {
			rt.Config, how = std.config, "configuration "+std.config+" by default"
		}
	}
	var d daemon
	if path.IsAbs(rt.Config) {
		d = readDaemon(view, rt.Config)
	}
	rt.Socket = cmp.Or(abs(given["address"]), d.address, std.socket)
	rt.Data = cmp.Or(abs(given["root"]), d.root, std.data)
	return how
}

// basic is what a runtime's process says of itself.
func (f *finder) basic(p *process, prog *program, view *Root) snapshot.Runtime {
	env := newEnviron(p.env)
	return snapshot.Runtime{
		Target: route.Target{Runtime: prog.name},
		PID:    p.pid, Exe: p.exe, Args: p.args, Dir: p.dir, UID: p.uid, Started: p.started, Unit: p.unit,
		Env: env.shown, Reveal: env.reveal, Proxies: proxySettings(f.service(view, p.unit, prog.name)),
		NetNS: p.net, MountNS: p.mnt, PIDNS: p.pidns, Root: view.Name(), Apart: f.apart(p),
	}
}

// apart reports whether a process lives in another network namespace than we.
func (f *finder) apart(p *process) bool {
	return p.net != "" && f.proc.self.net != "" && p.net != f.proc.self.net
}

func label(name string, p *process) string { return fmt.Sprintf("%s (process %d)", name, p.pid) }

// childless describes a runtime whose containerd does not run, or that has none.
func (f *finder) childless(p *process, prog *program) snapshot.Runtime {
	f.unseen(f.proc.detail(p, label(prog.name, p))...)
	view, free := f.view(p, prog.name)
	defer free()
	rt := f.basic(p, prog, view)
	rt.Socket, rt.Data, rt.Config = prog.socket, prog.data, prog.config
	rt.Found = fmt.Sprintf("process %d %s", p.pid, cmp.Or(p.exe, p.base()))
	if prog.services == "" {
		f.engine(&rt, view, p.args[1:])
		rt.Classic = classicHello(f.program(view, p.pid, p.exe), rt.Env["GODEBUG"])
		if prog.name == "docker" {
			rt.Sandbox = f.pause()
		}
		return rt
	}
	rt.Owner = f.owner(prog, p, &rt, view)
	f.relocate(&rt, prog)
	child := serviceEnviron(f.service(view, p.unit, prog.name))
	rt.PID, rt.Exe, rt.Args, rt.Env, rt.Reveal = 0, "", nil, child.shown, child.reveal
	rt.Found += ", its containerd does not run"
	return rt
}

// view opens the file system that a process sees. The function gives it back.
func (f *finder) view(p *process, name string) (*Root, func()) {
	self := f.proc.self
	if p.mnt == "" || p.mnt == self.mnt && p.root == self.root {
		return f.root, func() {}
	}
	view, err := f.root.Process(p.pid)
	if err != nil {
		f.unseen(snapshot.Unseen{What: "file system of " + label(name, p), Why: plain(err)})
		return f.root, func() {}
	}
	return view, func() { view.Close() }
}

// service reads a unit once and says which of its files could not be read.
func (f *finder) service(view *Root, name, runtime string) unit.Service {
	key := view.Name() + " " + name
	if s, ok := f.units[key]; ok {
		return s
	}
	s := Service(view, name, runtime)
	for _, file := range slices.Concat(s.Manager, s.Parts, s.Env) {
		if file.Problem != "" {
			f.unseen(unread(file))
		}
	}
	if f.units == nil {
		f.units = map[string]unit.Service{}
	}
	f.units[key] = s
	return s
}
