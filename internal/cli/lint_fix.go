package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/suppress"
	"github.com/towpath-dev/towpath/internal/survey"
)

// mending is what lint --fix has in hand.
type mending struct {
	before  report.Inspection
	plan    plan.Plan
	cured   []finding.Finding
	left    []string // files that stay as they are although there are edits for them
	restart restarter
	check   verification
	again   func(context.Context) (report.Inspection, error)
	close   func()
}

// lintFix carries out the edits of findings, after showing them, and reads the
// files again.
func (a *app) lintFix(ctx context.Context, args []string, f lintFlags) error {
	prepare := a.mendNode
	if len(args) > 0 || f.from != "" {
		if err := a.keepApart(); err != nil {
			return err
		}
		prepare = func(ctx context.Context) (*mending, error) { return a.mendPaths(ctx, args, f.from) }
	}
	recovered, err := a.recover(ctx, restarter{app: a})
	if err != nil {
		return err
	}
	m, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	m.plan.Reason = strings.TrimSpace("lint --fix " + strings.Join(args, " "))
	i := m.before
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Lint(i)
	}
	for _, name := range m.left {
		a.say("%s stays as it is: a fix would uncover an error in it", name)
	}
	c, err := a.change(ctx, m.plan, m.restart, m.check)
	c.Cures, c.Recovered = report.NewChange(m.plan, m.cured).Cures, append(recovered.Recovered, c.Recovered...)
	if c.State == "done" {
		if i, err = m.again(ctx); err != nil {
			return err
		}
		a.sorted(&i)
	}
	if err == nil {
		err = a.flags.status(i.Findings)
	}
	return a.printFixed(i, c, err)
}

// printFixed prints what became of a fix, and what is left to be found.
func (a *app) printFixed(i report.Inspection, c report.Change, err error) error {
	if a.format == report.Text {
		t := report.NewTerminal(a.Out, a.Env)
		if c.State == "done" {
			fmt.Fprintln(a.Out)
			t.Lint(i)
		}
		t.Changed(c)
		return err
	}
	doc := report.NewLint(i)
	doc.Repair = &c
	if werr := report.Write(a.Out, a.format, doc); werr != nil {
		return werr
	}
	return a.told(err)
}

// mendNode plans the fixes of the node that the flags name.
func (a *app) mendNode(ctx context.Context) (*mending, error) {
	v, done, err := a.survey(ctx, survey.Request{Still: true})
	if err != nil {
		return nil, err
	}
	m := &mending{before: inspectionOf(v), restart: restarter{a, v}, again: a.inspectNode, close: done}
	m.check = func(ctx context.Context) (string, error) { return a.healthy(ctx, v) }
	a.sorted(&m.before)
	fixes := repair.MendNode(doctor.Repairable(v), func(files []source.File) []finding.Finding {
		in := v.Input
		in.Files = files
		return a.wantedOf(effective.Read(in).Findings, files)
	})
	m.plan, m.cured, m.left = fixes.Plan, fixes.Cured, fixes.Left
	return m, nil
}

// mendPaths plans the fixes of files that were named, those of each dialect by
// themselves.
func (a *app) mendPaths(ctx context.Context, args []string, from string) (*mending, error) {
	i, parts, err := a.inspectParts(ctx, args, from)
	if err != nil {
		return nil, err
	}
	m := &mending{before: i, restart: restarter{app: a}, close: func() {}}
	m.again = func(ctx context.Context) (report.Inspection, error) {
		return a.inspectPaths(ctx, a.moved(args, m.plan), from)
	}
	m.check = func(context.Context) (string, error) { return "", nil }
	a.apart = true
	a.sorted(&m.before)
	for _, p := range parts {
		fixes := repair.Mend(p.Files, func(files []source.File) []finding.Finding {
			return a.wantedOf(p.Again(files).Findings, files)
		})
		if slices.ContainsFunc(fixes.Plan.Changes, func(c plan.Change) bool { return changes(m.plan, was(c)) }) {
			continue // another dialect reads the file, too, and has changed it
		}
		m.plan.Changes, m.cured = append(m.plan.Changes, fixes.Plan.Changes...), append(m.cured, fixes.Cured...)
		m.left = append(m.left, fixes.Left...)
		i := slices.IndexFunc(fixes.Plan.Changes, func(c plan.Change) bool { return ofNode(was(c)) })
		if i < 0 {
			continue
		}
		a.apart = false
		if reload := p.Dialect.Reload; reload != nil {
			m.restartOf(reload(p.Reading.Table.Target), was(fixes.Plan.Changes[i]))
		}
	}
	return m, nil
}

// restartOf plans the restart of a unit that reads a file only when it starts.
func (m *mending) restartOf(unit, file string) {
	known := slices.ContainsFunc(m.plan.Restart, func(r plan.Restart) bool { return r.Unit == unit })
	if unit != "" && !strings.Contains(unit, " ") && !known {
		m.plan.Restart = append(m.plan.Restart, plan.Restart{Unit: unit, Why: file + " is read at start"})
	}
}

// changes reports whether a plan is about a path already.
func changes(p plan.Plan, name string) bool {
	return slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return was(c) == name })
}

// was is the path of a change before it.
func was(c plan.Change) string {
	if c.Before != nil {
		return c.Before.Path
	}
	return c.After.Path
}

// moved are the arguments as a plan leaves them: what it renames has its new name.
func (a *app) moved(args []string, p plan.Plan) []string {
	out := slices.Clone(args)
	for i, arg := range out {
		name, err := a.path(arg)
		if err != nil {
			continue
		}
		for _, c := range p.Changes {
			if rest, inside := strings.CutPrefix(name, was(c)); c.Moved && inside && (rest == "" || rest[0] == '/') {
				name = c.After.Path + rest
				out[i] = name
			}
		}
	}
	return out
}

// keepApart puts the journal of files that are no node's own where their owner
// can write: not everybody may write below /var/lib.
func (a *app) keepApart() error {
	if a.flags.state != "" || !a.atHome() || os.Geteuid() == 0 {
		return nil
	}
	env := func(name string) string {
		for _, e := range slices.Backward(a.Env) {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	switch {
	case filepath.IsAbs(env("XDG_STATE_HOME")):
		a.flags.state = filepath.Join(env("XDG_STATE_HOME"), "towpath")
	case filepath.IsAbs(env("HOME")):
		a.flags.state = filepath.Join(env("HOME"), ".local", "state", "towpath")
	default:
		return usage("--state DIR", "there is no directory for the journal")
	}
	a.say("the journal is in %s; to take a fix back: towpath rollback --state %s", a.flags.state, a.flags.state)
	return nil
}

// wantedOf are the findings that neither a comment nor --ignore takes away.
func (a *app) wantedOf(found []finding.Finding, files []source.File) []finding.Finding {
	kept, _ := suppress.ByComment(found, files, isCode)
	kept, _ = suppress.ByCode(kept, a.flags.ignore)
	return kept
}
