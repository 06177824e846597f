package upstream

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"https://registry.example/v2/":     "https://registry.example:443",
		"HTTPS://Registry.EXAMPLE:0443/":   "https://registry.example:443",
		"http://registry.example":          "http://registry.example:80",
		"https://my_registry.example:5000": "https://my_registry.example:5000",
		"https://bücher.example/":          "https://xn--bcher-kva.example:443",
		"https://[FD00::1]:5000/":          "https://[fd00::1]:5000",
		"https://192.0.2.1/":               "https://192.0.2.1:443",
		"https://registry.example./":       "https://registry.example.:443",
		"https://localhost:5000":           "https://localhost:5000",
		"ftp://registry.example/":          "",
		"https:registry.example":           "",
		"https://":                         "",
		"//registry.example/":              "",
		"https://registry.example:123456/": "",
		"https://registry.example:0/":      "",
		"https://3405803783/":              "",
		"https://0x7f.0.0.1/":              "",
		"https://127.1/":                   "",
		"https://0177.0.0.1/":              "",
		"https://a.0x1/":                   "",
		"https://a b/":                     "",
		"https://a%2fb/":                   "",
	} {
		got := ""
		if u, err := url.Parse(text); err == nil {
			if o, err := OriginOf(u); err == nil {
				got = o.String()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestKindsOfAddresses(t *testing.T) {
	for text, want := range map[string]addrKind{
		"192.0.2.1": ordinary, "10.0.0.1": ordinary, "fd00::1": ordinary, "2001:db8::1": ordinary, "64:ff9b::c000:201": ordinary,
		"127.0.0.1": loopback, "127.255.0.1": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback, "64:ff9b::7f00:1": loopback,
		"169.254.169.254": special, "fe80::1%eth0": special, "0.0.0.0": special, "0.1.2.3": special, "::": special, "224.0.0.1": special, "ff02::1": special,
		"255.255.255.255": special, "fd00:ec2::254": special, "100.100.100.200": special, "::ffff:169.254.0.1": special, "64:ff9b::a9fe:a9fe": special,
	} {
		if got := kindOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// FuzzRealm holds the policy to its words: credentials for one registry go to
// its own origin, or over TLS to its registrable domain.
func FuzzRealm(f *testing.F) {
	for _, s := range []string{
		"https://registry.example.com/token", "https://auth.example.com/t", "http://registry.example.com/token", "https://evil.net/", "https://registry.example.com@evil.net/",
		"https://evil.net/https://registry.example.com", "https://example.com.evil.net", `https://evil.net\@example.com/`, "https://[::1]/", "//x", "https://a:b@registry.example.com",
		"https://EXAMPLE.com.", "https://xn--80ak6aa92e.com/", "https://1.2.3.4", "https://example.com:443443/",
	} {
		f.Add(s)
	}
	home := Origin{"https", "registry.example.com", "443"}
	f.Fuzz(func(t *testing.T, realm string) {
		v := judgeRealm(home, realm, nil)
		if v.refuse != "" {
			return
		}
		host := v.url.Hostname()
		if v.url.Scheme != "https" || v.url.User != nil || !strings.EqualFold(host, "example.com") && !strings.HasSuffix(strings.ToLower(host), ".example.com") {
			t.Errorf("%q is allowed: %s", realm, v.url)
		}
	})
}

// FuzzURL: no user information and no unknown query value is ever shown.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://user:pass@h/p?token=secret&ns=docker.io#f", "https://h/?sig=a%20b&&=&x", "http://h?a=b;c=d", "https://h/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		got := (&veil{}).url(u)
		shown, err := url.Parse(got)
		if err != nil {
			return // odd hosts do not always survive; nothing is sent to them
		}
		if shown.User != nil && u.User != nil && shown.User.String() == u.User.String() {
			t.Errorf("%s shows %s", text, got)
		}
		for key, values := range shown.Query() {
			for _, v := range values {
				if v != "" && v != masked && !openQuery[key] && !strings.Contains(key, ";") && u.Query().Has(key) {
					t.Errorf("%s shows %s=%s", text, key, v)
				}
			}
		}
		if _, err := OriginOf(u); err == nil && strings.Contains(u.Host, "@") {
			t.Errorf("%s has an origin", text)
		}
	})
}

func TestKnownPairs(t *testing.T) {
	for registry, realm := range map[string]string{
		"registry-1.docker.io":              "https://auth.docker.io/token",
		"registry.hub.docker.com":           "https://auth.docker.io/token",
		"registry.gitlab.com":               "https://gitlab.com/jwt/auth",
		"docker.elastic.co":                 "https://docker-auth.elastic.co/auth",
		"registry.cn-hangzhou.aliyuncs.com": "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
		"registry.digitalocean.com":         "https://api.digitalocean.com/v2/registry/auth",
		"registry.corp.example.co.uk":       "https://sso.corp.example.co.uk:8443/token",
		"ghcr.io":                           "https://ghcr.io/token",
		"quay.io":                           "https://quay.io/v2/auth",
	} {
		if v := judgeRealm(Origin{"https", registry, "443"}, realm, nil); v.refuse != "" {
			t.Errorf("%s: %s", registry, v.refuse)
		}
	}
	for registry, realm := range map[string]string{
		"a.github.io":             "https://b.github.io/token",
		"registry.example.co.uk":  "https://evil.co.uk/token",
		"registry":                "https://token/",
		"registry.lab":            "https://token.lab/",
		"192.0.2.1":               "https://192.0.2.2/token",
		"registry-1.docker.io":    "https://auth.docker.com/token",
		"registry.hub.docker.com": "https://auth.docker.io:8443/token",
	} {
		if v := judgeRealm(Origin{"https", registry, "443"}, realm, nil); v.refuse == "" {
			t.Errorf("%s may send credentials to %s", registry, realm)
		}
	}
}
