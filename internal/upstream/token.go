package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

func sortedUnique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// authorize answers the challenge of a refused attempt as containerd would, as
// far as that is safe. The Auth has a Failure when it led to nothing.
func (s *Session) authorize(ctx context.Context, req Request, refused *snapshot.Attempt) (*snapshot.Auth, granted) {
	auth := &snapshot.Auth{Challenges: []string{}, Shared: s.login.Shared}
	for _, line := range refused.Response.Header["Www-Authenticate"] {
		if len(auth.Challenges) < 10 {
			auth.Challenges = append(auth.Challenges, line)
		}
	}
	home, err := OriginOf(&url.URL{Scheme: s.endpoint.Scheme, Host: s.endpoint.Host})
	c, ok := pick(ParseChallenges(auth.Challenges))
	if !ok || err != nil {
		auth.Failure = &snapshot.Failure{Stage: req.Stage, Cause: snapshot.NoScheme, Text: refused.Response.Line + " without a challenge that containerd knows"}
		return auth, granted{}
	}
	auth.Scheme, auth.Realm, auth.Service = c.Scheme, c.Params["realm"], c.Params["service"]
	if c.Scheme == "basic" {
		return auth, s.basic(auth, req, home)
	}
	t := &tokenRequest{s: s, req: req, auth: auth, home: home, challenge: c, local: connectedTo(refused) == loopback}
	return auth, t.fetch(ctx)
}

// basic uses the credentials themselves.
func (s *Session) basic(auth *snapshot.Auth, req Request, home Origin) granted {
	secret, why := s.offered()
	auth.Source, auth.Withheld = s.source(), why
	if s.login.User == "" || secret.IsZero() {
		auth.Failure = &snapshot.Failure{Stage: req.Stage, Cause: snapshot.Status, Text: "no basic auth credentials"}
		return granted{}
	}
	auth.Sent = true
	value := route.NewSecret(basic(s.login.User, s.login.Password.Reveal()))
	return granted{Authorization: Authorization{origin: home, value: value}}
}

// source names the credentials at hand, empty if there are none.
func (s *Session) source() string {
	if s.login.secret().IsZero() {
		return ""
	}
	return s.login.Source
}

// connectedTo is the kind of the address that an attempt used.
func connectedTo(a *snapshot.Attempt) addrKind {
	for _, d := range a.Dials {
		if ap, err := parseAddr(d.Addr, "0"); d.Used && err == nil && a.Proxy == "" {
			return kindOf(ap.Addr())
		}
	}
	return ordinary
}

// tokenRequest is the way from a Bearer challenge to a token.
type tokenRequest struct {
	s         *Session
	req       Request
	auth      *snapshot.Auth
	home      Origin
	challenge Challenge
	local     bool // the registry is on this machine
	scopes    []string
	realm     realmVerdict
	origin    Origin // of the token server
}

// fetch gets a token: with credentials by POST, and by GET where the server
// refuses the POST as some do; without credentials by GET. Source: containerd
// core/remotes/docker/authorizer.go, doBearerAuth.
func (t *tokenRequest) fetch(ctx context.Context) granted {
	realm, ok := t.challenge.Params["realm"]
	if !ok {
		t.auth.Failure = &snapshot.Failure{Stage: t.req.Stage, Cause: snapshot.NoScheme, Text: "no realm specified for token auth challenge"}
		return granted{}
	}
	t.scopes = scopes(t.req.Repository, t.challenge)
	t.auth.Scope = strings.Join(t.scopes, " ")
	t.realm = judgeRealm(t.home, realm, t.s.c.Realms)
	if t.realm.url == nil {
		t.auth.Token = &snapshot.Attempt{Method: http.MethodGet, URL: printable(realm, 500), Started: t.s.c.now(),
			Failure: &snapshot.Failure{Stage: snapshot.Token, Cause: snapshot.BadConfig, Text: t.realm.refuse}}
		t.auth.Failure = t.auth.Token.Failure
		return granted{}
	}
	t.auth.Realm = (&veil{}).url(t.realm.url)
	t.origin, _ = OriginOf(t.realm.url)
	secret, why := t.s.offered()
	t.auth.Source, t.auth.Withheld = t.s.source(), why
	with := !secret.IsZero()
	if with && t.realm.refuse != "" {
		t.auth.Withheld = t.realm.refuse
		with = false
	}
	if with {
		a, body := t.send(ctx, t.post())
		switch f := a.Fault(); {
		case f != nil && f.Cause == snapshot.ForeignRealm:
			t.auth.Withheld, with = f.Text, false
		case t.refusesPost(&a):
			t.auth.Post = &a
		default:
			return t.judge(&a, body, false)
		}
	}
	a, body := t.send(ctx, t.get(with))
	return t.judge(&a, body, true)
}

// refusesPost reports whether containerd would go on with GET.
func (t *tokenRequest) refusesPost(a *snapshot.Attempt) bool {
	switch a.Status() {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound:
		return true
	case http.StatusMethodNotAllowed:
		return t.s.login.User != ""
	}
	return false
}

// exchange is a request to the token server, over the endpoint's own settings.
func (t *tokenRequest) exchange(method string, u *url.URL) *exchange {
	e := t.s.endpoint
	e.PlainFallback = false
	if !t.realm.same || !t.s.c.Containerd.Since("2.1.0") {
		e.Header = nil
	}
	x := t.s.c.exchange(Request{Method: method, URL: u.String(), Stage: snapshot.Token, Endpoint: e, Limit: maxToken, Vary: t.vary()}, t.s.pool)
	x.home, x.token, x.onLoopback = t.origin, true, t.local
	x.strict = !t.realm.same
	x.veil.hide(t.s.login.secret().Reveal())
	return x
}

// vary keeps the changes that are about this node's network, not about one server.
func (t *tokenRequest) vary() Vary {
	v := t.req.Vary
	return Vary{Server: v.Server, Classic: v.Classic, Direct: v.Direct, Proxy: v.Proxy, Roots: v.Roots, At: v.At}
}

func (t *tokenRequest) post() *exchange {
	form := url.Values{"service": {t.auth.Service}, "client_id": {"containerd-client"}}
	if len(t.scopes) > 0 {
		form.Set("scope", strings.Join(t.scopes, " "))
	}
	secret := t.s.login.secret().Reveal()
	if t.s.login.User == "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", secret)
	} else {
		form.Set("grant_type", "password")
		form.Set("username", t.s.login.User)
		form.Set("password", secret)
	}
	x := t.exchange(http.MethodPost, t.realm.url)
	x.form = []byte(form.Encode())
	return x
}

func (t *tokenRequest) get(with bool) *exchange {
	u := *t.realm.url
	q := u.Query()
	if t.auth.Service != "" {
		q.Add("service", t.auth.Service)
	}
	for _, scope := range t.scopes {
		q.Add("scope", scope)
	}
	u.RawQuery = q.Encode()
	x := t.exchange(http.MethodGet, &u)
	if with {
		value := basic(t.s.login.User, t.s.login.secret().Reveal())
		x.veil.hide(strings.TrimPrefix(value, "Basic "))
		x.req.Authorization = Authorization{origin: t.origin, value: route.NewSecret(value)}
	}
	return x
}

// send makes one token request and notes whether credentials went along.
func (t *tokenRequest) send(ctx context.Context, x *exchange) (snapshot.Attempt, []byte) {
	var body bytes.Buffer
	x.req.Into = To(&body)
	a := x.do(ctx)
	switch {
	case x.form != nil && a.Sent != nil, a.Sent["Authorization"] != nil:
		t.auth.Sent = true
	case a.Withheld != "" && t.auth.Withheld == "":
		t.auth.Withheld = a.Withheld
	}
	return a, body.Bytes()
}

// judge takes the token out of a reply, or words the failure.
func (t *tokenRequest) judge(a *snapshot.Attempt, body []byte, get bool) granted {
	t.auth.Token = a
	final := a.Final()
	if f := a.Fault(); f != nil {
		if st := a.Status(); f.Cause == snapshot.Status && (st == http.StatusUnauthorized || st == http.StatusForbidden) {
			f.Cause = snapshot.TokenDenied
		}
		t.auth.Failure = f
		return granted{}
	}
	token, expires, err := parseToken(body, get)
	if err != nil {
		// The body is no token, so it is no secret either.
		final.Response.Head = printable((&veil{secrets: t.secrets()}).text(string(body[:min(len(body), maxHead)])), maxHead)
		final.Failure = &snapshot.Failure{Stage: snapshot.Token, Cause: snapshot.TokenBad, Text: err.Error()}
		t.auth.Failure = final.Failure
		return granted{}
	}
	t.auth.Got, t.auth.Claims = true, ParseClaims(token)
	g := granted{Authorization: Authorization{origin: t.home, value: route.NewSecret("Bearer " + token)}}
	if expires > 0 {
		g.until = t.s.c.now().Add(expires - min(10*time.Second, expires/2))
	}
	return g
}

func (t *tokenRequest) secrets() []string {
	v := &veil{}
	v.hide(t.s.login.secret().Reveal())
	return v.secrets
}

// parseToken reads the reply of a token server. After a POST only access_token
// counts, after a GET token as well; the errors are worded as in containerd.
func parseToken(body []byte, get bool) (token string, expires time.Duration, err error) {
	var doc struct {
		Token   string `json:"token"`
		Access  string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil {
		return "", 0, fmt.Errorf("unable to decode token response: %w", err)
	}
	token = doc.Access
	if token == "" && get {
		token = doc.Token
	}
	if token == "" {
		return "", 0, fmt.Errorf("authorization server did not include a token in the response")
	}
	if !httpguts.ValidHeaderFieldValue(token) {
		return "", 0, fmt.Errorf("the token holds characters that no header may have")
	}
	return token, time.Duration(min(max(doc.Expires, 0), 1<<20)) * time.Second, nil
}
