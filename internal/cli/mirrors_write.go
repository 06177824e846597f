package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

type findings = []finding.Finding

var noPlan = plan.Plan{}

// writeOrder puts the order of a ranking into the node's files, or into files
// below a directory. Nothing is written where the order is that already.
func (a *app) writeOrder(ctx context.Context, r *ranked) error {
	change := report.NewChange(noPlan, nil)
	change.Recovered = append(change.Recovered, r.before.Recovered...)
	r.d.Change = &report.MirrorChange{Change: change, Out: optional(r.f.out)}
	if r.order.same() {
		a.say("the mirrors of %s stand in this order already; nothing is to be written", r.d.Registry)
		return nil
	}
	want := route.Table{Target: r.v.Reading.Table.Target, Routes: []route.Route{r.order.route}}
	p := repair.Write(doctor.Repairable(r.v), want)
	if p.Empty() {
		r.d.Change.Failed(errNotWritten)
		return exitError{status: exitFailed, err: errNotWritten}
	}
	p.Reason = "mirrors " + r.d.Registry
	if r.f.out != "" {
		return a.putOrder(p, want, r)
	}
	check := func(ctx context.Context) (string, error) { return a.healthy(ctx, r.v) }
	c, err := a.change(ctx, p, restarter{a, r.v}, check)
	c.Recovered = append(change.Recovered, c.Recovered...)
	r.d.Change.Change = c
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Changed(c)
	}
	return err
}

// putOrder writes the files of a plan below a directory.
func (a *app) putOrder(p plan.Plan, want route.Table, r *ranked) error {
	c := report.NewChange(p, nil)
	var files []source.File
	for _, x := range p.Changes {
		if x.After != nil && x.After.Kind == source.Regular {
			files = append(files, *x.After)
		}
	}
	err := put(r.f.out, convert.Result{Files: files, After: want}, nil)
	c.State = "done"
	if err != nil {
		c.State = "refused"
		c.Failed(err)
		err = exitError{exitFailed, err, ""}
	}
	r.d.Change.Change = c
	if a.format == report.Text && err == nil {
		for _, f := range files {
			fmt.Fprintln(a.Out, filepath.Join(r.f.out, f.Path))
		}
	}
	return err
}
