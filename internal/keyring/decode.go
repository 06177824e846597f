package keyring

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// Entry is what stands under a key.
type Entry struct {
	User     string
	Password route.Secret
}

// ErrNoPair tells that the auth of an entry, decoded, has no colon.
var ErrNoPair = errors.New("it is not the base64 of user:password")

// Config decodes a config.json, or the .dockerconfigjson of a secret. One entry
// that is wrong refuses all of them, as it does for the kubelet. The error
// quotes no value. Source: kubernetes pkg/credentialprovider/config.go.
func Config(data []byte) (map[string]Entry, error) {
	var into struct {
		Auths   map[string]*Entry `json:"auths"`
		Headers map[string]string `json:"HttpHeaders"`
	}
	if err := json.Unmarshal(data, &into); err != nil {
		return nil, err
	}
	return values(into.Auths), nil
}

// Flat decodes a .dockercfg: what is below auths in a config.json.
func Flat(data []byte) (map[string]Entry, error) {
	var into map[string]*Entry
	if err := json.Unmarshal(data, &into); err != nil {
		return nil, err
	}
	return values(into), nil
}

// values: an entry that is null is an empty one.
func values(all map[string]*Entry) map[string]Entry {
	out := make(map[string]Entry, len(all))
	for key, e := range all {
		if e == nil {
			e = &Entry{}
		}
		out[key] = *e
	}
	return out
}

// Keys are those of entries, sorted.
func Keys(all map[string]Entry) []string { return slices.Sorted(maps.Keys(all)) }

// UnmarshalJSON decodes an entry: auth counts, username and password where there
// is none. Tokens are not looked at.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var into struct {
		User     string `json:"username"`
		Password string `json:"password"`
		Email    string `json:"email"`
		Auth     string `json:"auth"`
	}
	if err := json.Unmarshal(data, &into); err != nil {
		return err
	}
	e.User, e.Password = into.User, route.NewSecret(into.Password)
	if into.Auth == "" {
		return nil
	}
	user, password, err := Pair(into.Auth)
	e.User, e.Password = user, route.NewSecret(password)
	return err
}

// Pair decodes an auth: base64, padded or not, of user:password.
func Pair(auth string) (user, password string, err error) {
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(strings.TrimSpace(auth), "=") {
		encoding = base64.StdEncoding
	}
	plain, err := encoding.DecodeString(auth)
	if err != nil {
		return "", "", err
	}
	user, password, pair := strings.Cut(string(plain), ":")
	if !pair {
		return "", "", ErrNoPair
	}
	return user, password, nil
}
