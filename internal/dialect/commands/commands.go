// Package commands writes routes as command lines of nerdctl and ctr, with the
// hosts.toml files that they are given: no option of theirs names a mirror, and
// what there is for certificates and plain HTTP holds for a whole command. It
// reads no command lines of anybody else: that is package runbook.
package commands

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dir is where the files go. It is no directory that a runtime reads, so that
// they change no pull but those of the command lines.
const Dir = "/etc/towpath/pull"

// hostsDir is what --hosts-dir gets: both tools take an absolute directory, and
// ctr 2 has the daemon read it.
const hostsDir = Dir + "/certs.d"

// tool is a program that pulls.
type tool struct {
	name  string
	start func(runtime string) string // the program, and which containerd it is for
	words string                      // between that and the image
}

// Sources: docs/command-reference.md of nerdctl, ctr images pull --help. The
// options stand before the image: ctr 2.0 to 2.3 do not see them behind it.
var (
	nerdctl = tool{"nerdctl", nerdctlOf, " --namespace k8s.io --hosts-dir " + hostsDir + " pull "}
	ctr     = tool{"ctr", ctrOf, " --namespace k8s.io images pull --hosts-dir " + hostsDir + " "}
)

// The dialects of both tools.
var (
	Nerdctl = nerdctl.dialect("https://github.com/containerd/nerdctl/blob/main/docs/registry.md", "nerdctl itself was not run")
	Ctr     = ctr.dialect("https://github.com/containerd/containerd/blob/main/docs/hosts.md", "ctr 1.6.20 and 1.7.35 were seen to ask by such a line, ctr 2 was not run")
)

func (c tool) dialect(docs, unproven string) dialect.Dialect {
	return dialect.Dialect{
		Name:    c.name,
		Title:   "command lines of " + c.name,
		Docs:    docs,
		Proof:   "what holds for hosts.toml files, which the command lines name; " + unproven,
		Paths:   []string{c.file(), hostsDir + "/*/hosts.toml"},
		Reload:  func(route.Target) string { return "" },
		Parse:   c.parse,
		Render:  c.render,
		Limits:  containerd.Dialect.Limits,
		Instead: containerd.Dialect.Instead,
		Spoken:  true,
	}
}

func (c tool) file() string { return path.Join(Dir, c.name+".sh") }

// render writes a command line for each registry, and the files that it needs.
func (c tool) render(want route.Table, have []source.File) []source.File {
	want.Target = c.reader(want.Target)
	out := containerd.RenderIn([]string{hostsDir}, want, have)
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# written by towpath: put the image in the place of REPOSITORY:TAG\n")
	for _, match := range c.registries(out, want.Target) {
		script.WriteString(c.line(match, want.Target))
	}
	f := source.File{Path: c.file(), Data: []byte(script.String()), Mode: 0o644}
	if old := source.Find(out, f.Path); old != nil {
		old.Data = f.Data
		return out
	}
	return append(out, f)
}

// registries are those that the hosts.toml files speak of, every other one last.
func (c tool) registries(files []source.File, t route.Target) []string {
	var out []string
	for _, r := range containerd.Read([]string{hostsDir}, files, t).Table.Routes {
		out = append(out, r.Match)
	}
	slices.SortFunc(out, func(a, b string) int {
		if (a == route.Any) != (b == route.Any) {
			return map[bool]int{true: 1, false: -1}[a == route.Any]
		}
		return strings.Compare(a, b)
	})
	return out
}

// line is the command line for a registry.
func (c tool) line(match string, t route.Target) string {
	registry := match
	if match == route.Any {
		registry = "REGISTRY.TLD" // without a dot it would be a repository of docker.io
	}
	return c.start(t.Runtime) + c.words + quote(registry+"/REPOSITORY:TAG") + "\n"
}

// nerdctlOf is nerdctl for the containerd of a runtime. Sources: the manuals of
// the runtimes.
func nerdctlOf(runtime string) string {
	switch runtime {
	case "k3s", "rke2":
		return "nerdctl --address /run/k3s/containerd/containerd.sock"
	case "k0s":
		return "nerdctl --address /run/k0s/containerd.sock"
	case "microk8s":
		return "nerdctl --address /var/snap/microk8s/common/run/containerd.sock"
	}
	return "nerdctl"
}

// ctrOf is the ctr that a runtime brings along, which knows its socket.
func ctrOf(runtime string) string {
	switch runtime {
	case "k3s", "k0s", "microk8s":
		return runtime + " ctr"
	case "rke2":
		return "/var/lib/rancher/rke2/bin/ctr --address /run/k3s/containerd/containerd.sock"
	}
	return "ctr"
}

// reader is the containerd code that reads the hosts.toml files: with ctr that of
// the runtime, of which K3s and RKE2 have their own; nerdctl brings its own.
func (c tool) reader(t route.Target) route.Target {
	t.Fork = t.Fork && c.name == ctr.name
	return t
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// quote makes one word of sh of any text.
func quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// parse reads what render has written: the routes for which there is a command
// line, as the tool takes them from the files that the line names.
func (c tool) parse(files []source.File, t route.Target) dialect.Reading {
	script := ""
	if f := source.Find(files, c.file()); f != nil {
		script = string(f.Data)
	}
	out := containerd.Read([]string{hostsDir}, files, c.reader(t))
	out.Table.Routes = slices.DeleteFunc(slices.Clone(out.Table.Routes), func(r route.Route) bool {
		return !strings.Contains(script, "\n"+c.line(r.Match, t))
	})
	return out
}
