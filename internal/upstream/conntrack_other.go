//go:build !linux

package upstream

import "net/netip"

// trackedPeer knows nothing outside Linux.
func trackedPeer(netip.AddrPort, netip.AddrPort) (netip.AddrPort, bool) {
	return netip.AddrPort{}, false
}
