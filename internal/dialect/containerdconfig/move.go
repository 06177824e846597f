package containerdconfig

import (
	"fmt"
	"maps"
)

// Keys of io.containerd.grpc.v1.cri and where they go in containerd 2: to the
// image service, to the image service from the table containerd, or nowhere.
// All others go to the runtime service.
var (
	imageKeys      = []string{"registry", "image_decryption", "max_concurrent_downloads", "image_pull_progress_timeout", "image_pull_with_sync_fs", "stats_collect_period"}
	containerdKeys = []string{"snapshotter", "disable_snapshot_annotations", "discard_unpacked_layers"}
	serverKeys     = []string{"disable_tcp_service", "stream_server_address", "stream_server_port", "stream_idle_timeout", "enable_tls_streaming", "x509_key_pair_streaming"}
)

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
