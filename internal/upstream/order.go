package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// order sorts addresses as Go does before it connects: RFC 6724, without the
// rules about deprecated and home addresses, as in net/addrselect.go.
func (c *Client) order(ctx context.Context, addrs []string) []string {
	if len(addrs) < 2 {
		return addrs
	}
	var list []candidate
	for _, text := range addrs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		list = append(list, candidate{ip: ip, text: text, source: c.source(ctx, ip)})
	}
	slices.SortStableFunc(list, compareAddrs)
	out := make([]string, 0, len(list))
	for _, a := range list {
		out = append(out, a.text)
	}
	return out
}

type candidate struct {
	ip     netip.Addr
	text   string
	source netip.Addr // of this node, towards ip; zero: there is no route
}

// source asks the kernel which address it would send from. A UDP socket that is
// connected sends nothing.
func (c *Client) source(ctx context.Context, ip netip.Addr) netip.Addr {
	conn, err := c.dial(ctx, "udp", netip.AddrPortFrom(ip, 53).String())
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	if u, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// compareAddrs applies the rules of RFC 6724, section 6, in their order.
func compareAddrs(a, b candidate) int {
	if !a.source.IsValid() || !b.source.IsValid() {
		return prefer(a.source.IsValid(), b.source.IsValid()) // rule 1
	}
	if c := prefer(scope(a.ip) == scope(a.source), scope(b.ip) == scope(b.source)); c != 0 {
		return c // rule 2
	}
	pa, pb := policyOf(a.ip), policyOf(b.ip)
	if c := prefer(pa.label == policyOf(a.source).label, pb.label == policyOf(b.source).label); c != 0 {
		return c // rule 5
	}
	if pa.precedence != pb.precedence {
		return pb.precedence - pa.precedence // rule 6
	}
	if sa, sb := scope(a.ip), scope(b.ip); sa != sb {
		return sa - sb // rule 8
	}
	if a.ip.Is6() && b.ip.Is6() {
		return commonBits(b.source, b.ip) - commonBits(a.source, a.ip) // rule 9
	}
	return 0
}

func prefer(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

type policy struct {
	prefix            netip.Prefix
	precedence, label int
}

// policies is the table of RFC 6724, section 2.1, longest prefix first.
var policies = []policy{
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// policyOf classifies an address; IPv4 counts as ::ffff:0:0/96.
func policyOf(ip netip.Addr) policy {
	if ip.Unmap().Is4() {
		return policy{precedence: 35, label: 4}
	}
	for _, p := range policies {
		if p.prefix.Contains(ip.WithZone("")) {
			return p
		}
	}
	return policy{}
}

// scope follows RFC 6724, section 3.1; a larger one reaches further.
func scope(ip netip.Addr) int {
	switch {
	case ip.IsLoopback(), ip.IsLinkLocalUnicast():
		return 0x2
	case ip.Is6() && ip.IsMulticast():
		return int(ip.As16()[1] & 0xf)
	case ip.Is6() && ip.As16()[0] == 0xfe && ip.As16()[1]&0xc0 == 0xc0:
		return 0x5
	}
	return 0xe
}

// commonBits counts the leading bits that two IPv6 addresses share, 64 at most.
func commonBits(a, b netip.Addr) int {
	if !a.Is6() || !b.Is6() {
		return 0
	}
	x, y := a.As16(), b.As16()
	for i := range 64 {
		if (x[i/8]^y[i/8])>>(7-i%8)&1 != 0 {
			return i
		}
	}
	return 64
}
