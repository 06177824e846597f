package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/survey"
)

type doctorFlags struct {
	deep       bool
	fix        bool
	save, from string
	realms     []string
}

func newDoctor(a *app) *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor IMAGE",
		Short: "Find out why an image cannot be pulled, with proof and the fix",
		Long: `Doctor replays the pull that the container runtime of this node would make, host
by host and stage by stage. Where a request fails it makes the same request again
with one thing changed: another resolver, another server name, without the proxy,
without credentials. So it tells causes from symptoms and names the fix.

It downloads no layers (but see --deep), sends credentials to their own registry
alone, and changes nothing without --fix. --fix shows a diff and asks; it keeps a
change only if a fresh look, and a pull by the runtime, prove it. rollback takes
it back.`,
		Example: `  towpath doctor ghcr.io/owner/app:1
  towpath doctor --fix ghcr.io/owner/app:1
  towpath doctor --creds pull-secret.yaml registry.corp/app:2
  towpath doctor --save snapshot.json nginx     on the node
  towpath doctor --from snapshot.json           elsewhere`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.doctor(cmd, args, f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	a.flags.findings(c.Flags(), "error")
	a.flags.changes(c.Flags())
	c.Flags().BoolVar(&f.fix, "fix", false, "cure what can be cured on this node, after showing it")
	c.Flags().BoolVar(&f.deep, "deep", false, "download every blob and check its digest")
	c.Flags().StringVar(&f.save, "save", "", "write what was seen to `FILE`, secrets left out")
	c.Flags().StringVar(&f.from, "from", "", "judge a snapshot that --save wrote to `FILE`")
	c.Flags().StringArrayVar(&f.realms, "token-server", nil, "let the token server `HOST` have the credentials, though it belongs to another domain (repeatable)")
	return c
}

func (a *app) doctor(cmd *cobra.Command, args []string, f doctorFlags) error {
	ctx := cmd.Context()
	switch {
	case f.from != "" && len(args) > 0:
		return usage("towpath doctor --from "+f.from, "--from holds an image already; leave %s out", args[0])
	case f.from != "" && f.fix:
		return usage("", "--fix works on a node, --from does not")
	case f.from != "":
		s, err := loadSnapshot(f.from)
		if err != nil {
			return err
		}
		return a.conclude(s, a.judge(s))
	case len(args) != 1:
		return exitError{exitUsage, exactly("IMAGE")(cmd, args), "towpath doctor ghcr.io/owner/app:1"}
	}
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	q, err := a.examination(root, args[0], f)
	if err != nil {
		return err
	}
	if f.fix {
		return a.heal(ctx, q, f.save)
	}
	a.notePending()
	s, v, err := a.look(ctx, q, f.save)
	if err != nil {
		return err
	}
	defer v.Close()
	d := a.judge(s)
	d.Findings = repair.Resolve(doctor.Repairable(v), d.Findings)
	return a.conclude(s, d)
}

// look takes the snapshot, with a word on a terminal about what is looked at,
// and saves it if that is wanted.
func (a *app) look(ctx context.Context, q doctor.Request, save string) (*snapshot.Snapshot, *survey.Survey, error) {
	watch, done := a.watch()
	q.Watch = watch
	s, v, err := doctor.Look(ctx, q)
	done()
	switch {
	case err != nil:
		return nil, nil, asUsage(err)
	case ctx.Err() != nil:
		err = exitError{status: exitFailed, err: errInterrupted}
	case save != "":
		err = saveSnapshot(save, s)
	}
	if err != nil {
		v.Close()
		return nil, nil, err
	}
	return s, v, nil
}

func (a *app) judge(s *snapshot.Snapshot) diagnosis.Diagnosis {
	d := doctor.Judge(s)
	d.Findings = a.flags.kept(d.Findings)
	return d
}

// conclude prints a diagnosis and gives the exit status for it.
func (a *app) conclude(s *snapshot.Snapshot, d diagnosis.Diagnosis) error {
	if a.format == report.Text {
		a.printText(s, d)
	} else if err := report.Write(a.Out, a.format, report.NewDoctor(s, d)); err != nil {
		return err
	}
	return a.flags.status(d.Findings)
}

// examination is the look that the flags ask for.
func (a *app) examination(root *node.Root, image string, f doctorFlags) (doctor.Request, error) {
	out := doctor.Request{Image: image, Realms: f.realms, Budget: a.flags.timeout, Deep: f.deep}
	if image == "" {
		return out, usage("towpath doctor ghcr.io/owner/app:1", "the image has no name")
	}
	ref, err := route.ParseRef(image)
	if err != nil {
		out.Survey, err = a.request(root, survey.Request{}) // what is wrong with it is a finding
		return out, err
	}
	if a.flags.user == "" && a.flags.creds != "" {
		out.Entries, out.Secret, err = a.entries(ref)
	} else {
		out.Login, err = a.login(ref)
	}
	if err != nil {
		return out, err
	}
	if out.Survey, err = a.request(root, survey.Request{}); err != nil {
		return out, err
	}
	out.Extra, err = a.resolvers()
	return out, err
}

// watch tells on a terminal what is being looked at; elsewhere nothing.
func (a *app) watch() (tell func(snapshot.Hop, snapshot.Summary), done func()) {
	if !report.Tty(a.Err) || a.format != report.Text {
		return nil, func() {}
	}
	p := report.NewProgress(a.Err)
	return func(h snapshot.Hop, st snapshot.Summary) { p.Say(fmt.Sprintf("%s  %s", h.Endpoint, st.Stage)) }, p.Done
}
