package cli

import (
	"context"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// wanted are the files of the command line as somebody wants them on a node.
type wanted struct {
	app   *app
	named survey.Named
	parts []survey.Part
}

// wanted reads the files that apply is given. They lie where the user stands,
// whatever --root says.
func (a *app) wanted(ctx context.Context, args []string, from string) (*wanted, error) {
	root, err := node.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	w := &wanted{app: a, named: survey.Named{Root: root, Dialect: from, Runtime: a.flags.runtime}}
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
	return w, err
}

// dialect is the dialect of the first part.
func (w *wanted) dialect() string { return w.parts[0].Dialect.Name }

// readAs reads the files once more, as the runtime of the node will.
func (w *wanted) readAs(ctx context.Context, t route.Target) error {
	for _, p := range w.parts {
		if !reads(t.Runtime, p.Dialect.Name) {
			return usage("", "%s reads %s, and these files are %s; they cannot be converted yet", t.Runtime, readBy(t.Runtime), p.Dialect.Title)
		}
	}
	w.named.Target = t
	parts, err := w.app.read(ctx, w.named)
	w.parts = parts
	return err
}

// reads reports whether files of a dialect can be put on a node with a runtime.
// K3s and RKE2 share one format, and write containerd's files themselves.
func reads(runtime, dialect string) bool { return isRancher(runtime) == isRancher(dialect) }

func readBy(runtime string) string {
	if isRancher(runtime) {
		return "registries.yaml"
	}
	return "hosts.toml and config.toml"
}

// findings are what the node's runtime would object to.
func (w *wanted) findings() []finding.Finding {
	found := w.app.flags.kept(survey.Findings(w.parts))
	report.InOrder(found)
	return found
}

func (w *wanted) files() []source.File {
	var out []source.File
	for _, p := range w.parts {
		out = append(out, p.Files...)
	}
	return out
}

// plan puts the files in their places on the node.
func (w *wanted) plan(v *survey.Survey) (plan.Plan, error) {
	var hosts, others []source.File
	for _, p := range w.parts {
		if p.Dialect.Name == containerd.Dialect.Name {
			got, err := trees(p)
			if err != nil {
				return plan.Plan{}, err
			}
			hosts = append(hosts, got...)
			continue
		}
		f := *source.Find(p.Files, p.Main)
		if f.Problem != "" {
			return plan.Plan{}, usage("", "%s: %s", f.Path, f.Problem)
		}
		f.Path = w.place(v, p.Dialect.Name)
		others = append(others, f)
	}
	if err := distinct(append(others, hosts...)); err != nil {
		return plan.Plan{}, err
	}
	n := doctor.Repairable(v)
	n.Files = present(v, n.Files, others)
	p, err := repair.Put(n, hosts, others)
	return p, refusal(err)
}

// place is where the node's runtime reads its only file of a dialect.
func (w *wanted) place(v *survey.Survey, dialect string) string {
	t := v.Reading.Table.Target
	switch {
	case isRancher(dialect) && v.Input.Registries != "":
		return v.Input.Registries
	case isRancher(dialect):
		return k3s.File(v.Files, t, k3s.Options{})
	case v.Runtime.Config != "":
		return v.Runtime.Config
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

// present adds what stands on the node where files are to go, if nobody has
// looked there yet.
func present(v *survey.Survey, have, places []source.File) []source.File {
	for _, p := range places {
		if source.Find(have, p.Path) != nil {
			continue
		}
		if f, ok := v.View.Files.ReadFile(p.Path); ok {
			f.Path = p.Path
			have = append(have, f)
		}
	}
	return have
}
