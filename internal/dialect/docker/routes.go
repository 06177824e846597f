package docker

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// routes turns the settings into routes.
func (r *reader) routes() {
	if r.refused != nil {
		why := "dockerd does not start: " + r.findings[0].Text
		r.table.Routes = []route.Route{{Match: route.Any, Fails: why, From: r.refused.at}}
		return
	}
	if r.target.Engine() == route.Containerd {
		r.withHosts()
		return
	}
	r.hub()
	seen := map[string]bool{hub: true}
	for i, text := range r.set.Insecure {
		entry := unschemed(text)
		if p, ok := addresses(entry); ok {
			entry = p.String()
		}
		if !seen[entry] {
			seen[entry] = true
			r.table.Routes = append(r.table.Routes, r.unverified(entry, r.item("insecure-registries", i)))
		}
	}
	r.certificates(seen)
}

// hub is the route of Docker Hub, if it has mirrors.
func (r *reader) hub() {
	mirrors := r.mirrors()
	if len(mirrors) == 0 {
		return
	}
	out := route.Route{Match: hub, From: r.place("registry-mirrors")}
	for _, e := range mirrors {
		if r.insecure(e.Host) {
			if e.Scheme == "https" {
				e.TLS = route.TLS{SkipVerify: true, Set: true}
			}
		} else if _, broken := r.certsIn(e.Host); broken != "" {
			out.Fails = broken
		}
		out.Mirrors = append(out.Mirrors, e)
	}
	for _, text := range r.set.Mirrors {
		if _, err := url.Parse("https://" + text); err != nil && !lowerScheme(text) {
			out.Fails = "the mirror " + mask(text) + " is no URL"
		}
	}
	out.Upstream = &route.Endpoint{Role: route.Upstream, Serves: r.target.Everything()}
	r.table.Routes = append(r.table.Routes, out)
}

// mirrors are the mirrors of Docker Hub, each once.
func (r *reader) mirrors() []route.Endpoint {
	var out []route.Endpoint
	seen := map[string]bool{}
	for i, text := range r.set.Mirrors {
		u, err := url.Parse(text)
		if key := strings.TrimSuffix(text, "/") + "/"; err != nil || seen[key] {
			continue
		} else {
			seen[key] = true
		}
		e := route.Endpoint{
			Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.EscapedPath(), "/") + "/v2",
			Role: route.Mirror, Serves: route.Pull | route.Resolve, From: r.item("registry-mirrors", i),
		}
		switch {
		case u.Host == "":
			e.Broken = "the URL " + text + " names no host"
		case !lowerScheme(text):
			e.Broken = "dockerd takes the scheme of " + text + " for a host: it is not in lower case"
		}
		out = append(out, e)
	}
	return out
}

func lowerScheme(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// unverified is a registry, or a range of addresses, that is asked over HTTPS
// without verifying and then over HTTP.
func (r *reader) unverified(match string, at source.Pos) route.Route {
	e := route.Endpoint{
		Scheme: "https", Host: match, Path: "/v2", Role: route.Upstream, Serves: r.target.Everything(),
		PlainFallback: true, TLS: route.TLS{SkipVerify: true, Set: true}, From: at,
	}
	if strings.Contains(match, "/") {
		e.Host = ""
	}
	return route.Route{Match: match, Upstream: &e, From: at}
}

// certificates adds the directories of certs.d. Docker Hub has none, and where
// nothing is verified nothing is read.
func (r *reader) certificates(seen map[string]bool) {
	for _, host := range r.certHosts() {
		if host == hub || host == hubHost || r.insecure(host) {
			continue
		}
		set, broken := r.certsIn(host)
		at := source.Pos{File: path.Join(certsDir, host)}
		if set.Set {
			r.table.Hosts = append(r.table.Hosts, route.Host{Name: host, TLS: set, From: at})
		}
		if broken != "" && !seen[host] {
			r.table.Routes = append(r.table.Routes, route.Route{Match: host, Fails: broken, From: at})
		}
	}
}

func (r *reader) certHosts() []string {
	return slices.DeleteFunc(slices.Clone(r.children[certsDir]), func(name string) bool {
		f := r.byPath[path.Join(certsDir, name)]
		return f != nil && f.Kind != source.Directory
	})
}

// certsIn reads a directory of certificates: every .crt is an authority, every
// .cert a client's certificate with the .key of its name. One without the other
// fails every pull from the host. Source: moby registry/registry.go, loadTLSConfig.
func (r *reader) certsIn(host string) (out route.TLS, broken string) {
	dir := path.Join(certsDir, host)
	names := r.children[dir]
	for _, name := range names {
		file := r.byPath[path.Join(dir, name)]
		stem := strings.TrimSuffix(name, path.Ext(name))
		switch path.Ext(name) {
		case ".crt":
			if why := unusable(file); why != "" {
				return out, file.Path + ": " + why
			}
			out.CA = append(out.CA, file.Path)
		case ".cert":
			if !slices.Contains(names, stem+".key") {
				return out, "missing key " + stem + ".key for client certificate " + name
			}
			pair := route.Pair{Cert: file.Path, Key: path.Join(dir, stem+".key")}
			if why := r.pair(pair); why != "" {
				return out, file.Path + ": " + why
			}
			out.Client = append(out.Client, pair)
		case ".key":
			if !slices.Contains(names, stem+".cert") {
				return out, "missing client certificate " + stem + ".cert for key " + name
			}
		}
	}
	out.Set = len(out.CA)+len(out.Client) > 0
	return out, ""
}

// unusable says why a file cannot be read by a runtime that is root.
func unusable(f *source.File) string {
	switch {
	case f == nil:
		return ""
	case f.Kind == source.Directory:
		return "is a directory"
	case f.Kind == source.Dangling:
		return "no such file or directory"
	case f.Problem != "" && !strings.Contains(f.Problem, "permission"):
		return f.Problem
	}
	return ""
}

func (r *reader) pair(p route.Pair) string {
	cert, key := r.byPath[p.Cert], r.byPath[p.Key]
	for _, f := range []*source.File{cert, key} {
		if why := unusable(f); why != "" {
			return why
		}
		if f == nil || f.Unread || f.Problem != "" {
			return ""
		}
	}
	if _, err := tls.X509KeyPair(cert.Data, key.Data); err != nil {
		return fmt.Sprint(err)
	}
	return ""
}

// withHosts reads hosts.toml files as containerd does and adds daemon.json to
// the registries that have a single host. Mirrors of Docker Hub are copies of
// its host that share one client: what one of them is allowed all are.
// Source: moby daemon/hosts.go, mergeLegacyConfig.
func (r *reader) withHosts() {
	r.table = containerd.Read([]string{certsDir}, r.files, r.target).Table
	if len(r.set.Mirrors)+len(r.set.Insecure) == 0 {
		return
	}
	names := []string{hub}
	for _, rt := range r.table.Routes {
		if rt.Match != hub {
			names = append(names, rt.Match)
		}
	}
	for _, text := range r.set.Insecure {
		entry := unschemed(text)
		if p, ok := addresses(entry); ok {
			entry = p.String()
		}
		if !slices.Contains(names, entry) {
			names = append(names, entry)
		}
	}
	for _, name := range names {
		r.merge(name)
	}
}

// merge adds daemon.json to one registry.
func (r *reader) merge(name string) {
	all := r.table.Endpoints(name)
	rt := r.table.Route(name)
	if name == route.Any || rt.Fails != "" || len(all) != 1 && !strings.Contains(name, "/") {
		return
	}
	rt.Match, rt.Mirrors = name, nil
	own := route.Endpoint{Role: route.Upstream, Serves: r.target.Everything()}
	if !strings.Contains(name, "/") {
		own = all[0]
	}
	loose := strings.Contains(name, "/") || r.insecure(own.Host)
	if name == hub {
		for _, m := range r.mirrors() {
			m.TLS = own.TLS
			if p := strings.TrimSuffix(m.Path, "/v2"); strings.HasSuffix(p, "/v2") {
				m.Path = p
			}
			loose = loose || r.insecure(m.Host)
			rt.Mirrors = append(rt.Mirrors, m)
		}
	}
	if len(rt.Mirrors) == 0 && !loose {
		return
	}
	if loose {
		own.TLS.SkipVerify, own.TLS.Set, own.PlainFallback = true, true, true
		for i := range rt.Mirrors {
			rt.Mirrors[i].TLS.SkipVerify, rt.Mirrors[i].TLS.Set, rt.Mirrors[i].PlainFallback = true, true, true
		}
	}
	rt.Upstream = &own
	r.table.Routes = slices.DeleteFunc(r.table.Routes, func(o route.Route) bool { return o.Match == name })
	r.table.Routes = append(r.table.Routes, rt)
}
