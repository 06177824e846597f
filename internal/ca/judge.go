package ca

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Question is what is to be found out about some inputs.
type Question struct {
	Now       time.Time
	Name      string // the host that a server certificate has to be for; empty: any
	Warn      int    // days before the end at which a warning begins
	Alarm     int    // and an error
	Trust     Trust
	Presented bool // a server presented the input: it is verified by Trust alone
}

// Trust is who is believed.
type Trust struct {
	System []*x509.Certificate // the node's store
	Named  []*x509.Certificate // the ca= of a registry, or --ca
}

// Verdict is what came out.
type Verdict struct {
	Chains   []Chain // one for each certificate that is no authority's
	Findings []finding.Finding
}

// Chain leads from a certificate to who vouches for it, as far as is known.
type Chain struct {
	Path   []*x509.Certificate // leaf first
	Anchor Anchor
	Why    string // what Go says against it; empty: it accepts the chain
}

// Anchor says how the end of a chain came to be believed.
type Anchor string

// Anchors. A Given one is a self-signed certificate among the inputs, which
// nobody trusts for that.
const (
	NoAnchor Anchor = ""
	System   Anchor = "system"
	Named    Anchor = "named"
	Given    Anchor = "given"
)

// Judge says what is wrong with the inputs and between them.
func Judge(inputs []Input, q Question) Verdict {
	j := &judge{Question: q, inputs: inputs, faulty: map[*x509.Certificate]bool{}}
	j.known = newKnown(inputs, q.Trust)
	for _, in := range inputs {
		j.out.Findings = append(j.out.Findings, in.Findings...)
		j.bundle = isBundle(in)
		for _, i := range in.Items {
			j.file = in.File
			j.item(i)
		}
	}
	for _, in := range inputs {
		j.file = in.File
		j.links(in)
		j.arrangement(in)
	}
	j.keys()
	return j.out
}

type judge struct {
	Question
	inputs []Input
	known  known
	file   source.File // of the item that is looked at
	bundle bool        // that file holds several authorities and nothing that they sign
	faulty map[*x509.Certificate]bool
	verify *x509.VerifyOptions
	out    Verdict
}

func (j *judge) add(k finding.Kind, variant string, i Item, args finding.Args) *finding.Finding {
	f := k.Vary(variant, j.file.Path, args).In(i.At)
	if c := i.Cert; c != nil {
		saw := fmt.Sprintf("%s certificate for %s, issued by %q, valid %s to %s, SHA-256 %s",
			Kind(c), namesText(NamesOf(c)), IssuerTitle(c), date(c.NotBefore), date(c.NotAfter), Fingerprint(c))
		f = f.Saw(saw, j.file.Path, j.command())
		j.faulty[c] = j.faulty[c] || f.Severity == finding.Error
	}
	j.out.Findings = append(j.out.Findings, f)
	return &j.out.Findings[len(j.out.Findings)-1]
}

// command shows the same with what every node has.
func (j *judge) command() string {
	if j.Presented {
		host := j.file.Path
		if !strings.Contains(strings.TrimLeft(host, "["), ":") {
			host += ":443"
		}
		return "openssl s_client -connect " + host + " -servername " + j.Name + " -showcerts </dev/null"
	}
	return "openssl x509 -noout -text -in '" + strings.ReplaceAll(j.file.Path, "'", `'\''`) + "'"
}

func (j *judge) item(i Item) {
	switch {
	case i.Cert != nil:
		j.dates(i)
		j.strength(i)
		j.lifetime(i)
		if j.known.isLeaf(i.Cert) {
			j.leaf(i)
		}
	case i.Request != nil:
		r := i.Request
		if len(r.DNSNames)+len(r.IPAddresses) == 0 {
			j.add(noSAN, "request", i, finding.Args{"title": quoted(printable(r.Subject.String()))})
		}
		j.dnsNames(i, quoted(printable(r.Subject.String())), r.DNSNames)
	case i.Recipe != nil:
		j.judgeRecipe(i)
	}
}

func (j *judge) dates(i Item) {
	c := i.Cert
	args := finding.Args{"title": quoted(Title(c)), "start": date(c.NotBefore), "end": date(c.NotAfter)}
	days := Days(c.NotAfter, j.Now)
	switch {
	case c.NotAfter.Before(c.NotBefore):
		j.add(expired, "backward", i, args)
	case j.Now.Before(c.NotBefore):
		j.add(expired, "early", i, args)
	case j.Now.After(c.NotAfter):
		args["ago"] = ago(-days - 1)
		j.spare(j.add(expired, "", i, args))
	case days < max(j.Warn, j.Alarm):
		args["left"] = left(days)
		if f := j.add(expiresSoon, "", i, args); days < j.Alarm {
			f.Severity = finding.Error
			j.spare(f)
		}
	}
}

// isBundle reports whether a file holds several authorities and nothing that
// they sign, as those do that are handed out to be trusted.
func isBundle(in Input) bool {
	certs := in.Certs()
	return len(certs) > 1 && !slices.ContainsFunc(certs, func(c *x509.Certificate) bool { return !IsCA(c) })
}

// spare softens what is said of one authority among many: it may be one that
// nothing needs, or the old one beside its successor.
func (j *judge) spare(f *finding.Finding) {
	if j.bundle {
		f.Severity = finding.Warning
	}
}

func ago(days int) string {
	switch days {
	case 0:
		return "less than a day ago"
	case 1:
		return "1 day ago"
	}
	return fmt.Sprintf("%d days ago", days)
}

func left(days int) string {
	switch days {
	case 0:
		return "in less than a day"
	case 1:
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", days)
}

// Weak are the signatures that Go refuses. Source: crypto/x509, checkSignature.
var weak = []x509.SignatureAlgorithm{
	x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1,
}

func (j *judge) strength(i Item) {
	c := i.Cert
	key := PublicKey(c.PublicKey)
	args := finding.Args{"title": quoted(Title(c)), "key": key}
	switch bits, isRSA := key.Bits(); {
	case isRSA && (bits < 1024 || bits > maxRSA), key.String() == "ECDSA P-224":
		j.add(weakKey, "refused", i, args).Severity = finding.Error
		j.faulty[c] = true
	case isRSA && bits < 2048:
		j.add(weakKey, "", i, args)
	}
	if slices.Contains(weak, c.SignatureAlgorithm) && !SelfSigned(c) {
		j.add(weakSignature, "", i, finding.Args{"title": quoted(Title(c)), "algorithm": c.SignatureAlgorithm})
	}
}

// maxRSA is the longest key that crypto/tls takes from a peer.
const maxRSA = 8192

func (j *judge) lifetime(i Item) {
	c, most := i.Cert, MaxLeafDays
	switch {
	case j.known.isLeaf(c):
	case !SelfSigned(c) || j.known.public[string(c.Raw)]:
		return
	default:
		most = MaxAuthorityDays
	}
	if days := Days(c.NotAfter, c.NotBefore.Add(backdated)); days > most {
		j.add(longValidity, "", i, finding.Args{"title": quoted(Title(c)), "days": days, "most": most})
	}
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }
