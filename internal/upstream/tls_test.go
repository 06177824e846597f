package upstream_test

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// presents is a registry with a certificate of some kind.
func presents(kind world.Kind, names ...string) world.Role {
	r := registry()
	r.TLS = &world.TLS{Kind: kind, Names: names}
	return r
}

// TestEveryBadCertificateHasItsReason is class J of the security bar: each is
// refused, with its own reason, and the chain is kept all the same.
func TestEveryBadCertificateHasItsReason(t *testing.T) {
	for kind, want := range map[world.Kind]struct {
		reason snapshot.Reason
		text   string
	}{
		world.MissingIntermediate: {snapshot.UnknownAuthority, "certificate signed by unknown authority"},
		world.WrongHost:           {snapshot.OtherNames, "certificate is valid for *.github.io, github.io, not registry.example"},
		world.Expired:             {snapshot.Expired, "certificate has expired or is not yet valid"},
		world.NotYetValid:         {snapshot.NotYetValid, "is before"},
		world.CommonName:          {snapshot.LegacyCN, "relies on legacy Common Name field"},
		world.NoNames:             {snapshot.NoNames, "not valid for any names"},
		world.ClientOnly:          {snapshot.NotForServers, "incompatible key usage"},
		world.SelfSigned:          {snapshot.UnknownAuthority, "unknown authority"},
		world.OtherKey:            {snapshot.SameNameOtherKey, "unknown authority"},
		world.Interception:        {snapshot.UnknownAuthority, "unknown authority"},
		world.WeakSignature:       {snapshot.WeakSignature, "insecure algorithm SHA1-RSA"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := play(t, map[string]world.Role{"r": presents(kind, host)})
			c := client(w)
			if kind == world.WeakSignature {
				old, err := w.PKI.Old()
				if err != nil {
					t.Fatal(err)
				}
				if c.Roots, err = c.Roots.With("/etc/ssl/old.pem", old.PEM()); err != nil {
					t.Fatal(err)
				}
			}
			a := do(t, c, head(object))
			ends(t, a, snapshot.TLS, snapshot.BadChain, want.text)
			if !strings.HasPrefix(a.Failure.Text, "tls: failed to verify certificate: x509: ") {
				t.Errorf("%q", a.Failure.Text)
			}
			h := a.Handshake
			if h.Verified || h.Reason != want.reason || len(h.Chain) == 0 || !strings.HasPrefix(h.Verify, "x509: ") || h.Version == "" {
				t.Errorf("%+v, want %s", h, want.reason)
			}
			if n := len(w.Requests("r")); n != 0 {
				t.Errorf("%d HTTP requests to a server that is not trusted", n)
			}
		})
	}
}

func TestGoodChainsAreAccepted(t *testing.T) {
	for _, kind := range []world.Kind{world.Good, world.Chained, world.NoIPSAN} {
		w := play(t, map[string]world.Role{"r": presents(kind, host)})
		a := do(t, client(w), head(object))
		succeeds(t, a)
		if !a.Handshake.Verified || a.Handshake.Verify != "" || a.Handshake.Reason != "" {
			t.Errorf("%s: %+v", kind, a.Handshake)
		}
	}
}

func TestARegistryByAddress(t *testing.T) {
	url := "https://" + hostAddr + "/v2/library/nginx/manifests/1"
	e := endpoint
	e.Host = hostAddr
	for kind, reason := range map[world.Kind]snapshot.Reason{world.Good: "", world.NoIPSAN: snapshot.NoIPSAN, world.CommonName: snapshot.NoIPSAN, world.WrongHost: snapshot.NoIPSAN} {
		w := play(t, map[string]world.Role{"r": presents(kind, hostAddr, "other.example")})
		req := head(url)
		req.Endpoint = e
		a := do(t, client(w), req)
		if a.Handshake == nil || a.Handshake.Reason != reason || a.Handshake.SNI != "" || a.Lookup != nil {
			t.Errorf("%s: %+v", kind, a.Handshake)
		}
	}
}

func TestEveryBrokenHandshakeHasItsCause(t *testing.T) {
	tlsOne := presents(world.Good, host)
	tlsOne.TLS.Max = "1.1"
	plain := registry()
	plain.TLS = nil
	gate := func(g world.Gate) world.Role { r := registry(); r.Gate = g; return r }
	for name, c := range map[string]struct {
		role  world.Role
		cause snapshot.Cause
		text  string
	}{
		"reset":              {gate(world.Gate{Break: world.Reset}), snapshot.Reset, "connection reset by peer"},
		"close":              {gate(world.Gate{Break: world.Close}), snapshot.Closed, "EOF"},
		"hang":               {gate(world.Gate{Break: world.Hang}), snapshot.Silent, "net/http: TLS handshake timeout"},
		"reset in handshake": {gate(world.Gate{Break: world.ResetInHandshake}), snapshot.Reset, "connection reset by peer"},
		"close in handshake": {gate(world.Gate{Break: world.CloseInHandshake}), snapshot.Closed, "EOF"},
		"hang in handshake":  {gate(world.Gate{Break: world.HangInHandshake}), snapshot.Silent, "TLS handshake timeout"},
		"another protocol":   {gate(world.Gate{Break: world.Garbage}), snapshot.NotTLS, `first record does not look like a TLS handshake (it began with "SSH-2")`},
		"alert":              {gate(world.Gate{Break: world.Alert}), snapshot.TLSAlert, "remote error: tls: handshake failure"},
		"large hello lost":   {gate(world.Gate{MaxHello: 1000}), snapshot.Silent, "TLS handshake timeout"},
		"name filtered":      {gate(world.Gate{Refuse: []string{host}}), snapshot.Reset, "reset"},
		"plain HTTP":         {plain, snapshot.NotTLS, "http: server gave HTTP response to HTTPS client"},
		"TLS 1.1 only":       {tlsOne, snapshot.TLSAlert, "remote error: tls: protocol version not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, map[string]world.Role{"r": c.role})
			cl := client(w)
			if c.cause == snapshot.Silent {
				cl.Limits.TLS = short
			}
			a := do(t, cl, head(object))
			ends(t, a, snapshot.TLS, c.cause, c.text)
			// A reset at once may come before there is a handshake.
			if name != "reset" && (a.Handshake == nil || a.Handshake.SNI != host) || c.cause != snapshot.Reset && a.Handshake.HelloBytes < 1000 {
				t.Errorf("%+v", a.Handshake)
			}
			if !a.Reached() {
				t.Error("the connection was made")
			}
		})
	}
}

func TestTLSOnAPortThatIsAddressedAsHTTP(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	req := head("http://" + host + ":443/v2/library/nginx/manifests/1")
	req.Method = "GET"
	a := do(t, client(w), req)
	ends(t, a, snapshot.Manifest, snapshot.Status, "400 Bad Request")
	if !strings.Contains(a.Response.Head, "Client sent an HTTP request to an HTTPS server") {
		t.Errorf("%+v", a.Response)
	}
	w = play(t, map[string]world.Role{"r": {Listen: hostAddr + ":80", Registry: &world.Holds{}, Faults: []world.Fault{{Do: world.DoNotHTTP}}}})
	a = do(t, client(w), get("http://"+host+"/v2/"))
	ends(t, a, snapshot.Manifest, snapshot.NotHTTP, `malformed HTTP response "\x15\x03\x01`)
}

func TestVariationsOfTheHandshake(t *testing.T) {
	hello, filter, vhost := registry(), registry(), registry()
	hello.Gate.MaxHello = 1000
	filter.Gate.Refuse = []string{host}
	vhost.TLS = &world.TLS{Kind: world.WrongHost, BySNI: map[string]world.Cert{"known.example": {Names: []string{"known.example"}}}}
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		role  world.Role
		vary  upstream.Vary
		check func(*snapshot.Attempt, *world.World) bool
	}{
		"classic hello": {hello, upstream.Vary{Classic: true}, func(a *snapshot.Attempt, _ *world.World) bool { return a.Fault() == nil }},
		"neutral name": {filter, upstream.Vary{SNI: text("example.com"), LookOnly: true}, func(a *snapshot.Attempt, _ *world.World) bool {
			return a.Fault() == nil && a.Handshake.SNI == "example.com"
		}},
		"no name":        {filter, upstream.Vary{SNI: text(""), LookOnly: true}, func(a *snapshot.Attempt, _ *world.World) bool { return a.Fault() == nil && a.Handshake.SNI == "" }},
		"presented name": {vhost, upstream.Vary{SNI: text("known.example"), LookOnly: true}, func(a *snapshot.Attempt, _ *world.World) bool { return leaf(a).VerifyHostname("known.example") == nil }},
		"another pool":   {registry(), upstream.Vary{Roots: upstream.NewRoots()}, func(a *snapshot.Attempt, _ *world.World) bool { return a.Handshake.Reason == snapshot.UnknownAuthority }},
		"in ten years":   {registry(), upstream.Vary{At: time.Now().AddDate(10, 0, 0)}, func(a *snapshot.Attempt, _ *world.World) bool { return a.Handshake.Reason == snapshot.Expired }},
		"last year":      {registry(), upstream.Vary{At: time.Now().AddDate(-1, 0, 0)}, func(a *snapshot.Attempt, _ *world.World) bool { return a.Handshake.Reason == snapshot.NotYetValid }},
		"look only, bad": {presents(world.SelfSigned, host), upstream.Vary{LookOnly: true}, func(a *snapshot.Attempt, w *world.World) bool {
			return a.Fault() == nil && !a.Handshake.Verified && len(a.Handshake.Chain) == 1 && a.Response == nil && len(w.Requests("r")) == 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, map[string]world.Role{"r": c.role})
			req := head(object)
			req.Vary = c.vary
			if a := do(t, client(w), req); !c.check(a, w) {
				t.Errorf("%+v %+v", a.Fault(), a.Handshake)
			}
		})
	}
}

func leaf(a *snapshot.Attempt) *x509.Certificate {
	if a.Handshake == nil || len(a.Handshake.Chain) == 0 {
		return &x509.Certificate{}
	}
	c, err := x509.ParseCertificate(a.Handshake.Chain[0])
	if err != nil {
		return &x509.Certificate{}
	}
	return c
}

func TestTheEndpointsOwnCAIsAddedToThePool(t *testing.T) {
	w := play(t, map[string]world.Role{"r": presents(world.Interception, host)})
	files := map[string][]byte{"/certs/ca.pem": w.PKI.Interceptor.PEM(), "/certs/junk.pem": []byte("junk"), "/certs/der": w.PKI.Interceptor.Cert.Raw}
	c := client(w)
	c.ReadFile = func(path string) ([]byte, error) {
		if data, ok := files[path]; ok {
			return data, nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	req := head(object)
	req.Endpoint.TLS = route.TLS{CA: []string{"/certs/ca.pem"}}
	a := do(t, c, req)
	succeeds(t, a)
	if h := a.Handshake; h.RootFile != "/certs/ca.pem" || !slices.Equal(h.Trusted, []string{"system", "/certs/ca.pem"}) {
		t.Errorf("%+v", h)
	}
	for path, text := range map[string]string{
		"/certs/none":     `unable to read CA cert "/certs/none": open /certs/none: file does not exist`,
		"/certs/junk.pem": `unable to load CA cert "/certs/junk.pem"`,
		"/certs/der":      `unable to load CA cert "/certs/der"`,
	} {
		req.Endpoint.TLS.CA = []string{path}
		ends(t, do(t, c, req), snapshot.Connect, snapshot.BadConfig, text)
	}
}

func TestClientCertificates(t *testing.T) {
	r := registry()
	r.TLS.Clients = true
	w := play(t, map[string]world.Role{"r": r})
	mine, err := w.PKI.Certificate(world.ClientOnly, "node1")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := w.PKI.Interceptor.Issue(world.Leaf{CommonName: "node1", Client: true})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, cert := range map[string]world.Certificate{"mine": mine, "stranger": stranger} {
		key, err := cert.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		files[name+".crt"], files[name+".key"], files[name+".pem"] = cert.PEM(), key, append(cert.PEM(), key...)
	}
	c := client(w)
	c.ReadFile = func(path string) ([]byte, error) {
		if data, ok := files[path]; ok {
			return data, nil
		}
		return nil, errors.New("no such file")
	}
	for name, x := range map[string]struct {
		pairs []route.Pair
		cause snapshot.Cause
		text  string
		sent  bool
	}{
		"pair":       {[]route.Pair{{Cert: "mine.crt", Key: "mine.key"}}, "", "", true},
		"one file":   {[]route.Pair{{Cert: "mine.pem"}}, "", "", true},
		"none":       {nil, snapshot.TLSAlert, "remote error: tls: certificate required", false},
		"unfit":      {[]route.Pair{{Cert: "stranger.pem"}}, snapshot.TLSAlert, "certificate required", false},
		"missing":    {[]route.Pair{{Cert: "none.crt"}}, snapshot.BadConfig, `unable to read CERT file "none.crt"`, false},
		"mismatched": {[]route.Pair{{Cert: "mine.crt", Key: "stranger.key"}}, snapshot.BadConfig, "failed to load X509 key pair", false},
	} {
		t.Run(name, func(t *testing.T) {
			req := head(object)
			req.Endpoint.TLS.Client = x.pairs
			a := do(t, c, req)
			if x.cause == "" {
				succeeds(t, a)
			} else if f := a.Fault(); f == nil || f.Cause != x.cause || !strings.Contains(f.Text, x.text) || x.cause == snapshot.TLSAlert && f.Stage != snapshot.TLS {
				t.Errorf("%+v, want %s %q", f, x.cause, x.text)
			}
			if h := a.Handshake; h != nil && (!h.WantsCert || h.SentCert != x.sent || len(h.WantsFrom) != 1 || !strings.Contains(h.WantsFrom[0], "Example Root CA")) {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestSkipVerifyIsObeyedAndSeen(t *testing.T) {
	w := play(t, map[string]world.Role{"r": presents(world.SelfSigned, host)})
	req := head(object)
	req.Endpoint.TLS = route.TLS{SkipVerify: true, Set: true}
	a := do(t, client(w), req)
	succeeds(t, a)
	if h := a.Handshake; h.Verified || h.Reason != snapshot.UnknownAuthority || h.Verify == "" {
		t.Errorf("%+v", h)
	}
}

func TestRootsRememberTheirFiles(t *testing.T) {
	pki, err := world.NewPKI(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := upstream.NewRoots(upstream.File{Path: "a", Data: pki.Root.PEM()}, upstream.File{Path: "b", Data: pki.Interceptor.Cert.Raw}, upstream.File{Path: "c", Data: []byte("x")})
	if r.Size() != 2 {
		t.Errorf("%d certificates, want one of PEM and one of DER", r.Size())
	}
	more, err := r.With("d", append([]byte("# comment\n"), pki.Twin.PEM()...))
	if err != nil || more.Size() != 3 || r.Size() != 2 {
		t.Errorf("%v %d %d", err, more.Size(), r.Size())
	}
	if (*upstream.Roots)(nil).Size() != 0 {
		t.Error("nil is the empty pool")
	}
	if more, err := (*upstream.Roots)(nil).With("d", pki.Twin.PEM()); err != nil || more.Size() != 1 {
		t.Error(err)
	}
}
