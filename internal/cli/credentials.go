package cli

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
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
	data, err := os.ReadFile(a.flags.creds)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--creds: %w", err), ""}
	}
	auth, err := credentials(data, ref)
	if err != nil {
		return nil, exitError{
			exitUsage, fmt.Errorf("--creds %s: %w", a.flags.creds, err),
			"a docker config.json or a Kubernetes secret of type kubernetes.io/dockerconfigjson",
		}
	}
	if auth != nil {
		auth.Source = "--creds " + a.flags.creds
	}
	return auth, nil
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

// dockerConfig is the part of a config.json that the kubelet reads, and of the
// secrets that wrap one.
type dockerConfig struct {
	Auths      map[string]dockerAuth `json:"auths"`
	Data       map[string]string     `json:"data"`
	StringData map[string]string     `json:"stringData"`
}

type dockerAuth struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
}

// credentials picks the entry that the kubelet would use for an image; nil when
// none matches.
func credentials(data []byte, ref route.Ref) (*route.Auth, error) {
	data, err := secretData(data)
	if err != nil {
		return nil, err
	}
	var c dockerConfig
	if json.Unmarshal(data, &c) != nil {
		return nil, errNoJSON
	}
	if c.Auths == nil {
		return nil, errors.New("it has no auths")
	}
	best, found := "", false
	for key := range c.Auths {
		if matchesKey(key, ref) && (!found || key > best) {
			best, found = key, true
		}
	}
	if !found {
		return nil, nil
	}
	return c.Auths[best].auth(best)
}

func (e dockerAuth) auth(key string) (*route.Auth, error) {
	auth := &route.Auth{User: e.Username, Password: route.NewSecret(e.Password), IdentityToken: route.NewSecret(e.IdentityToken)}
	if e.Auth != "" {
		plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Auth))
		user, password, ok := strings.Cut(strings.TrimRight(string(plain), "\x00"), ":")
		if err != nil || !ok {
			return nil, fmt.Errorf("the auth of %s is not base64 of user:password", key)
		}
		auth.User, auth.Password = user, route.NewSecret(password)
	}
	if auth.IsZero() {
		return nil, nil
	}
	return auth, nil
}

// matchesKey follows the kubelet's keyring: labels one by one, each a glob, the
// port as text, the path as a prefix. Source: pkg/credentialprovider/keyring.go.
func matchesKey(key string, ref route.Ref) bool {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, rest, _ := strings.Cut(key, "/")
	for _, prefix := range []string{"v1/", "v2/"} {
		rest = strings.TrimPrefix(rest, prefix)
	}
	registry := ref.Registry
	if registry == "docker.io" && host == "index.docker.io" {
		registry = host
	}
	return matchHost(host, registry) && strings.HasPrefix(ref.Repository, rest)
}

func matchHost(pattern, host string) bool {
	p, wantPort := cutPort(pattern)
	h, port := cutPort(host)
	ps, hs := strings.Split(p, "."), strings.Split(h, ".")
	if wantPort != port || len(ps) != len(hs) {
		return false
	}
	for i := range ps {
		if ok, err := filepath.Match(ps[i], hs[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

func cutPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:i], host[i+1:]
}
