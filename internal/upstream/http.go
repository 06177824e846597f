package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

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

// statusText is the bare text of a status, which is all that Go shows of a
// proxy's refusal.
func statusText(resp *http.Response) string {
	_, text, ok := strings.Cut(resp.Status, " ")
	if !ok || text == "" {
		return fmt.Sprint("unknown status code ", resp.StatusCode)
	}
	return printable(text, 200)
}
