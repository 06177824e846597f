package containerd

import (
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
)

func TestEveryLimitIsToldAndNoOther(t *testing.T) {
	mirror := func(change func(*route.Endpoint)) route.Route {
		e := route.Endpoint{Scheme: "https", Host: "m.example", Path: "/v2", Serves: route.Pull | route.Resolve}
		change(&e)
		return route.Route{Match: "r.example", Mirrors: []route.Endpoint{e}, Upstream: &route.Endpoint{Role: route.Upstream, Serves: route.Pull | route.Resolve}}
	}
	any := func(r route.Route) route.Route { r.Match = route.Any; return r }
	nothing := func(*route.Endpoint) {}
	fork := containerdTarget("1.7.23")
	fork.Fork = true
	for _, c := range []struct {
		want   string
		target route.Target
		route  route.Route
	}{
		{"", containerdTarget("1.6.20"), mirror(nothing)},
		{"", containerdTarget("2.4.2"), any(route.Route{Mirrors: mirror(nothing).Mirrors})},
		{"rewrites", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Rewrites = []route.Rewrite{{Pattern: "a"}} })},
		{"", fork, mirror(func(e *route.Endpoint) { e.Rewrites = []route.Rewrite{{Pattern: "a"}} })},
		{"the order of several rewrites", fork, mirror(func(e *route.Endpoint) { e.Rewrites = []route.Rewrite{{Pattern: "a"}, {Pattern: "b"}} })},
		{"user and password", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Auth.User = "u" })},
		{"an identity token", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Auth.IdentityToken = route.NewSecret("t") })},
		{"no host at all", containerdTarget("2.4.2"), route.Route{Match: "r.example"}},
		{"a dial timeout", containerdTarget("1.7.35"), mirror(func(e *route.Endpoint) { e.DialTimeout = time.Second })},
		{"a route for every other registry", containerdTarget("1.6.16"), any(route.Route{Mirrors: mirror(nothing).Mirrors})},
		{"the registry itself without pull or resolve, for every other registry", containerdTarget("2.4.2"), any(route.Route{Mirrors: mirror(nothing).Mirrors, Upstream: &route.Endpoint{Serves: route.Pull}})},
		{"HTTPS first and then HTTP", containerdTarget("1.6.20"), mirror(func(e *route.Endpoint) { e.PlainFallback = true })},
		{"TLS settings of a plain http endpoint", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Scheme, e.TLS.CA = "http", []string{"/ca.pem"} })},
		{"an endpoint without capabilities", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Serves = 0 })},
		{"an endpoint that no request can be made to", containerdTarget("2.4.2"), mirror(func(e *route.Endpoint) { e.Broken = "no scheme" })},
		{"an IPv6 address", containerdTarget("1.7.35"), mirror(func(e *route.Endpoint) { e.Host = "[fd00::1]:5000" })},
		{"a route that fails every pull", containerdTarget("2.4.2"), route.Route{Match: "r.example", Mirrors: mirror(nothing).Mirrors, Fails: "x"}},
		{"leaving out the registry itself where a mirror is the same", containerdTarget("2.4.2"), any(route.Route{Mirrors: mirror(nothing).Mirrors, Upstream: mirror(nothing).Upstream, UpstreamUnlessListed: true})},
	} {
		got := Dialect.Losses(route.Table{Target: c.target, Routes: []route.Route{c.route}})
		switch {
		case c.want == "" && len(got) == 0:
		case len(got) == 1 && limitOf(got[0].Evidence[0].Saw, c.want):
		default:
			t.Errorf("%s: got %v", c.want, got)
		}
	}
	header := route.Table{Target: containerdTarget("2.4.2"), Header: []route.Header{{Key: "X"}}, Routes: []route.Route{mirror(nothing)}}
	if got := Dialect.Losses(header); len(got) != 1 || !limitOf(got[0].Evidence[0].Saw, "a header for every registry") {
		t.Errorf("got %v", got)
	}
}

// limitOf reports that a text is that of the limit of a concept.
func limitOf(text, concept string) bool {
	for _, l := range limits {
		if l.Concept == concept {
			return l.Text == text
		}
	}
	return false
}
