package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// tlsPlan is how one handshake is made.
type tlsPlan struct {
	name    string // that the certificate has to be for
	sni     string // that the ClientHello carries; empty or an address: none
	roots   *Roots
	at      time.Time
	classic bool // no post-quantum key share
	mine    []tls.Certificate
	skip    bool // the configuration does not want verification
	look    bool // for the chain alone: verification is noted, not obeyed
}

// classicCurves are what Go offered before it had post-quantum key exchanges.
var classicCurves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// handshake makes a TLS connection. The returned Handshake is as complete as the
// server allowed, also on failure.
func handshake(ctx context.Context, raw net.Conn, p tlsPlan) (*tls.Conn, *snapshot.Handshake, error) {
	seen := &snapshot.Handshake{SNI: sentSNI(p.sni), Trusted: p.roots.trusted(), At: p.at.UTC().Format(time.RFC3339)}
	counted := &helloCounter{Conn: raw}
	cfg := &tls.Config{
		ServerName:         p.sni,
		InsecureSkipVerify: true, // VerifyConnection verifies, so that a refused chain is seen as well
		Time:               func() time.Time { return p.at },
		VerifyConnection:   func(cs tls.ConnectionState) error { return p.judge(seen, cs) },
		GetClientCertificate: func(want *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return p.present(seen, want), nil
		},
	}
	if p.classic {
		cfg.CurvePreferences = classicCurves
	}
	conn := tls.Client(counted, cfg)
	err := conn.HandshakeContext(ctx)
	seen.HelloBytes = counted.first
	cs := conn.ConnectionState()
	if cs.Version != 0 {
		seen.Version, seen.Cipher = tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite)
	}
	if cs.CurveID != 0 {
		seen.Curve = cs.CurveID.String()
	}
	return conn, seen, err
}

// judge verifies what was presented. Without an error the handshake goes on.
func (p tlsPlan) judge(seen *snapshot.Handshake, cs tls.ConnectionState) error {
	for _, c := range cs.PeerCertificates {
		seen.Chain = append(seen.Chain, c.Raw)
	}
	v := p.roots.verify(cs.PeerCertificates, p.name, p.at)
	if v.err == nil {
		seen.Verified, seen.Root, seen.RootFile = true, printable(v.root.Subject.String(), 500), p.roots.fileOf(v.root)
		return nil
	}
	seen.Verify, seen.Reason = printable(v.err.Error(), 1000), v.reason
	if p.skip || p.look {
		return nil
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: v.err}
}

// present chooses a client certificate as crypto/tls does and notes what the
// server asked for.
func (p tlsPlan) present(seen *snapshot.Handshake, want *tls.CertificateRequestInfo) *tls.Certificate {
	seen.WantsCert = true
	for _, raw := range want.AcceptableCAs {
		if len(seen.WantsFrom) == 20 {
			break
		}
		var rdn pkix.RDNSequence
		if _, err := asn1.Unmarshal(raw, &rdn); err == nil {
			seen.WantsFrom = append(seen.WantsFrom, printable(rdn.String(), 300))
		}
	}
	for i := range p.mine {
		if want.SupportsCertificate(&p.mine[i]) == nil {
			seen.SentCert = true
			return &p.mine[i]
		}
	}
	return new(tls.Certificate)
}

// sentSNI is the name that crypto/tls really puts into the ClientHello.
func sentSNI(name string) string {
	if net.ParseIP(strings.Trim(name, "[]")) != nil || strings.Contains(name, "%") {
		return ""
	}
	return strings.TrimRight(name, ".")
}

// helloCounter counts the bytes of the first write, which is the ClientHello.
type helloCounter struct {
	net.Conn
	first int
}

func (c *helloCounter) Write(p []byte) (int, error) {
	if c.first == 0 {
		c.first = len(p)
	}
	return c.Conn.Write(p)
}

// tlsCause sorts the error of a handshake, or of a read after it: TLS 1.3
// servers refuse a client certificate only then.
func tlsCause(err error) (snapshot.Cause, bool) {
	var bad *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &bad):
		return snapshot.BadChain, true
	case errors.As(err, &record):
		return snapshot.NotTLS, true
	case errors.As(err, &op) && op.Op == "remote error":
		return snapshot.TLSAlert, true
	case strings.HasPrefix(err.Error(), "tls: failed to parse certificate from server"):
		return snapshot.BadPeerCert, true
	case errors.As(err, new(x509.CertificateInvalidError)):
		return snapshot.BadChain, true
	}
	return "", false
}
