package registriesconf

import (
	"fmt"
	"regexp"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var (
	userInfo = regexp.MustCompile(`[^\s"'/@=]+:[^\s"'/@]*@`)
	secret   = regexp.MustCompile(`(?i)((?:pass(?:word)?|auth|token|secret)["']?\s*[:=]\s*).+`)
)

// mask hides what may be a secret in a text.
func mask(text string) string {
	return userInfo.ReplaceAllString(secret.ReplaceAllString(text, "${1}***"), "***@")
}

// widest is how much of a line is shown.
const widest = 400

// about makes a finding about a place, with its line as evidence. Lines of files
// with credentials are never shown.
func (r *reader) about(k finding.Kind, variant string, at source.Pos, args finding.Args) finding.Finding {
	f := k.Vary(variant, at.File, args).In(at)
	f.Stage = "config"
	saw, command := at.File, "cat "+at.File
	if file := r.byPath[at.File]; at.Line > 0 && file != nil && !r.isLogin(at.File) {
		line := r.lines.Line(file, at.Line)
		if len(line) > widest {
			line = line[:widest] + "…"
		}
		saw, command = mask(line), fmt.Sprintf("sed -n %dp %s", at.Line, at.File)
	}
	if f.Fix != nil && len(f.Fix.Run) == 0 && reload(r.target) != "" {
		f.Fix.Run = []string{"systemctl reload crio"}
	}
	if f.Fix != nil && reload(r.target) == "" {
		f.Fix.Live = true
	}
	return f.Saw(saw, at.String(), command)
}

func (r *reader) isLogin(path string) bool {
	for _, name := range r.loginFiles() {
		if name == path {
			return true
		}
	}
	return false
}

// found adds a finding and returns its place in the list, to add to it.
func (r *reader) found(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	r.findings = append(r.findings, r.about(k, variant, at, args))
	return &r.findings[len(r.findings)-1]
}
