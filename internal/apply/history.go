package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
)

// Entry is one run as the journal tells it. Contents of files are not in it.
type Entry struct {
	ID      string         `json:"id"` // grows with time; leading zeros may be left out
	Time    time.Time      `json:"time"`
	Reason  string         `json:"reason"`
	State   State          `json:"state"`
	Undoes  string         `json:"undoes,omitempty"` // the entry that this one took back
	Files   []string       `json:"files"`
	Restart []plan.Restart `json:"restart,omitempty"`
	Holder  string         `json:"holder,omitempty"` // Pending: the process that is at it right now
}

// History lists the runs of a site, the oldest first. Entries that cannot be
// read are in the error, ErrJournal; the others are there all the same.
func History(site Site) ([]Entry, error) {
	o, err := site.open()
	if err != nil {
		return nil, err
	}
	defer o.close()
	all, err := o.journal.scan()
	if err != nil {
		return nil, err
	}
	var out []Entry
	var errs []error
	taken := takenBack(all)
	for _, r := range all {
		if r.problem != nil {
			errs = append(errs, r.problem)
			continue
		}
		e := r.shown()
		if slices.Contains(taken, e.ID) {
			e.State = Undone
		}
		out = append(out, e)
	}
	return out, errors.Join(errs...)
}

// Pending is the run that was interrupted, or is at work in another process; nil
// if there is none. It changes nothing and takes no lock.
func Pending(site Site) (*Entry, error) {
	o, err := site.open()
	if err != nil {
		return nil, err
	}
	defer o.close()
	holder, err := o.journal.holder()
	if err != nil {
		return nil, err
	}
	open, err := o.journal.unsettled()
	if err != nil || len(open) == 0 {
		return nil, err
	}
	if open[0].problem != nil {
		return nil, open[0].problem
	}
	e := open[0].shown()
	e.Holder = holder
	return &e, nil
}

func (r *record) shown() Entry {
	return Entry{
		ID: r.ID, Time: r.Time, Reason: r.Reason, State: r.state(), Undoes: r.Undoes,
		Files: r.paths(), Restart: r.Restart,
	}
}

// takenBack lists the entries that a finished rollback undid, unless that was
// itself taken back.
func takenBack(all []*record) []string {
	var out []string
	for _, r := range slices.Backward(all) {
		if r.entry != nil && r.Undoes != "" && r.state() == Done && !slices.Contains(out, r.ID) {
			out = append(out, r.Undoes)
		}
	}
	return out
}

// reversible finds the entry to roll back. Without an id that is the newest one
// that is in place and is itself no rollback.
func (j *journal) reversible(id string) (*record, error) {
	all, err := j.scan()
	if err != nil {
		return nil, err
	}
	taken := takenBack(all)
	for _, r := range slices.Backward(all) {
		switch {
		case id != "" && number(r.id) != number(strings.TrimSpace(id)):
			continue
		case r.problem != nil:
			return nil, r.problem
		case r.state() != Done:
			if id != "" {
				return nil, fmt.Errorf("%w: entry %s is %s", ErrNoEntry, r.ID, r.state())
			}
		case slices.Contains(taken, r.ID):
			if id != "" {
				return nil, fmt.Errorf("%w: entry %s is %s", ErrNoEntry, r.ID, Undone)
			}
		case id != "" || r.Undoes == "":
			return r, nil
		}
	}
	if id != "" {
		return nil, fmt.Errorf("%w: there is no entry %s", ErrNoEntry, id)
	}
	return nil, ErrNoEntry
}

// unchanged refuses drift before an entry is taken back.
func unchanged(t *tree, todo []step) error {
	v := newView(t)
	var errs []error
	for _, s := range todo {
		got, err := v.at(s.Path)
		if err != nil {
			return err
		}
		want := s.Old
		switch {
		case s.Extra:
			want = got // a directory that came along may be in any state
		case s.To != "" && want.Shape == directory && got != nil && got.Shape == directory:
			want = got
		}
		if what := differs(want, got); what != "" {
			errs = append(errs, drift(s.Path, what))
		}
		if s.To != "" {
			if got, err := v.at(s.To); err != nil {
				return err
			} else if got != nil {
				errs = append(errs, drift(s.To, "it exists"))
			}
		}
		v.take(s)
	}
	return errors.Join(errs...)
}
