package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// contract are the keys of each object of a document, by the path of the object.
// Every key is there, always, and no other is.
var contract = map[string]string{
	"doctor":                         "findings hops image reference runtime schema verdict",
	"doctor.runtime":                 "name version",
	"doctor.hops[]":                  "endpoint from stages",
	"doctor.hops[].from":             "file line",
	"doctor.hops[].stages[]":         "error ms ok saw stage",
	"doctor.findings[]":              "at because code confidence evidence fix id role severity subject text",
	"doctor.findings[].at":           "column file line",
	"doctor.findings[].evidence[]":   "command saw where",
	"doctor.findings[].fix":          "edits live run text",
	"doctor.findings[].fix.edits[]":  "end file new op start to",
	"lint":                           "findings runtime schema",
	"lint.runtime":                   "name version",
	"lint.findings[]":                "at because code confidence evidence fix id role severity subject text",
	"lint.findings[].at":             "column file line",
	"lint.findings[].evidence[]":     "command saw where",
	"lint.findings[].fix":            "edits live run text",
	"lint.findings[].fix.edits[]":    "end file new op start to",
	"explain":                        "ignored image reference requests runtime schema",
	"explain.runtime":                "name version",
	"explain.requests[]":             "credentials dialMs endpoint from method proxy tls url",
	"explain.requests[].from":        "file line",
	"explain.requests[].credentials": "source",
	"explain.requests[].tls":         "ca client verify",
	"explain.ignored[]":              "code file line why",
}

// lists are never null, whatever there is to list.
var lists = []string{"hops", "findings", "stages", "evidence", "edits", "run", "requests", "ignored", "ca", "client"}

// goldens are calls with the documents that they print, under testdata/contract.
// Nothing listens at the ports, so every pull is refused.
var goldens = []struct {
	name, command string
	args          []string
}{
	{"lint", "lint", []string{"--root", "testdata/contract/node"}},
	{"lint-clean", "lint", []string{"--root", "testdata/contract/node", "--runtime", "containerd@2.0.0", "/etc/containerd/config.toml"}},
	{"explain", "explain", []string{"--root", "testdata/contract/node", "127.0.0.1:1/team/app:1"}},
	{"explain-ignored", "explain", []string{"--root", "testdata/contract/node", "--runtime", "containerd@2.0.0", "broken.corp/app"}},
	{"explain-stopped", "explain", []string{"--root", "testdata/contract/node", "no-ca.corp/app"}},
	{"doctor", "doctor", []string{"--root", "testdata/contract/node", "--timeout", "5s", "127.0.0.1:1/team/app:1"}},
}

func TestDocumentsHaveExactlyTheKeysOfTheContract(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			var doc any
			if err := json.Unmarshal(printed(t, append([]string{g.command, "-o", "json"}, g.args...)), &doc); err != nil {
				t.Fatal(err)
			}
			breaches(t, g.command, doc)
		})
	}
}

// breaches reports where a document differs from the contract.
func breaches(t *testing.T, path string, node any) {
	t.Helper()
	switch v := node.(type) {
	case map[string]any:
		if got := strings.Join(slices.Sorted(maps.Keys(v)), " "); got != contract[path] {
			t.Errorf("%s has the keys %q, want %q", path, got, contract[path])
		}
		for key, value := range v {
			if value == nil && slices.Contains(lists, key) {
				t.Errorf("%s.%s is null, a list never is", path, key)
			}
			breaches(t, path+"."+key, value)
		}
	case []any:
		for _, value := range v {
			if _, nested := value.(map[string]any); nested {
				breaches(t, path+"[]", value)
			}
		}
	}
}

var times = regexp.MustCompile(`((?:"ms"|ms): |, after )[0-9.]+(?:µs|ms|s)?`)

// timeless is a document without what differs from run to run.
func timeless(doc []byte) []byte { return times.ReplaceAll(doc, []byte("${1}0")) }

// UPDATE=1 rewrites the documents.
func TestDocumentsAreThoseOnRecord(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			got := timeless(printed(t, append([]string{g.command, "-o", "json"}, g.args...)))
			path := filepath.Join("testdata/contract", g.name+".json")
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the document differs from %s:\n%s", path, got)
			}
		})
	}
}

// YAML is the same document in another spelling.
func TestYAMLSaysWhatJSONSays(t *testing.T) {
	for _, g := range goldens {
		inJSON, err := oneDocument(string(timeless(printed(t, append([]string{g.command, "-o", "json"}, g.args...)))))
		if err != nil {
			t.Fatal(err)
		}
		inYAML, err := oneDocument(string(timeless(printed(t, append([]string{g.command, "-o", "yaml"}, g.args...)))))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(inJSON)
		b, _ := json.Marshal(inYAML)
		if !bytes.Equal(a, b) {
			t.Errorf("%s:\njson %s\nyaml %s", g.name, a, b)
		}
	}
}

// printed is what a call writes to stdout.
func printed(t *testing.T, args []string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if status := Main(context.Background(), World{Args: args, In: strings.NewReader(""), Out: &out, Err: &errs}); status > exitFindings {
		t.Fatalf("towpath %s: status %d: %s%s", strings.Join(args, " "), status, out.String(), errs.String())
	}
	return out.Bytes()
}
