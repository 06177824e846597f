package node

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// unitDirs is where systemd looks for units, the first that has a file wins.
// Source: systemd.unit(5).
var unitDirs = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early",
	"/etc/systemd/system", "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached",
	"/run/systemd/generator", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
	"/run/systemd/generator.late",
}

// Service reads what systemd would of a unit: its file, drop-ins and
// environment files. Without a unit file it has no parts. runtime is the name
// of the program that it runs: "k3s".
func Service(r *Root, name, runtime string) unit.Service {
	s := unit.Service{Name: name}
	if name == "" {
		return s
	}
	if p := programNamed(runtime); p != nil {
		s.Prefix = p.prefix
	}
	s.Manager = manager(r)
	if f, ok := fragment(r, name); ok && f.Kind == source.Regular {
		s.Parts = append(s.Parts, f)
	}
	s.Parts = append(s.Parts, dropins(r, unitDirs, dropinDirs(name))...)
	for _, pattern := range s.EnvFiles() {
		found, _ := r.Glob(pattern)
		for _, name := range found {
			if f, ok := r.ReadFile(name); ok && f.Kind == source.Regular {
				s.Env = append(s.Env, f)
			}
		}
	}
	return s
}

// fragment reads the file of a unit: the first there is, be it a link to
// /dev/null, which masks the unit.
func fragment(r *Root, name string) (source.File, bool) {
	for _, dir := range unitDirs {
		if f, ok := r.ReadFile(path.Join(dir, name)); ok {
			return f, true
		}
	}
	return source.File{}, false
}

// manager reads system.conf and its drop-ins, which may set defaults for all services.
func manager(r *Root) []source.File {
	dirs := []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"}
	var out []source.File
	for _, dir := range dirs {
		if f, ok := r.ReadFile(path.Join(dir, "system.conf")); ok {
			out = append(out, f)
			break
		}
	}
	return append(out, dropins(r, dirs, []string{"system.conf.d"})...)
}

// dropinDirs returns the names of directories that extend a unit, the more
// particular first: "k3s-agent.service.d", "k3s-.service.d", "service.d".
func dropinDirs(name string) []string {
	base, kind := name[:max(strings.LastIndexByte(name, '.'), 0)], path.Ext(name)
	dirs := []string{name + ".d"}
	if template, _, ok := strings.Cut(base, "@"); ok {
		dirs = append(dirs, template+"@"+kind+".d")
		base = template
	}
	for i := len(base) - 1; i > 0; i-- {
		if base[i] == '-' && i < len(base)-1 {
			dirs = append(dirs, base[:i+1]+kind+".d")
		}
	}
	return append(dirs, strings.TrimPrefix(kind, ".")+".d")
}

// dropins reads *.conf files by name. A file hides those of the same name in
// directories that come later.
func dropins(r *Root, dirs, extra []string) []source.File {
	seen := map[string]string{}
	for _, sub := range extra {
		for _, dir := range dirs {
			found, _ := r.Glob(path.Join(dir, sub, "*.conf"))
			for _, name := range found {
				if _, ok := seen[path.Base(name)]; !ok {
					seen[path.Base(name)] = name
				}
			}
		}
	}
	var out []source.File
	for _, base := range sortedKeys(seen) {
		if f, ok := r.ReadFile(seen[base]); ok && f.Kind == source.Regular {
			out = append(out, f)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
