package containerd

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// unusableRoot reports a root that is no readable directory: stat of every
// candidate below it fails, and with it every pull.
func (r *reader) unusableRoot(root string, f *source.File) {
	if unsure(f.Problem) {
		r.unseen(root, route.Any, f.Problem)
		return
	}
	if f.Kind == source.Dangling {
		r.dangling(root, route.Any, f)
		return
	}
	why := f.Problem
	if why == "" {
		why = "not a directory"
	}
	r.add(r.inTree(unreadableFile, "", spot{root, route.Any}, finding.Args{"why": why}))
	r.table.Routes = append(r.table.Routes, route.Route{Match: route.Any, Fails: root + " cannot be read: " + why, From: source.Pos{File: root}})
	r.decided[route.Any] = root
}

// unseen reports a path that we may not look at, though the runtime may.
func (r *reader) unseen(p, registry, problem string) {
	f := r.inTree(unreadableFile, "us", spot{p, registry}, finding.Args{"why": problem}).Sure(finding.Possible)
	f.Severity = finding.Info
	r.add(f)
}

// hidden reports a directory that another one makes useless.
func (r *reader) hidden(dir, registry, by string) {
	variant := ""
	if a, b := r.tree.files[path.Join(dir, hostsToml)], r.tree.files[path.Join(by, hostsToml)]; a != nil && b != nil && !a.Unread && !b.Unread && bytes.Equal(a.Data, b.Data) {
		variant = "same"
	}
	f := r.inTree(hiddenDirectory, variant, spot{dir, registry}, finding.Args{"by": by})
	if variant == "same" {
		f.Severity = finding.Info
	}
	r.add(f.Saw(by, by, "ls -ld "+quote(by)))
}

func (r *reader) dangling(p, registry string, f *source.File) {
	r.add(r.inTree(danglingLink, "", spot{p, registry}, finding.Args{"target": f.Link}))
}

func (r *reader) fileInPlace(p, registry string) {
	r.add(r.inTree(fileForDirectory, "", spot{p, registry}, nil))
}

// unreadable reports a path that containerd fails on and returns the reason.
func (r *reader) unreadable(p, registry, problem string) string {
	if unsure(problem) {
		r.unseen(p, registry, problem)
		return ""
	}
	r.add(r.inTree(unreadableFile, "", spot{p, registry}, finding.Args{"why": problem}))
	return p + " cannot be read: " + problem
}

// wildcards are names that people give to a directory for all registries.
var wildcards = map[string]bool{
	"*": true, "default": true, "_wildcard": true, "_all": true, "all": true, "_default_": true, "__default": true, "_Default": true, "_DEFAULT": true, "wildcard": true,
}

// strange reports a name in a root that containerd never looks for, unless it
// plainly was not meant for it.
func (r *reader) strange(root, name string) {
	p := path.Join(root, name)
	f := r.tree.look(p)
	switch {
	case strings.HasPrefix(name, ".") || name == "lost+found":
		return
	case f.Kind == source.Dangling:
		return
	case f.Kind != source.Directory:
		r.misplaced(p)
		return
	case name == backup:
		r.add(r.inTree(spegelBackup, "", spot{p, route.Any}, nil))
		return
	case name == fallback:
		r.add(r.inTree(oldDefault, "", spot{p, route.Any}, nil))
		return
	}
	want := r.wanted(name)
	switch {
	case name == "index.docker.io":
		r.rename(hubDirectory, "", spot{p, "docker.io"}, "docker.io")
	case want != "" && portName.MatchString(name):
		registry, _ := RegistryOf(want, r.target)
		r.rename(portDirectory, "", spot{p, registry}, want)
		r.meant(p, registry, want)
	case want != "":
		registry, _ := RegistryOf(want, r.target)
		r.rename(oddDirectory, "want", spot{p, registry}, want)
		r.meant(p, registry, want)
	case domain.MatchString(name):
		r.add(r.inTree(oddDirectory, "bare", spot{p, route.Any}, nil))
	default:
		r.add(r.inTree(oddDirectory, "", spot{p, route.Any}, nil))
	}
}

// meant judges the file in a directory with the wrong name as what it will be
// once the name is right, so that a new name brings no new trouble.
func (r *reader) meant(dir, registry, want string) {
	if h := r.open(dir, registry); r.judges && h.verdict != absent && r.tree.look(path.Join(path.Dir(dir), want)) == nil {
		r.judge(h)
		r.leaves(h)
	}
}

// misplaced reports a hosts.toml that lies in the root itself.
func (r *reader) misplaced(p string) {
	if name := path.Base(p); name == hostsToml || misnamed(name) && name != "config.toml" {
		r.add(r.inTree(misnamedFile, "root", spot{p, route.Any}, nil))
	}
}

// portName is a host and a port, held together by anything.
var portName = regexp.MustCompile(`^_*(.*?[^_:-])[_:-]+([0-9]{1,5})[_:]*$`)

var schemePrefix = regexp.MustCompile(`(?i)^https?[:_]+/*_*`)

// wanted is the name that a directory should have had; empty: no idea.
func (r *reader) wanted(name string) string {
	if wildcards[name] && hasFallback(r.target) {
		return fallback
	}
	bare := schemePrefix.ReplaceAllString(name, "")
	if m := portName.FindStringSubmatch(bare); m != nil && isRegistry(m[1]+":"+m[2]) {
		return Candidates(m[1]+":"+m[2], r.target)[0]
	}
	if bare = strings.Trim(bare, "_/"); bare != name && isRegistry(bare) {
		return bare
	}
	return ""
}

// rename reports a name with the right one; the edit is given while that is free.
func (r *reader) rename(k finding.Kind, variant string, at spot, want string) {
	f := r.inTree(k, variant, at, finding.Args{"want": want})
	to := path.Join(path.Dir(at.path), want)
	if r.tree.look(to) == nil {
		f = with(f, []source.Edit{{Op: source.Rename, File: at.path, To: to}})
	}
	r.add(f)
}

// hubNames are hosts that people take for Docker Hub's name in images.
var hubNames = map[string]bool{"registry-1.docker.io": true, "hub.docker.com": true, "registry.hub.docker.com": true, "registry.docker.io": true}

var hyphenPort = regexp.MustCompile(`^(.+\..+)-([0-9]{2,5})$`)

// named reports names that containerd does look for, but hardly as was meant.
func (r *reader) named(dir, registry string) {
	root, name := path.Dir(dir), path.Base(dir)
	host, port := registry, route.Port(registry)
	if port != "" {
		host = registry[:len(registry)-len(port)-1]
	}
	switch m := hyphenPort.FindStringSubmatch(name); {
	case registry == route.Any:
	case strings.HasPrefix(registry, "[") && port == "":
		r.add(r.inTree(bracketedName, "", spot{dir, registry}, finding.Args{"want": Candidates(registry, r.target)[0]}))
	case hubNames[registry] && r.tree.look(path.Join(root, "docker.io")) == nil:
		r.rename(hubDirectory, "", spot{dir, "docker.io"}, "docker.io")
		r.findings[len(r.findings)-1].Confidence = finding.Likely
	case m != nil && isRegistry(m[1]+":"+m[2]):
		r.rename(portDirectory, "", spot{dir, m[1] + ":" + m[2]}, Candidates(m[1]+":"+m[2], r.target)[0])
	case strings.ToLower(name) != name:
		r.rename(upperDirectory, "", spot{dir, registry}, strings.ToLower(name))
	case (port == "443" || port == "80") && r.tree.look(path.Join(root, host)) == nil && !route.IsLocalhost(host):
		f := r.inTree(defaultPort, "", spot{dir, registry}, finding.Args{"host": host, "port": port})
		r.add(f.Sure(finding.Likely))
	}
	r.nested(dir)
}

// nested reports a hosts.toml one level too deep.
func (r *reader) nested(dir string) {
	for _, name := range r.tree.children[dir] {
		inner := path.Join(dir, name)
		if f := r.tree.files[path.Join(inner, hostsToml)]; f != nil && f.Kind == source.Regular {
			f := r.inTree(oddDirectory, "nested", spot{inner, route.Any}, finding.Args{"name": path.Join(path.Base(dir), name), "root": path.Dir(dir)})
			r.add(f)
		}
	}
}

// retired reports that a directory was put aside: containerd would still find
// it for images of that name, but nobody wants to hear of it.
func retired(name string) bool {
	for _, s := range []string{".bak", ".old", ".orig", ".disabled", ".off", "~"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

var fileSuffixes = []string{".md", ".txt", ".toml", ".bak", ".orig", ".crt", ".cert", ".key", ".pem", ".yaml", ".yml", ".json", ".sh", ".conf", ".gz", ".zip", ".old", ".swp", ".rpmsave", ".dpkg-old"}

// looksLikeFile reports that a file in a root was not meant as a directory.
func looksLikeFile(p string) bool {
	for _, s := range fileSuffixes {
		if strings.HasSuffix(strings.ToLower(p), s) {
			return true
		}
	}
	return false
}
