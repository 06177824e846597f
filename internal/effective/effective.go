// Package effective joins the files of a node into the one configuration that
// its runtime goes by: config.toml says where hosts.toml files are, K3s writes
// both from registries.yaml, and flags may overrule all of them. It is pure: the
// caller reads the files and says what is known of the runtime.
package effective

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/dialect/microk8s"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Input is everything that decides.
type Input struct {
	Runtime    snapshot.Runtime // its target, configuration, working directory and owner
	HostsDir   string           // certs.d is here, whatever config_path says; empty: as configured
	Registries string           // registries.yaml is this file, and counts; empty: as configured
	Files      []source.File
	Registry   string // the only registry of interest, whose directories were read; empty: all
}

// Reading is the effective configuration.
type Reading struct {
	Table    route.Table
	Findings []finding.Finding
	Config   containerdconfig.Config // containerd's own
	Roots    []string                // where hosts.toml files are looked for; empty: nowhere
	Sandbox  snapshot.SandboxImage
}

// Read returns what the runtime makes of the files.
func Read(in Input) Reading {
	r := &reading{Input: in, target: Target(in.Runtime.Target)}
	switch r.target.Runtime {
	case "docker":
		return r.docker()
	case "crio", "podman":
		got := registriesconf.Parse(in.Files, r.target)
		return Reading{Table: got.Table, Findings: got.Findings, Sandbox: in.Runtime.Sandbox}
	}
	r.out.Config = containerdconfig.Read(in.Files, r.main(), r.target)
	r.roots()
	switch {
	case r.rancher() && (in.Registries != "" || !r.generated()):
		r.registriesYAML()
	default:
		r.containerd()
	}
	if r.target.Runtime == "microk8s" {
		r.out.Findings = append(r.out.Findings, microk8s.Beside(in.Files)...)
	}
	r.sandbox()
	r.notRestarted()
	r.elsewhere()
	r.nearby()
	return r.out
}

// DockerOptions is what is known of a dockerd besides its files.
func DockerOptions(rt snapshot.Runtime) docker.Options {
	return docker.Options{Config: rt.Config, Args: rt.Args}
}

// Target completes what is known of a runtime: K3s and RKE2 bring a containerd
// of their own.
func Target(t route.Target) route.Target {
	switch t.Runtime {
	case "":
		t.Runtime = "containerd"
	case "k3s", "rke2":
		return k3s.Fill(t)
	case "microk8s":
		return microk8s.Fill(t)
	}
	if t.Runtime == "containerd" && !t.Containerd.Known() {
		t.Containerd = t.Version
	}
	return t
}

type reading struct {
	Input
	target route.Target
	out    Reading
}

func (r *reading) rancher() bool { return r.target.Runtime == "k3s" || r.target.Runtime == "rke2" }

// main is the file that containerd is started with.
func (r *reading) main() string {
	if r.Runtime.Config != "" {
		return r.Runtime.Config
	}
	return containerdconfig.MainFile(r.Files, r.target)
}

// roots are the directories of hosts.toml files that count.
func (r *reading) roots() {
	if r.HostsDir != "" {
		r.out.Roots = []string{r.HostsDir}
		return
	}
	dir := r.Runtime.Dir
	if dir == "" {
		dir = "/"
	}
	r.out.Roots = r.out.Config.Roots(dir)
}

// generated reports whether K3s has written containerd's configuration here.
func (r *reading) generated() bool {
	return len(r.out.Config.Loads) > 0
}

// registriesYAML reads what the next start of K3s will make of its own file.
func (r *reading) registriesYAML() {
	files := r.Files
	if r.Registries != "" {
		files = slices.DeleteFunc(slices.Clone(files), func(f source.File) bool {
			return f.Path != r.Registries && strings.HasSuffix(f.Path, "registries.yaml")
		})
	}
	got := k3s.Read(files, r.target, r.k3sOptions())
	r.out.Table = got.Table
	r.out.Findings = append(r.out.Findings, got.Findings...)
}

func (r *reading) k3sOptions() k3s.Options {
	o := K3sOptions(r.Runtime)
	if r.Registries != "" && o.Set != nil {
		o.Set = append(o.Set, snapshot.Option{Key: "private-registry", Value: r.Registries})
	}
	return o
}

// K3sOptions is what is known of the K3s or RKE2 that owns a runtime.
func K3sOptions(rt snapshot.Runtime) k3s.Options {
	o := k3s.Options{Whole: true}
	if owner := rt.Owner; owner != nil {
		o.Started = owner.Started
		o.Set = append([]snapshot.Option{}, owner.Options...)
	}
	return o
}

// containerd reads config.toml and, where it says so, hosts.toml files.
func (r *reading) containerd() {
	c := r.out.Config
	lint := containerdconfig.Lint(c)
	if r.HostsDir != "" && len(c.Loads) == 0 {
		lint = nil // the flag stands for the configuration
	}
	table, found := r.join(c, r.out.Roots, r.Files)
	r.out.Table = table
	r.out.Findings = slices.Concat(r.out.Findings, lint, found)
	if r.rancher() {
		r.registriesBeside()
	}
	if c.Dead() {
		r.stop()
	}
}

// join is what config.toml and, where it has no mirrors, hosts.toml files say
// together.
func (r *reading) join(c containerdconfig.Config, roots []string, files []source.File) (route.Table, []finding.Finding) {
	table := c.Table()
	table.Target = r.target
	if len(roots) == 0 || r.HostsDir == "" && len(c.Mirrors) > 0 {
		return table, nil
	}
	got := containerd.Read(roots, files, r.target)
	got.Table.Hosts, got.Table.Header = withoutTLS(table.Hosts), table.Header
	return got.Table, got.Findings
}

// withoutTLS: with hosts.toml files the tls tables of config.toml do not count.
func withoutTLS(hosts []route.Host) []route.Host {
	out := slices.Clone(hosts)
	for i := range out {
		out[i].TLS = route.TLS{}
	}
	return out
}

// stop marks the findings that say why no pull works at all.
func (r *reading) stop() {
	c := r.out.Config
	why := slices.Concat(c.Fatal, c.CRIDead, c.PullFails)
	if r.Runtime.CRI.Images {
		why = c.PullFails // it runs with what it read before: the next start will fail
	}
	for i := range r.out.Findings {
		f := &r.out.Findings[i]
		f.Stops = f.Stops || f.Severity == finding.Error && slices.ContainsFunc(why, func(w containerdconfig.Failure) bool {
			return w.At.File == f.At.File && (w.At.Line == f.At.Line || w.At.Line == 0 || stopping[f.Code])
		})
	}
}

// stopping are the codes of what keeps a containerd or its CRI plugin from loading.
var stopping = map[string]bool{
	"config/mirrors-with-config-path": true,
	"config/cri-plugin-disabled":      true,
}

func (r *reading) sandbox() {
	s := r.out.Config.Sandbox
	r.out.Sandbox = snapshot.SandboxImage{Image: s.Value, From: s.At}
}

var otherInstance = finding.Kind{
	Code: "config/wrong-containerd-instance", ID: "CFG-16",
	Title:    "The file or socket of another containerd was used",
	Severity: finding.Error, Ignores: true,
	Text: "{dir} configures {registry}, and {runtime} does not read it: it reads {roots}",
	Doc: "A node may have several containerds: that of the kubelet, one that came with Docker, one inside K3s. Each reads its own files. " +
		"Files for a registry lie where the runtime that counts does not look. Move them to where it does.",
}

// Kinds are the findings that this package makes itself.
var Kinds = []finding.Kind{otherInstance, nearDirectory, nearKey, nearTable, unloaded}

// conventional are the places where people put hosts.toml files.
var conventional = []string{
	"/etc/containerd/certs.d", "/etc/docker/certs.d", "/etc/k0s/certs.d", "/etc/k0s/containerd.d/certs.d",
}

// elsewhere tells of a directory for the registry that lies in a conventional
// place where this runtime does not look, while it looks somewhere else.
func (r *reading) elsewhere() {
	if r.Registry == "" || r.rancher() || len(r.out.Roots) == 0 || r.HostsDir != "" || r.out.Config.ListBug() {
		return
	}
	for _, root := range conventional {
		if slices.Contains(r.out.Roots, root) {
			continue
		}
		for _, name := range containerd.Candidates(r.Registry, r.target) {
			dir := path.Join(root, name)
			file := source.Find(r.Files, dir+"/hosts.toml")
			if file == nil || strings.HasPrefix(name, "_") {
				continue
			}
			f := otherInstance.New(dir, finding.Args{
				"dir": dir, "registry": r.Registry, "runtime": r.name(), "roots": strings.Join(r.out.Roots, ", "),
			}).In(source.Pos{File: file.Path})
			f.Registry, f.Stage = r.Registry, "config"
			r.out.Findings = append(r.out.Findings, f.Saw("config_path is "+r.out.Config.ConfigPath.Value, r.out.Config.ConfigPath.At.String(), "containerd -c "+r.main()+" config dump | grep config_path"))
		}
	}
}

func (r *reading) name() string {
	return strings.TrimSpace(r.target.Runtime + " " + r.target.Version.String())
}
