package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// leg is one request to one URL.
type leg struct {
	x      *exchange
	at     *snapshot.Attempt
	method string
	url    *url.URL
	form   []byte
	first  bool

	link     *link
	settle   []func() // completes the evidence of what was not waited for
	status   int      // 0: there was no response
	location string
	done     bool // the response has been read to its end
}

// run makes the request and leaves everything it saw in the attempt.
func (l *leg) run(ctx context.Context) {
	start := time.Now()
	defer func() { l.at.Took.Total = time.Since(start) }()
	l.serve(ctx)
	waited := time.Now()
	for _, f := range l.settle {
		f()
	}
	start = start.Add(time.Since(waited)) // waiting for the others is not the server's time
	if l.link != nil {
		l.release()
	}
}

func (l *leg) serve(ctx context.Context) {
	l.link, l.at.Failure = l.reuse(ctx)
	if l.link == nil && l.at.Failure == nil {
		l.link, l.at.Failure = l.open(ctx)
	}
	if l.at.Failure != nil {
		return
	}
	if l.x.req.Vary.LookOnly {
		return
	}
	l.at.Failure = l.talk(ctx)
	if l.at.Reused && l.status == 0 && l.at.Failure != nil && (l.at.Failure.Cause == snapshot.Closed || l.at.Failure.Cause == snapshot.Reset) {
		// The server had given the idle connection up, as it may.
		_ = l.link.Close()
		*l.at = snapshot.Attempt{Method: l.at.Method, URL: l.at.URL, Started: l.at.Started, Before: l.at.Before}
		if l.link, l.at.Failure = l.open(ctx); l.at.Failure == nil {
			l.at.Failure = l.talk(ctx)
		}
	}
}

// talk sends the request over the link and reads the response.
func (l *leg) talk(ctx context.Context) *snapshot.Failure {
	header, err := l.header()
	if errors.As(err, new(withheldError)) {
		return l.x.failure(snapshot.ForeignRealm, err.Error())
	}
	if err != nil {
		return &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: l.x.safe(err.Error())}
	}
	defer guard(ctx, l.link.Conn)()
	resp, f := l.exchangeHeaders(ctx, header)
	if f != nil {
		return f
	}
	l.note(resp)
	if l.link.forward && resp.StatusCode == http.StatusProxyAuthRequired {
		l.at.ProxyHTTP = l.at.Response
		l.readRefusal(ctx, resp)
		l.at.Response = nil
		return &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyStatus, Text: statusText(resp)}
	}
	l.status, l.location = resp.StatusCode, resp.Header.Get("Location")
	switch {
	case l.status >= 300 && l.status < 400 && l.location != "":
		l.drain(ctx, resp)
		return nil
	case l.status >= 300:
		l.readRefusal(ctx, resp)
		return l.x.failure(snapshot.Status, resp.Status)
	}
	return l.readBody(ctx, resp)
}

// release keeps the connection for another request or ends it.
func (l *leg) release() {
	l.link.seen = *l.at
	if l.done && l.x.pool != nil && l.x.pool.put(l.link) {
		return
	}
	_ = l.link.Close()
}
