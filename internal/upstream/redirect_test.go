package upstream_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// The canary is a password that must never reach a stranger.
const (
	canaryUser = "canary-user"
	canaryPass = "canary-PASS/w0rd+x"
	canaryLine = "canary-header-value"
)

// spellings are the forms in which a canary could come out.
func spellings() []string {
	pair := canaryUser + ":" + canaryPass
	return []string{
		canaryPass, canaryLine, url.QueryEscape(canaryPass), url.PathEscape(canaryPass),
		base64.StdEncoding.EncodeToString([]byte(pair)), base64.RawURLEncoding.EncodeToString([]byte(pair)),
		base64.StdEncoding.EncodeToString([]byte(canaryPass)), base64.StdEncoding.EncodeToString([]byte(canaryLine)),
	}
}

// leaked looks for the canary in everything that a server was sent.
func leaked(w *world.World, server string) string {
	for _, r := range w.Requests(server) {
		text := fmt.Sprint(r.URI, r.Header, string(r.Body))
		for _, s := range spellings() {
			if strings.Contains(text, s) {
				return fmt.Sprintf("%s %s: %s", r.Method, r.URI, text)
			}
		}
	}
	return ""
}

// loggedIn asks with credentials and a secret header line.
func loggedIn(t *testing.T, c *upstream.Client, e route.Endpoint, object string) upstream.Exchange {
	t.Helper()
	e.Header = append(e.Header, route.Header{Key: "X-Api-Key", Values: []route.Secret{route.NewSecret(canaryLine)}})
	s := c.Session(e, upstream.Login{Auth: route.Auth{User: canaryUser, Password: route.NewSecret(canaryPass), Source: "--creds"}})
	defer s.Close()
	return s.Ask(t.Context(), upstream.Request{Method: "GET", URL: object, Stage: snapshot.Manifest, Repository: "library/nginx"})
}

// silentAbout checks that nothing that is kept holds the canary.
func silentAbout(t *testing.T, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spellings() {
		if strings.Contains(string(data), s) {
			at := strings.Index(string(data), s)
			t.Errorf("%q is in …%s", s, data[max(0, at-300):at+len(s)])
		}
	}
}

// TestNothingSecretFollowsARedirect is class B of the security bar: containerd
// CVE-2020-15157, regclient CVE-2026-49349, oras GHSA-vh4v-2xq2-g5cg.
func TestNothingSecretFollowsARedirect(t *testing.T) {
	basic := world.Auth{Scheme: "basic", Users: map[string]string{canaryUser: canaryPass}}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []struct {
			name, to string
			own      bool // the same origin: credentials go along
			works    bool
		}{
			{"same origin, path", "/cdn/x", true, true},
			{"same origin, default port written", "https://" + host + ":443/cdn/x", true, true},
			{"same origin, upper case", "HTTPS://REGISTRY.EXAMPLE/cdn/x", true, true},
			{"another host", "https://cdn.example/cdn/x", false, true},
			{"a subdomain", "https://cdn." + host + "/cdn/x", false, true},
			{"another port", "https://" + host + ":8443/cdn/x", false, true},
			{"plain HTTP, same host", "http://" + host + "/cdn/x", false, true},
			{"plain HTTP, TLS port", "http://" + host + ":443/cdn/x", false, false},
			{"user information", "https://other:pass@cdn.example/cdn/x", false, true},
			{"user information, own name first", "https://" + host + "@cdn.example/cdn/x", false, true},
			{"own name as password", "https://u:" + host + "@cdn.example/cdn/x", false, true},
			{"protocol relative", "//cdn.example/cdn/x", false, true},
			{"backslash", `https://cdn.example\@registry.example/cdn/x`, false, false},
		} {
			t.Run(fmt.Sprint(status, " ", target.name), func(t *testing.T) {
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("{}")) })
				home := registry(world.Fault{Do: world.DoRedirect, To: target.to, Exact: true, Status: status, Path: "/v2/library/", Skip: 1})
				home.Registry.Auth = basic
				w := play(t, map[string]world.Role{
					"dns":   names(world.Names{"cdn.example": {Addrs: []string{"198.51.100.1"}}, "cdn." + host: {Addrs: []string{"198.51.100.1"}}}),
					"r":     home,
					"cdn":   {Listen: "198.51.100.1:443", TLS: &world.TLS{Names: []string{"cdn.example", "cdn." + host}}, Handler: handler},
					"port":  {Listen: hostAddr + ":8443", TLS: &world.TLS{Names: []string{host}}, Handler: handler},
					"plain": {Listen: hostAddr + ":80", Handler: handler},
				})
				e := loggedIn(t, client(w), endpoint, object)
				last := e.Last()
				if e.Auth == nil || !e.Auth.Sent || last.Next == nil && target.works {
					t.Fatalf("%+v %+v", e.Auth, last)
				}
				for _, stranger := range []string{"cdn", "port", "plain"} {
					if text := leaked(w, stranger); text != "" {
						t.Errorf("leaked to %s: %s", stranger, text)
					}
				}
				if target.own {
					reqs := w.Requests("r")
					if got := reqs[len(reqs)-1]; got.URI != "/cdn/x" || got.Auth != "Basic" || got.Header.Get("X-Api-Key") != canaryLine {
						t.Errorf("%+v", got)
					}
				} else if target.works && (last.Fault() != nil || last.Next.Withheld == "" || !strings.Contains(last.Next.Withheld, "X-Api-Key")) {
					t.Errorf("%+v, withheld %q", last.Fault(), last.Next.Withheld)
				}
				silentAbout(t, e)
			})
		}
	}
}

func TestARedirectNotesWhatTheRuntimeWouldSend(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	for to, both := range map[string]bool{"https://cdn." + host + "/x": true, "https://cdn.example/x": false} {
		home := registry(world.Fault{Do: world.DoRedirect, To: to, Exact: true, Skip: 1})
		home.Registry.Auth = world.Auth{Scheme: "basic", Users: map[string]string{canaryUser: canaryPass}}
		w := play(t, map[string]world.Role{
			"dns": names(world.Names{"cdn.example": {Addrs: []string{"198.51.100.1"}}, "cdn." + host: {Addrs: []string{"198.51.100.1"}}}),
			"r":   home,
			"cdn": {Listen: "198.51.100.1:443", TLS: &world.TLS{Names: []string{"cdn.example", "cdn." + host}}, Handler: handler},
		})
		e := loggedIn(t, client(w), endpoint, object)
		got := e.Last().Next.Withheld
		if !strings.Contains(got, "X-Api-Key") || strings.Contains(got, "Authorization") != both || !strings.Contains(got, "they belong to https://"+host+":443") {
			t.Errorf("to %s: %q", to, got)
		}
	}
}

func TestSignaturesInRedirectsAreMasked(t *testing.T) {
	w := play(t, map[string]world.Role{
		"dns": names(world.Names{"cdn.example": {Addrs: []string{"198.51.100.1"}}}),
		"r":   registry(world.Fault{Do: world.DoRedirect, Exact: true, To: "https://cdn.example/blob?X-Amz-Signature=deadbeef&X-Amz-Credential=AKIA&ns=docker.io"}),
		"cdn": {Listen: "198.51.100.1:443", TLS: &world.TLS{Names: []string{"cdn.example"}}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "session=deadbeef")
			w.Header().Set("X-Amz-Security-Token", "deadbeef")
		})},
	})
	a := do(t, client(w), get(object))
	succeeds(t, a)
	if got := w.Requests("cdn")[0].URI; !strings.Contains(got, "X-Amz-Signature=deadbeef") {
		t.Errorf("the request itself keeps its query: %s", got)
	}
	data, _ := json.Marshal(a)
	if strings.Contains(string(data), "deadbeef") || strings.Contains(string(data), "AKIA") || a.Next.URL != "https://cdn.example/blob?X-Amz-Signature=***&X-Amz-Credential=***&ns=docker.io" {
		t.Errorf("%s", data)
	}
}

func TestABlockedRedirectTargetIsNotTheRegistrysFault(t *testing.T) {
	w := playSpec(t, world.Spec{
		Servers: map[string]world.Role{
			"dns": names(world.Names{"cdn.example": {Addrs: []string{"198.51.100.1"}}}),
			"r":   registry(world.Fault{Do: world.DoRedirect, To: "https://cdn.example"}),
		},
		Fates: map[string]world.Fate{"198.51.100.1": world.Dropped},
	})
	c := client(w)
	c.Limits.Dial = short
	a := do(t, c, get(object))
	ends(t, a, snapshot.Connect, snapshot.DialTimeout, "198.51.100.1:443")
	if a.Failure != nil || a.Response.Status != 307 || a.Next.Failure == nil || a.Next.Lookup == nil {
		t.Errorf("%+v", a)
	}
}

// TestNothingSecretGoesWhereATestLeads: a trial may connect to an address that
// the node itself would not choose, or take another pool or another name.
func TestNothingSecretGoesWhereATestLeads(t *testing.T) {
	other := "203.0.113.9"
	name := host
	w := play(t, map[string]world.Role{
		"dns":    names(nil),
		"r":      registry(),
		"plain":  {Listen: other + ":80", Handler: tokenHandler},
		"proxy":  {Listen: other + ":3128", Proxy: &world.Proxy{Hosts: map[string]string{host + ":80": other + ":80"}}},
		"lookup": {Listen: "198.51.100.53:53", DNS: world.Names{host: {Addrs: []string{other}}}},
	})
	plain := endpoint
	plain.Scheme = "http"
	for what, c := range map[string]struct {
		e    route.Endpoint
		url  string
		vary upstream.Vary
	}{
		"address":  {plain, "http://" + host + "/v2/", upstream.Vary{Addr: other}},
		"resolver": {plain, "http://" + host + "/v2/", upstream.Vary{Server: &snapshot.NameServer{Addr: "198.51.100.53:53"}}},
		"proxy":    {plain, "http://" + host + "/v2/", upstream.Vary{Proxy: route.NewSecret("http://" + other + ":3128")}},
		"pool":     {endpoint, object, upstream.Vary{Roots: upstream.NewRoots(upstream.File{Path: "x", Data: w.PKI.Root.PEM()})}},
		"name":     {endpoint, object, upstream.Vary{SNI: &name}},
	} {
		c.e.Header = []route.Header{{Key: "X-Api-Key", Values: []route.Secret{route.NewSecret(canaryLine)}}}
		req := upstream.Request{Method: "GET", URL: c.url, Stage: snapshot.Manifest, Endpoint: c.e, Vary: c.vary}
		a := do(t, client(w), req)
		if a.Response == nil || !strings.Contains(a.Withheld, "X-Api-Key; this request is a test") {
			t.Errorf("%s: %+v, withheld %q", what, a.Fault(), a.Withheld)
		}
	}
	for _, s := range []string{"r", "plain", "proxy"} {
		if text := leaked(w, s); text != "" || len(w.Requests(s)) == 0 {
			t.Errorf("%s: %q of %d requests", s, text, len(w.Requests(s)))
		}
	}
}
