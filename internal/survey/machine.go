package survey

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/machine"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Machine reads the files of the node that surround the runtime.
func (s *Survey) Machine() machine.Machine {
	root := s.View.Files
	c := newCollector(root, nil)
	c.glob(machine.Patterns...)
	name := s.Runtime.Target.Runtime
	if s.Runtime.Given {
		name = ""
	}
	m := machine.Machine{Runtime: s.Runtime, Service: node.Service(root, s.Runtime.Unit, name), Hosts: node.Hosts(root), Endpoints: endpoints(s.Reading.Table)}
	for _, name := range machine.Units {
		if name == s.Runtime.Unit {
			continue
		}
		if other := node.Service(root, name, node.RuntimeOf(name)); len(other.Parts) > 0 || len(other.Env) > 0 {
			m.Others = append(m.Others, other)
		}
	}
	for _, v := range append(slices.Clone(m.Others), m.Service) {
		for _, f := range slices.Concat(v.Manager, v.Parts, v.Env) {
			c.add(f)
		}
	}
	m.Files = c.files
	m.Unsynchronised = s.Node.Live && s.Node.Root == "/" && node.Unsynchronised() && root.Exists("/run/systemd/system")
	return m
}

// endpoints are all that a table names.
func endpoints(t route.Table) []route.Endpoint {
	var out []route.Endpoint
	for _, r := range t.Routes {
		out = append(out, r.Mirrors...)
		if r.Upstream != nil && r.Upstream.Host != "" {
			out = append(out, *r.Upstream)
		} else if r.Match != route.Any {
			out = append(out, t.Default(r.Match))
		}
	}
	return slices.DeleteFunc(out, func(e route.Endpoint) bool { return e.Host == "" || e.Broken != "" })
}

// MachineFiles are those of the named paths, directories with what is below
// them, that surround a runtime.
func MachineFiles(root *node.Root, paths []string) []source.File {
	var out []source.File
	for _, name := range paths {
		f, ok := root.ReadFile(path.Join("/", name))
		if !ok {
			continue
		}
		files := []source.File{f}
		if f.Kind == source.Directory {
			files = root.Tree(f.Path, node.Limits{Skip: func(name string) bool { return !surrounds(source.File{Path: name}) }})
		}
		for _, f := range files {
			if !f.Unread && surrounds(f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// surrounds reports whether a file is of a service that pulls, or of cron.
func surrounds(f source.File) bool {
	what, service := machine.Guess(f)
	return what != "" && (service == "" || slices.Contains(machine.Units, service))
}
