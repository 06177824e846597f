package containerdconfig

import (
	"fmt"
	"maps"
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

// moveSocket turns [grpc] into the table of the gRPC server's plugin.
func moveSocket(tables map[string]any, g socketTable) {
	if g.Address == "" || tables[grpcServer] != nil {
		return
	}
	tables[grpcServer] = map[string]any{"address": g.Address, "uid": g.UID, "gid": g.GID}
}

// movePlugins does what the plugins do to tables of earlier versions.
func (l *loading) movePlugins(tables map[string]any) error {
	for old, now := range map[string]string{
		"io.containerd.monitor.v1.cgroups":  "io.containerd.monitor.task.v1.cgroups",
		"io.containerd.internal.v1.restart": "io.containerd.monitor.container.v1.restart",
	} {
		if v, ok := tables[old]; ok {
			tables[now] = v
			delete(tables, old)
		}
	}
	original, ok := tables[grpcCRI]
	if !ok {
		return nil
	}
	src, err := asTable(original)
	if err != nil {
		return err
	}
	if err := l.moveImages(tables, src); err != nil {
		return err
	}
	if err := moveRuntime(tables, src); err != nil {
		return err
	}
	left := map[string]any{}
	copyKeys(left, src, serverKeys)
	tables[grpcCRI] = left
	return nil
}

// asTable fails where containerd asserts a type and dies if it is another one.
func asTable(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("interface conversion: interface {} is %T, not map[string]interface {}", v)
	}
	return m, nil
}

// tableOf is asTable for a key that may be absent: then the table is new.
func tableOf(in map[string]any, key string) (map[string]any, error) {
	v, ok := in[key]
	if !ok {
		return map[string]any{}, nil
	}
	return asTable(v)
}

// Keys of io.containerd.grpc.v1.cri and where they go in containerd 2: to the
// image service, to the image service from the table containerd, or nowhere.
// All others go to the runtime service.
var (
	imageKeys      = []string{"registry", "image_decryption", "max_concurrent_downloads", "image_pull_progress_timeout", "image_pull_with_sync_fs", "stats_collect_period"}
	containerdKeys = []string{"snapshotter", "disable_snapshot_annotations", "discard_unpacked_layers"}
	serverKeys     = []string{"disable_tcp_service", "stream_server_address", "stream_server_port", "stream_idle_timeout", "enable_tls_streaming", "x509_key_pair_streaming"}
)

func copyKeys(into, from map[string]any, keys []string) {
	for _, k := range keys {
		if v, ok := from[k]; ok {
			into[k] = v
		}
	}
}

// moveImages carries the old table over into that of the image service. What
// the old one says replaces what the new one says. Source: plugins/cri/images.
func (l *loading) moveImages(tables, src map[string]any) error {
	dst, err := tableOf(tables, criImages)
	if err != nil {
		return err
	}
	pinned, err := tableOf(dst, "pinned_images")
	if err != nil {
		return err
	}
	if image, ok := src["sandbox_image"]; ok {
		pinned["sandbox"] = image
	}
	if len(pinned) > 0 {
		dst["pinned_images"] = pinned
	}
	copyKeys(dst, src, imageKeys)
	if err := l.fillConfigPath(dst); err != nil {
		return err
	}
	if _, ok := src["containerd"]; ok {
		from, err := asTable(src["containerd"])
		if err != nil {
			return err
		}
		if runtimes, ok := from["runtimes"]; ok {
			if _, err := tablesIn(runtimes); err != nil {
				return err
			}
			copyKeys(dst, from, containerdKeys)
		}
	}
	tables[criImages] = dst
	return nil
}

// fillConfigPath: 2.2.0 and 2.2.1 put their default over an empty config_path.
func (l *loading) fillConfigPath(dst map[string]any) error {
	registry, ok := dst["registry"]
	if !ok || !l.defaultIsSetting() {
		return nil
	}
	table, err := asTable(registry)
	if err != nil {
		return err
	}
	if v, ok := table["config_path"]; ok && v == "" {
		table["config_path"] = certsDirs
	}
	return nil
}

// defaultIsSetting: in 2.2.0 and 2.2.1 the default config_path counts as written.
func (l *loading) defaultIsSetting() bool {
	v := l.Target.Containerd
	return v.Since("2.2.0") && v.Before("2.2.2")
}

func tablesIn(v any) ([]map[string]any, error) {
	all, err := asTable(v)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, one := range all {
		m, err := asTable(one)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// moveRuntime carries the rest over into the table of the runtime service,
// where what stands there already wins. Source: plugins/cri/runtime.
func moveRuntime(tables, src map[string]any) error {
	dst, ok := tables[criRuntime].(map[string]any)
	if !ok {
		dst = map[string]any{}
	}
	tables[criRuntime] = dst
	moved := map[string]bool{"cni": true, "containerd": true, "sandbox_image": true, "enable_cdi": true}
	for _, k := range append(append([]string{}, imageKeys...), serverKeys...) {
		moved[k] = true
	}
	fill(dst, src, moved)
	if err := moveCNI(dst, src); err != nil {
		return err
	}
	from, ok := src["containerd"].(map[string]any)
	if !ok {
		return nil
	}
	into, ok := dst["containerd"].(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	dst["containerd"] = into
	fill(into, from, map[string]bool{"snapshotter": true, "disable_snapshot_annotations": true, "discard_unpacked_layers": true})
	if _, ok := into["runtimes"]; !ok {
		return nil
	}
	runtimes, err := tablesIn(into["runtimes"])
	for _, r := range runtimes {
		if mode, ok := r["sandbox_mode"]; ok && r["sandboxer"] == nil {
			r["sandboxer"] = mode
			delete(r, "sandbox_mode")
		}
	}
	return err
}

func moveCNI(dst, src map[string]any) error {
	from, ok := src["cni"].(map[string]any)
	if !ok {
		return nil
	}
	into, ok := dst["cni"].(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	dst["cni"] = into
	if v, ok := from["bin_dir"]; ok {
		dir, ok := v.(string)
		if !ok {
			return fmt.Errorf("interface conversion: interface {} is %T, not string", v)
		}
		into["bin_dirs"] = []any{dir}
	}
	fill(into, from, map[string]bool{"bin_dir": true})
	return nil
}

// fill copies what is not there yet, but for the keys named.
func fill(into, from map[string]any, without map[string]bool) {
	for k, v := range maps.All(from) {
		if _, there := into[k]; !there && !without[k] {
			into[k] = v
		}
	}
}
