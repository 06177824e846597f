package hostscheck

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Wire stands for the network: each request that containerd sends is noted and
// answered with 404, so that it goes on to the next host.
type Wire struct {
	PlainOnly bool // every server answers a TLS handshake in plain HTTP

	taps     []*Tap // in the order in which containerd made transports
	mu       sync.Mutex
	requests []Sent
	servers  sync.WaitGroup
}

// Sent is a request that left the process.
type Sent struct {
	Method, URL string
	Header      http.Header
}

// Client puts the wire under a client before containerd uses it. It fits
// containerd's HostOptions.UpdateClient.
func (w *Wire) Client(c *http.Client) error {
	theirs, ok := c.Transport.(*http.Transport)
	if !ok {
		return nil // a copy of one that has it
	}
	mine := theirs.Clone()
	mine.Proxy = nil
	mine.DisableKeepAlives = true
	mine.DialContext = func(context.Context, string, string) (net.Conn, error) { return w.connect(), nil }
	mine.DialTLSContext = func(context.Context, string, string) (net.Conn, error) {
		if w.PlainOnly {
			return nil, tls.RecordHeaderError{Msg: "no TLS", RecordHeader: [5]byte([]byte("HTTP/"))}
		}
		return w.connect(), nil
	}
	tap := &Tap{wire: w, Theirs: theirs, mine: mine}
	c.Transport, w.taps = tap, append(w.taps, tap)
	return nil
}

// Tap is the transport of a host, with the one that containerd made for it.
type Tap struct {
	Theirs *http.Transport
	mine   *http.Transport
	wire   *Wire
}

// RoundTrip sends a request and notes it if it could be sent.
func (t *Tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.mine.RoundTrip(r)
	if err == nil {
		t.wire.mu.Lock()
		t.wire.requests = append(t.wire.requests, Sent{r.Method, r.URL.String(), r.Header.Clone()})
		t.wire.mu.Unlock()
	}
	return resp, err
}

// Requests returns what was sent since the last call.
func (w *Wire) Requests() []Sent {
	w.servers.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.requests
	w.requests = nil
	return out
}

func (w *Wire) connect() net.Conn {
	client, server := net.Pipe()
	w.servers.Go(func() { answer(server) })
	return client
}

// answer reads one request and says that there is no such thing.
func answer(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) || err != nil {
			return
		}
		if line == "\r\n" {
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
	}
}
