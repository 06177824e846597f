package snapshot_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

func failed(stage snapshot.Stage) *snapshot.Failure { return &snapshot.Failure{Stage: stage} }

// The runtime takes the first host that resolves and serves, and gives up at one
// that ends the pull.
func TestWhoServes(t *testing.T) {
	ok, no := snapshot.Hop{Resolves: true}, snapshot.Hop{Resolves: true, Failure: failed(snapshot.TLS)}
	digests := snapshot.Hop{}
	ends := snapshot.Hop{Resolves: true, Failure: &snapshot.Failure{Ends: true}}
	for _, c := range []struct {
		hops []snapshot.Hop
		want int
	}{
		{nil, -1}, {[]snapshot.Hop{no}, -1}, {[]snapshot.Hop{ok, ok}, 0}, {[]snapshot.Hop{no, ok}, 1},
		{[]snapshot.Hop{digests, ok}, 1}, {[]snapshot.Hop{digests}, -1}, {[]snapshot.Hop{no, ends, ok}, -1}, {[]snapshot.Hop{ok, ends}, 0},
	} {
		if got := (&snapshot.Pull{Hops: c.hops}).Serving(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.hops, got, c.want)
		}
	}
}

// An attempt is as good as the last leg of its redirects.
func TestAnAttemptEndsWhereItsRedirectsLed(t *testing.T) {
	end := &snapshot.Attempt{URL: "https://c", Response: &snapshot.Response{Status: 403}, Failure: failed(snapshot.Blob)}
	a := &snapshot.Attempt{URL: "https://a", Response: &snapshot.Response{Status: 307}, Next: &snapshot.Attempt{Response: &snapshot.Response{Status: 302}, Next: end}}
	if a.Final() != end || a.Fault() != end.Failure || a.Status() != 403 || a.OK() {
		t.Errorf("final %+v, fault %+v, status %d", a.Final(), a.Fault(), a.Status())
	}
	end.Failure = nil
	if !a.OK() {
		t.Error("no leg failed")
	}
}

func TestWhatWasNotAttemptedIsNotGood(t *testing.T) {
	var none *snapshot.Attempt
	if none.OK() || none.Fault() != nil || none.Final() != nil || none.Status() != 0 || none.Reached() {
		t.Error("an attempt that was not made has an outcome")
	}
	if (&snapshot.Attempt{}).Status() != 0 {
		t.Error("without an answer there is no status")
	}
	if (&snapshot.Hop{Steps: []snapshot.Step{{Attempt: snapshot.Attempt{Failure: failed(snapshot.TLS)}}}}).Failed() != nil {
		t.Error("a hop that serves has no failed step")
	}
}

// A trial cures when it gets further than what it repeats.
func TestATrialCuresWhenItGetsFurther(t *testing.T) {
	for stage, want := range map[snapshot.Stage]bool{
		"": true, snapshot.Resolve: false, snapshot.Connect: false, snapshot.TLS: false, snapshot.API: true, snapshot.Manifest: true,
	} {
		h := snapshot.Hop{Failure: failed(snapshot.TLS), Trials: []snapshot.Trial{{Change: snapshot.WithoutSNI}, {Change: snapshot.Direct}}}
		for i := range h.Trials {
			if stage != "" {
				h.Trials[i].Attempt.Failure = failed(stage)
			}
		}
		if got := h.Cured(snapshot.Direct); (got != nil) != want || got != nil && got.Change != snapshot.Direct {
			t.Errorf("TLS failed, the trial in %q: %+v", stage, got)
		}
		if len(h.Tried(snapshot.Direct)) != 1 || h.Tried(snapshot.OtherPort) != nil {
			t.Errorf("tried %v", h.Tried(snapshot.Direct))
		}
	}
}
