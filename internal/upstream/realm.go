package upstream

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"golang.org/x/net/publicsuffix"
)

// pairs are registries whose token server is known to be elsewhere. Source: the
// challenges of these registries.
var pairs = map[string][]string{
	"registry-1.docker.io":    {"auth.docker.io"},
	"index.docker.io":         {"auth.docker.io"},
	"registry.hub.docker.com": {"auth.docker.io"},
	"registry.gitlab.com":     {"gitlab.com"},
}

// realmVerdict says whether credentials for one origin may go to a token server.
type realmVerdict struct {
	url    *url.URL // nil: it is no URL that anybody should follow
	same   bool     // the registry's own origin
	refuse string   // why the credentials stay here; empty: they may go
}

// judgeRealm decides by the names alone. Credentials may go to the registry's
// own origin, over TLS to a host of the same registrable domain, to a pair that
// is known, and to hosts that the user allows; never from https to http.
func judgeRealm(registry Origin, realm string, allowed []string) realmVerdict {
	u, err := url.Parse(realm)
	if err != nil {
		return realmVerdict{refuse: fmt.Sprintf("the realm %q is no URL", printable(realm, 200))}
	}
	o, err := OriginOf(u)
	if err != nil {
		return realmVerdict{refuse: fmt.Sprintf("the realm %q cannot be used: %v", printable(realm, 200), err)}
	}
	v := realmVerdict{url: u, same: o == registry}
	switch {
	case u.User != nil:
		v.refuse = "the realm carries user information"
	case v.same:
	case o.Scheme == "http":
		v.refuse = fmt.Sprintf("the token server %s is spoken to without TLS", o.Host)
	case slices.Contains(pairs[registry.Host], o.Host) && o.Port == "443":
	case slices.Contains(allowed, o.Host):
	case !sameDomain(registry.Host, o.Host):
		v.refuse = fmt.Sprintf("the token server %s does not belong to %s", o.Host, registry.Host)
	}
	if u.User != nil {
		clean := *u
		clean.User = nil
		v.url = &clean
	}
	return v
}

// sameDomain reports whether two host names lie under one registrable domain.
// Addresses and names without a dot have none.
func sameDomain(a, b string) bool {
	for _, h := range []string{a, b} {
		if _, err := netip.ParseAddr(h); err == nil {
			return false
		}
	}
	x, err1 := publicsuffix.EffectiveTLDPlusOne(a)
	y, err2 := publicsuffix.EffectiveTLDPlusOne(b)
	return err1 == nil && err2 == nil && x == y
}
