package convert

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func containerd(version string) route.Target {
	v := route.MustVersion(version)
	return route.Target{Runtime: "containerd", Version: v, Containerd: v}
}

// Each case is a node's files as they are written in the wild, the containerd
// that reads them, and the one that is to read them next.
func TestOldTablesBecomeHostsFilesThatAskTheSame(t *testing.T) {
	paths, err := filepath.Glob("testdata/migrate/*.txtar")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { migrates(t, path) })
	}
}

func migrates(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, to, _ := strings.Cut(strings.TrimSpace(string(archive.Comment)), " ")
	var have []source.File
	for _, f := range archive.Files {
		have = append(have, source.File{Path: f.Name, Data: f.Data, Mode: 0o644})
	}
	r, err := Run(Job{From: daemon.Dialect, To: daemon.Trees, Source: containerd(from), Target: containerd(to), Files: have, Have: have})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Losses {
		if f.Severity > finding.Info {
			t.Errorf("a loss: %s %v", f.Text, f.Evidence)
		}
	}
	for _, registry := range append(registries(r.Before, r.After), "quay.io", "ghcr.io", "registry.k8s.io") {
		for _, ref := range images(registry) {
			before, after := distinct(steps(r.Before, ref)), distinct(steps(r.After, ref))
			if registry != stranger && !r.Before.Has(registry) && sameURLs(before, after) {
				continue // what was known of its host came along
			}
			if i := differ(before, after); i >= 0 {
				t.Errorf("%s: %s became %s", ref, shown(before, i), shown(after, i))
			}
		}
	}
	after := slices.DeleteFunc(slices.Clone(have), func(f source.File) bool { return source.Find(r.Files, f.Path) != nil })
	after = append(after, r.Files...)
	sound(t, containerdconfig.Read(after, containerdconfig.DefaultPath, containerd(to)))
	kept(t, have, after)
	again, err := Run(Job{From: daemon.Dialect, To: daemon.Trees, Source: containerd(to), Target: containerd(to), Files: after, Have: after})
	if err != nil || len(again.Files) > 0 {
		t.Errorf("done again it changes %d files: %v", len(again.Files), err)
	}
}

func distinct(all []step) []step {
	var out []step
	for _, s := range all {
		if !slices.ContainsFunc(out, func(o step) bool { return o.key == s.key }) {
			out = append(out, s)
		}
	}
	return out
}

// sound: the plugin loads, hosts.toml files count, and nothing of old is left.
func sound(t *testing.T, c containerdconfig.Config) {
	t.Helper()
	if c.Dead() || c.ListBug() || len(c.Mirrors) > 0 || c.ConfigPath.Value != containerdconfig.StandardDir {
		t.Errorf("dead %v %v, mirrors %v, config_path %q", c.Fatal, c.CRIDead, c.Mirrors, c.ConfigPath.Value)
	}
	for _, h := range c.Hosts {
		if h.TLS != nil || h.Dropped != nil {
			t.Errorf("%s still has a tls table", h.Name)
		}
	}
}

// kept: every line that says so is still there, in its order.
func kept(t *testing.T, before, after []source.File) {
	t.Helper()
	for _, f := range before {
		rest := string(source.Find(after, f.Path).Data)
		for line := range strings.Lines(string(f.Data)) {
			if !strings.Contains(line, "keep") {
				continue
			}
			_, tail, there := strings.Cut(rest, line)
			if !there {
				t.Errorf("%s: lost %q of\n%s", f.Path, line, rest)
				break
			}
			rest = tail
		}
	}
}
