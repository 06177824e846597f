package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
)

func newRollback(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "rollback [ID]",
		Short: "Put every file back as it was before a change",
		Long: `Rollback takes back a change that apply or --fix made: the latest, or the one with
the ID that history shows, with the commands that it ran. Files that somebody else
has changed since are left alone and named. What needs a restart to count is restarted with --allow-restart,
else only said.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEntries,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rollback(cmd.Context(), strings.Join(args, ""))
		},
	}
	a.flags.node(c.Flags())
	a.flags.changes(c.Flags())
	return c
}

func (a *app) rollback(ctx context.Context, id string) error {
	site, err := a.site()
	if err != nil {
		return err
	}
	r, err := apply.Rollback(ctx, site, id, restarter{app: a}.hooks(true))
	c := report.NewChange(plan.Plan{Reason: r.Reason}, nil)
	a.recovered(&c, r.Recovered)
	if err = outcome(&c, r, err); err == nil {
		c.State = "undone"
	}
	c.Leave(r.Run)
	for _, s := range r.Restart {
		c.Restart = append(c.Restart, s.Unit)
	}
	if a.format != report.Text {
		if err := report.Write(a.Out, a.format, report.NewOutcome("rollback", route.Target{}, c, nil)); err != nil {
			return err
		}
		return a.told(err)
	}
	if err == nil {
		report.NewTerminal(a.Out, a.Env).Undone(c)
	}
	if errors.Is(err, apply.ErrNoEntry) {
		return exitError{exitFailed, err, "towpath history"}
	}
	return err
}

func newHistory(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "List the changes that were made to this node",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.history() },
	}
	a.flags.node(c.Flags())
	return c
}

func (a *app) history() error {
	a.notePending()
	site, err := a.site()
	if err != nil {
		return err
	}
	list, err := apply.History(site)
	entries := make([]report.Entry, 0, len(list))
	for _, e := range list {
		entry := report.Entry{ID: e.ID, Time: e.Time, Reason: e.Reason, State: string(e.State), Files: append([]string{}, e.Files...)}
		if e.Undoes != "" {
			entry.Undoes = &e.Undoes
		}
		entries = append(entries, entry)
	}
	if a.format == report.Text {
		if err == nil || len(entries) > 0 {
			report.NewTerminal(a.Out, a.Env).History(entries)
		}
		return err
	}
	if werr := report.Write(a.Out, a.format, report.NewHistory(entries, err)); werr != nil {
		return werr
	}
	return a.told(err)
}
