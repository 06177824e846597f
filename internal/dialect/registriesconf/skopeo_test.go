package registriesconf_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/world"
)

// stage is a world of two plain registries and a registries.conf for it. HAS
// holds the image at team/app:1 and at hub/team/app:1, NOT holds another one.
type stage struct {
	w        *world.World
	has, not string
}

func play(t *testing.T) *stage {
	t.Helper()
	s := &stage{has: free(t), not: free(t)}
	images := []world.Image{{Ref: "team/app:1"}, {Ref: "hub/team/app:1"}}
	w, err := world.Serve(world.Spec{Servers: map[string]world.Role{
		"has": {Listen: s.has, Registry: &world.Holds{Images: images}},
		"not": {Listen: s.not, Registry: &world.Holds{Images: []world.Image{{Ref: "other/app:1"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	s.w = w
	return s
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// asks runs skopeo and returns what the servers saw, in order.
func (s *stage) asks(t *testing.T, conf, image string) []string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "registries.conf")
	policy := filepath.Join(dir, "policy.json")
	for name, text := range map[string]string{file: conf, policy: `{"default": [{"type": "insecureAcceptAnything"}]}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "skopeo", "--policy", policy, "--registries-conf", file, "inspect", "--raw", "docker://"+image)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("skopeo: %v %.200s", err, out)
	var all []world.Seen
	for _, name := range []string{"has", "not"} {
		all = append(all, s.w.Requests(name)...)
	}
	slices.SortFunc(all, func(a, b world.Seen) int { return a.At.Compare(b.At) })
	var seen []string
	for _, r := range all {
		seen = append(seen, r.Method+" http://"+r.Host+r.URI)
	}
	return seen
}

// TestSkopeoAsksAsExplained compares the requests of the real program with what
// the table says, up to the first endpoint that has the image.
func TestSkopeoAsksAsExplained(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("skopeo is not installed")
	}
	for _, c := range []struct{ name, conf, image string }{
		{"a mirror without the image, then the registry", "[[registry]]\nlocation = \"HAS\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"NOT\"\ninsecure = true\n", "HAS/team/app:1"},
		{"a mirror below a path", "[[registry]]\nprefix = \"r.example\"\nlocation = \"NOT\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"HAS/hub\"\ninsecure = true\n", "r.example/team/app:1"},
		{"the longest prefix", "[[registry]]\nprefix = \"r.example\"\nlocation = \"NOT\"\ninsecure = true\n[[registry]]\nprefix = \"r.example/x\"\nlocation = \"HAS/hub\"\ninsecure = true\n", "r.example/x/team/app:1"},
		{"a wildcard", "[[registry]]\nprefix = \"*.example\"\nlocation = \"HAS\"\ninsecure = true\n", "a.b.example/team/app:1"},
		{"a mirror for digests alone", "[[registry]]\nlocation = \"HAS\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"NOT\"\ninsecure = true\npull-from-mirror = \"digest-only\"\n", "HAS/team/app:1"},
		{"a blocked registry with a mirror", "[[registry]]\nlocation = \"NOT\"\nblocked = true\n[[registry.mirror]]\nlocation = \"HAS\"\ninsecure = true\n", "NOT/team/app:1"},
		{"a blocked registry", "[[registry]]\nlocation = \"HAS\"\nblocked = true\n", "HAS/team/app:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := play(t)
			r := strings.NewReplacer("HAS", s.has, "NOT", s.not)
			conf, image := r.Replace(c.conf), r.Replace(c.image)
			target := route.Target{Runtime: "skopeo", Version: route.MustVersion("1.9.3")}
			table := registriesconf.Parse([]source.File{{Path: "/etc/containers/registries.conf", Data: []byte(conf)}}, target).Table
			got, want := s.asks(t, conf, image), s.explained(t, table, image)
			if !slices.Equal(got, want) {
				t.Errorf("skopeo asks\n%s\nexplained\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// explained are the requests of the table on servers that speak plain HTTP, until
// one has the image.
func (s *stage) explained(t *testing.T, table route.Table, image string) []string {
	t.Helper()
	ref, err := route.ParseRef(image)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range table.Resolve(ref) {
		if r.Endpoint.Broken != "" {
			continue
		}
		if !r.Endpoint.PlainFallback {
			t.Fatalf("%s is not asked over plain HTTP", r.URL)
		}
		plain := func(u string) string { return strings.Replace(u, "https://", "http://", 1) }
		out = append(out, fmt.Sprint("GET ", plain(r.Ping)), fmt.Sprint(r.Method, " ", plain(r.URL)))
		if r.Endpoint.Host == s.has {
			break
		}
	}
	return out
}
