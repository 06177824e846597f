package k3s

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

var (
	secretKey = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|auth|[a-z_]*token|secret|pwd)["']?\s*[:：=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,{}#][^,{}]*)`)
	userInfo  = regexp.MustCompile(`(//[^/\s:@]*:)[^/\s@]*(@)`)
	quoted    = regexp.MustCompile("`[^`]*`")
)

// maxShown bounds a line as evidence.
const maxShown = 4096

// mask hides what may be a secret in a line of a file. Of a very long line it
// shows the beginning: up to the first secret, which may go on behind the cut.
func mask(line string) string {
	if len(line) > maxShown {
		head, _, _ := strings.Cut(mask(line[:maxShown]), "***")
		return strings.ToValidUTF8(head, "") + "…"
	}
	return userInfo.ReplaceAllString(secretKey.ReplaceAllString(line, "${1}***"), "${1}***${2}")
}

// maskMessage hides the values that a message of the YAML parser quotes.
func maskMessage(text string) string { return quoted.ReplaceAllString(text, "`***`") }

// show is a line of registries.yaml as evidence. What stands where a secret
// stands is hidden, wherever its line is.
func (r *reader) show(at source.Pos) string {
	y := r.yaml
	if y == nil {
		return mask(source.Line(r.file.Data, at.Line))
	}
	line := y.Line(at.Line)
	start := line.Start
	var b strings.Builder
	secrets := r.secrets()
	first := sort.Search(len(secrets), func(i int) bool { return secrets[i].End > line.Start })
	for _, s := range secrets[first:] {
		if s.Start >= line.End {
			break
		}
		low := max(s.Start, start)
		b.WriteString(string(y.Data[start:low]) + "***")
		start = min(s.End, line.End)
	}
	b.Write(y.Data[start:line.End])
	return mask(b.String())
}

// secrets are the values that nobody may see, in their order.
func (r *reader) secrets() []yamldoc.Span {
	if r.hidden == nil && r.yaml.Root != nil {
		r.hidden = secretSpans(r.yaml.Root, false, []yamldoc.Span{})
	}
	return r.hidden
}

func secretSpans(n *yamldoc.Node, hidden bool, out []yamldoc.Span) []yamldoc.Span {
	if hidden && (n.Kind == yamldoc.Scalar || n.Kind == yamldoc.Sequence) {
		if n.End > n.Start {
			out = append(out, yamldoc.Span{Start: n.Start, End: n.End})
		}
		return out
	}
	for _, p := range n.Pairs {
		key := strings.ToLower(p.Key.Value)
		plain := key == "username" || key == "user" || strings.HasSuffix(key, "_file")
		secret := key == "auth" || key == "auths" || strings.Contains(key, "pass") || strings.Contains(key, "token")
		out = secretSpans(p.Value, secret || hidden && !plain, out)
	}
	return out
}

// found adds a finding about a place of registries.yaml, with its line as evidence.
func (r *reader) found(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	if args == nil {
		args = finding.Args{}
	}
	args["distro"], args["file"] = r.title, r.file.Path
	f := k.Vary(variant, r.file.Path, args).In(at)
	f.Stage = "config"
	saw, command := r.file.Path, "cat "+r.file.Path
	if at.Line > 0 {
		saw, command = r.show(at), sed(at)
	}
	return r.add(f.Saw(saw, at.String(), command))
}

// sed is the command that prints a line.
func sed(at source.Pos) string { return fmt.Sprintf("sed -n %dp %s", at.Line, at.File) }

// unit is the unit to restart: the one that the node has, else the server's.
func (r *reader) unit() string {
	for _, u := range r.units {
		for _, dir := range unitDirs {
			if source.Find(r.files, dir+u+".service") != nil {
				return u + ".service"
			}
		}
	}
	return r.reload(r.target)
}

// add takes a finding and returns its place in the list, to add to it.
func (r *reader) add(f finding.Finding) *finding.Finding {
	if f.Fix != nil && len(f.Fix.Run) == 0 {
		f.Fix.Run = []string{"systemctl restart " + r.unit()}
	}
	r.findings = append(r.findings, f)
	return &r.findings[len(r.findings)-1]
}

// edit gives a finding's fix its edits, which must not be empty to count. A
// file in UTF-16 is not edited.
func (r *reader) edit(f *finding.Finding, edits ...source.Edit) {
	if f.Fix == nil || len(edits) == 0 || r.yaml != nil && r.yaml.Wide {
		return
	}
	for i := range edits {
		if edits[i].File == "" {
			edits[i].File = r.file.Path
		}
	}
	f.Fix.Edits = edits
}
