package upstream

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDNATOnThisNodeIsProven has the kernel translate a connection, in a network
// namespace of its own.
func TestDNATOnThisNodeIsProven(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace and packet rules")
	}
	runtime.LockOSThread() // the thread is never unlocked, so it ends with the test and its namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespace: ", err)
	}
	for _, args := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"nft", "add", "table", "ip", "t"},
		{"nft", "add", "chain", "ip", "t", "out", "{ type nat hook output priority -100; }"},
		{"nft", "add", "rule", "ip", "t", "out", "ip", "daddr", "127.0.0.77", "tcp", "dport", "443", "dnat", "to", "127.0.0.1:8443"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v %s", args, err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:8443")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	straight, err := net.Dial("tcp", "127.0.0.1:8443")
	if err != nil {
		t.Fatal(err)
	}
	defer straight.Close()
	conn, err := net.Dial("tcp", "127.0.0.77:443")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &Client{}
	if got := c.translated(conn); got != "127.0.0.1:8443" {
		t.Errorf("%q", got)
	}
	if got := c.translated(straight); got != "" {
		t.Errorf("a connection that was not translated: %q", got)
	}
	c.Dial = (&net.Dialer{}).DialContext
	if got := c.translated(conn); got != "" {
		t.Errorf("another network is none of this kernel's: %q", got)
	}
}

func TestConntrackMessages(t *testing.T) {
	local, remote := netip.MustParseAddrPort("[2001:db8::1]:40000"), netip.MustParseAddrPort("[2001:db8::2]:443")
	q := conntrackQuery(local, remote)
	if int(binary.NativeEndian.Uint32(q)) != len(q) || len(q)%4 != 0 {
		t.Errorf("length %d of %d", binary.NativeEndian.Uint32(q), len(q))
	}
	tuple := find(q[20:], tupleOrig)
	if src, _ := netip.AddrFromSlice(find(find(tuple, tupleIP), ip6Src)); src != local.Addr() {
		t.Errorf("source %s", src)
	}
	if port := find(find(tuple, tupleProto), protoDst); binary.BigEndian.Uint16(port) != 443 {
		t.Errorf("port %v", port)
	}
}

func FuzzConntrack(f *testing.F) {
	q := conntrackQuery(netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2"))
	q[4], q[5], q[24] = 0, 1, tupleReply
	f.Add(q)
	f.Fuzz(func(t *testing.T, msg []byte) {
		if ap, ok := parseConntrack(msg); ok && !ap.IsValid() {
			t.Error(ap)
		}
	})
}
