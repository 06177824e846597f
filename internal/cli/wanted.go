package cli

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// wanted are the files of the command line as somebody wants them on a node.
type wanted struct {
	app     *app
	named   survey.Named
	parts   []survey.Part // what the node reads as it is
	foreign []survey.Part // what has to be converted
	whole   bool          // it is all that is wanted of its kind

	node      desired.Wishes    // what the files want of the node besides routes
	wholeNode bool              // and that is all
	refused   []finding.Finding // why it cannot be had
}

// wanted reads the files that apply is given. They lie where the user stands,
// whatever --root says.
func (a *app) wanted(ctx context.Context, args []string, f applyFlags) (*wanted, error) {
	root, err := node.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	w := &wanted{app: a, named: survey.Named{Root: root, Dialect: f.from, Runtime: f.reader}, whole: len(args) > 0}
	if len(args) == 0 {
		return w, nil
	}
	for _, arg := range args {
		name, err := absolute(arg)
		if err != nil {
			return nil, err
		}
		w.named.Paths = append(w.named.Paths, name)
	}
	w.parts, err = a.read(ctx, w.named)
	if err == nil && len(w.parts) == 0 {
		err = usage("", "%s: there is nothing in it to apply", strings.Join(args, " "))
	}
	for _, p := range w.parts {
		if p.Dialect.Name == containerd.Dialect.Name || p.Dialect.Name == containerdconfig.Dialect.Name {
			w.whole = w.whole && !slices.ContainsFunc(w.named.Paths, func(name string) bool { return fragment(root, name) })
		}
	}
	return w, err
}

// fragment reports whether a path is a single file of containerd, or the
// directory of one registry: neither is all that somebody wants.
func fragment(root *node.Root, name string) bool {
	f, ok := root.Stat(name)
	return ok && f.Kind != source.Directory || root.Exists(path.Join(name, "hosts.toml"))
}

// dialect is the dialect of the first part.
func (w *wanted) dialect() string {
	if len(w.parts) == 0 {
		return ""
	}
	return w.parts[0].Dialect.Name
}

// readAs reads the files that the node's runtime reads as it does.
func (w *wanted) readAs(ctx context.Context, t route.Target) error {
	own := slices.ContainsFunc(w.parts, func(p survey.Part) bool { return fulfil.Reads(t.Runtime, p.Dialect.Name) })
	first := w.parts
	if own {
		w.named.Target = t
		parts, err := w.app.read(ctx, w.named)
		if err != nil {
			return err
		}
		w.parts = parts
	}
	w.foreign = slices.DeleteFunc(slices.Clone(first), func(p survey.Part) bool { return fulfil.Reads(t.Runtime, p.Dialect.Name) })
	w.parts = slices.DeleteFunc(slices.Clone(w.parts), func(p survey.Part) bool { return !fulfil.Reads(t.Runtime, p.Dialect.Name) })
	return nil
}

// findings are what the runtimes that read the files would object to.
func (w *wanted) findings() []finding.Finding {
	found := w.app.flags.kept(append(survey.Findings(slices.Concat(w.parts, w.foreign)), w.refused...))
	report.InOrder(found)
	return found
}

func (w *wanted) files() []source.File {
	var out []source.File
	for _, p := range slices.Concat(w.parts, w.foreign) {
		out = append(out, p.Files...)
	}
	return out
}

// answer is what it takes to have the files and wishes on the node.
func (w *wanted) answer(v *survey.Survey, wishes desired.Wishes) (fulfil.Answer, error) {
	if w.wish(v); len(w.refused) > 0 {
		return fulfil.Answer{}, nil // nothing of a file with a mistake is applied
	}
	ask := fulfil.Ask{Wishes: w.node.With(wishes), Whole: w.whole, WholeWishes: w.wholeNode}
	for _, p := range w.parts {
		if err := w.native(v, p, &ask); err != nil {
			return fulfil.Answer{}, err
		}
	}
	if err := distinct(append(slices.Clip(ask.Others), ask.Hosts...)); err != nil {
		return fulfil.Answer{}, err
	}
	for _, p := range w.foreign {
		ask.Routes = append(ask.Routes, fulfil.Source{Dialect: p.Dialect, Reading: p.Reading, Files: p.Files, Roots: tops(p)})
	}
	n, err := w.app.place(v, ask)
	if err != nil {
		return fulfil.Answer{}, err
	}
	got, err := fulfil.Make(n, ask)
	if err != nil {
		return got, refusal(err)
	}
	if len(ask.Routes) > 0 {
		got.Losses = append(got.Losses, fulfil.Refused(n, got)...)
	}
	return got, nil
}

// tops are the directories of a part: what lies beside its files moves with them.
func tops(p survey.Part) []string {
	if len(p.Roots) > 0 {
		return p.Roots
	}
	return []string{path.Dir(p.Main)}
}

// native adds a part that the node reads as it is.
func (w *wanted) native(v *survey.Survey, p survey.Part, ask *fulfil.Ask) error {
	if p.Dialect.Name == containerd.Dialect.Name {
		got, err := trees(p)
		ask.Hosts = append(ask.Hosts, got...)
		return err
	}
	main := source.Find(p.Files, p.Main)
	if main == nil {
		return usage("", "%s: apply takes single files and trees of hosts.toml files of %s", named(p), p.Dialect.Title)
	}
	f := *main
	if f.Problem != "" {
		return usage("", "%s: %s", f.Path, f.Problem)
	}
	f.Path = w.place(v, p.Dialect)
	ask.Others = append(ask.Others, f)
	return nil
}

// place is where the node's runtime reads its only file of a dialect.
func (w *wanted) place(v *survey.Survey, d dialect.Dialect) string {
	t := v.Reading.Table.Target
	switch {
	case isRancher(d.Name) && v.Input.Registries != "":
		return v.Input.Registries
	case isRancher(d.Name):
		return k3s.File(v.Files, t, k3s.Options{})
	case v.Runtime.Config != "":
		return v.Runtime.Config
	case d.Name != containerdconfig.Dialect.Name:
		return d.Paths[0]
	}
	return containerdconfig.MainFile(v.Files, t)
}

// trees are the files of a part below the directories that hold those of
// registries, with their paths below them.
func trees(p survey.Part) ([]source.File, error) {
	var out []source.File
	for _, root := range p.Roots {
		for _, f := range p.Files {
			rest, below := strings.CutPrefix(f.Path, strings.TrimSuffix(root, "/")+"/")
			switch {
			case !below || f.Kind == source.Directory || !strings.Contains(rest, "/"), f.Unread && f.Problem == "":
				continue
			case f.Problem != "" || f.Kind != source.Regular:
				return nil, usage("", "%s: it cannot be read: %s", f.Path, problem(f))
			}
			f.Path = rest
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, usage("certs.d/ghcr.io/hosts.toml", "%s lies in no directory that is named like a registry", named(p))
	}
	return out, nil
}

func problem(f source.File) string {
	if f.Problem == "" {
		return "no regular file"
	}
	return f.Problem
}

func named(p survey.Part) string {
	for _, f := range p.Files {
		if f.Kind == source.Regular {
			return path.Base(f.Path)
		}
	}
	return "it"
}

// distinct refuses two files for one place.
func distinct(files []source.File) error {
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.Path] {
			return usage("", "two of the files are for %s; name one", f.Path)
		}
		seen[f.Path] = true
	}
	return nil
}
