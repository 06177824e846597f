package rule

import (
	"encoding/csv"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
)

func TestEveryKindIsComplete(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range All {
		if codes[r.Code] {
			t.Errorf("%s is listed twice", r.Code)
		}
		codes[r.Code] = true
		if !regexp.MustCompile(`^(dns|network|proxy|tls|auth|registry|config|mirror|content|node)/[a-z0-9-]+$`).MatchString(r.Code) {
			t.Errorf("%s is not of the form area/what", r.Code)
		}
		if r.ID == "" || r.Title == "" || r.Text == "" || len(r.Doc) < 80 || r.Check == nil {
			t.Errorf("%s lacks an ID, a title, a text, a check or a page that says why and what to do", r.Code)
		}
		for _, text := range texts(r.Kind) {
			if strings.HasSuffix(text, ".") || text != strings.TrimSpace(text) || strings.Contains(text, "\n") {
				t.Errorf("%s: %q is not one line without a full stop", r.Code, text)
			}
		}
		if strings.Contains(strings.Join(texts(r.Kind), " "), "skip_verify") {
			t.Errorf("%s suggests skip_verify", r.Code)
		}
	}
	for _, r := range All {
		for _, s := range r.Symptoms {
			if !codes[s] {
				t.Errorf("%s explains %s, which no rule finds", r.Code, s)
			}
			if s == r.Code {
				t.Errorf("%s explains itself", r.Code)
			}
		}
	}
}

func texts(k finding.Kind) []string {
	out := []string{k.Text, k.Fix}
	for _, v := range k.Variants {
		out = append(out, v.Text, v.Fix)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// The vocabulary of failures is written down once, with the number and title of
// each mode; a rule that strays from it would confuse those who know it.
func TestCodesAreThoseOfTheVocabulary(t *testing.T) {
	f, err := os.Open("testdata/codes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.Comma = '\t'
	rows, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for _, row := range rows[1:] {
		known[row[1]] = row
	}
	for _, r := range All {
		row, ok := known[r.Code]
		if !ok {
			if r.ID != r.Code {
				t.Errorf("%s is a code of ours and must have itself as ID, not %s", r.Code, r.ID)
			}
			continue
		}
		if r.ID != row[0] || r.Title != row[2] {
			t.Errorf("%s: %s %q, the vocabulary has %s %q", r.Code, r.ID, r.Title, row[0], row[2])
		}
	}
}

func TestNearestWord(t *testing.T) {
	for word, want := range map[string]string{
		"ghcr.oi": "ghcr.io", "gchr.io": "ghcr.io", "quay.io": "", "registry.example": "", "dockr.io": "docker.io", "regsitry.k8s.io": "registry.k8s.io",
	} {
		if got := nearest(word, publicRegistries); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
