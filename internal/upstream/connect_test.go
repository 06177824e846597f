package upstream_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

func TestEveryFateOfASYNHasItsCause(t *testing.T) {
	for fate, want := range map[world.Fate]struct {
		cause snapshot.Cause
		text  string
	}{
		world.Refused:     {snapshot.Refused, "connect: connection refused"},
		world.Dropped:     {snapshot.DialTimeout, "dial tcp 192.0.2.10:443: i/o timeout"},
		world.NoRoute:     {snapshot.NoRoute, "no route to host"},
		world.Unreachable: {snapshot.Unreachable, "network is unreachable"},
		world.Forbidden:   {snapshot.Forbidden, "operation not permitted"},
	} {
		t.Run(string(fate), func(t *testing.T) {
			w := playSpec(t, world.Spec{Servers: map[string]world.Role{}, Fates: map[string]world.Fate{hostAddr: fate}})
			c := client(w)
			if fate == world.Dropped {
				c.Limits.Dial = short
			}
			a := do(t, c, head(object))
			ends(t, a, snapshot.Connect, want.cause, want.text)
			if len(a.Dials) != 1 || a.Dials[0].OK || a.Dials[0].Err.Cause != want.cause || a.Dials[0].Limit != c.Limits.Dial {
				t.Errorf("%+v", a.Dials)
			}
			if a.Handshake != nil || a.Response != nil {
				t.Errorf("%+v %+v", a.Handshake, a.Response)
			}
		})
	}
}

func TestEveryAddressIsTriedAndTheOneThatGoWouldUseIsUsed(t *testing.T) {
	six, four, also := "2001:db8::10", hostAddr, "192.0.2.11"
	for _, c := range []struct {
		name  string
		addrs []string
		fates map[string]world.Fate
		used  string
	}{
		{"both families", []string{four, six}, nil, "[" + six + "]:443"},
		{"no way to IPv6", []string{four, six}, map[string]world.Fate{six: world.Unreachable}, four + ":443"},
		{"IPv6 refuses", []string{four, six}, map[string]world.Fate{six: world.Refused}, four + ":443"},
		{"IPv6 is dropped", []string{four, six}, map[string]world.Fate{six: world.Dropped}, four + ":443"},
		{"the first of two refuses", []string{four, also}, map[string]world.Fate{four: world.Refused}, also + ":443"},
		{"two of one family", []string{four, also}, nil, four + ":443"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := registry()
			r.Also = []string{"[" + six + "]:443", also + ":443"}
			w := playSpec(t, world.Spec{Servers: map[string]world.Role{"dns": names(world.Names{host: {Addrs: c.addrs}}), "r": r}, Fates: c.fates})
			cl := client(w)
			cl.Limits.Others = 2 * time.Second
			a := do(t, cl, head(object))
			succeeds(t, a)
			if len(a.Dials) != 2 {
				t.Fatalf("%+v", a.Dials)
			}
			for _, d := range a.Dials {
				if d.Used != (d.Addr == c.used) {
					t.Errorf("%s: used %v", d.Addr, d.Used)
				}
				if d.OK == (d.Err != nil) {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}

func TestTheEndpointsOwnDialTimeoutCounts(t *testing.T) {
	w := playSpec(t, world.Spec{Servers: map[string]world.Role{}, Fates: map[string]world.Fate{hostAddr: world.Dropped}})
	req := head(object)
	req.Endpoint.DialTimeout = 30 * time.Millisecond
	a := do(t, client(w), req)
	ends(t, a, snapshot.Connect, snapshot.DialTimeout, "i/o timeout")
	if a.Dials[0].Limit != 30*time.Millisecond {
		t.Errorf("%+v", a.Dials)
	}
	req.Endpoint.DialTimeout = -time.Second
	a = do(t, client(w), req)
	ends(t, a, snapshot.Connect, snapshot.BadConfig, "dial_timeout is -1s")
	if len(a.Dials) != 0 {
		t.Errorf("%+v", a.Dials)
	}
}

func TestOurOwnDeadlineIsNotTheServersFault(t *testing.T) {
	for name, spec := range map[string]world.Spec{
		"resolve": {Servers: map[string]world.Role{"dns": names(world.Names{host: {Silent: true}})}},
		"connect": {Servers: map[string]world.Role{}, Fates: map[string]world.Fate{hostAddr: world.Dropped}},
		"tls":     {Servers: map[string]world.Role{"r": {Listen: hostAddr + ":443", Gate: world.Gate{Break: world.Hang}, Files: &world.Files{}}}},
		"http":    {Servers: map[string]world.Role{"r": registry(world.Fault{Do: world.DoHang})}},
		"body":    {Servers: map[string]world.Role{"r": registry(world.Fault{Do: world.DoStall, Bytes: 10})}},
	} {
		t.Run(name, func(t *testing.T) {
			w := playSpec(t, spec)
			c := client(w)
			c.Limits = upstream.Limits{Name: time.Hour, Dial: time.Hour, TLS: time.Hour, Header: time.Hour, Idle: time.Hour}
			for cause, ctx := range map[snapshot.Cause]func() (context.Context, context.CancelFunc){
				snapshot.OutOfTime: func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(t.Context(), 150*time.Millisecond)
				},
				snapshot.Canceled: func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(150*time.Millisecond, cancel)
					return ctx, cancel
				},
			} {
				ctx, cancel := ctx()
				a := c.Do(ctx, get(object))
				cancel()
				if f := a.Fault(); f == nil || f.Cause != cause {
					t.Errorf("%+v, want %s", f, cause)
				}
			}
		})
	}
}

func TestTheRouteCanBeVaried(t *testing.T) {
	w := play(t, map[string]world.Role{
		"dns": names(world.Names{host: {Addrs: []string{"203.0.113.1"}}}),
		"pub": {Listen: "198.51.100.53:53", DNS: world.Names{host: {Addrs: []string{hostAddr}}}},
		"r":   registry(),
	})
	c := client(w)
	c.Hosts = []snapshot.HostsLine{{Addr: "203.0.113.2", Names: []string{host}}}
	c.Limits.Others = short
	for name, v := range map[string]upstream.Vary{
		"as it is":        {},
		"without hosts":   {NoHosts: true},
		"other resolver":  {Server: &snapshot.NameServer{Addr: "198.51.100.53:53"}},
		"address":         {Addr: hostAddr},
		"address:port":    {Addr: hostAddr + ":443"},
		"broken address":  {Addr: "nowhere"},
		"other, no hosts": {NoHosts: true, Server: &snapshot.NameServer{Addr: resolver}},
	} {
		req := head(object)
		req.Vary = v
		a := do(t, c, req)
		works := v.Addr != "" && name != "broken address" || name == "other resolver"
		if (a.Fault() == nil) != works {
			t.Errorf("%s: %+v", name, a.Fault())
		}
	}
}

func TestAURLThatNoRuntimeCanUse(t *testing.T) {
	w := play(t, map[string]world.Role{})
	for _, url := range []string{"ftp://registry.example/v2/", "://registry.example", "https:///v2/", "https://registry.example:99999/", "https://[::1/", "https://registry.example:x/"} {
		a := do(t, client(w), head(url))
		ends(t, a, snapshot.Connect, snapshot.BadConfig, "")
	}
	if got := w.Net.Dialled(); slices.ContainsFunc(got, func(d string) bool { return strings.HasPrefix(d, "tcp") }) {
		t.Errorf("dialled %v", got)
	}
}

func TestFallbackToPlainHTTPFollowsContainerd(t *testing.T) {
	plainHTTP := world.Role{Listen: hostAddr + ":443", Registry: &world.Holds{Images: []world.Image{nginx}}}
	garbage := plainHTTP
	garbage.Gate.Break = world.Garbage
	hang := world.Role{Listen: hostAddr + ":443", Gate: world.Gate{Break: world.Hang}, Files: &world.Files{}}
	port80 := world.Role{Listen: hostAddr + ":80", Registry: &world.Holds{Images: []world.Image{nginx}}}
	for _, c := range []struct {
		name    string
		servers map[string]world.Role
		url     string
		version string
		falls   bool
		cause   snapshot.Cause // empty: it works
	}{
		{"HTTP on the port", map[string]world.Role{"r": plainHTTP}, "https://" + host + ":443/v2/library/nginx/manifests/1", "2.4.2", true, ""},
		{"garbage on the port", map[string]world.Role{"r": garbage}, "https://" + host + ":443/v2/", "2.4.2", false, snapshot.NotTLS},
		{"silence on the port", map[string]world.Role{"r": hang}, "https://" + host + ":443/v2/", "2.4.2", true, snapshot.Silent},
		{"refused, no port written", map[string]world.Role{"r": port80}, "https://" + host + "/v2/library/nginx/manifests/1", "2.4.2", true, ""},
		{"refused, old version", map[string]world.Role{"r": port80}, "https://" + host + "/v2/library/nginx/manifests/1", "1.6.20", false, snapshot.Refused},
		{"refused, port written", map[string]world.Role{"r": port80}, "https://" + host + ":443/v2/", "2.4.2", false, snapshot.Refused},
		{"bad certificate", map[string]world.Role{"r": {Listen: hostAddr + ":443", TLS: &world.TLS{Kind: world.SelfSigned, Names: []string{host}}, Files: &world.Files{}}}, "https://" + host + ":443/v2/", "2.4.2", false, snapshot.BadChain},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := play(t, c.servers)
			cl := client(w)
			cl.Containerd = route.MustVersion(c.version)
			if c.cause == snapshot.Silent {
				cl.Limits.TLS, cl.Limits.Header = short, short
			}
			req := head(c.url)
			req.Endpoint.PlainFallback = true
			a := do(t, cl, req)
			if (a.Before != nil) != c.falls || c.falls && (!strings.HasPrefix(a.URL, "http://") || a.Before.Failure == nil) {
				t.Errorf("%s, before %+v", a.URL, a.Before)
			}
			if f := a.Fault(); c.cause == "" && f != nil || c.cause != "" && (f == nil || f.Cause != c.cause) {
				t.Errorf("%+v, want %q", f, c.cause)
			}
			req.Endpoint.PlainFallback = false
			if a := do(t, cl, req); a.Before != nil || a.Fault() == nil {
				t.Errorf("without PlainFallback: %+v", a)
			}
		})
	}
}

func TestAPullTriesNoMoreThanItNeeds(t *testing.T) {
	six := "2001:db8::10"
	addrs := []string{"192.0.2.12", hostAddr, "192.0.2.11", six}
	r := registry()
	r.Also = []string{"192.0.2.12:443", "192.0.2.11:443"}
	w := playSpec(t, world.Spec{
		Servers: map[string]world.Role{"dns": names(world.Names{host: {Addrs: addrs}}), "r": r},
		Fates:   map[string]world.Fate{"192.0.2.12": world.Refused, six: world.Unreachable},
	})
	c := client(w)
	c.Limits.Others = -1
	a := do(t, c, head(object))
	succeeds(t, a)
	var tried []string
	for _, d := range w.Net.Dialled() {
		if strings.HasPrefix(d, "tcp") {
			tried = append(tried, d)
		}
	}
	slices.Sort(tried)
	if want := []string{"tcp 192.0.2.10:443", "tcp 192.0.2.12:443", "tcp [2001:db8::10]:443"}; !slices.Equal(tried, want) {
		t.Errorf("dialled %v, want %v", tried, want)
	}
	if len(a.Dials) != 3 {
		t.Errorf("%+v", a.Dials)
	}
}

// TestTheCallersOwnNetworkIsTheDefault speaks to a real server over a real
// socket, found by a real name server.
func TestTheCallersOwnNetworkIsTheDefault(t *testing.T) {
	w, err := world.Serve(world.Spec{Servers: map[string]world.Role{
		"dns": {Listen: "127.0.0.1:0", DNS: world.Names{host: {Addrs: []string{"127.0.0.1"}}}},
		"r":   {Listen: "127.0.0.1:0", TLS: &world.TLS{Names: []string{host}}, Registry: &world.Holds{Images: []world.Image{nginx}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := &upstream.Client{
		Resolv: snapshot.Resolv{Servers: []snapshot.NameServer{server(w.DNS("dns").Addr())}, Ndots: 1},
		Roots:  upstream.NewRoots(upstream.File{Path: "ca", Data: w.PKI.Root.PEM()}),
	}
	_, port, _ := strings.Cut(w.Server("r").Addr(), ":")
	req := head("https://" + host + ":" + port + "/v2/library/nginx/manifests/1")
	a := do(t, c, req)
	succeeds(t, a)
	if a.Dials[0].Translated != "" || a.Took.Total > 15*time.Second {
		t.Errorf("%+v", a)
	}
}
