package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/report"
)

// Guides that people follow print configuration with mistakes in it. Each archive
// under testdata/guides holds the files of one, line by line as they were
// printed; -- want -- has commands, "$ lint …", each followed by all that it is to
// find, and -- unread -- the mistakes of the guide that stand in no file that
// lint reads, "LINES: mistake: why". UPDATE=1 rewrites what is wanted.
func TestTheMistakesOfPublishedGuidesAreFound(t *testing.T) {
	paths, err := filepath.Glob("testdata/guides/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			unpackInto(t, t.TempDir(), archive)
			sameAsWanted(t, path, archive, lintCommands(t, section(t, archive, "want")))
			for line := range strings.Lines(section(t, archive, "unread")) {
				if len(strings.SplitN(line, ": ", 3)) != 3 {
					t.Errorf("%q is not LINES: mistake: why", line)
				}
			}
		})
	}
}

// Examples from the documentation of the runtimes, in the same form. Nothing in
// them is a warning or worse; what -- want -- holds are notes.
func TestDocumentedExamplesAreNotBlamed(t *testing.T) {
	paths, err := filepath.Glob("testdata/documented/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			unpackInto(t, t.TempDir(), archive)
			got := lintCommands(t, section(t, archive, "want"))
			for line := range strings.Lines(got) {
				if !strings.HasPrefix(line, "$ ") && !strings.HasPrefix(line, "info ") {
					t.Errorf("blamed: %s", line)
				}
			}
			sameAsWanted(t, path, archive, got)
		})
	}
}

// unpackInto writes the files of an archive into a directory and goes there.
func unpackInto(t *testing.T, dir string, archive *txtar.Archive) {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name == "want" || f.Name == "unread" {
			continue
		}
		name, private := strings.CutSuffix(f.Name, " 0600")
		mode := os.FileMode(0o644)
		if private {
			mode = 0o600
		}
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func section(t *testing.T, archive *txtar.Archive, name string) string {
	t.Helper()
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return string(archive.Files[i].Data)
}

// lintCommands runs the commands of a text and writes what each finds below it.
func lintCommands(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		command, is := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !is {
			continue
		}
		fmt.Fprintf(&out, "$ %s\n", command)
		for _, f := range lintDocument(t, strings.Fields(command)).Findings {
			at := f.Subject
			if f.At != nil {
				at = f.At.File
				if f.At.Line != nil {
					at = fmt.Sprintf("%s:%d", at, *f.At.Line)
				}
			}
			if here, err := os.Getwd(); err == nil {
				at = strings.TrimPrefix(at, here+"/")
			}
			fmt.Fprintf(&out, "%s %s %s\n", f.Severity, f.ID, at)
		}
	}
	return out.String()
}

// lintDocument is what a lint command answers in JSON.
func lintDocument(t *testing.T, args []string) report.Lint {
	t.Helper()
	var stdout, stderr bytes.Buffer
	Main(t.Context(), World{Args: append(args, "-o", "json"), In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	var doc struct {
		report.Lint
		Error string `json:"error"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil || doc.Error != "" || stderr.Len() > 0 {
		t.Fatalf("%q: %v: %s%s", args, err, stdout.String(), stderr.String())
	}
	return doc.Lint
}

// sameAsWanted compares with -- want --, or rewrites it.
func sameAsWanted(t *testing.T, path string, archive *txtar.Archive, got string) {
	t.Helper()
	if want := section(t, archive, "want"); got == want {
		return
	} else if os.Getenv("UPDATE") == "" {
		t.Errorf("got\n%swant\n%s", got, want)
		return
	}
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
	archive.Files[i].Data = []byte(got)
	if err := os.WriteFile(filepath.Join(testdata, path), txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// testdata is where the tests began, before they went elsewhere.
var testdata, _ = os.Getwd()
