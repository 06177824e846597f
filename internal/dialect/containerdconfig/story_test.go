package containerdconfig

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// story is a node's files, what is found in them and what the fixes make of
// them. The comment on top names the target: "target: containerd 1.7.35" or
// "target: k0s 1.35.1 containerd 1.7.29"; "dir: PATH" lists a directory,
// "mode: 0600 PATH" sets a mode. Files may be written with Go escapes if their
// name ends in .quoted.
type story struct {
	target route.Target
	files  []source.File
	want   string
	ar     *txtar.Archive
	path   string
}

func readStory(t *testing.T, path string) story {
	t.Helper()
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := story{ar: ar, path: path}
	for _, f := range ar.Files {
		switch {
		case f.Name == "want":
			s.want = string(f.Data)
		case strings.HasPrefix(f.Name, "fixed "):
		case strings.HasSuffix(f.Name, ".quoted"):
			text, err := strconv.Unquote(strings.TrimSpace(string(f.Data)))
			if err != nil {
				t.Fatal(err)
			}
			s.files = append(s.files, source.File{Path: strings.TrimSuffix(f.Name, ".quoted"), Data: []byte(text), Mode: 0o600})
		default:
			s.files = append(s.files, source.File{Path: f.Name, Data: f.Data, Mode: 0o600})
		}
	}
	for line := range strings.SplitSeq(string(ar.Comment), "\n") {
		s.setting(t, line)
	}
	return s
}

func (s *story) setting(t *testing.T, line string) {
	t.Helper()
	key, value, _ := strings.Cut(line, ": ")
	words := strings.Fields(value)
	switch key {
	case "target":
		s.target = route.Target{Runtime: words[0], Version: route.MustVersion(words[1]), Containerd: route.MustVersion(words[len(words)-1])}
	case "dir":
		s.files = append(s.files, source.File{Path: value, Kind: source.Directory})
	case "unread":
		s.files = append(s.files, source.File{Path: value, Problem: "permission denied"})
	case "mode":
		mode, err := strconv.ParseUint(words[0], 8, 32)
		if err != nil {
			t.Fatal(err)
		}
		source.Find(s.files, words[1]).Mode = fs.FileMode(mode)
	}
}

func tell(f finding.Finding) string {
	marks := ""
	if f.Stops {
		marks += ", stops"
	}
	if f.Ignores {
		marks += ", ignored"
	}
	if f.Registry != "" {
		marks += ", of " + f.Registry
	}
	out := fmt.Sprintf("%s %s %s %s%s\n    %s\n", f.ID, f.Severity, f.Code, f.At, marks, f.Text)
	for _, e := range f.Evidence {
		out += fmt.Sprintf("    | %s | %s\n", strings.ReplaceAll(strings.TrimSpace(e.Saw), "\r", `\r`), e.Command)
	}
	if f.Fix != nil {
		by := fmt.Sprintf("%d edits", len(f.Fix.Edits))
		if f.Fix.Intent != nil {
			by = string(f.Fix.Intent.Do)
		}
		out += fmt.Sprintf("    > %s (%s)\n", f.Fix.Text, by)
	}
	return out
}

func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/lint/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			s := readStory(t, path)
			found := Parse(s.files, s.target).Findings
			got := ""
			fixed := map[string]string{}
			for _, f := range found {
				got += tell(f)
				s.cured(t, f, fixed)
			}
			if os.Getenv("UPDATE") != "" {
				s.update(t, got, fixed)
				return
			}
			if got != s.want {
				t.Errorf("got\n%s\nwant\n%s", got, s.want)
			}
			for name, text := range fixed {
				if want := section(s.ar, name); text != want {
					t.Errorf("%s: got\n%s\nwant\n%s", name, text, want)
				}
			}
		})
	}
}

func section(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// cured applies the edits of a finding: it must not come back.
func (s story) cured(t *testing.T, f finding.Finding, fixed map[string]string) {
	t.Helper()
	if f.Fix == nil || len(f.Fix.Edits) == 0 {
		return
	}
	c := Config{files: s.files, Main: MainFile(s.files, s.target), Target: s.target}
	after, err := c.after(f.Fix.Edits)
	if err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	for _, again := range Lint(after) {
		if again.ID == f.ID && again.Subject == f.Subject && again.Text == f.Text {
			t.Errorf("%s is there again after its own fix", f.ID)
		}
	}
	for _, file := range after.files {
		before := source.Find(s.files, file.Path)
		if before == nil || string(before.Data) != string(file.Data) {
			fixed["fixed "+f.ID+" "+file.Path] = string(file.Data)
		}
	}
}

func (s story) update(t *testing.T, got string, fixed map[string]string) {
	t.Helper()
	ar := &txtar.Archive{Comment: s.ar.Comment}
	for _, f := range s.ar.Files {
		if f.Name != "want" && !strings.HasPrefix(f.Name, "fixed ") {
			ar.Files = append(ar.Files, f)
		}
	}
	ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(fixed[name])})
	}
	if err := os.WriteFile(s.path, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEveryKindHasAStory(t *testing.T) {
	seen := map[string]bool{}
	paths, _ := filepath.Glob("testdata/lint/*.txtar")
	for _, path := range paths {
		s := readStory(t, path)
		for _, f := range Parse(s.files, s.target).Findings {
			seen[f.ID] = true
			if len(f.Evidence) == 0 {
				t.Errorf("%s in %s shows no evidence", f.ID, path)
			}
			if names := finding.Names(f.Text); len(names) > 0 {
				t.Errorf("%s in %s leaves %v open: %s", f.ID, path, names, f.Text)
			}
			if f.Fix != nil && len(finding.Names(f.Fix.Text)) > 0 {
				t.Errorf("%s in %s leaves its fix open: %s", f.ID, path, f.Fix.Text)
			}
		}
	}
	for _, k := range kinds {
		if !seen[k.ID] {
			t.Errorf("%s (%s) has no story", k.ID, k.Title)
		}
	}
}
