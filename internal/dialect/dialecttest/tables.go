package dialecttest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Shape says what random tables hold.
type Shape struct {
	Plain    route.Plain // of the tables
	ByHost   bool        // a host has the same TLS and credentials wherever it stands
	Wildcard bool        // some tables have a route for every other registry
	PEM      bool        // the contents of certificate files are known
	TLS      bool        // hosts have TLS settings
	Auth     bool        // hosts have credentials
	Odd      int         // one endpoint in so many has something that few dialects can say; 0: none
}

// Tables makes random tables for a target, the same for the same seed.
func Tables(t route.Target, s Shape, seed uint64, n int) []route.Table {
	d := dice{Rand: rand.New(rand.NewPCG(seed, 11)), target: t, Shape: s}
	out := make([]route.Table, n)
	for i := range out {
		out[i] = d.table()
	}
	return out
}

type dice struct {
	*rand.Rand
	Shape
	target route.Target
	hosts  map[string]route.Host
}

// Registries are the names that tables have routes for, and that Asked asks for.
var Registries = []string{"docker.io", "ghcr.io", "r.example", "r.example:5000", "10.0.0.7:5000"}

var (
	mirrorHosts = []string{"m.example", "m.example:5000", "cache.lab:80", "10.0.0.9:5000", "m2.example:443", "r.example", "ghcr.io", "registry-1.docker.io", "localhost:5001"}
	paths       = []string{"/v2", "/v2", "/v2", "/v2/hub", "/v2/a/b", "/hub", "/hub/v2", ""}
)

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

func (d dice) one(in int) bool { return in > 0 && d.IntN(in) == 0 }

func (d dice) table() route.Table {
	d.hosts = map[string]route.Host{}
	t := route.Table{Target: d.target, Plain: d.Plain}
	names := slices.Clone(Registries)
	if d.Wildcard && d.one(3) {
		names = append(names[:2], route.Any)
	}
	for range 1 + d.IntN(3) {
		i := d.IntN(len(names))
		t.Routes = append(t.Routes, d.route(names[i]))
		names = slices.Delete(names, i, i+1)
	}
	for _, name := range sorted(d.hosts) {
		if h := d.hosts[name]; !h.Auth.IsZero() {
			t.Hosts = append(t.Hosts, route.Host{Name: name, Auth: h.Auth})
		}
	}
	if d.PEM {
		t.Files = Certificates()
	}
	return t
}

func sorted(m map[string]route.Host) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (d dice) route(match string) route.Route {
	r := route.Route{Match: match}
	for range d.IntN(4) {
		if e := d.endpoint(pick(d, mirrorHosts)); !slices.ContainsFunc(r.Mirrors, func(o route.Endpoint) bool { return o.String() == e.String() }) {
			r.Mirrors = append(r.Mirrors, e)
		}
	}
	if d.one(4) && len(r.Mirrors) > 0 {
		return r
	}
	up := route.Endpoint{Role: route.Upstream, Serves: d.target.Everything()}
	if match != route.Any && len(r.Mirrors) == 0 {
		up.TLS = d.host(upstreamHost(match)).TLS
	}
	r.Upstream = &up
	return r
}

func upstreamHost(match string) string {
	if match == "docker.io" {
		return "registry-1.docker.io"
	}
	return match
}

func (d dice) endpoint(host string) route.Endpoint {
	e := route.Endpoint{Scheme: pick(d, []string{"https", "https", "http"}), Host: host, Path: pick(d, paths), Serves: route.Pull | route.Resolve}
	if h := d.host(host); e.Scheme == "https" {
		e.TLS = h.TLS
	}
	if d.one(d.Odd) {
		d.odd(&e)
	}
	return e
}

// odd gives an endpoint something that most dialects cannot say.
func (d dice) odd(e *route.Endpoint) {
	switch d.IntN(8) {
	case 0:
		e.Rewrites = []route.Rewrite{{Pattern: "^team/(.*)$", Replacement: "proxy/$1"}}
	case 1:
		e.Header = []route.Header{{Key: "X-Meta", Values: []route.Secret{route.NewSecret("1")}}}
	case 2:
		e.DialTimeout = 3 * time.Second
	case 3:
		e.Serves = route.Pull
	case 4:
		e.Serves |= route.Push
	case 5:
		e.PlainFallback = e.Scheme == "https"
	case 6:
		e.Broken = "nobody answers there"
	case 7:
		e.TLS = route.TLS{CA: []string{CA, "/pki/other.pem"}, Set: true}
	}
}

// host is what all endpoints at a host have in common.
func (d dice) host(name string) route.Host {
	if h, known := d.hosts[name]; known && d.ByHost {
		return h
	}
	h := route.Host{Name: name}
	if d.TLS && d.one(3) {
		h.TLS = pick(d, []route.TLS{
			{CA: []string{CA}, Set: true},
			{SkipVerify: true, Set: true},
			{CA: []string{CA}, Client: []route.Pair{{Cert: Cert, Key: Key}}, Set: true},
		})
	}
	if d.Auth && d.one(4) {
		h.Auth = pick(d, []route.Auth{
			{User: "puller", Password: route.NewSecret(`p"w: #1`)},
			{User: "robot$x", Password: route.NewSecret("Ha:rbor")},
			{IdentityToken: route.NewSecret("tok")},
		})
	}
	d.hosts[name] = h
	return h
}

// Files that the tables name.
const (
	CA   = "/pki/ca.pem"
	Cert = "/pki/client.pem"
	Key  = "/pki/client.key"
)

// Certificates are the files that random tables name.
func Certificates() []source.File {
	ca, cert, key := pki()
	return []source.File{
		{Path: CA, Data: ca, Mode: 0o644}, {Path: "/pki/other.pem", Data: ca, Mode: 0o644},
		{Path: Cert, Data: cert, Mode: 0o644}, {Path: Key, Data: key, Mode: 0o600},
	}
}
