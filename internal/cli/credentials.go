package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// login reads the credentials that --creds and --user give for an image; nil: none.
func (a *app) login(ref route.Ref) (*route.Auth, error) {
	if a.flags.user != "" {
		password, err := a.password()
		if err != nil {
			return nil, err
		}
		return &route.Auth{User: a.flags.user, Password: route.NewSecret(password), Source: "--user"}, nil
	}
	if a.flags.creds == "" {
		return nil, nil
	}
	c, err := a.secret()
	if err != nil {
		return nil, err
	}
	all, wrong := doctor.Entries(c, ref)
	if len(wrong) > 0 {
		return nil, exitError{exitUsage, fmt.Errorf("--creds: %s", wrong[0].Text), "towpath lint --from pull-secret " + a.flags.creds}
	}
	if len(all) == 0 {
		return nil, nil
	}
	l := all[0]
	return &route.Auth{User: l.User, Password: l.Password, IdentityToken: c.Identity(l), Source: "--creds " + a.flags.creds, From: l.From}, nil
}

// maxSecret is more than any pull secret has. Bytes.
const maxSecret = 4 << 20

// secret reads the file of --creds.
func (a *app) secret() (*pullsecret.Config, error) {
	f, err := os.Open(a.flags.creds)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--creds: %w", err), ""}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(data) > maxSecret {
		err = fmt.Errorf("%s: it is larger than %d MiB", a.flags.creds, maxSecret>>20)
	}
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--creds: %w", err), "a docker config.json or a Kubernetes secret of type kubernetes.io/dockerconfigjson"}
	}
	c := pullsecret.Read([]source.File{{Path: a.flags.creds, Data: data}})
	if c.Empty() {
		return nil, usage("a docker config.json or a Kubernetes secret of type kubernetes.io/dockerconfigjson", "--creds %s: there are no credentials in it", a.flags.creds)
	}
	return c, nil
}

// entries reads the credentials of --creds for a diagnosis: all that match, and
// what is wrong with the secret if none does.
func (a *app) entries(ref route.Ref) ([]keyring.Login, []finding.Finding, error) {
	c, err := a.secret()
	if err != nil {
		return nil, nil, err
	}
	all, wrong := doctor.Entries(c, ref)
	for i := range all {
		all[i].Source = "--creds " + a.flags.creds
	}
	return all, wrong, nil
}

func (a *app) password() (string, error) {
	in := a.In
	if a.flags.passwordFile != "" {
		f, err := os.Open(a.flags.passwordFile)
		if err != nil {
			return "", exitError{exitUsage, fmt.Errorf("--password-file: %w", err), ""}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
