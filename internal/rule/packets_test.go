package rule

import (
	"net/netip"
	"testing"
)

func TestARuleAimsAtAnAddressOnlyBeyondDoubt(t *testing.T) {
	at := netip.MustParseAddrPort("10.30.0.10:443")
	for text, want := range map[string]bool{
		"ip daddr 10.30.0.10 tcp dport 443 drop":                          true,
		"ip daddr 10.30.0.0/24 counter packets 3 bytes 180 drop":          true,
		"-A OUTPUT -d 10.30.0.10/32 -p tcp -m tcp --dport 443 -j REJECT":  true,
		"ip daddr 10.30.0.100 tcp dport 443 drop":                         false,
		"ip daddr 10.30.0.10 tcp dport 4443 drop":                         false,
		"ip daddr 10.30.0.10 udp dport 443 drop":                          false,
		"ip daddr != 10.30.0.10 drop":                                     false,
		"-A OUTPUT ! -d 10.30.0.10/32 -j DROP":                            false,
		"ip saddr 10.20.0.9 ip daddr 10.30.0.10 drop":                     false,
		"tcp dport 443 drop":                                              false,
		"ip daddr { 10.30.0.10, 10.30.0.11 } drop":                        false,
		"ip6 daddr 2001:db8::10 tcp dport 443 dnat to [2001:db8::20]:443": false,
		"": false,
	} {
		if got := aims(text, at); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestANoProxyMeansAHostThatGoDoesNotMatch(t *testing.T) {
	for list, want := range map[string]bool{
		"10.30.0.0/16":                       true,
		"localhost .registry.corp.example":   true,
		"*.corp.example":                     true,
		"localhost;registry.corp.example":    true,
		unset:                                false,
		"localhost,127.0.0.1":                false,
		"10.31.0.0/16,other.example,.x.test": false,
	} {
		if got := meant(list, "registry.corp.example", "10.30.0.10"); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}
