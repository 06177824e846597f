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
func (a *app) consent(ctx context.Context, p plan.Plan) string {
	switch t := report.NewTerminal(a.Out, a.Env); {
	case a.format != report.Text:
	case a.apart:
		t.Diff(p)
	default:
		t.Plan(p)
	}
	switch {
	case !p.Live() && !a.flags.allowRestart && a.atHome():
		return "restart"
	case a.flags.yes:
		return ""
	case a.format != report.Text || !report.Tty(a.In) || !report.Tty(a.Err):
		return "shown"
	}
	fmt.Fprintf(a.Err, "Apply %s? [y/N] ", report.Count(len(p.Changes)+len(p.Command), "change"))
	if answer := a.answer(ctx); answer == "y" || answer == "yes" {
		return ""
	}
	return "declined"
}

var errInterrupted = errors.New("interrupted")

// answer reads one line from the user; empty when they interrupt instead. A read
// from a terminal cannot be called off, so then it ends with the process.
func (a *app) answer(ctx context.Context) string {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(a.In).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		return strings.ToLower(strings.TrimSpace(text))
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return ""
	}
}

// change carries a plan through: it is shown, consented to, applied and checked.
// The error is the exit status that this asks for.
func (a *app) change(ctx context.Context, p plan.Plan, restart restarter, check verification) (report.Change, error) {
	c := report.NewChange(p, nil)
	if p.Empty() {
		return c, nil
	}
	site, err := a.site()
	if err != nil {
		return c, err
	}
	if err := restart.unmanaged(p); err != nil {
		if a.format == report.Text {
			report.NewTerminal(a.Out, a.Env).Plan(p)
		}
		c.State = "unmanaged"
		c.Failed(err)
		return c, exitError{status: exitFailed, err: err}
	}
	if c.State = a.consent(ctx, p); ctx.Err() != nil {
		c.Failed(errInterrupted)
		return c, exitError{status: exitFailed, err: errInterrupted}
	}
	if c.State != "" {
		return c, exitError{status: exitFindings}
	}
	by := ""
	hooks := restart.hooks(touchesUnits(p))
	hooks.Check = func(ctx context.Context) (err error) {
		if by, err = check(ctx); ctx.Err() != nil {
			return errInterrupted // what was seen meanwhile says nothing
		}
		return err
	}
	result, err := apply.Run(ctx, site, p, hooks)
	a.recovered(&c, result.Recovered)
	c.Leave(result.Run)
	if err == nil {
		c.Proven(by)
	}
	return c, outcome(&c, result, err)
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

// recover takes back what an interrupted change left, before anybody plans on
// top of it. It returns the entries that it took back.
func (a *app) recover(ctx context.Context, restart restarter) (report.Change, error) {
	c := report.NewChange(plan.Plan{}, nil)
	site, err := a.site()
	if err != nil {
		return c, err
	}
	if e, err := apply.Pending(site); err == nil && (e == nil || e.Holder != "") {
		return c, nil
	}
	done, err := apply.Recover(ctx, site, restart.hooks(true))
	a.recovered(&c, done)
	if err != nil {
		c.State = "refused"
		c.Failed(err)
		return c, exitError{status: exitFailed, err: err}
	}
	return c, nil
}

// recovered says what was taken back first.
func (a *app) recovered(c *report.Change, done []apply.Result) {
	for _, r := range done {
		c.Recovered = append(c.Recovered, r.ID)
		c.Left = append(c.Left, r.Left...)
		a.say("change %s (%s) had been interrupted; it was undone first", r.ID, r.Reason)
	}
}

// healthy reports an error when the runtime no longer does what it did before a
// change, and otherwise by what it was seen to be well: by nothing where there is
// none to ask.
func (a *app) healthy(ctx context.Context, before *survey.Survey) (string, error) {
	was := before.Runtime.CRI
	if !a.atHome() || !was.Answers {
		return "", nil
	}
	seen, _ := runtime.Ask(ctx, *before.Runtime, before.Socket())
	if !seen.Answers || was.Images && !seen.Images {
		return "", fmt.Errorf("%s is not well afterwards: %s", before.Runtime.Target.Runtime, seen.Err)
	}
	return "its answer on " + before.Runtime.Door(), nil
}

// pulls has the runtime pull the image, where there is one to ask, and says by
// what it is proven that it can be pulled.
func (a *app) pulls(ctx context.Context, s *survey.Survey, ref route.Ref, login *route.Auth) (string, error) {
	if !a.atHome() || !s.Runtime.CRI.Asked && s.Runtime.Target.Runtime != "podman" {
		return "a fresh look", nil
	}
	c, err := runtime.Open(*s.Runtime, s.Socket())
	if err != nil {
		return "", err
	}
	defer c.Close()
	auth := route.Auth{}
	if login != nil {
		auth = *login
	}
	for _, wait := range settle {
		if _, err = c.Pull(ctx, ref.String(), auth, nil); err == nil {
			return "a pull by the runtime", nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(wait):
		}
	}
	return "", fmt.Errorf("the runtime still cannot pull: %w", err)
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
	e, err := apply.Pending(site)
	switch {
	case err != nil || e == nil:
	case e.Holder != "":
		a.say("change %s (%s) is being made right now by %s", e.ID, e.Reason, e.Holder)
	default:
		a.say("change %s (%s) was interrupted; the next apply, rollback or --fix undoes it first", e.ID, e.Reason)
	}
}
