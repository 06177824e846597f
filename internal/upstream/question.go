package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// question is one question to one name server.
type question struct {
	server snapshot.NameServer
	name   string // fully qualified, with the final dot
	qtype  uint16
}

// udpSize is what Go's resolver offers by EDNS.
const udpSize = 1232

// ask puts a question: over UDP, and again over TCP when the answer was cut.
// Each of the two has the whole limit for itself, as in Go's resolver.
func (c *Client) ask(ctx context.Context, q question, limit time.Duration) snapshot.Answer {
	a := snapshot.Answer{Server: q.server, Name: strings.TrimSuffix(q.name, "."), Type: dns.TypeToString[q.qtype], Net: "udp"}
	start := time.Now()
	m, err := c.inquire(ctx, "udp", q, limit)
	if err == nil && m.Truncated {
		a.Net = "tcp"
		m, err = c.inquire(ctx, "tcp", q, limit)
	}
	a.Took = time.Since(start)
	if err != nil {
		a.Err = c.dnsFailure(ctx, q, err)
		return a
	}
	read(&a, m, q)
	return a
}

// inquire sends a question and waits for its answer. Over UDP the question is
// sent a second time halfway, in case a packet was lost.
func (c *Client) inquire(ctx context.Context, network string, q question, limit time.Duration) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(q.name, q.qtype)
	m.SetEdns0(udpSize, false)
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := c.dial(ctx, network, q.server.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer guard(ctx, conn)()
	if network == "tcp" {
		wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
		if _, err := conn.Write(wire); err != nil {
			return nil, err
		}
		return receiveTCP(conn, m)
	}
	for again := range 2 {
		until := time.Time{}
		if again == 0 {
			until = time.Now().Add(limit / 2)
		}
		setDeadline(ctx, conn, until)
		if _, err := conn.Write(wire); err != nil {
			return nil, err
		}
		got, err := receiveUDP(conn, m)
		var late net.Error
		if err == nil || again == 1 || !errors.As(err, &late) || !late.Timeout() || over(ctx) {
			return got, err
		}
	}
	return nil, context.DeadlineExceeded
}

func receiveUDP(conn net.Conn, q *dns.Msg) (*dns.Msg, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		m := new(dns.Msg)
		// What does not answer this question may be forged or late: go on waiting.
		if err := m.Unpack(buf[:n]); answers(m, q) && (err == nil || m.Truncated) {
			return m, nil
		}
	}
}

func receiveTCP(conn net.Conn, q *dns.Msg) (*dns.Msg, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := m.Unpack(buf); err != nil {
		return nil, fmt.Errorf("unreadable answer: %w", err)
	}
	if !answers(m, q) {
		return nil, errors.New("answer to another question")
	}
	return m, nil
}

func answers(m, q *dns.Msg) bool {
	return m.Response && m.Id == q.Id && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.Question[0].Qtype && strings.EqualFold(m.Question[0].Name, q.Question[0].Name)
}

// read takes an answer apart as Go's resolver does: every address in it counts,
// whatever name it stands at.
func read(a *snapshot.Answer, m *dns.Msg, q question) {
	rcode := m.Rcode
	if opt := m.IsEdns0(); opt != nil {
		rcode |= opt.ExtendedRcode()
	}
	a.RCode = dns.RcodeToString[rcode]
	if a.RCode == "" {
		a.RCode = fmt.Sprintf("RCODE%d", rcode)
	}
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			if ip, ok := netip.AddrFromSlice(rr.A.To4()); ok && q.qtype == dns.TypeA {
				a.Addrs = append(a.Addrs, ip.String())
			}
		case *dns.AAAA:
			if ip, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok && q.qtype == dns.TypeAAAA {
				a.Addrs = append(a.Addrs, ip.String())
			}
		case *dns.CNAME:
			a.CNAMEs = append(a.CNAMEs, strings.TrimSuffix(rr.Target, "."))
		}
	}
	cause, text := judge(rcode, m, len(a.Addrs) > 0)
	if cause != "" {
		a.Err = &snapshot.Failure{Stage: snapshot.Resolve, Cause: cause, Text: dnsText(q, text)}
	}
}

// judge words the reply as Go's resolver would. Source: net/dnsclient_unix.go, checkHeader.
func judge(rcode int, m *dns.Msg, found bool) (snapshot.Cause, string) {
	lame := !m.Authoritative && !m.RecursionAvailable && len(m.Answer) == 0 && len(m.Extra) == 0
	switch {
	case rcode == dns.RcodeNameError:
		return snapshot.NoSuchHost, "no such host"
	case rcode == dns.RcodeSuccess && lame:
		return snapshot.DNSError, "lame referral"
	case rcode != dns.RcodeSuccess:
		return snapshot.DNSError, "server misbehaving"
	case !found:
		return snapshot.NoAddress, "no such host"
	}
	return "", ""
}

// dnsText is Go's own wording of a failed lookup.
func dnsText(q question, text string) string {
	return (&net.DNSError{Err: text, Name: strings.TrimSuffix(q.name, "."), Server: q.server.Addr}).Error()
}

// dnsFailure tells apart how a question could not be asked or got no answer.
func (c *Client) dnsFailure(ctx context.Context, q question, err error) *snapshot.Failure {
	cause := snapshot.Unclassified
	var timeout net.Error
	switch {
	case over(ctx):
		cause = endOf(ctx)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		cause = snapshot.DNSForbidden
	case errors.Is(err, syscall.ECONNREFUSED):
		cause = snapshot.DNSRefused
	case errors.Is(err, syscall.EHOSTUNREACH):
		cause = snapshot.NoRoute
	case errors.Is(err, syscall.ENETUNREACH):
		cause = snapshot.Unreachable
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		cause = snapshot.DNSTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		cause = snapshot.DNSError
	}
	return &snapshot.Failure{Stage: snapshot.Resolve, Cause: cause, Text: dnsText(q, err.Error())}
}
