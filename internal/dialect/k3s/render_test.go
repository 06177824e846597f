package k3s

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// tables makes routes of all that the model can say of endpoints; some of it
// registries.yaml cannot.
func tables(r *rand.Rand) route.Table {
	t := route.Table{Target: route.Target{Runtime: nameK3s, Fork: true}}
	names := []string{"docker.io", "quay.io", "r.lab:5000", "localhost:5000", route.Any, "ghcr.io"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:1+r.IntN(len(names))] {
		rt := route.Route{Match: name}
		for range r.IntN(4) {
			rt.Mirrors = append(rt.Mirrors, mirrorEndpoint(r))
		}
		if len(rt.Mirrors) > 0 && r.IntN(4) == 0 {
			for i := range rt.Mirrors {
				rt.Mirrors[i].Rewrites = []route.Rewrite{{Pattern: "^library/(.*)", Replacement: "hub/$1"}}
			}
		}
		if r.IntN(12) > 0 {
			up := own(name)
			if r.IntN(5) == 0 && name != route.Any {
				up.TLS = route.TLS{CA: []string{"/own.pem"}, Set: true}
			}
			rt.Upstream = &up
		}
		t.Routes = append(t.Routes, rt)
	}
	for range r.IntN(3) {
		t.Hosts = append(t.Hosts, route.Host{Name: pick(r, "a.lab", "b.lab:8443", "registry-1.docker.io", "only.lab"), Auth: login(r)})
	}
	return t
}

func own(name string) route.Endpoint {
	if name == route.Any {
		return route.Endpoint{Role: route.Upstream, Serves: everything}
	}
	a, _ := normalise(name, "")
	return route.Endpoint{Scheme: a.url.Scheme, Host: a.url.Host, Path: "/v2", Role: route.Upstream, Serves: route.Pull | route.Resolve | route.Push}
}

func mirrorEndpoint(r *rand.Rand) route.Endpoint {
	e := route.Endpoint{
		Scheme: pick(r, "https", "https", "http"), Host: pick(r, "a.lab", "b.lab:8443", "c.lab", "[fd00::1]:5000"),
		Path: pick(r, "/v2", "/v2", "/v2/hub", "/prefix/v2"), Serves: route.Pull | route.Resolve,
	}
	switch r.IntN(14) {
	case 0:
		e.TLS = route.TLS{CA: []string{"/ca.pem"}, Set: true}
	case 1:
		e.TLS = route.TLS{Client: []route.Pair{{Cert: "/c.pem", Key: "/k.pem"}}, Set: true}
	case 2:
		e.Auth = login(r)
	case 3:
		e.Serves = route.Pull
	case 4:
		e.Header = []route.Header{{Key: "X-A"}}
	case 5:
		e.TLS = route.TLS{CA: []string{"/a.pem", "/b.pem"}, Set: true}
	}
	if e.TLS.Set && e.Scheme == "http" {
		e.Scheme = "https"
	}
	return e
}

func login(r *rand.Rand) route.Auth {
	if r.IntN(3) == 0 {
		return route.Auth{IdentityToken: route.NewSecret("token: #1")}
	}
	return route.Auth{User: pick(r, "puller", "robot$x"), Password: route.NewSecret(pick(r, "0123", "p: \"q\" # r", "yes"))}
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// same compares what two tables make of every registry that either names.
func same(a, b route.Table) string {
	names := []string{"docker.io", "quay.io", "r.lab:5000", "localhost:5000", "ghcr.io", "other.example"}
	for _, name := range names {
		x, y := spell(a.Endpoints(name)), spell(b.Endpoints(name))
		if x != y {
			return fmt.Sprintf("%s:\n%s\nbecame\n%s", name, x, y)
		}
	}
	return ""
}

func spell(list []route.Endpoint) string {
	out := ""
	for _, e := range list {
		rw := ""
		for _, x := range e.Rewrites {
			rw += x.Pattern + "=>" + x.Replacement
		}
		serves := e.Serves
		if e.Role == route.Upstream {
			serves |= route.Referrers
		}
		out += fmt.Sprintf("%s %v %v %v%v%v %s/%s/%s %s\n", e, e.Role, serves, e.TLS.CA, e.TLS.Client, e.TLS.SkipVerify,
			e.Auth.User, e.Auth.Password.Reveal(), e.Auth.IdentityToken.Reveal(), rw)
	}
	return out
}

// What renders without a loss comes back equal, whatever was in the file
// before; what does not was told as a loss. Rendering again changes nothing.
func TestLawsOfRendering(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	have := []string{"", "# empty\n", "mirrors:\n", "configs: {}\nmirrors:\n  docker.io: # hub\n    endpoint: [https://old.lab] # old\n", stuffed}
	clean := 0
	for n := range 3000 {
		want := tables(r)
		if len(K3s.Losses(want)) > 0 {
			continue
		}
		clean++
		before := registries(have[n%len(have)])
		if n%7 == 0 {
			before = nil
		}
		after := K3s.Render(want, before)
		got := K3s.Parse(after, want.Target)
		if diff := same(want, got.Table); diff != "" {
			t.Fatalf("table %d: %s\nfrom\n%s\nfile\n%s", n, diff, find(before), find(after))
		}
		again := K3s.Render(want, after)
		if find(again) != find(after) {
			t.Fatalf("table %d: rendered again, it is\n%s\nnot\n%s", n, find(again), find(after))
		}
	}
	if clean < 300 {
		t.Errorf("only %d tables without a loss", clean)
	}
}

func find(files []source.File) string {
	if f := source.Find(files, K3s.Paths[0]); f != nil {
		return string(f.Data)
	}
	return ""
}

// Each limit is hit by a table that comes back changed.
func TestLimitsAreTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hit := map[string]bool{}
	for range 1500 {
		want := tables(r)
		if len(want.Routes) > 0 && len(want.Routes[0].Mirrors) > 0 {
			e := &want.Routes[0].Mirrors[0]
			switch r.IntN(9) {
			case 0:
				e.DialTimeout = 1
			case 1:
				e.PlainFallback = true
			case 2:
				want.Routes[0].Fails = "why"
			case 3:
				want.Routes[0].Upstream = &route.Endpoint{Scheme: "https", Host: "up.lab", Path: "/v2", Role: route.Upstream, Serves: everything}
			case 4:
				e.Rewrites = []route.Rewrite{{Pattern: "a", Replacement: "b"}}
			case 6:
				e.Path = ""
			case 5:
				want.Hosts = append(want.Hosts, route.Host{Name: route.Any, Auth: login(r)})
			}
		}
		for _, l := range limits {
			if slices.ContainsFunc(want.Routes, l.Test(want)) {
				hit[l.Concept] = true
			}
		}
	}
	for _, l := range limits {
		if !hit[l.Concept] {
			t.Errorf("no table hits %q", l.Concept)
		}
	}
}

const stuffed = `# head
mirrors:
  # the hub
  docker.io: # hub
    endpoint:
      - "https://old.lab" # gone
      - a.lab             # stays
    x-note: ours
  "r.lab:5000":
    endpoint: ["http://r.lab:5000"]
  embedded.only:
other: {a: 1}
configs:
  "*": {auth: {username: rke2}}
  a.lab:
    # who
    auth:
      username: puller # name
      password: secret
  old.lab:
    tls: {ca_file: /old.pem}
# tail
`

// Rendering stories: the file as it is, the file that says what is wanted, and
// what becomes of the first.
func TestRenderingKeepsWhatIsNotItsBusiness(t *testing.T) {
	for _, s := range stories(t, "render") {
		t.Run(filepath.Base(s.name), func(t *testing.T) {
			wanted := source.Find(s.files, "/wanted/registries.yaml")
			want := K3s.Parse([]source.File{{Path: "wanted.yaml", Data: wanted.Data}}, s.target).Table
			have := slices.DeleteFunc(slices.Clone(s.files), func(f source.File) bool { return f.Path == wanted.Path })
			s.check(t, "after", find(K3s.Render(want, have)))
		})
	}
}

func TestWhatIsThereAlreadyKeepsEveryByte(t *testing.T) {
	for _, s := range stories(t, "rendered") {
		if len(s.opts.Args) > 0 || s.target.Version.Known() || s.target.Runtime != nameK3s {
			continue
		}
		table := K3s.Parse(s.files, s.target).Table
		if len(K3s.Losses(table)) > 0 {
			continue
		}
		after := K3s.Render(table, s.files)
		if find(after) != find(s.files) {
			t.Errorf("%s became\n%s", s.name, find(after))
		}
	}
}
