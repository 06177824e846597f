package containerdconfig_test

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/corpus"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/outcome"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var versions = []string{"1.6.20", "1.7.0", "1.7.35", "2.0.11", "2.1.9", "2.2.1", "2.2.7", "2.3.4", "2.4.2"}

func target(version string) route.Target {
	v := route.MustVersion(version)
	return route.Target{Runtime: "containerd", Version: v, Containerd: v}
}

// each runs a law over the corpus and all versions.
func each(t *testing.T, law func(t *testing.T, name string, c corpus.Case, read containerdconfig.Config)) {
	for i, c := range corpus.Cases(7, 150, "/etc/containerd", 4) {
		for _, v := range versions {
			law(t, fmt.Sprintf("case %d, %s", i, v), c, containerdconfig.Read(c.Files, c.Main, target(v)))
		}
	}
}

func TestEveryFindingShowsItsEvidence(t *testing.T) {
	each(t, func(t *testing.T, name string, c corpus.Case, read containerdconfig.Config) {
		for _, f := range containerdconfig.Lint(read) {
			if len(f.Evidence) == 0 || f.At.IsZero() {
				t.Errorf("%s: %s has no evidence or no place", name, f.ID)
			}
			texts := []string{f.Text}
			if f.Fix != nil {
				texts = append(texts, f.Fix.Text)
			}
			for _, text := range texts {
				if open := finding.Names(text); len(open) > 0 {
					t.Errorf("%s: %s leaves %v open", name, f.ID, open)
				}
				if strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
					t.Errorf("%s: %s is no one-line text: %q", name, f.ID, text)
				}
			}
		}
	})
}

func TestEveryFixIsAPlanThatCures(t *testing.T) {
	each(t, func(t *testing.T, name string, c corpus.Case, read containerdconfig.Config) {
		for _, f := range containerdconfig.Lint(read) {
			if f.Fix == nil || len(f.Fix.Edits) == 0 {
				continue
			}
			p, err := plan.FromEdits(c.Files, f.Fix.Edits)
			if err != nil {
				t.Errorf("%s: %s: %v", name, f.ID, err)
				continue
			}
			after := containerdconfig.Read(carriedOut(c.Files, p), c.Main, read.Target)
			for _, again := range containerdconfig.Lint(after) {
				if again.ID == f.ID && again.Subject == f.Subject && again.Text == f.Text {
					t.Errorf("%s: %s is there again after its own fix: %s", name, f.ID, f.Text)
				}
			}
		}
	})
}

func carriedOut(files []source.File, p plan.Plan) []source.File {
	out := slices.Clone(files)
	for _, c := range p.Changes {
		i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == c.Path() })
		if i < 0 {
			out = append(out, *c.After)
			continue
		}
		out[i] = *c.After
	}
	return out
}

// What is asked, and in which order, stays the same when mirrors move to
// hosts.toml, but for what no hosts.toml can say.
func TestMigrationKeepsEveryRoute(t *testing.T) {
	moved := 0
	each(t, func(t *testing.T, name string, c corpus.Case, read containerdconfig.Config) {
		m, ok := containerdconfig.Migrate(read, containerdconfig.StandardDir)
		if !ok {
			return
		}
		moved++
		if len(m.Losses) > 0 {
			return
		}
		old := read.Table()
		for _, registry := range outcome.Registries(read) {
			if old.Route(registry).Fails != "" {
				continue
			}
			before, after := asked(old, registry), asked(m.Table, registry)
			if !slices.Equal(before, after) {
				t.Errorf("%s: %s is asked of %v before and %v after", name, registry, before, after)
			}
		}
	})
	if moved < 100 {
		t.Errorf("only %d migrations", moved)
	}
}

// asked lists the endpoints of a registry without repetitions. localhost is
// left to the rules of hosts.toml, which tries more schemes.
func asked(t route.Table, registry string) []string {
	var out []string
	for _, e := range t.Endpoints(registry) {
		scheme := e.Scheme
		if route.IsLocalhost(e.Host) {
			scheme = "any"
		}
		text := scheme + "://" + e.Host + path.Clean("/"+e.Path)
		if !slices.Contains(out, text) && e.Broken == "" && (e.Scheme == "https" || e.Scheme == "http") {
			out = append(out, text)
		}
	}
	return out
}

func TestNoSecretIsEverShown(t *testing.T) {
	const secret = "hunter2hunter2"
	for i, c := range corpus.Cases(11, 200, "/etc/containerd", 4) {
		for n := range c.Files {
			text := string(c.Files[n].Data)
			for _, key := range []string{"password = \"", "auth = \"", "identitytoken = \"", "X-A = [\"", "Authorization = \""} {
				text = strings.ReplaceAll(text, key, key+secret)
			}
			c.Files[n].Data = []byte(strings.ReplaceAll(text, "user:pw@", "user:"+secret+"@"))
		}
		for _, v := range []string{"1.6.20", "1.7.35", "2.4.2"} {
			read := containerdconfig.Read(c.Files, c.Main, target(v))
			for _, f := range containerdconfig.Lint(read) {
				f.Fix = nil // edits carry the user's own bytes
				shown, err := json.Marshal(f)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(shown), secret) {
					t.Errorf("case %d, %s: %s shows a secret: %s", i, v, f.ID, shown)
				}
			}
			for _, f := range slices.Concat(read.Fatal, read.CRIDead, read.PullFails, read.Unseen) {
				if strings.Contains(f.Text, secret) {
					t.Errorf("case %d, %s: a failure shows a secret: %s", i, v, f.Text)
				}
			}
			table, err := json.Marshal(read.Table())
			if err != nil || strings.Contains(string(table), secret) {
				t.Errorf("case %d, %s: the table shows a secret: %s %v", i, v, table, err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range corpus.Cases(5, 40, "/etc/containerd", 4) {
		f.Add(c.Files[0].Data, c.Files[len(c.Files)-1].Data, uint8(len(c.Files)))
	}
	f.Fuzz(func(t *testing.T, main, more []byte, which uint8) {
		version := versions[int(which)%len(versions)]
		files := []source.File{
			{Path: containerdconfig.DefaultPath, Data: main, Mode: 0o644},
			{Path: "/etc/containerd/conf.d/10.toml", Data: more},
			{Path: "/etc/containerd/certs.d/docker.io/hosts.toml"},
		}
		g := target(version)
		if which%5 == 4 {
			g.Runtime = "k0s"
			files[0].Path, files[1].Path = "/etc/k0s/containerd.toml", "/etc/k0s/containerd.d/10.toml"
		}
		read := containerdconfig.Read(files, files[0].Path, g)
		for _, f := range containerdconfig.Lint(read) {
			if f.Fix == nil || len(f.Fix.Edits) == 0 {
				continue
			}
			if _, err := plan.FromEdits(files, f.Fix.Edits); err != nil {
				t.Errorf("%s: %v", f.ID, err)
			}
		}
		read.Table()
		if m, ok := containerdconfig.Migrate(read, containerdconfig.StandardDir); ok {
			if _, err := plan.FromEdits(files, m.Edits); err != nil {
				t.Error(err)
			}
		}
	})
}
