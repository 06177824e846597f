package repair_test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/effective"
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
	files := one("server = \"https://r.example\"\n[host.\"https://a.example\"]\ncapabilities = [\"pull\"]\n[host.\"https://b.example\"]\ncapabilities = [\"pull\", \"resolve\"]\n")
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

// Every fix of every case of every dialect does what it says: what it cures is
// gone, no error is there that was not, and mending twice changes nothing more.
func TestEveryFixCuresAndHarmsNothing(t *testing.T) {
	fixed := map[string]int{}
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) { fixed[c.dialect] += harmless(t, c) })
	}
	for dialect, least := range map[string]int{"containerd": 30, "containerdconfig": 15, "k3s": 40, "talos": 1, "k0s": 1} {
		if fixed[dialect] < least {
			t.Errorf("%s: only %d findings are cured", dialect, fixed[dialect])
		}
	}
}

// harmless mends files and checks the result; it returns how much was cured.
func harmless(t *testing.T, c broken) int {
	t.Helper()
	before := c.look(c.files)
	m := repair.Mend(c.files, c.look)
	after := m.Plan.After(c.files)
	for _, f := range m.Cured {
		if f.Fix == nil || f.Severity == finding.Info {
			t.Errorf("cured %s, which has no fix or is a note", f.ID)
		}
	}
	for _, f := range c.look(after) {
		if f.Severity == finding.Error && !has(before, f.Code) {
			t.Errorf("new: %s %s: %s\n%s", f.ID, f.At, f.Text, m.Plan.Unified())
		}
	}
	if again := repair.Mend(after, c.look).Plan; !again.Empty() {
		t.Errorf("mended again:\n%s", again.Unified())
	}
	return len(m.Cured)
}

// has reports whether there is an error with a code.
func has(found []finding.Finding, code string) bool {
	return slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Code == code && f.Severity == finding.Error })
}

// Each fix alone takes its finding away, notes included. It may uncover an error
// where a file did not count before, nowhere else.
func TestEachFixTakesItsFindingAway(t *testing.T) {
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			before := c.look(c.files)
			for _, f := range before {
				if f.Fix == nil || len(f.Fix.Edits) == 0 {
					continue
				}
				p, err := plan.FromEdits(c.files, f.Fix.Edits)
				if err != nil {
					t.Errorf("%s: %v", f.ID, err)
					continue
				}
				for _, g := range c.look(p.After(c.files)) {
					switch {
					case g.Code == f.Code && g.ID == f.ID && g.At == f.At && g.Text == f.Text:
						t.Errorf("%s is still there: %s", f.ID, g.Text)
					case g.Severity == finding.Error && !f.Ignores && !f.Stops && !has(before, g.Code):
						t.Errorf("%s brings %s: %s", f.ID, g.ID, g.Text)
					}
				}
			}
		})
	}
}

// broken is a case of a dialect: files, and how they are read.
type broken struct {
	name, dialect string
	files         []source.File
	look          repair.Look
}

// cases are those that the dialects are tested with. Of their settings only the
// runtime counts here.
func cases(t *testing.T) []broken {
	t.Helper()
	names, err := filepath.Glob("../dialect/*/testdata/lint/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var out []broken
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		folder := strings.Split(name, "/")[2]
		c := broken{name: folder + "/" + strings.TrimSuffix(filepath.Base(name), ".txtar"), dialect: folder}
		for _, f := range archive.Files {
			c.files = append(c.files, written(c.files, f)...)
		}
		first, _, _ := strings.Cut(string(archive.Comment), "\n")
		c.look = reader(t, folder, first)
		out = append(out, c)
	}
	return out
}

// reader reads files as the runtime does that a case begins with.
func reader(t *testing.T, folder, line string) repair.Look {
	t.Helper()
	words := strings.FieldsFunc(strings.TrimPrefix(line, "target:"), func(r rune) bool { return r == ' ' || r == '@' })
	target := route.Target{Runtime: folder}
	if len(words) > 0 && strings.Trim(words[0], "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.HasSuffix(words[0], ":") {
		target.Runtime = words[0]
	}
	if len(words) > 1 {
		if v, err := route.ParseVersion(words[1]); err == nil {
			target.Version = v
		}
	}
	name := map[string]string{"containerdconfig": "containerd-config", "credentialprovider": "credential-provider", "pullsecret": "pull-secret", "registriesconf": "registries-conf"}[folder]
	if name == "" {
		name = folder
	}
	d, known := all.Named(name)
	if !known {
		t.Fatalf("no dialect %s", name)
	}
	target = effective.Target(target)
	if folder == "containerd" {
		return func(files []source.File) []finding.Finding {
			return containerd.Read([]string{"/certs.d"}, files, target).Findings
		}
	}
	return func(files []source.File) []finding.Finding { return d.Parse(files, target).Findings }
}

// written is a section of a case as a file, with the directories above it; none
// if it holds something else.
func written(have []source.File, f txtar.File) []source.File {
	name, _, odd := strings.Cut(f.Name, " ")
	if odd || !strings.ContainsAny(name, "./") {
		return nil
	}
	switch {
	case strings.HasPrefix(name, "/"):
	case path.Base(name) == "registries.yaml":
		name = "/etc/rancher/k3s/registries.yaml"
	default:
		name = "/" + name
	}
	file := source.File{Path: path.Clean(name), Data: f.Data, Mode: 0o600}
	if strings.HasSuffix(name, "/") {
		file.Kind, file.Data = source.Directory, nil
	}
	if source.Find(have, file.Path) != nil {
		return nil
	}
	var out []source.File
	for dir := path.Dir(file.Path); len(dir) > 1; dir = path.Dir(dir) {
		if source.Find(have, dir) == nil {
			out = append(out, source.File{Path: dir, Kind: source.Directory})
		}
	}
	return append(out, file)
}
