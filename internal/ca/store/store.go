// Package store keeps an authority, and the certificates that it signs, in
// directories: whole files or none, on disk before they get their names, keys
// for their owner alone. It overwrites no key and judges no certificate.
package store

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/ca"
)

// The files of an authority.
const (
	CertFile = "ca.crt"
	KeyFile  = "ca.key"
)

// Modes: everybody may read a certificate, nobody else a key.
const (
	certMode = 0o644
	keyMode  = 0o600
)

// maxFile is more than any authority or chain has.
const maxFile = 1 << 20

// ErrTaken tells that a directory is not there for us to fill.
var ErrTaken = errors.New("it exists and is not empty")

// Create writes an authority to a directory that does not exist or is empty.
// All of it appears at once.
func Create(dir string, a ca.Authority) error {
	key, err := ca.KeyPEM(a.Key)
	if err != nil {
		return err
	}
	return fresh(dir, 0o700, []entry{{KeyFile, key, keyMode}, {CertFile, ca.PEM(a.Cert), certMode}})
}

// Open reads an authority that Create wrote, or one that somebody else made and
// laid down under the same names.
func Open(dir string) (ca.Authority, error) {
	cert, err := readCert(filepath.Join(dir, CertFile))
	if err != nil {
		return ca.Authority{}, err
	}
	key, err := readKey(filepath.Join(dir, KeyFile))
	switch {
	case err != nil:
		return ca.Authority{}, err
	case !ca.PublicKey(key.Public()).Equal(ca.PublicKey(cert[0].PublicKey)):
		return ca.Authority{}, fmt.Errorf("%s does not belong to %s", filepath.Join(dir, KeyFile), CertFile)
	case !ca.IsCA(cert[0]):
		return ca.Authority{}, fmt.Errorf("%s is no authority: it lacks CA:TRUE", filepath.Join(dir, CertFile))
	}
	return ca.Authority{Cert: cert[0], Key: key}, nil
}

// Found is what is there already under a name. Both are nil when nothing is.
type Found struct {
	Chain []*x509.Certificate
	Key   crypto.Signer
}

// Files are the paths of a certificate's files in a directory. Docker takes
// every .crt for an authority, so a client's certificate ends in .cert.
func Files(dir, name string, client bool) (cert, key, authority string) {
	ending := ".crt"
	if client {
		ending = ".cert"
	}
	return filepath.Join(dir, name+ending), filepath.Join(dir, name+".key"), filepath.Join(dir, CertFile)
}

// Find reads what is there of a certificate. A key without a certificate is what
// an issue that was cut short leaves; it is as good as new.
func Find(certFile, keyFile string) (Found, error) {
	var f Found
	key, err := readKey(keyFile)
	if err == nil {
		f.Key = key
	} else if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f.Chain, err = readCert(certFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	switch {
	case f.Chain != nil && f.Key == nil:
		return f, fmt.Errorf("%s is there without its key %s", certFile, keyFile)
	case f.Chain != nil && !ca.PublicKey(f.Key.Public()).Equal(ca.PublicKey(f.Chain[0].PublicKey)):
		return f, fmt.Errorf("%s does not belong to %s", keyFile, certFile)
	}
	return f, nil
}

func readCert(name string) ([]*x509.Certificate, error) {
	data, err := read(name)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read %s: there is no certificate in it", name)
	}
	return out, nil
}

func readKey(name string) (crypto.Signer, error) {
	data, err := read(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	for rest := data; block != nil && block.Type == "EC PARAMETERS"; {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, fmt.Errorf("read %s: there is no key in it", name)
	}
	key, err := ca.ParseKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read %s: its key cannot sign", name)
	}
	return signer, nil
}

// read reads a regular file of bounded size; it waits for no pipe.
func read(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("read %s: it is larger than %d bytes", name, maxFile)
	}
	return data, err
}
