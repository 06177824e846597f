package node

import (
	"bytes"
	"crypto/x509"
	"path"
	"slices"
)

// otherDirs is where certificates of registries lie that other programs trust.
var otherDirs = []string{
	"/etc/docker/certs.d", "/etc/containers/certs.d", "/etc/containerd", "/etc/k0s", "/etc/rancher",
	"/etc/kubernetes/pki", "/var/lib/rancher/k3s/agent/etc/containerd/certs.d", "/var/lib/rancher/rke2/agent/etc/containerd/certs.d",
}

// Stray is a CA certificate that lies on the node and is not in the pool.
type Stray struct {
	File string
	Cert *x509.Certificate
}

const maxStrays = 200

// Strays looks for CA certificates on the node that the pool lacks: those that
// were put in the right place but not added, and those that only other programs
// or other registries are told to trust.
func (p Pool) Strays(r *Root) []Stray {
	var out []Stray
	for _, dir := range slices.Concat(sourceDirs, otherDirs) {
		for _, f := range r.Tree(dir, Limits{Files: 50_000, Skip: noCertificate}) {
			for _, cert := range parseCerts(f.Data) {
				issues := cert.IsCA || bytes.Equal(cert.RawSubject, cert.RawIssuer)
				known := slices.ContainsFunc(p.Certs, cert.Equal) || slices.ContainsFunc(out, func(s Stray) bool { return s.Cert.Equal(cert) })
				if issues && !known && len(out) < maxStrays {
					out = append(out, Stray{f.Path, cert})
				}
			}
		}
	}
	return out
}

func noCertificate(name string) bool {
	return !slices.Contains([]string{".crt", ".pem", ".cert", ".cer"}, path.Ext(name))
}
