package upstream

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

const masked = "***"

// veil hides secrets in everything that is kept of an attempt, in case a server
// or an error repeats them.
type veil struct{ secrets []string }

// shortest is the length from which a secret is looked for in other texts: a
// shorter one would black out half of every word.
const shortest = 4

// hide adds a secret in the spellings in which it can come back.
func (v *veil) hide(text string) {
	if len(text) < shortest {
		return
	}
	v.secrets = append(v.secrets, text, url.QueryEscape(text), url.PathEscape(text),
		base64.StdEncoding.EncodeToString([]byte(text)), base64.URLEncoding.EncodeToString([]byte(text)),
		base64.RawStdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text)))
	sort.Slice(v.secrets, func(i, j int) bool { return len(v.secrets[i]) > len(v.secrets[j]) })
}

func (v *veil) text(s string) string {
	for _, secret := range v.secrets {
		s = strings.ReplaceAll(s, secret, masked)
	}
	return s
}

// openQuery are the query parameters of registries that hold no secret.
var openQuery = map[string]bool{
	"ns": true, "scope": true, "service": true, "n": true, "last": true, "digest": true, "client_id": true, "offline_token": true, "round": true,
}

// url is a URL for people: without user information and with the values of
// unknown query parameters, such as signatures, masked.
func (v *veil) url(u *url.URL) string {
	out := *u
	out.User, out.Fragment, out.RawFragment = nil, "", ""
	if out.RawQuery != "" {
		var parts []string
		for _, part := range strings.Split(out.RawQuery, "&") {
			key, value, ok := strings.Cut(part, "=")
			if ok && value != "" && !openQuery[key] {
				part = key + "=" + masked
			}
			parts = append(parts, part)
		}
		out.RawQuery = strings.Join(parts, "&")
	}
	return v.text(out.String())
}

// responseHeader keeps what a server said, without what gives access.
func (v *veil) responseHeader(h http.Header, base *url.URL) map[string][]string {
	out := make(map[string][]string, len(h))
	for key, values := range h {
		for _, value := range values {
			switch {
			case secretHeader(key):
				value = masked
			case key == "Location" || key == "Content-Location":
				if u, err := base.Parse(value); err == nil {
					value = v.url(u)
				}
			}
			out[key] = append(out[key], printable(v.text(value), 2048))
		}
	}
	return out
}

// secretHeader reports whether a header of a response or request may give access.
func secretHeader(key string) bool {
	key = strings.ToLower(key)
	if key == "docker-distribution-api-version" || key == "www-authenticate" || key == "proxy-authenticate" {
		return false
	}
	for _, part := range []string{"cookie", "token", "secret", "signature", "authorization", "authentication-info", "api-key", "apikey", "password"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// printable cuts a text to at most limit bytes and replaces what a terminal
// would act on. Newlines and tabs stay.
func printable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1 {
			s = s[:len(s)-1]
		}
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) && r != utf8.RuneError {
			return r
		}
		return '.'
	}, s)
}
