package registriesconf

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	hub     = "docker.io"
	hubHost = "registry-1.docker.io"
)

// routes merges the files: a later registry replaces an earlier one with the
// same prefix as a whole.
func (r *reader) routes() {
	byPrefix := map[string]*registry{}
	for _, d := range r.docs {
		for _, g := range d.registries {
			if !g.hidden && d.problem == nil {
				byPrefix[g.Prefix] = g
			}
		}
	}
	for _, prefix := range sortedKeys(byPrefix) {
		r.merged = append(r.merged, byPrefix[prefix])
	}
	if r.dead() {
		return
	}
	for _, g := range r.merged {
		if g.Prefix != "" {
			r.table.Routes = append(r.table.Routes, g.route())
		}
	}
}

// route is what a registry says.
func (g *registry) route() route.Route {
	out := route.Route{Match: g.Prefix, Blocked: g.Blocked, From: g.at}
	for j, m := range g.Mirrors {
		e := endpoint(m, g.mirrors[j])
		e.Role, e.Serves = route.Mirror, serves(m.PullFromMirror, g.MirrorByDigestOnly)
		out.Mirrors = append(out.Mirrors, e)
	}
	e := endpoint(g.endpointSpec, g.at)
	e.Role, e.Serves = route.Upstream, everything
	out.Upstream = &e
	return out
}

const everything = route.Pull | route.Resolve | route.Push | route.Referrers

func serves(policy string, digests bool) route.Serves {
	switch {
	case digests || policy == "digest-only":
		return route.Pull
	case policy == "tag-only":
		return route.Pull | route.Resolve | route.TagsOnly
	}
	return route.Pull | route.Resolve
}

// endpoint is a location as one that can be asked. An empty one stands for the
// registry that the image names.
func endpoint(s endpointSpec, at source.Pos) route.Endpoint {
	e := route.Endpoint{Scheme: "https", Path: "/v2", Namespace: s.NamespaceProxy, From: at}
	if s.Insecure {
		e.PlainFallback = true
		e.TLS = route.TLS{SkipVerify: true, Set: true}
	}
	if s.Location == "" {
		return e
	}
	host, rest, nested := strings.Cut(s.Location, "/")
	if nested {
		e.Path += "/" + rest
	}
	if e.Host = host; host == hub {
		e.Host, e.Alias = hubHost, hub
	}
	if host == "" {
		e.Host, e.Path = s.Location, "/v2" // no name begins so: every pull fails
	}
	return e
}

// certsDirs are looked through for a directory of a host; the first that has
// one counts, the others do not.
var certsDirs = []string{
	home + "/certs.d", "/etc/containers/certs.rootful.d", "/etc/containers/certs.d",
	vendor + "/certs.rootful.d", vendor + "/certs.d", dockerCerts,
}

const dockerCerts = "/etc/docker/certs.d"

// certificates reads the certs.d directories of all hosts that have one.
func (r *reader) certificates() {
	for _, host := range r.certHosts() {
		dir := r.certsDir(host)
		tls, broken := r.certsIn(dir)
		name := host
		if host == hub {
			name = hubHost
		}
		if tls.Set || broken != "" {
			r.table.Hosts = append(r.table.Hosts, route.Host{Name: name, TLS: tls, Broken: broken, From: source.Pos{File: dir}})
		}
	}
}

// certHosts are the names of directories below the certs.d ones, sorted.
func (r *reader) certHosts() []string {
	seen := map[string]bool{}
	for _, dir := range certsDirs {
		for _, host := range r.children[dir] {
			f := r.byPath[dir+"/"+host]
			if f == nil || f.Kind == source.Directory {
				seen[host] = true
			}
		}
	}
	return sortedKeys(seen)
}

// certsDir is the directory that counts for a host; empty: there is none.
func (r *reader) certsDir(host string) string {
	for _, dir := range certsDirs {
		dir += "/" + host
		if r.byPath[dir] != nil || len(r.children[dir]) > 0 {
			return dir
		}
	}
	return ""
}
