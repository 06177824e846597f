package cli

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
	service "github.com/towpath-dev/towpath/internal/unit"
)

// place is the node that gets what is asked for: every file that may change, and
// whose they are.
func (a *app) place(v *survey.Survey, ask fulfil.Ask) (fulfil.Node, error) {
	n := fulfil.Node{Node: doctor.Repairable(v)}
	shelf := shelf{root: v.View.Files, files: n.Files}
	n.Host = fulfil.Look(shelf.root.ReadFile, shelf.list)
	if n.Service.Name == "" && v.Runtime.PID == 0 && n.Host.Manager == "systemd" {
		n.Service = unit(shelf.root, n)
		for _, f := range append(slices.Clip(n.Service.Parts), n.Service.Env...) {
			shelf.add(f.Path)
		}
	}
	for _, f := range ask.Others {
		shelf.add(f.Path)
	}
	for _, pattern := range fulfil.DialectOf(v.Reading.Table.Target.Runtime).Paths {
		shelf.glob(pattern)
	}
	for _, pattern := range n.Patterns() {
		shelf.glob(pattern)
	}
	ours, err := a.ours()
	if err != nil {
		return n, err
	}
	for _, o := range ours {
		shelf.add(o.Path)
		if o.Last != nil && o.Last.Kind == source.Directory {
			shelf.tree(o.Path)
		}
		n.Ours = append(n.Ours, fulfil.Property(o))
	}
	if len(ours) > 0 {
		shelf.linked(n.Ours)
	}
	n.Files = shelf.files
	n.Input.Files = shelf.files
	return n, nil
}

// unit is the one that would start the runtime, which does not run.
func unit(root *node.Root, n fulfil.Node) service.Service {
	for _, name := range n.Units() {
		if s := node.Service(root, name, n.Input.Runtime.Target.Runtime); len(s.Parts) > 0 {
			return s
		}
	}
	return service.Service{}
}

// ours is what the journal says that earlier plans have written. Who may not
// read it has written nothing here.
func (a *app) ours() ([]apply.Owned, error) {
	site, err := a.site()
	if err != nil {
		return nil, err
	}
	ours, err := apply.Ours(site)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, apply.ErrJournal) {
		err = nil // what can be read counts
	}
	return ours, err
}

// shelf is the files of a node that were read so far.
type shelf struct {
	root  *node.Root
	files []source.File
}

func (s *shelf) list(pattern string) []string {
	out, _ := s.root.Glob(pattern)
	return out
}

// add reads a file that nobody has looked at yet.
func (s *shelf) add(name string) {
	if source.Find(s.files, name) != nil {
		return
	}
	if f, ok := s.root.ReadFile(name); ok {
		f.Path = name
		s.files = append(s.files, f)
	}
}

func (s *shelf) glob(pattern string) {
	for _, name := range s.list(pattern) {
		s.add(name)
	}
}

// tree adds all that is below a directory.
func (s *shelf) tree(dir string) {
	have := map[string]bool{}
	for _, f := range s.files {
		have[f.Path] = true
	}
	for _, f := range s.root.Tree(dir, node.Limits{}) {
		if !have[f.Path] {
			s.files = append(s.files, f)
		}
	}
}

// linked gives what is ours the paths by which the runtime knows it: the journal
// has them without symbolic links.
func (s *shelf) linked(ours []fulfil.Property) {
	known := map[string]string{}
	for _, f := range s.files {
		real, err := s.root.Real(f.Path)
		if real = path.Join("/", strings.TrimPrefix(real, s.root.Name())); err == nil && real != path.Clean(f.Path) {
			known[real] = f.Path
		}
	}
	for i, o := range ours {
		if name := known[o.Path]; name != "" {
			ours[i].Path = name
		}
	}
}
