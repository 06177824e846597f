package containerdconfig

import (
	"bytes"
	"slices"
	"strings"

	v1 "github.com/pelletier/go-toml"

	"github.com/towpath-dev/towpath/internal/source"
)

// Where k0s keeps the configuration of its containerd.
const (
	k0sMain    = "/etc/k0s/containerd.toml"
	k0sDropIns = "/etc/k0s/containerd.d"
	k0sCerts   = "/etc/k0s/containerd.d/certs.d"
	k0sRun     = "/run/k0s/"
)

// managed reports whether k0s writes the main file itself: it does so as long
// as the file is not there or begins with the mark.
func managed(f *source.File) bool {
	if f == nil {
		return true
	}
	line, _, _ := bytes.Cut(f.Data, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))) == "# k0s_managed=true"
}

func (c *Config) ofK0s() bool {
	return c.Target.Runtime == "k0s" && c.Main == k0sMain && managed(source.Find(c.files, k0sMain))
}

// generated reports a file that a distribution writes each time it starts, so
// that it need not be there when somebody looks.
func (l *loading) generated(path string) bool {
	switch l.Target.Runtime {
	case "k3s", "rke2":
		return strings.HasPrefix(path, "/var/lib/rancher/"+l.Target.Runtime+"/")
	}
	return l.ofK0s() && (path == k0sMain || strings.HasPrefix(path, k0sRun))
}

// mergeDropIns does what k0s does with its drop-ins while it manages the main
// file. Until 1.35 it merges those that speak of the CRI plugin key by key into
// a file of its own, because containerd 1.7 would replace the whole table; since
// 1.36 containerd imports them all. Source: k0s pkg/component/worker/containerd.
func (l *loading) mergeDropIns() {
	if !l.ofK0s() {
		return
	}
	paths, err := expand(k0sDropIns+"/*.toml", l.files)
	if err != nil {
		return
	}
	for _, p := range paths {
		if len(l.Fatal) > 0 || slices.ContainsFunc(l.Loads, func(f Load) bool { return f.Path == p }) {
			continue
		}
		ly := l.open(pendingFile{path: p})
		if ly == nil {
			continue
		}
		l.keep(ly, source.Pos{})
		if tree, ok := ly.trees[grpcCRI]; ok {
			ly.patch = true
			ly.trees[grpcCRI] = l.patched(tree)
		}
		l.merge(ly)
	}
}

// patched is the CRI table so far with that of a drop-in merged into it.
func (l *loading) patched(drop v1.Tree) v1.Tree {
	have, ok := l.trees[grpcCRI]
	if !ok {
		return drop
	}
	tables := have.ToMap()
	deepMerge(tables, drop.ToMap())
	both, err := v1.TreeFromMap(tables)
	if err != nil {
		return drop
	}
	return *both
}
