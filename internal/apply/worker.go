package apply

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	} else if w.hooks.Restart == nil {
		result.Restart = e.Restart
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

// prove makes services read the new files and looks whether the node is well.
func (w *worker) prove(ctx context.Context, r *record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.hooks.Restart != nil && len(r.Restart) > 0 {
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

func (w *worker) restart(ctx context.Context, services []plan.Restart) error {
	for _, s := range services {
		if err := w.hooks.Restart(ctx, s); err != nil {
			return fmt.Errorf("restart %s: %w", s.Unit, err)
		}
	}
	return nil
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
	var err error
	if r.restarted() {
		err = w.restartOld(ctx, r, result)
	}
	if err := r.add(mark{verb: undone}); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return err
}

// reached is the last step that may have begun and is not undone yet.
func (r *record) reached() int {
	m, begun := r.last()
	switch {
	case !begun || m.verb == returning:
		return -1
	case m.verb == doing || m.verb == undoing:
		return m.step
	}
	return len(r.Steps) - 1
}

func (w *worker) restartOld(ctx context.Context, r *record, result *Result) error {
	if w.hooks.Restart == nil {
		result.Restart = r.Restart
		return nil
	}
	if err := r.add(mark{verb: returning}); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returnTime)
	defer cancel()
	var errs []error
	for i, s := range r.Restart {
		if err := w.restart(ctx, r.Restart[i:i+1]); err != nil {
			errs = append(errs, fmt.Errorf("with the old files: %w", err))
			result.Restart = append(result.Restart, s)
		}
	}
	return errors.Join(errs...)
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
