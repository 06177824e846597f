package containerd

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// nobody is the registry of a file whose directory names none.
const nobody = ""

// Alone judges a file as a hosts.toml wherever it lies and whatever its name: a
// template, or a copy that was taken out of its directory. The registry is that
// of its server key, if there is one. What lies beside it, certificates say, may
// come along.
func Alone(file source.File, beside []source.File, t route.Target) []finding.Finding {
	files := slices.Clone(beside)
	if source.Find(files, file.Path) == nil {
		files = append(files, file)
	}
	r := newReader(files, t)
	r.judges = true
	name := path.Clean(file.Path)
	h := r.openFile(name, nobody)
	if h.upstream != nil && h.upstream.Host != "" {
		h = r.openFile(name, registryAt(h.upstream.Host))
	}
	if h.verdict == fails {
		r.unreadable(h.path, h.match, h.problem.Text)
	}
	r.judge(h)
	r.certified(h, &route.Route{Match: h.match, Mirrors: h.mirrors, Upstream: h.upstream})
	return r.findings
}

// registryAt is the registry that images name for a host.
func registryAt(host string) string {
	if host == "registry-1.docker.io" {
		return "docker.io"
	}
	return host
}

// Nameless reports that the name of a directory has nothing of a registry, not
// even of a misspelt one: whoever lints it has not laid out a tree.
func Nameless(dir string, t route.Target) bool {
	name := path.Base(path.Clean(dir))
	if _, ok := RegistryOf(name, t); ok || name == fallback {
		return false
	}
	return name != "index.docker.io" && newReader(nil, t).wanted(name) == ""
}
