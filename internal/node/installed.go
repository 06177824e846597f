package node

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// installed adds the runtimes that do not run: known by a unit, a program, the
// configuration they wrote, or a socket that somebody left or serves from where
// we cannot see the process.
func (f *finder) installed() {
	for i := range programs {
		prog := &programs[i]
		if f.runs(prog) || slices.Contains(f.idle, prog.name) {
			continue
		}
		if rt, ok := f.down(prog); ok {
			f.add(rt)
		}
	}
}

// runs reports whether a runtime of this kind runs next to us, or serves the
// socket that this kind would use.
func (f *finder) runs(prog *program) bool {
	return slices.ContainsFunc(f.node.Runtimes, func(rt snapshot.Runtime) bool {
		return !rt.Apart && (rt.Target.Runtime == prog.name || prog.socket != "" && rt.Socket == prog.socket)
	})
}

func (f *finder) down(prog *program) (snapshot.Runtime, bool) {
	rt := snapshot.Runtime{
		Target: route.Target{Runtime: prog.name}, Root: f.root.Name(),
		Socket: prog.socket, Data: prog.data, Unit: f.unit(prog),
	}
	var signs []string
	if rt.Unit != "" {
		signs = append(signs, "unit "+rt.Unit)
	}
	if rt.Exe = executable(f.root, prog); rt.Exe != "" {
		signs = append(signs, "program "+rt.Exe)
	}
	f.dormant(&rt, prog)
	if prog.services != "" && f.root.Exists(prog.config) {
		signs = append(signs, "configuration "+prog.config)
	}
	if prog.pulls != "" && prog.name != "podman" && !f.node.Live && len(signs) == 0 && f.root.Exists(rt.Config) {
		signs = append(signs, "configuration "+rt.Config)
	}
	if sock, ok := f.root.Stat(rt.Door()); rt.Door() != "" && ok && sock.Kind == source.Special && f.node.Live {
		signs = append(signs, "socket "+rt.Socket)
	}
	if prog.name == "containerd" && len(signs) == 0 && f.root.Exists(path.Dir(prog.config)) && !f.node.Live {
		signs = append(signs, "directory "+path.Dir(prog.config))
	}
	rt.Found = strings.Join(signs, ", ")
	if f.node.Live && prog.name != "podman" {
		rt.Found += ", does not run"
	}
	return rt, len(signs) > 0
}

// dormant fills in what the runtime would have if its unit started it.
func (f *finder) dormant(rt *snapshot.Runtime, prog *program) {
	s := f.service(f.root, rt.Unit, prog.name)
	line, _ := s.Command()
	env := serviceEnviron(s)
	rt.Env, rt.Reveal, rt.Proxies = env.shown, env.reveal, proxySettings(s)
	switch {
	case prog.name == "containerd":
		var given map[string]string
		if len(line) > 0 {
			given, _ = flags(line[1:], containerdFlags)
			rt.Exe = cmp.Or(rt.Exe, line[0])
		}
		f.files(rt, f.root, given)
	case prog.services != "":
		rt.Owner = f.owner(prog, nil, rt, f.root)
		f.relocate(rt, prog)
	case prog.pulls != "":
		f.engine(rt, f.root, line[min(1, len(line)):])
		rt.Args = nil // the unit tells them with their places
		if prog.name == "podman" && f.root.Name() == "/" {
			rt.Env, rt.Reveal = f.shell.shown, f.shell.reveal // who calls it brings the environment
		}
		rt.Classic = classicHello(f.program(f.root, 0, rt.Exe), rt.Env["GODEBUG"])
	case f.root.Exists(prog.config):
		rt.Config = prog.config
	}
}

// relocate follows --data-dir of k3s, RKE2 and k0s.
func (f *finder) relocate(rt *snapshot.Runtime, prog *program) {
	rt.Config = prog.config
	dir := rt.Owner.Option("data-dir")
	if dir == "" {
		return
	}
	if prog.name == "k0s" {
		rt.Data = path.Join(dir, "containerd")
		return
	}
	rt.Config = path.Join(dir, "agent/etc/containerd/config.toml")
	rt.Data = path.Join(dir, "agent/containerd")
}

// unit returns the first unit of a program that has a file and is not masked.
func (f *finder) unit(prog *program) string {
	for _, name := range prog.units {
		if file, ok := fragment(f.root, name); ok && file.Kind == source.Regular {
			return name
		}
	}
	return ""
}

// executable returns the first place where a program is installed.
func executable(r *Root, prog *program) string {
	for _, name := range prog.binaries {
		if file, ok := r.Stat(name); ok && file.Kind == source.Regular && file.Mode&0o111 != 0 {
			return name
		}
	}
	return ""
}
