package world

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Proxy describes a CONNECT and forward proxy.
type Proxy struct {
	User     string            `json:"user"`     // asks for Basic credentials when set
	Password string            `json:"password"` //
	Status   int               `json:"status"`   // answers everything with it: 403, 502, 503, …
	Deny     []string          `json:"deny"`     // hosts (without port) that get 403
	Hang     bool              `json:"hang"`     // never answers
	Look     bool              `json:"look"`     // intercepts TLS with certificates of the world's interception CA
	Hosts    map[string]string `json:"hosts"`    // where host:port really is; others are dialled as they are
}

// ProxyServer is a Proxy at work, an http.Handler.
type ProxyServer struct {
	spec Proxy
	pki  *PKI
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	http *http.Transport
}

// NewProxyServer makes a proxy. The dial function may be nil.
func NewProxyServer(spec Proxy, pki *PKI, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *ProxyServer {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	p := &ProxyServer{spec: spec, pki: pki}
	p.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if real, ok := spec.Hosts[addr]; ok {
			addr = real
		}
		return dial(ctx, network, addr)
	}
	p.http = &http.Transport{DialContext: p.dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return p
}

// ServeHTTP answers CONNECT and requests with an absolute URL.
func (p *ProxyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.refused(w, r) {
		return
	}
	switch {
	case r.Method != http.MethodConnect:
		p.forward(w, r)
	case p.spec.Look:
		p.intercept(w, r)
	default:
		p.tunnel(w, r)
	}
}

func (p *ProxyServer) refused(w http.ResponseWriter, r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.spec.User+":"+p.spec.Password))
	switch {
	case p.spec.Hang:
		<-r.Context().Done()
	case p.spec.User != "" && r.Header.Get("Proxy-Authorization") != want:
		w.Header().Set("Proxy-Authenticate", `Basic realm="world proxy"`)
		http.Error(w, "proxy authentication required", http.StatusProxyAuthRequired)
	case p.spec.Status != 0:
		http.Error(w, "the proxy says no", p.spec.Status)
	case slices.Contains(p.spec.Deny, host):
		w.Header().Set("X-Squid-Error", "ERR_ACCESS_DENIED 0")
		http.Error(w, "Access denied by policy", http.StatusForbidden)
	default:
		return false
	}
	return true
}

func (p *ProxyServer) forward(w http.ResponseWriter, r *http.Request) {
	if !r.URL.IsAbs() {
		http.Error(w, "this is a proxy", http.StatusBadRequest)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Header.Del("Proxy-Authorization")
	out.Header.Del("Proxy-Connection")
	resp, err := p.http.RoundTrip(out)
	if err != nil {
		http.Error(w, "the proxy cannot reach the server", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Via", "1.1 world-proxy")
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// accept takes the connection over and says that the tunnel is there.
func accept(w http.ResponseWriter) (net.Conn, error) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	return c, err
}

func (p *ProxyServer) tunnel(w http.ResponseWriter, r *http.Request) {
	out, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "the proxy cannot reach the server", http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, err := accept(w)
	if err != nil {
		return
	}
	defer in.Close()
	pipe(in, out)
}

// pipe copies both ways until both sides are done.
func pipe(a, b net.Conn) {
	var both sync.WaitGroup
	half := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if c, ok := to.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite()
		} else {
			_ = to.Close()
		}
	}
	both.Go(func() { half(a, b) })
	both.Go(func() { half(b, a) })
	both.Wait()
}

// intercept answers the TLS handshake itself and forwards each request.
func (p *ProxyServer) intercept(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(w, "host:port expected", http.StatusBadRequest)
		return
	}
	cert, err := p.pki.Certificate(Interception, host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c, err := accept(w)
	if err != nil {
		return
	}
	defer c.Close()
	t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert.TLS()}})
	if t.Handshake() != nil {
		return
	}
	in := bufio.NewReader(t)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		req.URL.Scheme, req.URL.Host, req.RequestURI = "https", r.Host, ""
		resp, err := p.http.RoundTrip(req)
		if err != nil {
			_, _ = io.WriteString(t, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		err = resp.Write(t)
		_ = resp.Body.Close()
		if err != nil {
			return
		}
	}
}
