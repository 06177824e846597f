package talos

import (
	"crypto/x509"
	"encoding/pem"
)

// isCA reports text that holds at least one certificate.
func isCA(data []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(data) }

// badPair says what Talos has against a client's certificate and key: the key
// has to be in PKCS #8. Source: github.com/siderolabs/crypto x509.
func badPair(cert, key []byte) string {
	block, _ := pem.Decode(cert)
	if block == nil {
		return "the certificate is not PEM"
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return "the certificate cannot be parsed"
	}
	block, _ = pem.Decode(key)
	if block == nil {
		return "the key is not PEM"
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		return "the key is not in PKCS #8"
	}
	return ""
}
