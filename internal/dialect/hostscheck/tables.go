package hostscheck

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/route"
)

// Tables makes random tables for a target: the same for the same seed. Their
// certificate files do not exist.
func Tables(t route.Target, seed uint64, n int) []route.Table {
	r := dice{rand.New(rand.NewPCG(seed, 7)), pki{as: "/pki", ca: []string{"/pki/a.pem", "/pki/b.pem", "/pki/c.pem"}}}
	return r.tables(t, n)
}

func (r dice) tables(t route.Target, n int) []route.Table {
	out := make([]route.Table, n)
	for i := range out {
		out[i] = r.table(t)
	}
	return out
}

// rendered makes trees of what Towpath itself writes for random tables.
func rendered(p pki, t route.Target, n int) []Tree {
	r := dice{rand.New(rand.NewPCG(5, 6)), p}
	var out []Tree
	for i, table := range r.tables(t, n) {
		tree := Tree{Name: fmt.Sprintf("rendered %d", i), Roots: []string{"certs.d"}}
		for _, f := range containerd.RenderIn([]string{"/certs.d"}, table, nil) {
			tree.Entries = append(tree.Entries, Entry{Path: strings.TrimPrefix(f.Path, "/"), Data: string(f.Data)})
		}
		asked := []string{"other.example"}
		for _, route := range table.Routes {
			if route.Match != "*" {
				asked = append(asked, route.Match)
			}
		}
		tree.Images = images(asked...)
		out = append(out, tree)
	}
	return out
}

func (r dice) table(t route.Target) route.Table {
	out := route.Table{Target: t}
	names := append([]string{route.Any}, registries...)
	for range 1 + r.IntN(4) {
		i := r.IntN(len(names))
		out.Routes = append(out.Routes, r.route(names[i], t))
		names = slices.Delete(names, i, i+1)
	}
	return out
}

func (r dice) route(match string, t route.Target) route.Route {
	out := route.Route{Match: match}
	for range r.IntN(4) {
		out.Mirrors = append(out.Mirrors, r.complete(t))
	}
	switch r.IntN(6) {
	case 0:
	case 1, 2:
		e := r.complete(t)
		e.Role = route.Upstream
		out.Upstream = &e
	case 3:
		e := r.complete(t)
		e.Scheme, e.Host, e.Path, e.PlainFallback, e.Serves, e.Role = "", "", "", false, t.Everything(), route.Upstream
		out.Upstream = &e
	default:
		out.Upstream = &route.Endpoint{Role: route.Upstream, Serves: t.Everything()}
	}
	return out
}

// complete is an endpoint with nothing left to a default.
func (r dice) complete(t route.Target) route.Endpoint {
	e := r.endpoint()
	if e.Serves == 0 {
		e.Serves = t.Everything()
	}
	e.PlainFallback = e.Scheme == "https" && r.one(6)
	e.TLS.Set = e.TLS.Set || e.PlainFallback || len(e.TLS.CA)+len(e.TLS.Client) > 0
	if t.Fork && r.one(4) {
		e.Rewrites = []route.Rewrite{{Pattern: "^team/(.*)$", Replacement: "proxy/$1"}}
	}
	return e
}
