package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/survey"
)

// play plays one scene. An error says why it did not end green; the acts up to
// there are told as well.
func play(ctx context.Context, s Scene, dir string) (acts []Played, err error) {
	g, err := raise(s, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.clear()) }()
	for _, a := range s.Acts {
		p, err := g.act(ctx, a)
		acts = append(acts, p)
		if err != nil {
			return acts, err
		}
	}
	return acts, nil
}

// act plays one act: look, mend, look again, take back.
func (g *stage) act(ctx context.Context, a Act) (Played, error) {
	var p Played
	look, v, err := g.look(ctx)
	if err != nil {
		return p, err
	}
	defer v.Close()
	p.Before, p.Sees = look, strings.ReplaceAll(a.Sees, "{error}", lastError(look))
	if err := blames(look.Diagnosis, a.Cause); err != nil {
		return p, err
	}
	if a.Hand != "" {
		return p, g.write("by-hand")
	}
	return p, g.mend(ctx, v, &p)
}

// blames reports whether doctor found the pull broken and names the cause first.
func blames(d diagnosis.Diagnosis, cause string) error {
	switch {
	case d.Verdict != diagnosis.Broken:
		return fmt.Errorf("doctor finds the pull %s, not broken", d.Verdict)
	case len(d.Findings) == 0 || d.Findings[0].Code != cause:
		return fmt.Errorf("doctor does not name %s first", cause)
	}
	return nil
}

// mend applies the fix, proves it and takes it back.
func (g *stage) mend(ctx context.Context, v *survey.Survey, p *Played) error {
	before, err := read(g.dir)
	if err != nil {
		return err
	}
	p.Plan, p.Cured = repair.Cure(doctor.Repairable(v), p.Before.Diagnosis.Findings)
	if p.Plan.Empty() {
		return errors.New("there is no fix")
	}
	p.Plan.Reason = "doctor --fix " + g.scene.Image
	done, err := apply.Run(ctx, g.site(), p.Plan, apply.Hooks{Check: func(ctx context.Context) error { return g.prove(ctx, p) }})
	if err != nil {
		return err
	}
	p.Entry = done.ID
	back, err := apply.Rollback(ctx, g.site(), done.ID, apply.Hooks{})
	if err != nil {
		return err
	}
	p.Back = back.ID
	after, err := read(g.dir)
	if err != nil {
		return err
	}
	p.Files, err = before.same(after)
	return err
}

// prove is the look after a fix, which keeps it only if the image is served and
// nothing else is wrong.
func (g *stage) prove(ctx context.Context, p *Played) error {
	look, v, err := g.look(ctx)
	if err != nil {
		return err
	}
	v.Close()
	p.After = look
	if verdict := look.Diagnosis.Verdict; verdict != diagnosis.Healthy {
		return fmt.Errorf("after the fix doctor finds the pull %s", verdict)
	}
	return nil
}

// lastError is the error of the host that was asked last.
func lastError(l Look) string {
	out := ""
	for _, h := range l.Snapshot.Pull.Hops {
		for _, st := range h.Stages {
			if st.Err != "" {
				out = st.Err
			}
		}
	}
	return out
}
