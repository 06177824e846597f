package k3s

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// around looks at the files around registries.yaml: flags that switch it off,
// who may read it, templates, and what was generated from it before.
func (r *reader) around() {
	if r.set.external != "" && r.file != nil {
		flag := strings.TrimPrefix(r.set.external, "--")
		f := r.found(otherRuntime, "", source.Pos{File: r.file.Path}, finding.Args{"flag": r.set.external})
		if at := r.set.at[flag]; at.Line > 0 {
			*f = f.Saw(source.Line(r.text(at.File), at.Line), at.String(), sed(at))
		}
		return
	}
	r.readable()
	r.templates()
	r.otherFiles()
	if r.file == nil || r.doc != nil {
		r.drift()
	}
}

func (r *reader) text(name string) []byte {
	if f := source.Find(r.files, name); f != nil {
		return f.Data
	}
	return nil
}

// readable checks that only root reads passwords.
func (r *reader) readable() {
	const others fs.FileMode = 0o077
	if r.doc == nil || r.file.Mode.Perm()&others == 0 {
		return
	}
	for _, c := range r.doc.configs {
		if a := c.Auth; a != nil && (a.Password != "" || a.Auth != "" || a.IdentityToken != "") {
			f := r.found(leak, "", source.Pos{File: r.file.Path}, finding.Args{"mode": fmt.Sprintf("%04o", r.file.Mode.Perm())})
			f.Evidence[0] = finding.Evidence{Saw: fmt.Sprintf("mode %04o", r.file.Mode.Perm()), Where: r.file.Path, Command: "stat -c %a " + r.file.Path}
			f.Fix.Run, f.Fix.Live = []string{"chmod 600 " + r.file.Path}, true
			return
		}
	}
}

// templates checks what a template does to registries.yaml.
func (r *reader) templates() {
	dir := path.Join(r.set.data, containerdDir)
	newer, older := source.Find(r.files, dir+"/config-v3.toml.tmpl"), source.Find(r.files, dir+"/config.toml.tmpl")
	two := !r.target.Containerd.Before("2.0.0")
	if newer != nil && !two {
		r.other(unreadTemplate, "", *newer, finding.Args{"containerd": r.target.Containerd.String()})
	}
	if two && newer == nil && older != nil && r.target.Containerd.Known() {
		r.other(olderTemplate, "", *older, nil)
	}
	lost := r.lostToTemplate()
	if r.doc != nil {
		lost.auth = lost.auth && len(r.credentials()) > 0
		lost.mirrors = lost.mirrors && len(r.hosts)+len(r.doc.mirrors) > 0
	}
	variant := ""
	switch {
	case !lost.auth && !lost.mirrors || r.doc == nil:
		return
	case lost.auth && lost.mirrors:
		variant = "both"
	case lost.mirrors:
		variant = "mirrors"
	}
	t := r.template()
	f := r.other(overridden, variant, *t, finding.Args{"base": `{{ template "base" . }}`})
	f.Confidence = finding.Likely
}

// other adds a finding about another file than registries.yaml, with its first
// telling line as evidence.
func (r *reader) other(k finding.Kind, variant string, file source.File, args finding.Args) *finding.Finding {
	if args == nil {
		args = finding.Args{}
	}
	args["distro"] = r.title
	f := k.Vary(variant, file.Path, args).In(source.Pos{File: file.Path})
	f.Stage = "config"
	saw := file.Path
	for line := range strings.Lines(string(file.Data)) {
		if line = strings.TrimSpace(line); line != "" {
			saw = mask(line)
			break
		}
	}
	return r.add(f.Saw(saw, file.Path, "head "+file.Path))
}

// present reports whether anything says that K3s or RKE2 is on this node: files
// of another containerd are nothing to wonder at without.
func (r *reader) present() bool {
	if r.target.Version.Known() || r.opts.Args != nil {
		return true
	}
	return slices.ContainsFunc(r.files, func(f source.File) bool {
		unit := strings.TrimSuffix(path.Base(f.Path), ".service")
		return strings.HasPrefix(f.Path, r.etc+"/") || strings.HasPrefix(f.Path, r.set.data+"/") || slices.Contains(r.units, unit)
	})
}

// otherFiles finds configuration of a containerd that K3s does not run.
func (r *reader) otherFiles() {
	if !r.present() {
		return
	}
	for _, f := range r.files {
		variant, want := "", r.set.registries
		switch {
		case f.Kind != source.Regular:
			continue
		case path.Base(path.Dir(f.Path)) == "containerd.service.d":
			variant, want = "unit", "/etc/systemd/system/"+r.unit()+".env"
			if r.name == nameRKE2 {
				want = "/etc/default/" + strings.TrimSuffix(r.unit(), ".service")
			}
			if !strings.Contains(strings.ToLower(string(f.Data)), "proxy") {
				continue
			}
		case f.Path == "/etc/containerd/config.toml":
			if !strings.Contains(string(f.Data), "registry") {
				continue
			}
		case !strings.HasPrefix(f.Path, "/etc/containerd/certs.d/"):
			continue
		}
		added := r.other(otherContainerd, variant, f, finding.Args{"want": want, "unit": r.unit()})
		added.Confidence = finding.Likely
	}
}

// drift compares the generated files on the node with what the next start
// writes. Without generated files only the times can tell.
func (r *reader) drift() {
	certs := r.certs() + "/"
	onDisk := map[string]source.File{}
	for _, f := range r.files {
		if strings.HasPrefix(f.Path, certs) && path.Base(f.Path) == "hosts.toml" && f.Kind == source.Regular {
			onDisk[f.Path] = f
		}
	}
	if len(onDisk) == 0 && !r.opts.Whole {
		r.newer()
		return
	}
	stale := false
	for _, want := range r.rendered() {
		if path.Base(want.Path) != "hosts.toml" || r.dirIs(want.Path, "127.0.0.1:"+r.supervisor) {
			continue
		}
		r.shadowed(want, onDisk)
		have, there := onDisk[want.Path]
		switch {
		case !there:
			stale = true
		case sameToml(have.Data, want.Data):
		case !generated(have):
			r.overwritten(have, "own", want)
		case r.edited(have):
			r.overwritten(have, "", want)
		default:
			stale = true
		}
	}
	gone := r.strangers(onDisk)
	switch {
	case stale:
		r.stale("")
	case gone:
		r.stale("gone")
	}
}

func (r *reader) dirIs(file, dir string) bool { return path.Base(path.Dir(file)) == dir }

// edited reports a generated file that was changed after the agent started,
// while registries.yaml was not.
func (r *reader) edited(f source.File) bool {
	if r.opts.Started.IsZero() || f.ModTime.IsZero() {
		return false
	}
	// The agent writes its files in the seconds after its start.
	const starting = time.Minute
	return f.ModTime.After(r.opts.Started.Add(starting)) && (r.file == nil || !r.file.ModTime.After(r.opts.Started))
}

// sameToml compares two files by what they say, in its order.
func sameToml(a, b []byte) bool {
	x, badX := tomldoc.Parse("", a)
	y, badY := tomldoc.Parse("", b)
	if badX != nil || badY != nil {
		return string(a) == string(b)
	}
	return slices.Equal(sayings(x), sayings(y))
}

func sayings(d *tomldoc.Doc) []string {
	var out []string
	for _, e := range d.Entries {
		if e.Kind == tomldoc.Header && len(e.Path) == 1 {
			continue // a bare [host] says nothing
		}
		out = append(out, strings.Join(e.Path, "\x00")+"\x00"+d.Text(e.Value))
	}
	return out
}

func (r *reader) overwritten(f source.File, variant string, want source.File) {
	args := finding.Args{"want": r.set.registries, "version": r.title + " " + r.target.Version.String(), "name": path.Base(path.Dir(want.Path))}
	added := r.other(handEdited, variant, f, args)
	*added = added.Saw(firstDifference(f.Data, want.Data), f.Path, "cat "+f.Path)
}

// firstDifference is the first line of a file that is not in the other.
func firstDifference(have, want []byte) string {
	lines := strings.Split(string(want), "\n")
	for line := range strings.Lines(string(have)) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" && !slices.Contains(lines, line) {
			return mask(line)
		}
	}
	return "it lacks lines that will be generated"
}

// shadowed finds a directory host_port_, which containerd prefers to host:port.
func (r *reader) shadowed(want source.File, onDisk map[string]source.File) {
	dir := path.Base(path.Dir(want.Path))
	i := strings.LastIndexByte(dir, ':')
	if i < 0 {
		return
	}
	first := path.Join(r.certs(), dir[:i]+"_"+dir[i+1:]+"_", "hosts.toml")
	if f, there := onDisk[first]; there {
		r.overwritten(f, "first", want)
	}
}

// strangers looks at directories that will not be generated: those that were,
// and those that people made, which some releases delete. It reports whether
// there are any of the first sort.
func (r *reader) strangers(onDisk map[string]source.File) (gone bool) {
	ours := map[string]bool{"127.0.0.1:" + r.supervisor: true}
	for _, h := range r.hosts {
		ours[h.dir] = true
	}
	for _, name := range slices.Sorted(maps.Keys(onDisk)) {
		f := onDisk[name]
		if ours[path.Base(path.Dir(name))] {
			continue
		}
		if generated(f) {
			gone = true
			continue
		}
		if r.target.Version.Known() && clearsCertsD(r.target.Version) && generationOf(r.target.Version) != inConfigToml {
			r.overwritten(f, "all", source.File{Path: f.Path})
		}
	}
	return gone
}

// Stale is the finding that registries.yaml waits for a restart, for callers that
// compare what the generated files mean.
func Stale(files []source.File, t route.Target, opts Options) finding.Finding {
	r := newReader(files, Fill(t), opts)
	r.read()
	r.findings = nil
	r.stale("")
	return r.findings[0]
}

// stale says that registries.yaml waits for a restart.
func (r *reader) stale(variant string) {
	at := r.set.registries
	if r.file != nil {
		at = r.file.Path
	}
	args := finding.Args{"distro": r.title, "unit": r.unit()}
	f := notApplied.Vary(variant, at, args).In(source.Pos{File: at})
	f.Stage = "config"
	saw := "the files below " + r.certs() + " are not the ones that it makes"
	f = f.Saw(saw, r.certs(), "ls -l "+r.certs())
	if r.file != nil && !r.file.ModTime.IsZero() && !r.opts.Started.IsZero() {
		f = f.Saw("changed "+r.file.ModTime.UTC().Format(time.RFC3339)+", "+r.title+" started "+r.opts.Started.UTC().Format(time.RFC3339), at, "stat -c %y "+at)
		if !r.file.ModTime.After(r.opts.Started) {
			f.Confidence = finding.Likely
		}
	}
	r.add(f)
}

// newer judges by times alone.
func (r *reader) newer() {
	if r.file == nil || r.opts.Started.IsZero() || !r.file.ModTime.After(r.opts.Started) {
		return
	}
	started := r.opts.Started.UTC().Format(time.RFC3339)
	f := r.found(notApplied, "newer", source.Pos{File: r.file.Path}, finding.Args{"started": started, "unit": r.unit()})
	*f = f.Sure(finding.Likely)
	f.Evidence[0] = finding.Evidence{
		Saw:   "changed " + r.file.ModTime.UTC().Format(time.RFC3339) + ", " + r.title + " started " + started,
		Where: r.file.Path, Command: "stat -c %y " + r.file.Path,
	}
}
