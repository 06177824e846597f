package probe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/probe"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

const (
	host  = "registry.corp.example"
	image = host + "/team/app:2"
)

// scene is a world and a node in it. The zero scene is healthy.
type scene struct {
	spec     world.Spec
	pki      *world.PKI
	image    string
	hosts    []snapshot.HostsLine
	resolv   snapshot.Resolv
	extra    []snapshot.NameServer
	roots    []upstream.File
	env      map[string]route.Secret
	mirrors  []route.Endpoint
	upstream route.Endpoint
	login    *route.Auth
	nodeCAs  []source.File
	proxies  []snapshot.ProxySetting
	platform string
	version  string
	deep     bool
	runtime  snapshot.Runtime
	node     snapshot.Node
	budget   time.Duration
	images   []string
	engine   string // another runtime than containerd
	oldRoot  bool   // the node trusts the world's old root as well
}

// registry is the server of a healthy world; tests change it.
func healthy() *scene {
	ns := snapshot.NameServer{Addr: "10.0.0.53:53", Node: true}
	return &scene{
		spec: world.Spec{
			Issuer: "http://10.0.0.80/intermediate.der",
			Servers: map[string]world.Role{
				"dns":      {Listen: "10.0.0.53:53", DNS: world.Names{host: {Addrs: []string{"10.0.0.10"}}, "mirror.corp.example": {Addrs: []string{"10.0.0.20"}}}},
				"registry": registry(),
				"issuer":   {Listen: "10.0.0.80:80", Files: &world.Files{Intermediate: "/intermediate.der"}},
			},
			Fates: map[string]world.Fate{"192.0.2.1": world.Dropped},
		},
		image:    image,
		resolv:   snapshot.Resolv{File: "/etc/resolv.conf", Servers: []snapshot.NameServer{ns}, Ndots: 1, Timeout: time.Second, Attempts: 1},
		upstream: route.Endpoint{Role: route.Upstream, Serves: route.Pull | route.Resolve},
		platform: "linux/amd64",
		version:  "1.7.35",
		budget:   6 * time.Second,
	}
}

func registry() world.Role {
	return world.Role{
		Listen:   "10.0.0.10:443",
		TLS:      &world.TLS{Names: []string{host}},
		Registry: &world.Holds{Images: []world.Image{{Ref: "team/app:2"}}},
	}
}

// mirror adds a second registry in front of the first.
func (s *scene) mirror(change func(*world.Role)) {
	r := registry()
	r.Listen, r.TLS = "10.0.0.20:443", &world.TLS{Names: []string{"mirror.corp.example"}}
	if change != nil {
		change(&r)
	}
	s.spec.Servers["mirror"] = r
	s.mirrors = append(s.mirrors, route.Endpoint{
		Scheme: "https", Host: "mirror.corp.example", Path: "/v2", Serves: route.Pull | route.Resolve, From: source.Pos{File: "hosts.toml", Line: 3},
	})
}

// change replaces a server of the world.
func (s *scene) change(name string, f func(*world.Role)) {
	r := s.spec.Servers[name]
	f(&r)
	s.spec.Servers[name] = r
}

// diagnose plays the scene, looks and judges.
func (s *scene) diagnose(t *testing.T) (*snapshot.Snapshot, diagnosis.Diagnosis) {
	t.Helper()
	w, err := world.Play(s.spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	s.pki = w.PKI
	roots := s.roots
	if roots == nil {
		roots = []upstream.File{{Path: "/etc/ssl/certs/ca-certificates.crt", Data: w.PKI.Root.PEM()}}
	}
	if s.oldRoot {
		old, err := w.PKI.Old()
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, upstream.File{Path: "/etc/ssl/certs/ca-certificates.crt", Data: old.PEM()})
	}
	for i := range s.nodeCAs {
		if s.nodeCAs[i].Data == nil {
			s.nodeCAs[i].Data = w.PKI.Root.PEM()
		}
	}
	ref, err := route.ParseRef(s.image)
	if err != nil {
		t.Fatal(err)
	}
	target := route.Target{Runtime: "containerd", Version: route.MustVersion(s.version), Containerd: route.MustVersion(s.version)}
	if s.engine != "" {
		target = route.Target{Runtime: s.engine}
	}
	table := route.Table{Target: target, Routes: []route.Route{{Match: ref.Registry, Mirrors: s.mirrors, Upstream: &s.upstream}}}
	p := probe.Probe{
		Client: &upstream.Client{
			Dial: w.Net.Dial, Hosts: s.hosts, Resolv: s.resolv, Extra: s.extra, Roots: upstream.NewRoots(roots...), Env: s.env, Containerd: target.Containerd,
			Limits: upstream.Limits{Name: time.Second, Dial: time.Second, TLS: time.Second, Header: 3 * time.Second, Idle: time.Second, Others: 500 * time.Millisecond},
		},
		Table: table, Ref: ref, Login: s.login, Platform: s.platform, Deep: s.deep, Budget: s.budget, Candidates: s.nodeCAs, Proxies: s.proxies, Images: s.images,
	}
	s.node.Hosts, s.node.Resolv = s.hosts, s.resolv
	snap := &snapshot.Snapshot{Taken: time.Now(), Image: s.image, Ref: ref, Table: table, Runtime: &s.runtime, Node: &s.node, Pull: p.Pull(t.Context())}
	return snap, diagnosis.Judge(snap, rule.All, nil)
}

func codes(d diagnosis.Diagnosis, role finding.Role) []string {
	var out []string
	for _, f := range d.Findings {
		if f.Role == role {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestAHealthyWorldHasNoFindings(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"plain": func(*scene) {},
		"chain": func(s *scene) { s.change("registry", func(r *world.Role) { r.TLS.Kind = world.Chained }) },
		"index": func(s *scene) {
			s.holds(world.Image{Ref: "team/app:2", Platforms: []string{"linux/amd64", "linux/arm64/v8"}})
		},
		"docker":    func(s *scene) { s.holds(world.Image{Ref: "team/app:2", Form: world.Docker, Layers: []int{10, 200000}}) },
		"no digest": func(s *scene) { s.fault("registry", world.Fault{Do: world.DoNoDigest}) },
		"a mirror":  func(s *scene) { s.mirror(nil) },
		"deep":      func(s *scene) { s.deep = true },
		"two servers": func(s *scene) {
			s.resolv.Servers = append(s.resolv.Servers, snapshot.NameServer{Addr: "10.0.0.53:53", Node: true})
		},
		"hosts file": func(s *scene) { s.hosts = []snapshot.HostsLine{{Addr: "10.0.0.10", Names: []string{host}}} },
		"anon token": func(s *scene) { s.token(world.Token{Public: []string{"team/*"}}) },
		"proxy":      func(s *scene) { s.proxy(world.Proxy{Hosts: map[string]string{host + ":443": "10.0.0.10:443"}}) },
		"slow but ok": func(s *scene) {
			s.fault("registry", world.Fault{Do: world.DoLatency, Delay: world.Duration(300 * time.Millisecond)})
		},
		"basic, right": func(s *scene) {
			s.basic()
			s.login = &route.Auth{User: "u", Password: route.NewSecret("p"), Source: "--creds"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			change(s)
			_, d := s.diagnose(t)
			if d.Verdict != diagnosis.Healthy || len(d.Findings) != 0 {
				t.Errorf("verdict %s, findings:\n%s", d.Verdict, show(d))
			}
		})
	}
}

func show(d diagnosis.Diagnosis) string {
	var b strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "  %-9s %-7s %-38s because %-30s %s\n", f.Role, f.Severity, f.Code, f.Because, f.Text)
	}
	return b.String()
}

func (s *scene) holds(images ...world.Image) {
	s.change("registry", func(r *world.Role) { r.Registry = &world.Holds{Images: images} })
}

func (s *scene) fault(server string, faults ...world.Fault) {
	s.change(server, func(r *world.Role) { r.Faults = faults })
}

func (s *scene) basic() {
	s.change("registry", func(r *world.Role) {
		r.Registry = &world.Holds{Images: r.Registry.Images, Auth: world.Auth{Scheme: "basic", Users: map[string]string{"u": "p"}}}
	})
}

// token puts a token server beside the registry, on another port of its host.
func (s *scene) token(spec world.Token) {
	s.change("registry", func(r *world.Role) {
		r.Registry = &world.Holds{Images: r.Registry.Images, Auth: world.Auth{Scheme: "bearer", Realm: "https://" + host + ":5001/token", Service: "reg"}}
	})
	s.spec.Servers["token"] = world.Role{Listen: "10.0.0.10:5001", TLS: &world.TLS{Names: []string{host}}, Token: &spec}
}

func (s *scene) proxy(spec world.Proxy) {
	s.spec.Servers["proxy"] = world.Role{Listen: "10.0.0.30:3128", Proxy: &spec}
	s.env = map[string]route.Secret{"HTTPS_PROXY": route.NewSecret("http://10.0.0.30:3128"), "HTTP_PROXY": route.NewSecret("http://10.0.0.30:3128")}
}

func TestAHostBehindTheOneThatServesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.mirror(nil)
	s.fault("registry", world.Fault{Do: world.DoHang})
	s.budget = 20 * time.Second
	snap, d := s.diagnose(t)
	if d.Verdict != diagnosis.Healthy || len(d.Findings) > 0 {
		t.Errorf("verdict %s:\n%s", d.Verdict, show(d))
	}
	if f := snap.Pull.Hops[1].Failure; f == nil || f.Cause != snapshot.NotNeeded {
		t.Errorf("the registry behind the mirror: %+v", f)
	}
}
