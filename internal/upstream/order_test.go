package upstream

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestAddressesAreOrderedAsInGo: cases of RFC 6724, section 10, as far as Go
// knows their rules. Each candidate is destination<source; - is no route.
func TestAddressesAreOrderedAsInGo(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1<192.0.2.9 2001:db8::1<2001:db8::2":                     "2001:db8::1 192.0.2.1",
		"2001:db8::1<- 192.0.2.1<192.0.2.9":                               "192.0.2.1 2001:db8::1",
		"2001:db8::1<fe80::2 198.51.100.121<198.51.100.117":               "198.51.100.121 2001:db8::1",
		"2001:db8:1::1<2001:db8:1::2 198.51.100.121<169.254.13.78":        "2001:db8:1::1 198.51.100.121",
		"2001:db8:1::1<2001:db8:1::2 fe80::1<fe80::2":                     "fe80::1 2001:db8:1::1",
		"2001:db8:3ffe::1<2001:db8:3f44::2 2001:db8:1::1<2001:db8:1::2":   "2001:db8:1::1 2001:db8:3ffe::1",
		"2002:c633:6401::1<2002:c633:6401::2 2001:db8:1::1<2001:db8:1::2": "2001:db8:1::1 2002:c633:6401::1",
		"fd00::1<fd00::2 2001:db8::1<2001:db8::2":                         "2001:db8::1 fd00::1",
		"fd00::1<fd00::2 2001:db8::1<fd00::2":                             "fd00::1 2001:db8::1",
		"192.0.2.2<192.0.2.9 192.0.2.1<192.0.2.9":                         "192.0.2.2 192.0.2.1",
		"127.0.0.1<127.0.0.1 ::1<::1":                                     "::1 127.0.0.1",
	} {
		var list []candidate
		for _, pair := range strings.Fields(in) {
			dst, src, _ := strings.Cut(pair, "<")
			c := candidate{ip: netip.MustParseAddr(dst), text: dst}
			if src != "-" {
				c.source = netip.MustParseAddr(src)
			}
			list = append(list, c)
		}
		slices.SortStableFunc(list, compareAddrs)
		var got []string
		for _, c := range list {
			got = append(got, c.text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", in, got, want)
		}
	}
}

func TestMasksCoverEverySpelling(t *testing.T) {
	v := &veil{}
	v.hide("p@ss word")
	v.hide("abc") // too short: it would black out half of every word
	in := "p@ss word p%40ss+word p@ss%20word cEBzcyB3b3Jk abc"
	if got := v.text(in); got != "*** *** *** *** abc" {
		t.Errorf("%q", got)
	}
}

func TestClaims(t *testing.T) {
	token := "eyJhbGciOiJub25lIn0." + "eyJzdWIiOiJtZSIsImV4cCI6MTgwMDAwMDAwMCwiYWNjZXNzIjpbeyJ0eXBlIjoicmVwb3NpdG9yeSIsIm5hbWUiOiJhL2IiLCJhY3Rpb25zIjpbInB1bGwiLCJwdXNoIl19XX0" + ".sig"
	c := ParseClaims(token)
	if c == nil || c.Subject != "me" || c.Expires.Unix() != 1800000000 || !slices.Equal(c.Access, []string{"repository:a/b:pull,push"}) {
		t.Errorf("%+v", c)
	}
	for _, opaque := range []string{"", "opaque", "a.b", "a.b.c", "a.e30=.c.d", "a.bm90IGpzb24.c"} {
		if c := ParseClaims(opaque); c != nil {
			t.Errorf("%s: %+v", opaque, c)
		}
	}
	if c := ParseClaims("a.e30.c"); c == nil || len(c.Access) != 0 || c.Access == nil {
		t.Errorf("%+v", c)
	}
}

func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"token":"a.b.c","access_token":"x","expires_in":300}`), true)
	f.Add([]byte(`{"expires_in":-1e9,"token":"\u0000"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, get bool) {
		token, expires, err := parseToken(body, get)
		if err == nil && (token == "" || strings.ContainsAny(token, "\r\n\x00") || expires < 0) {
			t.Errorf("%q %s", token, expires)
		}
		ParseClaims(token)
		ParseClaims(string(body))
	})
}
