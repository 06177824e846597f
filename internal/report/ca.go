package report

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
)

// Cert is one certificate in JSON.
type Cert struct {
	Kind        string   `json:"kind"` // "root", "intermediate", "server", "client", "server and client", "self-signed", "leaf"
	Title       string   `json:"title"`
	Subject     string   `json:"subject"`
	Issuer      string   `json:"issuer"`
	Names       []string `json:"names"`
	NotBefore   string   `json:"notBefore"` // RFC 3339
	NotAfter    string   `json:"notAfter"`
	DaysLeft    int      `json:"daysLeft"` // negative: expired
	Key         string   `json:"key"`
	Signature   string   `json:"signature"`
	Serial      string   `json:"serial"` // hexadecimal
	Fingerprint string   `json:"fingerprint"`
}

func cert(c *x509.Certificate, now time.Time) *Cert {
	return &Cert{
		Kind: ca.Kind(c), Title: ca.Title(c), Subject: printable(c.Subject.String()), Issuer: printable(c.Issuer.String()), Names: ca.NamesOf(c),
		NotBefore: stamp(c.NotBefore), NotAfter: stamp(c.NotAfter), DaysLeft: ca.Days(c.NotAfter, now),
		Key: ca.PublicKey(c.PublicKey).String(), Signature: c.SignatureAlgorithm.String(), Serial: fmt.Sprintf("%X", c.SerialNumber), Fingerprint: ca.Fingerprint(c),
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Authority is the document of ca new.
type Authority struct {
	Schema      string    `json:"schema"`
	Kind        string    `json:"kind"` // "ca"
	Certificate Cert      `json:"certificate"`
	CertFile    string    `json:"certFile"`
	KeyFile     string    `json:"keyFile"`
	Findings    []Finding `json:"findings"`
}

// NewAuthority is the document for an authority that was made.
func NewAuthority(a ca.Authority, certFile, keyFile string, now time.Time) Authority {
	return Authority{Schema: Schema, Kind: "ca", Certificate: *cert(a.Cert, now), CertFile: certFile, KeyFile: keyFile, Findings: []Finding{}}
}

// Authority prints an authority that was made, and what to do with it.
func (t *Terminal) Authority(d Authority) {
	t.print("%s made the authority %s, valid until %s\n", t.yes(), t.paint(bold, d.Certificate.Title), d.Certificate.NotAfter[:10])
	t.line("  certificate  ", d.CertFile+"  for every node: ca = \""+d.CertFile+"\" in hosts.toml, tls.ca_file in registries.yaml")
	t.line("  key          ", d.KeyFile+"  keep it here; no node and no registry needs it")
	t.line("  SHA-256      ", d.Certificate.Fingerprint)
}

// Issue is the document of ca issue.
type Issue struct {
	Schema      string    `json:"schema"`
	Kind        string    `json:"kind"`  // "ca-issue"
	State       string    `json:"state"` // "issued", "renewed", "kept"
	Certificate Cert      `json:"certificate"`
	CertFile    string    `json:"certFile"` // leaf first, its authority behind it
	KeyFile     string    `json:"keyFile"`
	CAFile      string    `json:"caFile"`
	Backup      *string   `json:"backup"`    // where the certificate before it lies
	Shortened   bool      `json:"shortened"` // it would outlive its authority, so it ends with it
	Findings    []Finding `json:"findings"`
}

// NewIssue is the document for a certificate that was issued or found good.
func NewIssue(state string, c *x509.Certificate, found []finding.Finding, now time.Time) Issue {
	return Issue{Schema: Schema, Kind: "ca-issue", State: state, Certificate: *cert(c, now), Findings: Findings(found)}
}

// SetBackup notes where the certificate before it lies.
func (d *Issue) SetBackup(file string) { d.Backup = text(file) }

// Issue prints what was issued.
func (t *Terminal) Issue(d Issue, found []finding.Finding) {
	switch d.State {
	case "kept":
		t.print("%s kept the certificate for %s: it is valid until %s, %s\n",
			t.yes(), t.paint(bold, strings.Join(d.Certificate.Names, ", ")), d.Certificate.NotAfter[:10], daysLeft(d.Certificate.DaysLeft))
	default:
		t.print("%s %s a %s certificate for %s, valid until %s\n",
			t.yes(), d.State, d.Certificate.Kind, t.paint(bold, strings.Join(d.Certificate.Names, ", ")), d.Certificate.NotAfter[:10])
	}
	if d.Shortened {
		t.line("  shortened    ", "it ends with its authority, which is not valid for longer")
	}
	t.line("  certificate  ", d.CertFile+"  the chain, leaf first")
	t.line("  key          ", d.KeyFile)
	t.line("  authority    ", d.CAFile+"  for those who have to trust it")
	if d.Backup != nil {
		t.line("  before       ", *d.Backup)
	}
	if len(found) > 0 {
		t.print("\n")
		t.Findings(found, nil)
	}
}

func daysLeft(n int) string {
	switch {
	case n < 0:
		return "expired"
	case n == 1:
		return "1 day left"
	}
	return fmt.Sprintf("%d days left", n)
}
