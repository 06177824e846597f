package upstream_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

const realm = "https://auth." + host + "/token"

// tokenWorld is a registry with a token server of its own.
func tokenWorld(t *testing.T, token world.Token, faults ...world.Fault) *world.World {
	t.Helper()
	r := registry()
	r.Registry.Auth = world.Auth{Scheme: "bearer", Realm: realm, Service: "registry"}
	return play(t, map[string]world.Role{
		"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}}),
		"r":    r,
		"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Token: &token, Faults: faults},
	})
}

func login(user, password string) upstream.Login {
	return upstream.Login{Auth: route.Auth{User: user, Password: route.NewSecret(password), Source: "--creds"}}
}

func ask(t *testing.T, c *upstream.Client, l upstream.Login, req upstream.Request) upstream.Exchange {
	t.Helper()
	s := c.Session(endpoint, l)
	defer s.Close()
	req.Repository = "library/nginx"
	return s.Ask(t.Context(), req)
}

// TestTheTokenDance follows what containerd does with each token server.
func TestTheTokenDance(t *testing.T) {
	users := map[string]string{"user": "pass-word"}
	identity := upstream.Login{Auth: route.Auth{IdentityToken: route.NewSecret("identity-token"), Source: "--creds"}}
	for _, c := range []struct {
		name    string
		token   world.Token
		fault   *world.Fault
		login   upstream.Login
		methods string // that the token server saw
		cause   snapshot.Cause
		text    string
		sent    bool
		claims  string
	}{
		{name: "anonymous, public", token: world.Token{Public: []string{"*"}}, methods: "GET", claims: "repository:library/nginx:pull"},
		{name: "anonymous, private", token: world.Token{Users: users}, methods: "GET", cause: snapshot.TokenUnusable, text: "server message: insufficient_scope: authorization failed", claims: ""},
		{name: "anonymous, login wanted", token: world.Token{Users: users, Login: true}, methods: "GET", cause: snapshot.TokenDenied, text: "401 Unauthorized"},
		{name: "password", token: world.Token{Users: users}, login: login("user", "pass-word"), methods: "POST", sent: true, claims: "repository:library/nginx:pull"},
		{name: "wrong password", token: world.Token{Users: users}, login: login("user", "wrong"), methods: "POST GET", cause: snapshot.TokenDenied, text: "401", sent: true},
		{name: "wrong password, 403", token: world.Token{Users: users, Refused: 403}, login: login("user", "wrong"), methods: "POST", cause: snapshot.TokenDenied, text: "403 Forbidden", sent: true},
		{name: "no POST: 404", token: world.Token{Users: users, Post: 404}, login: login("user", "pass-word"), methods: "POST GET", sent: true, claims: "repository:library/nginx:pull"},
		{name: "no POST: 405", token: world.Token{Users: users, Post: 405}, login: login("user", "pass-word"), methods: "POST GET", sent: true, claims: "repository:library/nginx:pull"},
		{name: "no POST: 400", token: world.Token{Users: users, Post: 400}, login: login("user", "pass-word"), methods: "POST GET", sent: true, claims: "repository:library/nginx:pull"},
		{name: "no POST: 500", token: world.Token{Users: users, Post: 500}, login: login("user", "pass-word"), methods: "POST", cause: snapshot.Status, text: "500", sent: true},
		{name: "identity token", token: world.Token{Refresh: map[string]string{"identity-token": "user"}}, login: identity, methods: "POST", sent: true, claims: "repository:library/nginx:pull"},
		{name: "identity token, no POST: 405", token: world.Token{Post: 405}, login: identity, methods: "POST", cause: snapshot.Status, text: "405", sent: true},
		{name: "granted nothing", token: world.Token{Users: users, Grants: map[string][]string{"user": {}}}, login: login("user", "pass-word"), methods: "POST", cause: snapshot.TokenUnusable, text: "insufficient_scope", sent: true, claims: ""},
		{name: "only the field token, GET", token: world.Token{Public: []string{"*"}, OnlyToken: true}, methods: "GET", claims: "repository:library/nginx:pull"},
		{name: "only the field token, POST", token: world.Token{Users: users, OnlyToken: true}, login: login("user", "pass-word"), methods: "POST", cause: snapshot.TokenBad, text: "did not include a token", sent: true},
		{name: "no token", token: world.Token{NoToken: true}, methods: "GET", cause: snapshot.TokenBad, text: "authorization server did not include a token in the response"},
		{name: "opaque", token: world.Token{Opaque: true}, methods: "GET", cause: snapshot.TokenUnusable, text: "invalid_token"},
		{name: "html", fault: &world.Fault{Do: world.DoHTML}, methods: "GET", cause: snapshot.TokenBad, text: "unable to decode token response: invalid character '<'"},
		{name: "hang", fault: &world.Fault{Do: world.DoHang}, methods: "", cause: snapshot.Silent, text: "timeout awaiting response headers"},
		{name: "reset", fault: &world.Fault{Do: world.DoAbort}, methods: "", cause: snapshot.Closed, text: "EOF"},
		{name: "429", fault: &world.Fault{Do: world.DoRateLimit}, methods: "GET", cause: snapshot.Status, text: "429"},
		{name: "503", fault: &world.Fault{Do: world.DoStatus, Status: 503}, methods: "GET", cause: snapshot.Status, text: "503"},
		{name: "endless", fault: &world.Fault{Do: world.DoEndless, Type: "application/json"}, methods: "", cause: snapshot.TooLarge, text: "larger than 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults []world.Fault
			if c.fault != nil {
				faults = append(faults, *c.fault)
			}
			w := tokenWorld(t, c.token, faults...)
			cl := client(w)
			if c.cause == snapshot.Silent {
				cl.Limits.Header = short
			}
			e := ask(t, cl, c.login, head(object))
			f := e.Fault()
			switch {
			case c.cause == "" && f != nil:
				t.Errorf("%+v", f)
			case c.cause != "" && (f == nil || f.Cause != c.cause || !strings.Contains(f.Text, c.text)):
				t.Errorf("%+v, want %s %q", f, c.cause, c.text)
			}
			if e.Auth == nil || e.Auth.Scheme != "bearer" || e.Auth.Sent != c.sent || e.Auth.Realm != realm || e.Auth.Service != "registry" || e.Auth.Scope != "repository:library/nginx:pull" {
				t.Fatalf("%+v", e.Auth)
			}
			if (e.Auth.Source == "--creds") != (c.login.Source != "") || e.Auth.Got != (c.cause == "" || c.cause == snapshot.TokenUnusable) {
				t.Errorf("%+v", e.Auth)
			}
			if e.Auth.Claims != nil && strings.Join(e.Auth.Claims.Access, " ") != c.claims {
				t.Errorf("claims %v", e.Auth.Claims)
			}
			var methods []string
			for _, r := range w.Requests("auth") {
				methods = append(methods, r.Method)
			}
			if got := strings.Join(methods, " "); c.methods != "" && got != c.methods {
				t.Errorf("the token server saw %q, want %q", got, c.methods)
			}
			// What the rules rely on: a refusal that was answered is no failure of its attempt.
			if e.Attempts[0].Response.Status != 401 || e.Attempts[0].Failure != nil {
				t.Errorf("first attempt: %+v", e.Attempts[0].Failure)
			}
			if (e.Auth.Token != nil && e.Auth.Token.Fault() != nil) && len(e.Attempts) != 1 {
				t.Errorf("%d attempts although there was no token", len(e.Attempts))
			}
		})
	}
}

// TestTheFormOfATokenRequest is what containerd sends, to the byte.
func TestTheFormOfATokenRequest(t *testing.T) {
	w := tokenWorld(t, world.Token{Post: 404, Users: map[string]string{"user": "pass-word"}})
	ask(t, client(w), login("user", "pass-word"), head(object))
	seen := w.Requests("auth")
	want := "client_id=containerd-client&grant_type=password&password=pass-word&scope=repository%3Alibrary%2Fnginx%3Apull&service=registry&username=user"
	if got := string(seen[0].Body); got != want || seen[0].Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8" || seen[0].Auth != "" {
		t.Errorf("%s %v", got, seen[0].Header)
	}
	if got := seen[1].URI; got != "/token?scope=repository%3Alibrary%2Fnginx%3Apull&service=registry" || seen[1].Auth != "Basic" {
		t.Errorf("%s %s", got, seen[1].Auth)
	}
	identity := upstream.Login{Auth: route.Auth{IdentityToken: route.NewSecret("identity-token")}}
	w = tokenWorld(t, world.Token{Refresh: map[string]string{"identity-token": "user"}})
	ask(t, client(w), identity, head(object))
	form, _ := url.ParseQuery(string(w.Requests("auth")[0].Body))
	if form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != "identity-token" || form.Has("username") {
		t.Errorf("%v", form)
	}
}

func TestWhichChallengeIsAnswered(t *testing.T) {
	bearer := `Bearer realm="` + realm + `",service="registry"`
	for _, c := range []struct {
		lines  []string
		scheme string
		cause  snapshot.Cause
	}{
		{[]string{`Basic realm="x"`}, "basic", ""},
		{[]string{`Basic realm="x"`, bearer}, "bearer", ""},
		{[]string{`Negotiate`, `Basic realm="x"`}, "basic", ""},
		{[]string{`Digest realm="x",nonce="n"`, `Basic realm="x"`}, "basic", ""},
		{[]string{`BASIC realm=x`}, "basic", ""},
		{[]string{`Negotiate, Basic realm="x"`}, "", snapshot.NoScheme}, // containerd reads the first of a line
		{[]string{`Negotiate`}, "", snapshot.NoScheme},
		{[]string{`Digest realm="x",nonce="n"`}, "", snapshot.NoScheme},
		{nil, "", snapshot.NoScheme},
		{[]string{`Bearer service="x"`}, "bearer", snapshot.NoScheme},
		{[]string{`Bearer realm = "` + realm + `"`}, "bearer", snapshot.NoScheme},
	} {
		handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, "Basic ") || strings.HasPrefix(auth, "Bearer ") {
				return
			}
			for _, line := range c.lines {
				rw.Header().Add("WWW-Authenticate", line)
			}
			rw.WriteHeader(http.StatusUnauthorized)
		})
		w := play(t, map[string]world.Role{
			"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}}),
			"r":    {Listen: hostAddr + ":443", TLS: &world.TLS{Names: []string{host}}, Handler: handler},
			"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Token: &world.Token{Users: map[string]string{"user": "pass-word"}}},
		})
		e := ask(t, client(w), login("user", "pass-word"), head(object))
		f := e.Fault()
		if e.Auth == nil || e.Auth.Scheme != c.scheme || (f == nil) != (c.cause == "") || f != nil && f.Cause != c.cause || !slices.Equal(e.Auth.Challenges, append([]string{}, c.lines...)) {
			t.Errorf("%q: %+v %+v", c.lines, e.Auth, f)
		}
		if c.cause == snapshot.NoScheme && (e.Last().Failure == nil || e.Last().Failure.Stage != snapshot.Manifest) {
			t.Errorf("%q: %+v", c.lines, e.Last().Failure)
		}
	}
}

func TestBasicCredentials(t *testing.T) {
	for _, c := range []struct {
		login upstream.Login
		sent  bool
		cause snapshot.Cause
		tries int
	}{
		{login("user", "pass-word"), true, "", 2},
		{login("user", "wrong"), true, snapshot.Status, 2}, // containerd repeats it five times, which may lock the account
		{upstream.Login{}, false, snapshot.Status, 1},
		{login("user", ""), false, snapshot.Status, 1},
		{upstream.Login{Auth: route.Auth{IdentityToken: route.NewSecret("identity-token")}}, false, snapshot.Status, 1},
	} {
		r := registry()
		r.Registry.Auth = world.Auth{Scheme: "basic", Users: map[string]string{"user": "pass-word"}}
		w := play(t, map[string]world.Role{"r": r})
		e := ask(t, client(w), c.login, head(object))
		f := e.Fault()
		if e.Auth.Sent != c.sent || len(e.Attempts) != c.tries || (f == nil) != (c.cause == "") || f != nil && f.Cause != c.cause {
			t.Errorf("%v: %+v %+v, %d attempts", c.login.User, e.Auth, f, len(e.Attempts))
		}
		if f != nil && (e.Last().Failure == nil || e.Last().Failure.Stage != snapshot.Manifest || e.Last().Status() != 401) {
			t.Errorf("%+v", e.Last().Failure)
		}
		if c.sent && e.Last().Sent["Authorization"][0] != "Basic ***" {
			t.Errorf("%v", e.Last().Sent)
		}
	}
}

func TestHEADThatIsNotAllowedBecomesGET(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry(world.Fault{Do: world.DoNoHead})})
	e := ask(t, client(w), upstream.Login{}, head(object))
	if e.Fault() != nil || len(e.Attempts) != 2 || e.Attempts[0].Failure != nil || e.Last().Method != "GET" {
		t.Errorf("%+v", e)
	}
	blob := head(object)
	blob.Stage = snapshot.Blob
	if e := ask(t, client(w), upstream.Login{}, blob); e.Fault() == nil || len(e.Attempts) != 1 {
		t.Errorf("containerd does so for manifests only: %+v", e)
	}
}

func TestAnUnreachableTokenServerIsToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		realm string
		stage snapshot.Stage
		cause snapshot.Cause
	}{
		"unknown name": {"https://core.harbor.domain/service/token", snapshot.Resolve, snapshot.NoSuchHost},
		"refused":      {"https://auth." + host + ":9/token", snapshot.Connect, snapshot.Refused},
		"certificate":  {"https://bad." + host + "/token", snapshot.TLS, snapshot.BadChain},
	} {
		r := registry()
		r.Registry.Auth = world.Auth{Scheme: "bearer", Realm: c.realm}
		w := play(t, map[string]world.Role{
			"dns": names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}, "bad." + host: {Addrs: []string{"192.0.2.21"}}}),
			"r":   r,
			"bad": {Listen: "192.0.2.21:443", TLS: &world.TLS{Kind: world.SelfSigned, Names: []string{"bad." + host}}, Handler: tokenHandler},
		})
		e := ask(t, client(w), upstream.Login{}, head(object))
		if f := e.Auth.Failure; f == nil || f.Stage != c.stage || f.Cause != c.cause || e.Auth.Token == nil || e.Auth.Token.Fault() == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestSessionsKeepConnectionsAndTokens(t *testing.T) {
	w := tokenWorld(t, world.Token{Public: []string{"*"}})
	s := client(w).Session(endpoint, upstream.Login{})
	defer s.Close()
	for i := range 5 {
		req := get(object)
		req.Repository = "library/nginx"
		e := s.Ask(t.Context(), req)
		if e.Fault() != nil || e.Last().Reused != (i > 0 || len(e.Attempts) > 1) {
			t.Errorf("%d: %+v, reused %v", i, e.Fault(), e.Last().Reused)
		}
		if a := e.Last(); a.Handshake == nil || len(a.Dials) != 1 || a.Lookup == nil || !a.Handshake.Verified {
			t.Errorf("the evidence of the connection is repeated: %+v", a)
		}
	}
	if n := w.Server("r").Log.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if n := len(w.Requests("auth")); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestAnExpiredTokenIsFetchedAgain(t *testing.T) {
	w := tokenWorld(t, world.Token{Public: []string{"*"}, TTL: world.Duration(5 * time.Minute)})
	c := client(w)
	now := time.Now()
	c.Now = func() time.Time { return now }
	s := c.Session(endpoint, upstream.Login{})
	defer s.Close()
	req := head(object)
	req.Repository = "library/nginx"
	for _, later := range []time.Duration{0, 4 * time.Minute, time.Minute} {
		now = now.Add(later)
		if e := s.Ask(t.Context(), req); e.Fault() != nil {
			t.Errorf("%+v", e.Fault())
		}
	}
	if n := len(w.Requests("auth")); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

func TestAConnectionThatTheServerGaveUpIsMadeAnew(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	c := client(w)
	s := c.Session(endpoint, upstream.Login{})
	defer s.Close()
	succeeds(t, s.Ask(t.Context(), head(object)).Last())
	w.Server("r").CloseConnections()
	a := s.Ask(t.Context(), head(object)).Last()
	succeeds(t, a)
	if a.Reused || len(a.Dials) != 1 {
		t.Errorf("%+v", a)
	}
}

func TestASessionRemembersTheFallback(t *testing.T) {
	w := play(t, map[string]world.Role{"r": {Listen: hostAddr + ":443", Registry: &world.Holds{Images: []world.Image{nginx}}}})
	e := endpoint
	e.PlainFallback = true
	s := client(w).Session(e, upstream.Login{})
	defer s.Close()
	first := s.Ask(t.Context(), head("https://"+host+":443/v2/library/nginx/manifests/1"))
	again := s.Ask(t.Context(), head("https://"+host+":443/v2/library/nginx/manifests/1"))
	if first.Last().Before == nil || again.Last().Before != nil || again.Fault() != nil || !strings.HasPrefix(again.Last().URL, "http://") {
		t.Errorf("%+v\n%+v", first.Last(), again.Last())
	}
}

// TestAMirrorIsNotGivenThePullSecret: containerd would give it to every host of
// the chain.
func TestAMirrorIsNotGivenThePullSecret(t *testing.T) {
	for _, scheme := range []string{"basic", "bearer"} {
		for role, shared := range map[route.Role]bool{route.Mirror: true, route.Upstream: true} {
			r := registry()
			r.Registry.Auth = world.Auth{Scheme: scheme, Realm: realm, Service: "registry", Users: map[string]string{"user": "pass-word"}}
			w := play(t, map[string]world.Role{
				"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}}),
				"r":    r,
				"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Token: &world.Token{Users: map[string]string{"user": "pass-word"}}},
			})
			e := endpoint
			e.Role = role
			l := login("user", "pass-word")
			l.Shared = shared
			s := client(w).Session(e, l)
			req := head(object)
			req.Repository = "library/nginx"
			x := s.Ask(t.Context(), req)
			s.Close()
			if given := role == route.Upstream; (x.Fault() == nil) != given || x.Auth.Sent != given || (x.Auth.Withheld == "") != given || !x.Auth.Shared || x.Auth.Source != "--creds" {
				t.Errorf("%s, role %d: %+v %+v", scheme, role, x.Fault(), x.Auth)
			}
		}
	}
}
