package snapshot

import "slices"

// Fault is the failure of an attempt or of the redirect that ended it; nil: none.
func (a *Attempt) Fault() *Failure {
	for ; a != nil; a = a.Next {
		if a.Failure != nil {
			return a.Failure
		}
	}
	return nil
}

// Final is the last leg of an attempt: where its redirects led.
func (a *Attempt) Final() *Attempt {
	for a != nil && a.Next != nil {
		a = a.Next
	}
	return a
}

// OK reports whether an attempt was made and got what it asked for.
func (a *Attempt) OK() bool { return a != nil && a.Fault() == nil }

// Status is the HTTP status that an attempt ended with; 0: it got none.
func (a *Attempt) Status() int {
	if f := a.Final(); f != nil && f.Response != nil {
		return f.Response.Status
	}
	return 0
}

// Reached reports whether a TCP connection was made.
func (a *Attempt) Reached() bool {
	return a != nil && slices.ContainsFunc(a.Dials, func(d Dial) bool { return d.OK })
}

// Failed is the step that ended a hop; nil when the hop serves the image.
func (h *Hop) Failed() *Step {
	if h.Failure == nil {
		return nil
	}
	for i := range h.Steps {
		if h.Steps[i].Attempt.Fault() != nil {
			return &h.Steps[i]
		}
	}
	return nil
}

// Tried returns the trials of one change, in order.
func (h *Hop) Tried(c Change) []Trial {
	var out []Trial
	for _, t := range h.Trials {
		if t.Change == c {
			out = append(out, t)
		}
	}
	return out
}

// Cured is the first trial of a change that got further than the request it
// repeats: past the stage in which that failed.
func (h *Hop) Cured(c Change) *Trial {
	for i := range h.Trials {
		t := &h.Trials[i]
		if t.Change != c {
			continue
		}
		f := t.Attempt.Fault()
		if f == nil || h.Failure != nil && later(f.Stage, h.Failure.Stage) {
			return t
		}
	}
	return nil
}

var order = []Stage{Resolve, Connect, TLS, API, Token, Manifest, Blob}

func later(a, b Stage) bool { return slices.Index(order, a) > slices.Index(order, b) }

// Serving is the index of the first hop that turns the reference into a digest
// and has the image; -1 when the runtime would end up with nothing.
func (p *Pull) Serving() int {
	for i := range p.Hops {
		h := &p.Hops[i]
		if h.Resolves && h.Failure == nil {
			return i
		}
		if h.Failure != nil && h.Failure.Ends {
			return -1
		}
	}
	return -1
}
