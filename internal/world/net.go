package world

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Fate is what happens to packets for an address where nothing is.
type Fate string

// The fates of packets.
const (
	Refused     Fate = "refused"     // RST, or ICMP port unreachable
	Dropped     Fate = "dropped"     // no reply, ever
	NoRoute     Fate = "no-route"    // EHOSTUNREACH
	Unreachable Fate = "unreachable" // ENETUNREACH
	Forbidden   Fate = "forbidden"   // EPERM, as from the node's own packet filter
	NoPort      Fate = "no-port"     // EADDRNOTAVAIL, as when all local ports are taken
)

// Net is a network that exists only in this process: addresses such as
// 192.0.2.10:443 lead to servers on loopback. It resolves no names.
type Net struct {
	mu    sync.Mutex
	bound map[string]string // ip:port to where it really is
	fates map[string]Fate   // by ip or ip:port
	dials []string
}

// NewNet makes a network where every address refuses.
func NewNet() *Net { return &Net{bound: map[string]string{}, fates: map[string]Fate{}} }

// Bind makes an address lead to a server.
func (n *Net) Bind(addr, real string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bound[addr] = real
}

// Send gives an address (ip or ip:port) a fate, also one that is bound.
func (n *Net) Send(addr string, fate Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fates[addr] = fate
}

// Dialled returns every connection that was tried so far: "tcp 192.0.2.10:443".
func (n *Net) Dialled() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dials)
}

// Dial is net.Dialer.DialContext for this network. As there, a UDP connection
// sends nothing and fails only for want of a route.
func (n *Net) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: the network of this world knows addresses only: %w", address, err)
	}
	n.mu.Lock()
	n.dials = append(n.dials, network+" "+address)
	real, bound := n.bound[address]
	fate, doomed := n.fates[address]
	if !doomed {
		fate, doomed = n.fates[ap.Addr().String()]
	}
	n.mu.Unlock()

	udp := strings.HasPrefix(network, "udp")
	if !bound && !doomed {
		fate, doomed = Refused, true
	}
	if doomed {
		return n.fail(ctx, network, ap, fate)
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, real)
	if err != nil {
		return nil, err
	}
	return &placed{Conn: c, local: localFor(ap, udp), remote: addrOf(ap, udp)}, nil
}

// fail acts out a fate.
func (n *Net) fail(ctx context.Context, network string, ap netip.AddrPort, fate Fate) (net.Conn, error) {
	errno := map[Fate]syscall.Errno{
		Refused: syscall.ECONNREFUSED, NoRoute: syscall.EHOSTUNREACH, Unreachable: syscall.ENETUNREACH, Forbidden: syscall.EPERM, NoPort: syscall.EADDRNOTAVAIL,
	}[fate]
	udp := strings.HasPrefix(network, "udp")
	if udp && fate != Unreachable {
		return &lost{placed: placed{local: localFor(ap, true), remote: addrOf(ap, true)}, errno: errno, closed: make(chan struct{})}, nil
	}
	if fate == Dropped {
		<-ctx.Done()
		err := error(os.ErrDeadlineExceeded)
		if ctx.Err() == context.Canceled {
			err = ctx.Err()
		}
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addrOf(ap, udp), Err: err}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: addrOf(ap, udp), Err: os.NewSyscallError("connect", errno)}
}

func addrOf(ap netip.AddrPort, udp bool) net.Addr {
	if udp {
		return net.UDPAddrFromAddrPort(ap)
	}
	return net.TCPAddrFromAddrPort(ap)
}

// localFor is the node's own address towards a destination.
func localFor(ap netip.AddrPort, udp bool) net.Addr {
	local := netip.MustParseAddr("10.0.0.2")
	switch {
	case ap.Addr().IsLoopback():
		local = ap.Addr()
	case ap.Addr().Is6() && !ap.Addr().Is4In6():
		local = netip.MustParseAddr("2001:db8::2")
	}
	return addrOf(netip.AddrPortFrom(local, 40000), udp)
}

// placed is a connection that believes in the addresses of the world.
type placed struct {
	net.Conn
	local, remote net.Addr
}

func (c *placed) LocalAddr() net.Addr  { return c.local }
func (c *placed) RemoteAddr() net.Addr { return c.remote }
