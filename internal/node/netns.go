package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Net is a network namespace to make connections in. The nil Net is the one
// that this program runs in.
type Net struct {
	name string
	file *os.File
}

// EnterNet opens the network namespace of a runtime that lives apart from us;
// nil for one that does not. It takes root. The caller closes it.
func EnterNet(r *Root, rt *snapshot.Runtime) (*Net, error) {
	if !rt.Apart {
		return nil, nil
	}
	pid := rt.PID
	if pid == 0 && rt.Owner != nil {
		pid = rt.Owner.PID
	}
	name := path.Join("/proc", strconv.Itoa(pid), "ns")
	fd, err := r.openLink(name, "net", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open %s/net: %w", name, err)
	}
	return &Net{name: rt.NetNS, file: os.NewFile(uintptr(fd), name)}, nil
}

// Close gives the namespace back. Connections made in it stay.
func (n *Net) Close() error {
	if n == nil {
		return nil
	}
	return n.file.Close()
}

// Do runs a function on a thread that is inside the namespace. What the function
// creates there stays there: sockets, and processes with their children. It
// must not start goroutines that create some, for they run on other threads.
func (n *Net) Do(work func() error) error {
	if n == nil {
		return work()
	}
	done := make(chan error)
	go n.onThread(done, work)
	return <-done
}

// onThread locks a thread, moves it into the namespace and works there. The
// thread is never unlocked, so it ends with the goroutine instead of serving
// others in the wrong place. The main thread cannot end, and /proc/self tells
// its namespace for the whole program: it is held while another is used.
func (n *Net) onThread(done chan<- error, work func() error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		other := make(chan error)
		go n.onThread(other, work)
		done <- <-other
		return
	}
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		done <- fmt.Errorf("enter network namespace %s: %w", n.name, err)
		return
	}
	done <- work()
}

// Dial connects to an address inside the namespace. The address is ip:port: to
// look names up is another's business, and would happen outside.
func (n *Net) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial %s: not an address with a port", address)
	}
	var conn net.Conn
	err := n.Do(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}
