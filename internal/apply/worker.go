package apply

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
)

// worker is whoever holds the lock of a site and changes its tree.
type worker struct {
	*opened
	hooks Hooks
}

// carry writes an entry and carries it out, or takes it back.
func (w *worker) carry(ctx context.Context, e *entry) (Result, error) {
	e.Time, e.Root, e.Token = time.Now().UTC(), w.mark, strings.ToLower(rand.Text()[:8])
	r, err := w.journal.add(e)
	if err != nil {
		return Result{Reason: e.Reason}, err
	}
	result := Result{ID: e.ID, Reason: e.Reason}
	err = w.perform(ctx, r)
	if err != nil {
		err = errors.Join(err, w.undo(ctx, r, &result))
	} else {
		result.Run, result.Restart = w.leftover(e)
	}
	result.State = r.state()
	return result, err
}

func (w *worker) perform(ctx context.Context, r *record) error {
	var used litter
	for i, s := range r.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.add(mark{doing, i}); err != nil {
			return err
		}
		names := namesOf(r.Token, i)
		aside, err := s.do(w.tree, names)
		if err != nil {
			return err
		}
		used.add(s, aside, names)
	}
	if err := w.prove(ctx, r); err != nil {
		return err
	}
	if err := used.tidy(w.tree); err != nil {
		return err
	}
	return r.add(mark{verb: finished})
}

// prove runs commands, makes services read the new files and looks whether the
// node is well.
func (w *worker) prove(ctx context.Context, r *record) error {
	if err := w.commands(ctx, r); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.restarts(r.Restart) {
		if err := r.add(mark{verb: restarting}); err != nil {
			return err
		}
		if err := w.restart(ctx, r.Restart); err != nil {
			return err
		}
	}
	if w.hooks.Check == nil {
		return nil
	}
	if err := r.add(mark{verb: checking}); err != nil {
		return err
	}
	return w.hooks.Check(ctx)
}

func (w *worker) commands(ctx context.Context, r *record) error {
	for i, c := range r.Command {
		if w.hooks.Run == nil || len(c.Do) == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.add(mark{running, i}); err != nil {
			return err
		}
		if err := w.hooks.Run(ctx, c.Do); err != nil {
			return fmt.Errorf("run %s: %w", strings.Join(c.Do, " "), err)
		}
	}
	return nil
}

// hook is how a service is made to read its files; nil: it is not.
func (w *worker) hook(s plan.Restart) func(context.Context, plan.Restart) error {
	if s.Reload {
		return w.hooks.Reload
	}
	return w.hooks.Restart
}

// restarts reports whether any of the services is made to read its files.
func (w *worker) restarts(services []plan.Restart) bool {
	return slices.ContainsFunc(services, func(s plan.Restart) bool { return w.hook(s) != nil })
}

func (w *worker) restart(ctx context.Context, services []plan.Restart) error {
	for _, s := range services {
		hook, what := w.hook(s), "restart"
		if s.Reload {
			what = "reload"
		}
		if hook == nil {
			continue
		}
		if err := hook(ctx, s); err != nil {
			return fmt.Errorf("%s %s: %w", what, s.Unit, err)
		}
	}
	return nil
}

// leftover is what of an entry a person still has to do.
func (w *worker) leftover(e *entry) (run [][]string, restart []plan.Restart) {
	for _, c := range e.Command {
		if w.hooks.Run == nil && len(c.Do) > 0 {
			run = append(run, c.Do)
		}
	}
	for _, s := range e.Restart {
		if w.hook(s) == nil {
			restart = append(restart, s)
		}
	}
	return run, restart
}

// undo puts back what a run did, as far as its marks say that it got. It is not
// for the user to interrupt: half is worse than either.
func (w *worker) undo(ctx context.Context, r *record, result *Result) error {
	for i := r.reached(); i >= 0; i-- {
		if err := r.add(mark{undoing, i}); err != nil {
			return fmt.Errorf("roll back: %w", err)
		}
		left, err := r.Steps[i].undo(w.tree, namesOf(r.Token, i))
		if err != nil {
			return fmt.Errorf("roll back: %w", err)
		}
		if left != "" {
			result.Left = append(result.Left, r.Steps[i].Path+": "+left)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returnTime)
	defer cancel()
	told, err := w.takeBack(ctx, r, result)
	if err == nil && r.restarted() {
		var more error
		more, err = w.restartOld(ctx, r, result)
		told = errors.Join(told, more)
	}
	if err != nil {
		return errors.Join(told, fmt.Errorf("roll back: %w", err))
	}
	if err := r.add(mark{verb: undone}); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return told
}

// reached is the last step that may have begun and is not undone yet.
func (r *record) reached() int {
	m, begun := r.last()
	switch {
	case !begun || m.verb == returning || m.verb == unrunning:
		return -1
	case m.verb == doing || m.verb == undoing:
		return m.step
	}
	return len(r.Steps) - 1
}

// ran is the last command that may have begun and is not taken back yet.
func (r *record) ran() int {
	last := -1
	for _, m := range r.marks {
		switch m.verb {
		case running, unrunning:
			last = m.step
		case returning:
			return -1
		}
	}
	return last
}

// takeBack takes back the commands that were run, once the old files are there.
// One that fails is told and keeps nothing else from coming back; an error is
// that of the journal.
func (w *worker) takeBack(ctx context.Context, r *record, result *Result) (told, err error) {
	var errs []error
	for i := r.ran(); i >= 0; i-- {
		c := r.Command[i].Undo
		if len(c) == 0 {
			continue
		}
		if err := r.add(mark{unrunning, i}); err != nil {
			return errors.Join(errs...), err
		}
		if w.hooks.Run == nil {
			result.Run = append(result.Run, c)
			continue
		}
		if err := w.hooks.Run(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("with the old files: run %s: %w", strings.Join(c, " "), err))
			result.Run = append(result.Run, c)
		}
	}
	return errors.Join(errs...), nil
}

// restartOld has services read the old files again, with the results of takeBack.
func (w *worker) restartOld(ctx context.Context, r *record, result *Result) (told, err error) {
	if !w.restarts(r.Restart) {
		_, result.Restart = w.leftover(r.entry)
		return nil, nil
	}
	if err := r.add(mark{verb: returning}); err != nil {
		return nil, err
	}
	var errs []error
	for i, s := range r.Restart {
		if err := w.restart(ctx, r.Restart[i:i+1]); err != nil {
			errs = append(errs, fmt.Errorf("with the old files: %w", err))
			result.Restart = append(result.Restart, s)
		} else if w.hook(s) == nil {
			result.Restart = append(result.Restart, s)
		}
	}
	return errors.Join(errs...), nil
}

// recover takes back every run that was interrupted, the newest first.
func (w *worker) recover(ctx context.Context) ([]Result, error) {
	open, err := w.journal.unsettled()
	if err != nil {
		return nil, err
	}
	var out []Result
	for _, r := range open {
		if r.problem != nil {
			return out, fmt.Errorf("%w; an interrupted run may have left files half changed: look at them, then move %s away", r.problem, w.journal.shown(r.id+".*"))
		}
		if r.Root != w.mark {
			return out, fmt.Errorf("%w: entry %s was interrupted under %s: first finish it there", ErrJournal, r.ID, r.Root)
		}
		result := Result{ID: r.ID, Reason: r.Reason}
		err := w.undo(ctx, r, &result)
		result.State = r.state()
		out = append(out, result)
		if err != nil {
			return out, fmt.Errorf("entry %s was interrupted: %w", r.ID, err)
		}
	}
	return out, nil
}
