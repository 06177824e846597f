package cli

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/towpath-dev/towpath/internal/pull"
)

// pullBars shows a bar for every blob that is on its way, and one for all of
// them. What is to be said stands above.
type pullBars struct {
	lines *pullLines
	all   *mpb.Progress
	total *mpb.Bar
	bars  map[string]*mpb.Bar // by digest
	fresh atomic.Int64        // bytes that came in this run
	start time.Time
}

func newPullBars(ctx context.Context, lines *pullLines) *pullBars {
	v := &pullBars{lines: lines, bars: map[string]*mpb.Bar{}, start: time.Now()}
	v.all = mpb.NewWithContext(ctx, mpb.WithOutput(lines.w), mpb.WithWidth(40))
	return v
}

func (v *pullBars) event(e pull.Event) {
	if e.State == pull.Downloading {
		v.fresh.Add(max(0, e.Have-v.lines.have[e.Part.Digest]))
	}
	v.lines.have[e.Part.Digest] = e.Have
	switch e.State {
	case pull.Queued:
		v.lines.total += e.Part.Size
	case pull.Checking, pull.Downloading:
		v.bar(e)
	case pull.Done, pull.Present:
		v.bar(e).SetTotal(e.Part.Size, true)
	case pull.Waiting, pull.Resolved, pull.Refused, pull.Pausing:
		for _, line := range v.lines.news(e) {
			fmt.Fprintln(v.all, "towpath: "+line)
		}
	}
	if v.total != nil {
		v.total.SetCurrent(v.lines.sum())
	}
}

// bar moves the bar of a blob, and makes it first where there is none.
func (v *pullBars) bar(e pull.Event) *mpb.Bar {
	if v.total == nil {
		v.total = v.all.AddBar(v.lines.total, mpb.BarPriority(1<<20),
			mpb.PrependDecorators(decor.Name("all", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f of % .1f"), decor.Name("  "), decor.Any(v.speed)))
	}
	b := v.bars[e.Part.Digest]
	if b == nil {
		b = v.all.AddBar(e.Part.Size, mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(e.Part.Name+" "+brief(e.Part.Digest), decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f of % .1f")))
		v.bars[e.Part.Digest] = b
	}
	b.SetCurrent(e.Have)
	return b
}

// speed is that of this run alone.
func (v *pullBars) speed(decor.Statistics) string {
	seconds := max(time.Since(v.start).Seconds(), 0.1)
	return size(int64(float64(v.fresh.Load())/seconds)) + "/s"
}

// done removes what is not complete and waits until the last line is drawn.
func (v *pullBars) done() {
	for _, b := range v.bars {
		b.Abort(true)
	}
	if v.total != nil {
		v.total.Abort(true)
	}
	v.all.Wait()
}
