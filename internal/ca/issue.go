package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

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
