package towpath_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/towpath"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestTheLaws(t *testing.T) {
	for _, name := range []string{"containerd", "docker", "crio", "k3s"} {
		t.Run(name, func(t *testing.T) {
			shape := dialecttest.Shape{ByHost: true, Wildcard: true, TLS: true, Auth: true, Odd: 4}
			tables := dialecttest.Tables(route.Target{Runtime: name}, shape, 1, 120)
			dialecttest.Check(t, dialecttest.Laws{Dialect: towpath.Dialect, Tables: tables, Least: 120, Foreign: foreign})
		})
	}
}

// foreign puts routes into a file that asks for more, with comments.
func foreign(files []source.File) ([]source.File, []string) {
	const head = "# kept at the top\nversion: towpath/v1 # v\n\n# the proxy\nproxy:\n  https: http://proxy.lab:3128 # here\n  noProxy: [.lab, 10.0.0.0/8]\n"
	const tail = "# kept too\ntime:\n  synchronise: true\nsandboxImage: registry.k8s.io/pause:3.10 # p\n"
	out := []source.File{{Path: towpath.Path, Data: []byte(head + tail)}}
	for _, f := range files {
		out[0].Data = []byte(head + strings.TrimPrefix(string(f.Data), "version: towpath/v1\n") + tail)
	}
	return out, []string{head, tail}
}

// TestEveryTableComesBackAsItWas uses every field of the model.
func TestEveryTableComesBackAsItWas(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(4, 2))}
	var last []source.File
	for i := range 1500 {
		want := d.table()
		if lost := towpath.Dialect.Losses(want); len(lost) > 0 {
			t.Fatalf("table %d: %v", i, lost[0].Text)
		}
		for _, have := range [][]source.File{nil, last} {
			files := towpath.Render(want, have)
			reading := towpath.Parse(files, want.Target)
			if got := bare(reading.Table); !reflect.DeepEqual(got, bare(want)) {
				t.Fatalf("table %d: got\n%+v\nwant\n%+v\nfrom%s\nbefore%s", i, got, bare(want), dialecttest.Show(files), dialecttest.Show(have))
			}
			for _, f := range reading.Findings {
				if f.Stops {
					t.Fatalf("table %d: %s", i, f.Text)
				}
			}
			if len(want.Routes)+len(want.Hosts) > 0 {
				last = files
			}
		}
	}
}

// TestTheRuntimeThatAFileNeedsStandsInIt reads files without being told for
// which runtime.
func TestTheRuntimeThatAFileNeedsStandsInIt(t *testing.T) {
	v := route.MustVersion
	for _, target := range []route.Target{
		{}, {Runtime: "crio"}, {Runtime: "podman"}, {Runtime: "docker"},
		{Runtime: "docker", Version: v("29.0.1"), Containerd: v("2.1.4")},
	} {
		table := route.Table{Target: target, Routes: []route.Route{{Match: "r.example", Upstream: &route.Endpoint{Role: route.Upstream, Serves: target.Everything()}}}}
		files := towpath.Render(table, nil)
		if got := towpath.Parse(files, route.Target{}).Table.Target; got != target {
			t.Errorf("%+v became %+v in%s", target, got, dialecttest.Show(files))
		}
		again := towpath.Render(route.Table{Target: route.Target{Runtime: "crio"}, Routes: table.Routes}, files)
		if got := towpath.Parse(again, route.Target{}).Table.Target.Engine(); got != route.ContainersImage {
			t.Errorf("%+v does not become CRI-O:%s", target, dialecttest.Show(again))
		}
	}
}

// bare is a table without what only says where something stands.
func bare(t route.Table) route.Table {
	none := source.Pos{}
	clean := func(e *route.Endpoint) {
		e.From, e.Auth.From, e.Auth.Source = none, none, ""
		e.Rewrites = slices.Clone(e.Rewrites)
		for i := range e.Rewrites {
			e.Rewrites[i].From = none
		}
	}
	t.Routes, t.Hosts, t.Files = slices.Clone(t.Routes), slices.Clone(t.Hosts), slices.Clone(t.Files)
	slices.SortFunc(t.Files, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	for i := range t.Routes {
		r := &t.Routes[i]
		r.From, r.Mirrors = none, slices.Clone(r.Mirrors)
		for j := range r.Mirrors {
			clean(&r.Mirrors[j])
		}
		if r.Upstream != nil {
			u := *r.Upstream
			clean(&u)
			r.Upstream = &u
		}
	}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		h.From, h.Auth.From, h.Auth.Source = none, none, ""
	}
	return t
}

type dice struct{ *rand.Rand }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

var odd = []string{"a: #b", "123456", "true", "*", "~", " x ", "\"q'", "line\nbreak", "ä€\u0085\u2028", "- a", "0x1F", "2001-01-01", "!!str", "&a", "{}", "Ha:rbor", "\t", "\\", "<<", "no", "1:30"}

func (d dice) word() string { return pick(d, pick(d, odd...), "puller", "robot$x", "ok") }

func (d dice) table() route.Table {
	target := pick(d, route.Target{Runtime: "containerd"}, route.Target{Runtime: "docker"}, route.Target{Runtime: "crio"},
		route.Target{Runtime: "containerd", Version: route.MustVersion("1.7.3"), Containerd: route.MustVersion("1.7.3")})
	t := route.Table{Target: target, Plain: pick(d, route.PlainLocalhost, route.PlainCRI)}
	if d.one(3) {
		t.Header = d.headers()
	}
	for _, name := range d.some("docker.io", "*", "r.example:5000", "10.0.0.7:5000", "docker.io/library", "*.example", "192.0.2.0/24", "[::1]:5000", d.word()+"/x") {
		t.Routes = append(t.Routes, d.route(name, target))
	}
	for _, name := range d.some("m.example", "*", "m.example:5000/team", "127.0.0.1:80") {
		h := route.Host{Name: name, TLS: d.tls(), Auth: d.auth()}
		if d.one(5) {
			h.Broken = d.word()
		}
		t.Hosts = append(t.Hosts, h)
	}
	for _, f := range files {
		if strings.Contains(names(t), f.Path) {
			t.Files = append(t.Files, f)
		}
	}
	return t
}

// some are a few of the names, in any order.
func (d dice) some(names ...string) []string {
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:d.IntN(5)]
}

func (d dice) route(match string, target route.Target) route.Route {
	r := route.Route{Match: match, UpstreamUnlessListed: d.one(5), Blocked: d.one(6)}
	for range d.IntN(4) {
		r.Mirrors = append(r.Mirrors, d.endpoint(route.Pull|route.Resolve))
	}
	if d.one(8) {
		r.Fails = d.word()
	}
	switch d.IntN(4) {
	case 0:
	case 1:
		e := d.endpoint(target.Everything())
		e.Role = route.Upstream
		r.Upstream = &e
	default:
		r.Upstream = &route.Endpoint{Role: route.Upstream, Serves: target.Everything()}
	}
	return r
}

func (d dice) endpoint(std route.Serves) route.Endpoint {
	e := route.Endpoint{Serves: std}
	if !d.one(8) {
		e.Scheme, e.Host = pick(d, "https", "http"), pick(d, "m.example", "m.example:5000", "[::1]:80", "10.0.0.9", "localhost:5001")
		e.Path = pick(d, "/v2", "/v2", "/v2/hub", "", "/", "/hub", "/a/v2/", "/v2/ä%20b")
	}
	if d.one(2) {
		return e
	}
	if d.one(3) {
		e.Serves = route.Serves(d.IntN(32))
	}
	e.PlainFallback, e.TLS, e.Auth = d.one(4), d.tls(), d.auth()
	for range d.IntN(3) * d.IntN(2) {
		e.Rewrites = append(e.Rewrites, route.Rewrite{Pattern: pick(d, "^team/(.*)$", "", "a|b", "[#: ]"), Replacement: pick(d, "x/$1", "", "${1}y")})
	}
	if d.one(3) {
		e.Header = d.headers()
	}
	switch d.IntN(8) {
	case 0:
		e.NoDialLimit = true
	case 1:
		e.DialTimeout = pick(d, 3*time.Second, -time.Second, 1500*time.Microsecond, 90*time.Minute+time.Nanosecond)
	case 2:
		e.Alias, e.Namespace = "docker.io", d.word()
	case 3:
		e.Broken = d.word()
	}
	return e
}

func (d dice) headers() []route.Header {
	var out []route.Header
	for _, key := range d.some("X-Meta", "authorization", "x: y", "Cookie") {
		h := route.Header{Key: key}
		for range d.IntN(3) {
			h.Values = append(h.Values, route.NewSecret(pick(d, d.word(), "")))
		}
		out = append(out, h)
	}
	return out
}

// files are certificates that stand in the file itself.
var files = func() []source.File {
	all := dialecttest.Certificates()
	var out []source.File
	for _, i := range []int{0, 2, 3} {
		text := "version: towpath/v1\nhosts:\n  a:\n    client:\n      " + []string{0: "cert", 2: "cert", 3: "key"}[i] + ": |\n"
		for line := range strings.Lines(string(all[i].Data)) {
			text += "        " + line
		}
		got := towpath.Parse([]source.File{{Path: towpath.Path, Data: []byte(text)}}, route.Target{}).Table.Files
		out = append(out, got...)
	}
	return out
}()

func (d dice) tls() route.TLS {
	if d.one(2) {
		return route.TLS{}
	}
	tls := route.TLS{Set: true, SkipVerify: d.one(3)}
	for range d.IntN(3) {
		tls.CA = append(tls.CA, pick(d, "/pki/ca.pem", "rel.crt", files[0].Path))
	}
	for range d.IntN(4) / 2 {
		tls.Client = append(tls.Client, pick(d, route.Pair{Cert: "/c.pem", Key: "/k.pem"}, route.Pair{Cert: "/both.pem"}, route.Pair{Cert: files[1].Path, Key: files[2].Path}))
	}
	return tls
}

func (d dice) auth() route.Auth {
	secret := func() route.Secret { return route.NewSecret(d.word()) }
	return pick(d, route.Auth{}, route.Auth{}, route.Auth{User: d.word(), Password: secret()}, route.Auth{IdentityToken: secret()},
		route.Auth{User: "u", Password: secret(), IdentityToken: secret()}, route.Auth{User: d.word()})
}

// names are all paths of certificates in a table.
func names(t route.Table) string {
	var all []string
	add := func(tls route.TLS) {
		all = append(all, tls.CA...)
		for _, p := range tls.Client {
			all = append(all, p.Cert, p.Key)
		}
	}
	for _, r := range t.Routes {
		for _, e := range r.Endpoints() {
			add(e.TLS)
		}
	}
	for _, h := range t.Hosts {
		add(h.TLS)
	}
	return strings.Join(all, "\n")
}

const sound = `version: towpath/v1
registries:
  docker.io:
    mirrors:
      - https://m.example # first
      - url: "http://m2.example:5000/v2/hub"
        serves: [pull]
        auth: {user: puller, password: hunter2}
    upstream: false
hosts:
  m.example:
    ca: /pki/ca.pem
    skipVerify: true
`

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, towpath.Dialect, towpath.Path, sound)
}

func FuzzParse(f *testing.F) {
	dialecttest.Fuzz(f, towpath.Dialect, towpath.Path, sound, "version: towpath/v1\n", "{version: towpath/v1, registries: {a: {}}}\n",
		"version: towpath/v1\nruntime: {name: docker, containerd: '2.1'}\nlocalhost: http\nheaders: {A: [b, c]}\ntrust: [/a]\nproxy: {http: 'http://a'}\n")
}
