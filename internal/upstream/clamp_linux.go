package upstream

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Clamp connects from the calling thread's network with TCP_MAXSEG set before
// the SYN, so that the peer is told to send small segments, too. Source: tcp(7).
func Clamp(ctx context.Context, address string, segment int) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var set error
		err := raw.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, segment)
		})
		return errors.Join(err, set)
	}}
	return d.DialContext(ctx, "tcp", address)
}
