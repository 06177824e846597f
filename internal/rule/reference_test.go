package rule

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

func TestWhatIsWrongWithAReferenceIsNamed(t *testing.T) {
	short := "registry.corp/team/app@sha256:" + strings.Repeat("a", 63)
	for image, want := range map[string]string{
		"https://ghcr.io/a/b:1":                   "it begins with https://; write ghcr.io/a/b:1",
		"docker://nginx":                          "it begins with docker://; write nginx",
		"registry.corp/Team/App:V1":               "the repository is written in lower case; write registry.corp/team/app:V1",
		"registry.corp:5000/App":                  "lower case; write registry.corp:5000/app",
		"registry.corp/team/app:":                 "ends with a colon, and the tag is missing; write registry.corp/team/app",
		short:                                     "a sha256 digest has 64 hexadecimal digits, this one 63",
		"nginx@sha256:xyz":                        `"sha256:xyz" is no digest`,
		"nginx@latest":                            `"latest" is no digest`,
		"nginx\u200b:1":                           "it holds U+200B, which cannot be seen; write nginx:1",
		"nginx:1\u00a0":                           "it holds U+00A0, which cannot be seen; write nginx:1",
		"nginx :1":                                "it holds a space",
		"nginx:1\n":                               "it holds the end of a line; write nginx:1",
		"nginx:1\xff":                             "it holds the byte 0xFF, which is no character",
		"nginx:1–2":                               "(U+2013), which no reference may hold",
		"${IMAGE}":                                `it holds "$", which no reference may hold`,
		"{{ .Values.image }}:1":                   `it holds "{", which no reference may hold`,
		`"nginx:1"`:                               "which no reference may hold; write nginx:1",
		strings.Repeat("0", 64):                   "is the ID of an image",
		"registry.corp//app:1":                    "invalid reference format",
		"nginx:" + strings.Repeat("t", 129):       "invalid reference format",
		"registry.corp/-app:1":                    "invalid reference format",
		strings.Repeat("a/", 200) + "a":           "repository name must not be more than 255 characters",
		"registry.corp/app:1:2":                   "invalid reference format",
		"nginx@sha256:" + strings.Repeat("A", 64): "is no digest",
	} {
		found := findInvalidReference(&snapshot.Snapshot{Image: image})
		if len(found) != 1 || !strings.Contains(found[0].Text, want) {
			t.Errorf("%q: %v, want a text with %q", image, found, want)
		}
	}
}

func TestReferencesThatRuntimesReadAreNotBlamed(t *testing.T) {
	for _, image := range []string{
		"nginx", "nginx:1.27", "library/nginx", "ghcr.io/a/b_c-d.e/f:V1_x.y-z", "localhost:5000/app", "LOCALHOST/app", "[2001:db8::1]:5000/app:1",
		"registry.corp:5000/app:1@sha256:" + strings.Repeat("a", 64), "app@sha512:" + strings.Repeat("0", 128), "a__b", "",
	} {
		for _, f := range findInvalidReference(&snapshot.Snapshot{Image: image}) {
			t.Errorf("%q: %s", image, f.Text)
		}
	}
}

func FuzzAReferenceIsReadOrExplained(f *testing.F) {
	for _, seed := range []string{"nginx", "https://x/y", "A/b:C", "a:", "a@sha256:1", "\u200b", "\xff", "a b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, image string) {
		for _, x := range findInvalidReference(&snapshot.Snapshot{Image: image}) {
			if strings.ContainsAny(x.Text+x.Evidence[0].Command+x.Evidence[0].Saw, "\r\n\x00\x1b") || unfilledName(x.Text) {
				t.Errorf("%q: %q", image, x.Text)
			}
		}
		if right := corrected(image); right != "" && !parses(right) {
			t.Errorf("%q: %q is suggested and no reference either", image, right)
		}
	})
}

// unfilledName reports a name of a template that nobody filled; those that the
// reference itself holds are quoted.
func unfilledName(text string) bool {
	_, after, _ := strings.Cut(text, "is no image reference: ")
	return strings.HasPrefix(after, "{")
}
