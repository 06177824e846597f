package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// reuse takes an idle connection of the pool, with the evidence of its making.
func (l *leg) reuse(ctx context.Context) (*link, *snapshot.Failure) {
	if l.x.pool == nil || over(ctx) {
		return nil, nil
	}
	proxy, err := l.proxy()
	if err != nil {
		return nil, nil
	}
	k := l.x.pool.take(poolKey(l.url, proxy))
	if k == nil {
		return nil, nil
	}
	s := k.seen
	l.at.Reused, l.at.Proxy, l.at.Lookup, l.at.ProxyName, l.at.ProxyHTTP = true, s.Proxy, s.Lookup, s.ProxyName, s.ProxyHTTP
	l.at.Dials, l.at.Handshake = s.Dials, s.Handshake
	return k, nil
}

func poolKey(u, proxy *url.URL) string {
	key := u.Scheme + "://" + u.Host
	if proxy != nil {
		key += " via " + proxy.String()
	}
	return key
}

// open makes a connection that is ready for HTTP: name, address, proxy, TLS.
func (l *leg) open(ctx context.Context) (*link, *snapshot.Failure) {
	proxy, err := l.proxy()
	if err != nil {
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyInvalid, Text: l.x.safe(err.Error())}
	}
	var k *link
	var f *snapshot.Failure
	if proxy == nil {
		k, f = l.direct(ctx)
	} else {
		k, f = l.through(ctx, proxy)
	}
	if f == nil && l.url.Scheme == "https" {
		k, f = l.secure(ctx, k)
	}
	if f != nil {
		return nil, f
	}
	if l.first && k.kind == loopback {
		l.x.onLoopback = true
	}
	k.key = poolKey(l.url, proxy)
	return k, nil
}

// direct connects to the host of the URL.
func (l *leg) direct(ctx context.Context) (*link, *snapshot.Failure) {
	v := l.x.req.Vary
	port := portOf(l.url)
	if l.first && v.Addr != "" {
		addr, err := parseAddr(v.Addr, port)
		if err != nil {
			return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: err.Error()}
		}
		return l.connect(ctx, []netip.AddrPort{addr})
	}
	ask := Ask{}
	if l.first {
		ask = Ask{Server: v.Server, NoHosts: v.NoHosts, Control: v.Control, Absolute: v.Absolute}
	}
	addrs, look, f := l.resolve(ctx, l.url.Hostname(), port, ask)
	l.at.Lookup = look
	if f != nil {
		return nil, f
	}
	addrs, f = l.permitted(addrs)
	if f != nil {
		return nil, f
	}
	return l.connect(ctx, addrs)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
}

// parseAddr reads an address with or without a port.
func parseAddr(text, port string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap, nil
	}
	return netip.ParseAddrPort(net.JoinHostPort(strings.Trim(text, "[]"), port))
}

// resolve turns a host into addresses, in the order in which Go would try them.
func (l *leg) resolve(ctx context.Context, host, port string, ask Ask) ([]netip.AddrPort, *snapshot.Lookup, *snapshot.Failure) {
	if _, err := netip.ParseAddr(host); err == nil {
		ap, err := parseAddr(host, port)
		if err != nil {
			return nil, nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: err.Error()}
		}
		return []netip.AddrPort{ap}, nil, nil
	}
	start := time.Now()
	name, err := canonicalHost(host)
	if err != nil {
		return nil, nil, &snapshot.Failure{Stage: snapshot.Resolve, Cause: snapshot.NoSuchHost, Text: err.Error()}
	}
	look, finish := l.x.c.resolve(ctx, name, ask)
	l.settle = append(l.settle, finish)
	l.at.Took.Lookup += time.Since(start)
	if look.Failure != nil {
		return nil, look, look.Failure
	}
	var out []netip.AddrPort
	for _, text := range look.Addrs {
		if ap, err := parseAddr(text, port); err == nil {
			out = append(out, ap)
		}
	}
	return out, look, nil
}

// permitted drops addresses that a redirect or a token server may not lead to:
// those of the cloud's metadata, and this machine unless the endpoint is here too.
func (l *leg) permitted(addrs []netip.AddrPort) ([]netip.AddrPort, *snapshot.Failure) {
	if l.first && !l.x.token {
		return addrs, nil
	}
	var out []netip.AddrPort
	var bad string
	for _, a := range addrs {
		switch k := kindOf(a.Addr()); {
		case k == special, k == loopback && !l.x.onLoopback:
			bad = a.Addr().String()
		default:
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		text := fmt.Sprintf("%s leads to %s, where no registry is", l.url.Host, bad)
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadAddress, Text: text}
	}
	return out, nil
}

// secure makes the TLS handshake with the host of the URL.
func (l *leg) secure(ctx context.Context, k *link) (*link, *snapshot.Failure) {
	x, v := l.x, l.x.req.Vary
	plan := tlsPlan{
		name: l.url.Hostname(), sni: l.url.Hostname(), roots: x.roots, at: x.c.now(),
		classic: v.Classic || l.x.c.Classic, mine: x.mine, skip: x.req.Endpoint.TLS.SkipVerify, look: v.LookOnly,
	}
	if l.first && v.SNI != nil {
		plan.sni = *v.SNI
	}
	if !v.At.IsZero() {
		plan.at = v.At
	}
	start := time.Now()
	limit := orDefault(x.c.Limits.TLS, 10*time.Second)
	hctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, seen, err := handshake(hctx, k.Conn, plan)
	l.at.Took.TLS, l.at.Handshake = time.Since(start), seen
	if err == nil {
		t := newLink(conn)
		t.kind, t.verified = k.kind, seen.Verified
		return t, nil
	}
	_ = k.Conn.Close()
	return nil, l.tlsFailure(ctx, err)
}

// tlsFailure sorts the error of a handshake and words it as net/http does.
func (l *leg) tlsFailure(ctx context.Context, err error) *snapshot.Failure {
	f := &snapshot.Failure{Stage: snapshot.TLS, Cause: ioCause(err, snapshot.Silent), Text: l.x.safe(err.Error())}
	var record tls.RecordHeaderError
	switch {
	case over(ctx):
		f.Cause = endOf(ctx)
	case f.Cause == snapshot.Silent:
		f.Text = "net/http: TLS handshake timeout"
	case errors.As(err, &record):
		if l.x.plainReply = string(record.RecordHeader[:]) == "HTTP/"; l.x.plainReply {
			f.Text = "http: server gave HTTP response to HTTPS client"
		} else {
			f.Text = fmt.Sprintf("%s (it began with %q)", err, record.RecordHeader[:])
		}
	}
	return f
}
