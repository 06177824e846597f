package buildkit

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/util/resolver"

	"github.com/towpath-dev/towpath/internal/dialect/buildkit"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// each is how many generated and how many mutated files are compared.
const each = 1200

func TestBuildkitdTomlIsReadAsBuildKitReadsIt(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", os.DevNull)
	t.Setenv("SSL_CERT_DIR", t.TempDir())
	files := pki(t)
	sound := generated()
	texts := slices.Concat(fixed, sound[:each], dialecttest.Mutate(slices.Concat(sound, fixed), swaps, 1, each))
	counts := map[string]int{}
	for i, text := range texts {
		text = strings.ReplaceAll(text, "/pki", files[0].Path)
		if diff := compare(text, files, counts); diff != "" {
			t.Errorf("input %d: %s\n%s", i, diff, text)
		}
	}
	t.Logf("%d inputs: %v", len(texts), counts)
	if counts["refused"] < 200 || counts["hosts"] < 5000 || counts["failing"] < 10 {
		t.Error("too few inputs of some sort")
	}
}

// pki writes the certificates that generated files name. The first of the files
// is their directory.
func pki(t *testing.T) []source.File {
	dir := t.TempDir()
	files := []source.File{{Path: dir, Kind: source.Directory}}
	for _, f := range dialecttest.Certificates() {
		f.Path = filepath.Join(dir, filepath.Base(f.Path))
		if err := os.WriteFile(f.Path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	sub := filepath.Join(dir, "d")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	files = append(files, source.File{Path: sub, Kind: source.Directory})
	for name, from := range map[string]int{"a.crt": 1, "node.cert": 3, "node.key": 4} {
		f := source.File{Path: filepath.Join(sub, name), Data: files[from].Data}
		if err := os.WriteFile(f.Path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// generated are files that Towpath writes for random tables.
func generated() []string {
	shape := dialecttest.Shape{Plain: route.PlainCRI, TLS: true, Odd: 10}
	var out []string
	for i, table := range dialecttest.Tables(route.Target{}, shape, 9, 4*each) {
		if files := buildkit.Render(table, nil); len(files) > 0 {
			out = append(out, around[i%len(around)]+string(files[0].Data))
		}
	}
	return out
}

// around is what stands in front of the registries.
var around = []string{
	"", "debug = true\n", "[worker.oci]\n  enabled = true\n  gckeepstorage = \"10GB\"\n  [[worker.oci.gcpolicy]]\n    keepDuration = \"48h\"\n    filters = [ \"type==source.local\" ]\n",
	"[grpc]\n  address = [ \"tcp://0.0.0.0:1234\" ]\n  [grpc.tls]\n    cert = \"/c\"\n", "[worker.containerd]\n  labels = { a = \"b\" }\n  reservedSpace = \"20%\"\n  cniPoolSize = 16\n",
	"[system]\n  platformsCacheMaxAge = \"1h\"\n[dns]\n  nameservers=[\"1.1.1.1\"]\n[history]\n  maxAge = 172800\n  maxEntries = 50\n", "[log]\nformat = \"json\"\n[frontend.\"gateway.v0\"]\nenabled = true\n",
}

var fixed = []string{
	"", "# nothing\n", "[registry]\n", "registry = {}\n", "registry = []\n", "registry = 1\n", "[registry.\"docker.io\"]\n",
	"[registry.\"docker.io\"]\n  mirrors = [\"https://m.example/path\", \"http://m2.example\", \"m3.example:5000/a/b/\", \"\", \"/x\", \"a b\", \"u:p@h.example/y\", \"localhost:5000\"]\n",
	"[registry.\"localhost:5000\"]\n  insecure = true\n", "[registry.\"localhost:5000\"]\n  http = false\n", "[registry.\"[::1]:5000\"]\n  insecure = true\n[registry.\"[::1]\"]\n[registry.\"::1\"]\n",
	"[registry.\"r.example\"]\n  http = true\n  insecure = true\n  ca = [\"/pki/ca.pem\"]\n", "[registry.\"r.example\"]\n  http = true\n  ca = [\"/pki/none.pem\"]\n",
	"[registry.\"r.example\"]\n  tlsconfigdir = [\"/pki/d\", \"/nowhere\"]\n", "[registry.\"r.example\"]\n  ca = [\"/pki/d\"]\n", "[registry.\"r.example\"]\n  ca = [\"/pki/client.key\"]\n",
	"[registry.\"r.example\"]\n[[registry.\"r.example\".keypair]]\n  key = \"/pki/client.key\"\n  cert = \"/pki/client.pem\"\n", "[registry.\"r.example\"]\n[[registry.\"r.example\".keypair]]\n  key = \"/pki/ca.pem\"\n  cert = \"/pki/client.pem\"\n",
	"[registry.\"r.example\"]\n[[registry.\"r.example\".keypair]]\n  cert = \"/pki/client.pem\"\n", "[registry.\"*\"]\n  mirrors = [\"m.example\"]\n[registry.\"\"]\n  http = true\n",
	"[registry.\"docker.io\"]\n  mirrors = [\"docker.io\", \"registry-1.docker.io\"]\n[registry.\"registry-1.docker.io\"]\n  insecure = true\n",
	"[registry.\"docker.io\"]\n  Mirrors = [\"m.example\"]\n  HTTP = true\n  unknown = 1\n", "[worker.oci]\n  gckeepstorage = 1\n", "[worker.oci]\n  gckeepstorage = \"x\"\n", "[worker.oci]\n  enabled = \"true\"\n",
	"[worker.oci]\n  gckeepstorage = \"1.5 GiB\"\n  maxUsedSpace = \"-1\"\n", "[history]\n  maxAge = \"two days\"\n", "[grpc]\n  uid = \"0\"\n", "[registry.\"a\"]\nhttp = true\nhttp = true\n", "[registry.\"a\"]\n[registry.\"a\"]\n",
}

// swaps are what people write instead.
var swaps = [][2]string{
	{"mirrors", "mirror"}, {"true", "1"}, {"\"m.example", "\"https://m.example"}, {"[\"", "\""}, {"ca = [", "ca = "}, {"registry.", "registries."}, {"http = true", "http = \"true\""},
	{"/pki/ca.pem", "/pki/none.pem"}, {"/pki/client.key", "/pki/ca.pem"}, {"insecure", "Insecure"}, {"docker.io", "index.docker.io"}, {":5000", ""}, {"example", "example/a//b/"}, {"keypair", "keypairs"},
	{"/pki/ca.pem", "/pki"}, {"ca = [", "tlsconfigdir = [\"/pki/d\", "}, {"10GB", "ten"}, {"48h", "48"},
}

// compare says in what the two readings of a file differ.
func compare(text string, files []source.File, counts map[string]int) string {
	theirs, err := config.Load(bytes.NewReader([]byte(text)))
	all := append([]source.File{{Path: "/etc/buildkit/buildkitd.toml", Data: []byte(text)}}, files...)
	ours := buildkit.Parse(all, route.Target{})
	refused := slices.ContainsFunc(ours.Table.Routes, func(r route.Route) bool { return r.Match == route.Any && r.Fails != "" })
	if err != nil || refused {
		counts["refused"]++
		if (err != nil) != refused {
			return fmt.Sprintf("BuildKit says %v, Towpath refuses it: %v", err, refused)
		}
		return ""
	}
	hosts := resolver.NewRegistryConfig(theirs.Registries)
	names := slices.Sorted(maps.Keys(theirs.Registries))
	for _, registry := range append(names, "docker.io", "other.example", "localhost", "localhost:5000", "127.0.0.1:80") {
		if registry == "" || registry == "*" {
			continue // no image has that name
		}
		configured, err := hosts(registry)
		if err != nil && strings.Contains(err.Error(), "open ") && !strings.Contains(err.Error(), "open /") {
			counts["relative"]++ // to a working directory that nobody knows
			continue
		}
		if why := ours.Table.Route(registry).Fails; err != nil || why != "" {
			counts["failing"]++
			if (err != nil) != (why != "") {
				return fmt.Sprintf("%s: BuildKit fails with %v, Towpath with %q", registry, err, why)
			}
			continue
		}
		counts["hosts"] += len(configured)
		if want, got := described(configured), expected(ours.Table.Endpoints(registry), all); want != got {
			return fmt.Sprintf("%s:\n  BuildKit\n%s  Towpath\n%s", registry, want, got)
		}
	}
	return ""
}

func described(hosts []docker.RegistryHost) string {
	var out strings.Builder
	for _, h := range hosts {
		t, fallback := transport(h.Client.Transport)
		fmt.Fprintf(&out, "    %s://%s%s %v", h.Scheme, h.Host, h.Path, uint8(h.Capabilities)&3)
		if tls := t.TLSClientConfig; tls != nil && h.Scheme == "https" {
			fmt.Fprintf(&out, " unverified %v, fallback %v, %d certificates, pool %s", tls.InsecureSkipVerify, fallback, len(tls.Certificates), pool(tls.RootCAs))
		} else {
			out.WriteString(" unverified false, fallback false, 0 certificates, pool -")
		}
		out.WriteString("\n")
	}
	return out.String()
}

func pool(p *x509.CertPool) string {
	if p == nil {
		return "-"
	}
	var names []string
	//lint:ignore SA1019 the pool is not the system's
	for _, s := range p.Subjects() {
		names = append(names, fmt.Sprintf("%x", s))
	}
	slices.Sort(names)
	return "[" + strings.Join(slices.Compact(names), " ") + "]"
}

func expected(endpoints []route.Endpoint, files []source.File) string {
	var out strings.Builder
	for _, e := range endpoints {
		p := "-"
		if len(e.TLS.CA) > 0 {
			own := x509.NewCertPool()
			for _, ca := range e.TLS.CA {
				if f := source.Find(files, ca); f != nil {
					own.AppendCertsFromPEM(f.Data)
				}
			}
			p = pool(own)
		}
		fmt.Fprintf(&out, "    %s://%s%s %v unverified %v, fallback %v, %d certificates, pool %s\n", e.Scheme, e.Host, e.Path, uint8(e.Serves)&3,
			e.TLS.SkipVerify, e.PlainFallback, len(e.TLS.Client), p)
	}
	return out.String()
}

// transport finds the transport below BuildKit's wrappers.
func transport(rt http.RoundTripper) (t *http.Transport, fallback bool) {
	v := reflect.ValueOf(rt)
	for range 10 {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			if x, ok := accessible(v).Interface().(*http.Transport); ok {
				return x, fallback
			}
			v = v.Elem()
		}
		fallback = fallback || v.Type().Name() == "httpFallback"
		next := reflect.Value{}
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Interface && !f.IsNil() && f.Type() == reflect.TypeFor[http.RoundTripper]() {
				next = f
			}
		}
		if !next.IsValid() {
			break
		}
		v = accessible(next)
	}
	panic("no transport found")
}

// accessible lets a test look into what is not exported.
func accessible(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
