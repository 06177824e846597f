package containerd

import (
	"bytes"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

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
			found := r.inTree(misnamedFile, "", spot{f.Path, h.match}, nil)
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
	r.add(r.inTree(certificatesIgnored, "", spot{path.Join(h.dir, name), h.match}, finding.Args{"file": h.path}))
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
		r.add(with(r.inTree(wrongExtension, "", spot{f.Path, h.match}, finding.Args{"want": want}), free(want)))
	case ".crt":
		if r.tree.exists(path.Join(h.dir, stem+".key")) && !r.tree.exists(path.Join(h.dir, stem+".cert")) {
			want := stem + ".cert"
			r.add(with(r.inTree(wrongExtension, "client", spot{f.Path, h.match}, finding.Args{"want": want}), free(want)))
		}
	case ".key":
		if !r.tree.exists(path.Join(h.dir, stem+".cert")) && !r.tree.exists(path.Join(h.dir, stem+".crt")) {
			r.add(r.inTree(loneKey, "", spot{f.Path, h.match}, finding.Args{"want": stem + ".cert"}))
		}
	}
}

// nothing reports a directory that decides for a registry and says nothing.
func (r *reader) nothing(h *hostsFile) {
	if h.verdict == used || h.verdict == dropped {
		if h.empty() && h.match != route.Any {
			r.silent(h, h.path)
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
	if p == h.path || r.fallbackFor(h) != "" {
		r.silent(h, p)
	}
}

// fallbackFor is the directory for every registry without one of its own, as this
// containerd finds it; empty: there is none.
func (r *reader) fallbackFor(h *hostsFile) string {
	other := path.Join(path.Dir(h.dir), fallback)
	if r.tree.exists(other) && hasFallback(r.target) {
		return other
	}
	return ""
}

// silent reports a path that decides for a registry and says nothing.
func (r *reader) silent(h *hostsFile, p string) {
	if other := r.fallbackFor(h); other != "" {
		r.add(r.inTree(emptyDirectory, "", spot{p, h.match}, finding.Args{"default": other}))
		return
	}
	f := r.inTree(emptyDirectory, "nothing", spot{p, h.match}, nil)
	f.Severity = finding.Info
	r.add(f)
}
