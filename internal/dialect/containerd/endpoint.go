package containerd

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// fault is why containerd refuses a whole file although it is TOML.
type fault struct {
	path []string // of the key in the document
	text string
	kind faultKind
}

// faultKind tells the faults apart.
type faultKind uint8

const (
	badURL faultKind = iota
	badCapability
	badCA
	badClient
	badPair
	badHeader
	badTimeout
	badRewrite
)

// endpoint makes of one table what containerd makes of it. Source: containerd
// core/remotes/docker/config/hosts.go, parseHostConfig and ConfigureHosts.
func (h *hostsFile) endpoint(written string, s settings, table []string) (route.Endpoint, *fault) {
	e := route.Endpoint{From: h.at(table...)}
	key := table
	if len(table) == 0 {
		key = []string{"server"}
	}
	if err := address(&e, written, s.OverridePath); err != nil {
		return e, &fault{key, err.Error(), badURL}
	}
	for _, step := range []func(*route.Endpoint, settings) *fault{h.serves, h.authorities, h.clients, h.header, h.timeout, h.rewrites} {
		if f := step(&e, s); f != nil {
			f.path = append(slices.Clone(table), f.path...)
			return e, f
		}
	}
	e.TLS.Set = s.CA != nil || len(e.TLS.Client) > 0 || s.SkipVerify != nil
	e.TLS.SkipVerify = s.SkipVerify != nil && *s.SkipVerify
	if triesTLS(h.target, e) {
		e.Scheme, e.PlainFallback = "https", true
	}
	if written != "" {
		e.Broken = broken(e)
	}
	return e, nil
}

// address splits a URL as containerd does. Without a scheme, which it tells by
// the four letters http, it is HTTPS; what cannot be a URL is an error.
func address(e *route.Endpoint, written string, override bool) error {
	if written == "" {
		return nil
	}
	if !strings.HasPrefix(written, "http") {
		written = "https://" + written
	}
	u, err := url.Parse(written)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return err
	}
	e.Scheme, e.Host, e.Path = u.Scheme, u.Host, u.Path
	if e.Path != "" {
		e.Path = path.Clean(e.Path)
	}
	if !override && !strings.HasSuffix(e.Path, "/v2") {
		e.Path += "/v2"
	}
	if e.Path = path.Join("/", e.Path); e.Path == "/" {
		e.Path = ""
	}
	return nil
}

// triesTLS reports whether an http URL is asked over HTTPS first: because TLS
// was set up for it and its port does not tell.
//
// | containerd              | ports                    |
// |-------------------------|--------------------------|
// | before 1.6.25, 1.7.7    | never                    |
// | 1.7.7                   | any                      |
// | 1.6.25, 1.7.8–1.7.23    | every written one but 80 |
// | since 1.7.24, 2.0       | any but 80               |
func triesTLS(t route.Target, e route.Endpoint) bool {
	if e.Scheme != "http" || !e.TLS.Set || !t.Containerd.Since("1.6.25", "1.7.7") {
		return false
	}
	switch port := route.Port(e.Host); {
	case !t.Containerd.Since("1.6.25", "1.7.8"):
		return true
	case t.Containerd.Since("1.7.24"):
		return port != "80"
	default:
		return port != "" && port != "80"
	}
}

// broken says why no request to an endpoint can be made; empty: one can.
func broken(e route.Endpoint) string {
	switch {
	case e.Scheme == "":
		return "its URL has no scheme"
	case e.Scheme != "http" && e.Scheme != "https":
		return fmt.Sprintf("no request can be made over %s", e.Scheme)
	case strings.TrimSuffix(e.Host, ":") == "":
		return "its URL names no host"
	case strings.ContainsAny(e.Path, "?#"):
		return "its path holds an encoded ? or #, behind which the name of the image is lost"
	}
	if _, err := url.Parse(e.Scheme + "://" + e.Host + path.Join("/", e.Path, "v2")); err != nil {
		return "its path cannot stand in a request"
	}
	return brokenHeader(e)
}

func brokenHeader(e route.Endpoint) string {
	for _, h := range e.Header {
		if !validHeader(h) {
			return fmt.Sprintf("HTTP does not allow its header line %q", h.Key)
		}
	}
	return ""
}

const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// validHeader applies the rules of RFC 9110 that Go's client checks.
func validHeader(h route.Header) bool {
	if h.Key == "" || strings.Trim(h.Key, token) != "" {
		return false
	}
	return !slices.ContainsFunc(h.Values, func(v route.Secret) bool {
		return strings.ContainsFunc(v.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	})
}
