package rule

import (
	"strings"
	"testing"
)

func TestTheTitleOfAPage(t *testing.T) {
	for page, want := range map[string]string{
		"<html><head><title>Sign in</title>":   "Sign in",
		"<TITLE lang=en>\n Blocked \n</Title>": "Blocked",
		"<title>cut off":                       "cut off",
		"no page":                              "",
		"<title":                               "",
		strings.Repeat("Ⱥ", 200) + "<title>Anmeldung</title>":   "Anmeldung",
		strings.Repeat("\xff", 50) + "<title>Anmeldung</title>": "Anmeldung",
	} {
		if got := pageTitle(page); got != want {
			t.Errorf("%.40q: %q, want %q", page, got, want)
		}
	}
}
