package node

import (
	"path"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// daemon is what containerd's configuration says about the daemon itself. The
// registries in it are the work of the dialects.
type daemon struct {
	address string // of the socket
	root    string // content and snapshots
}

// maxImports bounds how many files one configuration may import.
const maxImports = 100

// readDaemon reads a configuration with its imports, each file overriding those
// before it. A file that cannot be read says nothing here.
func readDaemon(r *Root, file string) daemon {
	var d daemon
	seen := map[string]bool{}
	for pending := []string{file}; len(pending) > 0 && len(seen) < maxImports; pending = pending[1:] {
		name := pending[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		f, ok := r.ReadFile(name)
		if !ok || f.Kind != source.Regular || f.Problem != "" {
			continue
		}
		doc, bad := tomldoc.Decode(tomldoc.V2, name, f.Data)
		if bad != nil {
			doc, bad = tomldoc.Decode(tomldoc.V1, name, f.Data)
		}
		if bad != nil {
			continue
		}
		d.merge(doc)
		pending = append(pending, imports(r, name, doc)...)
	}
	return d
}

// merge takes over what a file sets. Version 4 of the format moved the address
// into the table of a plugin.
func (d *daemon) merge(doc map[string]any) {
	set := func(into *string, keys ...string) {
		var at any = doc
		for _, key := range keys {
			table, _ := at.(map[string]any)
			at = table[key]
		}
		if text, ok := at.(string); ok && text != "" {
			*into = text
		}
	}
	set(&d.root, "root")
	set(&d.address, "grpc", "address")
	set(&d.address, "plugins", "io.containerd.server.v1.grpc", "address")
}

func imports(r *Root, file string, doc map[string]any) []string {
	list, _ := doc["imports"].([]any)
	var out []string
	for _, item := range list {
		pattern, _ := item.(string)
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(file), pattern)
		}
		found, err := r.Glob(pattern)
		if err == nil {
			out = append(out, found...)
		}
	}
	return out
}
