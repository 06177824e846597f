package node

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/beevik/ntp"
	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// Dated is an HTTP answer that told the time.
type Dated struct {
	Host     string
	Date     time.Time     // its Date header
	Age      time.Duration // its Age header: a cache kept it for so long
	Sent     time.Time     // the request left, by our clock
	Received time.Time     // the header arrived
}

// Clock is how far the host's clock is ahead of ours. The header has whole
// seconds, cut off, so half a second is added and counts as uncertain.
func (d Dated) Clock() snapshot.Clock {
	const half = time.Second / 2
	wait := d.Received.Sub(d.Sent)
	return snapshot.Clock{
		From: d.Host + " Date header", Kind: "http",
		Offset: d.Date.Add(d.Age + half).Sub(d.Sent.Add(wait / 2)),
		Error:  wait/2 + half,
	}
}

// Unsynchronised reports whether the kernel of this machine says that nobody
// sets its clock; false where it cannot be asked. Source: adjtimex(2).
func Unsynchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && (state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0)
}

// NTPServers lists the time servers that the node is set up to ask, by
// systemd-timesyncd, chrony or ntpd.
func NTPServers(r *Root) []string {
	out := timesyncd(r)
	for _, pattern := range []string{
		"/etc/chrony/chrony.conf", "/etc/chrony.conf", "/etc/chrony/conf.d/*.conf", "/etc/chrony/sources.d/*.sources",
		"/etc/chrony.d/*.conf", "/run/chrony-dhcp/*.sources", "/etc/ntpsec/ntp.conf", "/etc/ntp.conf",
	} {
		found, _ := r.Glob(pattern)
		for _, name := range found {
			f, _ := r.ReadFile(name)
			for l := range bytes.Lines(f.Data) {
				fields := strings.Fields(string(l))
				if len(fields) > 1 && slices.Contains([]string{"server", "pool", "peer"}, fields[0]) && !strings.HasPrefix(fields[1], "127.127.") {
					out = append(out, fields[1])
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// timesyncd reads NTP= or, without it, FallbackNTP= of systemd-timesyncd.
func timesyncd(r *Root) []string {
	dirs := []string{"/etc/systemd", "/run/systemd", "/usr/lib/systemd", "/lib/systemd"}
	var files []source.File
	for _, dir := range dirs {
		if f, ok := r.ReadFile(path.Join(dir, "timesyncd.conf")); ok {
			files = append(files, f)
			break
		}
	}
	set := map[string][]string{}
	for _, f := range append(files, dropins(r, dirs, []string{"timesyncd.conf.d"})...) {
		for _, s := range unit.Parse(f) {
			if s.Section == "Time" && s.Value == "" {
				set[s.Key] = nil
			} else if s.Section == "Time" {
				set[s.Key] = append(set[s.Key], strings.Fields(s.Value)...)
			}
		}
	}
	if len(set["NTP"]) > 0 {
		return set["NTP"]
	}
	return set["FallbackNTP"]
}

// Dial makes a connection to ip:port; Lookup finds the addresses of a name.
type (
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Lookup func(ctx context.Context, host string) ([]string, error)
)

// At most so many servers are asked, and each is waited for so long.
const (
	maxNTP  = 4
	ntpWait = 1500 * time.Millisecond
)

// AskNTP asks time servers side by side. Those that do not answer in time are
// left out.
func AskNTP(ctx context.Context, servers []string, dial Dial, lookup Lookup) []snapshot.Clock {
	servers = servers[:min(len(servers), maxNTP)]
	ctx, cancel := context.WithTimeout(ctx, ntpWait)
	defer cancel()
	clocks := make([]snapshot.Clock, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() { clocks[i] = askNTP(ctx, server, dial, lookup) })
	}
	wg.Wait()
	return slices.DeleteFunc(clocks, func(c snapshot.Clock) bool { return c.From == "" })
}

func askNTP(ctx context.Context, server string, dial Dial, lookup Lookup) snapshot.Clock {
	addr := server
	if _, err := netip.ParseAddr(server); err != nil {
		found, err := lookup(ctx, server)
		if err != nil || len(found) == 0 {
			return snapshot.Clock{}
		}
		addr = found[0]
	}
	if _, err := netip.ParseAddrPort(addr); err != nil {
		addr = net.JoinHostPort(addr, "123")
	}
	deadline, _ := ctx.Deadline()
	reply, err := ntp.QueryWithOptions(addr, ntp.QueryOptions{
		Timeout: time.Until(deadline),
		Dialer:  func(_, remote string) (net.Conn, error) { return dial(ctx, "udp", remote) },
	})
	if err != nil || reply.Validate() != nil {
		return snapshot.Clock{}
	}
	return snapshot.Clock{From: "ntp " + server, Kind: "ntp", Offset: reply.ClockOffset, Error: reply.RootDistance}
}
