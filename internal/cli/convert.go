package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/survey"
)

// convertFlags are those of the convert command.
type convertFlags struct {
	from, reader string // dialect and runtime of the source
	to, out      string
	lossy        bool
}

func newConvert(a *app) *cobra.Command {
	var f convertFlags
	c := &cobra.Command{
		Use:   "convert --to DIALECT PATH…",
		Short: "Say a registry configuration in another dialect, and name what gets lost",
		Long: `Convert reads a configuration as its runtime does and writes it for another one.
Both sides are then compared by the requests that they lead to: what the target
cannot say, or says otherwise, is a loss that is named. With losses nothing is
written unless --allow-loss says so. The result is never less safe than its
source: what would be left unverified, asked in the clear or sent credentials
for more than the source does is left out.

One file is printed plain, several as a txtar archive. With --out they go below
DIR, at the paths that they have on a node; files that are there are not replaced.
Only a config.toml of containerd that is there is edited, so that its config_path
names the directory and the old tables are gone; credentials then stay in it.
Without one they become a header line, where that can be said.

With --to nerdctl or ctr it writes a command line for each registry and the
hosts.toml files that the lines name, in a directory that no runtime reads.`,
		Example: `  towpath convert --from-runtime containerd@1.7 --to containerd config.toml
  towpath convert --from containerd --to k3s ./certs.d > registries.yaml
  towpath convert --from-runtime containerd@1.7 --to containerd --out /mnt/node /mnt/node/etc/containerd/config.toml
  towpath convert --to auto --out / registries.yaml
  towpath convert --to towpath ./certs.d > towpath.yaml
  towpath convert --to ctr --runtime k3s --out / registries.yaml
  towpath convert --to registries-conf --allow-loss --out ./tree ./certs.d`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.convert(cmd.Context(), args, f) },
	}
	a.flags.dialect(c, &f.from)
	c.Flags().StringVar(&f.reader, "from-runtime", "", "read as `NAME[@VERSION]` does: containerd@1.7")
	c.Flags().StringVar(&a.flags.root, "root", "/", "read the files of the node whose file system is mounted at `DIR`")
	c.Flags().StringVar(&f.to, "to", "", "write `DIALECT`, or auto for that of this node's runtime")
	c.Flags().StringVar(&f.out, "out", "", "write files below `DIR` instead of printing them")
	c.Flags().BoolVar(&f.lossy, "allow-loss", false, "write the result although something gets lost")
	c.Flags().StringVar(&a.flags.runtime, "runtime", "", "write for `NAME[@VERSION]` instead of the newest version")
	c.Flags().StringArrayVar(&a.flags.ignore, "ignore", nil, "leave out findings with this `CODE` (repeatable)")
	complete(c, "to", append(all.Targets(), "auto")...)
	return c
}

// converted is the document of the convert command.
type converted struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"`
	From     string           `json:"from"`
	To       string           `json:"to"`
	State    string           `json:"state"` // "printed", "written" or "refused"
	Files    []convertedFile  `json:"files"`
	Findings []report.Finding `json:"findings"`
}

type convertedFile struct {
	Path string `json:"path"`
	Text string `json:"text"` // empty with --out
}

func (a *app) convert(ctx context.Context, args []string, f convertFlags) error {
	to, target, err := a.aim(ctx, f.to)
	if err != nil {
		return err
	}
	part, err := a.original(ctx, args, f)
	if err != nil {
		return err
	}
	to, have, err := fitted(f.out, to, target)
	if err != nil {
		return exitError{exitFailed, err, ""}
	}
	job := convert.Job{
		From: part.Dialect, To: to, Source: part.Reading.Table.Target, Target: target,
		Files: part.Files, Have: have, Certificates: part.Certificates,
	}
	if part.Dialect.Name != daemon.Dialect.Name { // a config.toml is read once more, together with its trees
		job.Reading = &part.Reading
	}
	r, err := convert.Run(job)
	if errors.Is(err, convert.ErrReadOnly) {
		return usage("", "--to %v", err)
	}
	if err != nil {
		return exitError{exitFailed, err, ""}
	}
	d := converted{Schema: report.Schema, Kind: "convert", From: part.Dialect.Name, To: to.Name, State: "printed", Files: []convertedFile{}}
	found := a.flags.kept(append(broken(r.Read), r.Losses...))
	d.Findings = report.Findings(found)
	status := a.flags.status(r.Losses)
	switch {
	case status != nil && !f.lossy:
		d.State = "refused"
	case f.out != "":
		d.State, status = "written", nil
		if err := put(f.out, r, have); err != nil {
			return exitError{exitFailed, err, ""}
		}
	default:
		status = nil
	}
	for _, file := range r.Files {
		if d.State == "refused" {
			break
		}
		entry := convertedFile{Path: file.Path}
		if f.out == "" {
			entry.Text = string(file.Data)
		}
		d.Files = append(d.Files, entry)
	}
	if a.format != report.Text {
		if err := report.Write(a.Out, a.format, d); err != nil {
			return err
		}
		return status
	}
	report.NewTerminal(a.Err, a.Env).Findings(found, part.Files)
	return errors.Join(a.printConverted(d, f.out), status)
}

// printConverted prints files, or where they went.
func (a *app) printConverted(d converted, dir string) error {
	switch {
	case d.State == "refused":
		a.say("nothing was written: something would get lost (--allow-loss goes on without it)")
		return nil
	case d.State == "written":
		for _, f := range d.Files {
			fmt.Fprintln(a.Out, filepath.Join(dir, f.Path))
		}
		return nil
	case len(d.Files) == 1:
		_, err := fmt.Fprint(a.Out, d.Files[0].Text)
		return err
	}
	var archive txtar.Archive
	for _, f := range d.Files {
		archive.Files = append(archive.Files, txtar.File{Name: strings.TrimPrefix(f.Path, "/"), Data: []byte(f.Text)})
	}
	_, err := a.Out.Write(txtar.Format(&archive))
	return err
}

// broken are the findings about the source that make it mean something else than
// it was meant to: they explain a result that lacks something.
func broken(all []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, f := range all {
		if f.Severity == finding.Error {
			out = append(out, f)
		}
	}
	return out
}

// original is the one configuration that the arguments name.
func (a *app) original(ctx context.Context, args []string, f convertFlags) (survey.Part, error) {
	root, err := a.openRoot()
	if err != nil {
		return survey.Part{}, err
	}
	defer root.Close()
	n := survey.Named{Root: root, Dialect: f.from, Runtime: f.reader}
	for _, arg := range args {
		name, err := a.inside(root, arg)
		if err != nil {
			return survey.Part{}, err
		}
		n.Paths = append(n.Paths, name)
	}
	parts, err := a.read(ctx, n)
	if err != nil {
		return survey.Part{}, err
	}
	part, err := survey.Only(joined(parts))
	if err != nil {
		return part, usage("--from DIALECT", "%v", err)
	}
	part.Complete(root)
	return part, nil
}

// aim is the dialect and the runtime to write for.
func (a *app) aim(ctx context.Context, to string) (dialect.Dialect, route.Target, error) {
	if to == "" {
		return dialect.Dialect{}, route.Target{}, usage("--to containerd", "--to says which dialect to write: %s, or auto", strings.Join(all.Targets(), ", "))
	}
	target := route.Target{Runtime: runtimeOf(to)}
	if a.flags.runtime != "" {
		t, err := node.ParseRuntime(a.flags.runtime)
		if err != nil {
			return dialect.Dialect{}, t, usage("--runtime containerd@1.7", "--runtime: %v", err)
		}
		target = t
	} else if to == "auto" {
		s, done, err := a.survey(ctx, survey.Request{Still: true})
		if err != nil {
			return dialect.Dialect{}, target, err
		}
		defer done()
		target = s.Reading.Table.Target
	}
	if to == "auto" {
		to = dialectOf(target.Runtime)
	}
	d, known := all.Target(to)
	if !known {
		return d, target, usage("", "--to %s: the dialects are %s", to, strings.Join(all.Targets(), ", "))
	}
	if d.Neutral && a.flags.runtime == "" {
		return d, route.Target{}, nil // that of the source
	}
	return d, effective.Target(target), nil
}

// runtimeOf and dialectOf relate dialects to the runtimes that read them.
func runtimeOf(dialect string) string {
	switch dialect {
	case "containerd-config", "kind", "bottlerocket", "nerdctl", "ctr":
		return "containerd"
	case "registries-conf":
		return "crio"
	}
	return dialect
}

func dialectOf(runtime string) string {
	switch runtime {
	case "crio", "podman":
		return "registries-conf"
	}
	return runtime
}
