package containerd

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/tomldoc"
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

func (h *hostsFile) serves(e *route.Endpoint, s settings) *fault {
	if len(s.Capabilities) == 0 {
		e.Serves = h.target.Everything()
	}
	for _, word := range s.Capabilities {
		c, ok := capability(word)
		if !ok || !h.target.Everything().Has(c) {
			return &fault{[]string{"capabilities"}, fmt.Sprintf("unknown capability %s", word), badCapability}
		}
		e.Serves |= c
	}
	return nil
}

// capability is the meaning of a word in capabilities.
func capability(word string) (route.Serves, bool) {
	switch strings.ToLower(word) {
	case "pull":
		return route.Pull, true
	case "resolve":
		return route.Resolve, true
	case "push":
		return route.Push, true
	case "referrers":
		return route.Referrers, true
	}
	return 0, false
}

func (h *hostsFile) authorities(e *route.Endpoint, s settings) *fault {
	switch ca := s.CA.(type) {
	case nil:
	case string:
		e.TLS.CA = []string{h.absolute(ca)}
	case []any:
		files, ok := texts(ca)
		if !ok {
			return &fault{[]string{"ca"}, "ca is a list of something that is no string", badCA}
		}
		for _, f := range files {
			e.TLS.CA = append(e.TLS.CA, h.absolute(f))
		}
	default:
		return &fault{[]string{"ca"}, "ca is neither a string nor a list", badCA}
	}
	return nil
}

func (h *hostsFile) clients(e *route.Endpoint, s settings) *fault {
	key := []string{"client"}
	switch client := s.Client.(type) {
	case nil:
	case string:
		e.TLS.Client = []route.Pair{{Cert: h.absolute(client)}}
	case []any:
		for _, one := range client {
			switch pair := one.(type) {
			case string:
				e.TLS.Client = append(e.TLS.Client, route.Pair{Cert: h.absolute(pair)})
			case []any:
				files, ok := texts(pair)
				if !ok {
					return &fault{key, "client holds something that is no string", badClient}
				}
				if len(files) != 2 {
					return &fault{key, "a pair of client does not have two parts", badPair}
				}
				e.TLS.Client = append(e.TLS.Client, route.Pair{Cert: h.absolute(files[0]), Key: h.absolute(files[1])})
			default:
				return &fault{key, "client holds something that is no string", badClient}
			}
		}
	default:
		return &fault{key, "client is neither a string nor a list", badClient}
	}
	return nil
}

func (h *hostsFile) header(e *route.Endpoint, s settings) *fault {
	for _, key := range sortedKeys(s.Header) {
		line := route.Header{Key: key}
		switch value := s.Header[key].(type) {
		case string:
			line.Values = []route.Secret{route.NewSecret(value)}
		case []any:
			values, ok := texts(value)
			if !ok {
				return &fault{[]string{"header", key}, "a header is a list of something that is no string", badHeader}
			}
			for _, v := range values {
				line.Values = append(line.Values, route.NewSecret(v))
			}
		default:
			return &fault{[]string{"header", key}, "a header is neither a string nor a list", badHeader}
		}
		e.Header = append(e.Header, line)
	}
	return nil
}

func hasDialTimeout(t route.Target) bool {
	return grammar(t) == tomldoc.V2 && t.Containerd.Since("2.0.7", "2.1.0")
}

func (h *hostsFile) timeout(e *route.Endpoint, s settings) *fault {
	if s.DialTimeout == nil || !hasDialTimeout(h.target) {
		return nil
	}
	key := []string{"dial_timeout"}
	text, ok := s.DialTimeout.(string)
	if !ok {
		return &fault{key, "dial_timeout is no string", badTimeout}
	}
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return &fault{key, "dial_timeout is no duration", badTimeout}
	}
	e.DialTimeout, e.NoDialLimit = d, d == 0
	return nil
}

func (h *hostsFile) rewrites(e *route.Endpoint, s settings) *fault {
	if s.Rewrite == nil || !h.target.Fork {
		return nil
	}
	table, ok := s.Rewrite.(map[string]any)
	if !ok {
		return &fault{[]string{"rewrite"}, "rewrite is no table", badRewrite}
	}
	for _, pattern := range sortedKeys(table) {
		replacement, ok := table[pattern].(string)
		if !ok {
			return &fault{[]string{"rewrite", pattern}, "a rewrite is no string", badRewrite}
		}
		e.Rewrites = append(e.Rewrites, route.Rewrite{Pattern: pattern, Replacement: replacement})
	}
	return nil
}

// absolute completes a path as containerd does: an empty one is the directory.
func (h *hostsFile) absolute(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(h.dir, p)
}

func texts(list []any) ([]string, bool) {
	out := make([]string, 0, len(list))
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
