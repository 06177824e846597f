package world

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority is a certificate authority with its key.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
	Now  time.Time // what certificates are dated by
}

// Certificate is a leaf with its key and the chain that a server would send.
type Certificate struct {
	Chain [][]byte // DER, leaf first
	Key   crypto.Signer
}

// Leaf describes a certificate to issue. The zero value is one for servers,
// valid from an hour ago for a year, with no name at all.
type Leaf struct {
	CommonName string
	Names      []string      // subject alternative names: DNS names and IP addresses
	From       time.Duration // start of validity, from the authority's Now; 0: an hour ago
	For        time.Duration // how long it is valid; 0: a year
	Client     bool          // for clients, not for servers
	Issuer     string        // URL of the issuer's certificate (AIA); empty: none
	SHA1       bool          // signed with SHA-1; the authority's key has to be RSA
}

// NewAuthority makes a root that is valid for ten years around now.
func NewAuthority(name string, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newAuthority(name, now, key, nil)
}

// Intermediate makes an authority that this one has signed.
func (a *Authority) Intermediate(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newAuthority(name, a.Now, key, a)
}

// Twin makes a root with the same name and another key, as a registry does that
// was installed a second time.
func (a *Authority) Twin() (*Authority, error) {
	return NewAuthority(a.Cert.Subject.CommonName, a.Now)
}

func newAuthority(name string, now time.Time, key crypto.Signer, parent *Authority) (*Authority, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{"Towpath world"}},
		NotBefore:             now.AddDate(-5, 0, 0),
		NotAfter:              now.AddDate(5, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	signer := &Authority{Cert: template, Key: key}
	if parent != nil {
		signer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.Cert, key.Public(), signer.Key)
	if err != nil {
		return nil, fmt.Errorf("make authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{Cert: cert, Key: key, Now: now}, nil
}

// Issue makes a certificate. Its chain holds the leaf alone.
func (a *Authority) Issue(l Leaf) (Certificate, error) {
	template, err := l.template(a.Now)
	if err != nil {
		return Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, &key.PublicKey, a.Key)
	if err != nil {
		return Certificate{}, fmt.Errorf("issue %v: %w", l.Names, err)
	}
	return Certificate{Chain: [][]byte{der}, Key: key}, nil
}

// selfSigned makes a certificate that vouches for itself.
func selfSigned(l Leaf, now time.Time) (Certificate, error) {
	template, err := l.template(now)
	if err != nil {
		return Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return Certificate{Chain: [][]byte{der}, Key: key}, err
}

func (l Leaf) template(now time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	from, length := l.From, l.For
	if from == 0 {
		from = -time.Hour
	}
	if length == 0 {
		length = 365 * 24 * time.Hour
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: l.CommonName, Organization: []string{"Towpath world"}},
		NotBefore:    now.Add(from),
		NotAfter:     now.Add(from + length),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if l.SHA1 {
		t.SignatureAlgorithm = x509.SHA1WithRSA
	}
	if l.Client {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if l.Issuer != "" {
		t.IssuingCertificateURL = []string{l.Issuer}
	}
	for _, n := range l.Names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t, nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
}

// PEM is the authority's certificate, as a ca= file holds it.
func (a *Authority) PEM() []byte { return encodeCerts(a.Cert.Raw) }

// Pool is a pool with this authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Cert)
	return p
}

// PEM is the chain, as a server's certificate file holds it.
func (c Certificate) PEM() []byte { return encodeCerts(c.Chain...) }

// KeyPEM is the private key in PKCS #8.
func (c Certificate) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// TLS is the certificate as crypto/tls wants it.
func (c Certificate) TLS() tls.Certificate {
	return tls.Certificate{Certificate: c.Chain, PrivateKey: c.Key}
}

func encodeCerts(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}
