package containerd

import (
	"fmt"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// stage is where in a pull all findings of this package bite.
const stage = "config"

// spoken is a registry as texts name it.
func spoken(registry string) string {
	switch registry {
	case route.Any:
		return "every other registry"
	case nobody:
		return "its registry"
	}
	return registry
}

func version(t route.Target) string {
	if t.Containerd.Known() {
		return t.Containerd.String()
	}
	return "2"
}

// concern places a finding in a file or directory and says whom it touches.
func concern(f finding.Finding, registry string, at source.Pos) finding.Finding {
	f.Stage = stage
	if registry != route.Any {
		f.Registry = registry
	}
	if f.Fix != nil {
		f.Fix.Live = true // containerd reads the files on each pull
	}
	return f.In(at)
}

// found makes a finding about a place in the file, with its line as evidence.
func (h *hostsFile) found(k finding.Kind, variant string, at source.Pos, args finding.Args) finding.Finding {
	all := finding.Args{"file": h.path, "registry": spoken(h.match), "version": version(h.target)}
	for name, v := range args {
		all[name] = v
	}
	f := concern(k.Vary(variant, h.path, all), h.match, at)
	if at.Line > 0 {
		return f.Saw(h.shown().at(at.Line), at.String(), fmt.Sprintf("sed -n %dp %s", at.Line, quote(h.path)))
	}
	return f.Saw(h.gist(), h.path, "cat "+quote(h.path))
}

// shown is the masked text of the file, made once.
func (h *hostsFile) shown() *lines {
	if h.masked == nil {
		h.masked = maskLines(h.data[:min(len(h.data), tomldoc.MaxBytes)])
	}
	return h.masked
}

// gist is the first line that says something.
func (h *hostsFile) gist() string {
	for _, line := range h.shown().text {
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			return line
		}
	}
	return fmt.Sprintf("%d bytes", len(h.data))
}

// with adds edits to a finding's fix; without edits the finding stays as it is.
func with(f finding.Finding, edits []source.Edit, run ...string) finding.Finding {
	if f.Fix != nil {
		fix := *f.Fix
		fix.Edits, fix.Run = edits, run
		f.Fix = &fix
	}
	return f
}

// about says which endpoint a finding is about.
func about(f finding.Finding, e route.Endpoint) finding.Finding {
	if e.Host != "" {
		f.Endpoint, f.Subject = e.String(), e.Host
	}
	return f
}

// spot is a path of a tree and the registry whose pulls it touches.
type spot struct{ path, registry string }

// inTree makes a finding about a path, with its listing as evidence.
func (r *reader) inTree(k finding.Kind, variant string, at spot, args finding.Args) finding.Finding {
	p, registry := at.path, at.registry
	all := finding.Args{"name": path.Base(p), "path": p, "dir": p, "registry": spoken(registry), "version": version(r.target)}
	for name, v := range args {
		all[name] = v
	}
	f := concern(k.Vary(variant, p, all), registry, source.Pos{File: p})
	saw := p
	if file := r.tree.files[p]; file != nil && file.Link != "" {
		saw += " -> " + file.Link
	}
	return f.Saw(saw, p, "ls -ld "+quote(p))
}

func (r *reader) add(f finding.Finding) { r.findings = append(r.findings, f) }

// quote makes a path safe to paste into a shell.
func quote(p string) string {
	if strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._:@%+,=-") == "" {
		return p
	}
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}

func problemOf(file, text string) *tomldoc.Problem {
	return &tomldoc.Problem{At: source.Pos{File: file}, Text: text}
}
