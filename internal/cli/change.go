package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/survey"
)

// site is where changes go and where they are written down.
func (a *app) site() (apply.Site, error) {
	s := apply.Site{State: a.flags.state}
	if !a.atHome() {
		s.Root = filepath.Clean(a.flags.root)
	}
	if s.State != "" {
		abs, err := filepath.Abs(s.State)
		if err != nil {
			return s, err
		}
		s.State = abs
	}
	return s, nil
}

// consent shows a plan and asks whether to go on. It answers "" for yes, or the
// state in which the plan stays.
func (a *app) consent(p plan.Plan) string {
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Plan(p)
	}
	switch {
	case len(p.Restart) > 0 && !a.flags.allowRestart && a.atHome():
		return "restart"
	case a.flags.yes:
		return ""
	case a.format != report.Text || !report.Tty(a.In) || !report.Tty(a.Err):
		return "shown"
	}
	fmt.Fprintf(a.Err, "Apply %s? [y/N] ", report.Count(len(p.Changes), "change"))
	line, _ := bufio.NewReader(a.In).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
		return ""
	}
	return "declined"
}

// carry applies a plan that was consented to.
func (a *app) carry(ctx context.Context, p plan.Plan, s *survey.Survey, check func(context.Context) error) (apply.Result, error) {
	site, err := a.site()
	if err != nil {
		return apply.Result{}, err
	}
	return apply.Run(ctx, site, p, apply.Hooks{Restart: a.restarter(s, p, !s.Runtime.CRI.Images), Check: check})
}

// restarter restarts the runtime and waits until it answers again. lacked: it
// may come up without the CRI plugin, because it had none before.
func (a *app) restarter(s *survey.Survey, p plan.Plan, lacked bool) func(context.Context, plan.Restart) error {
	if !a.atHome() || s == nil {
		return nil
	}
	return func(ctx context.Context, r plan.Restart) error {
		fmt.Fprintf(a.Err, "towpath: restarting %s: %s\n", r.Unit, r.Why)
		rt := *s.Runtime
		if rt.Unit == "" {
			rt.Unit = r.Unit
		}
		if err := runtime.Restart(ctx, rt, touchesUnits(p)); err != nil {
			return err
		}
		err := runtime.Await(ctx, s.Socket())
		if errors.Is(err, runtime.ErrNoCRI) && lacked {
			fmt.Fprintf(a.Err, "towpath: %v\n", err)
			return nil
		}
		return err
	}
}

// touchesUnits reports whether systemd has to read its units again.
func touchesUnits(p plan.Plan) bool {
	for _, c := range p.Changes {
		if strings.HasPrefix(c.Path(), "/etc/systemd/") {
			return true
		}
	}
	return false
}

// outcome fills in what became of a run and turns its error into an exit status.
func outcome(c *report.Change, r apply.Result, err error) error {
	if r.ID != "" {
		c.ID = &r.ID
	}
	c.Left = append(c.Left, r.Left...)
	c.Failed(err)
	switch {
	case err == nil:
		c.State = "done"
		return nil
	case errors.Is(err, apply.ErrDrift), errors.Is(err, apply.ErrLocked), errors.Is(err, apply.ErrJournal):
		c.State = "refused"
	case r.State == apply.RolledBack:
		c.State = "rolled-back"
	case r.ID == "":
		c.State = "refused"
	default:
		c.State = "stuck"
	}
	return exitError{status: exitFailed, err: err}
}

// healthy reports whether the runtime answers, where there is one to ask.
func (a *app) healthy(ctx context.Context, s *survey.Survey) error {
	if !a.atHome() || !s.Runtime.CRI.Answers {
		return nil
	}
	seen, _ := runtime.Look(ctx, s.Socket())
	if !seen.Answers || !seen.Images {
		return fmt.Errorf("%s is not well afterwards: %s", s.Runtime.Target.Runtime, seen.Err)
	}
	return nil
}

// pulls has the runtime pull the image, where there is one to ask.
func (a *app) pulls(ctx context.Context, s *survey.Survey, ref route.Ref, login *route.Auth) error {
	if !a.atHome() || !s.Runtime.CRI.Asked {
		return nil
	}
	c, err := runtime.Dial(s.Socket())
	if err != nil {
		return err
	}
	defer c.Close()
	auth := route.Auth{}
	if login != nil {
		auth = *login
	}
	for _, wait := range settle {
		if _, err = c.Pull(ctx, ref.String(), auth, nil); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	return fmt.Errorf("the runtime still cannot pull: %w", err)
}

// settle is how long the runtime is given to notice a change: Go programs look
// at the hosts file and at resolv.conf every five seconds.
var settle = []time.Duration{2 * time.Second, 4 * time.Second, 0}

// notePending tells on the error stream that a change was interrupted. Commands
// that only read leave it as it is.
func (a *app) notePending() {
	site, err := a.site()
	if err != nil {
		return
	}
	if e, err := apply.Pending(site); err == nil && e != nil && e.Holder == "" {
		fmt.Fprintf(a.Err, "towpath: change %s (%s) was interrupted; the next apply, rollback or --fix undoes it first\n", e.ID, e.Reason)
	}
}
