package upstream

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
)

// Roots is a pool of trusted certificates that remembers which file each came
// from. It does not change; With makes a larger one.
type Roots struct {
	pool    *x509.CertPool
	anchors []anchor
	names   []string // what Handshake.Trusted lists: "system", paths
}

type anchor struct {
	cert *x509.Certificate
	file string
}

// File is a file of certificates, in PEM, or one certificate in DER.
type File struct {
	Path string
	Data []byte
}

// NewRoots makes the system's pool of the files that it consists of. As in Go,
// what cannot be parsed is skipped.
func NewRoots(files ...File) *Roots {
	r := &Roots{pool: x509.NewCertPool(), names: []string{"system"}}
	for _, f := range files {
		certs := parsePEM(f.Data)
		if certs == nil {
			if c, err := x509.ParseCertificate(f.Data); err == nil {
				certs = append(certs, c)
			}
		}
		r.add(f.Path, certs)
	}
	return r
}

// With returns the pool with the certificates of one more file, which has to be
// PEM and hold at least one. The text of the error is containerd's.
func (r *Roots) With(path string, data []byte) (*Roots, error) {
	certs := parsePEM(data)
	if len(certs) == 0 {
		return nil, fmt.Errorf("unable to load CA cert %q", path)
	}
	out := &Roots{pool: x509.NewCertPool(), names: append(r.trusted(), path)}
	if r != nil {
		out.pool, out.anchors = r.pool.Clone(), slices.Clone(r.anchors)
	}
	out.add(path, certs)
	return out, nil
}

func (r *Roots) add(path string, certs []*x509.Certificate) {
	for _, c := range certs {
		r.pool.AddCert(c)
		r.anchors = append(r.anchors, anchor{c, path})
	}
}

// Size is the number of certificates.
func (r *Roots) Size() int {
	if r == nil {
		return 0
	}
	return len(r.anchors)
}

func (r *Roots) trusted() []string {
	if r == nil {
		return nil
	}
	return slices.Clone(r.names)
}

// fileOf is the file that an anchor came from; of several the last, as ca=
// files come after the system's.
func (r *Roots) fileOf(c *x509.Certificate) string {
	for _, a := range slices.Backward(r.anchors) {
		if a.cert.Equal(c) {
			return a.file
		}
	}
	return ""
}

// named are the anchors with a subject.
func (r *Roots) named(subject []byte) []*x509.Certificate {
	if r == nil {
		return nil
	}
	var out []*x509.Certificate
	for _, a := range r.anchors {
		if bytes.Equal(a.cert.RawSubject, subject) {
			out = append(out, a.cert)
		}
	}
	return out
}

// parsePEM reads the certificates of a bundle. Like Go it skips what else is in
// it and what it cannot parse.
func parsePEM(data []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for len(data) > 0 {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			out = append(out, c)
		}
	}
	return out
}
