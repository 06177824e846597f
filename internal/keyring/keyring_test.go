package keyring_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
)

func TestKeysMatchImagesAsForTheKubelet(t *testing.T) {
	for _, c := range []struct {
		key, image string
		want       bool
	}{
		{"r.example", "r.example/app", true},
		{"https://r.example", "r.example/app", true},
		{"r.example/v1/", "r.example/app", true},
		{"r.example/v1", "r.example/app", false},
		{"r.example:443", "r.example/app", false},
		{"r.example:5000", "r.example:5000/app", true},
		{"r.example:*", "r.example:5000/app", false},
		{"r.example/team", "r.example/teamwork/app", true},
		{"r.example/team/", "r.example/team/app", true},
		{"r.example/*", "r.example/team/app", false},
		{"*.example", "r.example/app", true},
		{"*.example", "a.r.example/app", false},
		{"*.example", "example/app", false},
		{"r?.*", "r1.example/app", false},
		{"docker.io", "docker.io/library/nginx", true},
		{"https://index.docker.io/v1/", "docker.io/library/nginx", true},
		{"https://index.docker.io/v1", "docker.io/library/nginx", false},
		{"registry-1.docker.io", "docker.io/library/nginx", false},
		{"[::1]:5000", "[::1]:5000/app", true},
		{"[a-c].example", "b.example/app", false},
		{"https://index.docker.io/v1/", "localhost/app", true},
		{"http://[::1", "r.example/app", false},
	} {
		var r keyring.Ring
		r.Add(keyring.Login{Key: c.key, User: "u"})
		if got := len(r.Lookup(c.image)) == 1; got != c.want {
			t.Errorf("%s for %s: %v, want %v", c.key, c.image, got, c.want)
		}
	}
}

func TestEveryEntryThatMatchesIsTriedTheMoreSpecificFirst(t *testing.T) {
	var r keyring.Ring
	for i, key := range []string{"r.example", "*.example", "r.example/team", "https://r.example/v2/", "index.docker.io"} {
		r.Add(keyring.Login{Key: key, User: fmt.Sprint(i)})
	}
	var got []string
	for _, l := range r.Lookup("r.example/team/app") {
		got = append(got, l.User)
	}
	if want := []string{"2", "3", "0", "1"}; !slices.Equal(got, want) && !slices.Equal(got, []string{"2", "0", "3", "1"}) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnEntryIsItsAuthElseItsUserAndPassword(t *testing.T) {
	pair := base64.StdEncoding.EncodeToString([]byte("user:pass:word"))
	for _, c := range []struct{ text, user, password string }{
		{`{"auths": {"r": {"auth": "` + pair + `", "username": "other", "password": "x"}}}`, "user", "pass:word"},
		{`{"auths": {"r": {"username": "u", "password": "p", "identitytoken": "t"}}}`, "u", "p"},
		{`{"auths": {"r": {"auth": "dTpw"}}}`, "u", "p"},
		{`{"AUTHS": {"r": null}}`, "", ""},
	} {
		all, err := keyring.Config([]byte(c.text))
		if e := all["r"]; err != nil || e.User != c.user || e.Password.Reveal() != c.password {
			t.Errorf("%s: %q %q, %v", c.text, e.User, e.Password.Reveal(), err)
		}
	}
	for _, text := range []string{`{"auths": []}`, `{"auths": {"r": {"auth": "dXNlcg=="}}}`, `{"auths": {"r": {"auth": "%"}}}`, `{"HttpHeaders": {"a": 1}}`, `{`} {
		if all, err := keyring.Config([]byte(text)); err == nil {
			t.Errorf("%s is accepted: %v", text, all)
		}
	}
}

func TestTokensOfCloudsAreRecognised(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ecr := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"payload": "x", "type": "DATA_KEY", "expiration": %d}`, at.Unix()))
	jwt := "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp": %d}`, at.Unix())) + ".x"
	for _, c := range []struct {
		key, user, password string
		cloud               string
		expires             time.Time
	}{
		{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "AWS", ecr, "ECR", at},
		{"https://corp.azurecr.io", "00000000-0000-0000-0000-000000000000", jwt, "ACR", at},
		{"europe-docker.pkg.dev/project", "oauth2accesstoken", "ya29.x", "Artifact Registry", time.Time{}},
		{"europe-docker.pkg.dev", "_json_key", "{}", "", time.Time{}},
		{"r.example", "AWS", ecr, "", time.Time{}},
		{"corp.azurecr.io", "robot", jwt, "", time.Time{}},
	} {
		l := keyring.Login{Key: c.key, User: c.user, Password: route.NewSecret(c.password)}
		got, ok := l.Token()
		if ok != (c.cloud != "") || got.Cloud != c.cloud || !got.Expires.Equal(c.expires) {
			t.Errorf("%s: %+v %v", c.key, got, ok)
		}
	}
}
