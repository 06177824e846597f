package probe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// TestOtherEnginesAreReplayedAsTheyAsk: Docker and CRI-O ask for /v2/ first, and
// a fault gets the name that it has on containerd.
func TestOtherEnginesAreReplayedAsTheyAsk(t *testing.T) {
	for _, engine := range []string{"docker", "crio", "podman"} {
		for name, c := range map[string]struct {
			change func(*scene)
			want   string
		}{
			"healthy":    {func(*scene) {}, ""},
			"mirror":     {func(s *scene) { s.mirror(nil) }, ""},
			"anonymous":  {func(s *scene) { s.token(world.Token{Public: []string{"team/*"}}) }, ""},
			"private CA": {func(s *scene) { s.roots = []upstream.File{{Path: "/etc/ssl/certs/ca-certificates.crt"}} }, "tls/private-ca-untrusted"},
			"no name":    {func(s *scene) { s.spec.Servers["dns"] = world.Role{Listen: "10.0.0.53:53", DNS: world.Names{}} }, "dns/name-not-found"},
			"no image":   {func(s *scene) { s.holds(world.Image{Ref: "team/other:1"}) }, "registry/image-not-found"},
			"maintenance": {func(s *scene) {
				s.fault("registry", world.Fault{Do: world.DoStatus, Status: 503})
			}, "registry/server-error"},
			"silence": {func(s *scene) {
				s.fault("registry", world.Fault{Do: world.DoHang, On: []world.Class{world.Ping}})
			}, "network/silent-after-connect"},
			"a password": {func(s *scene) { s.basic() }, "auth/no-credentials-sent"},
		} {
			t.Run(engine+", "+name, func(t *testing.T) {
				t.Parallel()
				s := healthy()
				s.engine = engine
				c.change(s)
				snap, d := s.diagnose(t)
				if c.want == "" && (d.Verdict != diagnosis.Healthy || len(d.Findings) > 0) || c.want != "" && !slices.Equal(codes(d, finding.Primary), []string{c.want}) {
					t.Errorf("verdict %s, want %q; found\n%s", d.Verdict, c.want, show(d))
				}
				if c.want == "" && !pinged(snap.Pull.Hops[0]) {
					t.Errorf("it was not asked for /v2/ first: %+v", snap.Pull.Hops[0].Steps)
				}
			})
		}
	}
}

func pinged(h snapshot.Hop) bool {
	return len(h.Steps) > 0 && strings.HasSuffix(h.Steps[0].Attempt.URL, "/v2/")
}
