package world

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Token describes a token server in the form of the distribution project.
type Token struct {
	Issuer    string              `json:"issuer"`
	Users     map[string]string   `json:"users"`     // password by user
	Refresh   map[string]string   `json:"refresh"`   // user by refresh (identity) token
	Grants    map[string][]string `json:"grants"`    // repositories by user, as path.Match patterns; a user who is not named may pull all
	Public    []string            `json:"public"`    // repositories for everybody
	Login     bool                `json:"login"`     // nobody gets a token without credentials
	Post      int                 `json:"post"`      // status for every POST; 0: POST works
	Refused   int                 `json:"refused"`   // status for wrong credentials; 0: 401
	NoToken   bool                `json:"notoken"`   // 200 without a token
	OnlyToken bool                `json:"onlytoken"` // the field "token" alone, no "access_token"
	Opaque    bool                `json:"opaque"`    // a token that is no JWT, which no registry here accepts
	TTL       Duration            `json:"ttl"`       // 0: five minutes
}

// TokenServer gives out tokens that the registries of its PKI accept. It is an
// http.Handler for every path.
type TokenServer struct {
	spec   Token
	signer Certificate
}

// NewTokenServer makes a token server.
func NewTokenServer(spec Token, pki *PKI) (*TokenServer, error) {
	signer, err := pki.Root.Issue(Leaf{CommonName: "token-signer", Names: []string{"token-signer"}})
	return &TokenServer{spec, signer}, err
}

// asked is what a client wants and who it says it is.
type asked struct {
	user, password, refresh string
	service                 string
	scopes                  []string
}

// ServeHTTP answers GET with Basic credentials and POST with a form.
func (t *TokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && t.spec.Post != 0 {
		apiError(w, t.spec.Post, "UNSUPPORTED", "no POST here")
		return
	}
	q := readAsked(r)
	user, ok := t.identify(q)
	if !ok || user == "" && t.spec.Login {
		status := t.spec.Refused
		if status == 0 {
			status = http.StatusUnauthorized
		}
		apiError(w, status, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	t.give(w, q, user)
}

func readAsked(r *http.Request) asked {
	q := asked{}
	if r.Method != http.MethodPost {
		v := r.URL.Query()
		q.user, q.password, _ = r.BasicAuth()
		q.service, q.scopes = v.Get("service"), strings.Fields(strings.Join(v["scope"], " "))
		return q
	}
	_ = r.ParseForm()
	q.service, q.scopes = r.PostForm.Get("service"), strings.Fields(r.PostForm.Get("scope"))
	if r.PostForm.Get("grant_type") == "refresh_token" {
		q.refresh = r.PostForm.Get("refresh_token")
	} else {
		q.user, q.password = r.PostForm.Get("username"), r.PostForm.Get("password")
	}
	return q
}

// identify returns the user, empty for anonymous, and whether the credentials are right.
func (t *TokenServer) identify(q asked) (string, bool) {
	if q.refresh != "" {
		user, ok := t.spec.Refresh[q.refresh]
		return user, ok
	}
	if q.user == "" && q.password == "" {
		return "", true
	}
	want, ok := t.spec.Users[q.user]
	return q.user, ok && want == q.password
}

func (t *TokenServer) give(w http.ResponseWriter, q asked, user string) {
	ttl := time.Duration(t.spec.TTL)
	if ttl == 0 {
		ttl = 5 * time.Minute
	}
	now := time.Now()
	token, err := signToken(t.signer, claims{
		Issuer: orElse(t.spec.Issuer, "world"), Subject: user, Audience: q.service, ID: "1",
		Issued: now.Unix(), NotYet: now.Add(-10 * time.Second).Unix(), Expires: now.Add(ttl).Unix(),
		Access: t.granted(q.scopes, user),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if t.spec.Opaque {
		token = "opaque-" + raw64.EncodeToString([]byte(user))
	}
	out := map[string]any{"token": token, "access_token": token, "expires_in": int(ttl.Seconds()), "issued_at": now.UTC().Format(time.RFC3339)}
	if t.spec.NoToken {
		out["token"], out["access_token"] = "", ""
	}
	if t.spec.OnlyToken {
		delete(out, "access_token")
	}
	data, _ := json.Marshal(out)
	reply(w, http.StatusOK, "application/json", string(data))
}

// granted is what of the scopes the user may do. Users may do what they ask for
// in their repositories, everybody may pull the public ones.
func (t *TokenServer) granted(scopes []string, user string) []access {
	out := []access{}
	for _, s := range scopes {
		kind, rest, _ := strings.Cut(s, ":")
		i := strings.LastIndex(rest, ":")
		if i < 0 {
			continue
		}
		name, actions := rest[:i], strings.Split(rest[i+1:], ",")
		patterns, named := t.spec.Grants[user]
		mine := user != "" && (!named || matchAny(patterns, name))
		switch {
		case mine:
			out = append(out, access{kind, name, actions})
		case matchAny(t.spec.Public, name) && slices.Contains(actions, "pull"):
			out = append(out, access{kind, name, []string{"pull"}})
		}
	}
	return out
}
