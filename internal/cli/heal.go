package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/survey"
)

// heal cures what edits on this node can cure, and proves it with a fresh look
// and a pull by the runtime itself.
func (a *app) heal(ctx context.Context, q doctor.Request, save string) error {
	before, err := a.recover(ctx, restarter{app: a})
	if err != nil {
		return err
	}
	s, v, err := a.look(ctx, q, save)
	if err != nil {
		return err
	}
	defer v.Close()
	n := doctor.Repairable(v)
	d := a.judge(s)
	d.Findings = repair.Resolve(n, d.Findings)
	if a.format == report.Text {
		a.printText(s, d)
	}
	p, cured := repair.Cure(n, troubles(d.Findings))
	p.Reason = "doctor --fix " + q.Image
	proof := &proof{app: a, q: q, node: v, before: d, cured: cured}
	c, err := a.change(ctx, p, restarter{a, v}, proof.check)
	c.Cures, c.Recovered = report.NewChange(p, cured).Cures, append(before.Recovered, c.Recovered...)
	if proof.snap != nil {
		s, d = proof.snap, proof.after
		d.Findings = a.flags.kept(d.Findings)
		if a.format == report.Text {
			fmt.Fprintln(a.Out)
			a.printText(s, d)
		}
	}
	if err == nil {
		err = a.flags.status(d.Findings)
	}
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Changed(c)
		return err
	}
	doc := report.NewDoctor(s, d)
	doc.Repair = &c
	if werr := report.Write(a.Out, a.format, doc); werr != nil {
		return werr
	}
	return a.told(err)
}

// troubles are the findings that are worth a change to the node.
func troubles(all []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding.Finding) bool { return f.Severity == finding.Info })
}

// proof is the fresh look after a fix.
type proof struct {
	app    *app
	q      doctor.Request
	node   *survey.Survey // before the fix
	before diagnosis.Diagnosis
	cured  []finding.Finding

	snap  *snapshot.Snapshot
	after diagnosis.Diagnosis
}

// check decides whether a fix stays. It does when the image is served and the
// runtime pulls it. It also does when what was fixed is gone and the pull gets
// further, to a fault that was hidden behind it; everything else is taken back.
func (p *proof) check(ctx context.Context) (string, error) {
	s, v, err := doctor.Look(ctx, p.q)
	if err != nil {
		return "", err
	}
	defer v.Close()
	p.snap, p.after = s, doctor.Judge(s)
	if _, err := p.app.healthy(ctx, p.node); err != nil {
		return "", err
	}
	if p.after.Verdict == diagnosis.Healthy || p.after.Verdict == diagnosis.Degraded {
		return p.app.pulls(ctx, v, s.Ref, p.q.Used(s))
	}
	for _, f := range p.after.Findings {
		if f.Role == finding.Primary && f.Severity == finding.Error && !p.hidden(f) {
			return "", fmt.Errorf("the image still cannot be pulled: %s: %s", f.Code, f.Text)
		}
	}
	return "a fresh look, in which the pull gets further", nil
}

// hidden reports whether a finding is new and lies behind what was fixed, or was
// there before and is none of those that were fixed.
func (p *proof) hidden(f finding.Finding) bool {
	same := func(g finding.Finding) bool { return g.Code == f.Code && g.Subject == f.Subject }
	if slices.ContainsFunc(p.cured, same) {
		return false
	}
	if slices.ContainsFunc(p.before.Findings, func(g finding.Finding) bool { return same(g) && g.Role == finding.Primary }) {
		return true
	}
	return slices.ContainsFunc(p.cured, func(g finding.Finding) bool {
		return (g.Hop == f.Hop || g.Endpoint == "") && diagnosis.Later(f.Stage, g.Stage)
	})
}

// printText prints a diagnosis for people.
func (a *app) printText(s *snapshot.Snapshot, d diagnosis.Diagnosis) {
	report.NewTerminal(a.Out, a.Env).Doctor(s, d)
}
