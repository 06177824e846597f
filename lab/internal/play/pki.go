package play

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/world"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// found makes the authorities. That of the Internet gets a name of its own.
func found(now time.Time) error {
	public, err := world.NewAuthority("Public Root CA", now)
	if err != nil {
		return err
	}
	key, err := world.Certificate{Key: public.Key}.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(internetDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(internetDir+"/ca.key", key, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(internetDir+"/ca.crt", public.PEM(), 0o644); err != nil {
		return err
	}
	for _, dir := range []string{companyDir, internetDir} {
		if _, err := world.OpenPKI(dir, now); err != nil {
			return err
		}
	}
	return nil
}

// issue makes the certificates that files of the scenario name.
func issue(certs map[string]scenario.Certificate, now time.Time) error {
	pki, err := world.OpenPKI(companyDir, now)
	if err != nil {
		return err
	}
	for name, c := range certs {
		made, err := pki.Certificate(c.Kind, c.Names...)
		if err != nil {
			return fmt.Errorf("certificate %s: %w", name, err)
		}
		if err := store(name, made); err != nil {
			return err
		}
	}
	return nil
}

func store(name string, c world.Certificate) error {
	key, err := c.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(companyDir, name+".key"), key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(companyDir, name+".crt"), c.PEM(), 0o644)
}

// readPEM is what files of a scenario get for <<pem "ca.crt">> and
// <<pem "internet/ca.crt">>.
func readPEM(name string) (string, error) {
	dir := companyDir
	if rest, ok := strings.CutPrefix(name, "internet/"); ok {
		dir, name = internetDir, rest
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) && name == "old.crt" {
		return oldPEM(dir)
	}
	return string(data), err
}

// oldPEM makes the authority that signs with SHA-1, which takes RSA and so long
// that it is made only when somebody asks for it.
func oldPEM(dir string) (string, error) {
	pki, err := world.OpenPKI(dir, time.Now())
	if err != nil {
		return "", err
	}
	old, err := pki.Old()
	if err != nil {
		return "", err
	}
	return string(old.PEM()), nil
}
