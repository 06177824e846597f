package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/survey"
)

// restarter restarts the runtime of this machine, when that is allowed. Which it
// is the survey tells, that of the caller or, when it comes to it, one of its own.
type restarter struct {
	app    *app
	survey *survey.Survey // nil: nobody has looked yet
}

// hooks are how apply runs commands and makes services read their files; under
// another root it does neither. With units systemd reads its files again first.
func (r restarter) hooks(units bool) apply.Hooks {
	if !r.app.atHome() {
		return apply.Hooks{}
	}
	h := apply.Hooks{Run: r.run, Reload: r.reload}
	if r.app.flags.allowRestart {
		h.Restart = func(ctx context.Context, what plan.Restart) error { return r.restart(ctx, what, units) }
	}
	return h
}

func (r restarter) run(ctx context.Context, args []string) error {
	r.app.say("running %s", strings.Join(args, " "))
	return runtime.Command(ctx, args)
}

func (r restarter) reload(ctx context.Context, what plan.Restart) error {
	v, done, err := r.look(ctx)
	if err != nil {
		return err
	}
	defer done()
	r.app.say("reloading %s: %s", what.Unit, what.Why)
	return runtime.Reload(ctx, r.runtime(v, what))
}

func (r restarter) restart(ctx context.Context, what plan.Restart, units bool) error {
	v, done, err := r.look(ctx)
	if err != nil {
		return err
	}
	defer done()
	r.app.say("restarting %s: %s", what.Unit, what.Why)
	if with := r.app.flags.restartWith; with != "" {
		err = runtime.Command(ctx, []string{"sh", "-c", with})
	} else {
		err = runtime.Restart(ctx, r.runtime(v, what), units)
	}
	if err != nil || v.Socket() == "" {
		return err
	}
	err = runtime.Ready(ctx, r.runtime(v, what), v.Socket())
	if errors.Is(err, runtime.ErrNoCRI) && (r.survey == nil || !r.survey.Runtime.CRI.Images) {
		r.app.say("%v", err)
		return nil // it had none before the change, or a rollback brings back a file that costs it
	}
	return err
}

// runtime is the one to restart; one that did not run then has the unit of the plan.
func (r restarter) runtime(v *survey.Survey, what plan.Restart) snapshot.Runtime {
	rt := *v.Runtime
	if rt.Unit == "" && rt.PID == 0 {
		rt.Unit = what.Unit
	}
	return rt
}

func (r restarter) look(ctx context.Context) (*survey.Survey, func(), error) {
	if r.survey != nil {
		return r.survey, func() {}, nil
	}
	return r.app.survey(ctx, survey.Request{})
}

// unmanaged tells why a plan that needs a restart cannot come true on this
// machine: nothing that we know starts the runtime. It is better told before
// than found out after.
func (r restarter) unmanaged(p plan.Plan) error {
	if p.Live() || !r.app.atHome() || r.app.flags.restartWith != "" || r.survey == nil {
		return nil
	}
	err := runtime.Manages(r.runtime(r.survey, p.Restart[0]))
	if !errors.Is(err, runtime.ErrPlain) {
		return err
	}
	return fmt.Errorf("%w; with --restart-with COMMAND towpath does it", err)
}

// needed drops restarts of a runtime that does not run: it reads its files when
// it is started.
func (r restarter) needed(p plan.Plan) plan.Plan {
	rt := r.survey.Runtime
	if r.app.atHome() && rt.PID == 0 && rt.Unit == "" && !rt.CRI.Answers && (rt.Owner == nil || rt.Owner.PID == 0) {
		p.Restart = nil
	}
	return p
}
