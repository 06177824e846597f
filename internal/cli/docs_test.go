package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/report"
)

//go:generate env UPDATE=1 go test -run TestRulePagesAreThoseOfTheRules|TestTheDialectsPageIsThatOfTheDialects .

// The pages under docs/rules are written from the rules. UPDATE=1 rewrites them.
func TestRulePagesAreThoseOfTheRules(t *testing.T) {
	const dir = "../../docs/rules"
	pages := report.Pages(kinds())
	if os.Getenv("UPDATE") != "" {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for name, text := range pages {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		seen[name] = true
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if string(data) != pages[name] {
			t.Errorf("%s differs from its rule; run go generate ./internal/cli", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range pages {
		if !seen[name] {
			t.Errorf("docs/rules/%s is missing; run go generate ./internal/cli", name)
		}
	}
}

// docs/dialects.md is written from the dialects. UPDATE=1 rewrites it.
func TestTheDialectsPageIsThatOfTheDialects(t *testing.T) {
	const path = "../../docs/dialects.md"
	every := slices.Concat(all.Dialects, all.Spoken)
	for _, d := range every {
		if d.Proof == "" {
			t.Errorf("%s does not say what confirms it", d.Name)
		}
	}
	page := report.Dialects(every)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != page {
		t.Errorf("%s differs from the dialects (%v); run go generate ./internal/cli", path, err)
	}
}
