package plan

import (
	"strings"
	"testing"
)

// Every canary is a credential; no form of writing one may show it.
const canary = "Hunter2Canary"

func TestCredentialsNeverShow(t *testing.T) {
	for name, text := range map[string]string{
		"toml string":        `password = "` + canary + `"`,
		"toml literal":       `auth = '` + canary + `' # old`,
		"toml dotted":        `configs."r.example".auth.password = "` + canary + `"`,
		"toml inline":        `auth = { username = "u", password = "` + canary + `", token = '` + canary + `' }`,
		"toml escaped":       `password = "a\"` + canary + `"`,
		"toml multi-line":    "token = \"\"\"\n" + canary + "\n\"\"\"\nserver = \"x\"",
		"toml list":          `Authorization = ["Basic ` + canary + `"]`,
		"toml long list":     "Authorization = [\n  \"a]b\",\n  \"" + canary + "\",\n]",
		"header table":       "[host.\"https://r.example\".header]\n  x-custom = [\"" + canary + "\"]\n  X-B = \"" + canary + "\"",
		"header dotted":      "[host.\"https://r.example\"]\n  header.x-custom = \"" + canary + "\"\n  header.\"x-b\" = \"" + canary + "\"",
		"header inline":      `header = { x-custom = "` + canary + `" }`,
		"yaml":               "configs:\n  r:\n    auth:\n      username: u\n      password: " + canary,
		"yaml flow":          `    auth: {username: u, password: ` + canary + `}`,
		"yaml quoted":        `password: "` + canary + `"`,
		"yaml block":         "password: |\n  " + canary + "\n  " + canary + "\nnext: x",
		"yaml folded key":    "password:\n  " + canary,
		"yaml continued":     "password: a\n  " + canary,
		"yaml open quote":    "token: \"a\n  " + canary + "\"",
		"yaml comment":       "# identity_token: " + canary,
		"json":               `{"auths":{"r.example":{"auth":"` + canary + `","identitytoken":"` + canary + `"}}}`,
		"json pretty":        "{\n  \"auths\": {\n    \"r\": {\n      \"auth\": \"" + canary + "\"\n    }\n  }\n}",
		"json next line":     "\"auth\":\n  \"" + canary + "\"",
		"kubernetes secret":  ".dockerconfigjson: " + canary,
		"environment":        `REGISTRY_PASSWORD=` + canary + `,` + canary,
		"systemd":            `Environment="HTTPS_PROXY=http://user:` + canary + `@proxy.example:3128"`,
		"url":                `server = "https://` + canary + `@r.example"`,
		"url with at":        `server: https://user:a@` + canary + `@r.example/v2`,
		"url as a key":       `  "https://u:` + canary + `@r.example": x`,
		"query":              `server = "https://r.example/?token=` + canary + `"`,
		"header text":        `Authorization: Bearer ` + canary,
		"api key":            `X-Api-Key = "` + canary + `"`,
		"private key":        "a: 1\n-----BEGIN RSA PRIVATE KEY-----\n" + canary + "\n-----END RSA PRIVATE KEY-----\nb: 2",
		"private key inline": "key: -----BEGIN EC PRIVATE KEY-----" + canary + "-----END EC PRIVATE KEY-----",
		"private key base64": "key: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpIdW50ZXIyQ2FuYXJ5" + canary,
		"toml headers":       "[x.registry.headers]\n  X-Custom = [\"" + canary + "\"]",
		"toml misspelt":      "[x.configs.\"r.example\".auth]\n  pasword = \"" + canary + "\"",
		"toml old misspelt":  "[x.auths.\"https://r.example\"]\n  pasword = \"" + canary + "\"",
		"yaml misspelt":      "configs:\n  r:\n    auth:\n      username: u\n      password: x\n      pasword: " + canary,
		"crlf":               "password = \"" + canary + "\"\r\nauth = \"" + canary + "\"\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(mask(text), "")
			if strings.Contains(got, canary) {
				t.Errorf("it shows:\n%s", got)
			}
			if strings.Count(got, "\n") != strings.Count(text, "\n") {
				t.Errorf("it has other lines:\n%s", got)
			}
		})
	}
}

func TestEverythingElseShows(t *testing.T) {
	for _, text := range []string{
		`server = "https://r.example:5000"`,
		`[host."https://[::1]:5000"]`,
		`  ca = "/etc/containerd/certs.d/r.example/ca.crt" # not a secret`,
		`  client = [["/a.cert", "/a.key"]]`,
		`capabilities = ["pull", "resolve"]`,
		"auth:\n  username: u",
		"auth:\n  username: u\ntls:\n  ca_file: /a",
		"[x.configs.\"r\".auth]\n  username = \"u\"\n[x.configs.\"r\".tls]\n  ca_file = \"/a\"",
		`image: quay.io/auth:v1.0`,
		`{"credsStore":"secretservice","auths":{}}`,
		"[host.\"https://r.example\".header]\n# none\n[host.\"https://m.example\"]\n  x = \"y\"",
		"password: \"\"\nmirrors:\n  docker.io: {}",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
		"key: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM=",
		"password: |\n",
		"a\r\n\r\nb",
		"",
	} {
		if got := strings.Join(mask(text), ""); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func FuzzMaskKeepsEveryLine(f *testing.F) {
	f.Add("password: |\n  a\nb = [\n\"x\"]\r\n")
	f.Add("token = \"\"\"\nx\n\"\"\"")
	f.Add("-----BEGIN PRIVATE KEY-----\n\n-----END")
	f.Add("auth:\t\n \n\t{")
	f.Fuzz(func(t *testing.T, text string) {
		got := mask(text)
		want := strings.SplitAfter(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines instead of %d", len(got), len(want))
		}
		for i := range got {
			if strings.HasSuffix(got[i], "\n") != strings.HasSuffix(want[i], "\n") {
				t.Fatalf("line %d ends otherwise: %q, %q", i+1, got[i], want[i])
			}
		}
	})
}
