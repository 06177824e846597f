package keyring

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Token is a password that a cloud gave for some hours.
type Token struct {
	Cloud   string        // "ECR", "Artifact Registry", "ACR"
	Life    time.Duration // how long such tokens live
	Expires time.Time     // what the token says of itself; zero: nothing
}

// clouds are the registries whose tokens are known, by host and user name.
var clouds = []struct {
	host *regexp.Regexp
	user string
	Token
}{
	{regexp.MustCompile(`^([0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)|public\.ecr\.aws)$`), "AWS", Token{Cloud: "ECR", Life: 12 * time.Hour}},
	{regexp.MustCompile(`^(([a-z]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev)$`), "oauth2accesstoken", Token{Cloud: "Artifact Registry", Life: time.Hour}},
	{regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9]+)?\.azurecr\.(io|cn|us)$`), "00000000-0000-0000-0000-000000000000", Token{Cloud: "ACR", Life: 3 * time.Hour}},
}

// Token reports whether an entry holds a short-lived token of a cloud's
// registry: the host and the user name say so, and the token often says when it
// ends.
func (l Login) Token() (Token, bool) {
	key, _ := Normalise(l.Key)
	host, _, _ := strings.Cut(key, "/")
	for _, c := range clouds {
		if l.User == c.user && c.host.MatchString(strings.ReplaceAll(host, "*", "123456789012")) {
			t := c.Token
			t.Expires = expires(l.Password.Reveal())
			return t, true
		}
	}
	return Token{}, false
}

// expires is when a token ends by its own claims: a JWT's exp, or the expiration
// of ECR's base64 document.
func expires(token string) time.Time {
	var claims struct {
		Exp        float64 `json:"exp"`
		Expiration float64 `json:"expiration"`
	}
	parts := strings.Split(token, ".")
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(token, "="))
	if len(parts) == 3 {
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return time.Time{}
	}
	const latest = 1 << 40 // seconds; far beyond what a date can be
	if at := max(claims.Exp, claims.Expiration); at > 0 && at < latest {
		return time.Unix(int64(at), 0).UTC()
	}
	return time.Time{}
}

// wellKnown are passwords that registries are installed with.
var wellKnown = []string{"Harbor12345", "Harbor@12345", "admin", "admin123", "123456", "password", "changeme"}

// WellKnown reports a password that everybody knows.
func (l Login) WellKnown() bool { return slices.Contains(wellKnown, l.Password.Reveal()) }
