package upstream

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// link is a connection that is ready for HTTP, with the evidence of how it was made.
type link struct {
	*paced
	in       *bufio.Reader
	verified bool     // the peer has proven to be the host of the URL
	kind     addrKind // of the address that was connected to; a proxy's tells nothing
	forward  bool     // it leads to a proxy that wants absolute URLs
	proxyKey string   // Proxy-Authorization for such requests
	key      string   // of the pool
	seen     snapshot.Attempt
}

func newLink(conn net.Conn) *link {
	p := &paced{Conn: conn}
	return &link{paced: p, in: bufio.NewReaderSize(p, 8<<10)}
}

var errBigHeader = errors.New("the response header is larger than 128 KiB")

// paced bounds what is read from a connection: the bytes of a header, and then
// the time between two pieces of a body.
type paced struct {
	net.Conn
	ctx  context.Context
	idle time.Duration // 0: the deadline that is set is for everything
	left int64         // bytes that may still come
}

func (p *paced) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, errBigHeader
	}
	if p.idle > 0 {
		setDeadline(p.ctx, p.Conn, time.Now().Add(p.idle))
	}
	n, err := p.Conn.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, err
}

// forHeader makes the next reads wait for a header.
func (p *paced) forHeader(ctx context.Context, limit time.Duration) {
	p.ctx, p.idle, p.left = ctx, 0, maxHeader
	setDeadline(ctx, p.Conn, time.Now().Add(limit))
}

// forBody makes the next reads wait for a body, as long as pieces of it come.
func (p *paced) forBody(idle time.Duration) {
	p.idle, p.left = idle, math.MaxInt64
}
