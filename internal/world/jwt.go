package world

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"
)

// access is one grant of a token.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// claims are what a token says, as the distribution project writes it.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	NotYet   int64    `json:"nbf"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti"`
	Access   []access `json:"access"`
}

func (c claims) grants(repo, action string) bool {
	return slices.ContainsFunc(c.Access, func(a access) bool {
		return a.Type == "repository" && a.Name == repo && slices.Contains(a.Actions, action)
	})
}

var raw64 = base64.RawURLEncoding

// signToken makes a JWT (ES256) that carries the certificate of its signer, as
// the registry of the distribution project wants it.
func signToken(signer Certificate, c claims) (string, error) {
	head, err := json.Marshal(map[string]any{
		"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(signer.Chain[0])},
	})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	key, ok := signer.Key.(*ecdsa.PrivateKey)
	if !ok {
		return "", errors.New("tokens are signed with ECDSA keys")
	}
	text := raw64.EncodeToString(head) + "." + raw64.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + raw64.EncodeToString(sig), nil
}

var errToken = errors.New("token is not valid")

// verifyToken checks a token as a registry does.
func verifyToken(pki *PKI, token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if pki == nil || len(parts) != 3 {
		return c, errToken
	}
	key, err := tokenKey(pki, parts[0])
	if err != nil {
		return c, err
	}
	sig, err := raw64.DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return c, errToken
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return c, errToken
	}
	body, err := raw64.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, err
	}
	if time.Now().Unix() > c.Expires {
		return c, errToken
	}
	return c, nil
}

// tokenKey is the key of the certificate in a token's head, if the world's root has signed it.
func tokenKey(pki *PKI, part string) (*ecdsa.PublicKey, error) {
	data, err := raw64.DecodeString(part)
	if err != nil {
		return nil, err
	}
	var head struct {
		X5C []string `json:"x5c"`
	}
	if err := json.Unmarshal(data, &head); err != nil || len(head.X5C) == 0 {
		return nil, errToken
	}
	der, err := base64.StdEncoding.DecodeString(head.X5C[0])
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := cert.CheckSignatureFrom(pki.Root.Cert); err != nil {
		return nil, err
	}
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, errToken
	}
	return key, nil
}
