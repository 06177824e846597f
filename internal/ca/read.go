package ca

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Item is one thing that a file holds. Of its pointers one is set.
type Item struct {
	Cert    *x509.Certificate
	Key     *Key
	Request *x509.CertificateRequest
	Recipe  *Recipe
	At      source.Pos
	Counts  bool // Go programs see it, where it stands
}

// Key is what is known of a private key, which itself is not kept.
type Key struct {
	Public    Public
	Encrypted bool // with a pass phrase: nothing is known of it
}

// Input is what a file turned out to hold.
type Input struct {
	File     source.File // without its data
	Items    []Item
	Findings []finding.Finding
}

// Certs are the certificates of an input, those that Go passes over included.
func (in Input) Certs() []*x509.Certificate {
	var out []*x509.Certificate
	for _, i := range in.Items {
		if i.Cert != nil {
			out = append(out, i.Cert)
		}
	}
	return out
}

// Read takes a file apart: PEM in any state, DER, PKCS #7, requests and recipes
// of cfssl. It cannot fail; what Go would not see of the file is a finding.
func Read(f source.File) Input {
	r := &reader{data: f.Data, name: f.Path, line: 1}
	r.out.File = f
	r.out.File.Data = nil
	switch {
	case f.Problem != "":
		r.found(notCertificate, "unread", r.pos(), finding.Args{"why": f.Problem})
	case f.Kind != source.Regular:
		r.found(notCertificate, "folder", r.pos(), nil)
	case len(bytes.TrimSpace(f.Data)) == 0:
		r.found(notCertificate, "empty", r.pos(), nil)
	default:
		r.read()
		r.surroundings(f)
	}
	return r.out
}

type reader struct {
	data []byte
	name string
	out  Input
	line int // of offset at, for those who ask in order
	at   int
	goes map[string]int // DER of what Go's pool takes of the data, and how often
}

func (r *reader) pos() source.Pos { return source.Pos{File: r.name} }

// lineAt is the place of an offset; offsets come in order.
func (r *reader) lineAt(offset int) source.Pos {
	r.line += bytes.Count(r.data[r.at:offset], []byte("\n"))
	r.at = offset
	return source.Pos{File: r.name, Line: r.line}
}

func (r *reader) found(k finding.Kind, variant string, at source.Pos, args finding.Args) {
	all := finding.Args{"file": r.name}
	for name, value := range args {
		all[name] = value
	}
	f := k.Vary(variant, r.name, all).In(at)
	if variant == "der" || variant == "pkcs7" {
		f.Severity = finding.Warning // a good file, for other uses
	}
	r.out.Findings = append(r.out.Findings, f)
}

func (r *reader) read() {
	if text, ok := fromUTF16(r.data); ok {
		r.found(wrongEncoding, "utf16", r.pos(), nil)
		r.data = text
		r.goes = map[string]int{}
	}
	if r.goes == nil {
		r.goes = goReads(r.data)
	}
	switch {
	case bytes.Contains(r.data, pemBegin):
		r.pem()
	case r.recipe():
	case r.der(r.data, r.pos(), true):
	case r.bare():
	default:
		r.found(notCertificate, looksLike(r.data), r.pos(), nil)
	}
}

// goReads are the certificates that x509.CertPool takes of PEM data, before it
// parses them.
func goReads(data []byte) map[string]int {
	out := map[string]int{}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" && len(block.Headers) == 0 {
			out[string(block.Bytes)]++
		}
	}
}

// fromUTF16 turns UTF-16 into UTF-8, if that is what the data is.
func fromUTF16(data []byte) ([]byte, bool) {
	big := bytes.HasPrefix(data, []byte{0xfe, 0xff}) || bytes.HasPrefix(data, []byte{0, '-', 0, '-'})
	little := bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{'-', 0, '-', 0})
	if !big && !little {
		return nil, false
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		if big {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		} else {
			units = append(units, uint16(data[i+1])<<8|uint16(data[i]))
		}
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")), true
}

// bare reads base64 whose armour was lost in copying.
func (r *reader) bare() bool {
	text := strings.Join(strings.Fields(string(r.data)), "")
	if len(text) < 100 || !strings.HasPrefix(text, "MI") {
		return false
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !r.der(der, r.pos(), false) {
		return false
	}
	r.found(wrongEncoding, "bare", r.pos(), nil)
	return true
}

// looksLike is the variant of notCertificate for what people mistake for one.
func looksLike(data []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 512)]))
	switch {
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")):
		return "html"
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return "jks"
	case bytes.HasPrefix(head, []byte("ssh-")), bytes.HasPrefix(head, []byte("ecdsa-sha2-")):
		return "ssh"
	case bytes.HasPrefix(data, []byte{0x30}) && bytes.Contains(data[:min(len(data), 64)], oidData):
		return "pkcs12"
	}
	return ""
}

// oidData is pkcs7-data in DER, with which a PKCS #12 file begins.
var oidData = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01}

// surroundings judges the file that the items came in.
func (r *reader) surroundings(f source.File) {
	key := false
	for _, i := range r.out.Items {
		key = key || i.Key != nil
	}
	if others := f.Mode.Perm() & 0o077; key && f.Mode != 0 && others != 0 {
		who := "its group"
		if others&0o007 != 0 {
			who = "everybody"
		}
		r.found(keyReadable, "", r.pos(), finding.Args{"who": who, "mode": mode(f)})
	}
	if len(r.out.Certs()) > 0 && strings.HasPrefix(f.Path, "/usr/local/share/ca-certificates/") && path.Ext(f.Path) != ".crt" {
		r.found(wrongEncoding, "extension", r.pos(), nil)
	}
}

func publicOf(key any) Public {
	if s, ok := key.(crypto.Signer); ok {
		return Public{s.Public()}
	}
	return Public{}
}
