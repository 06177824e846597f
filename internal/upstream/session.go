package upstream

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Login is what a client may log in with at one endpoint.
type Login struct {
	route.Auth
	Shared bool // it came with the request for the image, so the runtime would offer it to every host
}

// secret is the password or the identity token, as containerd picks them:
// a user name goes before everything else.
func (l Login) secret() route.Secret {
	if l.User != "" {
		return l.Password
	}
	return l.IdentityToken
}

// Session speaks to one endpoint as a pull does: it keeps connections and
// tokens. It may be used by several goroutines at once.
type Session struct {
	c        *Client
	endpoint route.Endpoint
	login    Login
	pool     *pool

	mu    sync.Mutex
	plain bool               // the endpoint has fallen back to HTTP
	known map[string]granted // by repository
}

// offered is the secret that may be used at this endpoint, and why there is
// none although there are credentials.
func (s *Session) offered() (secret route.Secret, why string) {
	if s.login.Shared && s.endpoint.Role == route.Mirror && !s.login.secret().IsZero() {
		return route.Secret{}, "not sent to the mirror: the credentials came with the pull and belong to the registry that the image names"
	}
	return s.login.secret(), ""
}

// granted is an authorization that has worked so far.
type granted struct {
	Authorization
	until time.Time // zero: for good
}

// Session begins a session. Close ends it. A mirror is not given credentials
// that came with the request for the image: they belong to the registry that the
// image names, though the runtime would hand them over.
func (c *Client) Session(e route.Endpoint, login Login) *Session {
	return &Session{c: c, endpoint: e, login: login, pool: newPool(), known: map[string]granted{}}
}

// Close ends the idle connections.
func (s *Session) Close() { s.pool.close() }

// Exchange is everything that one request led to.
type Exchange struct {
	Attempts []snapshot.Attempt // the runtime's own requests, in order; the last one counts
	Auth     *snapshot.Auth     // nil: nobody asked for credentials in the course of it
}

// Last is the attempt that counts.
func (e Exchange) Last() *snapshot.Attempt { return &e.Attempts[len(e.Attempts)-1] }

// Fault is why the request got nothing; nil: it got what it asked for. When the
// token server is at fault the attempts themselves show none.
func (e Exchange) Fault() *snapshot.Failure {
	if f := e.Last().Fault(); f != nil || e.Auth == nil {
		return f
	}
	return e.Auth.Failure
}

// Ask makes a request as containerd does: it logs in when it is asked to and
// goes from HEAD to GET where a registry has no HEAD. A refusal that is answered
// in this way is no failure of its attempt. Retries of containerd that repeat a
// request unchanged are not repeated.
func (s *Session) Ask(ctx context.Context, req Request) Exchange {
	var e Exchange
	req.Endpoint = s.endpoint
	req.Authorization = s.remembered(req.Repository)
	fresh := false // this exchange has logged in itself
	for range 4 {
		a := s.do(ctx, req)
		e.Attempts = append(e.Attempts, a)
		last := e.Last()
		f := last.Fault()
		switch {
		case f == nil || f.Cause != snapshot.Status:
			return e
		case last.Failure == nil:
			return e // the refusal of a redirect's target: it gets no credentials
		case last.Status() == http.StatusUnauthorized && !fresh:
			s.forget(req.Repository)
			auth, proof := s.authorize(ctx, req, last)
			e.Auth, fresh = auth, true
			if auth.Failure != nil {
				last.Failure = refusal(auth, last)
				return e
			}
			last.Failure = nil
			req.Authorization = proof.Authorization
			s.remember(req.Repository, proof)
		case last.Status() == http.StatusUnauthorized:
			s.forget(req.Repository)
			e.settle(last)
			return e
		case last.Status() == http.StatusMethodNotAllowed && req.Method == http.MethodHead && req.Stage == snapshot.Manifest:
			last.Failure = nil
			req.Method = http.MethodGet
		default:
			return e
		}
	}
	return e
}

// do makes one request over the session's connections.
func (s *Session) do(ctx context.Context, req Request) snapshot.Attempt {
	x := s.c.exchange(req, s.pool)
	x.veil.hide(s.login.Password.Reveal())
	x.veil.hide(s.login.IdentityToken.Reveal())
	s.mu.Lock()
	x.fellBack = s.plain
	s.mu.Unlock()
	a := x.do(ctx)
	if a.Before != nil && a.Response != nil {
		s.mu.Lock()
		s.plain = true
		s.mu.Unlock()
	}
	return a
}

// refusal is what the attempt shows when logging in did not work: that no scheme
// is known, or the 401 itself. What the token server did is in the Auth.
func refusal(auth *snapshot.Auth, a *snapshot.Attempt) *snapshot.Failure {
	if auth.Failure.Cause == snapshot.NoScheme {
		return auth.Failure
	}
	if auth.Token != nil {
		return nil // it failed there, not here
	}
	return a.Failure
}

// settle words the second refusal.
func (e Exchange) settle(last *snapshot.Attempt) {
	f := last.Failure
	if e.Auth.Scheme == "bearer" {
		f.Cause = snapshot.TokenUnusable
		for _, c := range ParseChallenges(last.Response.Header["Www-Authenticate"]) {
			if text := c.Params["error"]; c.Scheme == "bearer" && text != "" {
				f.Text = "server message: " + printable(text, 64) + ": authorization failed"
			}
		}
		if e.Auth.Withheld != "" {
			f.Text += " (" + e.Auth.Withheld + ")"
		}
	}
	e.Auth.Failure = &snapshot.Failure{Stage: f.Stage, Cause: f.Cause, Text: f.Text}
	if e.Auth.Scheme == "bearer" && e.Auth.Withheld != "" {
		e.Auth.Failure.Cause = snapshot.ForeignRealm
	}
	if e.Auth.Scheme == "basic" && last.Sent["Authorization"] == nil {
		e.Auth.Sent, e.Auth.Withheld = false, last.Withheld
	}
}

func (s *Session) remembered(repository string) Authorization {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.known[repository]
	if !ok || !g.until.IsZero() && s.c.now().After(g.until) {
		return Authorization{}
	}
	return g.Authorization
}

func (s *Session) remember(repository string, g granted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[repository] = g
}

func (s *Session) forget(repository string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, repository)
}

// scopes are what a token is asked for: the repository of the image and what
// the challenge names, sorted, without duplicates. Source: containerd
// core/remotes/docker/scope.go.
func scopes(repository string, c Challenge) []string {
	var out []string
	if repository != "" {
		out = append(out, "repository:"+repository+":pull")
	}
	if scope, ok := c.Params["scope"]; ok {
		out = append(out, strings.Split(scope, " ")...)
	}
	return sortedUnique(out)
}
