package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
)

// pullView shows how a pull goes.
type pullView interface {
	event(pull.Event)
	done()
}

// pullView is bars on a terminal and lines elsewhere.
func (a *app) pullView(ctx context.Context, ref route.Ref) pullView {
	lines := &pullLines{w: a.Err, ref: ref, have: map[string]int64{}, last: time.Now()}
	if report.Tty(a.Err) {
		return newPullBars(ctx, lines)
	}
	return lines
}

// pullLines writes one line for every step that takes its time.
type pullLines struct {
	w     io.Writer
	ref   route.Ref
	have  map[string]int64 // by digest
	total int64
	last  time.Time // when there was a line
	held  []string  // refusals; when the pull fails, its error has them
}

// lull is how long nothing is said while bytes come.
const lull = 10 * time.Second

func (v *pullLines) event(e pull.Event) {
	if e.Part.Digest != "" {
		v.have[e.Part.Digest] = e.Have
	}
	if e.State == pull.Queued {
		v.total += e.Part.Size
	}
	for _, line := range v.news(e) {
		fmt.Fprintln(v.w, "towpath: "+line)
		v.last = time.Now()
	}
}

// news is what there is to say once something has gone on.
func (v *pullLines) news(e pull.Event) []string {
	line := v.line(e)
	if e.State == pull.Refused {
		v.held = append(v.held, line)
		return nil
	}
	var out []string
	if line != "" {
		out, v.held = append(v.held, line), nil
	}
	return out
}

// line is what there is to say of an event; "": nothing.
func (v *pullLines) line(e pull.Event) string {
	switch e.State {
	case pull.Waiting:
		return "waiting for another towpath that pulls into " + e.Text
	case pull.Resolved:
		return v.ref.String() + " is " + e.Text
	case pull.Refused:
		return e.Endpoint + ": " + e.Text
	case pull.Pausing:
		return fmt.Sprintf("asking again in %s", e.Wait)
	case pull.Present:
		return fmt.Sprintf("%s %s is there already", e.Part.Name, brief(e.Part.Digest))
	case pull.Done:
		return fmt.Sprintf("%s %s %s from %s", e.Part.Name, brief(e.Part.Digest), size(e.Part.Size), e.Endpoint)
	case pull.Downloading:
		if time.Since(v.last) > lull {
			return fmt.Sprintf("%s of %s", size(v.sum()), size(v.total))
		}
	}
	return ""
}

func (v *pullLines) sum() (n int64) {
	for _, have := range v.have {
		n += have
	}
	return n
}

func (v *pullLines) done() {}

// brief is a digest as people recognise it.
func brief(digest string) string { return digest[:min(len(digest), 19)] }
