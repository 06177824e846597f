package candidate

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

const own = "192.0.2.1:443"

var (
	fresh = world.Image{Ref: "team/app:1", Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int{20000, 300}, Created: "2026-06-01T00:00:00Z"}
	old   = world.Image{Ref: "team/app:1", Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int{20000}, Created: "2026-05-22T00:00:00Z", Seed: 1}
	other = world.Image{Ref: "team/app:1", Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int{20000}, Created: "2026-07-01T00:00:00Z", Seed: 2}
)

// registry is a registry with images and faults.
func registry(addr string, image world.Image, faults ...world.Fault) world.Role {
	return world.Role{Listen: addr, TLS: &world.TLS{Names: []string{"192.0.2.1", addr[:len(addr)-4]}}, Registry: &world.Holds{Images: []world.Image{image}}, Faults: faults}
}

// changed is a registry whose requests are changed before it sees them.
func changed(t *testing.T, addr string, change func(http.ResponseWriter, *http.Request) http.ResponseWriter) world.Role {
	t.Helper()
	g, err := world.NewRegistry([]world.Image{fresh}, world.Auth{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := registry(addr, fresh)
	r.Registry = nil
	r.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { g.ServeHTTP(change(w, q), q) })
	return r
}

// compare measures one mirror at 192.0.2.2 against a healthy registry.
func compare(t *testing.T, mirror world.Role, with func(*Job)) (Measure, Comparison, *world.World) {
	t.Helper()
	c, w := compareAll(t, registry(own, fresh), []world.Role{mirror}, with)
	return c.Mirrors[0], c, w
}

func compareAll(t *testing.T, first world.Role, mirrors []world.Role, with func(*Job)) (Comparison, *world.World) {
	t.Helper()
	spec := world.Spec{Servers: map[string]world.Role{"own": first}}
	job := Job{Registry: host(first), Platform: "linux/amd64", Budget: time.Minute}
	for i, m := range mirrors {
		if m.TLS != nil || m.Handler != nil || m.Registry != nil {
			spec.Servers[string(rune('a'+i))] = m
		}
		job.Mirrors = append(job.Mirrors, host(m))
	}
	w, err := world.Play(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	ref, err := route.ParseRef(own + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	job.Images = []route.Ref{ref}
	job.Client = &upstream.Client{
		Dial: w.Net.Dial, Roots: upstream.NewRoots(upstream.File{Path: "/etc/ssl/ca.pem", Data: w.PKI.Root.PEM()}),
		Limits: upstream.Limits{Dial: time.Minute, TLS: time.Minute, Header: time.Minute, Idle: time.Minute, Others: -1},
	}
	if with != nil {
		with(&job)
	}
	return Compare(t.Context(), job), w
}

func host(r world.Role) Host {
	e := route.Endpoint{Scheme: "https", Host: r.Listen, Path: "/v2", Serves: route.Pull | route.Resolve}
	if r.Listen == own {
		e.Role = route.Upstream
	}
	return Host{Endpoint: e}
}

func kindsOf(c Comparison) []string {
	var out []string
	for _, f := range Judge(c) {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
