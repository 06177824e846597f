package cli

import (
	"context"
	"errors"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/survey"
)

// restarter restarts the runtime of this machine, when that is allowed. Which it
// is the survey tells, that of the caller or, when it comes to it, one of its own.
type restarter struct {
	app    *app
	survey *survey.Survey // nil: nobody has looked yet
}

// hook is how apply restarts a service; nil: it must not, or there is none. With
// units systemd reads its files again.
func (r restarter) hook(units bool) func(context.Context, plan.Restart) error {
	if !r.app.atHome() || !r.app.flags.allowRestart {
		return nil
	}
	return func(ctx context.Context, what plan.Restart) error {
		v, done, err := r.look(ctx)
		if err != nil {
			return err
		}
		defer done()
		r.app.say("restarting %s: %s", what.Unit, what.Why)
		rt := *v.Runtime
		if rt.Unit == "" {
			rt.Unit = what.Unit
		}
		if err := runtime.Restart(ctx, rt, units); err != nil {
			return err
		}
		err = runtime.Ready(ctx, rt, v.Socket())
		if errors.Is(err, runtime.ErrNoCRI) && (r.survey == nil || !r.survey.Runtime.CRI.Images) {
			r.app.say("%v", err)
			return nil // it had none before the change, or a rollback brings back a file that costs it
		}
		return err
	}
}

func (r restarter) look(ctx context.Context) (*survey.Survey, func(), error) {
	if r.survey != nil {
		return r.survey, func() {}, nil
	}
	return r.app.survey(ctx, survey.Request{})
}
