package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// connect dials addresses and goes on with the connection that Go would use.
func (l *leg) connect(ctx context.Context, addrs []netip.AddrPort) (*link, *snapshot.Failure) {
	limit, f := l.dialLimit(addrs)
	if f == nil && len(addrs) == 0 {
		f = &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: fmt.Sprintf("dial tcp: %q has no port that can be used", l.url.Host)}
	}
	if f != nil {
		return nil, f
	}
	start := time.Now()
	defer func() { l.at.Took.Connect += time.Since(start) }()
	segment := 0
	if l.first {
		segment = l.x.req.Vary.Segment
	}
	for i, batch := range l.batches(addrs) {
		dialCtx, cancel := context.WithCancel(ctx)
		g := l.x.c.connect(dialCtx, batch, limit, segment)
		d := g.winner()
		l.settle = append(l.settle, func() {
			l.at.Dials = append(l.at.Dials, g.finish(cancel, l.x.c.others())...)
			cancel()
		})
		if d != nil {
			k := newLink(d.conn)
			k.kind = kindOf(d.addr.Addr())
			return k, nil
		}
		if i == 0 {
			f = l.dialFailure(ctx, g.runs[0]) // Go reports the first address of the first family
		}
		if over(ctx) {
			return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: endOf(ctx), Text: "dial tcp " + joinAddrs(addrs) + ": not waited for"}
		}
	}
	return nil, f
}

// dialFailure is the failure of a leg none of whose addresses could be used. A
// reset that beats the kernel's own notice of the connection belongs to what
// would have come next.
func (l *leg) dialFailure(ctx context.Context, d *dialling) *snapshot.Failure {
	f := dialFailure(ctx, d)
	if f.Cause == snapshot.Reset {
		f.Stage = l.x.req.Stage
		if l.url.Scheme == "https" {
			f.Stage = snapshot.TLS
		}
	}
	return f
}

// batches are the addresses that are dialled together: all of them, or in a
// pull one of each family at a time.
func (l *leg) batches(addrs []netip.AddrPort) [][]netip.AddrPort {
	addrs = addrs[:min(len(addrs), maxAddrs)]
	if l.x.c.Limits.Others >= 0 {
		return [][]netip.AddrPort{addrs}
	}
	four := addrs[0].Addr().Unmap().Is4()
	var first, second []netip.AddrPort
	for _, a := range addrs {
		if a.Addr().Unmap().Is4() == four {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	var out [][]netip.AddrPort
	for i := range max(len(first), len(second)) {
		out = append(out, slices.Concat(first[min(i, len(first)):min(i+1, len(first))], second[min(i, len(second)):min(i+1, len(second))]))
	}
	return out
}

// dialLimit is how long one address may take: ours, or the endpoint's own limit
// where that is shorter. A negative one lets every dial fail at once.
func (l *leg) dialLimit(addrs []netip.AddrPort) (time.Duration, *snapshot.Failure) {
	limit, theirs := orDefault(l.x.c.Limits.Dial, 5*time.Second), l.x.req.Endpoint.DialTimeout
	switch {
	case theirs < 0:
		text := fmt.Sprintf("dial tcp %s: i/o timeout (dial_timeout is %s)", joinAddrs(addrs), theirs)
		return 0, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: text}
	case theirs > 0:
		limit = min(limit, theirs)
	}
	return limit, nil
}

func joinAddrs(addrs []netip.AddrPort) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
