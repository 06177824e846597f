package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// readBody reads the body of a success to where the request wants it.
func (l *leg) readBody(ctx context.Context, resp *http.Response) *snapshot.Failure {
	req := &l.x.req
	if l.method == http.MethodHead || resp.StatusCode == http.StatusNoContent {
		l.done = reusable(resp)
		return nil
	}
	if req.Into == nil {
		return l.look(ctx, resp)
	}
	into, err := req.Into(*l.at.Response)
	if err != nil {
		return l.x.failure(snapshot.BadReply, err.Error())
	}
	limit := req.Limit
	if limit == 0 {
		limit = MaxManifest
	}
	sums := newSums(req.Digest)
	head := &prefix{}
	sinks := io.MultiWriter(sums, head, into)
	if req.Unhashed {
		sinks = io.MultiWriter(head, into)
	}
	err = l.copy(resp, sinks, limit)
	l.at.Response.Head = l.headText(head.data)
	if err != nil {
		return l.brokenBody(ctx, err)
	}
	l.done = reusable(resp)
	if req.Unhashed {
		return nil
	}
	l.at.Response.Digest = sums.sha256()
	if got := sums.named(req.Digest); got != req.Digest {
		return l.x.failure(snapshot.WrongDigest, fmt.Sprintf("the bytes hash to %s, not to %s", got, req.Digest))
	}
	return nil
}

// brokenBody sorts an error in the middle of a body.
func (l *leg) brokenBody(ctx context.Context, err error) *snapshot.Failure {
	f := l.broken(ctx, err, snapshot.Stalled)
	r := l.at.Response
	switch {
	case over(ctx):
	case errors.As(err, new(tooLarge)):
		f.Cause = snapshot.TooLarge
	case errors.As(err, new(sinkError)):
		f.Cause = snapshot.Unclassified
	case f.Cause == snapshot.Closed:
		f.Cause, f.Text = snapshot.Truncated, fmt.Sprintf("unexpected EOF after %d bytes", r.Read)
	case f.Cause == snapshot.Stalled:
		f.Text = fmt.Sprintf("no more bytes after %d", r.Read)
	}
	return f
}

// look reads the beginning of a body that nobody wants.
func (l *leg) look(ctx context.Context, resp *http.Response) *snapshot.Failure {
	var body bytes.Buffer
	err := l.copy(resp, &body, maxError)
	l.at.Response.Head = l.headText(body.Bytes())
	if errors.As(err, new(tooLarge)) {
		return nil
	}
	if err != nil {
		return l.brokenBody(ctx, err)
	}
	l.done = reusable(resp)
	if resp.StatusCode == http.StatusOK {
		sum := sha256.Sum256(body.Bytes())
		l.at.Response.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	return nil
}

// readRefusal reads the body of a refusal, whose own trouble does not matter.
func (l *leg) readRefusal(_ context.Context, resp *http.Response) {
	var body bytes.Buffer
	err := l.copy(resp, &body, maxError)
	l.at.Response.Head = l.headText(body.Bytes())
	l.done = err == nil && reusable(resp)
}

func (l *leg) drain(_ context.Context, resp *http.Response) {
	l.done = l.copy(resp, io.Discard, maxHead) == nil && reusable(resp)
}

// tooLarge is the failure of a body that exceeds its limit.
type tooLarge struct{ limit int64 }

func (e tooLarge) Error() string { return fmt.Sprintf("the body is larger than %d bytes", e.limit) }

// sinkError is a failure of the one who wanted the bytes.
type sinkError struct{ err error }

func (e sinkError) Error() string { return e.err.Error() }
func (e sinkError) Unwrap() error { return e.err }

// copy reads a body to its end, or to limit bytes and one more.
func (l *leg) copy(resp *http.Response, into io.Writer, limit int64) error {
	l.link.forBody(orDefault(l.x.c.Limits.Idle, 10*time.Second))
	if resp.Request.Method == http.MethodHead {
		return nil
	}
	buf := make([]byte, min(max(limit, 32<<10), 256<<10))
	for {
		n, err := resp.Body.Read(buf)
		l.at.Response.Read += int64(n)
		if l.at.Response.Read > limit {
			return tooLarge{limit}
		}
		if n > 0 {
			if _, werr := into.Write(buf[:n]); werr != nil {
				return sinkError{werr}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reusable reports whether another request may follow on the connection.
func reusable(resp *http.Response) bool { return !resp.Close && resp.ProtoAtLeast(1, 1) }

// headText is the beginning of a body for people; nothing of binary data, and
// nothing of the answer of a token server, which is a secret.
func (l *leg) headText(data []byte) string {
	data = data[:min(len(data), maxHead)]
	if l.x.token && l.status < 300 && bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) || bytes.IndexByte(data, 0) >= 0 {
		return ""
	}
	if !utf8.Valid(data) && bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return ""
	}
	return printable(l.x.veil.text(string(data)), maxHead)
}

// prefix keeps the beginning of what is written.
type prefix struct{ data []byte }

func (p *prefix) Write(b []byte) (int, error) {
	p.data = append(p.data, b[:min(len(b), maxHead-len(p.data))]...)
	return len(b), nil
}

// sums hashes a body under every algorithm that is asked for.
type sums struct {
	io.Writer
	short, long hash.Hash
}

func newSums(digest string) *sums {
	s := &sums{short: sha256.New()}
	s.Writer = s.short
	switch {
	case strings.HasPrefix(digest, "sha512:"):
		s.long = sha512.New()
	case strings.HasPrefix(digest, "sha384:"):
		s.long = sha512.New384()
	}
	if s.long != nil {
		s.Writer = io.MultiWriter(s.short, s.long)
	}
	return s
}

func (s *sums) sha256() string { return "sha256:" + hex.EncodeToString(s.short.Sum(nil)) }

// named is the digest under the algorithm of the one that is expected.
func (s *sums) named(expected string) string {
	algorithm, _, _ := strings.Cut(expected, ":")
	switch {
	case expected == "":
		return ""
	case s.long != nil:
		return algorithm + ":" + hex.EncodeToString(s.long.Sum(nil))
	}
	return s.sha256()
}
