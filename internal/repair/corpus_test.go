package repair_test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/source"
)

// corpus are the nodes of the dialects' own cases, as far as a plain file can
// stand for what is in them.
func corpus(t *testing.T) map[string]repair.Node {
	t.Helper()
	out := map[string]repair.Node{}
	for _, dialect := range []string{"containerd", "containerdconfig", "k3s"} {
		paths, err := filepath.Glob("../dialect/" + dialect + "/testdata/lint/*.txtar")
		if err != nil || len(paths) == 0 {
			t.Fatalf("no cases: %v", err)
		}
		for _, p := range paths {
			archive, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := unpacked(archive); ok {
				out[dialect+"/"+strings.TrimSuffix(filepath.Base(p), ".txtar")] = n
			}
		}
	}
	return out
}

func unpacked(a *txtar.Archive) (repair.Node, bool) {
	first, _, _ := strings.Cut(strings.TrimPrefix(string(a.Comment), "target: "), "\n")
	words := strings.Fields(strings.ReplaceAll(first, "@", " "))
	if len(words) < 2 || !slices.Contains([]string{"containerd", "k3s", "rke2"}, words[0]) || words[1][0] < '0' || words[1][0] > '9' {
		return repair.Node{}, false
	}
	n := node(words[0], words[1])
	for _, f := range a.Files {
		switch {
		case f.Name == "want":
			continue
		case f.Name == "registries.yaml":
			f.Name = "/etc/rancher/" + words[0] + "/" + f.Name
		}
		switch {
		case strings.ContainsAny(f.Name, " !") || strings.HasSuffix(f.Name, "/") || !path.IsAbs(f.Name):
			return repair.Node{}, false
		default:
			n.Files = append(n.Files, source.File{Path: f.Name, Data: f.Data, Mode: 0o644})
			for dir := path.Dir(f.Name); source.Find(n.Files, dir) == nil; dir = path.Dir(dir) {
				n.Files = append(n.Files, source.File{Path: dir, Kind: source.Directory})
			}
		}
	}
	n.Input.Files = n.Files
	if source.Find(n.Files, "/certs.d") != nil && words[0] == "containerd" {
		n.Input.HostsDir = "/certs.d"
	}
	return n, true
}

// Whatever a dialect finds and offers to fix: once it is fixed it is found no
// more, no trouble is made of advice, and there is nothing left to fix of it.
func TestWhatIsCuredIsGone(t *testing.T) {
	cases, cures, refused := 0, 0, 0
	for name, n := range corpus(t) {
		cases++
		for _, f := range effective.Read(n.Input).Findings {
			if f.Fix == nil || len(f.Fix.Edits) == 0 {
				continue
			}
			f.Stage = "config"
			p, cured := repair.Cure(n, []finding.Finding{f})
			if len(cured) == 0 {
				refused++
				continue
			}
			cures++
			after := carriedOut(t, n, p)
			judge(t, name, f, effective.Read(n.Input).Findings, effective.Read(after.Input).Findings)
			if again, _ := repair.Cure(after, []finding.Finding{f}); !again.Empty() {
				t.Errorf("%s: %s wants once more\n%s", name, f.ID, again.Unified())
			}
			unverified(t, name, p)
		}
	}
	if cases < 80 || cures < 60 || refused > 2 {
		t.Errorf("%d cases, %d cures, %d refused: has the form of the cases changed?", cases, cures, refused)
	}
}

func judge(t *testing.T, name string, cured finding.Finding, before, after []finding.Finding) {
	t.Helper()
	had := map[string]bool{}
	for _, f := range before {
		had[f.ID] = true
	}
	for _, f := range after {
		if f.ID == cured.ID && f.Code == cured.Code && f.Registry == cured.Registry && f.Fix != nil && len(f.Fix.Edits) > 0 {
			t.Errorf("%s: %s is still there: %s", name, f.ID, f.Text)
		}
		if f.Severity == finding.Error && !had[f.ID] && cured.Severity < finding.Error {
			t.Errorf("%s: the cure of %s brings %s: %s", name, cured.ID, f.ID, f.Text)
		}
	}
}

func unverified(t *testing.T, name string, p plan.Plan) {
	t.Helper()
	for line := range strings.Lines(p.Unified()) {
		if strings.HasPrefix(line, "+") && strings.Contains(line, "skip_verify") && strings.Contains(line, "true") {
			t.Errorf("%s: the fix writes %s", name, line)
		}
	}
}
