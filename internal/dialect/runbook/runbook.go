// Package runbook reads what people write down to try a pull by hand: shell
// scripts and notes with command lines of ctr, crictl, nerdctl and minikube, and
// the files that configure crictl and nerdctl. It knows no shell: a word with a
// variable in it is taken for what it may be, and nothing is said of it. There
// are no routes in these files.
package runbook

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is scripts and notes, crictl.yaml and nerdctl.toml.
var Dialect = dialect.Dialect{
	Name:   "runbook",
	Title:  "scripts and notes that pull by hand, crictl.yaml, nerdctl.toml",
	Docs:   "https://github.com/containerd/containerd/blob/main/docs/hosts.md",
	Proof:  "no library: the options are those in the help texts of ctr of the three containerds in the lab, of crictl and of nerdctl; the shell is not interpreted",
	Paths:  []string{"/etc/nerdctl/nerdctl.toml", "/root/.config/nerdctl/nerdctl.toml"}, // and crictl.yaml, of whose directory little else is ours
	Reload: func(route.Target) string { return "" },
	Parse:  Parse,
	Kinds:  Kinds,
}

// largest is the size in bytes up to which a script is looked at.
const largest = 1 << 20

// Parse says what is wrong in the files. The target is the runtime of the node
// that they are for, as far as somebody said so.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := &reader{target: t, book: evidence.Book{Files: files}}
	for _, f := range files {
		if f.Kind != source.Regular || f.Unread || len(f.Data) > largest {
			continue
		}
		switch base := strings.ToLower(path.Base(f.Path)); {
		case strings.HasPrefix(base, "crictl.y"):
			r.crictlYAML(f)
		case base == "nerdctl.toml":
			r.nerdctlTOML(f)
		default:
			r.script(f)
		}
	}
	return dialect.Reading{Table: route.Table{Target: t}, Findings: r.book.Findings}
}

type reader struct {
	target route.Target
	book   evidence.Book
}

// say tells something of a command; what its line holds of passwords is masked.
func (r *reader) say(k finding.Kind, variant string, f source.File, at word, args finding.Args, edits ...source.Edit) {
	pos := source.PosAt(f.Path, f.Data, at.start)
	found := r.book.Say(k, variant, pos, args)
	for i := range found.Evidence {
		found.Evidence[i].Saw = hidden(source.Line(f.Data, pos.Line))
	}
	live(found, edits...)
}

// live adds edits: nothing has to be restarted after them.
func live(f *finding.Finding, edits ...source.Edit) {
	evidence.Cure(f, edits...)
	if f.Fix != nil {
		f.Fix.Live = true
	}
}

// distro is the distribution that a node has, or that a script is about.
func (r *reader) distro(f source.File) string {
	if slices.Contains([]string{"k3s", "rke2", "k0s", "microk8s"}, r.target.Runtime) {
		return r.target.Runtime
	}
	if m := service.FindSubmatch(f.Data); m != nil {
		for _, name := range m[1:] {
			if len(name) > 0 {
				return string(name)
			}
		}
	}
	return ""
}
