package containerdconfig

import (
	"time"

	"github.com/towpath-dev/towpath/internal/source"
)

// describe writes down what counts, once everything is read.
func (l *loading) describe() {
	l.Version = Setting[int]{l.version(), l.topSet("version", int64(l.main.Version))}
	if l.Target.Containerd.Since("2.3.0") && len(l.layers) > 0 {
		l.Version = Setting[int]{l.layers[0].daemon.Version, l.topSet("version", int64(l.layers[0].daemon.Version))}
	}
	l.Root = Setting[string]{l.main.Root, l.topSet("root", l.main.Root)}
	l.State = Setting[string]{l.main.State, l.topSet("state", l.main.State)}
	l.Address = l.address()
	for _, id := range l.main.DisabledPlugins {
		l.Disabled = append(l.Disabled, Setting[string]{id, l.elementPlace(id, "disabled_plugins")})
	}
	for _, id := range l.main.RequiredPlugins {
		l.Required = append(l.Required, Setting[string]{id, l.elementPlace(id, "required_plugins")})
	}
	switch {
	case l.cri != nil:
		l.describe1()
	case l.images != nil:
		l.describe2()
	default:
		l.describeNothing()
	}
	l.Remote = l.remote()
	l.ignored()
}

// remote is the socket of the snapshotter, where a proxy plugin is one. The last
// file that has the plugin counts.
func (l *loading) remote() Setting[string] {
	for i := len(l.layers) - 1; i >= 0; i-- {
		keys := []string{"proxy_plugins", l.Snapshotter.Value}
		plugin, _ := l.layers[i].value(keys...)
		address, _ := lookup(plugin, []string{"address"})
		kind, _ := lookup(plugin, []string{"type"})
		if text, ok := address.(string); ok && kind == "snapshot" {
			return Setting[string]{text, l.layers[i].at(append(keys, "address")...)}
		}
	}
	return Setting[string]{}
}

func (l *loading) topSet(key string, value any) source.Pos {
	for i := len(l.layers) - 1; i >= 0; i-- {
		if v, ok := l.layers[i].raw[key]; ok && equal(v, value) {
			return l.layers[i].at(key)
		}
	}
	return source.Pos{}
}

// address is where containerd listens. Since 2.3 the plugin's table decides,
// into which [grpc] of a file of a version below 4 is carried over.
func (l *loading) address() Setting[string] {
	const std = "/run/containerd/containerd.sock"
	value := override(std, l.main.GRPC.Address)
	if l.Target.Containerd.Since("2.3.0") {
		value = std
		if v, ok := lookup(l.tables, []string{grpcServer, "address"}); ok {
			text, _ := v.(string)
			value = override(value, text)
		}
	}
	for i := len(l.layers) - 1; i >= 0; i-- {
		for _, keys := range [][]string{{"grpc", "address"}, {"plugins", grpcServer, "address"}} {
			if v, ok := l.layers[i].value(keys...); ok && v == value {
				return Setting[string]{value, l.layers[i].at(keys...)}
			}
		}
	}
	return Setting[string]{Value: value}
}

func (l *loading) describe1() {
	c := l.cri
	l.Sandbox = Setting[string]{c.SandboxImage, l.setBy(c.SandboxImage, "pinned_images", "sandbox")}
	l.Snapshotter = Setting[string]{c.Snapshotter, l.setBy(c.Snapshotter, "snapshotter")}
	l.ConfigPath = Setting[string]{c.Registry.ConfigPath, l.setBy(c.Registry.ConfigPath, "registry", "config_path")}
	l.Discards = Setting[bool]{c.DiscardUnpackedLayers, l.setBy(c.DiscardUnpackedLayers, "discard_unpacked_layers")}
	l.LocalPull.Value = true
	if l.Target.Containerd.Since("1.7.0") {
		l.progress(l.newer.ImagePullProgressTimeout)
	}
}

func (l *loading) describe2() {
	i := l.images
	sandbox := override(defaultSandbox(l.Target), i.PinnedImages["sandbox"])
	l.Sandbox = Setting[string]{sandbox, l.setBy(sandbox, "pinned_images", "sandbox")}
	l.Snapshotter = Setting[string]{i.Snapshotter, l.setBy(i.Snapshotter, "snapshotter")}
	l.ConfigPath = Setting[string]{i.Registry.ConfigPath, l.setBy(i.Registry.ConfigPath, "registry", "config_path")}
	l.Discards = Setting[bool]{i.DiscardUnpackedLayers, l.setBy(i.DiscardUnpackedLayers, "discard_unpacked_layers")}
	l.localPull()
	l.progress(i.ImagePullProgressTimeout)
}

// describeNothing is for a daemon that does not start: what could be known of
// its defaults, so that nobody has to guess.
func (l *loading) describeNothing() {
	l.Sandbox.Value, l.Snapshotter.Value = defaultSandbox(l.Target), overlayfs
	l.LocalPull.Value = l.Target.Containerd.Before("2.1.0")
}

// progress reads the timeout of pulls. Unlike one that makes no sense, an empty
// one passes the validation and then fails every pull.
func (l *loading) progress(text string) {
	d, err := time.ParseDuration(text)
	l.Progress = Setting[time.Duration]{d, l.setBy(text, "image_pull_progress_timeout")}
	if text == "" {
		l.PullFails = append(l.PullFails, Failure{
			Cause: BadTimeout, At: l.Progress.At,
			Text: "failed to parse image_pull_progress_timeout \"\": " + err.Error(),
		})
	}
}

// localPull decides who pulls. Source: CheckLocalImagePullConfigs.
func (l *loading) localPull() {
	i := l.images
	if l.Target.Containerd.Before("2.1.0") {
		l.LocalPull.Value = true
		return
	}
	if i.UseLocalImagePull {
		l.LocalPull = Setting[bool]{true, l.setBy(true, "use_local_image_pull")}
		return
	}
	for _, why := range []struct {
		present bool
		keys    []string
	}{
		{!i.DisableSnapshotAnnotations, []string{"disable_snapshot_annotations"}},
		{i.DiscardUnpackedLayers, []string{"discard_unpacked_layers"}},
		{len(i.Registry.Mirrors) > 0, []string{"registry", "mirrors"}},
		{len(i.Registry.Configs) > 0 || len(i.Registry.Auths) > 0, []string{"registry", "configs"}},
		{i.MaxConcurrentDownloads != threeAtATime, []string{"max_concurrent_downloads"}},
		{i.ImagePullWithSyncFs, []string{"image_pull_with_sync_fs"}},
	} {
		if why.present {
			l.LocalPull = Setting[bool]{true, l.place(why.keys...)}
			l.LocalWhy = why.keys[len(why.keys)-1]
			return
		}
	}
}
