package upstream

import (
	"net"
	"net/netip"
)

// translated is where a connection really went, when a packet rule of this node
// sent it elsewhere; empty: it went where it was dialled, or that cannot be seen.
func (c *Client) translated(conn net.Conn) string {
	ask := c.Translated
	if ask == nil {
		if c.Dial != nil {
			return ""
		}
		ask = trackedPeer
	}
	local, ok1 := conn.LocalAddr().(*net.TCPAddr)
	remote, ok2 := conn.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return ""
	}
	dialled := unmap(remote.AddrPort())
	peer, ok := ask(unmap(local.AddrPort()), dialled)
	if !ok || peer == dialled {
		return ""
	}
	return peer.String()
}

func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
