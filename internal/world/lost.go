package world

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// lost is a UDP socket whose packets come to nothing: with an errno the kernel
// tells, without one nobody does.
type lost struct {
	placed
	errno  syscall.Errno
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	deadline time.Time
}

// Write sends into the void. A packet filter of the node itself says so here.
func (c *lost) Write(p []byte) (int, error) {
	if c.errno == syscall.EPERM {
		return 0, c.failed("write", os.NewSyscallError("write", c.errno))
	}
	return len(p), nil
}

// Read waits for the ICMP error, the deadline or the end.
func (c *lost) Read([]byte) (int, error) {
	if c.errno != 0 {
		return 0, c.failed("read", os.NewSyscallError("read", c.errno))
	}
	for {
		c.mu.Lock()
		deadline := c.deadline
		c.mu.Unlock()
		wait := 10 * time.Millisecond // the deadline may be moved while we wait
		if !deadline.IsZero() {
			wait = min(wait, time.Until(deadline))
		}
		if wait <= 0 {
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		}
		select {
		case <-c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case <-time.After(wait):
		}
	}
}

func (c *lost) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.local, Addr: c.remote, Err: err}
}

// Close wakes the reader.
func (c *lost) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// SetDeadline bounds Read.
func (c *lost) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

// SetReadDeadline is SetDeadline.
func (c *lost) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: Write never waits.
func (c *lost) SetWriteDeadline(time.Time) error { return nil }
