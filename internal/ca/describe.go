package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
)

// Public is a public key, to be described and compared.
type Public struct{ key crypto.PublicKey }

// PublicKey wraps a key of package crypto.
func PublicKey(key crypto.PublicKey) Public { return Public{key} }

// String is the kind of key: "ECDSA P-256", "RSA 2048".
func (p Public) String() string {
	switch k := p.key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	case nil:
		return "unknown"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", p.key), "*")
}

// Bits is the length of an RSA modulus; false for other keys.
func (p Public) Bits() (n int, isRSA bool) {
	if k, ok := p.key.(*rsa.PublicKey); ok {
		return k.N.BitLen(), true
	}
	return 0, false
}

// Equal reports whether both are the same key.
func (p Public) Equal(q Public) bool {
	k, ok := p.key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && q.key != nil && k.Equal(q.key)
}

// Fingerprint is the SHA-256 of a certificate, as people compare it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Title is how a certificate is called: its Common Name, else its subject, else
// its first name.
func Title(c *x509.Certificate) string {
	switch names := NamesOf(c); {
	case c.Subject.CommonName != "":
		return printable(c.Subject.CommonName)
	case len(c.Subject.Names) > 0:
		return printable(c.Subject.String())
	case len(names) > 0:
		return names[0]
	}
	return "a certificate without a subject"
}

// IssuerTitle is how the authority is called that signed a certificate.
func IssuerTitle(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return printable(c.Issuer.CommonName)
	}
	return printable(c.Issuer.String())
}

// NamesOf are the names that a certificate is for, addresses behind DNS names.
func NamesOf(c *x509.Certificate) []string { return names(c.DNSNames, c.IPAddresses) }

func names[IP ~[]byte](dns []string, ips []IP) []string {
	out := []string{}
	for _, n := range dns {
		out = append(out, printable(n))
	}
	for _, ip := range ips {
		out = append(out, fmt.Sprint(ip))
	}
	return out
}

// Days is how many whole days are left until a moment; negative afterwards.
func Days(until, now time.Time) int {
	return int(math.Floor(float64(until.Sub(now)) / float64(Day)))
}

// Kind says what a certificate is: "root", "intermediate", "server", "client",
// "server and client", "self-signed" or, without any usage, "leaf".
func Kind(c *x509.Certificate) string {
	var server, client bool
	for _, u := range c.ExtKeyUsage {
		server = server || u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
		client = client || u == x509.ExtKeyUsageClientAuth || u == x509.ExtKeyUsageAny
	}
	switch {
	case IsCA(c) && SelfSigned(c):
		return "root"
	case IsCA(c):
		return "intermediate"
	case SelfSigned(c):
		return "self-signed"
	case server && client:
		return "server and client"
	case server:
		return "server"
	case client:
		return "client"
	}
	return "leaf"
}

// IsCA reports whether verifiers let a certificate sign others.
func IsCA(c *x509.Certificate) bool { return c.BasicConstraintsValid && c.IsCA }

// SelfSigned reports whether a certificate names itself as its issuer.
func SelfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

func date(t time.Time) string { return t.UTC().Format("2006-01-02") }

// printable is a text of a certificate without what a terminal would act on.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, s)
	if cut := []rune(s); len(cut) > 200 {
		return string(cut[:200]) + "…"
	}
	return s
}
