package ca

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/source"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func made(t testing.TB, p Profile) Authority {
	t.Helper()
	if p.Now.IsZero() {
		p.Now = now
	}
	a, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parsed(t testing.TB, texts ...string) []Name {
	t.Helper()
	names, err := ParseNames(texts)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func issued(t testing.TB, a Authority, o Order) Certificate {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	c, err := a.Issue(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keyPEM(t testing.TB, c Certificate) []byte {
	t.Helper()
	data, err := KeyPEM(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func file(name string, data []byte) source.File { return source.File{Path: name, Data: data} }

func TestAnAuthoritySignsCertificatesAndNoAuthorities(t *testing.T) {
	a := made(t, Profile{})
	c := a.Cert
	if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != 0 || !c.MaxPathLenZero {
		t.Errorf("basic constraints: CA %v, path length %d", c.IsCA, c.MaxPathLen)
	}
	if c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || len(c.SubjectKeyId) == 0 || len(c.ExtKeyUsage) != 0 {
		t.Errorf("usages %v %v, key identifier %x", c.KeyUsage, c.ExtKeyUsage, c.SubjectKeyId)
	}
	if PublicKey(c.PublicKey).String() != "ECDSA P-256" {
		t.Errorf("key is %s", PublicKey(c.PublicKey))
	}
	if b := made(t, Profile{}); b.Cert.Subject.String() == c.Subject.String() || b.Cert.SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Error("two authorities without a name have the same one, or the same serial number")
	}
}

// Whatever is issued, for servers and clients, under any constraint, is accepted
// by Go for each of its names, and show has nothing to say against it.
func TestWhateverIsIssuedPassesWithoutAFinding(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	domains := []string{"corp.example", "registry", "a_b.corp.example", "xn--bcher-kva.example", "localhost", strings.Repeat("a", 63) + ".example"}
	for n := range 200 {
		p := Profile{Days: 60 + r.IntN(MaxAuthorityDays-60)}
		var texts []string
		for range 1 + r.IntN(4) {
			switch d := domains[r.IntN(len(domains))]; r.IntN(4) {
			case 0:
				texts = append(texts, fmt.Sprintf("10.%d.%d.7", r.IntN(256), r.IntN(256)))
			case 1:
				texts = append(texts, fmt.Sprintf("2001:db8::%x", 1+r.IntN(9999)))
			case 2:
				texts = append(texts, "*.sub."+d)
			default:
				texts = append(texts, fmt.Sprintf("h%d.%s", r.IntN(100), d))
			}
		}
		if r.IntN(3) == 0 {
			for _, text := range []string{"10.0.0.0/8", "2001:db8::/32", "corp.example", "registry", "xn--bcher-kva.example", "localhost", "example"} {
				c, err := ParseConstraint(text)
				if err != nil {
					t.Fatal(err)
				}
				p.Permit = append(p.Permit, c)
			}
		}
		a := made(t, p)
		order := Order{Names: parsed(t, texts...), Client: n%4 == 0, Days: 31 + r.IntN(MaxLeafDays-30)}
		c := issued(t, a, order)
		in := []Input{Read(file("chain.crt", PEM(c.Chain...))), Read(file("ca.crt", PEM(a.Cert))), Read(file("x.key", keyPEM(t, c)))}
		for _, name := range order.Names {
			q := Question{Now: now, Warn: 30, Alarm: 7}
			if host := strings.Replace(name.String(), "*", "any", 1); !order.Client {
				q.Name = host
			}
			v := Judge(in, q)
			if len(v.Findings) > 0 {
				t.Fatalf("%v: %s %s", texts, v.Findings[0].Code, v.Findings[0].Text)
			}
			if len(v.Chains) != 1 || v.Chains[0].Why != "" || v.Chains[0].Anchor != Given {
				t.Fatalf("%v: chains %+v", texts, v.Chains)
			}
		}
		if until := c.Chain[0].NotAfter; until.After(a.Cert.NotAfter) {
			t.Fatalf("it outlives its authority: %s after %s", until, a.Cert.NotAfter)
		}
	}
}

func TestAnAuthorityRefusesWhatVerifiersWould(t *testing.T) {
	domain, _ := ParseConstraint("corp.example")
	network, _ := ParseConstraint("10.0.0.0/8")
	for name, x := range map[string]struct {
		p Profile
		o Order
	}{
		"no name":             {Profile{}, Order{Now: now}},
		"authority expired":   {Profile{Days: 10}, Order{Names: []Name{{DNS: "a.example"}}, Now: now.Add(11 * Day)}},
		"authority to come":   {Profile{}, Order{Names: []Name{{DNS: "a.example"}}, Now: now.Add(-2 * Day)}},
		"domain not allowed":  {Profile{Permit: []Constraint{domain}}, Order{Names: []Name{{DNS: "a.other.example"}}, Now: now}},
		"address, of domains": {Profile{Permit: []Constraint{domain}}, Order{Names: []Name{{IP: netip.MustParseAddr("10.0.0.1")}}, Now: now}},
		"domain, of ranges":   {Profile{Permit: []Constraint{network}}, Order{Names: []Name{{DNS: "a.corp.example"}}, Now: now}},
		"address elsewhere":   {Profile{Permit: []Constraint{network}}, Order{Names: []Name{{IP: netip.MustParseAddr("11.0.0.1")}}, Now: now}},
	} {
		if _, err := made(t, x.p).Issue(x.o); err == nil {
			t.Errorf("%s: it was issued", name)
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"registry.corp.example": "registry.corp.example", "Registry.Corp.Example": "registry.corp.example", "registry": "registry",
		"r.corp.example.": "r.corp.example", "*.corp.example": "*.corp.example", "bücher.example": "xn--bcher-kva.example", "a_b.example": "a_b.example",
		"10.0.0.5": "10.0.0.5", "::1": "::1", "[::1]": "::1", "::ffff:10.0.0.5": "10.0.0.5", "2001:DB8::1": "2001:db8::1",
		"": "", "https://r.example": "", "r.example:5000": "", "r.example/v2": "", "u@r.example": "", "*": "", "*.": "", "*.corp": "", "r.*.example": "",
		"*a.example": "", "a..example": "", ".example": "", "-a.example": "", "a-.example": "", "a b.example": "", "fe80::1%eth0": "", "10.0.0.256": "", "1.2.3": "",
		strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 130) + "example": "", "a\x00b.example": "",
	} {
		n, err := ParseName(text)
		if got := ""; (err == nil) != (want != "") {
			t.Errorf("%q: %v, want %q", text, err, want)
		} else if err == nil {
			if got = n.String(); got != want {
				t.Errorf("%q is %q, want %q", text, got, want)
			}
		}
	}
}

func TestAnAuthorityKnowsWhatFulfilsAnOrder(t *testing.T) {
	a, b := made(t, Profile{Name: "One"}), made(t, Profile{Name: "One"})
	order := Order{Names: parsed(t, "r.example", "10.0.0.1"), Now: now}
	c := issued(t, a, order)
	swapped := order
	swapped.Names = []Name{order.Names[1], order.Names[0]}
	client := order
	client.Client = true
	fewer := order
	fewer.Names = order.Names[:1]
	later := order
	later.Now = now.Add(340 * Day)
	for name, x := range map[string]struct {
		a    Authority
		o    Order
		want bool
	}{
		"the same": {a, order, true}, "other order of names": {a, swapped, true}, "for clients": {a, client, false}, "fewer names": {a, fewer, false},
		"another authority of that name": {b, order, false}, "25 days left": {a, later, false},
	} {
		if got := x.a.Fulfils(c.Chain, x.o, 30); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
	short := made(t, Profile{Days: 20})
	if c := issued(t, short, order); !short.Fulfils(c.Chain, order, 30) {
		t.Error("a certificate that ends with its authority is renewed for ever")
	}
}

func TestDaysAreWholeDaysAndNegativeAfterwards(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, Day - 1: 0, Day: 1, -time.Second: -1, -Day: -1, -Day - 1: -2} {
		if got := Days(now.Add(d), now); got != want {
			t.Errorf("%s: %d, want %d", d, got, want)
		}
	}
	if all := []string{ago(0), ago(1), ago(2), left(0), left(1), left(2)}; slices.Contains(all, "") {
		t.Error(all)
	}
}
