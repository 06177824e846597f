package upstream

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The part of ctnetlink that is needed to ask for one connection. Source:
// linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h.
const (
	getConntrack = 1<<8 | 1 // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET

	tupleOrig  = 1 // in the message
	tupleReply = 2
	tupleIP    = 1 // in a tuple
	tupleProto = 2
	ip4Src     = 1 // in an IP part
	ip4Dst     = 2
	ip6Src     = 3
	ip6Dst     = 4
	protoNum   = 1 // in a protocol part
	protoSrc   = 2
	protoDst   = 3
)

// trackedPeer asks the kernel's connection tracking whom a TCP connection of
// this host really talks to. It needs CAP_NET_ADMIN and tells nothing without.
func trackedPeer(local, remote netip.AddrPort) (netip.AddrPort, bool) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return netip.AddrPort{}, false
	}
	defer unix.Close(fd)
	// The kernel answers at once; the limit is for a kernel that does not.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
	if err := unix.Sendto(fd, conntrackQuery(local, remote), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return netip.AddrPort{}, false
	}
	buf := make([]byte, 8192)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return parseConntrack(buf[:n])
}

func conntrackQuery(local, remote netip.AddrPort) []byte {
	family, src, dst := byte(unix.AF_INET), ip4Src, ip4Dst
	if local.Addr().Is6() {
		family, src, dst = unix.AF_INET6, ip6Src, ip6Dst
	}
	ip := append(attr(src, local.Addr().AsSlice()), attr(dst, remote.Addr().AsSlice())...)
	proto := attr(protoNum, []byte{unix.IPPROTO_TCP})
	proto = append(proto, attr(protoSrc, binary.BigEndian.AppendUint16(nil, local.Port()))...)
	proto = append(proto, attr(protoDst, binary.BigEndian.AppendUint16(nil, remote.Port()))...)
	tuple := append(nested(tupleIP, ip), nested(tupleProto, proto)...)
	body := append([]byte{family, 0, 0, 0}, nested(tupleOrig, tuple)...)

	msg := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, getConntrack)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST)
	msg = binary.NativeEndian.AppendUint32(msg, 1) // sequence
	msg = binary.NativeEndian.AppendUint32(msg, 0) // port
	return append(msg, body...)
}

func attr(kind int, data []byte) []byte {
	out := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	out = binary.NativeEndian.AppendUint16(out, uint16(kind))
	out = append(out, data...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

func nested(kind int, data []byte) []byte { return attr(kind|unix.NLA_F_NESTED, data) }

// parseConntrack takes the source of the reply direction from a message: that
// is who the other end is.
func parseConntrack(msg []byte) (netip.AddrPort, bool) {
	if len(msg) < 20 || binary.NativeEndian.Uint16(msg[4:])&0xff != 0 || binary.NativeEndian.Uint16(msg[4:])>>8 != 1 {
		return netip.AddrPort{}, false // an error, such as ENOENT, or another message
	}
	tuple := find(msg[20:], tupleReply)
	ip := find(tuple, tupleIP)
	addr, ok := netip.AddrFromSlice(find(ip, ip4Src))
	if !ok {
		addr, ok = netip.AddrFromSlice(find(ip, ip6Src))
	}
	port := find(find(tuple, tupleProto), protoSrc)
	if !ok || len(port) != 2 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port)), true
}

// find returns the data of an attribute, nil if there is none.
func find(attrs []byte, kind int) []byte {
	for len(attrs) >= 4 {
		n := int(binary.NativeEndian.Uint16(attrs))
		if n < 4 || n > len(attrs) {
			return nil
		}
		if int(binary.NativeEndian.Uint16(attrs[2:]))&^unix.NLA_F_NESTED == kind {
			return attrs[4:n]
		}
		attrs = attrs[min((n+3)&^3, len(attrs)):]
	}
	return nil
}
