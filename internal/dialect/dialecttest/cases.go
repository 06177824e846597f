package dialecttest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Cases runs the lint cases of a folder and wants every kind of the dialect to
// be found in one of them, but for those that the dialect takes from another one.
//
// A case is an archive: the runtime and its version in the first line of the
// comment, the files, a directory with a / behind its name, and what is found:
// -- want --. UPDATE=1 rewrites what is wanted. Cases named healthy* find
// nothing of more than info.
func Cases(t *testing.T, d dialect.Dialect, glob string, own []finding.Kind) {
	t.Helper()
	paths, err := filepath.Glob(glob)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	fired := map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files, target := unpack(t, archive)
			found := d.Parse(files, target).Findings
			for _, f := range found {
				fired[f.Code+f.ID] = true
				Decent(t, f)
				if left := leftOver.FindString(f.Text); left != "" {
					t.Errorf("%s leaves %s open", f.ID, left)
				}
				if strings.HasPrefix(name, "healthy") && f.Severity > finding.Info {
					t.Errorf("found in a healthy file: %s", f.Text)
				}
				if !slices.ContainsFunc(d.Kinds, func(k finding.Kind) bool { return k.Code == f.Code && k.ID == f.ID }) {
					t.Errorf("%s %s is not listed by the dialect", f.ID, f.Code)
				}
			}
			compare(t, path, archive, describe(t, files, found))
		})
	}
	for _, k := range own {
		if !fired[k.Code+k.ID] {
			t.Errorf("no case in which %s (%s) is found", k.ID, k.Code)
		}
	}
}

// secrets are what the cases hide in their files.
var secrets = []string{"hunter2", "dXNlcjpwYXNz", "s3cret", "BEGIN PRIVATE KEY", "aHVudGVyMg"}

var leftOver = regexp.MustCompile(`\{[a-z][A-Za-z]*\}`)

// Decent checks what holds for every finding: evidence with a command, no
// argument left open, no full stop, nothing secret.
func Decent(t *testing.T, f finding.Finding) {
	t.Helper()
	whole(t, f)
	all := f.Text
	if f.Fix != nil {
		all += "\n" + f.Fix.Text
	}
	for _, e := range f.Evidence {
		all += "\n" + e.Saw + "\n" + e.Where
	}
	for _, s := range secrets {
		if strings.Contains(all, s) {
			t.Errorf("%s shows the secret %s: %s", f.ID, s, all)
		}
	}
}

// whole checks that a finding has all that it needs.
func whole(t *testing.T, f finding.Finding) {
	t.Helper()
	for _, e := range f.Evidence {
		if e.Command == "" {
			t.Errorf("%s: evidence without a command", f.ID)
		}
	}
	if len(f.Evidence) == 0 || strings.HasSuffix(f.Text, ".") || f.Stage == "" || strings.Contains(f.Text, "\n") {
		t.Errorf("%s has no evidence, no stage, a line break or a full stop: %+v", f.ID, f)
	}
	if f.Code == "" || f.ID == "" {
		t.Errorf("a finding without a code: %+v", f)
	}
}

// Kinds checks the templates of a dialect.
func Kinds(t *testing.T, kinds []finding.Kind) {
	t.Helper()
	for _, k := range kinds {
		if k.Code == "" || k.ID == "" || k.Title == "" || k.Doc == "" || k.Text == "" && len(k.Variants) == 0 {
			t.Errorf("%s %s is not complete", k.ID, k.Code)
		}
		if strings.HasSuffix(k.Text, ".") || strings.HasSuffix(k.Title, ".") || strings.HasSuffix(k.Fix, ".") {
			t.Errorf("%s: a full stop", k.ID)
		}
	}
}

func unpack(t *testing.T, a *txtar.Archive) ([]source.File, route.Target) {
	t.Helper()
	line, _, _ := strings.Cut(string(a.Comment), "\n")
	name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
	target := route.Target{Runtime: name}
	if version != "" {
		v, err := route.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		target.Version = v
	}
	var out []source.File
	for _, f := range a.Files {
		switch {
		case f.Name == "want":
		case strings.HasSuffix(f.Name, "/"):
			out = append(out, source.File{Path: strings.TrimSuffix(f.Name, "/"), Kind: source.Directory})
		default:
			data := strings.NewReplacer(`\xef\xbb\xbf`, "\xef\xbb\xbf", `\t`, "\t").Replace(string(f.Data))
			out = append(out, source.File{Path: f.Name, Data: []byte(data), Mode: 0o600})
		}
	}
	return out, target
}

// describe writes findings as a person would read them, with what their edits
// make of the files.
func describe(t *testing.T, files []source.File, found []finding.Finding) string {
	t.Helper()
	var out strings.Builder
	for _, f := range found {
		flags := ""
		if f.Ignores {
			flags += " ignored"
		}
		if f.Stops {
			flags += " stops"
		}
		if f.Confidence != finding.Certain {
			flags += " " + string(f.Confidence)
		}
		fmt.Fprintf(&out, "%s %s %s%s\n  %s: %s\n", f.Severity, f.ID, f.Code, flags, f.At, f.Text)
		for _, e := range f.Evidence {
			fmt.Fprintf(&out, "  saw %q (%s)\n", e.Saw, e.Command)
		}
		if f.Fix == nil {
			continue
		}
		fmt.Fprintf(&out, "  fix: %s\n", f.Fix.Text)
		p, err := plan.FromEdits(withDirectories(files), f.Fix.Edits)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Changes {
			if c.Moved {
				fmt.Fprintf(&out, "    %s -> %s\n", c.Before.Path, c.After.Path)
				continue
			}
			for line := range strings.Lines(udiff.Unified("", "", text(c.Before), text(c.After))) {
				if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") && !strings.HasPrefix(line, "@@") && line[0] != ' ' {
					fmt.Fprintf(&out, "    %q\n", strings.TrimSuffix(line, "\n"))
				}
			}
		}
	}
	return out.String()
}

func text(f *source.File) string {
	if f == nil {
		return ""
	}
	return string(f.Data)
}

// withDirectories adds the directories that edits may rename.
func withDirectories(files []source.File) []source.File {
	out := slices.Clone(files)
	for _, f := range files {
		if dir := filepath.Dir(f.Path); source.Find(out, dir) == nil {
			out = append(out, source.File{Path: dir, Kind: source.Directory})
		}
	}
	return out
}

func compare(t *testing.T, path string, a *txtar.Archive, got string) {
	t.Helper()
	want := ""
	var rest []txtar.File
	for _, f := range a.Files {
		if f.Name == "want" {
			want = string(f.Data)
		} else {
			rest = append(rest, f)
		}
	}
	if got == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
		return
	}
	a.Files = append(rest, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
