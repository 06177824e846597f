package config24

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/corpus"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/outcome"
	"github.com/towpath-dev/towpath/internal/route"
)

const inputs = 4000

func TestWeReadConfigurationsAsContainerdDoes(t *testing.T) {
	log.L.Logger.SetOutput(io.Discard)
	logrus.SetOutput(io.Discard)
	target := route.Target{Runtime: "containerd", Containerd: route.MustVersion("2.4.2")}
	dir := t.TempDir()
	theirs := newReader(t.TempDir())
	bad, fatal, dead := 0, 0, 0
	for i, c := range corpus.Cases(24, inputs, dir, 4) {
		write(t, dir, c)
		ours := containerdconfig.Read(c.Files, c.Main, target)
		names := outcome.Registries(ours)
		want := theirs.read(c.Main, names)
		if want.Fatal && outcome.OddRequirement(ours) {
			continue // we keep no list of all plugins that containerd has
		}
		if want.Fatal {
			fatal++
		}
		if want.Dead {
			dead++
		}
		if diff := outcome.Diff(outcome.Of(ours, names), want); diff != "" {
			t.Errorf("case %d\n%s\n%s", i, diff, show(ours, c))
			if bad++; bad == 10 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d inputs: %d keep the daemon down, %d the CRI plugin", inputs, fatal, dead)
	if fatal < inputs/10 || fatal > inputs/2 || dead < inputs/50 {
		t.Error("the corpus no longer has enough of each kind")
	}
}

func show(c containerdconfig.Config, k corpus.Case) string {
	out := ""
	for _, f := range append(append(c.Fatal, c.CRIDead...), c.PullFails...) {
		out += "we say: " + f.At.String() + ": " + f.Text + "\n"
	}
	for _, f := range k.Files {
		out += "--- " + f.Path + "\n" + string(f.Data) + "\n"
	}
	return out
}

func write(t *testing.T, dir string, c corpus.Case) {
	t.Helper()
	for _, sub := range []string{"conf.d", "config.toml", "extra.toml"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range c.Files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
