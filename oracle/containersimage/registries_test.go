// Package containersimage holds Towpath to the code of containers-image 5.42,
// which CRI-O, Podman, Buildah and Skopeo pull with.
package containersimage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf/corpus"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// each is how many generated and how many mutated configurations are compared,
// and how many that Towpath wrote.
const each = 1500

// config is a main file with drop-ins; an empty drop-in is not there.
type config struct {
	name, main string
	drop       [2]string
}

func TestRegistriesConfIsReadAsContainersImageReadsIt(t *testing.T) {
	counts := map[string]int{}
	target := route.Target{Runtime: "crio"}
	for _, c := range configs(target) {
		compare(t, c, target, counts)
	}
	t.Logf("%v", counts)
	if counts["accepted"] < each || counts["refused"] < each/4 {
		t.Errorf("too few of a sort: %v", counts)
	}
}

func configs(target route.Target) []config {
	var out []config
	g, m, w := corpus.New(1), corpus.New(2), corpus.New(3)
	for i := range each {
		c := config{name: fmt.Sprintf("generated %d", i), main: g.File()}
		if i%3 == 0 {
			c.drop = [2]string{g.File(), g.File()}
		}
		out = append(out, c)
		out = append(out, config{name: fmt.Sprintf("mutated %d", i), main: m.Mutated()})
		if files := registriesconf.Render(w.Table(target), nil); len(files) > 0 {
			out = append(out, config{name: fmt.Sprintf("rendered %d", i), main: string(files[0].Data)})
		}
	}
	return out
}

func compare(t *testing.T, c config, target route.Target, counts map[string]int) {
	t.Helper()
	dir := t.TempDir()
	main := filepath.Join(dir, "registries.conf")
	files := []source.File{{Path: "/etc/containers/registries.conf", Data: []byte(c.main)}}
	write(t, main, c.main)
	drops := filepath.Join(dir, "drops")
	if err := os.Mkdir(drops, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, text := range c.drop {
		if text == "" {
			continue
		}
		name := fmt.Sprintf("%d.conf", i)
		write(t, filepath.Join(drops, name), text)
		files = append(files, source.File{Path: "/etc/containers/registries.conf.d/" + name, Data: []byte(text)})
	}
	sys := &types.SystemContext{SystemRegistriesConfPath: main, SystemRegistriesConfDirPath: drops}
	_, err := sysregistriesv2.TryUpdatingCache(sys)
	reading := registriesconf.Parse(files, target)
	refused := slices.ContainsFunc(reading.Table.Routes, func(r route.Route) bool { return r.Match == route.Any && r.Fails != "" })
	if refused != (err != nil) {
		t.Errorf("%s: they say %v, we refuse: %v %v\n%s", c.name, err, refused, reading.Table.Routes, c)
		return
	}
	if err != nil {
		counts["refused"]++
		if !slices.ContainsFunc(reading.Findings, func(f finding.Finding) bool { return f.Stops }) {
			t.Errorf("%s: refused without a finding: %v\n%s", c.name, err, c)
		}
		return
	}
	counts["accepted"]++
	for _, image := range corpus.Images {
		counts["images"]++
		if got, want := ours(t, reading.Table, image), theirs(t, sys, image); got != want {
			t.Errorf("%s, %s: got\n%swant\n%s%s", c.name, image, got, want, c)
			return
		}
	}
}

func (c config) String() string {
	return "-- main --\n" + c.main + "\n-- 0.conf --\n" + c.drop[0] + "\n-- 1.conf --\n" + c.drop[1]
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// theirs is every endpoint that is asked for an image, in order, as
// newImageSource in image/docker goes through them.
func theirs(t *testing.T, sys *types.SystemContext, image string) string {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "fails\n"
	}
	named = reference.TagNameOnly(named)
	reg, err := sysregistriesv2.FindRegistry(sys, named.Name())
	if err != nil {
		t.Fatal(err)
	}
	if reg == nil {
		reg = &sysregistriesv2.Registry{Endpoint: sysregistriesv2.Endpoint{Location: named.String()}, Prefix: named.String()}
	}
	sources, err := reg.PullSourcesFromReference(named)
	if err != nil {
		return "fails\n"
	}
	var out strings.Builder
	asked := false
	for _, s := range sources {
		to, err := sysregistriesv2.FindRegistry(sys, s.Reference.Name())
		if err != nil {
			t.Fatal(err)
		}
		if to != nil && to.Blocked {
			out.WriteString("blocked\n")
			continue
		}
		asked = true
		host := reference.Domain(s.Reference)
		if host == "docker.io" {
			host = "registry-1.docker.io"
		}
		fmt.Fprintf(&out, "https://%s/v2/ %s insecure=%v ns=%s\n", host, reference.Path(s.Reference), s.Endpoint.Insecure, s.Endpoint.NamespaceProxy)
	}
	if !asked {
		return "fails\n"
	}
	return out.String()
}

func ours(t *testing.T, table route.Table, image string) string {
	t.Helper()
	ref, err := route.ParseRef(image)
	if err != nil {
		t.Fatal(err)
	}
	r := table.RouteFor(ref)
	if r.Fails != "" {
		if n := len(table.Resolve(ref)); n > 0 {
			t.Errorf("%s: %d requests although the pull fails", image, n)
		}
		return "fails\n"
	}
	var out strings.Builder
	for _, e := range table.EndpointsFor(ref) {
		if e.Broken != "" {
			out.WriteString("blocked\n")
			continue
		}
		if e.PlainFallback != e.TLS.SkipVerify {
			t.Errorf("%s: %+v is neither secure nor insecure", image, e)
		}
		fmt.Fprintf(&out, "%s://%s%s/ %s insecure=%v ns=%s\n", e.Scheme, e.Host, e.Path, e.Repository(ref), e.TLS.SkipVerify, e.Namespace)
	}
	return out.String()
}
