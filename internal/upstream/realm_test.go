package upstream_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/world"
)

// tokenHandler answers like a token server that gives everybody the same
// useless token, and notes nothing: the log of its server does.
var tokenHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"token":"opaque","access_token":"opaque","expires_in":300}`))
})

// realmWorld has a registry that names a realm, its own token servers, and
// strangers at every address that a trick could lead to.
func realmWorld(t *testing.T, realm string) *world.World {
	t.Helper()
	own := registry()
	own.Registry.Auth = world.Auth{Scheme: `Bearer realm="` + strings.ReplaceAll(realm, `"`, `\"`) + `",service="s"`}
	strangers := map[string][]string{
		"203.0.113.7": {"evil.example.net", host + ".evil.example.net", "registry-example.net", "xn--rgistry-cya.example", "registry.example.com", "example"},
		"127.0.0.1":   {"localhost", "localtest.example"}, "169.254.169.254": {"metadata.example"}, "::1": {"six.example"},
		"0.0.0.0": {"zero.example"}, "fe80::1": {"link.example"}, "fd00:ec2::254": {"awsmeta.example"}, "100.100.100.200": {"alimeta.example"},
	}
	zone := world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}, "*": {Addrs: []string{"203.0.113.7"}}}
	role := world.Role{Handler: tokenHandler, TLS: &world.TLS{Names: []string{
		"evil.example.net", host + ".evil.example.net", "registry-example.net", "registry.example.com", "example", "xn--rgistry-cya.example", "203.0.113.7",
	}}}
	servers := map[string]world.Role{
		"r":     own,
		"auth":  {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Handler: tokenHandler},
		"auth2": {Listen: "192.0.2.20:8443", TLS: &world.TLS{Names: []string{"auth." + host}}, Handler: tokenHandler},
		"plain": {Listen: "192.0.2.20:80", Handler: tokenHandler, Also: []string{hostAddr + ":80"}},
		"other": {Listen: hostAddr + ":5001", TLS: &world.TLS{Names: []string{host}}, Handler: tokenHandler},
	}
	for addr, hosts := range strangers {
		for _, h := range hosts {
			zone[h] = world.Reply{Addrs: []string{addr}}
		}
		at := addr
		if strings.Contains(addr, ":") {
			at = "[" + addr + "]"
		}
		tlsRole, plainRole := role, role
		tlsRole.Listen, plainRole.Listen, plainRole.TLS = at+":443", at+":80", nil
		servers["stranger "+addr], servers["stranger plain "+addr] = tlsRole, plainRole
	}
	servers["dns"] = names(zone)
	return play(t, servers)
}

// TestCredentialsGoToNoForeignRealm is class A of the security bar: distribution
// CVE-2026-33540, oras-go CVE-2026-48978, go-containerregistry #2193, #2243 and
// #2440, malcontent CVE-2026-24845.
func TestCredentialsGoToNoForeignRealm(t *testing.T) {
	const none = "" // nobody gets the credentials
	for _, c := range []struct{ realm, to string }{
		// the registry's own origin, and its domain over TLS
		{"https://" + host + "/token", "r"},
		{"https://" + host + ":443/token", "r"},
		{"HTTPS://REGISTRY.EXAMPLE/token", "r"},
		{"https://" + host + "/a/../token?x=y#z", "r"},
		// registry.example is a registrable domain of its own, so auth.registry.example belongs to it
		{"https://auth." + host + "/token", "auth"},
		{"https://AUTH." + host + ":8443/token", "auth2"},
		{"https://" + host + ":5001/token", "other"},
		// other hosts by name
		{"https://evil.example.net/token", none},
		{"https://" + host + ".evil.example.net/token", none},
		{"https://registry-example.net/token", none},
		{"https://registry.example.com/token", none},
		{"https://example/token", none},
		{"https://rеgistry.example/token", none}, // a Cyrillic letter
		{"https://xn--rgistry-cya.example/token", none},
		{"https://registry。example/token", none}, // an ideographic full stop
		{"https://" + host + "./token", none},
		{"https://" + host + "%2eevil.example.net/token", none},
		{"https://" + host + "%2f@evil.example.net/token", none},
		{`https://evil.example.net\@` + host + "/token", none},
		{"https://" + host + "@evil.example.net/token", none},
		{"https://user:pass@" + host + "/token", none},
		{"https://evil.example.net#@" + host + "/token", none},
		{"https://evil.example.net?@" + host + "/token", none},
		{"//evil.example.net/token", none},
		{"/token", none},
		{"https:///token", none},
		{"https:" + host + "/token", none},
		{"ftp://" + host + "/token", none},
		{"javascript:alert(1)", none},
		{"", none},
		{"https://" + host + ":99999/token", none},
		{"https://[::1", none},
		// never without TLS
		{"http://" + host + "/token", none},
		{"http://auth." + host + "/token", none},
		{"http://evil.example.net/token", none},
		// addresses, in every spelling
		{"https://203.0.113.7/token", none},
		{"https://3405803783/token", none},
		{"https://0313.0.0161.7/token", none},
		{"https://0xcb007107/token", none},
		{"https://203.0.29447/token", none},
		{"https://[::ffff:203.0.113.7]/token", none},
		{"https://[::1]/token", none},
		{"http://169.254.169.254/latest/meta-data/", none},
		{"https://metadata.example/token", none},
		{"https://localtest.example/token", none},
		{"https://six.example/token", none},
		{"https://zero.example/token", none},
		{"https://link.example/token", none},
		{"https://awsmeta.example/token", none},
		{"https://alimeta.example/token", none},
	} {
		t.Run(c.realm, func(t *testing.T) {
			w := realmWorld(t, c.realm)
			e := loggedIn(t, client(w), endpoint, object)
			var got []string
			for _, name := range servers(w) {
				if leaked(w, name) != "" && (name != "r" || askedForToken(w)) {
					got = append(got, name)
				}
			}
			if want := strings.Fields(c.to); !slices.Equal(got, want) {
				t.Errorf("credentials went to %v, want %v", got, want)
			}
			if e.Auth == nil || e.Auth.Sent != (c.to != none) || c.to == none && c.realm != "" && e.Auth.Withheld == "" && e.Auth.Failure == nil {
				t.Errorf("%+v", e.Auth)
			}
			for _, d := range w.Net.Dialled() {
				for _, bad := range []string{"169.254.169.254", "127.0.0.1", "[::1]", "0.0.0.0", "[fe80", "[fd00:ec2", "100.100.100.200"} {
					if strings.HasPrefix(d, "tcp "+bad) {
						t.Errorf("dialled %s", d)
					}
				}
			}
			silentAbout(t, e)
		})
	}
}

// askedForToken reports whether the registry itself was asked for a token with
// the password.
func askedForToken(w *world.World) bool {
	return slices.ContainsFunc(w.Requests("r"), func(r world.Seen) bool {
		return strings.Contains(string(r.Body), "password="+url.QueryEscape(canaryPass))
	})
}

func servers(w *world.World) []string {
	out := []string{"r", "auth", "auth2", "plain", "other"}
	for _, addr := range []string{"203.0.113.7", "127.0.0.1", "169.254.169.254", "::1", "0.0.0.0", "fe80::1", "fd00:ec2::254", "100.100.100.200"} {
		out = append(out, "stranger "+addr, "stranger plain "+addr)
	}
	return out
}

func TestAWithheldPasswordIsExplainedAndThePullGoesOnAnonymously(t *testing.T) {
	w := realmWorld(t, "https://evil.example.net/token")
	e := loggedIn(t, client(w), endpoint, object)
	if got := e.Auth.Withheld; got != "the token server evil.example.net does not belong to registry.example" {
		t.Errorf("%q", got)
	}
	if len(w.Requests("stranger 203.0.113.7")) != 1 || e.Auth.Token == nil || e.Auth.Token.Method != "GET" || !e.Auth.Got {
		t.Errorf("%+v", e.Auth)
	}
	if f := e.Auth.Failure; f == nil || f.Cause != snapshot.ForeignRealm {
		t.Errorf("%+v", f)
	}
	if f := e.Last().Failure; f == nil || f.Cause != snapshot.TokenUnusable {
		t.Errorf("%+v", f)
	}
	if e.Auth.Source != "--creds" {
		t.Errorf("%+v", e.Auth)
	}
}

func TestARealmMayBeAllowedByName(t *testing.T) {
	w := realmWorld(t, "https://evil.example.net/token")
	c := client(w)
	c.Realms = []string{"evil.example.net"}
	loggedIn(t, c, endpoint, object)
	if leaked(w, "stranger 203.0.113.7") == "" {
		t.Error("an allowed realm gets the credentials")
	}
	w = realmWorld(t, "http://evil.example.net/token")
	c = client(w)
	c.Realms = []string{"evil.example.net"}
	loggedIn(t, c, endpoint, object)
	if text := leaked(w, "stranger plain 203.0.113.7"); text != "" {
		t.Errorf("not without TLS: %s", text)
	}
}

// TestATokenServerHasToProveItself: skip_verify is said of the registry, not of
// whoever else answers.
func TestATokenServerHasToProveItself(t *testing.T) {
	for skip, own := range map[bool]bool{false: false, true: true} {
		for _, realm := range []string{"https://auth." + host + "/token", "https://" + host + "/token"} {
			r := registry()
			r.TLS.Kind = world.SelfSigned
			r.Registry.Auth = world.Auth{Scheme: "bearer", Realm: realm, Service: "s"}
			w := play(t, map[string]world.Role{
				"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}}),
				"r":    r,
				"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Kind: world.SelfSigned, Names: []string{"auth." + host}}, Handler: tokenHandler},
			})
			e := endpoint
			e.TLS.SkipVerify = skip
			x := loggedIn(t, client(w), e, object)
			if text := leaked(w, "auth"); text != "" {
				t.Errorf("skip_verify %v: leaked to a server that proved nothing: %s", skip, text)
			}
			if got := leaked(w, "r") != ""; got != own {
				t.Errorf("skip_verify %v: the registry itself got something: %v", skip, got)
			}
			silentAbout(t, x)
		}
	}
}

// TestTokenRequestsDoNotTakeCredentialsAcrossARedirect: a 307 would have Go
// repeat the form with the password.
func TestTokenRequestsDoNotTakeCredentialsAcrossARedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, post := range []int{0, 404} {
			r := registry()
			r.Registry.Auth = world.Auth{Scheme: "bearer", Realm: "https://auth." + host + "/token", Service: "s"}
			redirect := world.Fault{Do: world.DoRedirect, Status: status, To: "https://evil.example.net/token", Exact: true}
			if post != 0 {
				redirect.Method = "GET"
			}
			w := play(t, map[string]world.Role{
				"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}, "evil.example.net": {Addrs: []string{"203.0.113.7"}}}),
				"r":    r,
				"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Faults: []world.Fault{redirect}, Token: &world.Token{Post: post}},
				"evil": {Listen: "203.0.113.7:443", TLS: &world.TLS{Names: []string{"evil.example.net"}}, Handler: tokenHandler},
			})
			e := loggedIn(t, client(w), endpoint, object)
			if text := leaked(w, "evil"); text != "" {
				t.Errorf("%d: %s", status, text)
			}
			if leaked(w, "auth") == "" {
				t.Errorf("%d: the token server itself got nothing", status)
			}
			silentAbout(t, e)
		}
	}
}

func TestAnEndpointOnThisMachineMayHaveItsRealmHere(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", hostAddr} {
		r := registry()
		r.Listen = addr + ":443"
		r.Registry.Auth = world.Auth{Scheme: "bearer", Realm: "https://auth." + host + "/token", Service: "s"}
		w := play(t, map[string]world.Role{
			"dns":  names(world.Names{host: {Addrs: []string{addr}}, "auth." + host: {Addrs: []string{"127.0.0.9"}}}),
			"r":    r,
			"auth": {Listen: "127.0.0.9:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Token: &world.Token{Users: map[string]string{canaryUser: canaryPass}}},
		})
		e := loggedIn(t, client(w), endpoint, object)
		if here := addr == "127.0.0.1"; (e.Fault() == nil) != here {
			t.Errorf("registry at %s: %+v", addr, e.Fault())
		}
	}
}

// TestRedirectsLeadToNoPlaceThatOnlyThisNodeSees is class C of the security bar:
// Harbor CVE-2020-13788, Dragonfly CVE-2025-59346, Fulcio CVE-2026-49478.
func TestRedirectsLeadToNoPlaceThatOnlyThisNodeSees(t *testing.T) {
	bad := map[string]string{
		"metadata.example": "169.254.169.254", "here.example": "127.0.0.1", "six.example": "::1", "any.example": "0.0.0.0",
		"link.example": "fe80::1", "aws.example": "fd00:ec2::254", "ali.example": "100.100.100.200", "azure.example": "168.63.129.16",
		"mapped.example": "::ffff:169.254.169.254", "nat.example": "64:ff9b::a9fe:a9fe", "zero.example": "0.1.2.3", "multi.example": "224.0.0.1",
	}
	zone := world.Names{}
	for name, addr := range bad {
		zone[name] = world.Reply{Addrs: []string{addr}}
		for _, to := range []string{"http://" + name, "https://" + name, "http://" + literal(addr)} {
			w := play(t, map[string]world.Role{"dns": names(zone), "r": registry(world.Fault{Do: world.DoRedirect, To: to + "/latest/meta-data/", Exact: true})})
			a := do(t, client(w), get(object))
			ends(t, a, snapshot.Connect, snapshot.BadAddress, "where no registry is")
			for _, d := range w.Net.Dialled() {
				if strings.HasPrefix(d, "tcp") && d != "tcp "+hostAddr+":443" {
					t.Errorf("%s: dialled %s", to, d)
				}
			}
		}
	}
}

func literal(addr string) string {
	if strings.Contains(addr, ":") {
		return "[" + addr + "]"
	}
	return addr
}

// TestAProxyIsNotSentThereEither: the proxy would be the one to connect.
func TestAProxyIsNotSentThereEither(t *testing.T) {
	w := proxied(t, world.Proxy{}, map[string]world.Role{"r": registry(world.Fault{Do: world.DoRedirect, To: "http://169.254.169.254/latest/", Exact: true})})
	c := client(w)
	c.Env = env("HTTPS_PROXY", "http://proxy.example:3128", "HTTP_PROXY", "http://proxy.example:3128")
	a := do(t, c, get(object))
	ends(t, a, snapshot.Connect, snapshot.BadAddress, "169.254.169.254")
	for range 200 { // the proxy notes a tunnel when it has ended
		if len(w.Requests("proxy")) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := len(w.Requests("proxy")); n != 1 {
		t.Errorf("%d requests to the proxy", n)
	}
}

// TestTheEndpointItselfMayBeAnywhere: what the configuration names is asked.
func TestTheEndpointItselfMayBeAnywhere(t *testing.T) {
	for _, addr := range []string{"169.254.20.10", "127.0.0.1", "fd00::1"} {
		r := registry()
		r.Listen = literal(addr) + ":443"
		w := play(t, map[string]world.Role{"dns": names(world.Names{host: {Addrs: []string{addr}}}), "r": r})
		succeeds(t, do(t, client(w), head(object)))
	}
}

// TestCredentialsStayHereWhenDNSLeadsAPlainEndpointToMetadata: without TLS
// nothing proves that the answer was meant.
func TestCredentialsStayHereWhenDNSLeadsAPlainEndpointToMetadata(t *testing.T) {
	e := endpoint
	e.Scheme = "http"
	w := play(t, map[string]world.Role{
		"dns": names(world.Names{host: {Addrs: []string{"169.254.169.254"}}}),
		"m":   {Listen: "169.254.169.254:80", Registry: &world.Holds{Images: []world.Image{nginx}, Auth: world.Auth{Scheme: "basic"}}},
	})
	x := loggedIn(t, client(w), e, "http://"+host+"/v2/library/nginx/manifests/1")
	if text := leaked(w, "m"); text != "" {
		t.Error(text)
	}
	if len(w.Requests("m")) == 0 || !strings.Contains(x.Last().Withheld, "no registry has") {
		t.Errorf("%q", x.Last().Withheld)
	}
}
