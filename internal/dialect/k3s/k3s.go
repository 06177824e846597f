// Package k3s reads and writes registries.yaml, the registry configuration of
// K3s and RKE2, and tells what the two make of it: they render it once, when
// the agent starts, into files for the containerd inside.
//
// A node therefore has two truths. The generated files (certs.d, config.toml)
// are what containerd reads now, at every pull; they are read by the dialects
// of containerd. registries.yaml is what the next start will make of the node,
// and the only place where an edit lasts: Read gives that. Where the two differ
// Read says so in a finding (K3018, K3019), and Rendered shows the files that
// the next start will write.
//
// The package does no I/O, starts nothing and does not read the generated files
// as containerd would.
package k3s

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Names of the runtimes, as in route.Target.Runtime.
const (
	nameK3s  = "k3s"
	nameRKE2 = "rke2"
)

// distro is in what K3s and RKE2 differ.
type distro struct {
	name       string
	title      string
	etc        string // directory of registries.yaml and config.yaml
	data       string // data directory, unless --data-dir moves it
	units      []string
	supervisor string // port where the embedded registry answers
	docs       string
}

var (
	k3sDistro = distro{
		name: nameK3s, title: "K3s", etc: "/etc/rancher/k3s", data: "/var/lib/rancher/k3s",
		units: []string{"k3s", "k3s-agent"}, supervisor: "6443",
		docs: "https://docs.k3s.io/installation/private-registry",
	}
	rke2Distro = distro{
		name: nameRKE2, title: "RKE2", etc: "/etc/rancher/rke2", data: "/var/lib/rancher/rke2",
		units: []string{"rke2-server", "rke2-agent"}, supervisor: "9345",
		docs: "https://docs.rke2.io/install/private_registry",
	}
)

func distroOf(t route.Target) distro {
	if t.Runtime == nameRKE2 {
		return rke2Distro
	}
	return k3sDistro
}

// K3s and RKE2 are the dialects: one format, two places.
var (
	K3s  = k3sDistro.dialect()
	RKE2 = rke2Distro.dialect()
)

func (d distro) dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: d.name, Title: d.title + " registries.yaml", Docs: d.docs, Proof: proof, Paths: d.paths(d.registries(), d.data),
		Reload: d.reload,
		Parse: func(files []source.File, t route.Target) dialect.Reading {
			t.Runtime = d.name
			return Read(files, t, Options{})
		},
		Render: d.render,
		Kinds:  Kinds(),
		Limits: limits,
	}
}

// Paths are the globs of everything that decides what registries.yaml means on
// a node that was set up like this, the file itself first.
func Paths(t route.Target, opts Options) []string {
	r := newReader(nil, t, opts)
	return r.paths(r.set.registries, r.set.data)
}

func (d distro) paths(registries, data string) []string {
	containerd := path.Join(data, containerdDir)
	out := []string{
		registries, d.etc + "/*.y*ml", d.etc + "/config.yaml.d/*.yaml",
		"/etc/rancher/registries.y*ml",
		containerd + "/config*.toml", containerd + "/config*.toml.tmpl", containerd + "/config*.toml.d/*.toml",
		containerd + "/certs.d/*/hosts.toml",
		"/etc/containerd/config.toml", "/etc/containerd/certs.d/*/hosts.toml", "/etc/systemd/system/containerd.service.d/*.conf",
	}
	for _, u := range d.units {
		for _, dir := range unitDirs {
			out = append(out, dir+u+".service")
		}
	}
	return out
}

func (d distro) registries() string { return d.etc + "/registries.yaml" }

// reload names the unit to restart. A node runs one of the two; which one
// cannot be told from the target, and the server's is right for most nodes.
func (d distro) reload(route.Target) string { return d.units[0] + ".service" }

// containerdDir is where containerd's files are, below the data directory.
const containerdDir = "agent/etc/containerd"

// Options is what a node tells besides its files. The zero value knows nothing.
type Options struct {
	Args    []string  // arguments of the running agent or server; nil: from its unit
	Started time.Time // when it was started, so when it last read registries.yaml

	// Set is what the agent or server was started with, wherever it was written:
	// it stands for the command line, config.yaml and the unit. Nil: look there.
	Set []snapshot.Option

	// Whole says that every file that the configuration may name was looked for:
	// a path that is not among the files does not exist.
	Whole bool
}

// Read returns the routes that the next start of K3s or RKE2 (Target.Runtime)
// will make of registries.yaml, as its containerd will see them, and everything
// that is wrong with the file or at odds with the files generated from it.
// Among the files may be: registries.yaml, config.yaml and its drop-ins, the
// unit, templates, generated files, certificates. A single YAML file with
// another path is taken for registries.yaml.
func Read(files []source.File, t route.Target, opts Options) dialect.Reading {
	r := newReader(files, Fill(t), opts)
	r.read()
	table := r.table()
	r.judge()
	return dialect.Reading{Table: table, Findings: r.findings}
}

// File is where the next start looks for registries.yaml: the standard path,
// unless the settings of the agent name another.
func File(files []source.File, t route.Target, opts Options) string {
	return newReader(files, Fill(t), opts).set.registries
}

// reader is one reading of one node's files.
type reader struct {
	distro
	opts     Options
	target   route.Target
	files    []source.File
	set      settings
	file     *source.File // registries.yaml; nil: there is none
	yaml     *yamldoc.Doc // its places; nil: there are none to find
	doc      *document    // nil: there is no file, or it is refused
	hosts    []hostFile   // what is rendered
	config   string       // why containerd refuses the rendered config.toml; empty: it does not
	findings []finding.Finding

	hidden []yamldoc.Span // of secrets in the file, filled when first asked for
}

func newReader(files []source.File, t route.Target, opts Options) *reader {
	r := &reader{distro: distroOf(t), opts: opts, target: t, files: files}
	r.set = r.settings()
	r.file = r.find()
	return r
}

// read decodes registries.yaml and works out what is rendered from it.
func (r *reader) read() {
	if r.file == nil || r.file.Kind != source.Regular || r.file.Unread || r.file.Problem != "" {
		return
	}
	r.yaml, _ = yamldoc.Parse(r.file.Path, r.file.Data)
	doc, problem := decode(*r.file, r.yaml)
	if problem != nil {
		r.refused(problem)
		return
	}
	r.doc = doc
	r.generate()
}

// generate works out the files that are made of an accepted registries.yaml.
func (r *reader) generate() {
	if r.set.external != "" {
		return
	}
	if text := r.registryToml(); r.quotedNames() || odd(text) {
		r.config = r.refusedToml(text)
	}
	r.hosts = r.hostFiles()
	doubles := generationOf(r.target.Version) == firstHosts
	for i := range r.hosts {
		text := r.hostsToml(r.hosts[i])
		if doubles || odd(text) || r.hosts[i].quoted() {
			r.hosts[i].invalid = r.refusedToml(text)
		}
	}
}

// odd reports a generated text that needs a parser to tell whether it is valid.
// Without backslashes, control characters and quotation marks in names, which
// are looked for where the names are, every one is.
func odd(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return c == '\\' || c < ' ' && c != '\n' || c > '~' })
}

// quotedNames reports names that end the quotes that they are put in, or have
// the bracket of an IPv6 address, at which go-toml 1 gives up.
func (r *reader) quotedNames() bool {
	const quotes = "[]\"'\n"
	old := generationOf(r.target.Version) == inConfigToml
	return slices.ContainsFunc(r.doc.configs, func(c config) bool {
		return strings.ContainsAny(c.name, quotes) || old && c.TLS != nil && strings.ContainsAny(c.TLS.CAFile+c.TLS.CertFile+c.TLS.KeyFile, quotes)
	}) || old && slices.ContainsFunc(r.doc.mirrors, func(m mirror) bool {
		return strings.ContainsAny(m.name, quotes) || hasEscape(m.rewrites)
	})
}

// find returns the file that is read: the one that --private-registry names,
// else the standard path, else the only YAML file that has no other part.
func (r *reader) find() *source.File {
	if f := source.Find(r.files, r.set.registries); f != nil {
		return f
	}
	var other *source.File
	for i := range r.files {
		f := &r.files[i]
		if ext := path.Ext(f.Path); ext != ".yaml" && ext != ".yml" {
			continue
		}
		if strings.HasPrefix(f.Path, "/etc/rancher/") || strings.HasPrefix(f.Path, r.etc) {
			continue
		}
		if other != nil {
			return nil
		}
		other = f
	}
	return other
}

// proof is what confirms this package.
const proof = "rancher/wharfie 0.7.1 for what is accepted, the order, rewrites and credentials, and containerd's own code for the files that are written from it. " +
	"Nothing here runs K3s or RKE2: what they write for containerd, and where, follows the source of K3s, pkg/agent/containerd and pkg/agent/templates"
