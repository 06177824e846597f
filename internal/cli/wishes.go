package cli

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// wishFlags are what a command line wishes of a node besides its routes.
type wishFlags struct {
	trust    []string
	proxy    string
	noProxy  string
	syncTime bool
}

func (f *wishFlags) add(s *pflag.FlagSet) {
	s.StringArrayVar(&f.trust, "trust", nil, "have the whole node trust the certificates in `FILE` (repeatable)")
	s.StringVar(&f.proxy, "proxy", "", "have the process that pulls use the proxy at `URL`")
	s.StringVar(&f.noProxy, "no-proxy", "", "but not for the hosts in `LIST`, separated by commas")
	s.BoolVar(&f.syncTime, "sync-time", false, "have a time daemon keep the node's clock")
}

func (f *wishFlags) empty() bool {
	return len(f.trust) == 0 && f.proxy == "" && f.noProxy == "" && !f.syncTime
}

// words are the wishes as the history shows them, the proxy without a password.
func (f *wishFlags) words() []string {
	var out []string
	for _, name := range f.trust {
		out = append(out, "--trust "+name)
	}
	if u, err := url.Parse(f.proxy); f.proxy != "" && err == nil {
		out = append(out, "--proxy "+u.Redacted())
	}
	if f.noProxy != "" {
		out = append(out, "--no-proxy "+f.noProxy)
	}
	if f.syncTime {
		out = append(out, "--sync-time")
	}
	return out
}

// maxCA bounds a file of certificates, in bytes.
const maxCA = 1 << 20

// read turns flags into wishes.
func (f *wishFlags) read() (desired.Wishes, error) {
	w := desired.Wishes{SyncTime: f.syncTime}
	for _, name := range f.trust {
		data, err := readBounded(name, maxCA)
		if err != nil {
			return w, usage("", "--trust: %v", err)
		}
		if _, err := fulfil.Certificates(data); err != nil {
			return w, usage("", "--trust %s: %v", name, err)
		}
		base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		w.Trust = append(w.Trust, desired.CA{Name: base, PEM: data, From: source.Pos{File: name}})
	}
	if f.proxy == "" && f.noProxy == "" {
		return w, nil
	}
	w.Proxy = &desired.Proxy{}
	if f.proxy != "" {
		if err := proxyURL(f.proxy); err != nil {
			return w, err
		}
		w.Proxy.HTTP, w.Proxy.HTTPS = route.NewSecret(f.proxy), route.NewSecret(f.proxy)
	}
	for item := range strings.SplitSeq(f.noProxy, ",") {
		if item = strings.TrimSpace(item); item != "" {
			w.Proxy.NoProxy = append(w.Proxy.NoProxy, item)
		}
	}
	return w, nil
}

// proxyURL refuses what Go's HTTP client would not use as a proxy. The text
// may hold a password, so it is not repeated.
func proxyURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return usage("--proxy http://proxy.corp:3128", "--proxy: that is no URL of a proxy")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return nil
	}
	return usage("--proxy http://proxy.corp:3128", "--proxy: the scheme is http, https or socks5, not %s", u.Scheme)
}

// readBounded reads a file that is not to be larger than a limit, in bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	return data, err
}
