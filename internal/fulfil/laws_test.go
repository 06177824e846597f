package fulfil_test

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/hostscheck"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

func target(runtime, version string) route.Target {
	t := route.Target{Runtime: runtime, Version: route.MustVersion(version), Fork: runtime == "k3s" || runtime == "rke2"}
	if runtime == "containerd" {
		t.Containerd = t.Version
	}
	return effective.Target(t)
}

// nodes are what each runtime finds on a node that somebody set up by hand.
var nodes = []struct {
	target route.Target
	files  map[string]string
}{
	{target("containerd", "1.6.20"), map[string]string{"/etc/containerd/config.toml": "version = 2\noom_score = 3 # mine\n"}},
	{target("containerd", "2.4.2"), map[string]string{
		"/etc/containerd/config.toml":                       "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/srv/certs.d' # ours\n",
		"/srv/certs.d/foreign.example/hosts.toml":           "# by hand\nserver = \"https://foreign.example\"\n[host.\"https://near.example\"]\n  capabilities = [\"pull\"]\n",
		"/etc/containerd/certs.d/elsewhere.corp/hosts.toml": "server = \"https://elsewhere.corp\"\n",
	}},
	{target("k3s", "1.31.6"), map[string]string{"/etc/rancher/k3s/registries.yaml": "# by hand\nmirrors:\n  foreign.example:\n    endpoint: [https://near.example] # close\n"}},
	{target("rke2", "1.31.6"), map[string]string{"/etc/hostname": "node\n"}},
	{target("docker", "28.5.2"), map[string]string{"/etc/docker/daemon.json": "{\n  \"log-driver\": \"journald\"\n}\n"}},
	{target("crio", "1.31.0"), map[string]string{"/etc/containers/registries.conf": "# by hand\nunqualified-search-registries = [\"docker.io\"]\n\n[[registry]]\nlocation = \"foreign.example\"\n"}},
	{target("k0s", "1.34.0"), map[string]string{"/etc/k0s/containerd.d/mine.toml": "version = 2\n# mine\n"}},
	{target("microk8s", "1.31.0"), map[string]string{"/etc/hostname": "node\n"}},
}

// setUp is a node with files, each in its directory.
func setUp(t route.Target, files map[string]string) fulfil.Node {
	var list []source.File
	for name, text := range files {
		for dir := path.Dir(name); dir != "/" && source.Find(list, dir) == nil; dir = path.Dir(dir) {
			list = append(list, source.File{Path: dir, Kind: source.Directory, Mode: 0o755})
		}
		list = append(list, source.File{Path: name, Data: []byte(text), Mode: 0o640})
	}
	slices.SortFunc(list, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return with(fulfil.Node{Node: repair.Node{Input: effective.Input{Runtime: snapshot.Runtime{Target: t}}}}, list)
}

func with(n fulfil.Node, files []source.File) fulfil.Node {
	n.Files, n.Input.Files = files, files
	return n
}

// after is a node as a plan leaves it, with what is Towpath's there.
func after(n fulfil.Node, p plan.Plan) fulfil.Node {
	for _, c := range p.Changes {
		i := slices.IndexFunc(n.Ours, func(o fulfil.Property) bool { return o.Path == c.Path() })
		if i < 0 {
			n.Ours = append(slices.Clip(n.Ours), fulfil.Property{Path: c.Path(), Base: c.Before, Owner: p.Owner})
			i = len(n.Ours) - 1
		}
		n.Ours[i].Last = c.After
	}
	return with(n, p.After(n.Files))
}

func TestEveryDialectGoesOntoEveryNodeAndAwayAgain(t *testing.T) {
	for _, from := range all.Dialects {
		if from.Render == nil {
			continue
		}
		for _, nd := range nodes {
			t.Run(from.Name+" onto "+nd.target.Runtime+" "+nd.target.Version.String(), func(t *testing.T) {
				t.Parallel()
				done := 0
				for i, table := range hostscheck.Tables(target("containerd", "2.4.2"), 5, 9) {
					files := from.Render(table, nil)
					s := fulfil.Source{Dialect: from, Reading: from.Parse(files, target("containerd", "2.4.2")), Files: files}
					if goes(t, setUp(nd.target, nd.files), s) {
						done++
					}
					if t.Failed() {
						t.Fatalf("table %d", i)
					}
				}
				if done == 0 {
					t.Error("no table could be put there")
				}
			})
		}
	}
}

// foreign fails the test when a line that somebody wrote by hand is no longer
// there.
func foreign(t *testing.T, before, after fulfil.Node) {
	t.Helper()
	for _, f := range before.Files {
		now := source.Find(after.Files, f.Path)
		for line := range strings.Lines(string(f.Data)) {
			own := strings.Contains(line, "#") || strings.Contains(line, "foreign") || strings.Contains(line, "journald")
			if own && (now == nil || !strings.Contains(string(now.Data), strings.TrimSpace(line))) {
				t.Errorf("%s has lost %q", f.Path, line)
			}
		}
	}
}

// goes puts a configuration onto a node, twice, and takes it away again. It
// reports whether that could be done at all: what would be less safe cannot.
func goes(t *testing.T, n fulfil.Node, s fulfil.Source) bool {
	t.Helper()
	ask := fulfil.Ask{Routes: []fulfil.Source{s}, Whole: true}
	first, err := fulfil.Make(n, ask)
	if errors.Is(err, convert.ErrUnsafe) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Plan.Validate(); err != nil {
		t.Fatal(err)
	}
	then := after(n, first.Plan)
	foreign(t, n, then)
	second, err := fulfil.Make(then, ask)
	if err != nil {
		t.Fatalf("a second time: %v", err)
	}
	if !second.Plan.Empty() || len(second.Drift) > 0 {
		t.Errorf("a second time there is still something to do:\n%s", second.Plan.Unified())
	}
	gone, err := fulfil.Make(then, fulfil.Ask{Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gone.Plan.After(then.Files) {
		if f.Kind == source.Directory {
			continue
		}
		if was := source.Find(n.Files, f.Path); was == nil || !bytes.Equal(was.Data, f.Data) || was.Mode != f.Mode {
			t.Errorf("%s is left behind or otherwise:\n%s", f.Path, f.Data)
		}
	}
	for _, f := range n.Files {
		if source.Find(gone.Plan.After(then.Files), f.Path) == nil {
			t.Errorf("%s has gone", f.Path)
		}
	}
	return len(first.Plan.Changes) > 0
}
