package k3s

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// address is an endpoint as K3s normalises it.
type address struct {
	url      *url.URL
	name     string // by which configs are looked up: host:port, docker.io for Docker Hub
	override bool   // the URL's path is the root of the API
}

// normalise follows normalizeEndpointAddress of K3s (pkg/agent/containerd/config.go):
// https without a scheme, http for localhost on an odd port unless that is the
// embedded registry, /v2 where the path says nothing.
func normalise(text, embedded string) (address, error) {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, err
	}
	if u.Scheme == "" {
		u.Scheme = "https"
		if port := u.Port(); isLocalhost(u.Host) && port != "" && port != "443" && u.Host != embedded {
			u.Scheme = "http"
		}
	}
	a := address{url: u, name: u.Host}
	u.Host = defaultHost(u.Host)
	if u.Host == hubHost {
		a.name = hub
	}
	switch u.Path {
	case "", "/", "/v2":
		u.Path = "/v2"
	default:
		a.override = true
	}
	return a, nil
}

// Docker Hub's name in images, and the host that serves it.
const (
	hub     = "docker.io"
	hubHost = "registry-1.docker.io"
)

func defaultHost(name string) string {
	if name == hub {
		return hubHost
	}
	return name
}

// isLocalhost follows containerd's matcher (core/remotes/docker/registry.go).
func isLocalhost(host string) bool {
	if host == "::1" || host == "[::1]" {
		return true
	}
	name, port, ok := splitHostPort(host)
	if !ok || port == "" && strings.Contains(host, ":") {
		return false
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// splitHostPort splits host:port and [ipv6]:port; a host without a port is fine,
// a bare IPv6 address or one in brackets without a port is not.
func splitHostPort(host string) (name, port string, ok bool) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 {
		return host, "", !strings.ContainsAny(host, "[]")
	}
	name, port = host[:i], host[i+1:]
	if strings.HasPrefix(name, "[") {
		if !strings.HasSuffix(name, "]") {
			return "", "", false
		}
		return name[1 : len(name)-1], port, true
	}
	return name, port, !strings.ContainsAny(name, ":[]")
}

// decodePair decodes base64 of user:password; the last result is what is wrong.
func decodePair(text string) (user, password, why string) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", "", "it is not base64"
	}
	// A text that base64 padded leaves NUL bytes behind the password.
	user, password, found := strings.Cut(string(raw), ":")
	if !found {
		return "", "", "decoded, it is not user:password"
	}
	return user, strings.Trim(password, "\x00"), ""
}

// broken tells why no request can be made to an endpoint, or "".
func (a address) broken() string {
	switch {
	case a.url.Scheme != "http" && a.url.Scheme != "https":
		return fmt.Sprintf("the scheme is %q, not http or https", a.url.Scheme)
	case a.url.Hostname() == "":
		return "no host"
	case strings.HasSuffix(a.url.Host, ":"):
		return "no port behind the colon"
	}
	return ""
}
