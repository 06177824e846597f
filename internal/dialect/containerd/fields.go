package containerd

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

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
