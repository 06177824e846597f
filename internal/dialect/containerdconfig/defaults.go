package containerdconfig

import (
	"github.com/towpath-dev/towpath/internal/route"
)

// Defaults that decide something here, by version. Source: `containerd config
// default` and DefaultConfig, DefaultImageConfig, DefaultRuntimeConfig.

const (
	overlayfs    = "overlayfs"
	runc         = "runc"
	fiveMinutes  = "5m0s"
	noDrain      = "0s"
	fourHours    = "4h0m0s"
	pauseImage   = "registry.k8s.io/pause:"
	threeAtATime = 3
)

func defaultSandbox(t route.Target) string {
	for _, d := range []struct{ before, tag string }{
		{"1.7.0", "3.6"}, {"2.0.0", "3.8"}, {"2.2.0", "3.10"}, {"2.3.0", "3.10.1"},
	} {
		if t.Containerd.Before(d.before) {
			return pauseImage + d.tag
		}
	}
	return pauseImage + "3.10.2"
}

func default1(t route.Target) *cri1 {
	c := &cri1{
		SandboxImage:           defaultSandbox(t),
		StreamIdleTimeout:      fourHours,
		MaxConcurrentDownloads: threeAtATime,
	}
	c.Snapshotter = overlayfs
	c.DefaultRuntimeName = runc
	c.DisableSnapshotAnnotations = true
	c.Runtimes = map[string]runtime1{runc: {Type: "io.containerd.runc.v2"}}
	return c
}

func default17() *cri17 {
	return &cri17{ImagePullProgressTimeout: fiveMinutes, DrainExecSyncIOTimeout: noDrain}
}

func defaultImages(t route.Target) *images2 {
	i := &images2{
		Snapshotter:                overlayfs,
		DisableSnapshotAnnotations: true,
		MaxConcurrentDownloads:     threeAtATime,
		PinnedImages:               map[string]string{"sandbox": defaultSandbox(t)},
		ImagePullProgressTimeout:   fiveMinutes,
	}
	if v := t.Containerd; v.Since("2.2.0") && v.Before("2.2.2") {
		i.Registry.ConfigPath = certsDirs
	}
	return i
}

// fillConfigPath is the default since 2.2.2: only where no mirrors are.
func (i *images2) fillConfigPath(t route.Target) {
	if t.Containerd.Since("2.2.2") && i.Registry.ConfigPath == "" && len(i.Registry.Mirrors) == 0 {
		i.Registry.ConfigPath = certsDirs
	}
}

func default2() *runtime2 {
	r := &runtime2{DrainExecSyncIOTimeout: noDrain}
	r.DefaultRuntimeName = runc
	r.Runtimes = map[string]handler{runc: {Type: "io.containerd.runc.v2", Sandboxer: "podsandbox"}}
	return r
}
