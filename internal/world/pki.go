package world

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Kind names a certificate by what is good or bad about it.
type Kind string

// The kinds of certificates. All but the last four are signed by the private
// root of the world.
const (
	Good                Kind = "good"
	Chained             Kind = "chain"                // signed by the intermediate, which is sent along
	MissingIntermediate Kind = "missing-intermediate" // the same, and not sent; its URL is in the certificate
	WrongHost           Kind = "wrong-host"           // *.github.io and github.io, whatever was asked for
	Expired             Kind = "expired"              // since yesterday
	NotYetValid         Kind = "not-yet-valid"        // in a month
	CommonName          Kind = "common-name"          // the name stands in the CN alone
	NoNames             Kind = "no-names"             // neither CN nor SAN
	NoIPSAN             Kind = "no-ip-san"            // only the DNS names of those asked for
	ClientOnly          Kind = "client"               // for clients, not for servers
	SelfSigned          Kind = "self-signed"          //
	OtherKey            Kind = "other-key"            // by a CA with the root's name and another key
	Interception        Kind = "interception"         // by the CA of a company's proxy
	WeakSignature       Kind = "weak-signature"       // by an old root (PKI.Old), with SHA-1
)

// Kinds lists every kind.
var Kinds = []Kind{
	Good, Chained, MissingIntermediate, WrongHost, Expired, NotYetValid, CommonName, NoNames, NoIPSAN,
	ClientOnly, SelfSigned, OtherKey, Interception, WeakSignature,
}

// PKI is the authorities of a world.
type PKI struct {
	Now          time.Time  // certificates are dated by it
	Root         *Authority // what the nodes of the world trust
	Intermediate *Authority
	Twin         *Authority // Root's name, another key
	Interceptor  *Authority // of a proxy that looks into TLS
	IssuerURL    string     // where Intermediate can be fetched; empty: certificates do not say

	dir string
	old func() (*Authority, error)
}

// NewPKI makes authorities that live in memory.
func NewPKI(now time.Time) (*PKI, error) { return OpenPKI("", now) }

// OpenPKI reads the authorities that a directory holds and makes those that it
// lacks: ca.crt, intermediate.crt, twin.crt, interceptor.crt, old.crt and their
// .key files. Processes that share a directory start after one has made it.
func OpenPKI(dir string, now time.Time) (*PKI, error) {
	p := &PKI{Now: now, dir: dir}
	p.old = sync.OnceValues(func() (*Authority, error) { return p.keep("old", p.makeOld) })
	steps := []struct {
		name string
		into **Authority
		make func() (*Authority, error)
	}{
		{"ca", &p.Root, func() (*Authority, error) { return NewAuthority("Example Root CA", now) }},
		{"intermediate", &p.Intermediate, func() (*Authority, error) { return p.Root.Intermediate("Example Intermediate CA") }},
		{"twin", &p.Twin, func() (*Authority, error) { return p.Root.Twin() }},
		{"interceptor", &p.Interceptor, func() (*Authority, error) { return NewAuthority("Corporate Inspection CA", now) }},
	}
	for _, s := range steps {
		a, err := p.keep(s.name, s.make)
		if err != nil {
			return nil, err
		}
		*s.into = a
	}
	return p, nil
}

// Old is a root of RSA, whose children are signed with SHA-1. It is made when
// it is first asked for.
func (p *PKI) Old() (*Authority, error) { return p.old() }

func (p *PKI) makeOld() (*Authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return newAuthority("Old Root CA", p.Now, key, nil)
}

// Certificate issues a certificate of some kind for names and addresses.
func (p *PKI) Certificate(kind Kind, names ...string) (Certificate, error) {
	cn := ""
	if len(names) > 0 {
		cn = names[0]
	}
	leaf := Leaf{CommonName: cn, Names: names}
	switch kind {
	case Good, "":
		return p.Root.Issue(leaf)
	case Chained, MissingIntermediate:
		leaf.Issuer = p.IssuerURL
		c, err := p.Intermediate.Issue(leaf)
		if err == nil && kind == Chained {
			c.Chain = append(c.Chain, p.Intermediate.Cert.Raw)
		}
		return c, err
	case WrongHost:
		return p.Root.Issue(Leaf{CommonName: "*.github.io", Names: []string{"*.github.io", "github.io"}})
	case Expired:
		leaf.From, leaf.For = -366*24*time.Hour, 365*24*time.Hour
		return p.Root.Issue(leaf)
	case NotYetValid:
		leaf.From = 30 * 24 * time.Hour
		return p.Root.Issue(leaf)
	case CommonName:
		leaf.Names = nil
		return p.Root.Issue(leaf)
	case NoNames:
		return p.Root.Issue(Leaf{})
	case NoIPSAN:
		leaf.Names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return net.ParseIP(n) != nil })
		if len(leaf.Names) == 0 {
			leaf.Names = []string{"registry.example"}
		}
		leaf.CommonName = leaf.Names[0]
		return p.Root.Issue(leaf)
	case ClientOnly:
		leaf.Client = true
		return p.Root.Issue(leaf)
	}
	return p.foreign(kind, leaf)
}

// foreign issues the kinds that the world's own root has not signed.
func (p *PKI) foreign(kind Kind, leaf Leaf) (Certificate, error) {
	switch kind {
	case SelfSigned:
		return selfSigned(leaf, p.Now)
	case OtherKey:
		return p.Twin.Issue(leaf)
	case Interception:
		c, err := p.Interceptor.Issue(leaf)
		c.Chain = append(c.Chain, p.Interceptor.Cert.Raw)
		return c, err
	case WeakSignature:
		old, err := p.Old()
		if err != nil {
			return Certificate{}, err
		}
		leaf.SHA1 = true
		return old.Issue(leaf)
	}
	return Certificate{}, fmt.Errorf("no certificate of kind %q", kind)
}

// keep returns the authority stored under a name, made and stored if need be.
func (p *PKI) keep(name string, make func() (*Authority, error)) (*Authority, error) {
	if p.dir == "" {
		return make()
	}
	base := filepath.Join(p.dir, name)
	a, err := readAuthority(base, p.Now)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	a, err = make()
	if err != nil {
		return nil, err
	}
	key, err := Certificate{Key: a.Key}.KeyPEM()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(base+".key", key, 0o600); err != nil {
		return nil, err
	}
	return a, os.WriteFile(base+".crt", a.PEM(), 0o644)
}

func readAuthority(base string, now time.Time) (*Authority, error) {
	crt, err := os.ReadFile(base + ".crt")
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(base + ".key")
	if err != nil {
		return nil, err
	}
	c, k := decodePEM(crt), decodePEM(raw)
	cert, err := x509.ParseCertificate(c)
	if err != nil {
		return nil, fmt.Errorf("read %s.crt: %w", base, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("read %s.key: %w", base, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read %s.key: %T cannot sign", base, key)
	}
	return &Authority{Cert: cert, Key: signer, Now: now}, nil
}

func decodePEM(data []byte) []byte {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	return block.Bytes
}
