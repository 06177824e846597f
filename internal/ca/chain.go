package ca

import (
	"crypto/x509"
	"errors"
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
)

// known are all certificates that the chains can lead through.
type known struct {
	bySubject map[string][]*x509.Certificate
	public    map[string]bool // DER of those in the node's store
	signers   map[string]bool // DER of those that have signed another input
	found     map[*x509.Certificate]*x509.Certificate
}

// enough is how many certificates of one name are tried; more would be a way to
// keep us busy.
const enough = 8

func newKnown(inputs []Input, t Trust) known {
	k := known{bySubject: map[string][]*x509.Certificate{}, public: map[string]bool{}, signers: map[string]bool{}, found: map[*x509.Certificate]*x509.Certificate{}}
	var own []*x509.Certificate
	for _, in := range inputs {
		own = append(own, in.Certs()...)
	}
	for _, c := range slices.Concat(own, t.Named, t.System) {
		s := string(c.RawSubject)
		if len(k.bySubject[s]) < enough && !slices.ContainsFunc(k.bySubject[s], c.Equal) {
			k.bySubject[s] = append(k.bySubject[s], c)
		}
	}
	for _, c := range t.System {
		k.public[string(c.Raw)] = true
	}
	for _, c := range own {
		if SelfSigned(c) {
			continue
		}
		if signer, _ := k.signer(c); signer != nil {
			k.signers[string(signer.Raw)] = true
		}
	}
	return k
}

// signer is who signed a certificate; named are those that have its name.
func (k known) signer(c *x509.Certificate) (signer *x509.Certificate, named []*x509.Certificate) {
	named = k.bySubject[string(c.RawIssuer)]
	if p, known := k.found[c]; known {
		return p, named
	}
	i := slices.IndexFunc(named, func(p *x509.Certificate) bool { return signs(p, c) })
	if i >= 0 {
		signer = named[i]
	}
	k.found[c] = signer
	return signer, named
}

// signedBy checks the signature alone, also one that Go calls insecure: who
// signed is one question, how another.
func signedBy(c, p *x509.Certificate) bool {
	err := p.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// isLeaf reports whether a certificate is one of a server or client.
func (k known) isLeaf(c *x509.Certificate) bool { return !IsCA(c) && !k.signers[string(c.Raw)] }

// walk goes from a certificate to who signed it, and on. At the end stands a
// self-signed one, or one whose issuer is not known.
func (k known) walk(c *x509.Certificate) []*x509.Certificate {
	path := []*x509.Certificate{c}
	for !SelfSigned(c) && len(path) < 10 {
		signer, _ := k.signer(c)
		if signer == nil || slices.ContainsFunc(path, signer.Equal) {
			break
		}
		path, c = append(path, signer), signer
	}
	return path
}

// links judges who has signed whom.
func (j *judge) links(in Input) {
	told := map[string]bool{}
	for n, i := range in.Items {
		if i.Cert == nil {
			continue
		}
		signer, named := j.known.signer(i.Cert)
		if signer == nil && len(named) > 0 && !SelfSigned(i.Cert) {
			j.add(sameName, "", i, finding.Args{"title": quoted(Title(i.Cert)), "issuer": quoted(IssuerTitle(i.Cert))})
		}
		if signer != nil && !SelfSigned(i.Cert) && !told[string(signer.Raw)] {
			told[string(signer.Raw)] = j.signed(i, signer)
		}
		if j.known.isLeaf(i.Cert) && (!j.Presented || n == 0) && len(j.out.Chains) < 200 {
			j.chain(i)
		}
	}
}

// signed judges whether one that has signed was allowed to.
func (j *judge) signed(child Item, signer *x509.Certificate) bool {
	args := finding.Args{"title": quoted(Title(signer)), "child": quoted(Title(child.Cert))}
	switch {
	case !IsCA(signer):
		j.add(caWithoutFlag, "", child, args)
	case signer.KeyUsage != 0 && signer.KeyUsage&x509.KeyUsageCertSign == 0:
		j.add(caWithoutFlag, "usage", child, args)
	default:
		return false
	}
	return true
}

// chain verifies one certificate as Go does, and finds words for a refusal that
// nothing else explains.
func (j *judge) chain(i Item) {
	out := Chain{Path: j.known.walk(i.Cert)}
	top := out.Path[len(out.Path)-1]
	chains, err := i.Cert.Verify(j.options())
	if err == nil {
		out.Path = chains[0]
		top = out.Path[len(out.Path)-1]
		out.Anchor = j.anchor(top)
	} else {
		out.Why = printable(err.Error())
		j.explain(i, top, err)
	}
	j.out.Chains = append(j.out.Chains, out)
	if len(out.Path) > 1 && i.Cert.NotAfter.After(out.Path[1].NotAfter) {
		j.add(outlives, "", i, finding.Args{
			"title": quoted(Title(i.Cert)), "end": date(i.Cert.NotAfter), "issuer": quoted(Title(out.Path[1])), "until": date(out.Path[1].NotAfter),
		})
	}
	public := out.Anchor == System || err != nil && len(top.IssuingCertificateURL) > 0
	if Kind(i.Cert) == "server and client" && !public {
		j.add(bothUsages, "", i, finding.Args{"title": quoted(Title(i.Cert))})
	}
}

// options are those of the client that asks. The pools are made once.
func (j *judge) options() x509.VerifyOptions {
	if j.verify != nil {
		return *j.verify
	}
	o := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: j.Now, DNSName: j.Name,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	if j.Name != "" {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	j.verify = &o
	for _, c := range slices.Concat(j.Trust.System, j.Trust.Named) {
		o.Roots.AddCert(c)
	}
	for _, in := range j.inputs {
		for _, c := range in.Certs() {
			if SelfSigned(c) && !j.Presented {
				o.Roots.AddCert(c)
			} else {
				o.Intermediates.AddCert(c)
			}
		}
	}
	return o
}

func (j *judge) anchor(top *x509.Certificate) Anchor {
	switch {
	case slices.ContainsFunc(j.Trust.Named, top.Equal):
		return Named
	case j.known.public[string(top.Raw)]:
		return System
	}
	return Given
}

// explain tells why a chain was refused, unless a finding about one of its
// certificates already does.
func (j *judge) explain(i Item, top *x509.Certificate, err error) {
	for _, c := range j.known.walk(i.Cert) {
		if j.faulty[c] {
			return
		}
	}
	args := finding.Args{"title": quoted(Title(i.Cert)), "issuer": quoted(IssuerTitle(top)), "why": reason(err)}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case unknown && !SelfSigned(top) && len(top.IssuingCertificateURL) > 0:
		args["url"] = printable(top.IssuingCertificateURL[0])
		if f := j.add(missingIntermediate, "url", i, args); j.Presented {
			f.Severity = finding.Error
		}
	case unknown && !SelfSigned(top) && !j.Presented:
		j.add(issuerUnknown, "", i, args)
	default:
		j.add(refused, "", i, args)
	}
}

// signs reports whether p has signed c.
func signs(p, c *x509.Certificate) bool {
	bits, _ := PublicKey(p.PublicKey).Bits()
	return string(p.RawSubject) == string(c.RawIssuer) && bits <= maxRSA && signedBy(c, p)
}
