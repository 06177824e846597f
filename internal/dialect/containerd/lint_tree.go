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
	r.add(r.inTree(unreadableFile, "", root, route.Any, finding.Args{"why": why}))
	r.table.Routes = append(r.table.Routes, route.Route{Match: route.Any, Fails: root + " cannot be read: " + why, From: source.Pos{File: root}})
	r.decided[route.Any] = root
}

// unseen reports a path that we may not look at, though the runtime may.
func (r *reader) unseen(p, registry, problem string) {
	f := r.inTree(unreadableFile, "us", p, registry, finding.Args{"why": problem}).Sure(finding.Possible)
	f.Severity = finding.Info
	r.add(f)
}

// hidden reports a directory that another one makes useless.
func (r *reader) hidden(dir, registry, by string) {
	variant := ""
	if a, b := r.tree.files[path.Join(dir, hostsToml)], r.tree.files[path.Join(by, hostsToml)]; a != nil && b != nil && !a.Unread && !b.Unread && bytes.Equal(a.Data, b.Data) {
		variant = "same"
	}
	f := r.inTree(hiddenDirectory, variant, dir, registry, finding.Args{"by": by})
	if variant == "same" {
		f.Severity = finding.Info
	}
	r.add(f.Saw(by, by, "ls -ld "+quote(by)))
}

func (r *reader) dangling(p, registry string, f *source.File) {
	r.add(r.inTree(danglingLink, "", p, registry, finding.Args{"target": f.Link}))
}

func (r *reader) fileInPlace(p, registry string) {
	r.add(r.inTree(fileForDirectory, "", p, registry, nil))
}

// unreadable reports a path that containerd fails on and returns the reason.
func (r *reader) unreadable(p, registry, problem string) string {
	if unsure(problem) {
		r.unseen(p, registry, problem)
		return ""
	}
	r.add(r.inTree(unreadableFile, "", p, registry, finding.Args{"why": problem}))
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
	case name == fallback:
		r.add(r.inTree(oldDefault, "", p, route.Any, nil))
		return
	}
	want := r.wanted(name)
	switch {
	case name == "index.docker.io":
		r.rename(hubDirectory, "", p, "docker.io", "docker.io")
	case want != "" && portName.MatchString(name):
		registry, _ := registryOf(want, r.target)
		r.rename(portDirectory, "", p, want, registry)
	case want != "":
		registry, _ := registryOf(want, r.target)
		r.rename(oddDirectory, "want", p, want, registry)
	case domain.MatchString(name):
		r.add(r.inTree(oddDirectory, "bare", p, route.Any, nil))
	default:
		r.add(r.inTree(oddDirectory, "", p, route.Any, nil))
	}
}

// misplaced reports a hosts.toml that lies in the root itself.
func (r *reader) misplaced(p string) {
	if name := path.Base(p); name == hostsToml || misnamed(name) && name != "config.toml" {
		r.add(r.inTree(misnamedFile, "root", p, route.Any, nil))
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
func (r *reader) rename(k finding.Kind, variant, p, want, registry string) {
	f := r.inTree(k, variant, p, registry, finding.Args{"want": want})
	to := path.Join(path.Dir(p), want)
	if r.tree.look(to) == nil {
		f = with(f, []source.Edit{{Op: source.Rename, File: p, To: to}})
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
	case hubNames[registry] && r.tree.look(path.Join(root, "docker.io")) == nil:
		r.rename(hubDirectory, "", dir, "docker.io", registry)
		r.findings[len(r.findings)-1].Confidence = finding.Likely
	case m != nil && isRegistry(m[1]+":"+m[2]):
		r.rename(portDirectory, "", dir, Candidates(m[1]+":"+m[2], r.target)[0], m[1]+":"+m[2])
	case strings.ToLower(name) != name:
		r.rename(upperDirectory, "", dir, strings.ToLower(name), registry)
	case (port == "443" || port == "80") && r.tree.look(path.Join(root, host)) == nil && !route.IsLocalhost(host):
		f := r.inTree(defaultPort, "", dir, registry, finding.Args{"host": host, "port": port})
		r.add(f.Sure(finding.Likely))
	}
	r.nested(dir)
}

// nested reports a hosts.toml one level too deep.
func (r *reader) nested(dir string) {
	for _, name := range r.tree.children[dir] {
		inner := path.Join(dir, name)
		if f := r.tree.files[path.Join(inner, hostsToml)]; f != nil && f.Kind == source.Regular {
			f := r.inTree(oddDirectory, "nested", inner, route.Any, finding.Args{"name": path.Join(path.Base(dir), name), "root": path.Dir(dir)})
			r.add(f)
		}
	}
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

var misnames = map[string]bool{
	"host.toml": true, "hosts.tml": true, "hosts.tom": true, "hosts.toml.txt": true, "hosts.txt": true, "config.toml": true, "hosts.tolm": true,
	"hosts.yaml": true, "hosts.yml": true, "hosts": true, "host": true, "hosts_toml": true, "hosts.conf": true, "registry.toml": true, "mirrors.toml": true,
}

// misnamed reports that a file was probably meant to be hosts.toml.
func misnamed(name string) bool {
	return name != hostsToml && (misnames[name] || strings.EqualFold(name, hostsToml))
}

// beside reports what lies in a registry's directory and does not count.
func (r *reader) beside(h *hostsFile) {
	if f := r.tree.files[h.path]; f != nil && f.Kind == source.Dangling {
		r.dangling(h.path, h.match, f)
	}
	have := r.tree.look(h.path) != nil
	for _, name := range r.tree.children[h.dir] {
		f := r.tree.files[path.Join(h.dir, name)]
		if f == nil || f.Kind != source.Regular {
			continue
		}
		switch {
		case misnamed(name) && !have:
			have = true
			found := r.inTree(misnamedFile, "", f.Path, h.match, nil)
			r.add(with(found, []source.Edit{{Op: source.Rename, File: f.Path, To: h.path}}))
		case h.verdict == used:
			r.unnamed(h, name)
		default:
			r.dockerStyle(h, name, f)
		}
	}
	r.nothing(h)
}

// unnamed reports a certificate beside a hosts.toml that names no certificates.
func (r *reader) unnamed(h *hostsFile, name string) {
	if !strings.HasSuffix(name, ".crt") && !strings.HasSuffix(name, ".cert") || h.content.root.CA != nil || h.content.root.Client != nil {
		return
	}
	for _, s := range h.content.hosts {
		if s.CA != nil || s.Client != nil {
			return
		}
	}
	r.add(r.inTree(certificatesIgnored, "", path.Join(h.dir, name), h.match, finding.Args{"file": h.path}))
}

// dockerStyle reports a file of Docker's layout with a name that does not count.
func (r *reader) dockerStyle(h *hostsFile, name string, f *source.File) {
	stem := strings.TrimSuffix(name, path.Ext(name))
	free := func(to string) []source.Edit {
		if r.tree.look(path.Join(h.dir, to)) != nil {
			return nil
		}
		return []source.Edit{{Op: source.Rename, File: f.Path, To: path.Join(h.dir, to)}}
	}
	switch path.Ext(name) {
	case ".pem", ".cer", ".ca":
		want := stem + ".crt"
		if bytes.Contains(f.Data, []byte("PRIVATE KEY")) || f.Data != nil && !bytes.Contains(f.Data, []byte("BEGIN CERTIFICATE")) {
			return
		}
		r.add(with(r.inTree(wrongExtension, "", f.Path, h.match, finding.Args{"want": want}), free(want)))
	case ".crt":
		if r.tree.exists(path.Join(h.dir, stem+".key")) && !r.tree.exists(path.Join(h.dir, stem+".cert")) {
			want := stem + ".cert"
			r.add(with(r.inTree(wrongExtension, "client", f.Path, h.match, finding.Args{"want": want}), free(want)))
		}
	case ".key":
		if !r.tree.exists(path.Join(h.dir, stem+".cert")) && !r.tree.exists(path.Join(h.dir, stem+".crt")) {
			r.add(r.inTree(loneKey, "", f.Path, h.match, finding.Args{"want": stem + ".cert"}))
		}
	}
}

// nothing reports a directory that decides for a registry and says nothing.
func (r *reader) nothing(h *hostsFile) {
	if h.verdict == used {
		if len(h.content.root.Header) == 0 && len(h.mirrors) == 0 && !h.content.serverSet && h.upstream != nil && !h.upstream.TLS.Set && h.doc != nil && len(h.doc.Entries) == 0 {
			r.add(r.inTree(emptyDirectory, "nothing", h.path, h.match, nil).Sure(finding.Certain))
			r.findings[len(r.findings)-1].Severity = finding.Info
		}
		return
	}
	dir := r.tree.files[h.dir]
	if h.verdict != absent || h.match == route.Any || dir != nil && dir.Unread || certificates(r.tree, h.dir).Set {
		return
	}
	p := h.dir
	if f := r.tree.files[h.path]; f != nil && f.Kind == source.Regular {
		p = h.path
	} else if len(r.tree.children[h.dir]) > 0 {
		return
	}
	if other := path.Join(path.Dir(h.dir), fallback); r.tree.exists(other) && hasFallback(r.target) {
		r.add(r.inTree(emptyDirectory, "", p, h.match, finding.Args{"default": other}))
	} else if p == h.path {
		f := r.inTree(emptyDirectory, "nothing", p, h.match, nil)
		f.Severity = finding.Info
		r.add(f)
	}
}
