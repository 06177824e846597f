package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// applyFlags are those of the apply command.
type applyFlags struct {
	from, reader string // dialect and runtime of the files
	verify       string
	lossy        bool
	overwrite    bool
	dry          string
	wishes       wishFlags
}

func newApply(a *app) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply [PATH…]",
		Short: "Put registry configuration on this node, verified or taken back",
		Long: `Apply takes a configuration in any dialect and puts it where the node's runtime
reads it. Files of the runtime's own dialect go there as they are; others are
converted and joined with what is there, and what the runtime cannot say is named
and refused unless --allow-loss says otherwise. Registries that the files do not
name keep their routes, and files that Towpath did not write stay.

A directory or a file that is a whole configuration is the desired state: what an
earlier apply wrote and nothing needs any more goes away. A single hosts.toml or
config.toml only adds. A file that Towpath wrote and somebody has changed since is
refused, unless --overwrite says otherwise. Files that the runtime would not read
as they are meant are refused, unless --fail-on says otherwise.

--trust, --proxy and --sync-time are about the node itself: its trust store, the
environment of the service that pulls, its clock. A towpath.yaml can wish these as
well; what it no longer wishes and an earlier apply wrote is taken away.

It shows a diff, and for each change when it counts, and asks. Afterwards the
runtime has to be well and, with --verify, has to pull the image; else every file
is put back. rollback does that later.

--dry-run=client looks at files alone. --dry-run=node does all that comes before
the first write: it asks the runtime, looks for changes by others and for another
towpath, and whether there is room and leave to write. Both exit with 1 if
something would change.`,
		Example: `  towpath apply ./certs.d
  towpath apply --yes --verify registry.corp/app:2 registries.yaml
  towpath apply --dry-run=node towpath.yaml
  towpath apply --yes --allow-restart --trust corp-ca.pem --proxy http://proxy.corp:3128
  towpath apply --root /mnt/node certs.d/ghcr.io/hosts.toml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.apply(cmd.Context(), args, f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	a.flags.findings(c.Flags(), "error")
	a.flags.changes(c.Flags())
	a.flags.dialect(c, &f.from)
	c.Flags().StringVar(&f.reader, "from-runtime", "", "read files of another dialect as `NAME[@VERSION]` does: containerd@1.7")
	c.Flags().StringVar(&f.verify, "verify", "", "keep the change only if `IMAGE` can be pulled with it")
	c.Flags().BoolVar(&f.lossy, "allow-loss", false, "go on although the node's runtime cannot say all of it")
	c.Flags().BoolVar(&f.overwrite, "overwrite", false, "write over files of Towpath's that somebody has changed")
	c.Flags().StringVar(&f.dry, "dry-run", "", "change nothing: client looks at files alone, node does all that comes before the first write")
	complete(c, "dry-run", "client", "node")
	f.wishes.add(c.Flags())
	return c
}

func (a *app) apply(ctx context.Context, args []string, f applyFlags) error {
	if len(args) == 0 && f.wishes.empty() {
		return usage("towpath apply ./certs.d", "which files? apply needs a PATH")
	}
	if f.dry != "" && f.dry != dryClient && f.dry != dryNode {
		return usage("--dry-run=node", "--dry-run %s: it takes client or node", f.dry)
	}
	wishes, err := f.wishes.read()
	if err != nil {
		return err
	}
	wanted, err := a.wanted(ctx, args, f)
	if err != nil {
		return err
	}
	before := report.NewChange(plan.Plan{}, nil)
	if f.dry == "" {
		if before, err = a.recover(ctx, restarter{app: a}); err != nil {
			return err
		}
	}
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	v, err := a.nodeFor(ctx, root, wanted.dialect(), f.dry == dryClient)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := wanted.readAs(ctx, v.Reading.Table.Target); err != nil {
		return err
	}
	got, err := wanted.answer(v, wishes)
	if err != nil {
		return err
	}
	got.Plan.Reason = reason(args, f)
	j := judgement{findings: wanted.findings(), losses: a.flags.kept(got.Losses), files: wanted.files(), lossy: f.lossy, dry: f.dry}
	if !f.overwrite {
		j.drift = got.Drift
	}
	if j.check, err = a.verification(root, v, f.verify); err != nil {
		return err
	}
	return a.carry(ctx, v, restarter{a, v}.needed(got.Plan), before, j)
}

// reason is the line of the history.
func reason(args []string, f applyFlags) string {
	return strings.Join(append([]string{"apply"}, append(f.wishes.words(), args...)...), " ")
}

// What --dry-run takes.
const (
	dryClient = "client"
	dryNode   = "node"
)

// judgement is what decides about a change: what is wrong with the files before
// it, and what is looked at after it.
type judgement struct {
	findings []finding.Finding
	losses   []finding.Finding // what the node cannot say
	files    []source.File     // that the findings speak of
	drift    []string          // files of ours that somebody has changed
	lossy    bool              // losses do not count
	dry      string            // nothing is to be changed
	check    verification
}

// carry applies a plan, unless the files are not as they should be, and prints
// what became of it.
func (a *app) carry(ctx context.Context, v *survey.Survey, p plan.Plan, before report.Change, j judgement) error {
	all := append(slices.Clip(j.findings), j.losses...)
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Findings(all, j.files)
	}
	c, err := a.decide(ctx, v, p, j)
	c.Recovered = append(before.Recovered, c.Recovered...)
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Changed(c)
		return err
	}
	if werr := report.Write(a.Out, a.format, report.NewOutcome("apply", v.Reading.Table.Target, c, all)); werr != nil {
		return werr
	}
	return a.told(err)
}

// decide carries out a plan that nothing speaks against.
func (a *app) decide(ctx context.Context, v *survey.Survey, p plan.Plan, j judgement) (report.Change, error) {
	c := report.NewChange(p, nil)
	if err := a.flags.status(j.findings); err != nil {
		c.State = "faulty"
		return c, err
	}
	if err := a.flags.status(j.losses); err != nil && !j.lossy {
		c.State = "lossy"
		return c, err
	}
	if len(j.drift) > 0 {
		err := fmt.Errorf("%s: %w (--overwrite writes over it)", strings.Join(j.drift, ", "), apply.ErrDrift)
		c.State = "refused"
		c.Failed(err)
		return c, exitError{status: exitFailed, err: err}
	}
	if j.dry != "" {
		return a.rehearse(p, restarter{a, v}, j.dry)
	}
	return a.change(ctx, p, restarter{a, v}, j.check)
}

// rehearse shows what would be done.
func (a *app) rehearse(p plan.Plan, restart restarter, dry string) (report.Change, error) {
	c := report.NewChange(p, nil)
	if p.Empty() {
		return c, nil
	}
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Plan(p)
	}
	c.State = "would"
	site, err := a.site()
	if err == nil && dry == dryNode {
		err = errors.Join(restart.unmanaged(p), apply.Rehearse(site, p))
	}
	if err != nil {
		c.State = "refused"
		c.Failed(err)
		return c, exitError{status: exitFailed, err: err}
	}
	return c, exitError{status: exitFindings}
}

// nodeFor surveys the node that gets the files. On a tree without any runtime it
// is taken for the one that the files are for.
func (a *app) nodeFor(ctx context.Context, root *node.Root, dialect string, still bool) (*survey.Survey, error) {
	q, err := a.request(root, survey.Request{Still: still})
	if err != nil {
		return nil, err
	}
	v, err := survey.Take(ctx, q)
	if err == nil && len(v.Node.Runtimes) == 0 && q.Runtime == "" && isRancher(dialect) {
		v.Close()
		q.Runtime = dialect
		v, err = survey.Take(ctx, q)
	}
	if err != nil {
		return nil, asUsage(err)
	}
	return v, nil
}

func isRancher(name string) bool { return name == "k3s" || name == "rke2" }

// verification looks at the node after a change and tells by what it was proven;
// empty: there was nothing to prove it by.
type verification func(context.Context) (by string, err error)

// verification is the one that apply makes.
func (a *app) verification(root *node.Root, before *survey.Survey, image string) (verification, error) {
	if image == "" {
		return func(ctx context.Context) (string, error) { return a.healthy(ctx, before) }, nil
	}
	q, err := a.examination(root, image, doctorFlags{})
	if err != nil {
		return nil, err
	}
	q.Survey.Runtime = before.Runtime.Target.Runtime
	if a.flags.runtime != "" {
		q.Survey.Runtime = a.flags.runtime
	}
	return func(ctx context.Context) (string, error) {
		if _, err := a.healthy(ctx, before); err != nil {
			return "", err
		}
		s, v, err := doctor.Look(ctx, q)
		if err != nil {
			return "", err
		}
		defer v.Close()
		d := doctor.Judge(s)
		if d.Verdict == diagnosis.Healthy || d.Verdict == diagnosis.Degraded {
			return a.pulls(ctx, v, s.Ref, q.Used(s))
		}
		return "", stillBroken(d)
	}, nil
}

// stillBroken is a diagnosis as the reason why a change is taken back.
func stillBroken(d diagnosis.Diagnosis) error {
	for _, f := range d.Findings {
		if f.Role == finding.Primary && f.Severity == finding.Error {
			return fmt.Errorf("the image cannot be pulled: %s: %s", f.Code, f.Text)
		}
	}
	return errors.New("it cannot be told whether the image can be pulled")
}

// refusal makes wrong usage of a request that no edit of this node can fulfil.
func refusal(err error) error {
	if errors.Is(err, repair.ErrNoHosts) {
		return usage("", "%v", err)
	}
	return err
}
