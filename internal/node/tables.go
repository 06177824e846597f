package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// filterTables asks the kernel whether the calling thread's network namespace
// has tables of nftables and of the old iptables.
func filterTables() (modern, legacy bool, err error) {
	for _, name := range []string{"/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"} {
		if data, err := os.ReadFile(name); err == nil && len(data) > 0 {
			legacy = true
		}
	}
	modern, err = nftTables()
	return modern, legacy, err
}

// nftTables sends one netlink request for a list of tables. Source:
// linux/netfilter/nf_tables.h; the request is a dump over all families.
func nftTables() (bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return false, nil // a kernel without it has no tables
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return false, fmt.Errorf("list nftables: %w", err)
	}
	request := binary.NativeEndian.AppendUint32(nil, unix.NLMSG_HDRLEN+4)
	request = binary.NativeEndian.AppendUint16(request, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETTABLE)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request = append(request, make([]byte, 8+4)...) // sequence, port, family and version: all zero
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, fmt.Errorf("list nftables: %w", err)
	}
	reply := make([]byte, 64<<10)
	size, err := retry(func() (int, error) { n, _, err := unix.Recvfrom(fd, reply, 0); return n, err })
	if err != nil {
		return false, fmt.Errorf("list nftables: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(reply[:size])
	if err != nil || len(messages) == 0 {
		return false, fmt.Errorf("list nftables: a reply of %d bytes: %w", size, err)
	}
	first := messages[0]
	if first.Header.Type != unix.NLMSG_ERROR {
		return first.Header.Type != unix.NLMSG_DONE, nil
	}
	if len(first.Data) < 4 {
		return false, errors.New("list nftables: an error without a number")
	}
	switch code := unix.Errno(-int32(binary.NativeEndian.Uint32(first.Data))); code {
	case 0, unix.EINVAL, unix.EOPNOTSUPP: // the subsystem is not there
		return false, nil
	default:
		return false, fmt.Errorf("list nftables: %w", code)
	}
}
