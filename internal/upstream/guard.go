package upstream

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// past is a deadline that makes every read and write return at once.
var past = time.Unix(1, 0)

// guard makes a connection's operations return when the context ends. The
// returned function lifts the guard and waits until nothing is left of it.
func guard(ctx context.Context, conn net.Conn) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(past)
		close(done)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// setDeadline moves the deadline of a guarded connection; zero means that of
// the context alone. It never undoes the end of the context.
func setDeadline(ctx context.Context, conn net.Conn, t time.Time) {
	if end, ok := ctx.Deadline(); ok && (t.IsZero() || end.Before(t)) {
		t = end
	}
	_ = conn.SetDeadline(t)
	if ctx.Err() != nil {
		_ = conn.SetDeadline(past)
	}
}

// over reports whether a context has ended, also when it is about to: the
// deadline of a connection may strike a moment before that of its context.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// endOf says why a context is over.
func endOf(ctx context.Context) snapshot.Cause {
	if errors.Is(ctx.Err(), context.Canceled) {
		return snapshot.Canceled
	}
	return snapshot.OutOfTime
}
