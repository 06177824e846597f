package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/report"
)

// saved is the snapshot of a node on which every pull is refused.
func saved(t testing.TB) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "snapshot.json")
	args := []string{"doctor", "--root", "testdata/contract/node", "--timeout", "5s", "--save", name, "127.0.0.1:1/team/app:1"}
	if status := Main(context.Background(), World{Args: args, In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); status != exitFindings {
		t.Fatalf("status %d", status)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// judged judges and prints a snapshot, or refuses it.
func judged(t testing.TB, data []byte) {
	s, err := parseSnapshot(data)
	if err != nil {
		return
	}
	d := doctor.Judge(s)
	report.NewTerminal(io.Discard, nil).Doctor(s, d)
	if err := report.Write(io.Discard, report.JSON, report.NewDoctor(s, d)); err != nil {
		t.Fatal(err)
	}
}

// A snapshot comes from elsewhere: whatever stands where in it, it is judged or
// refused, and never ends in a panic.
func TestSnapshotWithAnyValueReplacedIsJudgedOrRefused(t *testing.T) {
	var doc any
	if err := json.Unmarshal(saved(t), &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	var visit func(set func(any), value any)
	visit = func(set func(any), value any) {
		for _, odd := range []any{nil, -7, []any{map[string]any{}}} {
			set(odd)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			judged(t, data)
			n++
		}
		set(value)
		switch v := value.(type) {
		case map[string]any:
			for key, below := range v {
				visit(func(x any) { v[key] = x }, below)
			}
		case []any:
			for i, below := range v[:min(len(v), 1)] { // the others are alike
				visit(func(x any) { v[i] = x }, below)
			}
		}
	}
	visit(func(x any) { doc = x }, doc)
	if n < 300 {
		t.Errorf("only %d replacements", n)
	}
}

// The same for bytes of any kind.
func FuzzSnapshotIsJudgedOrRefused(f *testing.F) {
	data := saved(f)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(bytes.ReplaceAll(data, []byte(`"connect"`), []byte(`"tls"`)))
	f.Add(bytes.ReplaceAll(data, []byte(`"index": 1`), []byte(`"index": 99`)))
	f.Add([]byte(`{"schema":"towpath/snapshot/v1","image":"a","ref":{"registry":"a"},"node":{},"pull":{"hops":[{}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) { judged(t, data) })
}

func BenchmarkLintOfTenThousandRegistries(b *testing.B) {
	root := b.TempDir()
	for i := range 10_000 {
		dir := filepath.Join(root, fmt.Sprintf("certs.d/registry%d.example.com", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("server = \"https://registry%d.example.com\"\n\n[host.\"https://mirror%d.corp\"]\n  capabilities = [\"pull\", \"resolve\"]\n", i, i)
		if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var out bytes.Buffer
		if status := Main(context.Background(), World{Args: []string{"lint", root + "/certs.d"}, Out: &out, Err: io.Discard}); status != exitClean {
			b.Fatalf("status %d: %s", status, out.String())
		}
	}
}
