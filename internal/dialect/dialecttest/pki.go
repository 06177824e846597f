package dialecttest

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"time"
)

// pki makes a CA, and a client certificate with its key, the same at every call.
func pki() (ca, cert, key []byte) {
	all := made()
	return all[0], all[1], all[2]
}

var made = sync.OnceValue(func() [3][]byte {
	issuer := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	client := ed25519.NewKeyFromSeed([]byte("a client's seed of 32 bytes, yes"))
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: from, NotAfter: from.AddDate(80, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, NotBefore: from, NotAfter: from.AddDate(80, 0, 0)}
	ca := block("CERTIFICATE", must(x509.CreateCertificate(nil, root, root, issuer.Public(), issuer)))
	cert := block("CERTIFICATE", must(x509.CreateCertificate(nil, leaf, root, client.Public(), issuer)))
	key := block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(client)))
	return [3][]byte{ca, cert, key}
})

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func must(der []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return der
}
