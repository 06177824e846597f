package survey

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Named is what somebody wants to have read instead of a node.
type Named struct {
	Root    *node.Root
	Paths   []string     // files, and directories with all that is below them
	Dialect string       // --from; empty: as names and contents tell
	Runtime string       // --runtime; empty: the one of the node, where InPlace, else the newest
	Target  route.Target // instead of Runtime, where it is known already

	// InPlace says that the files lie where a runtime reads them: what they
	// name, certificates say, is read as well and has to be there.
	InPlace bool
}

// Part is what one dialect makes of the files that belong together.
type Part struct {
	Dialect dialect.Dialect
	Reading dialect.Reading
	Files   []source.File
	Roots   []string // of containerd: the directories that hold those of registries
	Main    string   // of the others: the one file that the rest belongs to

	Certificates []source.File // that the files name and that lie elsewhere; filled by Complete

	reread func([]source.File) dialect.Reading
}

// Again reads the part's files in another state, as a plan would leave them.
func (p Part) Again(files []source.File) dialect.Reading { return p.reread(files) }

// part is one whose reading can be made again.
func part(p Part, read func([]source.File) dialect.Reading) Part {
	p.Reading, p.reread = read(p.Files), read
	return p
}

// Complete reads the certificates and keys that the files name, where they are
// there.
func (p *Part) Complete(root *node.Root) {
	for _, name := range certificates(p.Reading.Table) {
		if f, ok := root.ReadFile(name); ok && source.Find(p.Files, name) == nil && f.Kind == source.Regular && f.Problem == "" {
			f.Path = name
			p.Certificates = append(p.Certificates, f)
		}
	}
}

// Read reads what was named, each dialect by itself. An error says what is wrong
// with the request: a path with nothing there, or files of which nobody can tell
// what they are.
func (n Named) Read(ctx context.Context) ([]Part, error) {
	r := &named{Named: n, targets: map[string]route.Target{}}
	if err := r.aim(ctx); err != nil {
		return nil, err
	}
	for _, name := range n.Paths {
		if err := r.take(path.Join("/", name)); err != nil {
			return nil, err
		}
	}
	r.certsTrees()
	r.configs()
	r.registries()
	r.others()
	return r.parts, nil
}

// named is one run of Read.
type named struct {
	Named
	targets map[string]route.Target // by runtime; those of the node
	given   *route.Target           // by --runtime
	args    []argument
	parts   []Part
}

// argument is one of the paths with what is there.
type argument struct {
	path     string
	files    []source.File // the path itself first
	dialects []string      // what is among them
}

func (a argument) directory() bool { return a.files[0].Kind == source.Directory }

func (a argument) has(dialects ...string) bool {
	return slices.ContainsFunc(dialects, func(name string) bool { return slices.Contains(a.dialects, name) })
}

// aim finds out which runtimes the files are for.
func (r *named) aim(ctx context.Context) error {
	if r.Target.Runtime != "" {
		r.given = &r.Target
		return nil
	}
	if r.Runtime != "" {
		t, err := node.ParseRuntime(r.Runtime)
		if err != nil {
			return err
		}
		t = effective.Target(t)
		r.given = &t
		return nil
	}
	if !r.InPlace {
		return nil
	}
	for _, rt := range node.Find(ctx, r.Root, node.Caller{}).Runtimes {
		if name := rt.Target.Runtime; r.targets[name].Runtime == "" {
			r.targets[name] = effective.Target(rt.Target)
		}
	}
	return nil
}

// target is the runtime that reads a file of a dialect.
func (r *named) target(d dialect.Dialect, file string) route.Target {
	name := "containerd"
	switch {
	case isRancher(d.Name):
		name = d.Name
	case r.given != nil:
		return *r.given
	default:
		for _, owner := range []string{"k3s", "rke2", "k0s"} {
			if strings.Contains(file, "/"+owner+"/") && r.targets[owner].Runtime != "" {
				name = owner
			}
		}
	}
	if r.given != nil && isRancher(r.given.Runtime) {
		t := *r.given
		t.Runtime = name
		return t
	}
	if t, found := r.targets[name]; found {
		return t
	}
	return effective.Target(route.Target{Runtime: name})
}

func isRancher(name string) bool { return name == "k3s" || name == "rke2" }

// take reads one path and tells what is there.
func (r *named) take(name string) error {
	f, ok := r.Root.ReadFile(name)
	if !ok {
		return fmt.Errorf("%s: no such file or directory", name)
	}
	a := argument{path: name, files: []source.File{f}}
	if a.directory() {
		a.files = r.Root.Tree(name, node.Limits{Skip: foreign})
	}
	for _, f := range a.files {
		if d := all.Guess(f); d != "" && !slices.Contains(a.dialects, d) {
			a.dialects = append(a.dialects, d)
		}
	}
	if a.directory() && a.has("registries-conf") && !slices.ContainsFunc(a.files, func(f source.File) bool {
		return all.Guess(f) == "pull-secret" && !shared(f)
	}) {
		a.dialects = slices.DeleteFunc(a.dialects, func(d string) bool { return d == "pull-secret" })
	}
	switch {
	case r.Dialect != "":
		a.dialects = []string{r.Dialect}
	case len(a.dialects) > 0:
	case a.directory() && path.Base(name) == "certs.d":
		a.dialects = []string{"containerd"}
	case f.Problem != "":
		return fmt.Errorf("%s: %s", name, f.Problem)
	default:
		return &Unknown{name}
	}
	r.args = append(r.args, a)
	return nil
}

// shared reports a file with logins that CRI-O and Podman read as well as the
// kubelet: in a tree with registries.conf it is theirs.
func shared(f source.File) bool { return slices.Contains(registriesconf.Dialect.Paths, f.Path) }

// Unknown tells that nobody can say of which dialect a path is.
type Unknown struct{ Path string }

func (u *Unknown) Error() string {
	return fmt.Sprintf("%s: neither name nor content tell what it is; the dialects are %s", u.Path, strings.Join(all.Names(), ", "))
}

// foreign are files that no dialect reads: in a large directory their contents
// are left alone.
func foreign(name string) bool {
	base := strings.ToLower(path.Base(name))
	if strings.HasPrefix(base, "host") || strings.HasPrefix(base, "registr") {
		return false
	}
	return !slices.Contains([]string{".toml", ".yaml", ".yml", ".crt", ".cert", ".key", ".pem", ".cer", ".ca", ".tmpl", ".json", ".conf"}, path.Ext(base))
}

// mentioned adds the files that the named ones speak of, or that they are not there.
func (r *named) mentioned(files []source.File, names []string) []source.File {
	if !r.InPlace {
		return files
	}
	c := newCollector(r.Root, files)
	for _, name := range names {
		c.read(name)
	}
	return c.files
}

// Only returns the one part that there is, for those who cannot use several.
func Only(parts []Part) (Part, error) {
	switch len(parts) {
	case 0:
		return Part{}, errors.New("there is nothing in it to read")
	case 1:
		return parts[0], nil
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.Dialect.Name)
	}
	return Part{}, fmt.Errorf("these are %d configurations (%s); name one", len(parts), strings.Join(names, ", "))
}
