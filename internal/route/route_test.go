package route

import (
	"net"
	"strings"
	"testing"
)

func TestPortsAreFoundAsGoFindsThem(t *testing.T) {
	for _, host := range []string{
		"", ":", "a", "a:", "a:1", "a:b:1", "[::1]", "[::1]:5000", "[::1]5000", "[::1", "::1", "::1:5000",
		"[a:1", "a]:1", "[a]:[1", "[[a]]:1", "[a]:1]", "[a]b:1", "127.0.0.1:80", "[fe80::1%eth0]:1", "[]:1", "x:y]",
	} {
		wantHost, wantPort, err := net.SplitHostPort(host)
		gotHost, gotPort, ok := splitPort(host)
		if ok != (err == nil) || gotHost != wantHost || gotPort != wantPort {
			t.Errorf("%q: got %q %q %v, Go says %q %q %v", host, gotHost, gotPort, ok, wantHost, wantPort, err)
		}
	}
}

func TestLocalhostIsMatchedAsContainerdMatchesIt(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "LOCALHOST": false, "localhost.localdomain": false,
		"127.0.0.1": true, "127.9.8.7:80": true, "127.1": false, "127.0.0.01": false, "128.0.0.1": false,
		"::1": true, "[::1]": false, "[::1]:5000": true, "[::ffff:127.0.0.1]:1": true, "[::2]:1": false,
		"[::1%lo]:1": false, "registry.example": false, "": false,
	} {
		if got := IsLocalhost(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

func TestTheSchemeOfLocalhostDependsOnTheVersion(t *testing.T) {
	for _, c := range []struct{ version, bare, p80, p443, p5000 string }{
		{"1.6.8", "https", "https", "https", "https"},
		{"1.6.20", "http", "http", "http", "http"},
		{"1.6.25", "https unverified", "http", "https unverified", "https unverified, http"},
		{"1.7.6", "http", "http", "http", "http"},
		{"1.7.7", "https unverified, http", "https unverified, http", "https unverified, http", "https unverified, http"},
		{"1.7.8", "https unverified", "http", "https unverified", "https unverified, http"},
		{"2.4.2", "https unverified", "http", "https unverified", "https unverified, http"},
	} {
		table := Table{Target: Target{Containerd: MustVersion(c.version)}}
		for host, want := range map[string]string{
			"localhost": c.bare, "localhost:80": c.p80, "localhost:443": c.p443, "127.0.0.1:5000": c.p5000,
		} {
			if got := schemeOf(table.Default(host)); got != want {
				t.Errorf("containerd %s, %s: got %q, want %q", c.version, host, got, want)
			}
		}
	}
}

func schemeOf(e Endpoint) string {
	out := []string{e.Scheme}
	if e.Scheme == "https" && e.TLS.SkipVerify {
		out[0] += " unverified"
	}
	if e.PlainFallback {
		out = append(out, "http")
	}
	return strings.Join(out, ", ")
}

func TestLocalhostIsNeverVerifiedWhateverTheFileSays(t *testing.T) {
	root := Endpoint{Role: Upstream, TLS: TLS{CA: []string{"/ca.pem"}, Set: true}}
	table := Table{Routes: []Route{{Match: "localhost:5000", Upstream: &root}}}
	got := table.Endpoints("localhost:5000")
	if len(got) != 1 || !got[0].TLS.SkipVerify || len(got[0].TLS.CA) != 1 || !got[0].PlainFallback {
		t.Errorf("got %+v", got)
	}
}

func TestARouteThatFailsAsksNobody(t *testing.T) {
	ref, err := ParseRef("r.example/a/b:1")
	if err != nil {
		t.Fatal(err)
	}
	table := Table{Routes: []Route{{Match: "r.example", Upstream: &Endpoint{Serves: Pull | Resolve}, Fails: "the CA file is missing"}}}
	if got := table.Resolve(ref); got != nil {
		t.Errorf("resolve: got %v", got)
	}
	if got := table.Fetch(ref, Blobs, "sha256:0"); got != nil {
		t.Errorf("fetch: got %v", got)
	}
	table.Routes[0].Fails = ""
	if got := table.Resolve(ref); len(got) != 1 || got[0].URL != "https://r.example/v2/a/b/manifests/1" {
		t.Errorf("got %v", got)
	}
}

func TestTheNamespaceIsNamedToEveryOtherHost(t *testing.T) {
	for image, want := range map[string]string{
		"nginx":             "https://registry-1.docker.io/v2/library/nginx/manifests/latest",
		"r.example:5000/a":  "https://r.example:5000/v2/a/manifests/latest",
		"r.example/a@" + d0: "https://r.example/v2/a/manifests/" + d0,
	} {
		ref, err := ParseRef(image)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Table{}).Resolve(ref); len(got) == 0 || got[0].URL != want {
			t.Errorf("%s: got %v, want %s", image, got, want)
		}
	}
	ref, _ := ParseRef("nginx")
	mirror := Endpoint{Scheme: "https", Host: "m.example", Path: "/v2/hub"}
	if got, want := mirror.Object(ref, Manifests, "latest"), "https://m.example/v2/hub/library/nginx/manifests/latest?ns=docker.io"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const d0 = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
