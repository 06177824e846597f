package hostscheck

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
)

// generated makes trees from the model: a random table, each route of it
// spelled in one of the many ways that mean the same.
func generated(p pki, n int) []Tree {
	r := dice{rand.New(rand.NewPCG(1, 2)), p}
	out := make([]Tree, n)
	for i := range out {
		out[i] = r.tree(fmt.Sprintf("generated %d", i))
	}
	return out
}

// dice throws trees.
type dice struct {
	*rand.Rand
	pki pki
}

func pick[T any](r dice, from []T) T { return from[r.IntN(len(from))] }

func (r dice) one(in int) bool { return r.IntN(in) == 0 }

func (r dice) tree(name string) Tree {
	t := Tree{Name: name, Roots: []string{"a"}}
	if r.one(5) {
		t.Roots = append(t.Roots, "b")
	}
	asked := []string{"other.example"}
	for range 1 + r.IntN(3) {
		registry := pick(r, registries)
		asked = append(asked, registry)
		dir := directory(registry)
		switch r.IntN(6) {
		case 0:
			dir = registry
		case 1:
			dir = "_default"
		}
		t.Entries = append(t.Entries, r.entry(pick(r, t.Roots)+"/"+dir))
	}
	t.Entries = distinct(t.Entries)
	t.Images = images(asked...)
	return t
}

func distinct(entries []Entry) []Entry {
	seen := map[string]bool{}
	var out []Entry
	for _, e := range entries {
		dir := e.Path[:strings.LastIndexByte(e.Path+"/", '/')]
		if !seen[dir] && !seen[e.Path] {
			out = append(out, e)
		}
		seen[dir], seen[e.Path] = true, true
	}
	return out
}

func (r dice) entry(dir string) Entry {
	if r.one(12) {
		return Entry{Path: dir, Dir: true}
	}
	return Entry{Path: dir + "/hosts.toml", Data: r.file()}
}

// file spells a random route.
func (r dice) file() string {
	var s spelling
	s.dice = r
	for range r.IntN(4) {
		s.mirrors = append(s.mirrors, r.endpoint())
	}
	if r.one(2) {
		e := r.endpoint()
		s.server = &e
	}
	root := route.Endpoint{}
	if s.server == nil && r.one(3) {
		root = r.endpoint()
		root.Scheme = ""
	}
	if s.server != nil {
		root = *s.server
	}
	return s.text(root)
}

var hostnames = []string{
	"m.example", "m.example:5000", "cache.lab:80", "localhost:5001", "10.0.0.7:5000", "m2.example:443", "r.example", "r.example:5000",
	"registry-1.docker.io", "127.0.0.1:80", "[fd00::2]:5000",
}

func (r dice) endpoint() route.Endpoint {
	e := route.Endpoint{Scheme: pick(r, []string{"https", "https", "http"}), Host: pick(r, hostnames)}
	e.Path = pick(r, []string{"/v2", "/v2", "/v2", "/v2/hub", "/hub/v2", "/hub", "", "/a/b/c"})
	if r.one(2) {
		e.Serves = route.Serves(1 + r.IntN(7))
	}
	if r.one(4) {
		e.TLS.CA = append(e.TLS.CA, r.pki.ca[:1+r.IntN(3)]...)
	}
	if r.one(6) {
		e.TLS.Client = []route.Pair{{Cert: r.pki.path("client.pem"), Key: r.pki.path("client.key")}}
		if r.one(2) {
			e.TLS.Client = append(e.TLS.Client, route.Pair{Cert: r.pki.path("combined.pem")})
		}
	}
	if r.one(5) {
		e.TLS.Set, e.TLS.SkipVerify = true, r.one(2)
	}
	for range r.IntN(5) / 3 * (1 + r.IntN(2)) {
		e.Header = append(e.Header, route.Header{Key: pick(r, headerKeys), Values: []route.Secret{route.NewSecret(pick(r, []string{"x", "Basic dTpw", "ü", "a b"}))}})
	}
	if r.one(6) {
		e.DialTimeout = time.Duration(1+r.IntN(9)) * time.Second
	}
	return e
}

var headerKeys = []string{"X-A", "x-a", "Authorization", "authorization", "User-Agent", "Accept", "X.dotted"}
