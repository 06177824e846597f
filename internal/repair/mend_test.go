package repair_test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// trees reads files as the hosts.toml trees below /certs.d.
func trees(version string) repair.Look {
	t := route.Target{Runtime: "containerd", Version: route.MustVersion(version), Containerd: route.MustVersion(version)}
	return func(files []source.File) []finding.Finding {
		return containerd.Read([]string{"/certs.d"}, files, t).Findings
	}
}

func one(text string) []source.File {
	return []source.File{{Path: "/certs.d/r.example/hosts.toml", Data: []byte(text), Mode: 0o600}}
}

func TestMendingGoesOnUntilNothingIsLeftToCure(t *testing.T) {
	// Behind the quotes there is a word that no containerd knows, and behind that
	// a path that is asked below /v2 twice.
	files := one("server = “https://r.example”\n[host.\"https://a.example/v2/x\"]\ncapabilities = [\"pul\", \"resolve\"]\n")
	look := trees("2.4")
	m := repair.Mend(files, look)
	p, cured := m.Plan, m.Cured
	if len(p.Changes) != 1 || len(cured) < 3 {
		t.Fatalf("%d changes cure %d findings", len(p.Changes), len(cured))
	}
	for _, f := range look(p.After(files)) {
		if f.Severity > finding.Info {
			t.Errorf("left: %s %s", f.ID, f.Text)
		}
	}
	want := "server = \"https://r.example\"\n[host.\"https://a.example/v2/x\"]\noverride_path = true\ncapabilities = [\"pull\", \"resolve\"]\n"
	if got := string(p.After(files)[0].Data); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAFileStaysAsItIsWhereAFixWouldUncoverAnError(t *testing.T) {
	// Once the word is known the file counts, and with it credentials that are none.
	spoiled := "[host.\"https://a.example\"]\ncapabilities = [\"pul\", \"resolve\"]\n[host.\"https://a.example\".header]\nAuthorization = \"Basic <token>\"\n"
	files := append(one(spoiled), source.File{Path: "/certs.d/q.example/hosts.toml", Data: []byte("[host.\"https://a.example\"]\ncapabilities = [\"pul\", \"resolve\"]\n"), Mode: 0o600})
	m := repair.Mend(files, trees("2.4"))
	p, cured := m.Plan, m.Cured
	if !slices.Equal(m.Left, []string{"/certs.d/r.example/hosts.toml"}) {
		t.Errorf("left are %q", m.Left)
	}
	if len(p.Changes) != 1 || p.Changes[0].Path() != "/certs.d/q.example/hosts.toml" || len(cured) != 1 {
		t.Errorf("%d changes, %v", len(p.Changes), cured)
	}
}

func TestADirectoryIsRenamedAndItsFileMended(t *testing.T) {
	files := []source.File{
		{Path: "/certs.d/r.example_5000", Kind: source.Directory},
		{Path: "/certs.d/r.example_5000/hosts.toml", Data: []byte("server = \"https:/r.example:5000\"\n[host.\"https://a.example\"]\n"), Mode: 0o600},
	}
	p := repair.Mend(files, trees("2.4")).Plan
	after := p.After(files)
	f := source.Find(after, "/certs.d/r.example_5000_/hosts.toml")
	if f == nil || !strings.Contains(string(f.Data), `server = "https://r.example:5000"`) {
		t.Errorf("%v", after)
	}
	if back := p.Reverse().After(after); string(source.Find(back, "/certs.d/r.example_5000/hosts.toml").Data) != string(files[1].Data) {
		t.Errorf("back: %v", back)
	}
}

func TestNotesAreNoReasonToChangeAFile(t *testing.T) {
	files := one("server = \"https://r.example\"\n[host.\"https://a.example\"]\ncapabilities = [\"pull\"]\n")
	if m := repair.Mend(files, trees("2.4")); !m.Plan.Empty() || m.Cured != nil {
		t.Errorf("%s", m.Plan.Unified())
	}
}

func TestAFindingThatIsNotLookedForIsNotCured(t *testing.T) {
	files := one("[host.\"https://a.example/v2/x\"]\ncapabilities = [\"pull\", \"resolve\"]\n")
	all := trees("2.4")
	quiet := func(files []source.File) []finding.Finding {
		return slices.DeleteFunc(all(files), func(f finding.Finding) bool { return f.ID == "HT047" })
	}
	if p := repair.Mend(files, quiet).Plan; !p.Empty() {
		t.Errorf("%s", p.Unified())
	}
}

// Every fix of every case of a broken tree does what it says: what it cures is
// gone, no error is there that was not, and mending twice changes nothing more.
func TestEveryFixOfABrokenTreeCuresAndHarmsNothing(t *testing.T) {
	paths, err := filepath.Glob("../dialect/containerd/testdata/lint/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	fixed := 0
	for _, name := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			files, look := caseOf(t, name)
			fixed += harmless(t, files, look)
		})
	}
	if fixed < 30 {
		t.Errorf("only %d findings are cured", fixed)
	}
}

// harmless mends files and checks the result; it returns how much was cured.
func harmless(t *testing.T, files []source.File, look repair.Look) int {
	t.Helper()
	before := look(files)
	m := repair.Mend(files, look)
	p, cured := m.Plan, m.Cured
	after := p.After(files)
	found := look(after)
	for _, f := range cured {
		if f.Fix == nil || f.Severity == finding.Info {
			t.Errorf("cured %s, which has no fix or is a note", f.ID)
		}
	}
	for _, f := range found {
		new := !slices.ContainsFunc(before, func(g finding.Finding) bool { return g.Code == f.Code && g.Severity == finding.Error })
		if f.Severity == finding.Error && new {
			t.Errorf("new: %s %s: %s\n%s", f.ID, f.At, f.Text, p.Unified())
		}
	}
	if again := repair.Mend(after, look).Plan; !again.Empty() {
		t.Errorf("mended again:\n%s", again.Unified())
	}
	return len(cured)
}

// Each fix alone takes its own finding away, or all of those that one edit of the
// file cures together. It may uncover an error in a file that did not count
// before, in no other.
func TestEachFixTakesItsFindingAway(t *testing.T) {
	paths, err := filepath.Glob("../dialect/containerd/testdata/lint/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range paths {
		files, look := caseOf(t, name)
		before := look(files)
		for _, f := range before {
			if f.Fix == nil || len(f.Fix.Edits) == 0 {
				continue
			}
			p, err := plan.FromEdits(files, f.Fix.Edits)
			if err != nil {
				t.Errorf("%s: %s: %v", name, f.ID, err)
				continue
			}
			for _, g := range look(p.After(files)) {
				fresh := !slices.ContainsFunc(before, func(b finding.Finding) bool { return b.Code == g.Code && b.Severity == finding.Error })
				switch {
				case g.Code == f.Code && g.ID == f.ID && g.At == f.At && g.Text == f.Text:
					t.Errorf("%s: %s is still there: %s", name, f.ID, g.Text)
				case fresh && g.Severity == finding.Error && !f.Ignores:
					t.Errorf("%s: %s brings %s: %s", name, f.ID, g.ID, g.Text)
				}
			}
		}
	}
}

// caseOf reads a case of a broken tree: its files, and how they are read.
func caseOf(t *testing.T, name string) ([]source.File, repair.Look) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(archive.Comment), "\n")
	_, version, _ := strings.Cut(first, " ")
	var files []source.File
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "/") && !strings.ContainsAny(f.Name, " !") {
			file := source.File{Path: strings.TrimSuffix(f.Name, "/"), Data: f.Data, Mode: 0o600}
			if strings.HasSuffix(f.Name, "/") {
				file.Kind, file.Data = source.Directory, nil
			}
			if dir := path.Dir(file.Path); strings.Count(dir, "/") == 2 && source.Find(files, dir) == nil {
				files = append(files, source.File{Path: dir, Kind: source.Directory})
			}
			if source.Find(files, file.Path) == nil {
				files = append(files, file)
			}
		}
	}
	return files, trees(version)
}
