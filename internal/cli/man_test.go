package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

//go:generate env UPDATE=1 go test -run TestManPagesAreThoseOfTheCommands .

// The manual pages under docs/man are written from the commands. UPDATE=1
// rewrites them.
func TestManPagesAreThoseOfTheCommands(t *testing.T) {
	const dir = "../../docs/man"
	pages := manPages(t)
	if os.Getenv("UPDATE") != "" {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range pages {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range pages {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("docs/man/%s differs from its command; run go generate ./internal/cli", name)
		}
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		if pages[f.Name()] == nil {
			t.Errorf("docs/man/%s is the page of no command; run go generate ./internal/cli", f.Name())
		}
	}
}

// manPages are the pages by file name. They bear no date, so that they change
// when the commands do.
func manPages(t *testing.T) map[string][]byte {
	t.Helper()
	root := newRoot(&app{})
	root.DisableAutoGenTag = true
	out := map[string][]byte{}
	day := time.Unix(0, 0).UTC()
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() || c.Name() == "help" {
			return
		}
		var b bytes.Buffer
		header := &doc.GenManHeader{Section: "1", Date: &day, Source: "Towpath", Manual: "Towpath Manual"}
		if err := doc.GenMan(c, header, &b); err != nil {
			t.Fatal(err)
		}
		text := bytes.Replace(b.Bytes(), []byte(`"Jan 1970"`), []byte(`""`), 1)
		out[strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"] = text
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
	return out
}
