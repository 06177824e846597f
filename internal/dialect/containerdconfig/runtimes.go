package containerdconfig

import (
	"maps"
	"slices"
)

const linuxV1 = "io.containerd.runtime.v1.linux"

// validateRuntimes1 is the part of ValidatePluginConfig of containerd 1.x that
// is not about registries: its errors, too, leave the daemon without CRI.
func (l *loading) validateRuntimes1() {
	c := l.cri
	bad := func(format string, args ...any) {
		l.dead(BadSetting, l.place("containerd"), "invalid plugin config: "+format, args...)
	}
	if c.UntrustedWorkloadRuntime.Type != "" {
		if _, both := c.Runtimes["untrusted"]; both {
			bad("conflicting definitions: configuration includes both `untrusted_workload_runtime` and `runtimes[\"untrusted\"]`")
		}
	}
	if c.DefaultRuntime.Type != "" {
		c.DefaultRuntimeName = "default"
		c.Runtimes = merged(c.Runtimes, "default", c.DefaultRuntime)
	}
	name := c.DefaultRuntimeName
	if name == "" {
		bad("`default_runtime_name` is empty")
		return
	}
	if _, ok := c.Runtimes[name]; !ok {
		bad("no corresponding runtime configured in `containerd.runtimes` for `containerd` `default_runtime_name = \"%s\"", name)
		return
	}
	if c.SystemdCgroup && c.Runtimes[name].Type != linuxV1 {
		bad("`systemd_cgroup` only works for runtime %s", linuxV1)
	}
	if c.NoPivot && c.Runtimes[name].Type != linuxV1 {
		bad("`no_pivot` only works for runtime %s", linuxV1)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Runtimes)) {
		r := c.Runtimes[name]
		if r.Engine != "" && r.Type != linuxV1 {
			bad("`runtime_engine` only works for runtime %s", linuxV1)
		}
		if r.Root != "" && r.Type != linuxV1 {
			bad("`runtime_root` only works for runtime %s", linuxV1)
		}
		if l.Target.Containerd.Since("1.7.0") && !r.PrivilegedWithoutDevices && r.PrivilegedAllDevices {
			bad("`privileged_without_host_devices_all_devices_allowed` requires `privileged_without_host_devices` to be enabled")
		}
	}
}

func merged(in map[string]runtime1, name string, r runtime1) map[string]runtime1 {
	out := map[string]runtime1{name: r}
	for k, v := range in {
		if k != name {
			out[k] = v
		}
	}
	return out
}

// validateRuntimes2 is ValidateRuntimeConfig of containerd 2.x, without what
// depends on the machine.
func (l *loading) validateRuntimes2(r *runtime2) {
	bad := func(format string, args ...any) {
		l.dead(BadSetting, l.place2(criRuntime, "containerd"), "invalid plugin config: "+format, args...)
	}
	if r.DefaultRuntimeName == "" {
		bad("`default_runtime_name` is empty")
		return
	}
	if _, ok := r.Runtimes[r.DefaultRuntimeName]; !ok {
		bad("no corresponding runtime configured in `containerd.runtimes` for `containerd` `default_runtime_name = \"%s\"", r.DefaultRuntimeName)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Runtimes)) {
		h := r.Runtimes[name]
		if !h.PrivilegedWithoutDevices && h.PrivilegedAllDevices {
			bad("`privileged_without_host_devices_all_devices_allowed` requires `privileged_without_host_devices` to be enabled")
		}
		if h.IOType != "" && h.IOType != "fifo" && h.IOType != "streaming" {
			bad("`io_type` can only be `streaming` or `named_pipe`")
		}
	}
	for key, value := range map[string]string{
		"drain_exec_sync_io_timeout": r.DrainExecSyncIOTimeout,
		"stats_collect_period":       r.StatsCollectPeriod,
		"stats_retention_period":     r.StatsRetentionPeriod,
	} {
		if value != "" && !isDuration(value) {
			l.dead(BadSetting, l.place2(criRuntime, key), "invalid plugin config: invalid `%s`: time: invalid duration %q", key, value)
		}
	}
}
