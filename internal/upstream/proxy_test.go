package upstream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

const proxyAddr = "192.0.2.80:3128"

func env(pairs ...string) map[string]route.Secret {
	out := map[string]route.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = route.NewSecret(pairs[i+1])
	}
	return out
}

// proxied is a world where only the proxy knows where the registry is.
func proxied(t *testing.T, p world.Proxy, more map[string]world.Role) *world.World {
	t.Helper()
	p.Hosts = map[string]string{host + ":443": hostAddr + ":443", host + ":80": hostAddr + ":80"}
	servers := map[string]world.Role{
		"dns":   {Listen: resolver, DNS: world.Names{"proxy.example": {Addrs: []string{"192.0.2.80"}}}},
		"proxy": {Listen: proxyAddr, Proxy: &p},
		"r":     registry(),
		"plain": {Listen: hostAddr + ":80", Registry: &world.Holds{Images: []world.Image{nginx}}},
	}
	for k, v := range more {
		servers[k] = v
	}
	return play(t, servers)
}

func TestEveryReplyOfAProxyIsSeen(t *testing.T) {
	const plain = "http://" + host + "/v2/library/nginx/manifests/1"
	for _, c := range []struct {
		name   string
		proxy  world.Proxy
		url    string
		env    map[string]route.Secret
		cause  snapshot.Cause
		text   string
		status int // of the proxy's own reply
	}{
		{"tunnel", world.Proxy{}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), "", "", 200},
		{"forward", world.Proxy{}, plain, env("HTTP_PROXY", "http://proxy.example:3128"), "", "", 0},
		{"lower case, no scheme", world.Proxy{}, object, env("https_proxy", "proxy.example:3128"), "", "", 200},
		{"by address", world.Proxy{}, object, env("HTTPS_PROXY", "http://192.0.2.80:3128"), "", "", 200},
		{"password", world.Proxy{User: "user", Password: "p@ss"}, object, env("HTTPS_PROXY", "http://user:p%40ss@proxy.example:3128"), "", "", 200},
		{"password, forward", world.Proxy{User: "user", Password: "p@ss"}, plain, env("HTTP_PROXY", "http://user:p%40ss@proxy.example:3128"), "", "", 0},
		{"no password", world.Proxy{User: "user", Password: "pass"}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "Proxy Authentication Required", 407},
		{"no password, forward", world.Proxy{User: "user", Password: "pass"}, plain, env("HTTP_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "Proxy Authentication Required", 407},
		{"wrong password", world.Proxy{User: "user", Password: "pass"}, object, env("HTTPS_PROXY", "http://user:wrong@proxy.example:3128"), snapshot.ProxyStatus, "Proxy Authentication Required", 407},
		{"denied", world.Proxy{Deny: []string{host}}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "Forbidden", 403},
		{"bad gateway", world.Proxy{Status: 502}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "Bad Gateway", 502},
		{"unavailable", world.Proxy{Status: 503}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "Service Unavailable", 503},
		{"hangs", world.Proxy{Hang: true}, object, env("HTTPS_PROXY", "http://proxy.example:3128"), snapshot.ProxyStatus, "proxyconnect tcp: net/http: timeout awaiting response headers", 0},
		{"unknown name", world.Proxy{}, object, env("HTTPS_PROXY", "http://no.example:3128"), snapshot.ProxyDial, "proxyconnect tcp: lookup no.example", 0},
		{"refuses", world.Proxy{}, object, env("HTTPS_PROXY", "http://192.0.2.81:3128"), snapshot.ProxyDial, "proxyconnect tcp: dial tcp 192.0.2.81:3128: connect: connection refused", 0},
		{"TLS expected, none spoken", world.Proxy{}, object, env("HTTPS_PROXY", "https://proxy.example:3128"), snapshot.ProxyDial, "proxyconnect tcp: ", 0},
		{"placeholder", world.Proxy{}, object, env("HTTPS_PROXY", "http://your-proxy:port"), snapshot.ProxyDial, "lookup http", 0},
		{"unknown scheme", world.Proxy{}, object, env("HTTPS_PROXY", "wss://proxy.example"), snapshot.ProxyInvalid, "is no URL of a proxy", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := proxied(t, c.proxy, nil)
			cl := client(w)
			cl.Env = c.env
			if c.proxy.Hang {
				cl.Limits.Header = short
			}
			req := head(c.url)
			req.Method = "GET"
			a := do(t, cl, req)
			if c.cause == "" {
				succeeds(t, a)
			} else {
				ends(t, a, snapshot.Connect, c.cause, c.text)
			}
			if got := a.ProxyHTTP; (got == nil) != (c.status == 0) || got != nil && got.Status != c.status {
				t.Errorf("%+v, want status %d", got, c.status)
			}
			if a.Proxy == "" || a.Lookup != nil {
				t.Errorf("%q %+v", a.Proxy, a.Lookup)
			}
			if data, _ := json.Marshal(a); strings.Contains(string(data), "p@ss") || strings.Contains(string(data), "p%40ss") || strings.Contains(string(data), "dXNlcjpwQHNz") {
				t.Errorf("the password of the proxy: %s", data)
			}
		})
	}
}

func TestAProxysPageIsKept(t *testing.T) {
	w := proxied(t, world.Proxy{Deny: []string{host}}, nil)
	c := client(w)
	c.Env = env("HTTPS_PROXY", "http://proxy.example:3128")
	a := do(t, c, head(object))
	if r := a.ProxyHTTP; r == nil || !strings.Contains(r.Head, "Access denied by policy") || r.Header["X-Squid-Error"] == nil || r.Line != "403 Forbidden" {
		t.Errorf("%+v", r)
	}
	if a.ProxyName == nil || a.ProxyName.Name != "proxy.example" || len(a.Dials) != 1 {
		t.Errorf("%+v %+v", a.ProxyName, a.Dials)
	}
}

func TestInterceptionByTheProxyIsSeen(t *testing.T) {
	w := proxied(t, world.Proxy{Look: true}, nil)
	c := client(w)
	c.Env = env("HTTPS_PROXY", "http://proxy.example:3128")
	a := do(t, c, head(object))
	ends(t, a, snapshot.TLS, snapshot.BadChain, "unknown authority")
	if issuer := leaf(a).Issuer.CommonName; issuer != "Corporate Inspection CA" {
		t.Errorf("issuer %q", issuer)
	}
}

func TestWhichRequestsGoThroughTheProxy(t *testing.T) {
	both := env("HTTP_PROXY", "http://h.example:1", "HTTPS_PROXY", "http://s.example:2")
	with := func(noProxy string) map[string]route.Secret {
		e := env("HTTP_PROXY", "http://h.example:1", "HTTPS_PROXY", "http://s.example:2", "NO_PROXY", noProxy)
		return e
	}
	for _, c := range []struct {
		env       map[string]route.Secret
		url, want string
	}{
		{both, "https://reg.example/v2/", "http://s.example:2"},
		{both, "http://reg.example/v2/", "http://h.example:1"},
		{env("HTTP_PROXY", "http://h.example:1"), "https://reg.example/v2/", ""},
		{env("ALL_PROXY", "http://h.example:1"), "https://reg.example/v2/", ""},
		{both, "https://localhost:5000/v2/", ""},
		{both, "https://127.0.0.7/v2/", ""},
		{with("example"), "https://reg.example/v2/", ""},
		{with(".example"), "https://example/v2/", "http://s.example:2"},
		{with("10.0.0.0/8"), "https://10.1.2.3/v2/", ""},
		{with("10.0.0.0/8"), "https://reg.example/v2/", "http://s.example:2"},
		{with("10.*"), "https://10.1.2.3/v2/", "http://s.example:2"},
		{with("reg.example:5000"), "https://reg.example/v2/", "http://s.example:2"},
		{with("*"), "https://reg.example/v2/", ""},
		{env("HTTPS_PROXY", "http://up.example:1", "https_proxy", "http://low.example:1"), "https://reg.example/v2/", "http://up.example:1"},
	} {
		p, err := (&upstream.Client{Env: c.env}).Proxy(c.url)
		got := ""
		if p != nil {
			got = p.String()
		}
		if err != nil || got != c.want {
			t.Errorf("%s with %v: %q %v, want %q", c.url, c.env, got, err, c.want)
		}
	}
}

func TestTheProxyCanBeVaried(t *testing.T) {
	w := proxied(t, world.Proxy{Status: 503}, map[string]world.Role{
		"dns":   names(world.Names{"proxy.example": {Addrs: []string{"192.0.2.80"}}}),
		"other": {Listen: "192.0.2.82:3128", Proxy: &world.Proxy{Hosts: map[string]string{host + ":443": hostAddr + ":443"}}},
	})
	c := client(w)
	c.Env = env("HTTPS_PROXY", "http://proxy.example:3128")
	req := head(object)
	ends(t, do(t, c, req), snapshot.Connect, snapshot.ProxyStatus, "")
	req.Vary.Direct = true
	a := do(t, c, req)
	succeeds(t, a)
	if a.Proxy != "" {
		t.Errorf("%q", a.Proxy)
	}
	req.Vary = upstream.Vary{Proxy: route.NewSecret("http://someone:secret-pass@192.0.2.82:3128")}
	a = do(t, c, req)
	succeeds(t, a)
	if a.Proxy != "http://someone:xxxxx@192.0.2.82:3128" {
		t.Errorf("%q", a.Proxy)
	}
}

func TestTheProxysOwnNameMayStandInTheHostsFile(t *testing.T) {
	w := proxied(t, world.Proxy{}, nil)
	c := client(w)
	c.Hosts = []snapshot.HostsLine{{At: source.Pos{File: "/etc/hosts", Line: 3}, Addr: "192.0.2.80", Names: []string{"squid"}}}
	c.Env = env("HTTPS_PROXY", "squid:3128")
	a := do(t, c, head(object))
	succeeds(t, a)
	if a.ProxyName == nil || a.ProxyName.Hosts == nil || a.Lookup != nil {
		t.Errorf("%+v", a.ProxyName)
	}
}
