package cli

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/candidate"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// hosts are the candidates as they are gathered.
type hosts struct {
	table    route.Table
	registry string
	mirrors  []candidate.Host
}

// configured takes up the mirrors of the node and returns the registry itself.
// Credentials that were given are the registry's own.
func (p *hosts) configured(login *route.Auth) candidate.Host {
	own := candidate.Host{Endpoint: p.table.Default(p.registry)}
	own.Engine = p.table.Target.Engine()
	for _, e := range p.table.Endpoints(p.registry) {
		if e.Role == route.Upstream {
			own.Endpoint = e
			continue
		}
		if e.Broken == "" {
			p.add(candidate.Host{Endpoint: e, Login: mirrorLogin(e, login), Configured: true})
		}
	}
	own.Login = upstream.Login{Auth: own.Auth}
	if login != nil {
		own.Login.Auth = *login
	}
	return own
}

// mirrorLogin is what a mirror may be told: its own credentials, never those
// that were given for the registry.
func mirrorLogin(e route.Endpoint, given *route.Auth) upstream.Login {
	return upstream.Login{Auth: e.Auth, Shared: e.Auth.IsZero() && given != nil}
}

// typed takes up URLs. What the node knows of just their hosts counts for them;
// what it would tell every host does not.
func (p *hosts) typed(urls []string) error {
	for _, text := range urls {
		e, err := endpointOf(text)
		if err != nil {
			return usage("https://mirror.example", "%s: %v", shown(text), err)
		}
		e.Engine = p.table.Target.Engine()
		if h := p.table.Host(e.Host); h != nil {
			e.TLS, e.Auth = h.TLS, h.Auth
		}
		p.add(candidate.Host{Endpoint: e, Login: upstream.Login{Auth: e.Auth}})
	}
	return nil
}

// shown is a typed URL without what may be a password.
func shown(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// endpointOf is the mirror at a URL: its API is at /v2 below the path.
func endpointOf(text string) (route.Endpoint, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return route.Endpoint{}, fmt.Errorf("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return route.Endpoint{}, fmt.Errorf("a mirror has https or http")
	case u.Hostname() == "":
		return route.Endpoint{}, fmt.Errorf("it names no host")
	case u.User != nil:
		return route.Endpoint{}, fmt.Errorf("credentials do not belong into the URL of a mirror")
	case u.RawQuery != "" || u.Fragment != "":
		return route.Endpoint{}, fmt.Errorf("a mirror's URL ends with its path")
	}
	if _, err := upstream.OriginOf(u); err != nil {
		return route.Endpoint{}, err
	}
	root := strings.TrimRight(u.Path, "/")
	if !strings.HasSuffix(root, "/v2") {
		root += "/v2"
	}
	return route.Endpoint{Scheme: u.Scheme, Host: u.Host, Path: root, Serves: route.Pull | route.Resolve}, nil
}

// mostListed bounds a list of candidates.
const mostListed = 1000

// listed adds the URLs of a file, one a line. A # begins a comment.
func (a *app) listed(name string, urls *[]string) error {
	if name == "" {
		return nil
	}
	in := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return exitError{exitUsage, fmt.Errorf("--list: %w", err), ""}
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(io.LimitReader(in, 1<<20))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text != "" {
			*urls = append(*urls, text)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(*urls) > mostListed {
		return usage("", "%d candidates are more than the %d that are measured at once", len(*urls), mostListed)
	}
	return nil
}

// mirrorOrder is the order of a registry's mirrors, as it is and as a ranking
// wants it.
type mirrorOrder struct {
	route     route.Route
	now, want []route.Endpoint
}

// newMirrorOrder puts a ranking into a registry's route. What is configured stays
// as it is written there; what is not gets its URL and nothing else.
func newMirrorOrder(t route.Table, j candidate.Job, c candidate.Comparison, prune bool) mirrorOrder {
	registry := j.Images[0].Registry
	o := mirrorOrder{route: t.Route(registry)}
	o.route.Match = registry // the others keep theirs
	o.now = o.route.Mirrors
	for _, p := range candidate.Rank(c) {
		h := j.Mirrors[p.Index]
		at := slices.IndexFunc(o.now, func(e route.Endpoint) bool { return e.String() == h.String() })
		switch {
		case at >= 0 && (p.Rank > 0 || !prune):
			o.want = append(o.want, o.now[at])
		case at < 0 && p.Rank > 0:
			e := h.Endpoint
			o.want = append(o.want, route.Endpoint{Scheme: e.Scheme, Host: e.Host, Path: e.Path, Serves: e.Serves, TLS: route.TLS{CA: e.TLS.CA, Client: e.TLS.Client}})
		}
	}
	for _, e := range o.now { // what was not measured, because it is broken
		if !prune && !slices.ContainsFunc(o.want, func(x route.Endpoint) bool { return x.String() == e.String() }) {
			o.want = append(o.want, e)
		}
	}
	o.route.Mirrors = o.want
	return o
}

func (mirrorOrder) names(list []route.Endpoint) []string {
	out := []string{}
	for _, e := range list {
		out = append(out, e.String())
	}
	return out
}

// same reports that there is nothing to write.
func (o mirrorOrder) same() bool { return slices.Equal(o.names(o.now), o.names(o.want)) }
