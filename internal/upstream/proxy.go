package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/proxy"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Proxy is the proxy that the runtime's environment selects for a URL; nil: none.
func (c *Client) Proxy(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	return c.proxyFor(u)
}

// proxyFor follows net/http.ProxyFromEnvironment, where upper case goes first.
func (c *Client) proxyFor(u *url.URL) (*url.URL, error) {
	cfg := httpproxy.Config{
		HTTPProxy:  c.env("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: c.env("HTTPS_PROXY", "https_proxy"),
		NoProxy:    c.env("NO_PROXY", "no_proxy"),
		CGI:        c.env("REQUEST_METHOD") != "",
	}
	return cfg.ProxyFunc()(u)
}

func (c *Client) env(names ...string) string {
	for _, n := range names {
		if v := c.Env[n].Reveal(); v != "" {
			return v
		}
	}
	return ""
}

// proxy is the proxy of this leg and hides its password.
func (l *leg) proxy() (*url.URL, error) {
	v := l.x.req.Vary
	var p *url.URL
	var err error
	switch {
	case v.Direct, v.Addr != "" && l.first:
		return nil, nil
	case !v.Proxy.IsZero():
		only := Client{Env: map[string]route.Secret{"HTTP_PROXY": v.Proxy, "HTTPS_PROXY": v.Proxy}}
		p, err = only.proxyFor(l.url)
	default:
		p, err = l.x.c.proxyFor(l.url)
	}
	if err != nil || p == nil {
		return nil, err
	}
	if password, ok := p.User.Password(); ok {
		l.x.veil.hide(password)
		l.x.veil.hide(p.User.Username() + ":" + password)
	}
	l.at.Proxy = p.Redacted()
	return p, nil
}

// through connects to the proxy and, for https, has it make a tunnel.
func (l *leg) through(ctx context.Context, p *url.URL) (*link, *snapshot.Failure) {
	if portOf(p) == "" || p.Hostname() == "" {
		text := fmt.Sprintf("proxyconnect tcp: %q is no URL of a proxy", p.Redacted())
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyInvalid, Text: text}
	}
	addrs, look, f := l.resolve(ctx, p.Hostname(), portOf(p), Ask{})
	l.at.ProxyName = look
	var k *link
	if f == nil {
		k, f = l.connect(ctx, addrs)
	}
	if f == nil && p.Scheme == "https" {
		k, f = l.secureProxy(ctx, k, p)
	}
	if f != nil {
		return nil, proxyFailure(f)
	}
	k.kind = ordinary
	if f := l.literalTarget(); f != nil {
		_ = k.Conn.Close()
		return nil, f
	}
	switch {
	case p.Scheme == "socks5" || p.Scheme == "socks5h":
		return l.socks(ctx, k, p)
	case l.url.Scheme == "http":
		k.forward, k.proxyKey = true, proxyKey(p)
		return k, nil
	}
	return l.tunnel(ctx, k, p)
}

// proxyFailure turns a failure to reach the proxy into one of the proxy. What
// our own deadline did stays what it was.
func proxyFailure(f *snapshot.Failure) *snapshot.Failure {
	out := *f
	if f.Cause != snapshot.OutOfTime && f.Cause != snapshot.Canceled {
		out.Stage, out.Cause = snapshot.Connect, snapshot.ProxyDial
	}
	out.Text = "proxyconnect tcp: " + f.Text
	return &out
}

// literalTarget refuses to have a proxy connect to an address that we would not.
func (l *leg) literalTarget() *snapshot.Failure {
	ap, err := parseAddr(l.url.Hostname(), portOf(l.url))
	if err != nil {
		return nil
	}
	_, f := l.permitted([]netip.AddrPort{ap})
	return f
}

func proxyKey(p *url.URL) string {
	if p.User == nil {
		return ""
	}
	password, _ := p.User.Password()
	return basic(p.User.Username(), password)
}

// secureProxy speaks TLS to the proxy itself.
func (l *leg) secureProxy(ctx context.Context, k *link, p *url.URL) (*link, *snapshot.Failure) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(l.x.c.Limits.TLS, 10*time.Second))
	defer cancel()
	roots := l.x.roots
	if roots == nil {
		roots = l.x.c.Roots
	}
	conn, _, err := handshake(ctx, k.Conn, tlsPlan{name: p.Hostname(), sni: p.Hostname(), roots: roots, at: l.x.c.now(), skip: l.x.req.Endpoint.TLS.SkipVerify})
	if err != nil {
		_ = k.Conn.Close()
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyDial, Text: l.x.safe(err.Error())}
	}
	return newLink(conn), nil
}

// tunnel asks the proxy for a connection to the host of the URL.
func (l *leg) tunnel(ctx context.Context, k *link, p *url.URL) (*link, *snapshot.Failure) {
	target := net.JoinHostPort(l.url.Hostname(), portOf(l.url))
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	if key := proxyKey(p); key != "" {
		req.Header.Set("Proxy-Authorization", key)
	}
	defer guard(ctx, k.Conn)()
	k.forHeader(ctx, orDefault(l.x.c.Limits.Header, 10*time.Second))
	resp, err := func() (*http.Response, error) {
		if err := req.Write(k); err != nil {
			return nil, err
		}
		return http.ReadResponse(k.in, req)
	}()
	if err != nil {
		_ = k.Conn.Close()
		f := l.broken(ctx, err, snapshot.Silent)
		if !over(ctx) {
			f.Cause = snapshot.ProxyStatus
		}
		f.Stage, f.Text = snapshot.Connect, "proxyconnect tcp: "+f.Text
		return nil, f
	}
	l.note(resp)
	l.at.ProxyHTTP, l.at.Response = l.at.Response, nil
	if resp.StatusCode != http.StatusOK {
		l.link = k
		l.proxyBody(resp)
		_ = k.Conn.Close()
		l.link = nil
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyStatus, Text: statusText(resp)}
	}
	setDeadline(ctx, k.Conn, time.Time{})
	return k, nil
}

// proxyBody keeps the beginning of the page that came with a refusal.
func (l *leg) proxyBody(resp *http.Response) {
	var body bytes.Buffer
	l.at.Response = l.at.ProxyHTTP
	_ = l.copy(resp, &body, maxError)
	l.at.ProxyHTTP.Head = printable(l.x.veil.text(string(body.Bytes()[:min(body.Len(), maxHead)])), maxHead)
	l.at.Response = nil
}

// socks asks a SOCKS 5 proxy for a connection to the host of the URL.
func (l *leg) socks(ctx context.Context, k *link, p *url.URL) (*link, *snapshot.Failure) {
	var who *proxy.Auth
	if p.User != nil {
		password, _ := p.User.Password()
		who = &proxy.Auth{User: p.User.Username(), Password: password}
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(l.x.c.Limits.Header, 10*time.Second))
	defer cancel()
	d, err := proxy.SOCKS5("tcp", p.Host, who, already{k.Conn})
	if err == nil {
		_, err = d.(proxy.ContextDialer).DialContext(ctx, "tcp", net.JoinHostPort(l.url.Hostname(), portOf(l.url)))
	}
	if err != nil {
		_ = k.Conn.Close()
		return nil, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.ProxyStatus, Text: l.x.safe(err.Error())}
	}
	return k, nil
}

// already is a dialer that has its connection.
type already struct{ conn net.Conn }

func (a already) Dial(string, string) (net.Conn, error) { return a.conn, nil }

func (a already) DialContext(context.Context, string, string) (net.Conn, error) { return a.conn, nil }
