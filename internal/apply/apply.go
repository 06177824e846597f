// Package apply carries out plans on a node, and takes them back. It decides
// nothing: what to change comes as a plan, how to restart a service and whether
// the node is well come as functions. It prints nothing and asks nobody.
//
// A run goes like this:
//
//	caller    apply                     journal              tree              hooks
//	  Run ────► take the lock ──────────► lock
//	            undo what a dead run left ─► its marks ────────► old files ─────► Restart
//	            compare Before with disk ◄────────────────────── files
//	            (drift: stop, nothing was written)
//	            write the entry ──────────► NNNN.log, NNNN.json, on disk
//	            for each step ────────────► mark "do k"
//	                                        stage the new file beside the old, on disk
//	                                        keep the old one under a spare name
//	                                        rename, sync the directory
//	            for each command ─────────► mark "run k" ────────────────────────► Run
//	            restart, reload ──────────► mark "restart" ──────────────────────► Restart, Reload
//	            check ────────────────────► mark "check" ────────────────────────► Check
//	            remove the spare files
//	            done ─────────────────────► mark "done"
//	  ◄──────── Result
//
// Whatever goes wrong after the entry is written, an error, a failed restart or
// check, a cancelled context, the steps are undone backwards, each under a mark
// of its own, commands that were run are taken back by theirs, services that were
// restarted are restarted again, and the mark is "rolled back". A mark is on disk before what it announces begins. So a process
// that is killed anywhere leaves at most one step in doubt, and that step's path
// is in its old state or in its new one, because a rename decides between them.
// The next run looks which, and undoes it and those before. A file that is in
// neither state was changed by somebody else: it stays as it is and is reported.
//
// Rollback is a run of the same kind with the states of an entry swapped, and
// has an entry of its own.
//
// What comes back: content, mode, owner, extended attributes, the targets of
// links, modification times of files, that two names are one file, and directories
// made on the way, when they are empty. What does not: times of directories and of
// access, and the flags of chattr.
package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
)

var (
	// ErrDrift tells that a path is no longer as it was when the plan was made,
	// or as the run left it.
	ErrDrift = errors.New("changed by somebody else in the meantime")
	// ErrLocked tells that another process is changing this node.
	ErrLocked = errors.New("another towpath is changing this node")
	// ErrJournal tells that a file of the journal cannot be used.
	ErrJournal = errors.New("the journal is not whole")
	// ErrNoEntry tells that there is no such entry, or none that can be rolled back.
	ErrNoEntry = errors.New("nothing to roll back")
)

// Hooks are what a run needs of the node besides its files. They are called with
// the run's context, all but Check also while rolling back, then with one that
// cannot be cancelled but ends after two minutes.
type Hooks struct {
	Run     func(context.Context, []string) error     // a command; nil: none is run
	Restart func(context.Context, plan.Restart) error // nil: nothing is restarted
	Reload  func(context.Context, plan.Restart) error // the same for what can read its files again; nil: nothing does
	Check   func(context.Context) error               // nil: the files are enough
}

// State is where an entry of the journal stands.
type State string

// The states of an entry. Planned, Applying and Undoing are those of a run that
// is at work or was interrupted.
const (
	Planned    State = "planned"     // written down, nothing was touched
	Applying   State = "applying"    // between the first change and the end of the check
	Undoing    State = "undoing"     // on the way back
	Done       State = "done"        // in place and checked
	RolledBack State = "rolled-back" // failed or interrupted, and taken back at once
	Undone     State = "undone"      // done, and taken back later by another entry
)

// Result is what became of a run. It counts also when there is an error.
type Result struct {
	ID        string         // of the entry; empty: nothing was written
	Reason    string         // of the plan
	State     State          // Done, RolledBack, or where it got stuck
	Left      []string       // paths that somebody else changed, and why they were not put back
	Restart   []plan.Restart // services that have not been restarted yet and should be
	Run       [][]string     // commands that have not been run and should be
	Recovered []Result       // interrupted runs that were taken back first
}

// Run carries out a plan. Without changes and restarts in it, it only takes back
// what an interrupted run left.
//
// Errors: ErrLocked, ErrDrift and ErrJournal mean that nothing of the plan was
// done. Any other error after the entry was written comes with a Result whose
// State is RolledBack, or says what kept it from being so; the next run, Rollback
// or Recover then goes on.
func Run(ctx context.Context, site Site, p plan.Plan, hooks Hooks) (Result, error) {
	if err := p.Validate(); err != nil {
		return Result{}, err
	}
	return site.session(ctx, p.Reason, hooks, func(w *worker) (Result, error) {
		todo, err := steps(w.tree, p)
		if err != nil {
			return Result{}, err
		}
		if len(todo) == 0 && len(p.Restart) == 0 && len(p.Command) == 0 {
			return Result{Reason: p.Reason}, nil
		}
		return w.carry(ctx, &entry{Reason: p.Reason, Owner: p.Owner, Command: p.Command, Restart: p.Restart, Steps: todo})
	})
}

// Recover takes back what an interrupted run left, and reports it. Without one
// the result is empty.
func Recover(ctx context.Context, site Site, hooks Hooks) ([]Result, error) {
	r, err := site.session(ctx, "recover", hooks, func(*worker) (Result, error) { return Result{}, nil })
	return r.Recovered, err
}

// Rollback takes back a finished entry, the newest one if id is empty. Files
// that changed since are refused with ErrDrift, all of them named, and nothing is
// written.
func Rollback(ctx context.Context, site Site, id string, hooks Hooks) (Result, error) {
	return site.session(ctx, "rollback "+id, hooks, func(w *worker) (Result, error) {
		r, err := w.journal.reversible(id)
		if err != nil {
			return Result{}, err
		}
		if r.Root != w.mark {
			return Result{}, fmt.Errorf("%w: entry %s is about files under %s", ErrNoEntry, r.ID, r.Root)
		}
		todo := r.reversed()
		if err := unchanged(w.tree, todo); err != nil {
			return Result{}, err
		}
		return w.carry(ctx, &entry{Reason: "undo " + r.ID + ": " + r.Reason, Undoes: r.ID, Command: plan.Undoing(r.Command), Restart: r.Restart, Steps: todo})
	})
}

// session is what all changing commands share: the tree, the lock, and taking
// back what an interrupted run left.
func (s Site) session(ctx context.Context, what string, hooks Hooks, f func(*worker) (Result, error)) (Result, error) {
	if !s.live() {
		hooks.Run, hooks.Restart, hooks.Reload = nil, nil, nil
	}
	o, err := s.open()
	if err != nil {
		return Result{}, err
	}
	defer o.close()
	if err := o.journal.make(); err != nil {
		return Result{}, err
	}
	release, err := o.journal.lock(what)
	if err != nil {
		return Result{}, err
	}
	defer release()
	w := &worker{opened: o, hooks: hooks}
	recovered, err := w.recover(ctx)
	if err != nil {
		return Result{Recovered: recovered}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{Recovered: recovered}, err
	}
	r, err := f(w)
	r.Recovered = recovered
	return r, err
}

// returnTime bounds how long services may take to come back with the old files.
const returnTime = 2 * time.Minute
