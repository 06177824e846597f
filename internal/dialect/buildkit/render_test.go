package buildkit_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/buildkit"
	"github.com/towpath-dev/towpath/internal/route"
)

func TestHowAnotherUpstreamIsSpokenToSaysNothingOfTheRegistry(t *testing.T) {
	for name, u := range map[string]route.Endpoint{
		"plain":      {Scheme: "http"},
		"unverified": {Scheme: "https", TLS: route.TLS{SkipVerify: true}},
		"authority":  {Scheme: "https", TLS: route.TLS{CA: []string{"/etc/ssl/mirror.pem"}}},
	} {
		u.Host, u.Path, u.Role, u.Serves = "m.lab", "/v2", route.Upstream, route.Pull|route.Resolve
		want := route.Table{Target: route.Target{Runtime: "buildkit"}, Routes: []route.Route{{Match: "r.lab", Upstream: &u}}}
		files := buildkit.Render(want, nil)
		for _, f := range files {
			if len(f.Data) > 0 {
				t.Errorf("%s: written for the registry itself:\n%s", name, f.Data)
			}
		}
	}
}
