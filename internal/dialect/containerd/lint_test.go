package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// A case is an archive: files of a tree under /certs.d, the version in the
// first line of its comment, and after it what is found: -- want --. A file
// name ending in / is a directory, "a -> b" a link, and "a !why" unreadable.
// Escapes like \x00 in a file whose name ends in " escaped" are undone.
// UPDATE=1 rewrites what is wanted.
func TestFindings(t *testing.T) {
	paths, err := filepath.Glob("testdata/lint/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	fired := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files, target := unpack(t, archive)
			reading := Read([]string{"/certs.d", "/other.d"}, files, target)
			got := describe(t, files, target, reading.Findings)
			for _, f := range reading.Findings {
				fired[f.ID+f.Code] = true
				decent(t, f)
			}
			compare(t, path, archive, got)
		})
	}
	for _, k := range kinds {
		if !fired[k.ID+k.Code] {
			t.Errorf("no case in which %s (%s) is found", k.ID, k.Code)
		}
	}
}

// secrets are what the cases hide in their files.
var secrets = []string{"hunter2", "dXNlcjpwYXNz", "s3cret", "bm9jb2xvbg"}

var leftOver = regexp.MustCompile(`\{[a-z]+\}`)

// decent checks what holds for every finding: evidence with a command, no
// argument left open, no full stop, nothing secret.
func decent(t *testing.T, f finding.Finding) {
	t.Helper()
	all := f.Text
	if f.Fix != nil {
		all += "\n" + f.Fix.Text
		for _, e := range f.Fix.Edits {
			all += "\n" + e.New
		}
	}
	for _, e := range f.Evidence {
		all += "\n" + e.Saw + "\n" + e.Where
		if e.Command == "" {
			t.Errorf("%s: evidence without a command", f.ID)
		}
	}
	for _, s := range secrets {
		if strings.Contains(all, s) {
			t.Errorf("%s shows the secret %s: %s", f.ID, s, all)
		}
	}
	if left := leftOver.FindString(all); left != "" {
		t.Errorf("%s leaves %s open", f.ID, left)
	}
	if len(f.Evidence) == 0 || strings.HasSuffix(f.Text, ".") || f.Stage != stage {
		t.Errorf("%s has no evidence, no stage, or a full stop: %+v", f.ID, f)
	}
}

func unpack(t *testing.T, a *txtar.Archive) ([]source.File, route.Target) {
	t.Helper()
	line, _, _ := strings.Cut(string(a.Comment), "\n")
	name, version, _ := strings.Cut(line, " ")
	target := route.Target{Runtime: name, Version: route.MustVersion(version), Containerd: route.MustVersion(version), Fork: name == "k3s"}
	var out []source.File
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		out = append(out, unpackFile(t, f))
	}
	return out, target
}

func unpackFile(t *testing.T, f txtar.File) source.File {
	t.Helper()
	name, escaped := strings.CutSuffix(f.Name, " escaped")
	name, secret := strings.CutSuffix(name, " 0644")
	out := source.File{Data: f.Data, Mode: 0o600}
	if secret {
		out.Mode = 0o644
	}
	if escaped {
		text := strings.NewReplacer("\n", "", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\0`, "\x00", `\xef\xbb\xbf`, "\xef\xbb\xbf", `\xff`, "\xff", `\xfe`, "\xfe").Replace(string(f.Data))
		out.Data = []byte(text)
	}
	if from, to, link := strings.Cut(name, " -> "); link {
		out = source.File{Path: from, Link: to, Kind: source.Dangling}
		return out
	}
	if p, why, bad := strings.Cut(name, " !"); bad {
		return source.File{Path: p, Problem: why}
	}
	out.Path = strings.TrimSuffix(name, "/")
	if out.Path != name {
		out.Kind, out.Data = source.Directory, nil
	}
	return out
}

// describe writes findings as a person would read them, with what their edits
// make of the files.
func describe(t *testing.T, files []source.File, target route.Target, found []finding.Finding) string {
	t.Helper()
	var out strings.Builder
	for _, f := range found {
		flags := ""
		if f.Ignores {
			flags += " ignored"
		}
		if f.Confidence != finding.Certain {
			flags += " " + string(f.Confidence)
		}
		fmt.Fprintf(&out, "%s %s %s%s\n  %s: %s\n", f.Severity, f.ID, f.Code, flags, f.At, f.Text)
		for _, e := range f.Evidence {
			fmt.Fprintf(&out, "  saw %q (%s)\n", e.Saw, e.Command)
		}
		if f.Fix != nil {
			fmt.Fprintf(&out, "  fix: %s\n", f.Fix.Text)
			out.WriteString(diffs(t, files, f.Fix.Edits))
		}
	}
	return out.String()
}

func diffs(t *testing.T, files []source.File, edits []source.Edit) string {
	t.Helper()
	p, err := plan.FromEdits(withDirectories(files), edits)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, c := range p.Changes {
		if c.Moved {
			fmt.Fprintf(&out, "    %s -> %s\n", c.Before.Path, c.After.Path)
			continue
		}
		diff := udiff.Unified("", "", string(c.Before.Data), string(c.After.Data))
		for line := range strings.Lines(diff) {
			if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") && !strings.HasPrefix(line, "@@") {
				fmt.Fprintf(&out, "    %q\n", strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return out.String()
}

// withDirectories adds the directories that edits may rename.
func withDirectories(files []source.File) []source.File {
	have := map[string]bool{}
	for _, f := range files {
		have[f.Path] = true
	}
	out := files
	for _, f := range files {
		if dir := filepath.Dir(f.Path); !have[dir] {
			have[dir] = true
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
