package hostscheck

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

func (c *checker) compareHosts(hosts []Host, endpoints []route.Endpoint) string {
	got, want := []string{}, []string{}
	for _, h := range hosts {
		fallback := strings.Contains(fmt.Sprintf("%T", h.Client.Transport), "allback")
		want = append(want, fmt.Sprintf("%q %q %q serves %d, fallback %v, header %q", h.Scheme, h.Host, path.Join("/", h.Path), h.Capabilities, fallback, h.Header))
	}
	for _, e := range endpoints {
		header := http.Header(nil)
		for _, line := range e.Header {
			if header == nil {
				header = http.Header{}
			}
			header[line.Key] = reveal(line.Values)
		}
		got = append(got, fmt.Sprintf("%q %q %q serves %d, fallback %v, header %q", e.Scheme, e.Host, path.Join("/", e.Path), e.Serves, e.PlainFallback, header))
	}
	if !c.equal(got, want) {
		return fmt.Sprintf("hosts\n  containerd %s\n  towpath    %s", strings.Join(want, "\n             "), strings.Join(got, "\n             "))
	}
	return ""
}

// equal compares lists; where containerd itself throws dice about the order of
// hosts, and the reading says so, order does not count.
func (c *checker) equal(got, want []string) bool {
	if c.anyOrder {
		slices.Sort(got)
		slices.Sort(want)
	}
	return slices.Equal(got, want)
}

func reveal(values []route.Secret) []string {
	out := []string{}
	for _, v := range values {
		out = append(out, v.Reveal())
	}
	return out
}

// compareTransports looks at the transports that containerd made for hosts of
// their own settings, in their order.
func (c *checker) compareTransports(taps []*Tap, endpoints []route.Endpoint) string {
	got, want := []string{}, []string{}
	pools := []*x509.CertPool{}
	for _, tap := range taps {
		tls := tap.Theirs.TLSClientConfig
		pools = append(pools, tls.RootCAs)
		want = append(want, fmt.Sprintf("%d clients, skip %v, dial %s", len(tls.Certificates), tls.InsecureSkipVerify, dialTimeout(tap.Theirs)))
	}
	for _, e := range endpoints {
		if !e.TLS.Set && e.DialTimeout == 0 && !e.NoDialLimit {
			continue
		}
		dial := e.DialTimeout.String()
		if e.DialTimeout == 0 && !e.NoDialLimit {
			dial = "30s"
		}
		if n := len(got); n < len(pools) && !c.anyOrder && !sameAuthorities(pools[n], e.TLS.CA) {
			return fmt.Sprintf("transport %d trusts others than %q", n, e.TLS.CA)
		}
		got = append(got, fmt.Sprintf("%d clients, skip %v, dial %s", len(e.TLS.Client), e.TLS.SkipVerify, dial))
	}
	if !c.equal(got, want) {
		return fmt.Sprintf("transports\n  containerd %q\n  towpath    %q", want, got)
	}
	return ""
}

// sameAuthorities reports that a pool holds what is in the files, besides the
// authorities of the system. Without files containerd makes no pool.
func sameAuthorities(pool *x509.CertPool, files []string) bool {
	if len(files) == 0 && pool == nil {
		return true
	}
	want, err := x509.SystemCertPool()
	if err != nil || pool == nil {
		return false
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil || !want.AppendCertsFromPEM(data) {
			return false
		}
	}
	return pool.Equal(want)
}

// dialTimeout finds the limit in the dialer that a transport dials with.
func dialTimeout(t *http.Transport) string {
	return dialerOf(t.DialContext).Timeout.String()
}

func (c *checker) compareRequests(sent []Sent, requests []route.Request, plain bool) string {
	got, want := []string{}, []string{}
	for _, s := range sent {
		want = append(want, s.Method+" "+s.URL)
	}
	for _, r := range requests {
		if r.Endpoint.Broken != "" {
			continue
		}
		u, err := url.Parse(r.URL)
		if err != nil {
			got = append(got, "unparsable "+r.URL)
			continue
		}
		if plain && u.Scheme == "https" {
			if !r.Endpoint.PlainFallback {
				continue
			}
			u.Scheme = "http"
		}
		u.Host = strings.TrimSuffix(u.Host, ":")
		got = append(got, r.Method+" "+u.String())
	}
	if !c.equal(got, want) {
		return fmt.Sprintf("requests, plain %v\n  containerd %q\n  towpath    %q", plain, want, got)
	}
	return ""
}
