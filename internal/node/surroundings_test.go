package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

func TestHostsFileIsReadAsGoReadsIt(t *testing.T) {
	r := openRoot(t, writeTree(t, map[string]string{"etc/hosts": "127.0.0.1 localhost  vm\n# 1.2.3.4 no\n\n10.0.0.1\tr.example # 5.6.7.8 x\nbroken name\n::1 six\nfe80::1%lo zone\r\n10.0.0.2\n"}))
	var got []string
	for _, l := range Hosts(r) {
		got = append(got, fmt.Sprintf("%s %s %v", l.At, l.Addr, l.Names))
	}
	want := []string{"/etc/hosts:1 127.0.0.1 [localhost vm]", "/etc/hosts:4 10.0.0.1 [r.example]", "/etc/hosts:6 ::1 [six]", "/etc/hosts:7 fe80::1%lo [zone]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if Hosts(openRoot(t, t.TempDir())) != nil {
		t.Error("lines of a file that is not there")
	}
}

func TestResolvConfIsReadAsGoReadsIt(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"plain", map[string]string{"etc/resolv.conf": "nameserver 10.0.0.1\nnameserver fe80::1%eth0\n"}, "10.0.0.1:53:1 [fe80::1%eth0]:53:2 search[corp.example] ndots1 5s 2 "},
		{"options", map[string]string{"etc/resolv.conf": "search a b .\noptions ndots:5 timeout:0 attempts:9 rotate\n ; x\nnameserver 10.0.0.1\n"}, "10.0.0.1:53:4 search[a b] ndots5 1s 9 "},
		{"domain and an empty search", map[string]string{"etc/resolv.conf": "domain x.example\nsearch\nnameserver 10.0.0.1"}, "10.0.0.1:53:3 search[] ndots1 5s 2 "},
		{"too many options", map[string]string{"etc/resolv.conf": "options ndots:99 ndots:x timeout\nnameserver 1.1.1.1"}, "1.1.1.1:53:2 search[corp.example] ndots15 5s 2 "},
		{"three servers at most", map[string]string{"etc/resolv.conf": strings.Repeat("nameserver 10.0.0.1\n", 5)}, "10.0.0.1:53:1 10.0.0.1:53:2 10.0.0.1:53:3 search[corp.example] ndots1 5s 2 "},
		{"comments", map[string]string{"etc/resolv.conf": "#nameserver 1.1.1.1\n;nameserver 2.2.2.2\n"}, "search[corp.example] ndots1 5s 2 no line gives the address of one"},
		{"no address", map[string]string{"etc/resolv.conf": "nameserver dns.example\n"}, "search[corp.example] ndots1 5s 2 no line gives the address of one"},
		{"empty", map[string]string{"etc/resolv.conf": " \n"}, "search[corp.example] ndots1 5s 2 it is empty"},
		{"absent", map[string]string{"etc/": ""}, "search[corp.example] ndots1 5s 2 it does not exist"},
		{"dangling", map[string]string{"etc/resolv.conf": "-> ../run/systemd/resolve/stub-resolv.conf"}, "search[corp.example] ndots1 5s 2 it is a link to ../run/systemd/resolve/stub-resolv.conf, which does not exist"},
		{"a directory", map[string]string{"etc/resolv.conf/": ""}, "search[corp.example] ndots1 5s 2 it is not a regular file"},
		{"a loop", map[string]string{"etc/resolv.conf": "-> resolv.conf"}, "search[corp.example] ndots1 5s 2 too many levels of symbolic links"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := ReadResolv(openRoot(t, writeTree(t, tt.files)), "node1.corp.example")
			got := ""
			for _, s := range c.Servers {
				got += fmt.Sprintf("%s:%d ", s.Addr, s.At.Line)
			}
			got += fmt.Sprintf("search%v ndots%d %v %d %s", c.Search, c.Ndots, c.Timeout, c.Attempts, c.Problem)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestNsswitchTellsTheOrder(t *testing.T) {
	for text, want := range map[string]string{
		"passwd: files\nhosts:\t files mdns4_minimal [NOTFOUND=return] dns # x\n": "[files mdns4_minimal dns]",
		"hosts: dns[!UNAVAIL=return]files":                                        "[dns files]",
		"hosts: dns [x":                                                           "[dns]",
		"# hosts: dns\n":                                                          "[]",
	} {
		r := openRoot(t, writeTree(t, map[string]string{"etc/nsswitch.conf": text}))
		if got := fmt.Sprint(Sources(r)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Whatever the files hold, what is read of them stands where it is said to.
func FuzzNames(f *testing.F) {
	f.Add("127.0.0.1 a b # c\nsearch x\noptions ndots:2 timeout:9\nnameserver ::1\nhosts: files [!x=y] dns\n")
	f.Add("nameserver fe80::1%eth0\r\n\t\nhosts:[\noptions attempts:-1 ndots:")
	f.Fuzz(func(t *testing.T, text string) {
		file := source.File{Path: "/f", Data: []byte(text)}
		for _, h := range parseHosts(file) {
			if line := source.Line(file.Data, h.At.Line); !strings.Contains(line, h.Addr) || len(h.Names) == 0 {
				t.Fatalf("%+v is not in %q", h, line)
			}
		}
		c := parseResolv(file)
		if len(c.Servers) > 3 || c.Ndots < 0 || c.Ndots > 15 || c.Timeout < time.Second || c.Attempts < 1 {
			t.Fatalf("%+v", c)
		}
		for _, s := range c.Servers {
			host := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(s.Addr, ":53"), "["), "]")
			if !strings.Contains(source.Line(file.Data, s.At.Line), host) {
				t.Fatalf("%+v", s)
			}
		}
		for _, s := range parseSources(file.Data) {
			if strings.ContainsAny(s, "[ \t\n#") {
				t.Fatalf("source %q", s)
			}
		}
	})
}

func FuzzConfigurations(f *testing.F) {
	f.Add("a: b\nc: [d]\n? e\n: &x f\ng: *x\n")
	f.Add("root = 'a'\nimports = [1, 'b']\n[grpc]\naddress = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := source.File{Path: "/f", Data: []byte(text)}
		for _, s := range scalars(file) {
			if s.at.Line < 1 {
				t.Fatalf("%+v of %q", s, text)
			}
		}
		for _, grammar := range []tomldoc.Grammar{tomldoc.V1, tomldoc.V2} {
			if doc, bad := tomldoc.Decode(grammar, "/f", file.Data); bad == nil {
				new(daemon).merge(doc)
			}
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("1 (a) b) c) S 2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1000 0"))
	f.Add([]byte("1 )( S"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if comm, _, _, ok := parseStat(data); ok && !strings.Contains(string(data), "("+comm+")") {
			t.Fatalf("name %q of %q", comm, data)
		}
		stanza(data, "Package: a", "Version: ", "")
		mask(string(data))
		recognise(&process{args: strings.Split(string(data), "\x00")})
	})
}

// certificate makes a CA certificate in PEM.
func certificate(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func anchors(p Pool) []string {
	var out []string
	for i, a := range p.Trust.Anchors {
		text := strings.TrimPrefix(a.Subject, "CN=") + " " + a.File
		if !a.Changed.IsZero() {
			text += " dated"
		}
		if a.Local {
			text += " local"
		}
		if p.Certs[i].Subject.String() != a.Subject {
			text += " with another certificate"
		}
		out = append(out, text)
	}
	return out
}

func TestThePoolIsTheOneThatGoLoads(t *testing.T) {
	a, b, c, d, e := certificate(t, "a"), certificate(t, "b"), certificate(t, "c"), certificate(t, "d"), certificate(t, "e")
	junk := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	withHeader := strings.Replace(e, "-----\n", "-----\nProc-Type: 4\n\n", 1)
	tests := []struct {
		name  string
		files map[string]string
		env   map[string]string
		want  []string
		bad   string
	}{
		{
			name: "Debian: bundle, links to single files, links within the directory",
			files: map[string]string{
				"etc/ssl/certs/ca-certificates.crt": a + junk + b, "etc/ssl/certs/b.pem": "-> /usr/local/share/ca-certificates/b.crt",
				"usr/local/share/ca-certificates/b.crt": b, "etc/ssl/certs/0a0b.0": "-> b.pem", "etc/ssl/certs/c.pem": c, "etc/ssl/certs/java/": "",
				"etc/ssl/certs/same.pem": "-> d.pem", "etc/pki/tls/certs/extra": d, "etc/pki/tls/certs/gone.pem": "-> /nowhere",
			},
			want: []string{"a /etc/ssl/certs/ca-certificates.crt", "b /usr/local/share/ca-certificates/b.crt dated local", "c /etc/ssl/certs/c.pem dated local", "d /etc/pki/tls/certs/extra dated local"},
		},
		{
			name: "RHEL: the first bundle only, an anchor with its source",
			files: map[string]string{
				"etc/pki/tls/certs/ca-bundle.crt": "-> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": a + b,
				"etc/ssl/cert.pem": c, "etc/pki/ca-trust/source/anchors/corp.pem": b,
			},
			want: []string{"a /etc/pki/tls/certs/ca-bundle.crt", "b /etc/pki/ca-trust/source/anchors/corp.pem dated local"},
		},
		{
			name: "RHEL: what the distribution ships, and a certificate appended by hand",
			files: map[string]string{
				"etc/pki/tls/certs/ca-bundle.crt":                         a + b + c,
				"usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit":   "[p11-kit-object-v1]\nlabel: \"a\"\n" + a + "\n[x]\n" + b,
				"usr/share/pki/ca-trust-source/anchors/of-the-vendor.crt": b,
			},
			want: []string{"a /etc/pki/tls/certs/ca-bundle.crt", "b /usr/share/pki/ca-trust-source/anchors/of-the-vendor.crt dated local", "c /etc/pki/tls/certs/ca-bundle.crt dated local"},
		},
		{
			name: "Debian: what the distribution ships, and a certificate appended by hand",
			files: map[string]string{
				"etc/ssl/certs/ca-certificates.crt": a + b + c, "etc/ssl/certs/a.pem": "-> /usr/share/ca-certificates/mozilla/a.crt",
				"usr/share/ca-certificates/mozilla/a.crt": a, "etc/ssl/certs/b.pem": b, "usr/share/ca-certificates/mozilla/b.crt": b,
			},
			want: []string{"a /usr/share/ca-certificates/mozilla/a.crt dated", "b /etc/ssl/certs/b.pem dated", "c /etc/ssl/certs/ca-certificates.crt dated local"},
		},
		{
			name: "SSL_CERT_FILE, relative, keeps the directories",
			files: map[string]string{
				"etc/ssl/certs/ca-certificates.crt": a, "srv/x.pem": b + withHeader, "etc/pki/tls/certs/c.crt": c,
			},
			env:  map[string]string{"SSL_CERT_FILE": "x.pem"},
			want: []string{"b /srv/x.pem dated local", "a /etc/ssl/certs/ca-certificates.crt dated local", "c /etc/pki/tls/certs/c.crt dated local"},
		},
		{
			name:  "SSL_CERT_DIR, a list",
			files: map[string]string{"etc/ssl/certs/ca-certificates.crt": a + b, "one/c.pem": c, "two/d.pem": d, "etc/ssl/certs/e.pem": e},
			env:   map[string]string{"SSL_CERT_DIR": "/one:/two:/three"},
			want:  []string{"a /etc/ssl/certs/ca-certificates.crt", "b /etc/ssl/certs/ca-certificates.crt", "c /one/c.pem dated local", "d /two/d.pem dated local"},
		},
		{name: "nothing", files: map[string]string{"etc/": ""}, bad: "no certificates in /etc/ssl/certs/ca-certificates.crt"},
		{
			name: "a file that is not there", files: map[string]string{"etc/": ""}, env: map[string]string{"SSL_CERT_FILE": "/x.pem", "SSL_CERT_DIR": "/y"},
			bad: "no certificates in /x.pem, /y",
		},
		{
			name: "a file that cannot be read", files: map[string]string{"x.pem": "-> x.pem"}, env: map[string]string{"SSL_CERT_FILE": "/x.pem"},
			bad: "/x.pem: too many levels of symbolic links",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ReadPool(openRoot(t, writeTree(t, tt.files)), tt.env, "/srv")
			if got := anchors(p); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if tt.bad == "" != (p.Trust.Problem == "") || !strings.HasPrefix(p.Trust.Problem, tt.bad) {
				t.Errorf("problem %q, want %q", p.Trust.Problem, tt.bad)
			}
		})
	}
}

func TestThePoolOfThisMachineIsThatOfGo(t *testing.T) {
	want, err := x509.SystemCertPool()
	if err != nil {
		t.Skipf("not looked at: %v", err)
	}
	got := x509.NewCertPool()
	env := map[string]string{"SSL_CERT_FILE": os.Getenv("SSL_CERT_FILE"), "SSL_CERT_DIR": os.Getenv("SSL_CERT_DIR")}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range ReadPool(openRoot(t, "/"), env, dir).Certs {
		got.AddCert(c)
	}
	if !got.Equal(want) {
		t.Error("the pool of this machine differs from what crypto/x509 loads")
	}
}

func TestStraysAreCAsThatNobodyTrusts(t *testing.T) {
	a, b, c := certificate(t, "a"), certificate(t, "b"), certificate(t, "c")
	r := openRoot(t, writeTree(t, map[string]string{
		"etc/ssl/certs/ca-certificates.crt": a, "etc/docker/certs.d/r.example:5000/ca.crt": b, "etc/docker/certs.d/s.example/ca.crt": b,
		"usr/local/share/ca-certificates/c.pem": c, "etc/containerd/certs.d/x/ca.crt": a, "etc/containerd/certs.d/x/client.key": c,
	}))
	var got []string
	for _, s := range ReadPool(r, nil, "/").Strays(r) {
		got = append(got, s.Cert.Subject.CommonName+" "+s.File)
	}
	if want := []string{"c /usr/local/share/ca-certificates/c.pem", "b /etc/docker/certs.d/r.example:5000/ca.crt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACertificateIsAsNewAsItsInodeOrItsLink(t *testing.T) {
	dir := writeTree(t, map[string]string{"etc/ssl/certs/": "", "src/a.crt": certificate(t, "a"), "etc/pki/tls/certs/b.pem": certificate(t, "b")})
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"src/a.crt", "etc/pki/tls/certs/b.pem"} {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	written := time.Now()
	time.Sleep(20 * time.Millisecond) // so that the kernel's coarse clock moves on
	if err := os.Symlink("/src/a.crt", filepath.Join(dir, "etc/ssl/certs/a.pem")); err != nil {
		t.Fatal(err)
	}
	p := ReadPool(openRoot(t, dir), nil, "/")
	if a := p.Trust.Anchors[0]; !a.Changed.After(written) || a.File != "/src/a.crt" {
		t.Errorf("the anchor is of %v, from %s; its link was made after %v", a.Changed, a.File, written)
	}
	if b := p.Trust.Anchors[1]; b.Changed.Before(written.Add(-time.Minute)) {
		t.Errorf("the anchor is of %v, though its inode changed just now", b.Changed)
	}
}

func TestDisksAreThoseBelowTheData(t *testing.T) {
	dir := writeTree(t, map[string]string{"var/lib/containerd/io.containerd.snapshotter.v1.native/": ""})
	r := openRoot(t, dir)
	got, unseen := Disks(r, "/var/lib/containerd")
	if len(got) != 2 || unseen != nil || got[0].Path != "/var/lib/containerd" || got[1].Path != "/var/lib/containerd/io.containerd.snapshotter.v1.native" {
		t.Fatalf("%+v", got)
	}
	for _, d := range got {
		if d.Total == 0 || d.Free > d.Total || d.ReadOnly {
			t.Errorf("%+v", d)
		}
	}
	if got, _ := Disks(r, "/nowhere/at/all"); len(got) != 2 || got[0].Path != "/" {
		t.Errorf("%+v", got)
	}
}
