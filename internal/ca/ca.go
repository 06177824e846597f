// Package ca makes a private certificate authority and what it signs, reads
// whatever people keep certificates in, and judges it as Go programs do. It
// looks at no disk and no network (net is imported for its address types alone):
// package ca/store keeps what is made here, package expiry asks hosts.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Day is the unit of every lifetime here.
const Day = 24 * time.Hour

// Lifetimes in days. An authority of ten years outlives everybody who knows
// where its key is; 825 days is the most that Apple's verifiers accept of a
// server, and the longest that any of them does for a private authority.
const (
	AuthorityDays    = 5 * 365
	MaxAuthorityDays = 10*365 - 1
	LeafDays         = 365
	MaxLeafDays      = 825
)

// backdated is how far behind the clock of a verifier may be on the first day.
const backdated = time.Hour

// Profile is what an authority is to be.
type Profile struct {
	Name   string       // Common Name; empty: one that no other authority has
	Days   int          // 0: AuthorityDays
	Permit []Constraint // the only names it may sign for; empty: any
	Now    time.Time
}

// Constraint limits an authority to a domain with all below it, or to addresses.
type Constraint struct {
	Domain string
	Range  netip.Prefix
}

// ParseConstraint reads a domain, an address or a range of them.
func ParseConstraint(text string) (Constraint, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return Constraint{Range: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return Constraint{Range: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	n, err := ParseName(strings.TrimPrefix(text, "."))
	switch {
	case err != nil:
		return Constraint{}, err
	case n.Wildcard():
		return Constraint{}, fmt.Errorf("%q: a constraint covers all names below it; write it without the asterisk", text)
	}
	return Constraint{Domain: n.DNS}, nil
}

// Authority is a CA certificate with its key.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Certificate is a certificate with its key and those who vouch for it.
type Certificate struct {
	Chain []*x509.Certificate // leaf first
	Key   crypto.Signer
}

// New makes an authority that signs certificates and no further authorities.
func New(p Profile) (Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Authority{}, fmt.Errorf("make the key of the authority: %w", err)
	}
	if p.Days == 0 {
		p.Days = AuthorityDays
	}
	if p.Name == "" {
		if p.Name, err = uniqueName(key); err != nil {
			return Authority{}, err
		}
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: p.Name}, NotBefore: p.Now.Add(-backdated), NotAfter: p.Now.Add(time.Duration(p.Days) * Day),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	constrain(t, p.Permit)
	cert, err := sign(t, t, key.Public(), key)
	return Authority{cert, key}, err
}

// uniqueName keeps two authorities apart: verifiers that find one of the same
// name with another key give messages that nobody understands.
func uniqueName(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", fmt.Errorf("name the authority: %w", err)
	}
	sum := sha256.Sum256(der)
	return fmt.Sprintf("Private CA %X", sum[:4]), nil
}

// constrain limits what an authority may sign. A kind of name that a constraint
// does not speak of would stay unlimited, so the other kind is excluded.
func constrain(t *x509.Certificate, permit []Constraint) {
	if len(permit) == 0 {
		return
	}
	t.PermittedDNSDomainsCritical = true
	for _, c := range permit {
		if c.Domain != "" {
			t.PermittedDNSDomains = append(t.PermittedDNSDomains, c.Domain)
		} else {
			t.PermittedIPRanges = append(t.PermittedIPRanges, ipNet(c.Range))
		}
	}
	if len(t.PermittedIPRanges) == 0 {
		t.ExcludedIPRanges = []*net.IPNet{ipNet(netip.MustParsePrefix("0.0.0.0/0")), ipNet(netip.MustParsePrefix("::/0"))}
	}
	if len(t.PermittedDNSDomains) == 0 {
		t.ExcludedDNSDomains = []string{""} // every domain
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func sign(t, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	t.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// PEM is certificates as servers and pools read them.
func PEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// KeyPEM is a private key as PKCS #8, which Go, OpenSSL and Java read alike.
func KeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
