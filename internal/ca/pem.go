package ca

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var (
	pemBegin = []byte("-----BEGIN ")
	pemEnd   = []byte("-----END ")
)

// pem reads every block of a text, also those that Go does not find.
func (r *reader) pem() {
	before := len(r.out.Items) + len(r.out.Findings)
	for at := bytes.Index(r.data, pemBegin); at >= 0; {
		end := len(r.data)
		next := bytes.Index(r.data[at+1:], pemBegin)
		if next >= 0 {
			next += at + 1
			end = next
		}
		r.segment(at, end)
		at = next
	}
	if len(r.out.Items)+len(r.out.Findings) == before {
		r.found(notCertificate, "", r.pos(), nil)
	}
}

// segment reads from one -----BEGIN to the next.
func (r *reader) segment(start, end int) {
	at := r.lineAt(start)
	text := r.data[start:end]
	line, _, _ := bytes.Cut(text[len(pemBegin):], []byte("\n"))
	kind, _, _ := strings.Cut(string(bytes.TrimSpace(line)), "-----")
	block, _ := pem.Decode(text)
	switch {
	case block == nil && !bytes.Contains(text, pemEnd):
		r.found(wrongEncoding, "cut", at, nil)
	case block == nil:
		r.found(wrongEncoding, "damaged", at, nil)
	case strings.HasSuffix(kind, "PRIVATE KEY"):
		r.key(block, at)
	case strings.HasSuffix(kind, "CERTIFICATE REQUEST"):
		r.request(block.Bytes, at)
	case kind == "CERTIFICATE", kind == "TRUSTED CERTIFICATE", kind == "X509 CERTIFICATE":
		r.certificate(block, at, start)
	case kind == "PKCS7" || kind == "CMS":
		r.found(wrongEncoding, "pkcs7", at, nil)
		r.pkcs7(block.Bytes, at)
	}
}

// certificate reads one block and says why Go passes over it, if it does.
func (r *reader) certificate(block *pem.Block, at source.Pos, start int) {
	der := block.Bytes
	if block.Type == "TRUSTED CERTIFICATE" {
		var first asn1.RawValue // OpenSSL's own remarks follow the certificate
		if _, err := asn1.Unmarshal(der, &first); err == nil {
			der = first.FullBytes
		}
	}
	counts := r.goes[string(der)] > 0 && block.Type == "CERTIFICATE"
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		r.found(unparsable, "", at, finding.Args{"why": reason(err)})
		return
	}
	if counts {
		r.goes[string(der)]--
	} else if variant := r.passedOver(block, start); variant != "" {
		r.found(wrongEncoding, variant, at, finding.Args{"type": block.Type})
	}
	r.out.Items = append(r.out.Items, Item{Cert: cert, At: at, Counts: counts})
}

// passedOver is why Go does not see a block that is there.
func (r *reader) passedOver(block *pem.Block, start int) string {
	switch {
	case block.Type != "CERTIFICATE":
		return "type"
	case len(block.Headers) > 0:
		return "headers"
	case start == 3 && bytes.HasPrefix(r.data, []byte("\xef\xbb\xbf")):
		return "bom"
	case start > 0 && r.data[start-1] != '\n':
		return "indented"
	case len(r.out.Findings) > 0:
		return "" // UTF-16, or a damaged block before it, which is told
	}
	return "damaged"
}

func (r *reader) key(block *pem.Block, at source.Pos) {
	if block.Type == "OPENSSH PRIVATE KEY" {
		r.found(notCertificate, "ssh", at, nil)
		return
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		r.out.Items = append(r.out.Items, Item{Key: &Key{Encrypted: true}, At: at})
		r.found(keyEncrypted, "", at, nil)
		return
	}
	key, err := ParseKey(block.Bytes)
	if err != nil {
		r.found(keyUnparsable, "", at, finding.Args{"why": reason(err)})
		return
	}
	r.out.Items = append(r.out.Items, Item{Key: &Key{Public: publicOf(key)}, At: at, Counts: true})
}

// ParseKey reads a private key in any encoding that crypto/tls knows.
func ParseKey(der []byte) (any, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, err
}

func (r *reader) request(der []byte, at source.Pos) {
	req, err := x509.ParseCertificateRequest(der)
	if err != nil {
		r.found(unparsable, "request", at, finding.Args{"why": reason(err)})
		return
	}
	r.out.Items = append(r.out.Items, Item{Request: req, At: at, Counts: true})
}

// der reads certificates, a request, a key or PKCS #7 without armour, and tells
// that a pool would not.
func (r *reader) der(data []byte, at source.Pos, tell bool) bool {
	if certs, err := x509.ParseCertificates(data); err == nil && len(certs) > 0 {
		for _, c := range certs {
			r.out.Items = append(r.out.Items, Item{Cert: c, At: at})
		}
		if tell {
			r.found(wrongEncoding, "der", at, nil)
		}
		return true
	}
	if r.pkcs7(data, at) {
		if tell {
			r.found(wrongEncoding, "pkcs7", at, nil)
		}
		return true
	}
	if req, err := x509.ParseCertificateRequest(data); err == nil {
		r.out.Items = append(r.out.Items, Item{Request: req, At: at})
		return true
	}
	if key, err := ParseKey(data); err == nil {
		r.out.Items = append(r.out.Items, Item{Key: &Key{Public: publicOf(key)}, At: at})
		return true
	}
	return false
}

// signedData is PKCS #7 as far as it holds certificates. Source: RFC 2315, 9.1.
type signedData struct {
	Version    int
	Algorithms asn1.RawValue
	Content    asn1.RawValue
	Certs      asn1.RawValue `asn1:"optional,tag:0"`
}

// pkcs7 reads the certificates of a PKCS #7 bag.
func (r *reader) pkcs7(data []byte, at source.Pos) bool {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	if _, err := asn1.Unmarshal(data, &outer); err != nil || !outer.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return false
	}
	var signed signedData
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &signed); err != nil {
		return false
	}
	certs, err := x509.ParseCertificates(signed.Certs.Bytes)
	if err != nil {
		r.found(unparsable, "", at, finding.Args{"why": reason(err)})
	}
	for _, c := range certs {
		r.out.Items = append(r.out.Items, Item{Cert: c, At: at})
	}
	return true
}

// reason is an error of crypto/x509 without its prefix.
func reason(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	if text := err.Error(); !strings.HasPrefix(text, "asn1:") {
		return printable(strings.TrimPrefix(text, "x509: "))
	}
	return "its data is not the DER that it should be"
}

func mode(f source.File) string { return fmt.Sprintf("%04o", f.Mode.Perm()) }
