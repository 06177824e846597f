package probe

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// smallSegment fits through every tunnel: it is what TCP assumes of a path of
// which nothing is known (RFC 9293, 3.7.1). Bytes.
const smallSegment = 536

var segmentText = fmt.Sprintf("segments of %d bytes", smallSegment)

// bodies: does the answer arrive whole in smaller segments, or around the proxy?
func (t *trials) bodies(a *snapshot.Attempt) {
	if t.stage != snapshot.Manifest && t.stage != snapshot.Blob {
		return
	}
	switch a.Failure.Cause {
	case snapshot.Silent, snapshot.Stalled:
		if a.Proxy == "" {
			t.once(snapshot.SmallSegments, segmentText, upstream.Vary{Segment: smallSegment})
		}
	case snapshot.WrongDigest, snapshot.BadReply, snapshot.Truncated:
		if a.Proxy != "" {
			t.once(snapshot.Direct, "the same object", upstream.Vary{Direct: true})
		}
	}
}

// once gets the object that failed, and checks it as the runtime would.
func (t *trials) once(change snapshot.Change, detail string, vary upstream.Vary) {
	l := t.l
	if t.aside || strings.Contains(t.leg.URL, "***") {
		return
	}
	req := upstream.Request{
		Method: http.MethodGet, URL: t.leg.URL, Stage: t.stage, Endpoint: l.endpoint, Repository: l.endpoint.Repository(l.p.Ref),
		Accept: upstream.AcceptManifest, Into: upstream.To(io.Discard), Limit: upstream.MaxManifest, Vary: vary,
	}
	if t.stage == snapshot.Blob {
		req.Accept, req.Digest = upstream.AcceptAny, digestOf(t.leg.URL)
	} else if m := l.hop.Manifest; m != nil {
		req.Digest = m.Expect
	}
	t.wg.Go(func() {
		e := l.session.Ask(t.ctx, req)
		a := *e.Last()
		if f := a.Fault(); f != nil && f.Cause == snapshot.TooLarge {
			a.Final().Failure = nil // more than enough of it came
		}
		if a.OK() && t.stage == snapshot.Manifest && !manifestLike(&a) {
			a.Final().Failure = &snapshot.Failure{Stage: snapshot.Manifest, Cause: snapshot.BadReply, Text: "no manifest"}
		}
		l.add(snapshot.Trial{Change: change, Detail: detail, Stage: t.stage, Attempt: a})
	})
}

// digestOf is the digest that ends the path of a blob's URL.
func digestOf(u string) string {
	u, _, _ = strings.Cut(u, "?")
	return u[strings.LastIndexByte(u, '/')+1:]
}
