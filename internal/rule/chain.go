package rule

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// leaf is the server's own certificate; nil when none was seen or it cannot be parsed.
func leaf(a *snapshot.Attempt) *x509.Certificate {
	if a == nil || a.Handshake == nil || len(a.Handshake.Chain) == 0 {
		return nil
	}
	c, err := x509.ParseCertificate(a.Handshake.Chain[0])
	if err != nil {
		return nil
	}
	return c
}

// top is the last certificate that was presented.
func top(a *snapshot.Attempt) *x509.Certificate {
	if a == nil || a.Handshake == nil || len(a.Handshake.Chain) == 0 {
		return nil
	}
	c, err := x509.ParseCertificate(a.Handshake.Chain[len(a.Handshake.Chain)-1])
	if err != nil {
		return nil
	}
	return c
}

// names are the DNS names and addresses on a certificate, at most four of them.
func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all"
	}
	if len(all) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:4], ", "), len(all)-4)
	}
	return strings.Join(all, ", ")
}

// issuer names the authority that signed a certificate.
func issuer(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// fingerprint is how people compare certificates.
func fingerprint(c *x509.Certificate) string {
	return fmt.Sprintf("SHA-256 %X", sha256.Sum256(c.Raw))
}

// sameLeaf reports whether two attempts were shown the same certificate.
func sameLeaf(a, b *snapshot.Attempt) bool {
	x, y := leaf(a), leaf(b)
	return x != nil && y != nil && x.Equal(y)
}

// badChains are the hops whose certificate was refused for one of the reasons.
func badChains(s *snapshot.Snapshot, reasons ...snapshot.Reason) []fault {
	var out []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.BadChain) {
		if x.try.Handshake != nil && slices.Contains(reasons, x.try.Handshake.Reason) && leaf(x.try) != nil {
			out = append(out, x)
		}
	}
	return out
}

// chainEvidence adds what was presented.
func chainEvidence(f finding.Finding, x fault) finding.Finding {
	c := leaf(x.try)
	f = f.Saw(x.why.Text, addr(x.try), tlsCommand(addr(x.try), x.try.Handshake.SNI))
	if c == nil {
		return f
	}
	saw := fmt.Sprintf("certificate for %s, issued by %q, valid %s to %s, %s", names(c), issuer(c), day(c.NotBefore), day(c.NotAfter), fingerprint(c))
	show := tlsCommand(addr(x.try), x.try.Handshake.SNI) + " 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName -fingerprint -sha256"
	return f.Saw(saw, "certificate presented by "+addr(x.try), show)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// clockOff is how far the node's clock is off by others' account. Certain takes
// two unrelated sources or NTP, and nobody who says otherwise.
func clockOff(s *snapshot.Snapshot) (time.Duration, finding.Confidence) {
	if s.Pull == nil {
		return 0, ""
	}
	var off time.Duration
	votes := 0
	for _, c := range s.Pull.Clocks {
		if c.Offset.Abs() < 5*time.Minute || off != 0 && (c.Offset > 0) != (off > 0) {
			return 0, ""
		}
		off = c.Offset
		votes++
		if c.Kind == "ntp" {
			votes++
		}
	}
	switch votes {
	case 0:
		return 0, ""
	case 1:
		return off, finding.Likely
	}
	return off, finding.Certain
}

// clockSeen reports whether anybody's time was seen at all.
func clockSeen(s *snapshot.Snapshot) bool { return s.Pull != nil && len(s.Pull.Clocks) > 0 }
