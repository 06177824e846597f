package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// canaries are the secrets of the trees under testdata/canary: every place where
// one can stand has its own, canary-PLACE-7f3a.
var canaries = regexp.MustCompile(`canary-[a-z0-9-]+-7f3a`)

// A secret is found in the clear and as base64, alone or behind a user name,
// whatever its place in the group of three.
func leaks(text string, secret string) bool {
	for _, plain := range []string{secret, "robot:" + secret} {
		for skip := range 3 {
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", skip) + plain))
			if strings.Contains(text, encoded[(skip*8+5)/6:len(encoded)-1]) {
				return true
			}
		}
	}
	return strings.Contains(text, secret)
}

func TestNoSecretLeavesTheNode(t *testing.T) {
	trees, err := filepath.Glob("testdata/canary/*.txtar")
	if err != nil || len(trees) == 0 {
		t.Fatal("there are no trees", err)
	}
	for _, tree := range trees {
		t.Run(strings.TrimSuffix(filepath.Base(tree), ".txtar"), func(t *testing.T) { canary(t, tree) })
	}
}

// canary runs the calls that the comment of a tree lists, in every format, and
// looks for its secrets in everything that comes of them.
func canary(t *testing.T, tree string) {
	archive, err := txtar.ParseFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	text := string(txtar.Format(archive))
	secrets := canaries.FindAllString(text, -1)
	for _, format := range []string{"text", "json", "yaml"} {
		dir := t.TempDir()
		for _, f := range archive.Files {
			encode(&f)
			name := filepath.Join(dir, f.Name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for call := range strings.Lines(string(archive.Comment)) {
			call = strings.TrimSpace(strings.ReplaceAll(call, "$DIR", dir))
			args, found := strings.CutPrefix(call, "towpath ")
			if !found {
				continue
			}
			out := run(t, append(strings.Fields(args), "-o", format))
			for _, s := range secrets {
				if leaks(out, s) {
					t.Errorf("%s -o %s tells %s:\n%s", strings.ReplaceAll(call, dir, "$DIR"), format, s, around(out, s))
				}
			}
		}
		kept(t, dir, secrets)
	}
}

// encode writes {{base64 TEXT}} in a file as base64.
func encode(f *txtar.File) {
	f.Data = regexp.MustCompile(`\{\{base64 ([^}]*)\}\}`).ReplaceAllFunc(f.Data, func(m []byte) []byte {
		return []byte(base64.StdEncoding.EncodeToString(m[len("{{base64 ") : len(m)-2]))
	})
}

func run(t *testing.T, args []string) string {
	t.Helper()
	var out bytes.Buffer
	Main(context.Background(), World{
		Args: args, In: strings.NewReader("canary-stdin-7f3a\n"), Out: &out, Err: &out,
		Env: []string{"HTTPS_PROXY=http://robot:canary-shell-7f3a@127.0.0.1:1", "LC_ALL=C.UTF-8"},
	})
	return out.String()
}

// around is the line of a text that has a secret.
func around(text, secret string) string {
	for line := range strings.Lines(text) {
		if leaks(line, secret) {
			return line
		}
	}
	return text
}

// kept looks at what was written: a snapshot has no secrets at all, and the
// journal, which has to have the files as they were, is for its owner alone.
func kept(t *testing.T, dir string, secrets []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		written := strings.Contains(name, "/var/lib/towpath") || strings.HasSuffix(name, ".snapshot")
		info, err := d.Info()
		if err != nil || !written {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %s", name, info.Mode())
		}
		if !strings.HasSuffix(name, ".snapshot") {
			return nil
		}
		data, err := os.ReadFile(name)
		for _, s := range secrets {
			if leaks(string(data), s) {
				t.Errorf("the snapshot holds %s:\n%s", s, around(string(data), s))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
