package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Origin is scheme, host and port: what credentials belong to.
type Origin struct {
	Scheme string // "http" or "https"
	Host   string // lower case, ASCII, an IPv6 address without brackets
	Port   string
}

// String is "https://host:port".
func (o Origin) String() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return o.Scheme + "://" + host + ":" + o.Port
}

// OriginOf takes the origin from an absolute URL. It is strict: what two
// programs might read in two ways is an error.
func OriginOf(u *url.URL) (Origin, error) {
	scheme := strings.ToLower(u.Scheme)
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	if port == "" {
		return Origin{}, fmt.Errorf("scheme %q is neither http nor https", u.Scheme)
	}
	if u.Opaque != "" || u.Host == "" {
		return Origin{}, errors.New("it names no host")
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return Origin{}, err
	}
	if p := u.Port(); p != "" {
		port = strings.TrimLeft(p, "0")
	}
	if n := len(port); n == 0 || n > 5 || strings.Trim(port, "0123456789") != "" {
		return Origin{}, fmt.Errorf("port %q is not one", u.Port())
	}
	return Origin{scheme, host, port}, nil
}

// canonicalHost is a host as a resolver would get it. A host that looks like a
// number but is no IP address as Go writes them is refused: other programs read
// 2130706433, 0177.1 and 0x7f.1 as addresses.
func canonicalHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String(), nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		// Lookup refuses underscores, which real registries have in their names.
		if strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			return "", fmt.Errorf("host %q is no host name", host)
		}
		ascii = strings.ToLower(host)
	}
	labels := strings.Split(strings.TrimSuffix(ascii, "."), ".")
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "", fmt.Errorf("host %q could be read as an address", host)
	}
	return ascii, nil
}

// addrKind sorts addresses by who can be meant by them.
type addrKind uint8

const (
	ordinary addrKind = iota
	loopback
	special // link-local, cloud metadata, unspecified, multicast: nobody serves images there
)

// metadata are addresses outside link-local at which clouds give out secrets.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func kindOf(ip netip.Addr) addrKind {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, m := range metadata {
		if ip == m {
			return special
		}
	}
	switch {
	case ip.IsLoopback():
		return loopback
	case ip.IsLinkLocalUnicast(), ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return special
	case ip.Is4() && ip.As4()[0] == 0:
		return special // 0.0.0.0/8 is this host to Linux
	}
	return ordinary
}
