package ca

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
)

// leaf judges what only certificates of servers and clients have.
func (j *judge) leaf(i Item) {
	c := i.Cert
	title := quoted(Title(c))
	kind := Kind(c)
	if SelfSigned(c) {
		j.add(leafAsCA, "", i, finding.Args{"title": title})
	}
	if kind != "client" {
		j.names(i, title)
	}
	if j.Name == "" {
		return
	}
	if kind == "client" || len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !serves(c) {
		j.add(notForServers, "", i, finding.Args{"title": title, "use": use(c), "name": j.Name})
	}
	if len(c.DNSNames)+len(c.IPAddresses) == 0 || c.VerifyHostname(j.Name) == nil {
		return
	}
	variant := ""
	if _, err := netip.ParseAddr(strings.Trim(j.Name, "[]")); err == nil && len(c.IPAddresses) == 0 {
		variant = "address"
	}
	j.add(notCovered, variant, i, finding.Args{"title": title, "names": namesText(NamesOf(c)), "name": j.Name})
}

func serves(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func (j *judge) names(i Item, title string) {
	c := i.Cert
	if len(c.DNSNames)+len(c.IPAddresses) == 0 {
		variant := ""
		if c.Subject.CommonName == "" {
			variant = "none"
		}
		j.add(noSAN, variant, i, finding.Args{"title": title, "cn": quoted(printable(c.Subject.CommonName))})
	}
	j.dnsNames(i, title, c.DNSNames)
}

func (j *judge) dnsNames(i Item, title string, list []string) {
	for _, name := range list[:min(len(list), 100)] {
		if variant, bad := unmatched(name); bad {
			f := j.add(neverMatches, variant, i, finding.Args{"title": title, "name": quoted(printable(name))})
			if variant == "broad" {
				f.Severity = finding.Warning
			}
		}
	}
}

// unmatched reports why no verifier finds a host for a DNS name.
// Source: crypto/x509, matchHostnames.
func unmatched(name string) (variant string, bad bool) {
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "address", true
	}
	rest, wild := strings.CutPrefix(name, "*.")
	if strings.Contains(rest, "*") {
		return "wildcard", true
	}
	if _, err := hostName(rest + ".x"); err != nil { // so that a last label of digits passes, as with Go
		return "", true
	}
	return "broad", wild && !strings.Contains(rest, ".")
}

func namesText(list []string) string {
	switch {
	case len(list) == 0:
		return "no host"
	case len(list) > 4:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:4], ", "), len(list)-4)
	}
	return strings.Join(list, ", ")
}

func use(c *x509.Certificate) string {
	if Kind(c) == "client" {
		return "clients"
	}
	return "other uses than TLS"
}
