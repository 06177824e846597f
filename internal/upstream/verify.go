package upstream

import (
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// chainVerdict is what a pool makes of a presented chain.
type chainVerdict struct {
	err    error // nil: accepted
	reason snapshot.Reason
	root   *x509.Certificate
}

// verify judges a chain as crypto/tls does for a client.
func (r *Roots) verify(chain []*x509.Certificate, name string, at time.Time) chainVerdict {
	if len(chain) == 0 {
		return chainVerdict{err: errors.New("tls: received empty certificates message"), reason: snapshot.OtherReason}
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: name, CurrentTime: at}
	if r != nil {
		opts.Roots = r.pool
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	chains, err := chain[0].Verify(opts)
	if err != nil {
		return chainVerdict{err: err, reason: r.reason(chain, name, at, err)}
	}
	best := chains[0]
	return chainVerdict{root: best[len(best)-1]}
}

// reason sorts an error of crypto/x509 by what was wrong with the chain.
func (r *Roots) reason(chain []*x509.Certificate, name string, at time.Time, err error) snapshot.Reason {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if at.Before(invalid.Cert.NotBefore) {
			return snapshot.NotYetValid
		}
		return snapshot.Expired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return snapshot.NotForServers
	case errors.As(err, &host):
		return nameReason(chain[0], name)
	case errors.As(err, &unknown):
		return r.unknownReason(chain)
	}
	return snapshot.OtherReason
}

// nameReason looks at the leaf in the order in which Go words the error.
// Source: crypto/x509/verify.go, HostnameError.Error.
func nameReason(leaf *x509.Certificate, name string) snapshot.Reason {
	ip := net.ParseIP(strings.Trim(name, "[]")) != nil
	switch {
	case !hasSAN(leaf) && !ip && matchesCN(leaf.Subject.CommonName, name):
		return snapshot.LegacyCN
	case ip && len(leaf.IPAddresses) == 0 && (hasSAN(leaf) || leaf.Subject.CommonName != ""):
		return snapshot.NoIPSAN
	case len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0:
		return snapshot.NoNames
	}
	return snapshot.OtherNames
}

func hasSAN(c *x509.Certificate) bool {
	return len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) > 0
}

// matchesCN reports whether a Common Name would have matched before Go 1.15.
func matchesCN(cn, name string) bool {
	probe := x509.Certificate{DNSNames: []string{cn}}
	return cn != "" && probe.VerifyHostname(name) == nil
}

// weak are the signatures that Go refuses.
var weak = []x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}

// unknownReason looks at where the chain should have met the pool.
func (r *Roots) unknownReason(chain []*x509.Certificate) snapshot.Reason {
	for _, c := range chain {
		issuers := r.named(c.RawIssuer)
		for _, other := range chain {
			if string(other.RawSubject) == string(c.RawIssuer) && !other.Equal(c) {
				issuers = append(issuers, other)
			}
		}
		if len(issuers) == 0 || r.holds(c) {
			continue
		}
		if slices.Contains(weak, c.SignatureAlgorithm) {
			return snapshot.WeakSignature
		}
		if !slices.ContainsFunc(issuers, func(p *x509.Certificate) bool { return signedBy(c, p) }) && len(r.named(c.RawIssuer)) > 0 {
			return snapshot.SameNameOtherKey
		}
	}
	return snapshot.UnknownAuthority
}

func (r *Roots) holds(c *x509.Certificate) bool {
	return slices.ContainsFunc(r.named(c.RawSubject), c.Equal)
}

// signedBy checks the signature alone; whether the parent may sign is another matter.
func signedBy(c, parent *x509.Certificate) bool {
	return parent.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// Verify judges certificates that were presented earlier, leaf first, perhaps
// with others added: whether this pool would accept them for a name at a time.
func (r *Roots) Verify(chain [][]byte, name string, at time.Time) error {
	var parsed []*x509.Certificate
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		parsed = append(parsed, c)
	}
	return r.verify(parsed, name, at).err
}
