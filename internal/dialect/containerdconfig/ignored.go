package containerdconfig

import (
	"fmt"
	"slices"
	"strings"
)

// ignored lists the plugin tables that were meant for the CRI plugin and are
// not heard by it.
func (l *loading) ignored() {
	for _, ly := range l.layers {
		heard := l.idsIn(ly)
		for _, id := range ly.pluginIDs() {
			if why := l.deaf(ly, id, heard); why != "" {
				ig := Ignored{At: ly.at("plugins", id), What: tableName(id), Why: why, id: id}
				if slices.Contains(heard, id) {
					ig.by = l.owners[id]
				}
				l.Ignored = append(l.Ignored, ig)
			}
		}
	}
}

func tableName(keys ...string) string {
	out := []string{"plugins"}
	for _, k := range keys {
		if strings.Trim(k, bareKey) != "" {
			k = `"` + k + `"`
		}
		out = append(out, k)
	}
	return strings.Join(out, ".")
}

// bareKey are the characters of keys that need no quotes.
const bareKey = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// deaf says why a table of a file is not heard; empty: it is, or it is none of
// the CRI plugin's.
func (l *loading) deaf(ly *layer, id string, heard []string) string {
	switch id {
	case shortCRI, grpcCRI, criImages, criRuntime:
	default:
		return ""
	}
	for _, h := range heard {
		if h == id || id == criRuntime && h == criImages {
			return l.replaced(ly, id)
		}
	}
	if l.onlyServerKeys(ly, id) {
		return ""
	}
	version := ly.daemon.Version
	if l.old() {
		version = l.Version.Value
	}
	return fmt.Sprintf("a configuration of version %d is not looked for there by containerd %s", version, l.Target.Containerd)
}

// replaced: to containerd 1.x a plugin's table comes from one file only.
func (l *loading) replaced(ly *layer, id string) string {
	if owner := l.owners[id]; l.old() && owner != nil && owner != ly && !owner.patch {
		return fmt.Sprintf("containerd 1.x replaces the whole table with that of %s", owner.file.Path)
	}
	return ""
}

// onlyServerKeys: io.containerd.grpc.v1.cri is still the CRI server's own table.
func (l *loading) onlyServerKeys(ly *layer, id string) bool {
	tbl, _ := ly.plugins[id].(map[string]any)
	if id != grpcCRI || l.old() {
		return false
	}
	for k := range tbl {
		if !slices.Contains(serverKeys, k) {
			return false
		}
	}
	return true
}
