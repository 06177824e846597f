package wharfie

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rancher/wharfie/pkg/registries"

	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// known says where our reading knowingly differs from wharfie. A difference
// that no entry explains fails the test, and so does an entry that explains
// none.
var known = []struct{ what, why string }{
	{"punycode", "the standard library writes a host name that is not ASCII in punycode when it sends the request; we keep what was typed"},
	{"raw-auth", "wharfie sends auth as it is written even if it is not base64 of user:password; we hold a name and a password, and say that nothing useful is sent"},
}

// excused takes known differences out of what wharfie did.
func excused(q request, used map[string]bool) request {
	if q.login == "undecodable" {
		used["raw-auth"] = true
		q.login = ""
	}
	return q
}

var punycode = regexp.MustCompile(`//[^/]*xn--[^/]*/`)

// asTyped takes the punycode out of a request, if a name that is not ASCII was
// to be expected.
func asTyped(q request, want []request, used map[string]bool) request {
	if len(want) == 0 || !punycode.MatchString(q.url) {
		return q
	}
	for _, w := range want {
		if !strings.ContainsFunc(w.url, func(r rune) bool { return r > 127 }) {
			continue
		}
		if host := hostPart.FindString(w.url); punycode.ReplaceAllLiteralString(q.url, host) == w.url {
			used["punycode"] = true
			q.url = w.url
		}
	}
	return q
}

var hostPart = regexp.MustCompile(`//[^/]*/`)

// byDesign says where the containerd that K3s configures from registries.yaml
// asks other hosts, in another order or with other settings than wharfie does
// from the same file. The two are two programs with two readings, and both are
// modelled. An entry excuses differences of its own sort only.
var byDesign = []struct {
	sort, what, why string
	applies         func(c pair, e meeting) bool
}{
	{"order", "hub-host", "wharfie asks Docker Hub as index.docker.io, containerd as registry-1.docker.io, also where an endpoint names it docker.io", func(c pair, _ meeting) bool {
		return c.registry == "docker.io" || strings.Contains(c.wharfie.urls()+c.containerd.urls(), "docker.io/")
	}},
	{"order", "hub-key", "for Docker Hub wharfie also takes the key index.docker.io, containerd matches no image with it", func(c pair, _ meeting) bool { return c.registry == "docker.io" && c.has("index.docker.io") }},
	{"order", "port-key", "for a registry without a port wharfie also takes the keys with :443 and :80", func(c pair, _ meeting) bool { return c.has(c.registry+":443") || c.has(c.registry+":80") }},
	{"order", "doubles", "K3s skips an endpoint that is there already and puts the registry itself last once; wharfie asks again", func(c pair, _ meeting) bool { return c.wharfie.doubled() }},
	{"order", "path", "wharfie cleans the path of an endpoint, K3s leaves it as it is", func(c pair, _ meeting) bool { return uncleanPath.MatchString(c.containerd.urls()) }},
	{"order", "no-host", "wharfie skips an endpoint without a host, K3s renders it", func(c pair, _ meeting) bool { return strings.Contains(c.containerd.urls(), ":///") }},
	{"order", "own-entry", "K3s renders a file for a registry that configs names, which keeps the wildcard away from it; wharfie asks the wildcard's endpoints", func(c pair, _ meeting) bool { return c.config && !c.mirror && c.wildcard }},
	{"order", "empty-mirror", "K3s renders nothing for a registry without endpoints and settings, so that the wildcard gets it; wharfie stops at its key", func(c pair, _ meeting) bool { return c.mirror && c.wildcard && len(c.wharfie) == 1 }},
	{"order", "wildcard-config", "configs.\"*\" without mirrors.\"*\" makes K3s render a file for all registries that has no host", func(c pair, _ meeting) bool { return c.wildcardConfig && !c.wildcard && len(c.containerd) == 0 }},
	{"order", "dropped", "a rewrite with a backslash makes hosts.toml invalid, and containerd drops it", func(c pair, _ meeting) bool { return c.escape && len(c.containerd) == 1 }},
	{"order", "https-first", "containerd asks an http endpoint with TLS settings over HTTPS first", func(c pair, _ meeting) bool { return c.fallback }},
	{"order", "localhost", "containerd asks localhost without a file over HTTPS and falls back to HTTP; wharfie over HTTP", func(c pair, _ meeting) bool {
		return strings.HasPrefix(c.registry, "localhost") && len(c.containerd) == 1
	}},
	{"login", "login-wildcard", "wharfie sends the credentials of configs.\"*\" to every host without an entry, containerd to none", func(c pair, e meeting) bool { return c.wildcardConfig && e.containerd.login == "" }},
	{"login", "login-order", "containerd prefers a name to an identity token and takes a name without a password; wharfie wants both, and prefers the token", func(c pair, e meeting) bool {
		return strings.HasPrefix(e.wharfie.login, "token:") && !strings.HasPrefix(e.containerd.login, "token:") || e.wharfie.login == "" && strings.HasSuffix(e.containerd.login, ":")
	}},
	{"login", "login-hub", "wharfie takes configs.docker.io for index.docker.io; containerd takes each key verbatim", func(c pair, e meeting) bool {
		return c.has("docker.io") && strings.Contains(e.wharfie.url, "//index.docker.io/")
	}},
	{"tls", "tls-wildcard", "wharfie gives the TLS settings of configs.\"*\" to every host without an entry, K3s to the registries themselves", func(c pair, e meeting) bool { return c.wildcardConfig }},
	{"tls", "tls-hub", "K3s gives the TLS settings of configs.docker.io to registry-1.docker.io, wharfie to index.docker.io", func(c pair, e meeting) bool { return strings.Contains(e.wharfie.url, "docker.io/") }},
	{"tls", "dropped", "with the hosts.toml that containerd drops the TLS settings of the registry itself are lost", func(c pair, _ meeting) bool { return c.escape && len(c.containerd) == 1 }},
	{"tls", "half-pair", "half a client certificate makes every pull of containerd fail; wharfie goes on without TLS settings", func(c pair, e meeting) bool { return c.fails }},
	{"tls", "localhost", "containerd does not verify localhost when nothing is configured", func(c pair, e meeting) bool { return strings.HasPrefix(c.registry, "localhost") }},
	{"rewrite", "own-rewrites", "wharfie rewrites by host, so at no endpoint on the registry's own host; containerd at every endpoint that is listed before the registry itself", func(c pair, e meeting) bool {
		return e.wharfie.rewrites == "" && (strings.Contains(e.wharfie.url, "//"+c.registry+"/") || strings.Contains(e.wharfie.url, "//index.docker.io/"))
	}},
	{"rewrite", "never-own", "K3s never rewrites for the registry itself; wharfie takes registry-1.docker.io for another host than index.docker.io", func(_ pair, e meeting) bool { return e.containerd.upstream }},
	{"rewrite", "rewrite-key", "wharfie looks endpoints up with :443, :80 and index.docker.io, rewrites without", func(c pair, _ meeting) bool {
		return c.has(c.registry+":443") || c.has(c.registry+":80") || c.registry == "docker.io" && c.has("index.docker.io")
	}},
	{"rewrite", "other-list", "where the two take the endpoints from different entries, they take the rewrites from there, too", func(c pair, _ meeting) bool { return c.wildcard && (c.mirror || c.config) }},
}

var uncleanPath = regexp.MustCompile(`\.\.|[^:]//|/v2/\n|/z/\n`)

// stop is one endpoint as text, list all of a registry.
type stop struct {
	url, login, tls, rewrites string
	upstream                  bool
}

type list []stop

func listOf(endpoints []route.Endpoint) list {
	var out list
	for _, e := range endpoints {
		s := stop{url: e.String(), login: login(e), upstream: e.Role == route.Upstream, tls: fmt.Sprint(e.TLS.CA, e.TLS.Client, e.TLS.SkipVerify)}
		for _, rw := range e.Rewrites {
			s.rewrites += rw.Pattern + " "
		}
		out = append(out, s)
	}
	return out
}

func (l list) urls() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.url + "\n")
	}
	return b.String()
}

func (l list) doubled() bool {
	seen := map[string]bool{}
	for _, s := range l {
		if seen[s.url] {
			return true
		}
		seen[s.url] = true
	}
	return false
}

// meeting is one endpoint that both ask, by its URL.
type meeting struct{ wharfie, containerd stop }

// pair is what the two make of one registry.
type pair struct {
	registry                 string
	keys                     []string
	wharfie, containerd      list
	mirror, config           bool // the registry has a key there
	wildcard, wildcardConfig bool
	fails, fallback, escape  bool
}

func (c pair) has(key string) bool { return slices.Contains(c.keys, key) }

// differences lists the sorts in which the two differ, and where.
func (c pair) differences() map[string]meeting {
	out := map[string]meeting{}
	if c.wharfie.urls() != c.containerd.urls() {
		out["order"] = meeting{}
	}
	for _, w := range c.wharfie {
		i := slices.IndexFunc(c.containerd, func(s stop) bool { return s.url == w.url })
		if i < 0 {
			continue
		}
		m := meeting{w, c.containerd[i]}
		for sort, differ := range map[string]bool{"login": w.login != m.containerd.login, "tls": w.tls != m.containerd.tls, "rewrite": w.rewrites != m.containerd.rewrites} {
			if differ {
				out[sort] = m
			}
		}
	}
	return out
}

// TestContainerdAndWharfieDifferOnlyByDesign compares what our model of K3s'
// rendering makes of each input with what our model of wharfie does, which the
// other test holds to the original.
func TestContainerdAndWharfieDifferOnlyByDesign(t *testing.T) {
	used, equal, unlike := map[string]int{}, 0, 0
	for i, text := range corpus() {
		f := source.File{Path: filepath.Join(t.TempDir(), "registries.yaml"), Data: []byte(text)}
		b, problem := k3s.ReadBootstrap(f)
		if problem != nil {
			continue
		}
		if err := os.WriteFile(f.Path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		theirs, err := registries.GetPrivateRegistries(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		table := k3s.Read([]source.File{f}, route.Target{Runtime: "k3s"}, k3s.Options{}).Table
		for _, image := range images {
			ref, err := route.ParseRef(image)
			if err != nil {
				t.Fatal(err)
			}
			c := about(theirs.Registry, ref.Registry, table)
			c.wharfie, c.containerd = listOf(b.Endpoints(ref.Registry)), listOf(table.Endpoints(ref.Registry))
			found := c.differences()
			if len(found) == 0 {
				equal++
				continue
			}
			unlike++
			for sort, at := range found {
				if !explained(c, sort, at, used) {
					t.Fatalf("input %d, %s differs in %s: wharfie asks\n%+v\ncontainerd\n%+v\nof\n%s", i, ref.Registry, sort, c.wharfie, c.containerd, text)
				}
			}
		}
	}
	for _, d := range byDesign {
		if used[d.sort+" "+d.what] == 0 {
			t.Errorf("%s %s explains nothing any more: %s", d.sort, d.what, d.why)
		}
	}
	if equal < 1000 {
		t.Errorf("only %d registries are read alike", equal)
	}
	t.Logf("%d registries read alike, %d not: %v", equal, unlike, used)
}

func explained(c pair, sort string, at meeting, used map[string]int) bool {
	some := false
	for _, d := range byDesign {
		if d.sort == sort && d.applies(c, at) {
			used[d.sort+" "+d.what]++
			some = true
		}
	}
	return some
}

// about looks at what a file says with wharfie's own decoding.
func about(file *registries.Registry, registry string, table route.Table) pair {
	c := pair{registry: registry, fails: table.Route(registry).Fails != ""}
	_, c.mirror = file.Mirrors[registry]
	_, c.config = file.Configs[registry]
	_, c.wildcard = file.Mirrors["*"]
	_, c.wildcardConfig = file.Configs["*"]
	for key, m := range file.Mirrors {
		c.keys = append(c.keys, key)
		for pattern, replacement := range m.Rewrites {
			c.escape = c.escape || strings.ContainsAny(pattern+replacement, "\\\"")
		}
	}
	for key := range file.Configs {
		c.keys = append(c.keys, key)
	}
	for _, e := range table.Endpoints(registry) {
		c.fallback = c.fallback || e.PlainFallback
	}
	return c
}
