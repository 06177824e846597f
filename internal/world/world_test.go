package world_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/towpath-dev/towpath/internal/world"
)

const host = "registry.example"

func play(t *testing.T, spec world.Spec) *world.World {
	t.Helper()
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

// client speaks to every host at the first server's address.
func client(w *world.World, addr string, cfg *tls.Config) *http.Client {
	if cfg == nil {
		cfg = &tls.Config{RootCAs: w.PKI.Root.Pool()}
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig:   cfg,
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return w.Net.Dial(ctx, network, addr)
			},
		},
	}
}

func registry(images ...world.Image) *world.Holds { return &world.Holds{Images: images} }

var nginx = world.Image{Ref: "library/nginx:1", Layers: []int{5000, 100}}

func TestEveryKindOfCertificateIsBadInItsOwnWay(t *testing.T) {
	want := map[world.Kind]string{
		world.Good:                "",
		world.Chained:             "",
		world.MissingIntermediate: "certificate signed by unknown authority",
		world.WrongHost:           "certificate is valid for *.github.io, github.io, not " + host,
		world.Expired:             "certificate has expired or is not yet valid: current time",
		world.NotYetValid:         "is before",
		world.CommonName:          "certificate relies on legacy Common Name field",
		world.NoNames:             "certificate is not valid for any names",
		world.NoIPSAN:             "", // good for the name; for an address see below
		world.ClientOnly:          "incompatible key usage",
		world.SelfSigned:          "certificate signed by unknown authority",
		world.OtherKey:            `while trying to verify candidate authority certificate "Example Root CA"`,
		world.Interception:        "certificate signed by unknown authority",
		world.WeakSignature:       "insecure algorithm SHA1-RSA",
	}
	pki, err := world.NewPKI(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range world.Kinds {
		c, err := pki.Certificate(kind, host)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		text, ok := want[kind]
		if !ok {
			t.Errorf("%s has no expectation", kind)
		}
		if got := verify(t, pki, c, host); text == "" && got != "" || !strings.Contains(got, text) {
			t.Errorf("%s: %q, want %q", kind, got, text)
		}
	}
	c, _ := pki.Certificate(world.NoIPSAN, host, "192.0.2.1")
	if got := verify(t, pki, c, "192.0.2.1"); !strings.Contains(got, "doesn't contain any IP SANs") {
		t.Errorf("no-ip-san: %q", got)
	}
}

func verify(t *testing.T, pki *world.PKI, c world.Certificate, name string) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	opts := x509.VerifyOptions{DNSName: name, Roots: pki.Root.Pool(), Intermediates: x509.NewCertPool()}
	if old, err := pki.Old(); err == nil {
		opts.Roots.AddCert(old.Cert)
	}
	for _, der := range c.Chain[1:] {
		inter, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		opts.Intermediates.AddCert(inter)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return err.Error()
	}
	return ""
}

func TestAuthoritiesInADirectoryAreTheSameNextTime(t *testing.T) {
	dir := t.TempDir()
	first, err := world.OpenPKI(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, err := world.OpenPKI(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := second.Certificate(world.Chained, host)
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, first, c, host); got != "" {
		t.Error(got)
	}
}

func TestARegistryServesWhatTheImageSays(t *testing.T) {
	multi := world.Image{Ref: "library/multi:1", Platforms: []string{"linux/amd64", "linux/arm64/v8"}, Form: world.Docker}
	w := play(t, world.Spec{Servers: map[string]world.Role{
		"r": {Listen: "192.0.2.1:443", TLS: &world.TLS{Names: []string{host}}, Registry: registry(nginx, multi)},
	}})
	c := client(w, "192.0.2.1:443", nil)
	top := fetch(t, c, "library/nginx", "manifests/1", w.Registry("r").Digest("library/nginx", "1"))
	var m struct{ Config, Other struct{ Digest string } }
	var layers struct {
		Layers []struct {
			Digest string
			Size   int
		}
	}
	decode(t, top, &m)
	decode(t, top, &layers)
	fetch(t, c, "library/nginx", "blobs/"+m.Config.Digest, m.Config.Digest)
	for _, l := range layers.Layers {
		if got := len(fetch(t, c, "library/nginx", "blobs/"+l.Digest, l.Digest)); got != l.Size {
			t.Errorf("layer has %d bytes, its descriptor says %d", got, l.Size)
		}
	}
	var index struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture, Variant string }
		}
	}
	decode(t, fetch(t, c, "library/multi", "manifests/1", ""), &index)
	if len(index.Manifests) != 2 || index.Manifests[1].Platform.Variant != "v8" {
		t.Errorf("index: %+v", index)
	}
	for _, im := range index.Manifests {
		fetch(t, c, "library/multi", "manifests/"+im.Digest, im.Digest)
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// fetch gets an object and checks that it hashes to its digest, if there is one.
func fetch(t *testing.T, c *http.Client, repo, object, digest string) []byte {
	t.Helper()
	resp, err := c.Get("https://" + host + "/v2/" + repo + "/" + object)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %s %s", object, resp.Status, body)
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); digest != "" && got != digest {
		t.Errorf("%s hashes to %s", object, got)
	}
	return body
}

func TestMissingAndMismatchedContent(t *testing.T) {
	bad := world.Image{Ref: "a/b:1", Missing: []string{"config"}, Mismatch: []string{"layer0"}}
	g, err := world.NewRegistry([]world.Image{bad}, world.Auth{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	decode(t, g.Object("a/b", g.Digest("a/b", "1")), &m)
	if g.Object("a/b", m.Config.Digest) != nil {
		t.Error("the config is served")
	}
	data := g.Object("a/b", m.Layers[0].Digest)
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); data == nil || got == m.Layers[0].Digest {
		t.Error("the layer hashes to its digest")
	}
}

func TestATokenOpensWhatItGrantsAndNothingElse(t *testing.T) {
	auth := world.Auth{Scheme: "bearer", Realm: "https://auth.example/token", Service: "s"}
	secret := world.Image{Ref: "team/secret:1"}
	w := play(t, world.Spec{Servers: map[string]world.Role{
		"r": {Listen: "192.0.2.1:443", TLS: &world.TLS{Names: []string{host}}, Registry: &world.Holds{Images: []world.Image{nginx, secret}, Auth: auth}},
		"t": {Listen: "192.0.2.2:443", TLS: &world.TLS{Names: []string{"auth.example"}}, Token: &world.Token{
			Users: map[string]string{"u": "p"}, Public: []string{"library/*"}, Refresh: map[string]string{"idt": "u"}}},
	}})
	tokens := client(w, "192.0.2.2:443", nil)
	get := func(scope string) string {
		resp, err := tokens.Get("https://auth.example/token?service=s&scope=" + url.QueryEscape(scope))
		return tokenOf(t, resp, err)
	}
	post := func(form url.Values) string {
		resp, err := tokens.PostForm("https://auth.example/token", form)
		return tokenOf(t, resp, err)
	}
	scope := "repository:team/secret:pull"
	for _, c := range []struct {
		name, token, repo string
		want              int
	}{
		{"nothing", "", "library/nginx", 401},
		{"anonymous, public", get("repository:library/nginx:pull"), "library/nginx", 200},
		{"anonymous, private", get(scope), "team/secret", 401},
		{"password", post(url.Values{"grant_type": {"password"}, "username": {"u"}, "password": {"p"}, "scope": {scope}}), "team/secret", 200},
		{"refresh token", post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"idt"}, "scope": {scope}}), "team/secret", 200},
		{"forged", "aaaa.bbbb.cccc", "library/nginx", 401},
	} {
		req, _ := http.NewRequest("GET", "https://"+host+"/v2/"+c.repo+"/manifests/1", nil)
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := client(w, "192.0.2.1:443", nil).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d; %s", c.name, resp.StatusCode, c.want, resp.Header["Www-Authenticate"])
		}
	}
	resp, err := tokens.PostForm("https://auth.example/token", url.Values{"grant_type": {"password"}, "username": {"u"}, "password": {"x"}})
	if err != nil || resp.StatusCode != 401 {
		t.Errorf("wrong password: %v %v", resp.Status, err)
	}
}

func tokenOf(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc.Token
}

// TestFaultsDoWhatTheySay looks at each fault with a stock HTTP client.
func TestFaultsDoWhatTheySay(t *testing.T) {
	const timeout = "Client.Timeout"
	for _, c := range []struct {
		fault  world.Fault
		method string
		want   string // status, or part of the error
	}{
		{world.Fault{Do: world.DoStatus, Status: 503, Header: map[string]string{"X-A": "b"}}, "GET", "503"},
		{world.Fault{Do: world.DoHang}, "GET", timeout},
		{world.Fault{Do: world.DoHangBody}, "GET", timeout},
		{world.Fault{Do: world.DoLatency, Delay: world.Duration(time.Millisecond)}, "GET", "200"},
		{world.Fault{Do: world.DoSlow, Rate: 1 << 20}, "GET", "200"},
		{world.Fault{Do: world.DoStall, Bytes: 10}, "GET", timeout},
		{world.Fault{Do: world.DoTruncate, Bytes: 10}, "GET", "unexpected EOF"},
		{world.Fault{Do: world.DoAbort}, "GET", "EOF"},
		{world.Fault{Do: world.DoCorrupt}, "GET", "wrong digest"},
		{world.Fault{Do: world.DoHTML}, "GET", "wrong digest"},
		{world.Fault{Do: world.DoWrongDigest}, "HEAD", "200 sha256:0123"},
		{world.Fault{Do: world.DoNoDigest}, "HEAD", "200"},
		{world.Fault{Do: world.DoWrongType, Type: "text/x"}, "HEAD", "200"},
		{world.Fault{Do: world.DoRateLimit, Delay: world.Duration(time.Minute)}, "GET", "429 retry 60"},
		{world.Fault{Do: world.DoRedirect, To: "https://cdn.example"}, "GET", "307 to https://cdn.example/v2/library/nginx/manifests/1"},
		{world.Fault{Do: world.DoRedirect, To: "/x", Exact: true, Status: 301}, "GET", "301 to /x"},
		{world.Fault{Do: world.DoRedirectLoop}, "GET", "307 to ?round=1"},
		{world.Fault{Do: world.DoNoHead}, "HEAD", "405"},
		{world.Fault{Do: world.DoNoHead}, "GET", "200"},
		{world.Fault{Do: world.DoHeadOnly}, "HEAD", "200"},
		{world.Fault{Do: world.DoHeadOnly}, "GET", "404"},
		{world.Fault{Do: world.DoSkew, Delay: world.Duration(-24 * time.Hour)}, "HEAD", "200"},
		{world.Fault{Do: world.DoBigHeader, Bytes: 100}, "HEAD", "200"},
		{world.Fault{Do: world.DoNotHTTP}, "GET", "malformed HTTP response"},
		{world.Fault{Do: world.DoStatus, Status: 500, On: []world.Class{world.Blob}}, "GET", "200"},
		{world.Fault{Do: world.DoStatus, Status: 500, Skip: 1}, "GET", "200"},
		{world.Fault{Do: world.DoStatus, Status: 500, Method: "HEAD"}, "GET", "200"},
		{world.Fault{Do: world.DoStatus, Status: 500, Path: "/other/"}, "GET", "200"},
	} {
		t.Run(string(c.fault.Do)+" "+c.method, func(t *testing.T) {
			w := play(t, world.Spec{Servers: map[string]world.Role{
				"r": {Listen: "192.0.2.1:80", Registry: registry(nginx), Faults: []world.Fault{c.fault}},
			}})
			hc := client(w, "192.0.2.1:80", nil)
			if c.want == timeout {
				hc.Timeout = time.Second // in vain
			}
			if got := summary(hc, c.method, w.Registry("r").Digest("library/nginx", "1")); !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func summary(c *http.Client, method, digest string) string {
	req, _ := http.NewRequest(method, "http://"+host+"/v2/library/nginx/manifests/1", nil)
	resp, err := c.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	out := fmt.Sprint(resp.StatusCode)
	if d := resp.Header.Get("Docker-Content-Digest"); d != "" {
		out += " " + d
	}
	if r := resp.Header.Get("Retry-After"); r != "" {
		out += " retry " + r
	}
	if l := resp.Header.Get("Location"); l != "" {
		out += " to " + l
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); method == "GET" && resp.StatusCode == 200 && got != digest {
		out += " wrong digest"
	}
	return out
}

func TestGatesBreakTheHandshake(t *testing.T) {
	for _, c := range []struct {
		gate world.Gate
		plus *tls.Config
		want string // part of the error; empty: it works
	}{
		{world.Gate{}, nil, ""},
		{world.Gate{Break: world.Reset}, nil, "connection reset by peer"},
		{world.Gate{Break: world.Close}, nil, "EOF"},
		{world.Gate{Break: world.Hang}, nil, "deadline"},
		{world.Gate{Break: world.ResetInHandshake}, nil, "connection reset by peer"},
		{world.Gate{Break: world.CloseInHandshake}, nil, "EOF"},
		{world.Gate{Break: world.HangInHandshake}, nil, "deadline"},
		{world.Gate{Break: world.Garbage}, nil, "first record does not look like a TLS handshake"},
		{world.Gate{Break: world.Alert}, nil, "remote error: tls: handshake failure"},
		{world.Gate{MaxHello: 1000}, nil, "deadline"},
		{world.Gate{MaxHello: 1000}, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, ""},
		{world.Gate{Refuse: []string{host}}, nil, "connection reset by peer"},
		{world.Gate{Refuse: []string{"other.example"}}, nil, ""},
	} {
		t.Run(fmt.Sprintf("%+v", c.gate), func(t *testing.T) {
			w := play(t, world.Spec{Servers: map[string]world.Role{
				"r": {Listen: "192.0.2.1:443", TLS: &world.TLS{Names: []string{host}}, Gate: c.gate, Registry: registry(nginx)},
			}})
			got := handshake(w, c.plus, c.want == "deadline")
			if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)) {
				t.Errorf("%v, want %q", got, c.want)
			}
		})
	}
}

func handshake(w *world.World, cfg *tls.Config, inVain bool) error {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	cfg.RootCAs, cfg.ServerName = w.PKI.Root.Pool(), host
	c, err := w.Net.Dial(context.Background(), "tcp", "192.0.2.1:443")
	if err != nil {
		return err
	}
	defer c.Close()
	limit := 20 * time.Second
	if inVain {
		limit = 300 * time.Millisecond
	}
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	return tls.Client(c, cfg).HandshakeContext(ctx)
}

func TestCertificatesBySNIAndClientCertificates(t *testing.T) {
	w := play(t, world.Spec{Servers: map[string]world.Role{
		"r": {Listen: "192.0.2.1:443", Registry: registry(nginx), TLS: &world.TLS{
			Kind: world.WrongHost, BySNI: map[string]world.Cert{host: {Names: []string{host}}}, Clients: true,
		}},
	}})
	_, err := client(w, "192.0.2.1:443", nil).Get("https://" + host + "/v2/")
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	mine, err := w.PKI.Certificate(world.ClientOnly, "node1")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{RootCAs: w.PKI.Root.Pool(), Certificates: []tls.Certificate{mine.TLS()}}
	resp, err := client(w, "192.0.2.1:443", cfg).Get("https://" + host + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if hellos := w.Server("r").Log.Hellos(); len(hellos) != 2 || hellos[1].SNI != host || hellos[1].Bytes < 200 {
		t.Errorf("hellos: %+v", hellos)
	}
}

func TestNameServer(t *testing.T) {
	w := play(t, world.Spec{Servers: map[string]world.Role{
		"d": {Listen: "192.0.2.53:53", DNS: world.Names{
			"both.example":      {Addrs: []string{"192.0.2.1", "2001:db8::1"}},
			"alias.example":     {CNAME: "both.example"},
			"fail.example":      {RCode: "SERVFAIL"},
			"fail.example/AAAA": {Addrs: []string{"2001:db8::2"}},
			"long.example":      {Addrs: []string{"192.0.2.2"}, Truncate: true},
			"*.corp.example":    {Addrs: []string{"192.0.2.3"}},
			"silent.example":    {Silent: true},
		}},
	}})
	for _, c := range []struct {
		net, name, kind, want string
	}{
		{"udp", "both.example", "A", "NOERROR 192.0.2.1"},
		{"tcp", "both.example", "AAAA", "NOERROR 2001:db8::1"},
		{"udp", "alias.example", "A", "NOERROR both.example. 192.0.2.1"},
		{"udp", "fail.example", "A", "SERVFAIL"},
		{"udp", "fail.example", "AAAA", "NOERROR 2001:db8::2"},
		{"udp", "long.example", "A", "NOERROR TC"},
		{"tcp", "long.example", "A", "NOERROR 192.0.2.2"},
		{"udp", "x.y.corp.example", "A", "NOERROR 192.0.2.3"},
		{"udp", "nothing.example", "A", "NXDOMAIN"},
		{"udp", "silent.example", "A", "i/o timeout"},
	} {
		limit := 20 * time.Second
		if c.want == "i/o timeout" {
			limit = 200 * time.Millisecond
		}
		got := ask(w.DNS("d").Addr(), c.net, c.name, c.kind, limit)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: %q, want %q", c.net, c.name, c.kind, got, c.want)
		}
	}
	if n := len(w.DNS("d").Asked()); n != 10 {
		t.Errorf("%d questions counted", n)
	}
}

func ask(addr, network, name, kind string, limit time.Duration) string {
	c := &dns.Client{Net: network, Timeout: limit}
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
	r, _, err := c.Exchange(m, addr)
	if err != nil {
		return err.Error()
	}
	out := []string{dns.RcodeToString[r.Rcode]}
	if r.Truncated {
		out = append(out, "TC")
	}
	for _, rr := range r.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(out, " ")
}

func TestProxies(t *testing.T) {
	spec := world.Spec{Servers: map[string]world.Role{
		"r":    {Listen: "192.0.2.1:443", TLS: &world.TLS{Names: []string{host}}, Registry: registry(nginx)},
		"h":    {Listen: "192.0.2.1:80", Registry: registry(nginx)},
		"ok":   {Listen: "192.0.2.8:1", Proxy: &world.Proxy{}},
		"auth": {Listen: "192.0.2.8:2", Proxy: &world.Proxy{User: "u", Password: "p"}},
		"deny": {Listen: "192.0.2.8:3", Proxy: &world.Proxy{Deny: []string{host}}},
		"bad":  {Listen: "192.0.2.8:4", Proxy: &world.Proxy{Status: 503}},
		"look": {Listen: "192.0.2.8:5", Proxy: &world.Proxy{Look: true}},
		"hang": {Listen: "192.0.2.8:6", Proxy: &world.Proxy{Hang: true}},
	}}
	for name, r := range spec.Servers {
		if r.Proxy != nil {
			r.Proxy.Hosts = map[string]string{host + ":443": "192.0.2.1:443", host + ":80": "192.0.2.1:80"}
			spec.Servers[name] = r
		}
	}
	w := play(t, spec)
	for _, c := range []struct{ proxy, url, want string }{
		{"http://192.0.2.8:1", "https://" + host + "/v2/", "200"},
		{"http://192.0.2.8:1", "http://" + host + "/v2/", "200"},
		{"http://192.0.2.8:1", "https://other.example/v2/", "Bad Gateway"},
		{"http://192.0.2.8:2", "https://" + host + "/v2/", "Proxy Authentication Required"},
		{"http://u:p@192.0.2.8:2", "https://" + host + "/v2/", "200"},
		{"http://192.0.2.8:3", "https://" + host + "/v2/", "Forbidden"},
		{"http://192.0.2.8:4", "http://" + host + "/v2/", "503"},
		{"http://192.0.2.8:5", "https://" + host + "/v2/", "certificate signed by unknown authority"},
		{"http://192.0.2.8:6", "https://" + host + "/v2/", "exceeded"},
	} {
		u, err := url.Parse(c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		hc := client(w, u.Host, nil)
		if c.want == "exceeded" {
			hc.Timeout = 300 * time.Millisecond
		}
		hc.Transport.(*http.Transport).Proxy = http.ProxyURL(u)
		got := ""
		if resp, err := hc.Get(c.url); err != nil {
			got = err.Error()
		} else {
			resp.Body.Close()
			got = resp.Status
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s through %s: %q, want %q", c.url, c.proxy, got, c.want)
		}
	}
}

func TestFatesOfAddresses(t *testing.T) {
	w := play(t, world.Spec{Fates: map[string]world.Fate{
		"192.0.2.10": world.Dropped, "192.0.2.11": world.NoRoute, "192.0.2.12": world.Unreachable, "192.0.2.13": world.Forbidden,
	}})
	for _, c := range []struct {
		addr string
		want error
	}{
		{"192.0.2.9:443", syscall.ECONNREFUSED},
		{"192.0.2.10:443", context.DeadlineExceeded},
		{"192.0.2.11:443", syscall.EHOSTUNREACH},
		{"192.0.2.12:443", syscall.ENETUNREACH},
		{"192.0.2.13:443", syscall.EPERM},
	} {
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := w.Net.Dial(ctx, "tcp", c.addr)
		var nerr net.Error
		timeout := errors.As(err, &nerr) && nerr.Timeout()
		if !errors.Is(err, c.want) && !(c.want == context.DeadlineExceeded && timeout) {
			t.Errorf("%s: %v, want %v", c.addr, err, c.want)
		}
		stop()
	}
}

func TestASpecIsPlainJSON(t *testing.T) {
	text := `{"servers":{"m":{"listen":"127.0.0.1:0","tls":{"kind":"expired","names":["a"],"bysni":{"b":{"kind":"good"}}},
	 "faults":[{"do":"stall","on":["blob"],"bytes":1048576,"delay":"1.5s"}],"registry":{"images":[{"ref":"a/b:1","layers":[10]}]}},
	 "d":{"listen":"127.0.0.1:0","dns":{"*":{"addrs":["127.0.0.1"],"delay":"3s"}}}}}`
	var spec world.Spec
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	w, err := world.Serve(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if spec.Servers["m"].Faults[0].Delay != world.Duration(1500*time.Millisecond) {
		t.Errorf("%+v", spec.Servers["m"].Faults)
	}
	c, err := net.Dial("tcp", w.Server("m").Addr())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestEveryKeyIsTheFieldInLowerCase is what lets YAML decoders do without tags.
func TestEveryKeyIsTheFieldInLowerCase(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				f := typ.Field(i)
				if tag := f.Tag.Get("json"); tag != "-" && tag != strings.ToLower(f.Name) {
					t.Errorf("%s.%s has the key %q", typ.Name(), f.Name, tag)
				} else if tag != "-" {
					walk(f.Type)
				}
			}
		}
	}
	walk(reflect.TypeFor[world.Spec]())
	if len(seen) < 8 {
		t.Errorf("only %d types", len(seen))
	}
}

func TestTheLogFileHoldsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	s, err := world.Listen("127.0.0.1:0", world.Front{Name: "x", LogFile: &out}, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", "http://"+s.Addr()+"/v2/", nil)
	req.SetBasicAuth("user", "canary")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, `"auth":"Basic"`) || strings.Contains(text, "canary") || strings.Contains(text, "Y2FuYXJ5") {
		t.Error(text)
	}
}
