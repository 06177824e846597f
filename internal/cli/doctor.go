package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/snapshot"
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
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.doctor(cmd.Context(), args, f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	a.flags.findings(c.Flags())
	a.flags.changes(c.Flags())
	c.Flags().BoolVar(&f.fix, "fix", false, "cure what can be cured on this node, after showing it")
	c.Flags().BoolVar(&f.deep, "deep", false, "download every blob and check its digest")
	c.Flags().StringVar(&f.save, "save", "", "write what was seen to `FILE`, secrets left out")
	c.Flags().StringVar(&f.from, "from", "", "judge a snapshot that --save wrote to `FILE`")
	c.Flags().StringArrayVar(&f.realms, "token-server", nil, "let the token server `HOST` have the credentials, though it belongs to another domain (repeatable)")
	return c
}

func (a *app) doctor(ctx context.Context, args []string, f doctorFlags) error {
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
	case len(args) == 0:
		return usage("towpath doctor ghcr.io/owner/app:1", "which image? doctor needs a reference")
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
	if !f.fix {
		a.notePending()
	}
	watch, done := a.watch()
	q.Watch = watch
	s, v, err := doctor.Look(ctx, q)
	done()
	q.Watch = nil
	if err != nil {
		return asUsage(err)
	}
	defer v.Close()
	if ctx.Err() != nil {
		return exitError{exitFailed, fmt.Errorf("interrupted"), ""}
	}
	if f.save != "" {
		if err := saveSnapshot(f.save, s); err != nil {
			return err
		}
	}
	d := a.judge(s)
	d.Findings = repair.Resolve(doctor.Repairable(v), d.Findings)
	if f.fix {
		return a.heal(ctx, q, s, v, d)
	}
	return a.conclude(s, d)
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
	login, err := a.loginFor(image)
	if err != nil {
		return doctor.Request{}, err
	}
	q, err := a.request(root)
	if err != nil {
		return doctor.Request{}, err
	}
	a.live(&q)
	extra, err := a.resolvers()
	return doctor.Request{
		Survey: q, Image: image, Login: login, Extra: extra, Realms: f.realms, Budget: a.flags.timeout, Deep: f.deep,
	}, err
}

// watch tells on a terminal what is being looked at; elsewhere nothing.
func (a *app) watch() (tell func(snapshot.Hop, snapshot.Summary), done func()) {
	if !report.Tty(a.Err) || a.format != report.Text {
		return nil, func() {}
	}
	p := report.NewProgress(a.Err)
	return func(h snapshot.Hop, st snapshot.Summary) { p.Say(fmt.Sprintf("%s  %s", h.Endpoint, st.Stage)) }, p.Done
}

func loadSnapshot(name string) (*snapshot.Snapshot, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--from: %w", err), ""}
	}
	var s snapshot.Snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--from %s: it is no snapshot: %w", name, err), "a file that towpath doctor --save wrote"}
	}
	if s.Schema != snapshot.Schema {
		return nil, usage("a file that towpath doctor --save wrote", "--from %s: its schema is %q, and this towpath reads %s", name, s.Schema, snapshot.Schema)
	}
	return &s, nil
}

func saveSnapshot(name string, s *snapshot.Snapshot) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("save the snapshot: %w", err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("save the snapshot: %w", err)
	}
	if _, err := f.Write(append(data, '\n')); err != nil {
		f.Close()
		return fmt.Errorf("save the snapshot to %s: %w", name, err)
	}
	return f.Close()
}
