package upstream

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// header builds the request header as the runtime would, short of what may not
// go to this server, and notes both.
func (l *leg) header() (http.Header, error) {
	x, req := l.x, &l.x.req
	h := http.Header{}
	own, why := l.trusted()
	var held []string
	for _, line := range req.Endpoint.Header {
		if !own {
			held = append(held, line.Key)
			continue
		}
		for _, v := range line.Values {
			h[line.Key] = append(h[line.Key], v.Reveal()) // the key as typed: no runtime changes it
		}
	}
	if err := valid(h); err != nil {
		return nil, err
	}
	configured := clone(h)
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", x.c.userAgent())
	}
	h["Accept"] = append(h["Accept"], orText(req.Accept, AcceptAny))
	if l.method != http.MethodHead {
		h.Set("Accept-Encoding", "identity") // the bytes as the registry has them
	}
	if req.Range != "" {
		h.Set("Range", req.Range)
	}
	if !req.Authorization.IsZero() {
		if own && req.Authorization.origin == x.home {
			h.Set("Authorization", req.Authorization.value.Reveal())
		} else {
			held = append(held, "Authorization")
		}
	}
	if l.form != nil && !own {
		return nil, withheldError{fmt.Sprintf("the credentials are not sent to %s: %s", l.url.Host, why)}
	}
	if l.form != nil {
		h.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	l.at.Sent = x.sent(h, configured)
	l.at.Withheld = l.withheld(held, why)
	return h, nil
}

// withheldError is why a request that consists of credentials is not made.
type withheldError struct{ text string }

func (e withheldError) Error() string { return e.text }

// trusted reports whether what is secret may go over this link, and if not why.
func (l *leg) trusted() (bool, string) {
	x, v := l.x, &l.x.req.Vary
	o, err := OriginOf(l.url)
	switch {
	case err != nil:
		return false, "its URL cannot be read"
	case v.weakens():
		return false, "this request is a test"
	case o != x.home && x.fellBack && l.first && o.Host == x.home.Host && l.link.kind == loopback:
		return true, "" // fallen back to HTTP, and it does not leave the machine
	case o != x.home:
		return false, fmt.Sprintf("they belong to %s", x.home)
	case o.Scheme == "https" && !l.link.verified && (x.strict || !x.req.Endpoint.TLS.SkipVerify):
		return false, "the server has not proven who it is"
	case !l.link.verified && v.reroutes():
		return false, "this request is a test"
	case l.link.kind == special && l.at.Lookup != nil && l.at.Lookup.Hosts == nil && !l.link.verified:
		return false, "DNS leads to an address that no registry has"
	}
	return true, ""
}

// withheld says what the runtime would send here although we do not. On a
// redirect Go takes Authorization and cookies along within a domain only, all
// other lines always. Source: net/http/client.go, shouldCopyHeaderOnRedirect.
func (l *leg) withheld(keys []string, why string) string {
	within := l.url.Hostname() == l.x.home.Host || strings.HasSuffix(l.url.Hostname(), "."+l.x.home.Host)
	keys = slices.DeleteFunc(keys, func(k string) bool {
		k = textproto.CanonicalMIMEHeaderKey(k)
		sensitive := k == "Authorization" || k == "Cookie" || k == "Cookie2" || k == "Www-Authenticate" || strings.HasPrefix(k, "Proxy-Auth")
		return sensitive && !within && !l.first
	})
	if len(keys) == 0 {
		return ""
	}
	return fmt.Sprintf("not sent to %s: %s; %s", l.url.Host, strings.Join(keys, ", "), why)
}

// sent is the request header for people: every configured line and everything
// that gives access is masked.
func (x *exchange) sent(h, configured http.Header) map[string][]string {
	out := map[string][]string{}
	for key, values := range h {
		for i, v := range values {
			switch {
			case i < len(configured[key]):
				v = masked
			case key == "Authorization":
				scheme, _, _ := strings.Cut(v, " ")
				v = scheme + " " + masked
			}
			out[key] = append(out[key], x.veil.text(v))
		}
	}
	return out
}

// valid refuses what net/http refuses before it sends anything.
func valid(h http.Header) error {
	for key, values := range h {
		if !httpguts.ValidHeaderFieldName(key) {
			return fmt.Errorf("net/http: invalid header field name %q", key)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("net/http: invalid header field value for %q", key)
			}
		}
	}
	return nil
}

func clone(h http.Header) http.Header {
	if h == nil {
		return http.Header{}
	}
	return h.Clone()
}

func orText(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
