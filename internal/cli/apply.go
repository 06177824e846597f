package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

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

type applyFlags struct{ from, verify string }

func newApply(a *app) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply PATH…",
		Short: "Put registry configuration on this node, verified or taken back",
		Long: `Apply takes files of the dialect that the node's runtime reads and puts them where
it reads them: a tree of hosts.toml files or single ones with their directory, a
registries.yaml, a config.toml. Files that are not named are left alone, and files
that the runtime would not read as they are meant are refused, unless --fail-on
says otherwise.

It shows a diff and asks. Afterwards the runtime has to be well and, with --verify,
has to pull the image; else every file is put back. rollback does that later.`,
		Example: `  towpath apply ./certs.d
  towpath apply --yes --verify registry.corp/app:2 registries.yaml
  towpath apply --root /mnt/node certs.d/ghcr.io/hosts.toml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.apply(cmd.Context(), args, f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	a.flags.findings(c.Flags(), "error")
	a.flags.changes(c.Flags())
	a.flags.dialect(c, &f.from)
	c.Flags().StringVar(&f.verify, "verify", "", "keep the change only if `IMAGE` can be pulled with it")
	return c
}

func (a *app) apply(ctx context.Context, args []string, f applyFlags) error {
	if len(args) == 0 {
		return usage("towpath apply ./certs.d", "which files? apply needs a PATH")
	}
	wanted, err := a.wanted(ctx, args, f.from)
	if err != nil {
		return err
	}
	before, err := a.recover(ctx, restarter{app: a})
	if err != nil {
		return err
	}
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	v, err := a.nodeFor(ctx, root, wanted.dialect())
	if err != nil {
		return err
	}
	defer v.Close()
	if err := wanted.readAs(ctx, v.Reading.Table.Target); err != nil {
		return err
	}
	p, err := wanted.plan(v)
	if err != nil {
		return err
	}
	p.Reason = "apply " + strings.Join(args, " ")
	check, err := a.verification(root, v, f.verify)
	if err != nil {
		return err
	}
	return a.carry(ctx, v, p, before, judgement{wanted.findings(), wanted.files(), check})
}

// judgement is what decides about a change: what is wrong with the files before
// it, and what is looked at after it.
type judgement struct {
	findings []finding.Finding
	files    []source.File // that the findings speak of
	check    verification
}

// carry applies a plan, unless the files are not as they should be, and prints
// what became of it.
func (a *app) carry(ctx context.Context, v *survey.Survey, p plan.Plan, before report.Change, j judgement) error {
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Findings(j.findings, j.files)
	}
	c, err := report.NewChange(p, nil), a.flags.status(j.findings)
	if err != nil {
		c.State = "faulty"
	} else {
		c, err = a.change(ctx, p, restarter{a, v}, j.check)
	}
	c.Recovered = append(before.Recovered, c.Recovered...)
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Changed(c)
		return err
	}
	if werr := report.Write(a.Out, a.format, report.NewOutcome("apply", v.Reading.Table.Target, c, j.findings)); werr != nil {
		return werr
	}
	return a.told(err)
}

// nodeFor surveys the node that gets the files. On a tree without any runtime it
// is taken for the one that the files are for.
func (a *app) nodeFor(ctx context.Context, root *node.Root, dialect string) (*survey.Survey, error) {
	q, err := a.request(root, survey.Request{})
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
