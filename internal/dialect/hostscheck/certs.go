package hostscheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"
)

// pki is a directory of certificate files, good and bad. Trees hold a link to
// it, so that their texts are the same in every run.
type pki struct {
	dir string
	as  string   // how texts name the directory
	ca  []string // authorities, as texts name them
	bad []string // not usable as anything
}

// fromTree leads from a registry's directory to the link.
const fromTree = "../../" + pkiLink

func newPKI(t *testing.T) pki {
	t.Helper()
	p := pki{dir: t.TempDir(), as: fromTree}
	for i := range 3 {
		cert, key := certificate(t, int64(i+1))
		name := fmt.Sprintf("ca%d.pem", i)
		p.write(t, name, cert)
		p.ca = append(p.ca, p.path(name))
		if i == 0 {
			block, _ := pem.Decode(cert)
			p.write(t, "client.pem", cert)
			p.write(t, "client.key", key)
			p.write(t, "combined.pem", append(cert, key...))
			p.write(t, "ca.der", block.Bytes)
		}
	}
	p.write(t, "empty.pem", nil)
	p.bad = []string{p.path("ca.der"), p.path("empty.pem"), p.path("missing.pem"), p.path(""), "/nonexistent/ca.pem"}
	return p
}

// path is how a text names a file.
func (p pki) path(name string) string { return path.Join(p.as, name) }

func (p pki) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// mustRead reads a fixture that was just written.
func mustRead(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return data
}

func certificate(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprintf("authority %d", serial)},
		NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}
