package docker

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/towpath-dev/towpath/internal/route"
)

// unschemed is an entry of insecure-registries as it counts: a scheme is cut off.
func unschemed(text string) string {
	for _, scheme := range []string{"http://", "https://"} {
		if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			return text[len(scheme):]
		}
	}
	return text
}

var hostPort = regexp.MustCompile("^" + reference.DomainRegexp.String() + "$")

// badInsecure says why dockerd refuses an entry; empty: it does not. Source:
// moby registry/config.go, loadInsecureRegistries.
func badInsecure(text string) string {
	if strings.HasPrefix(text, "-") || strings.HasSuffix(text, "-") {
		return "it begins or ends with a hyphen"
	}
	entry := unschemed(text)
	if entry == text && strings.Contains(text, "://") {
		return "it has a scheme"
	}
	if _, ok := addresses(entry); ok {
		return ""
	}
	host, port, split := entry, "", false
	if p := route.Port(entry); p != "" || strings.HasSuffix(entry, ":") {
		host, port, split = strings.TrimSuffix(entry, ":"+p), p, true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if !hostPort.MatchString(entry) && (err != nil || !split && strings.HasPrefix(host, "[") || strings.Contains(host, "%")) {
		return "it is no host[:port] and no range of addresses"
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 0 || n > 65535) {
		return "its port is out of range"
	}
	return ""
}

// addresses reads a range of addresses.
func addresses(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err == nil
}

// insecure reports whether dockerd does not verify a host: it is listed, or its
// address is in a range or of this machine. Names are not looked up here, but
// localhost.
func (r *reader) insecure(host string) bool {
	if host == hub {
		return false
	}
	if r.listed == nil {
		r.listed = entries(r.set.Insecure)
	}
	return r.listed(host) || route.IsLocalhost(host)
}

// entries is the test whether a host is in insecure-registries, by its name or
// by its address.
func entries(list []string) func(host string) bool {
	names := make(map[string]bool, len(list))
	ranges := route.Table{Target: route.Target{Runtime: "docker"}}
	for _, text := range list {
		entry := unschemed(text)
		names[entry] = true
		if p, ok := addresses(entry); ok {
			one := route.Route{Match: p.String()}
			one.From.Line = rangeMark
			ranges.Routes = append(ranges.Routes, one)
		}
	}
	ranges = ranges.Indexed()
	return func(host string) bool { return names[host] || ranges.Route(host).From.Line == rangeMark }
}

// rangeMark tells a route that was found by its address.
const rangeMark = -1
