// Package credentialprovider reads the kubelet's CredentialProviderConfig: which
// programs it runs for credentials, and for which images. It reads it as the
// kubelet does when it starts, strictly, with all that keeps it from starting.
//
// It runs no program, and does not write: what a program answers is known when an
// image is pulled.
package credentialprovider

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is the kubelet's CredentialProviderConfig.
var Dialect = dialect.Dialect{
	Name:   "credential-provider",
	Title:  "CredentialProviderConfig of the kubelet",
	Docs:   "https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/",
	Proof:  "the kubelet's own keyring and provider code, k8s.io/kubernetes 1.36.3, on generated and on mutated files",
	Paths:  []string{"/etc/kubernetes/credential-provider/config.yaml", "/etc/eks/image-credential-provider/config.json", "/var/lib/rancher/credentialprovider/config.yaml"},
	Reload: func(route.Target) string { return "kubelet.service" },
	Parse:  Parse,
	Kinds:  Kinds,
}

// Options is what a node tells besides the files.
type Options struct {
	Bin      string        // --image-credential-provider-bin-dir; empty: not known
	Programs []source.File // Bin and what is in it; nil: nobody looked
	Whole    bool          // the kubelet is started with all of these files, and no other
}

// Config is what the kubelet makes of some files.
type Config struct {
	Providers []Provider
	Refused   bool // the kubelet does not start with it

	unread bool // of a file too large nobody knows
	book   evidence.Book
	opts   Options
	target route.Target
}

// Provider is one program.
type Provider struct {
	Name   string
	Images []string      // patterns of the images that it is run for
	Cache  time.Duration // for which an answer is kept that says nothing of it
	From   source.Pos

	doc  *kubeyaml.Doc
	path []any
}

// Serves reports whether the program is run for a repository with its registry,
// "docker.io/library/nginx".
func (p Provider) Serves(image string) bool {
	return slices.ContainsFunc(p.Images, func(pattern string) bool { return keyring.Matches(pattern, image) })
}

// Findings are what is wrong with the files.
func (c *Config) Findings() []finding.Finding { return c.book.Findings }

// Parse reads files, those of each directory together.
func Parse(files []source.File, t route.Target) dialect.Reading {
	c := Read(files, t, Options{})
	out := dialect.Reading{Table: route.Table{Target: t}, Findings: c.Findings()}
	l := evidence.Book{Files: files}
	for _, p := range c.Providers {
		l.Say(program, "", p.From, finding.Args{"name": p.Name, "images": strings.Join(p.Images, ", ")})
	}
	out.Losses = l.Findings
	return out
}

// Read reads the files of one configuration: one, or those of a directory, which
// kubelets know since 1.34.
func Read(files []source.File, t route.Target, o Options) *Config {
	c := &Config{book: evidence.Book{Files: slices.Concat(files, o.Programs)}, opts: o, target: t}
	var all []*source.File
	for i := range files {
		f := &files[i]
		if f.Kind == source.Regular && !f.Unread && f.Problem == "" && (o.Whole || ours(f)) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b *source.File) int { return strings.Compare(a.Path, b.Path) })
	for i := range files {
		if f := &files[i]; o.Whole && f.Kind == source.Dangling {
			c.refuse(invalid, "missing", source.Pos{File: f.Path}, nil)
		}
	}
	for _, f := range all {
		c.file(f)
	}
	if len(all) > 0 && len(c.Providers) == 0 && !c.Refused && !c.unread {
		c.refuse(invalid, "none", source.Pos{File: all[len(all)-1].Path}, nil)
	}
	if v := c.version(); o.Whole && len(all) > 1 && v.Known() && v.Before("1.34.0") {
		c.refuse(invalid, "directory", source.Pos{File: all[0].Path}, finding.Args{"version": v.String()})
	}
	c.repeats()
	c.programs()
	return c
}

// Named reports whether a kubelet reads a file of a directory.
func Named(name string) bool {
	return slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name))
}

func ours(f *source.File) bool {
	return strings.Contains(string(f.Data[:min(len(f.Data), 64<<10)]), "CredentialProvider")
}

// file reads one file. Source: kubernetes pkg/credentialprovider/plugin/config.go.
func (c *Config) file(f *source.File) {
	d, bad := kubeyaml.One(f.Path, f.Data)
	switch {
	case bad != nil && bad.Unread:
		c.unread = true
		c.book.Say(tooLarge, "", bad.At, finding.Args{"why": bad.Text})
		return
	case bad != nil:
		c.refuse(invalid, "", bad.At, finding.Args{"why": evidence.Message(bad.Text)})
		return
	case d.Object == nil:
		c.refuse(invalid, "kind", source.Pos{File: f.Path}, finding.Args{"kind": "nothing"})
		return
	}
	version, kind := word(d.Object["apiVersion"]), word(d.Object["kind"])
	group, number, _ := strings.Cut(version, "/")
	switch {
	case kind != "CredentialProviderConfig":
		c.refuse(invalid, "kind", d.At("kind"), finding.Args{"kind": evidence.OneLine(kind)})
		return
	case group != "kubelet.config.k8s.io" || !slices.Contains([]string{"v1", "v1beta1", "v1alpha1"}, number):
		f := c.refuse(invalid, "version", d.At("apiVersion"), finding.Args{"version": evidence.OneLine(version), "want": "kubelet.config.k8s.io/v1"})
		if e, ok := d.Value("kubelet.config.k8s.io/v1", "apiVersion"); ok {
			evidence.Cure(f, e)
		}
		return
	}
	if d.Twice != "" {
		c.refuse(invalid, "twice", source.Pos{File: f.Path}, finding.Args{"key": evidence.OneLine(d.Twice)})
	}
	sound := true
	c.fit(d, d.Object, top(number == "v1"), nil, &sound)
	if sound {
		c.validate(d)
	}
}

func word(v any) string {
	s, _ := v.(string)
	return s
}

func (c *Config) refuse(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	c.Refused = true
	return c.book.Say(k, variant, at, args)
}

// version is that of the kubelet, if it is known.
func (c *Config) version() route.Version {
	if c.target.Runtime != "kubelet" {
		return route.Version{}
	}
	return c.target.Version
}

// repeats: a program can be named once in the files that are read together.
func (c *Config) repeats() {
	seen := map[string]bool{}
	for _, p := range c.Providers {
		key := path.Dir(p.doc.File) + "/" + p.Name
		if seen[key] {
			c.refuse(invalid, "again", p.From, finding.Args{"name": evidence.OneLine(p.Name)})
		}
		seen[key] = true
	}
}
