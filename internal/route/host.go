package route

import (
	"net/netip"
	"strings"
)

// Port is the port of a host[:port] as containerd finds it, empty when there is
// none or the text is no host and port. Source: Go's net.SplitHostPort.
func Port(host string) string {
	_, port, _ := splitPort(host)
	return port
}

// IsLocalhost follows containerd's matcher: the name localhost and loopback
// addresses, with or without a port. A bracketed [::1] without a port is none.
func IsLocalhost(host string) bool {
	if name, _, ok := splitPort(host); ok {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

func splitPort(text string) (host, port string, ok bool) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return "", "", false
	}
	host, rest := text[:colon], text[:colon]
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 || end+1 != colon {
			return "", "", false
		}
		host, rest = text[1:end], text[1:end]
	} else if strings.Contains(host, ":") {
		return "", "", false
	}
	if strings.ContainsAny(rest, "[]") || strings.ContainsAny(text[colon:], "[]") {
		return "", "", false
	}
	return host, text[colon+1:], true
}
