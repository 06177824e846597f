package world

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Break is what a listener does to connections before there is any HTTP.
type Break string

// The ways to break a connection. Those "in handshake" wait until the first
// record of the client, its ClientHello, has arrived.
const (
	Reset            Break = "reset"              // RST at once
	Close            Break = "close"              // FIN at once
	Hang             Break = "hang"               // silence
	ResetInHandshake Break = "reset-in-handshake" //
	CloseInHandshake Break = "close-in-handshake" //
	HangInHandshake  Break = "hang-in-handshake"  //
	Garbage          Break = "garbage"            // the banner of another protocol
	Alert            Break = "alert"              // a TLS alert: handshake_failure
)

// Gate is what a connection has to pass before a server sees it.
type Gate struct {
	Break    Break    `json:"break"`
	MaxHello int      `json:"maxhello"` // a larger ClientHello (bytes with record header) vanishes; 0: none does
	Refuse   []string `json:"refuse"`   // names that get a reset when the ClientHello carries them
}

// Hello is a ClientHello that a listener saw.
type Hello struct {
	SNI    string
	ALPN   []string
	Curves []tls.CurveID
	Bytes  int
}

var errGate = errors.New("connection broken on purpose")

// gatedListener knows every open connection, also those that a handler has
// taken over, so that all of them end with the server.
type gatedListener struct {
	net.Listener
	gate Gate
	log  *Log

	mu   sync.Mutex
	open map[net.Conn]bool
}

func (l *gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.log.accepted()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	return &gatedConn{Conn: c, from: l}, nil
}

func (l *gatedListener) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
}

func (l *gatedListener) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// gatedConn looks at the first bytes that the client sends. All of it happens in
// the reader's goroutine, so nothing outlives the connection.
type gatedConn struct {
	net.Conn
	from  *gatedListener
	once  sync.Once
	first []byte
	err   error
}

func (c *gatedConn) Read(p []byte) (int, error) {
	c.once.Do(func() { c.err = c.admit() })
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// Close ends the connection.
func (c *gatedConn) Close() error {
	c.from.forget(c.Conn)
	return c.Conn.Close()
}

// CloseWrite ends one direction, as a tunnel does.
func (c *gatedConn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return c.Close()
}

func (c *gatedConn) admit() error {
	switch c.from.gate.Break {
	case Reset, Close, Hang, Garbage:
		return c.end(c.from.gate.Break)
	}
	hello, err := c.readHello()
	if err != nil {
		return err
	}
	switch c.from.gate.Break {
	case ResetInHandshake:
		return c.end(Reset)
	case CloseInHandshake:
		return c.end(Close)
	case HangInHandshake:
		return c.end(Hang)
	case Alert:
		return c.end(Alert)
	}
	switch {
	case hello == nil:
	case c.from.gate.MaxHello > 0 && hello.Bytes > c.from.gate.MaxHello:
		return c.end(Hang)
	case slices.Contains(c.from.gate.Refuse, hello.SNI):
		return c.end(Reset)
	}
	return nil
}

// end breaks the connection in the way that was asked for. What was read so
// far is not handed to the server.
func (c *gatedConn) end(how Break) error {
	c.first = nil
	switch how {
	case Reset:
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Conn.Close()
		return errGate
	case Garbage:
		_, _ = io.WriteString(c.Conn, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
	case Alert:
		_, _ = c.Conn.Write([]byte{21, 3, 3, 0, 2, 2, 40})
	}
	if how != Hang {
		// With unread data in the socket a close would send RST, not FIN.
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	_, _ = io.Copy(io.Discard, c.Conn)
	_ = c.Conn.Close()
	return errGate
}

// readHello reads the first record if it is one of TLS and keeps its bytes for
// the server. It returns nil when the client speaks something else.
func (c *gatedConn) readHello() (*Hello, error) {
	head := make([]byte, 1, 5)
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return nil, err
	}
	c.first = head
	if head[0] != 22 {
		return nil, nil
	}
	head = head[:5]
	if _, err := io.ReadFull(c.Conn, head[1:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	n, err := io.ReadFull(c.Conn, body)
	c.first = slices.Concat(head, body[:n])
	if err != nil {
		return nil, err
	}
	hello := parseHello(c.first)
	c.from.log.hello(hello)
	return &hello, nil
}

// parseHello lets crypto/tls take a ClientHello apart.
func parseHello(record []byte) Hello {
	h := Hello{Bytes: len(record)}
	_ = tls.Server(&recorded{data: record}, &tls.Config{
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			h.SNI, h.ALPN, h.Curves = info.ServerName, info.SupportedProtos, info.SupportedCurves
			return nil, errGate
		},
	}).Handshake()
	return h
}

// recorded is a connection that replays bytes and swallows replies.
type recorded struct{ data []byte }

func (r *recorded) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (*recorded) Write(p []byte) (int, error)      { return len(p), nil }
func (*recorded) Close() error                     { return nil }
func (*recorded) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*recorded) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*recorded) SetDeadline(time.Time) error      { return nil }
func (*recorded) SetReadDeadline(time.Time) error  { return nil }
func (*recorded) SetWriteDeadline(time.Time) error { return nil }
