package upstream_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/upstream"
)

// Both ends of a clamped connection send segments of that size at most.
func TestAClampedConnectionHasSmallSegmentsBothWays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	const size = 536
	mine, err := upstream.Clamp(t.Context(), l.Addr().String(), size)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	theirs := <-accepted
	if theirs == nil {
		t.Fatal("nobody accepted")
	}
	defer theirs.Close()
	for who, c := range map[string]net.Conn{"the client": mine, "the server": theirs} {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if cerr := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		if got > size {
			t.Errorf("%s sends segments of %d bytes, want at most %d", who, got, size)
		}
	}
}
