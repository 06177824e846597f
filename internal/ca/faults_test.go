package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// workshop makes certificates with faults that New and Issue never make.
type workshop struct {
	t    testing.TB
	root Authority
}

func open(t testing.TB) workshop { return workshop{t, made(t, Profile{Name: "Workshop CA"})} }

// leaf makes a certificate after a change to a good one.
func (w workshop) leaf(change func(*x509.Certificate)) Certificate {
	return w.from(w.root, w.key(elliptic.P256()), change)
}

func (w workshop) from(a Authority, key crypto.Signer, change func(*x509.Certificate)) Certificate {
	w.t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "r.example"}, DNSNames: []string{"r.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(300 * Day),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	change(c)
	cert, err := sign(c, a.Cert, key.Public(), a.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	return Certificate{[]*x509.Certificate{cert, a.Cert}, key}
}

func (w workshop) key(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// rsaKey is one RSA key of a length for all tests: they take long to make.
var rsaKey = func() func(int) *rsa.PrivateKey {
	var mu sync.Mutex
	keys := map[int]*rsa.PrivateKey{}
	return func(bits int) *rsa.PrivateKey {
		mu.Lock()
		defer mu.Unlock()
		if keys[bits] == nil {
			keys[bits], _ = rsa.GenerateKey(rand.Reader, bits)
		}
		return keys[bits]
	}
}()

// sub makes an authority under another one.
func (w workshop) sub(a Authority, name string, change func(*x509.Certificate)) Authority {
	key := w.key(elliptic.P256())
	c := w.from(a, key, func(c *x509.Certificate) {
		*c = x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotBefore: c.NotBefore, NotAfter: now.Add(900 * Day), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		change(c)
	})
	return Authority{c.Chain[0], key}
}

// anyRoot is an authority that may have others below it.
func (w workshop) anyRoot(name string) Authority {
	key := w.key(elliptic.P256())
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-Day), NotAfter: now.Add(1000 * Day), IsCA: true, BasicConstraintsValid: true}
	cert, err := sign(c, c, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return Authority{cert, key}
}

func (w workshop) self(change func(*x509.Certificate)) []byte {
	key := w.key(elliptic.P256())
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "self"}, DNSNames: []string{"self.example"}, NotBefore: now, NotAfter: now.Add(99 * Day)}
	change(c)
	cert, err := sign(c, c, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return PEM(cert)
}

func same(*x509.Certificate) {}

func utf16le(s []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(s))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func block(kind string, data []byte, headers map[string]string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data, Headers: headers})
}

// bag is certificates as PKCS #7.
func bag(t testing.TB, certs ...*x509.Certificate) []byte {
	t.Helper()
	var raw []byte
	for _, c := range certs {
		raw = append(raw, c.Raw...)
	}
	type inner struct{ Type asn1.ObjectIdentifier }
	type signed struct {
		Version    int
		Algorithms []asn1.RawValue `asn1:"set"`
		Content    inner
		Certs      asn1.RawValue
		Signers    []asn1.RawValue `asn1:"set"`
	}
	body, err := asn1.Marshal(signed{1, nil, inner{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}}, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: raw}, nil})
	if err != nil {
		t.Fatal(err)
	}
	out, err := asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: body}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// story is a set of files and what is to be found in them: codes with the number
// and a word of the text.
type story struct {
	name  string
	files []source.File
	q     Question
	want  []string
}

func stories(t *testing.T) []story {
	w := open(t)
	good := w.leaf(same)
	chain := PEM(good.Chain...)
	root := PEM(w.root.Cert)
	one := func(data []byte) []source.File { return []source.File{file("x.crt", data)} }
	leaf := func(change func(*x509.Certificate)) []source.File { return one(PEM(w.leaf(change).Chain...)) }
	asked := func(name string) Question { return Question{Name: name} }
	anyRoot := w.anyRoot("Root with others")
	mid := w.sub(anyRoot, "Middle", same)
	deep := w.from(mid, w.key(elliptic.P256()), same).Chain[0]
	twin := made(t, Profile{Name: "Workshop CA"})
	noFlag := w.sub(anyRoot, "No flag", func(c *x509.Certificate) { c.IsCA = false; c.KeyUsage = 0 })
	noUsage := w.sub(anyRoot, "No usage", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	old, _ := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "r.example"}}, w.key(elliptic.P256()))
	rsaRoot := Authority{nil, rsaKey(2048)}
	rsaTemplate := &x509.Certificate{Subject: pkix.Name{CommonName: "RSA CA"}, NotBefore: now, NotAfter: now.Add(500 * Day), IsCA: true, BasicConstraintsValid: true}
	rsaRoot.Cert, _ = sign(rsaTemplate, rsaTemplate, rsaKey(2048).Public(), rsaKey(2048))
	return []story{
		{"good chain with its root and key", []source.File{file("c", chain), file("r", root), file("k", keyPEM(t, good))}, asked("r.example"), nil},
		{"chain of three", []source.File{file("c", PEM(deep, mid.Cert)), file("r", PEM(anyRoot.Cert))}, asked("r.example"), nil},
		{"windows line ends", one(bytes.ReplaceAll(chain, []byte("\n"), []byte("\r\n"))), Question{}, nil},
		{"remarks between blocks", one(append([]byte("# ours\n"), chain...)), Question{}, nil},

		{"empty", one([]byte(" \n")), Question{}, []string{"syntax/no-certificate empty"}},
		{"text", one([]byte("127.0.0.1 localhost\n")), Question{}, []string{"syntax/no-certificate holds no"}},
		{"html", one([]byte("<!DOCTYPE html><html>login")), Question{}, []string{"syntax/no-certificate HTML"}},
		{"unread", []source.File{{Path: "x", Problem: "it is larger than 4 MiB"}}, Question{}, []string{"syntax/no-certificate larger"}},
		{"directory", []source.File{{Path: "x", Kind: source.Directory}}, Question{}, []string{"syntax/no-certificate regular"}},
		{"java", one([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2}), Question{}, []string{"syntax/no-certificate Java"}},
		{"pkcs12", one(append([]byte{0x30, 0x82, 9, 9, 2, 1, 3, 0x30, 0x82, 9, 0}, oidData...)), Question{}, []string{"syntax/no-certificate PKCS #12"}},
		{"ssh", one(block("OPENSSH PRIVATE KEY", []byte("x"), nil)), Question{}, []string{"syntax/no-certificate SSH"}},
		{"other blocks", one(block("DH PARAMETERS", []byte("x"), nil)), Question{}, []string{"syntax/no-certificate holds no"}},

		{"der", one(w.root.Cert.Raw), Question{}, []string{"tls/ca-file-encoding DER"}},
		{"pkcs7 binary", one(bag(t, w.root.Cert)), Question{}, []string{"tls/ca-file-encoding PKCS #7"}},
		{"pkcs7 text", one(block("PKCS7", bag(t, w.root.Cert), nil)), Question{}, []string{"tls/ca-file-encoding PKCS #7"}},
		{"utf16", one(utf16le(chain)), Question{}, []string{"tls/ca-file-encoding UTF-16"}},
		{"bom", one(append([]byte("\xef\xbb\xbf"), chain...)), Question{}, []string{"tls/ca-file-encoding byte order mark"}},
		{"indented", one(append([]byte("  "), root...)), Question{}, []string{"tls/ca-file-encoding beginning of a line"}},
		{"headers", one(block("CERTIFICATE", w.root.Cert.Raw, map[string]string{"Bag": "x"})), Question{}, []string{"tls/ca-file-encoding header lines"}},
		{"trusted", one(block("TRUSTED CERTIFICATE", append(slices.Clone(w.root.Cert.Raw), 0x30, 0), nil)), Question{}, []string{"tls/ca-file-encoding TRUSTED"}},
		{"cut", one(root[:len(root)/2]), Question{}, []string{"tls/ca-file-encoding cut short"}},
		{"damaged", one(bytes.Replace(root, []byte("MI"), []byte("M!"), 1)), Question{}, []string{"tls/ca-file-encoding damaged"}},
		{"bare", one(bytes.Join(bytes.Split(root, []byte("\n"))[1:8], []byte("\n"))), Question{}, []string{"syntax/no-certificate holds no"}},
		{"bare and whole", one([]byte(strings.NewReplacer("-----BEGIN CERTIFICATE-----\n", "", "-----END CERTIFICATE-----\n", "").Replace(string(root)))), Question{}, []string{"tls/ca-file-encoding first and last line"}},
		{"wrong ending", []source.File{file("/usr/local/share/ca-certificates/corp.pem", root)}, Question{}, []string{"tls/ca-file-encoding .crt"}},
		{"right ending", []source.File{file("/usr/local/share/ca-certificates/corp.crt", root)}, Question{}, nil},

		{"no certificate inside", one(block("CERTIFICATE", []byte{1, 2, 3}, nil)), Question{}, []string{"tls/unparsable-certificate parsed"}},
		{"no request inside", one(block("CERTIFICATE REQUEST", []byte{1, 2, 3}, nil)), Question{}, []string{"tls/unparsable-certificate request"}},
		{"no key inside", one(block("PRIVATE KEY", []byte{1, 2, 3}, nil)), Question{}, []string{"tls/unparsable-key"}},
		{"locked key", one(block("ENCRYPTED PRIVATE KEY", []byte{1}, nil)), Question{}, []string{"tls/key-encrypted"}},
		{"old locked key", one(block("RSA PRIVATE KEY", []byte{1}, map[string]string{"Proc-Type": "4,ENCRYPTED"})), Question{}, []string{"tls/key-encrypted"}},
		{"open key", []source.File{{Path: "k", Data: keyPEM(t, good), Mode: 0o644}}, Question{}, []string{"tls/key-readable everybody"}},
		{"key of a group", []source.File{{Path: "k", Data: keyPEM(t, good), Mode: 0o640}}, Question{}, []string{"tls/key-readable group"}},
		{"closed key", []source.File{{Path: "k", Data: keyPEM(t, good), Mode: 0o600}}, Question{}, nil},
		{"other key", []source.File{file("c", chain), file("k", keyPEM(t, w.leaf(same)))}, Question{}, []string{"tls/key-mismatch r.example"}},

		{"expired", leaf(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-9*Day), now.Add(-3*Day-1) }), Question{}, []string{"tls/certificate-expired 3 days ago"}},
		{"early", leaf(func(c *x509.Certificate) { c.NotBefore = now.Add(3 * Day) }), Question{}, []string{"tls/certificate-expired not valid before"}},
		{"backward", leaf(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(-Day) }), Question{}, []string{"tls/certificate-expired never valid"}},
		{"soon", leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(20*Day + 1) }), Question{Warn: 30, Alarm: 7}, []string{"tls/certificate-expires-soon in 20 days"}},
		{"not so soon", leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(30 * Day) }), Question{Warn: 30, Alarm: 7}, nil},
		{"no SAN", leaf(func(c *x509.Certificate) { c.DNSNames = nil }), Question{}, []string{"tls/no-san Common Name"}},
		{"no name", leaf(func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{} }), Question{}, []string{"tls/no-san neither"}},
		{"request without SAN", one(block("CERTIFICATE REQUEST", old, nil)), Question{}, []string{"tls/no-san request"}},
		{"address as name", leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "10.0.0.1") }), Question{}, []string{"tls/san-never-matches among the DNS names"}},
		{"inner asterisk", leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "r.*.example") }), Question{}, []string{"tls/san-never-matches whole first label"}},
		{"name with port", leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "r.example:5000") }), Question{}, []string{"tls/san-never-matches no verifier"}},
		{"broad wildcard", leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "*.example") }), Question{}, []string{"tls/san-never-matches OpenSSL"}},
		{"other name", one(chain), asked("other.example"), []string{"tls/name-not-covered r.example, not for"}},
		{"an address", one(chain), asked("10.0.0.1"), []string{"tls/name-not-covered IP address"}},
		{"client as server", leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), asked("r.example"), []string{"tls/not-for-servers clients"}},
		{"mail as server", leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), asked("r.example"), []string{"tls/not-for-servers other uses"}},
		{"client", leaf(func(c *x509.Certificate) {
			c.ExtKeyUsage, c.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, nil
		}), Question{}, nil},
		{"RSA 1024", one(PEM(w.from(w.root, rsaKey(1024), same).Chain...)), Question{}, []string{"tls/weak-key RSA 1024"}},
		{"P-224", one(PEM(w.from(w.root, w.key(elliptic.P224()), same).Chain...)), Question{}, []string{"tls/weak-key refuses"}},
		{"SHA-1", one(PEM(w.from(rsaRoot, w.key(elliptic.P256()), func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }).Chain...)), Question{}, []string{"tls/weak-signature SHA1"}},
		{"ten years", []source.File{file("r", w.self(func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.NotAfter = true, true, now.Add(3650*Day+2*time.Hour)
		}))}, Question{}, []string{"tls/long-validity 3650 days"}},
		{"long leaf", leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(900 * Day) }), Question{}, []string{"tls/long-validity 900 days"}},
		{"both usages", leaf(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		}), Question{}, []string{"tls/server-and-client"}},
		{"outlives", one(PEM(w.from(made(t, Profile{Days: 100}), w.key(elliptic.P256()), same).Chain...)), Question{}, []string{"tls/outlives-its-ca"}},

		{"self-signed leaf", one(w.self(same)), Question{}, []string{"tls/leaf-as-ca self-signed"}},
		{"no CA flag", []source.File{file("c", PEM(w.from(noFlag, w.key(elliptic.P256()), same).Chain...)), file("r", PEM(anyRoot.Cert))}, Question{}, []string{"tls/ca-without-flag lacks CA:TRUE"}},
		{"no CA usage", []source.File{file("c", PEM(w.from(noUsage, w.key(elliptic.P256()), same).Chain...)), file("r", PEM(anyRoot.Cert))}, Question{}, []string{"tls/ca-without-flag key usage"}},
		{"twin", []source.File{file("c", PEM(good.Chain[0])), file("r", PEM(twin.Cert))}, Question{}, []string{"tls/same-ca-name-other-key another key"}},
		{"link missing", []source.File{file("c", PEM(w.from(mid, w.key(elliptic.P256()), func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/mid.crt"} }).Chain[0]))},
			Question{Trust: Trust{System: []*x509.Certificate{anyRoot.Cert}}}, []string{"tls/missing-intermediate http://ca.example/mid.crt"}},
		{"issuer unknown", []source.File{file("c", PEM(deep))}, Question{}, []string{"tls/issuer-unknown Middle"}},
		{"root first", []source.File{file("c", append(slices.Clone(root), PEM(good.Chain[0])...))}, Question{}, []string{"tls/chain-order has to come first"}},
		{"middle last", []source.File{file("c", PEM(deep, anyRoot.Cert, mid.Cert))}, Question{}, []string{"tls/chain-order has to stand before"}},
		{"stranger", []source.File{file("c", append(slices.Clone(chain), PEM(twin.Cert, anyRoot.Cert)...))}, Question{}, []string{"tls/chain-stranger Workshop CA", "tls/chain-stranger Root with others"}},
		{"twice", []source.File{file("c", append(slices.Clone(root), root...))}, Question{}, []string{"tls/duplicate-certificate twice"}},
		{"path too long", []source.File{file("c", PEM(w.from(w.sub(w.root, "Too deep", same), w.key(elliptic.P256()), same).Chain...)), file("r", root)}, Question{}, []string{"tls/chain-refused"}},
		{"presented, unknown", one(chain), Question{Name: "r.example", Presented: true}, []string{"tls/chain-refused unknown authority"}},
		{"presented, trusted", one(chain), Question{Name: "r.example", Presented: true, Trust: Trust{Named: []*x509.Certificate{w.root.Cert}}}, nil},
	}
}

func TestEachFaultIsFoundAndNothingElse(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range stories(t) {
		t.Run(s.name, func(t *testing.T) {
			s.q.Now = now
			var in []Input
			for _, f := range s.files {
				in = append(in, Read(f))
			}
			got := Judge(in, s.q).Findings
			var codes []string
			for _, f := range got {
				codes = append(codes, f.Code+" "+f.Text)
				seen[f.Code+f.ID] = true
				if strings.ContainsAny(f.Text, "{}") || f.Fix != nil && strings.ContainsAny(f.Fix.Text, "{}") {
					t.Errorf("a name was not filled in: %s, %v", f.Text, f.Fix)
				}
			}
			if len(got) != len(s.want) {
				t.Fatalf("found %q, want %q", codes, s.want)
			}
			for i, want := range s.want {
				code, word, _ := strings.Cut(want, " ")
				if got[i].Code != code || !strings.Contains(got[i].Text, word) {
					t.Errorf("found %q, want %q", codes[i], want)
				}
			}
		})
	}
	if t.Failed() {
		return
	}
	for _, k := range Kinds() {
		if k.Code != notSeen.Code && !seen[k.Code+k.ID] {
			t.Errorf("no story has %s (%s)", k.Code, k.ID)
		}
	}
}

// A guide that many have followed makes a registry's certificate with cfssl:
// "hosts" is empty, one profile serves for servers and clients, for ten years.
func TestTheMistakesOfACommonGuideAreFound(t *testing.T) {
	config := `{"signing":{"default":{"expiry":"87600h"},"profiles":{"kubernetes":{"expiry":"87600h","usages":["signing","key encipherment","server auth","client auth"]}}}}`
	csr := `{"CN":"reg.corp.example","hosts":[],"key":{"algo":"rsa","size":2048},"names":[{"C":"CN","L":"Beijing","ST":"Beijing"}]}`
	authority := `{"CN":"kubernetes","key":{"algo":"rsa","size":2048},"names":[{"C":"CN"}]}`
	w := open(t)
	key := rsaKey(2048)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "kubernetes", Country: []string{"CN"}}, NotBefore: now, NotAfter: now.Add(43800 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SerialNumber: big.NewInt(1),
	}
	root, err := sign(template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := w.from(Authority{root, key}, key, func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.NotAfter = pkix.Name{CommonName: "reg.corp.example"}, nil, now.Add(87600*time.Hour)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	})
	for name, x := range map[string]struct {
		data string
		want []string
	}{
		"ca-config.json": {config, []string{"tls/long-validity", "tls/long-validity", "tls/server-and-client"}},
		"ca-csr.json":    {authority, nil},
		"reg-csr.json":   {csr, []string{"tls/no-san"}},
		"reg.pem":        {string(PEM(leaf.Chain...)), []string{"tls/long-validity", "tls/no-san", "tls/outlives-its-ca", "tls/server-and-client"}},
	} {
		var got []string
		for _, f := range Judge([]Input{Read(file(name, []byte(x.data)))}, Question{Now: now}).Findings {
			got = append(got, f.Code)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

func TestSeverityFollowsTheDaysLeft(t *testing.T) {
	w := open(t)
	for days, want := range map[int]finding.Severity{29: finding.Warning, 7: finding.Warning, 6: finding.Error, 0: finding.Error, -1: finding.Error} {
		c := w.leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(time.Duration(days)*Day + time.Hour) })
		got := Judge([]Input{Read(file("c", PEM(c.Chain...)))}, Question{Now: now, Warn: 30, Alarm: 7}).Findings
		if len(got) != 1 || got[0].Severity != want {
			t.Errorf("%d days: %v, want %s", days, got, want)
		}
	}
	old := w.self(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.NotAfter = true, true, now.Add(time.Hour)
	})
	got := Judge([]Input{Read(file("bundle", append(old, PEM(w.root.Cert)...)))}, Question{Now: now, Warn: 30, Alarm: 7}).Findings
	if len(got) != 1 || got[0].Severity != finding.Warning {
		t.Errorf("the old authority beside its successor: %v", got)
	}
}

// What counts is what Go's own pool takes, whatever the file looks like, and no
// input makes the reader or the judge stumble.
func FuzzRead(f *testing.F) {
	w := open(f)
	good := w.leaf(same)
	chain := PEM(good.Chain...)
	for _, seed := range [][]byte{
		chain, append([]byte("\xef\xbb\xbf"), chain...), utf16le(chain), good.Chain[0].Raw, bag(f, good.Chain...), append([]byte(" "), chain...),
		append(chain[:300:300], chain...), block("TRUSTED CERTIFICATE", good.Chain[0].Raw, nil), block("CERTIFICATE", good.Chain[0].Raw, map[string]string{"A": "b"}),
		[]byte(`{"CN":"x","hosts":[],"key":{}}`), keyPEM(f, good), []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := Read(file("x", data))
		pool := 0
		for rest := data; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			if _, err := x509.ParseCertificate(b.Bytes); err == nil && b.Type == "CERTIFICATE" && len(b.Headers) == 0 {
				pool++
			}
		}
		counts := 0
		for _, i := range in.Items {
			if i.Cert != nil && i.Counts {
				counts++
			}
		}
		if counts != pool {
			t.Errorf("%d certificates count, Go's pool takes %d", counts, pool)
		}
		if len(in.Items)+len(in.Findings) == 0 {
			t.Error("a file without anything in it and nothing to say")
		}
		Judge([]Input{in}, Question{Now: now, Name: "r.example"})
	})
}
