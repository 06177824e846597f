package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/survey"
)

func newRollback(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "rollback [ID]",
		Short: "Put every file back as it was before a change",
		Long: `Rollback takes back a change that apply or --fix made: the latest, or the one with
the ID that history shows. Files that somebody else has changed since are left
alone and named. What needs a restart to count is restarted with --allow-restart,
else only said.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			site, err := a.site()
			if err != nil {
				return err
			}
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			hooks, done, err := a.rollbackHooks(cmd)
			if err != nil {
				return err
			}
			defer done()
			r, err := apply.Rollback(cmd.Context(), site, id, hooks)
			ch := report.NewChange("rollback", plan.Plan{}, nil)
			ch.Schema, ch.Findings = report.Schema, []report.Finding{}
			exit := outcome(&ch, r, err)
			if err == nil {
				ch.State = "undone"
			}
			for _, s := range r.Restart {
				ch.Restart = append(ch.Restart, s.Unit)
			}
			if a.format != report.Text {
				if werr := report.Write(a.Out, a.format, ch); werr != nil {
					return werr
				}
				return quiet(exit)
			}
			if err == nil {
				report.NewTerminal(a.Out, a.Env).Undone(ch, r.Reason)
			}
			if errors.Is(err, apply.ErrNoEntry) {
				return exitError{exitFailed, err, "towpath history"}
			}
			return exit
		},
	}
	c.Flags().StringVar(&a.flags.root, "root", "/", "work on the node whose file system is mounted at `DIR`")
	a.flags.changes(c.Flags())
	return c
}

// quiet keeps the exit status of an error whose text is in the document.
func quiet(err error) error {
	if exit, ok := errors.AsType[exitError](err); ok {
		return exitError{status: exit.status}
	}
	return err
}

// rollbackHooks restart the runtime if that is allowed.
func (a *app) rollbackHooks(cmd *cobra.Command) (apply.Hooks, func(), error) {
	if !a.flags.allowRestart || !a.atHome() {
		return apply.Hooks{}, func() {}, nil
	}
	root, err := a.openRoot()
	if err != nil {
		return apply.Hooks{}, nil, err
	}
	q, err := a.request(root)
	if err != nil {
		return apply.Hooks{}, nil, err
	}
	a.live(&q)
	s, err := survey.Take(cmd.Context(), q)
	if err != nil {
		root.Close()
		return apply.Hooks{}, nil, asUsage(err)
	}
	done := func() {
		s.Close()
		root.Close()
	}
	return apply.Hooks{Restart: a.restarter(s, plan.Plan{}, true)}, done, nil
}

func newHistory(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "List the changes that were made to this node",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			site, err := a.site()
			if err != nil {
				return err
			}
			list, err := apply.History(site)
			if err != nil && len(list) == 0 {
				return err
			}
			if err != nil {
				fmt.Fprintf(a.Err, "towpath: %v\n", err)
			}
			entries := []report.Entry{}
			for _, e := range list {
				entry := report.Entry{ID: e.ID, Time: e.Time, Reason: e.Reason, State: string(e.State), Files: append([]string{}, e.Files...)}
				if e.Undoes != "" {
					entry.Undoes = &e.Undoes
				}
				entries = append(entries, entry)
			}
			if a.format != report.Text {
				return report.Write(a.Out, a.format, report.History{Schema: report.Schema, Kind: "history", Entries: entries, Findings: []report.Finding{}})
			}
			report.NewTerminal(a.Out, a.Env).History(entries)
			return nil
		},
	}
	c.Flags().StringVar(&a.flags.root, "root", "/", "look at the node whose file system is mounted at `DIR`")
	c.Flags().StringVar(&a.flags.state, "state", "", "the journal is in `DIR` (default ROOT/var/lib/towpath)")
	return c
}
