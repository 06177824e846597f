package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// connecting is a set of addresses that are dialled side by side.
type connecting struct {
	ctx   context.Context
	start time.Time
	limit time.Duration
	runs  []*dialling
	wake  chan struct{}
	all   sync.WaitGroup
	used  int // index of the connection that was taken; -1: none
}

// dialling is one address. The rest may be read once done is closed.
type dialling struct {
	addr       netip.AddrPort
	done       chan struct{}
	conn       net.Conn
	err        error
	took       time.Duration
	translated string
}

func (d *dialling) isDone() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// maxAddrs bounds how many addresses of one name are dialled.
const maxAddrs = 16

// connect dials every address at once.
func (c *Client) connect(ctx context.Context, addrs []netip.AddrPort, limit time.Duration, segment int) *connecting {
	g := &connecting{ctx: ctx, start: time.Now(), limit: limit, wake: make(chan struct{}, 1), used: -1}
	for _, a := range addrs {
		g.runs = append(g.runs, &dialling{addr: a, done: make(chan struct{})})
	}
	for _, d := range g.runs {
		g.all.Go(func() {
			c.dialOne(ctx, d, limit, segment)
			close(d.done)
			select {
			case g.wake <- struct{}{}:
			default:
			}
		})
	}
	return g
}

func (c *Client) dialOne(ctx context.Context, d *dialling, limit time.Duration, segment int) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	if segment > 0 {
		d.conn, d.err = c.clamp(ctx, d.addr.String(), segment)
	} else {
		d.conn, d.err = c.dial(ctx, "tcp", d.addr.String())
	}
	d.took = time.Since(start)
	if d.err != nil {
		return
	}
	remote, ok := d.conn.RemoteAddr().(*net.TCPAddr)
	if !ok || remote.AddrPort().Addr().Unmap() != d.addr.Addr().Unmap() {
		_ = d.conn.Close()
		d.conn, d.err = nil, fmt.Errorf("dial tcp %s: connected to %s instead", d.addr, d.conn.RemoteAddr())
		return
	}
	d.translated = c.translated(d.conn)
}

// winner waits until it is clear which connection Go would use and takes it.
// Nil: all addresses have failed, or the context is over.
func (g *connecting) winner() *dialling {
	for {
		i, known, again := goWinner(g.outcomes(), time.Since(g.start))
		if known {
			if i < 0 {
				return nil
			}
			g.used = i
			return g.runs[i]
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = time.After(again)
		}
		select {
		case <-g.wake:
		case <-timer:
		}
	}
}

func (g *connecting) outcomes() []outcome {
	out := make([]outcome, len(g.runs))
	for i, d := range g.runs {
		out[i].ip = d.addr.Addr()
		if d.isDone() {
			out[i].done, out[i].ok, out[i].took = true, d.err == nil, d.took
		}
	}
	return out
}

// finish waits for the other addresses until others have passed since the
// beginning, ends those that are still on their way, and tells about all.
func (g *connecting) finish(cancel func(), others time.Duration) []snapshot.Dial {
	t := time.AfterFunc(others-time.Since(g.start), cancel)
	g.all.Wait()
	t.Stop()
	var out []snapshot.Dial
	for i, d := range g.runs {
		look := snapshot.Dial{Addr: d.addr.String(), OK: d.err == nil, Used: i == g.used, Took: d.took, Limit: g.limit, Translated: d.translated}
		if d.err != nil {
			look.Err = dialFailure(g.ctx, d)
			look.OK = look.Err.Cause == snapshot.Reset // there was a connection to reset
		}
		if d.conn != nil && i != g.used {
			_ = d.conn.Close()
		}
		out = append(out, look)
	}
	return out
}

// dialFailure says why one address could not be connected to.
func dialFailure(ctx context.Context, d *dialling) *snapshot.Failure {
	f := &snapshot.Failure{Stage: snapshot.Connect, Cause: dialCause(d.err), Text: d.err.Error()}
	timeout := f.Cause == snapshot.DialTimeout || f.Cause == snapshot.Canceled
	switch {
	case timeout && over(ctx):
		f.Cause = endOf(ctx)
		f.Text = fmt.Sprintf("dial tcp %s: not waited for", d.addr)
	case timeout:
		f.Text = fmt.Sprintf("dial tcp %s: i/o timeout", d.addr)
	}
	return f
}

func dialCause(err error) snapshot.Cause {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return snapshot.Refused
	case errors.Is(err, syscall.EHOSTUNREACH):
		return snapshot.NoRoute
	case errors.Is(err, syscall.ENETUNREACH):
		return snapshot.Unreachable
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return snapshot.Forbidden
	case errors.Is(err, syscall.ECONNRESET):
		return snapshot.Reset
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return snapshot.NoPort
	case errors.Is(err, context.Canceled):
		return snapshot.Canceled
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return snapshot.DialTimeout
	}
	return snapshot.Unclassified
}

// ioCause sorts the errors of reads and writes on a connection that was made.
// What timing out means depends on what was waited for.
func ioCause(err error, late snapshot.Cause) snapshot.Cause {
	if cause, ok := tlsCause(err); ok {
		return cause
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return late
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return snapshot.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return snapshot.Closed
	}
	return snapshot.Unclassified
}
