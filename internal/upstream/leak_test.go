package upstream_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// ours counts the goroutines that run code of package upstream, the tests left out.
func ours() (n int, stacks string) {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(g, "internal/upstream.") && !strings.Contains(g, "internal/upstream_test.") {
			n++
			stacks += g + "\n\n"
		}
	}
	return n, stacks
}

// TestNoGoroutineOutlivesItsCall looks the moment a call has returned. Every
// connection that was opened has to be closed by then as well.
func TestNoGoroutineOutlivesItsCall(t *testing.T) {
	gate := func(b world.Break) world.Role { r := registry(); r.Gate.Break = b; return r }
	for name, c := range map[string]struct {
		role  world.Role
		fates map[string]world.Fate
		zone  world.Names
		env   map[string]route.Secret
		after time.Duration // when the caller cancels; 0: never
	}{
		"healthy":              {role: registry()},
		"two addresses":        {role: registry(), zone: world.Names{host: {Addrs: []string{hostAddr, "198.51.100.9"}}}, fates: map[string]world.Fate{"198.51.100.9": world.Dropped}},
		"dropped":              {role: registry(), fates: map[string]world.Fate{hostAddr: world.Dropped}},
		"dropped, cancelled":   {role: registry(), fates: map[string]world.Fate{hostAddr: world.Dropped}, after: 20 * time.Millisecond},
		"silent names":         {role: registry(), zone: world.Names{host: {Silent: true}}},
		"silent, cancelled":    {role: registry(), zone: world.Names{host: {Silent: true}}, after: 20 * time.Millisecond},
		"TLS hangs":            {role: gate(world.Hang)},
		"TLS hangs, cancelled": {role: gate(world.Hang), after: 20 * time.Millisecond},
		"bad certificate":      {role: presents(world.SelfSigned, host)},
		"HTTP hangs":           {role: registry(world.Fault{Do: world.DoHang})},
		"body stalls":          {role: registry(world.Fault{Do: world.DoStall, Bytes: 10}), after: 50 * time.Millisecond},
		"endless body":         {role: registry(world.Fault{Do: world.DoEndless})},
		"redirects":            {role: registry(world.Fault{Do: world.DoRedirectLoop})},
		"proxy refuses":        {role: registry(), env: env("HTTPS_PROXY", "http://192.0.2.200:1")},
	} {
		t.Run(name, func(t *testing.T) {
			spec := world.Spec{Servers: map[string]world.Role{"r": c.role}, Fates: c.fates}
			if c.zone != nil {
				spec.Servers["dns"] = names(c.zone)
			}
			w := playSpec(t, spec)
			cl := client(w)
			cl.Env = c.env
			cl.Limits = upstream.Limits{Name: short, Dial: short, TLS: short, Header: short, Idle: short, Others: short}
			var open atomic.Int64
			cl.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := w.Net.Dial(ctx, network, addr)
				if err == nil {
					open.Add(1)
					conn = &closing{Conn: conn, open: &open}
				}
				return conn, err
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.after > 0 {
				time.AfterFunc(c.after, cancel)
			}
			req := get(object)
			req.Into = upstream.To(io.Discard)
			cl.Do(ctx, req)
			if n, stacks := ours(); n > 0 {
				t.Errorf("%d goroutines:\n%s", n, stacks)
			}
			if n := open.Load(); n != 0 {
				t.Errorf("%d connections are open", n)
			}
		})
	}
}

// closing counts itself out once.
type closing struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *closing) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// TestSecretsAreInNothingThatIsKept has servers that repeat whatever they are
// sent, in headers, bodies and redirects.
func TestSecretsAreInNothingThatIsKept(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key"))
		w.Header().Set("Location", "/elsewhere?"+r.Header.Get("X-Api-Key")+"&x="+r.Header.Get("X-Api-Key"))
		w.Header().Add("WWW-Authenticate", `Basic realm="`+r.Header.Get("Authorization")+`"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key")+" "+string(body)+" "+canaryPass)
	})
	tokenEcho := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "<html>"+string(body)+" "+canaryPass+" "+r.Header.Get("Authorization")+"</html>")
	})
	for name, c := range map[string]struct {
		auth    string
		handler http.Handler
	}{
		"basic":         {`Basic realm="x"`, echo},
		"token refused": {`Bearer realm="` + realm + `"`, echo},
		"token page":    {`Bearer realm="` + realm + `"`, tokenEcho},
	} {
		t.Run(name, func(t *testing.T) {
			home := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "" {
					w.Header().Set("WWW-Authenticate", c.auth)
				}
				echo(w, r)
			})
			w := play(t, map[string]world.Role{
				"dns":  names(world.Names{"auth." + host: {Addrs: []string{"192.0.2.20"}}}),
				"r":    {Listen: hostAddr + ":443", TLS: &world.TLS{Names: []string{host}}, Handler: home},
				"auth": {Listen: "192.0.2.20:443", TLS: &world.TLS{Names: []string{"auth." + host}}, Handler: c.handler},
			})
			e := loggedIn(t, client(w), endpoint, object)
			silentAbout(t, e)
			if data, _ := json.Marshal(e); !strings.Contains(string(data), "***") {
				t.Errorf("nothing was masked: %s", data)
			}
		})
	}
}

func TestATokenIsInNothingThatIsKept(t *testing.T) {
	w := tokenWorld(t, world.Token{Users: map[string]string{"user": "pass-word"}})
	e := ask(t, client(w), login("user", "pass-word"), head(object))
	if e.Fault() != nil {
		t.Fatal(e.Fault())
	}
	requests := w.Requests("r")
	token := strings.TrimPrefix(requests[len(requests)-1].Header.Get("Authorization"), "Bearer ")
	data, _ := json.Marshal(e)
	if len(token) < 100 || strings.Contains(string(data), token) || strings.Contains(string(data), token[:60]) || strings.Contains(string(data), "pass-word") {
		t.Errorf("%s", data)
	}
	if e.Auth.Token.Response.Head != "" || e.Last().Sent["Authorization"][0] != "Bearer ***" {
		t.Errorf("%+v", e.Auth.Token.Response)
	}
}

func TestPagesAreMadeSafeToPrint(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry(world.Fault{Do: world.DoHTML, Body: "a\x1b[31mb\u202ec\tok\n" + strings.Repeat("é", 5000)})})
	a := do(t, client(w), get(object))
	if h := a.Response.Head; strings.ContainsAny(h, "\x1b\u202e") || len(h) > 4096 || !strings.HasPrefix(h, "a.[31mb.c\tok\n") {
		t.Errorf("%.40q, %d bytes", h, len(h))
	}
}

func TestSessionsMayBeSharedByGoroutines(t *testing.T) {
	w := tokenWorld(t, world.Token{Public: []string{"*"}})
	s := client(w).Session(endpoint, upstream.Login{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				req := get(object)
				req.Repository = "library/nginx"
				if e := s.Ask(context.Background(), req); e.Fault() != nil {
					t.Errorf("%+v", e.Fault())
				}
			}
		})
	}
	all.Wait()
	s.Close()
	if n, stacks := ours(); n > 0 {
		t.Errorf("%d goroutines:\n%s", n, stacks)
	}
}
