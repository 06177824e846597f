package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// The addresses of the test's world. All of it is inside this process.
const (
	host     = "registry.example"
	hostAddr = "192.0.2.10"
	resolver = "192.0.2.53:53"
	object   = "https://" + host + "/v2/library/nginx/manifests/1"
)

var (
	nginx    = world.Image{Ref: "library/nginx:1", Layers: []int{3000, 200_000}}
	endpoint = route.Endpoint{Scheme: "https", Host: host, Path: "/v2", Serves: route.Pull | route.Resolve}
)

// names is the name server of a world: the registry and what a test adds.
func names(more world.Names) world.Role {
	n := world.Names{host: {Addrs: []string{hostAddr}}}
	for k, v := range more {
		n[k] = v
	}
	return world.Role{Listen: resolver, DNS: n}
}

// registry is a healthy registry.
func registry(faults ...world.Fault) world.Role {
	return world.Role{
		Listen: hostAddr + ":443", TLS: &world.TLS{Names: []string{host}}, Faults: faults,
		Registry: &world.Holds{Images: []world.Image{nginx}},
	}
}

// play starts a world with a name server and the given servers.
func play(t *testing.T, servers map[string]world.Role) *world.World {
	t.Helper()
	return playSpec(t, world.Spec{Servers: servers})
}

func playSpec(t *testing.T, spec world.Spec) *world.World {
	t.Helper()
	if _, ok := spec.Servers["dns"]; !ok {
		spec.Servers["dns"] = names(nil)
	}
	w, err := world.Play(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// client is a node of that world. Its limits are long, so that a slow machine
// decides nothing: a test that waits for silence shortens the one it needs.
func client(w *world.World) *upstream.Client {
	return &upstream.Client{
		Dial:      w.Net.Dial,
		Resolv:    snapshot.Resolv{Servers: []snapshot.NameServer{{Addr: resolver, Node: true}}, Ndots: 1},
		Roots:     upstream.NewRoots(upstream.File{Path: "/etc/ssl/ca.pem", Data: w.PKI.Root.PEM()}),
		UserAgent: "containerd/2.4.2",
		Limits: upstream.Limits{
			Name: long, Dial: long, TLS: long, Header: long, Idle: long, Others: long,
		},
	}
}

// long is more than any answer takes; short is a wait that is in vain anyway.
const (
	long  = 20 * time.Second
	short = 300 * time.Millisecond
)

func head(url string) upstream.Request {
	return upstream.Request{Method: "HEAD", URL: url, Stage: snapshot.Manifest, Endpoint: endpoint, Accept: upstream.AcceptManifest}
}

func get(url string) upstream.Request {
	r := head(url)
	r.Method = "GET"
	return r
}

func do(t *testing.T, c *upstream.Client, req upstream.Request) *snapshot.Attempt {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a := c.Do(ctx, req)
	return &a
}

// ends checks the failure of an attempt.
func ends(t *testing.T, a *snapshot.Attempt, stage snapshot.Stage, cause snapshot.Cause, text string) {
	t.Helper()
	f := a.Fault()
	switch {
	case f == nil:
		t.Errorf("it succeeded, want %s/%s", stage, cause)
	case f.Stage != stage || f.Cause != cause || !strings.Contains(f.Text, text):
		t.Errorf("%s/%s %q, want %s/%s %q", f.Stage, f.Cause, f.Text, stage, cause, text)
	}
}

func succeeds(t *testing.T, a *snapshot.Attempt) {
	t.Helper()
	if f := a.Fault(); f != nil {
		t.Errorf("%s/%s: %s", f.Stage, f.Cause, f.Text)
	}
}

func TestAHealthyAttemptKeepsEverything(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	var body bytes.Buffer
	req := get(object)
	req.Into, req.Digest = upstream.To(&body), w.Registry("r").Digest("library/nginx", "1")
	a := do(t, client(w), req)
	succeeds(t, a)
	if l := a.Lookup; l == nil || !slices.Equal(l.Addrs, []string{hostAddr}) || l.Server == nil || l.Server.Addr != resolver || len(l.Answers) != 2 || l.Wait != 0 {
		t.Errorf("lookup: %+v", l)
	}
	if d := a.Dials; len(d) != 1 || !d[0].OK || !d[0].Used || d[0].Addr != hostAddr+":443" {
		t.Errorf("dials: %+v", d)
	}
	h := a.Handshake
	if h == nil || !h.Verified || h.Version != "TLS 1.3" || h.SNI != host || len(h.Chain) != 1 || h.RootFile != "/etc/ssl/ca.pem" ||
		!strings.Contains(h.Root, "Example Root CA") || h.HelloBytes < 1200 || h.Curve != "X25519MLKEM768" || h.WantsCert {
		t.Errorf("handshake: %+v", h)
	}
	r := a.Response
	if r == nil || r.Status != 200 || r.Digest != req.Digest || r.Read != int64(body.Len()) || r.Length != r.Read || r.Type != "application/vnd.oci.image.manifest.v1+json" || r.Date.IsZero() {
		t.Errorf("response: %+v", r)
	}
	if !strings.Contains(r.Head, `"schemaVersion": 2`) || a.Sent["User-Agent"][0] != "containerd/2.4.2" || a.Sent["Accept"][0] != upstream.AcceptManifest {
		t.Errorf("head %q, sent %v", r.Head, a.Sent)
	}
	if k := a.Took; k.Connect == 0 || k.TLS == 0 || k.FirstByte == 0 || k.Total < k.TLS {
		t.Errorf("took: %+v", k)
	}
}

// TestAHealthyAttemptCostsNothingButRoundTrips counts what goes over the wire.
func TestAHealthyAttemptCostsNothingButRoundTrips(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	succeeds(t, do(t, client(w), head(object)))
	want := []string{"tcp 192.0.2.10:443", "udp 192.0.2.53:53", "udp 192.0.2.53:53"}
	got := w.Net.Dialled()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("dialled %v, want %v", got, want)
	}
	if n := len(w.Requests("r")); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestTheClientHelloIsThatOfContainerd(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	succeeds(t, do(t, client(w), head(object)))
	req := head(object)
	req.Vary.Classic = true
	a := do(t, client(w), req)
	succeeds(t, a)
	hellos := w.Server("r").Log.Hellos()
	if len(hellos) != 2 || len(hellos[0].ALPN) != 0 || hellos[0].Bytes < 1200 || hellos[1].Bytes > 600 {
		t.Errorf("%+v", hellos) // containerd offers no ALPN: it sets a dialer of its own, so Go leaves HTTP/2 out
	}
	if a.Handshake.Curve != "X25519" || a.Handshake.HelloBytes != hellos[1].Bytes {
		t.Errorf("%+v", a.Handshake)
	}
}

func TestAnAttemptSurvivesJSON(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	a := do(t, client(w), head(object))
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var b snapshot.Attempt
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(b); !bytes.Equal(data, again) {
		t.Errorf("%s\n%s", data, again)
	}
}

func TestConnectionTrackingIsShown(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	c := client(w)
	c.Translated = func(local, remote netip.AddrPort) (netip.AddrPort, bool) {
		return netip.MustParseAddrPort("10.0.0.99:8443"), remote.String() == hostAddr+":443" && local.Addr().IsValid()
	}
	if a := do(t, c, head(object)); a.Dials[0].Translated != "10.0.0.99:8443" {
		t.Errorf("%+v", a.Dials)
	}
}
