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

// exchangeHeaders sends the request and waits for the response's header.
func (l *leg) exchangeHeaders(ctx context.Context, h http.Header) (*http.Response, *snapshot.Failure) {
	limit := orDefault(l.x.c.Limits.Header, 10*time.Second)
	req := &http.Request{Method: l.method, URL: l.url, Host: l.url.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if l.form != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(l.form)), int64(len(l.form))
	}
	write := req.Write
	if l.link.forward {
		write = req.WriteProxy
		if l.link.proxyKey != "" {
			h.Set("Proxy-Authorization", l.link.proxyKey)
		}
	}
	l.link.forHeader(ctx, limit)
	if err := write(l.link); err != nil {
		return nil, l.broken(ctx, err, snapshot.Silent)
	}
	sent := time.Now()
	_, err := l.link.in.Peek(1)
	l.at.Took.FirstByte = time.Since(sent)
	if err != nil {
		return nil, l.broken(ctx, err, snapshot.Silent)
	}
	// At most five informational responses come first, as in net/http.
	for range 6 {
		resp, err := http.ReadResponse(l.link.in, req)
		if err != nil {
			return nil, l.unreadable(ctx, err)
		}
		if resp.StatusCode >= 200 {
			return resp, nil
		}
	}
	return nil, l.x.failure(snapshot.NotHTTP, "net/http: too many 1xx informational responses")
}

// broken sorts an error of the connection while HTTP is spoken.
func (l *leg) broken(ctx context.Context, err error, late snapshot.Cause) *snapshot.Failure {
	cause := ioCause(err, late)
	f := l.x.failure(cause, err.Error())
	switch {
	case over(ctx):
		f.Cause = endOf(ctx)
	case errors.Is(err, errBigHeader):
		f.Cause = snapshot.TooLarge
	case cause == snapshot.Silent:
		f.Text = "net/http: timeout awaiting response headers"
	case cause == snapshot.Closed && errors.Is(err, io.EOF):
		f.Text = "EOF"
	}
	// A server that wants a client certificate says so in its first record.
	if f.Cause == snapshot.TLSAlert {
		f.Stage = snapshot.TLS
	}
	return f
}

// unreadable sorts an error of reading the header, of which the first byte has come.
func (l *leg) unreadable(ctx context.Context, err error) *snapshot.Failure {
	f := l.broken(ctx, err, snapshot.Silent)
	if f.Cause == snapshot.Unclassified {
		f.Cause = snapshot.NotHTTP
	}
	f.Text = printable(f.Text, 500)
	return f
}

// note keeps what the response says, the body left out.
func (l *leg) note(resp *http.Response) {
	v := l.x.veil
	r := &snapshot.Response{
		Status: resp.StatusCode,
		Line:   printable(v.text(strings.TrimSpace(resp.Status)), 200),
		Header: v.responseHeader(resp.Header, l.url),
		Length: resp.ContentLength,
		Proto:  resp.Proto,
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	r.Type = printable(strings.ToLower(strings.TrimSpace(mediaType)), 200)
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.Date = t
	}
	l.at.Response = r
}

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
	err = l.copy(resp, io.MultiWriter(sums, head, into), limit)
	l.at.Response.Head = l.headText(head.data)
	if err != nil {
		return l.brokenBody(ctx, err)
	}
	l.done = reusable(resp)
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
	buf := make([]byte, 32<<10)
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

// statusText is the bare text of a status, which is all that Go shows of a
// proxy's refusal.
func statusText(resp *http.Response) string {
	_, text, ok := strings.Cut(resp.Status, " ")
	if !ok || text == "" {
		return fmt.Sprint("unknown status code ", resp.StatusCode)
	}
	return printable(text, 200)
}
