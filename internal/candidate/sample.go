package candidate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// part is how many bytes a range request asks for, at most.
const part = 4 << 10

// sample reads a part of one layer for its speed, and a range out of it.
func (l *look) sample(ctx context.Context) {
	ref, d, ok := l.blob()
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.j.Budget)
	defer cancel()
	l.say("sample")
	take := &taker{most: l.j.Sample, began: time.Now()}
	req := upstream.Request{
		URL: l.h.Object(ref, route.Blobs, d.Digest), Stage: snapshot.Blob, Accept: upstream.AcceptType(d.MediaType),
		Repository: l.h.Repository(ref), Limit: d.Size, Into: upstream.To(take), Unhashed: true,
	}
	if d.Size <= l.j.Sample {
		req.Digest, req.Unhashed = d.Digest, false
	}
	_, f := l.get(ctx, req)
	switch {
	case f == nil:
	case take.n > 0 && (take.n > take.most || f.Cause == snapshot.OutOfTime || f.Cause == snapshot.Canceled):
		l.m.Unfit, l.m.Failure = "", nil // what came is the sample
	case l.m.Unfit != Throttled && l.m.Unfit != Locked && f.Cause != snapshot.Canceled:
		l.m.Unfit, l.m.Failure = BadContent, f
	}
	if take.n == 0 {
		return
	}
	l.m.Sample = &Sample{Digest: d.Digest, Bytes: take.n, Took: take.took, Whole: f == nil && !req.Unhashed}
	if l.m.Unfit == "" {
		l.ranges(ctx, req, d, take.head.Bytes())
	}
}

// blob is the layer to read: of the first image that the host has, the largest
// that may be read whole, else the smallest.
func (l *look) blob() (route.Ref, descriptor, bool) {
	for i, t := range l.m.Tags {
		best, found := descriptor{}, false
		for _, d := range t.layers {
			if !d.valid() || d.Size == 0 {
				continue
			}
			fits, fitted := d.Size <= l.j.Sample, best.Size <= l.j.Sample
			if !found || fits && (!fitted || d.Size > best.Size) || !fits && !fitted && d.Size < best.Size {
				best, found = d, true
			}
		}
		if found {
			return l.j.Images[i], best, true
		}
	}
	return route.Ref{}, descriptor{}, false
}

// taker counts what is written, keeps the beginning and ends after so much.
type taker struct {
	most, n int64
	began   time.Time
	took    time.Duration
	head    bytes.Buffer
}

var errEnough = errors.New("enough was read")

func (t *taker) Write(p []byte) (int, error) {
	t.n += int64(len(p))
	t.took = time.Since(t.began)
	t.head.Write(p[:min(len(p), headSize-t.head.Len())])
	if t.n > t.most {
		return len(p), errEnough
	}
	return len(p), nil
}

// headSize is what is kept to compare a range with.
const headSize = 64 << 10

// ranges asks for a part of what was read already.
func (l *look) ranges(ctx context.Context, req upstream.Request, d descriptor, head []byte) {
	size := min(len(head)/2, part)
	if size == 0 {
		return
	}
	from := len(head) - size
	var got bytes.Buffer
	var answer snapshot.Response
	req.Range = fmt.Sprintf("bytes=%d-%d", from, from+size-1)
	req.Digest, req.Unhashed, req.Limit = "", true, int64(size)
	req.Into = func(r snapshot.Response) (io.Writer, error) {
		answer = r
		return &got, nil
	}
	unfit, failure := l.m.Unfit, l.m.Failure
	_, f := l.get(ctx, req)
	l.m.Unfit, l.m.Failure = unfit, failure // a range that is refused makes nobody unfit
	l.m.Ranges = honours(answer, f, got.Bytes(), fmt.Sprintf("bytes %d-%d/%d", from, from+size-1, d.Size), head[from:])
}

// honours judges the answer to a range request.
func honours(answer snapshot.Response, f *snapshot.Failure, got []byte, want string, bytesWanted []byte) Ranges {
	switch {
	case answer.Status == http.StatusOK:
		return Ignored
	case answer.Status != http.StatusPartialContent:
		return Refused
	case f != nil, strings.TrimSpace(headerOf(answer, "Content-Range")) != want, !bytes.Equal(got, bytesWanted):
		return Spoiled
	}
	return Honoured
}

func headerOf(r snapshot.Response, key string) string {
	if values := r.Header[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}
