package containerdconfig

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// short names of version 1 that do not become io.containerd.grpc.v1.NAME.
// Source: v1MigratePluginName of containerd 2.
var fullNames = map[string]string{
	"cri":          grpcCRI,
	"cgroups":      "io.containerd.monitor.v1.cgroups",
	"linux":        "io.containerd.runtime.v1.linux",
	"scheduler":    "io.containerd.gc.v1.scheduler",
	"bolt":         "io.containerd.metadata.v1.bolt",
	"task":         "io.containerd.runtime.v2.task",
	"opt":          "io.containerd.internal.v1.opt",
	"restart":      "io.containerd.internal.v1.restart",
	"tracing":      "io.containerd.internal.v1.tracing",
	"otlp":         "io.containerd.tracing.processor.v1.otlp",
	"aufs":         "io.containerd.snapshotter.v1.aufs",
	"btrfs":        "io.containerd.snapshotter.v1.btrfs",
	"devmapper":    "io.containerd.snapshotter.v1.devmapper",
	"native":       "io.containerd.snapshotter.v1.native",
	"overlayfs":    "io.containerd.snapshotter.v1.overlayfs",
	"zfs":          "io.containerd.snapshotter.v1.zfs",
	"windows":      "io.containerd.snapshotter.v1.windows",
	"windows-lcow": "io.containerd.snapshotter.v1.windows-lcow",
}

// fullName is the id that containerd 2 gives to a name of version 1.
func fullName(name string) string {
	full, known := fullNames[name]
	switch {
	case strings.Contains(name, "."):
		return name
	case known:
		return full
	case strings.HasSuffix(name, "-service"):
		return "io.containerd.service.v1." + name
	}
	return "io.containerd.grpc.v1." + name
}

func rename(tables map[string]any) map[string]any {
	out := make(map[string]any, len(tables))
	for name, v := range tables {
		if _, full := tables[fullName(name)]; full && fullName(name) != name {
			continue // both are there: which one counts is chance, so the full one does
		}
		out[fullName(name)] = v
	}
	return out
}

func renameAll(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fullName(name)
	}
	return out
}

// migrate carries one file's plugin tables to a higher version, step by step.
// Source: LoadConfigWithPlugins of containerd 2.3 and later.
func (l *loading) migrate(tables map[string]any, d *daemon, to int) (map[string]any, int) {
	ly := l.layers[len(l.layers)-1]
	if d.Version < 0 {
		l.crash(ly.at("version"), fmt.Errorf("index out of range [%d]", d.Version))
		return tables, to
	}
	for v := d.Version; v < to; v++ {
		switch v {
		case 1:
			tables = rename(tables)
			d.DisabledPlugins = renameAll(d.DisabledPlugins)
			d.RequiredPlugins = renameAll(d.RequiredPlugins)
		case 3:
			moveSocket(tables, d.GRPC)
		}
		if err := l.movePlugins(tables); err != nil {
			l.crash(ly.at("plugins"), err)
			break
		}
	}
	return tables, to
}

// migrateAll is what 2.0 to 2.2 do instead: once, with the merged tables, and
// only if no file at all was of version 3.
func (l *loading) migrateAll() {
	if l.old() || l.Target.Containerd.Since("2.3.0") || l.main.Version >= 3 {
		return
	}
	if l.main.Version < 0 {
		l.crash(source.Pos{File: l.Main}, fmt.Errorf("index out of range [%d]", l.main.Version))
		return
	}
	for _, ly := range l.layers {
		ly.migrated = true
	}
	if err := l.movePlugins(l.tables); err != nil {
		l.crash(source.Pos{File: l.Main}, err)
	}
}

func (l *loading) crash(at source.Pos, err error) {
	l.fail(WrongType, at, "panic: runtime error: %v", err)
}
