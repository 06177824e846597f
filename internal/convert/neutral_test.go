package convert_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// TestEveryDialectComesBackFromTowpath goes from each dialect to towpath.yaml
// and back, with its healthy examples and with what it writes itself.
func TestEveryDialectComesBackFromTowpath(t *testing.T) {
	for _, d := range all.Dialects {
		if d.Neutral || d.Parse == nil || d.Name == "runbook" {
			continue // scripts and notes hold no routes
		}
		t.Run(d.Name, func(t *testing.T) { t.Parallel(); comesBack(t, d) })
	}
}

func comesBack(t *testing.T, d dialect.Dialect) {
	there, back := 0, 0
	found := examples(t, d)
	for name, files := range found {
		switch told := roundTrip(t, d, name, files); told {
		case "back":
			back++
			fallthrough
		case "there":
			there++
		}
	}
	t.Logf("%d examples went there, %d of them back", there, back)
	if there == 0 && len(found) > 0 || d.Render != nil && back == 0 {
		t.Error("nothing was proven")
	}
}

// roundTrip says how far an example came: not at all where it holds nothing,
// and not back where the dialect cannot say what it read.
func roundTrip(t *testing.T, d dialect.Dialect, name string, files []source.File) string {
	neutral, _ := all.Named("towpath")
	own := owner(d)
	there, err := convert.Run(convert.Job{From: d, To: neutral, Source: own, Files: files})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return ""
	}
	if len(there.Before.Routes)+len(there.Before.Hosts) == 0 {
		return ""
	}
	for _, f := range there.Losses {
		t.Errorf("%s: %s\n%s", name, f.Text, text(there.Files))
	}
	want := asked(there.Before, files)
	if got := asked(there.After, there.Files, files); got != want {
		t.Errorf("%s: to towpath.yaml:\n%s", name, udiff.Unified("want", "got", want, got))
	}
	if d.Render == nil || len(d.Losses(there.Before)) > 0 || strings.Contains(want, "fails") {
		return "there"
	}
	again, err := convert.Run(convert.Job{From: neutral, To: d, Target: there.Before.Target, Files: there.Files})
	if err != nil {
		t.Errorf("%s: back: %v", name, err)
		return "there"
	}
	if got := asked(again.After, again.Files, there.Files); got != want {
		t.Errorf("%s: and back:\n%s%s%s", name, udiff.Unified("want", "got", want, got), text(there.Files), text(again.Files))
	}
	return "back"
}

// asked are the requests of a table, with what files hold of its certificates.
func asked(t route.Table, files ...[]source.File) string {
	t.Files = slices.Concat(append([][]source.File{t.Files}, files...)...)
	return dialecttest.Asked(t)
}

// owner is the runtime whose dialect it is.
func owner(d dialect.Dialect) route.Target {
	switch d.Name {
	case "registries-conf":
		return route.Target{Runtime: "crio"}
	case "containerd", "containerd-config", "kind", "k3s", "rke2":
		return target(d.Name) // kind runs containerd
	}
	return route.Target{Runtime: d.Name}
}

// examples are the healthy lint cases of a dialect, and what it writes for
// random tables.
func examples(t *testing.T, d dialect.Dialect) map[string][]source.File {
	t.Helper()
	out := map[string][]source.File{}
	folder := map[string]string{"containerd-config": "containerdconfig", "registries-conf": "registriesconf", "rke2": "k3s"}[d.Name]
	if folder == "" {
		folder = d.Name
	}
	paths, err := filepath.Glob("../dialect/" + folder + "/testdata/lint/healthy*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var files []source.File
		for _, f := range a.Files {
			if f.Name != "want" && !strings.HasSuffix(f.Name, "/") {
				files = append(files, source.File{Path: f.Name, Data: f.Data, Mode: 0o600})
			}
		}
		out[filepath.Base(path)] = files
	}
	if d.Name == "kind" {
		out["mirrors"] = []source.File{{Path: "kind.yaml", Data: []byte("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\ncontainerdConfigPatches:\n- |-\n" +
			"  [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n    endpoint = [\"https://m.example\"]\n")}}
	}
	if d.Render == nil {
		return out
	}
	shape := dialecttest.Shape{ByHost: true, Wildcard: true, TLS: true, Auth: true, Odd: 12, PEM: true}
	for i, table := range dialecttest.Tables(owner(d), shape, 7, 40) {
		out["table "+string(rune('a'+i))] = d.Render(table, nil)
	}
	return out
}
