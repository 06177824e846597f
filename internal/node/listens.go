package node

import (
	"context"
	"fmt"
	"net"
	"time"
)

// patience is how long a program on this machine may take to answer.
const patience = 2 * time.Second

// hello is what a client of HTTP/2, such as one of gRPC, begins with: the preface
// and empty settings. A server answers with its own. Source: RFC 9113, 3.4.
const hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// Listens asks whether a gRPC server answers at a Unix socket; nil: it does.
func Listens(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(end); err != nil {
			return err
		}
	}
	if _, err := c.Write([]byte(hello)); err != nil {
		return fmt.Errorf("send to %s: %w", socket, err)
	}
	var first [1]byte
	if _, err := c.Read(first[:]); err != nil {
		return fmt.Errorf("wait for an answer at %s: %w", socket, err)
	}
	return nil
}
