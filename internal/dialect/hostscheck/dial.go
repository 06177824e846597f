package hostscheck

import (
	"context"
	"net"
	"unsafe"
)

// dialerOf recovers the net.Dialer from the method value that containerd puts
// into its transport: the only place where a dial timeout can be seen without
// waiting for it. A method value points to its code and its receiver.
func dialerOf(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *net.Dialer {
	type bound struct {
		_        uintptr
		receiver *net.Dialer
	}
	return (*(**bound)(unsafe.Pointer(&dial))).receiver
}
