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
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
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

// Order is a certificate that somebody wants.
type Order struct {
	Names  []Name
	Client bool // for a client that logs in; else for a server
	Days   int  // 0: LeafDays; shortened to the life of the authority
	Now    time.Time
	Key    crypto.Signer // kept on renewal; nil: a new one
}

// Until is when a certificate of the order would end.
func (a Authority) Until(o Order) time.Time {
	if o.Days == 0 {
		o.Days = LeafDays
	}
	until := o.Now.Add(time.Duration(o.Days) * Day)
	if until.After(a.Cert.NotAfter) {
		return a.Cert.NotAfter
	}
	return until
}

// Issue signs a certificate. The authority comes along in its chain: servers
// send the file as it is, and who looks at it sees whom to trust.
func (a Authority) Issue(o Order) (Certificate, error) {
	if err := a.may(o); err != nil {
		return Certificate{}, err
	}
	key := o.Key
	if key == nil {
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Certificate{}, fmt.Errorf("make the key of the certificate: %w", err)
		}
		key = fresh
	}
	from := o.Now.Add(-backdated)
	if from.Before(a.Cert.NotBefore) {
		from = a.Cert.NotBefore
	}
	t := &x509.Certificate{
		NotBefore: from, NotAfter: a.Until(o), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if _, rsa := PublicKey(key.Public()).Bits(); rsa {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	if o.Client {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, n := range o.Names {
		if n.DNS != "" {
			t.DNSNames = append(t.DNSNames, n.DNS)
		} else {
			t.IPAddresses = append(t.IPAddresses, n.IP.AsSlice())
		}
	}
	if first := o.Names[0].String(); len(first) <= maxCommonName {
		t.Subject.CommonName = first
	}
	cert, err := sign(t, a.Cert, key.Public(), a.Key)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{[]*x509.Certificate{cert, a.Cert}, key}, a.accepts(cert, o.Now)
}

// maxCommonName is ub-common-name of RFC 5280.
const maxCommonName = 64

// may refuses orders that no verifier would be happy with.
func (a Authority) may(o Order) error {
	switch {
	case len(o.Names) == 0:
		return errors.New("a certificate needs at least one name")
	case o.Now.After(a.Cert.NotAfter):
		return fmt.Errorf("the authority %q expired on %s", Title(a.Cert), date(a.Cert.NotAfter))
	case o.Now.Before(a.Cert.NotBefore):
		return fmt.Errorf("the authority %q is not valid before %s; is the clock right?", Title(a.Cert), date(a.Cert.NotBefore))
	}
	return nil
}

// accepts verifies what was signed, so that an authority that may not sign for a
// name says so here and not on every node.
func (a Authority) accepts(cert *x509.Certificate, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.Cert)
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("verifiers refuse what %q signs: %w", Title(a.Cert), err)
	}
	return nil
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

// Shortens reports whether an order ends early, with its authority.
func (a Authority) Shortens(o Order) bool {
	if o.Days == 0 {
		o.Days = LeafDays
	}
	return o.Now.Add(time.Duration(o.Days) * Day).After(a.Cert.NotAfter)
}

// Fulfils reports whether a chain that is there is what an order wants: from
// this authority, for these names and this use, and for more than so many days.
// One that ends with its authority cannot be had for longer.
func (a Authority) Fulfils(chain []*x509.Certificate, o Order, days int) bool {
	leaf := chain[0]
	if !slices.Equal(sorted(NamesOf(leaf)), sorted(texts(o.Names))) || len(chain) < 2 || !chain[1].Equal(a.Cert) {
		return false
	}
	if want := map[bool]string{false: "server", true: "client"}[o.Client]; Kind(leaf) != want || a.accepts(leaf, o.Now) != nil {
		return false
	}
	return Days(leaf.NotAfter, o.Now) >= days || leaf.NotAfter.Equal(a.Cert.NotAfter)
}

// Remarks are what there is to say against a certificate that was issued: that
// its authority ends soon, say, or that it was not made here and is weak.
func (a Authority) Remarks(c Certificate, file string, now time.Time) []finding.Finding {
	in := Read(source.File{Path: file, Data: PEM(c.Chain...)})
	return Judge([]Input{in}, Question{Now: now, Warn: 30, Alarm: 7, Trust: Trust{Named: []*x509.Certificate{a.Cert}}}).Findings
}

func texts(list []Name) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.String())
	}
	return out
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
