// Package upstream speaks to registries as a container runtime would and keeps
// everything it sees: one request gives one snapshot.Attempt. Credentials belong
// to one origin and never leave it. The package judges nothing, reads no
// configuration and opens no file but those that an endpoint names.
package upstream

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Client is what a node brings along: its resolver, its trust, its environment.
// The zero Client asks the name servers that Go falls back to and trusts nobody.
// It may be used by several goroutines at once, and must not be changed then.
type Client struct {
	// Dial makes every connection, to name servers ("udp", "tcp") as to hosts;
	// addresses are always ip:port. Nil: the caller's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Clamp makes a TCP connection whose segments have at most so many bytes, both
	// ways. Nil: it is made in the caller's network, unless Dial is set, which then
	// makes an ordinary one.
	Clamp func(ctx context.Context, address string, segment int) (net.Conn, error)

	// Translated says where connection tracking sends a connection. Nil: the
	// kernel is asked, unless Dial is set.
	Translated func(local, remote netip.AddrPort) (netip.AddrPort, bool)

	// ReadFile reads the certificates that endpoints name. Nil: os.ReadFile.
	ReadFile func(path string) ([]byte, error)

	Now        func() time.Time        // by which certificates are judged; nil: time.Now
	Sources    []string                // where names are looked up, in the order of nsswitch.conf; empty: the hosts file, then DNS
	Hosts      []snapshot.HostsLine    // the hosts file
	Resolv     snapshot.Resolv         // resolv.conf
	Extra      []snapshot.NameServer   // further servers, asked to compare and never believed
	Roots      *Roots                  // the system's pool; nil: empty
	Env        map[string]route.Secret // the runtime's proxy variables
	UserAgent  string                  // empty: "containerd/" and the version below
	Containerd route.Version           // whose behaviour is followed where versions differ
	Classic    bool                    // the runtime offers no post-quantum key share in TLS
	Realms     []string                // further hosts that may be token servers for credentials
	Limits     Limits
}

// Limits bound how long each part of an attempt may take. Zero means the default.
type Limits struct {
	Name   time.Duration // one question to one name server: 5 s, or the timeout of resolv.conf
	Dial   time.Duration // one address: 5 s
	TLS    time.Duration // the handshake: 10 s, as in every containerd
	Header time.Duration // from the request to the response header, and a proxy's reply: 10 s
	Idle   time.Duration // between two pieces of a body: 10 s
	Others time.Duration // name servers and addresses that are not used may take so long before they are left: 1 s; negative: no more is tried than is needed, for pulls
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

func (c *Client) nameLimit() time.Duration {
	return orDefault(c.Limits.Name, orDefault(c.Resolv.Timeout, 5*time.Second))
}

func (c *Client) others() time.Duration {
	if c.Limits.Others < 0 {
		return 0
	}
	return orDefault(c.Limits.Others, time.Second)
}

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	return (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
}

func (c *Client) clamp(ctx context.Context, address string, segment int) (net.Conn, error) {
	switch {
	case c.Clamp != nil:
		return c.Clamp(ctx, address, segment)
	case c.Dial != nil:
		return c.Dial(ctx, "tcp", address)
	}
	return Clamp(ctx, address, segment)
}

func (c *Client) readFile(path string) ([]byte, error) {
	if c.ReadFile != nil {
		return c.ReadFile(path)
	}
	return os.ReadFile(path)
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) userAgent() string {
	switch {
	case c.UserAgent != "":
		return c.UserAgent
	case c.Containerd.Known():
		return "containerd/" + c.Containerd.String()
	}
	return "containerd"
}
