package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
)

// sentence is a text that users see, and what it is.
type sentence struct{ code, what, text string }

// sentences are all one-line texts of a kind.
func sentences(k finding.Kind) []sentence {
	out := []sentence{{k.Code, "text", k.Text}, {k.Code, "fix", k.Fix}}
	for name, v := range k.Variants {
		out = append(out, sentence{k.Code, "text of " + name, v.Text}, sentence{k.Code, "fix of " + name, v.Fix})
	}
	return slices.DeleteFunc(out, func(s sentence) bool { return s.text == "" })
}

// names begin with a capital wherever they stand.
var names = []string{
	"K3s", "RKE2", "Docker", "Kubernetes", "Go", "TLS", "HTTP", "HTTPS", "DNS", "CRI", "NTP", "CA", "UTF-8", "UTF-16",
}

func TestTextsBeginInLowerCaseOrWithAName(t *testing.T) {
	for _, k := range kinds() {
		for _, s := range sentences(k) {
			first, _ := utf8.DecodeRuneInString(s.text)
			word := regexp.MustCompile(`^[\w-]+`).FindString(s.text)
			if unicode.IsUpper(first) && !slices.Contains(names, word) && strings.ToUpper(word) != word {
				t.Errorf("%s (%s), %s: %s", s.code, k.ID, s.what, s.text)
			}
		}
	}
}

// keys of the users' files are written as they are typed.
var keys = []string{
	"auth", "auths", "capabilities", "client", "config.toml", "configs", "containerd", "endpoint", "k0s", "localhost", "mirrors", "rewrite", "server",
}

func TestTitlesBeginWithACapitalOrAKey(t *testing.T) {
	for _, k := range kinds() {
		first, _ := utf8.DecodeRuneInString(k.Title)
		word := strings.Fields(k.Title + " -")[0]
		if unicode.IsLower(first) && !strings.ContainsAny(word, "._-/=") && !slices.Contains(keys, word) {
			t.Errorf("%s (%s): %s", k.Code, k.ID, k.Title)
		}
	}
}

func TestOneLineTextsAreOneLineWithoutAFullStop(t *testing.T) {
	for _, k := range kinds() {
		for _, s := range append(sentences(k), sentence{k.Code, "title", k.Title}) {
			if strings.HasSuffix(s.text, ".") || strings.Contains(s.text, "\n") || strings.TrimSpace(s.text) != s.text || strings.Contains(s.text, "  ") {
				t.Errorf("%s (%s), %s: %q", s.code, k.ID, s.what, s.text)
			}
		}
	}
}

// shunned is what no text says: words that say nothing, advice that does harm.
var shunned = []struct{ what, pattern string }{
	{"failed to", `(?i)\bfailed to\b`},
	{"unable to", `(?i)\bunable to\b`},
	{"please", `(?i)\bplease\b`},
	{"simply", `(?i)\b(simply|just|easy|easily)\b`},
	{"an exclamation mark", `!( |$)`},
	{"a smart quote", `[“”‘’]`},
}

func TestTextsShunWordsThatSayNothing(t *testing.T) {
	for _, k := range kinds() {
		for _, s := range append(sentences(k), sentence{k.Code, "title", k.Title}) {
			for _, w := range shunned {
				if regexp.MustCompile(w.pattern).MatchString(s.text) {
					t.Errorf("%s (%s), %s, says %s: %s", s.code, k.ID, s.what, w.what, s.text)
				}
			}
		}
	}
}

// Verification is never to be switched off; to remove the switch is good advice.
func TestNoFixSwitchesVerificationOff(t *testing.T) {
	off := regexp.MustCompile(`skip_verify|insecure_skip_verify`)
	remove := regexp.MustCompile(`\b(remove|without|delete|write (true or )?false|instead of|drop)\b`)
	for _, k := range kinds() {
		for _, s := range sentences(k) {
			if strings.HasPrefix(s.what, "fix") && off.MatchString(s.text) && !remove.MatchString(s.text) {
				t.Errorf("%s (%s), %s: %s", s.code, k.ID, s.what, s.text)
			}
		}
	}
}

var (
	codeForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$`)
	idForm   = regexp.MustCompile(`^([A-Z][A-Z0-9]*-?[0-9]+[a-z]?|[a-z-]+/[a-z0-9-]+)$`)
)

func TestEveryKindHasACodeATitleAndAPage(t *testing.T) {
	for _, k := range kinds() {
		if !codeForm.MatchString(k.Code) || !idForm.MatchString(k.ID) || k.Title == "" || k.Doc == "" || k.Text == "" {
			t.Errorf("%+v", k)
		}
	}
}
