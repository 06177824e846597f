package containerdconfig

import (
	"strings"
	"time"
)

// pluginTable is another plugin whose table is decoded before it starts: a key
// of the wrong type in it keeps the daemon down just as one of the CRI plugin.
// Nothing else of it matters to pulls.
type pluginTable struct {
	id    string
	since string     // first release of containerd that has it; empty: all
	until string     // first release that no longer has it; empty: none
	empty func() any // a fresh value to decode into
}

// short is the id that a version 1 file uses: what follows the plugin's version.
func (p pluginTable) short() string {
	for _, v := range []string{".v1.", ".v2."} {
		if _, name, ok := strings.Cut(p.id, v); ok {
			return name
		}
	}
	return p.id
}

// span is a duration as those plugins read it.
type span time.Duration

// UnmarshalText refuses what is no duration, which refuses the whole file.
func (s *span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	*s = span(d)
	return err
}

func table[T any]() any { return new(T) }

// others is what `containerd config default` of 1.6, 1.7 and 2.4 lists, the
// snapshotters that need a kernel module left out.
func others() []pluginTable {
	return []pluginTable{
		{id: "io.containerd.gc.v1.scheduler", empty: table[gcTable]},
		{id: "io.containerd.metadata.v1.bolt", empty: table[boltTable]},
		{id: "io.containerd.internal.v1.opt", empty: table[optTable]},
		{id: "io.containerd.internal.v1.restart", until: "2.0.0", empty: table[restartTable]},
		{id: "io.containerd.monitor.container.v1.restart", since: "2.0.0", empty: table[restartTable]},
		{id: "io.containerd.monitor.v1.cgroups", until: "2.0.0", empty: table[cgroupsTable]},
		{id: "io.containerd.monitor.task.v1.cgroups", since: "2.0.0", empty: table[cgroupsTable]},
		{id: "io.containerd.runtime.v1.linux", until: "2.0.0", empty: table[linuxTable]},
		{id: "io.containerd.runtime.v2.task", empty: table[taskTable]},
		{id: "io.containerd.service.v1.diff-service", empty: table[diffTable]},
		{id: "io.containerd.service.v1.tasks-service", empty: table[tasksTable]},
		{id: "io.containerd.snapshotter.v1.overlayfs", empty: table[overlayTable]},
		{id: "io.containerd.snapshotter.v1.native", empty: table[rootTable]},
		{id: "io.containerd.nri.v1.nri", since: "1.7.0", empty: table[nriTable]},
		{id: "io.containerd.transfer.v1.local", since: "1.7.0", empty: table[transferTable]},
		{id: "io.containerd.image-verifier.v1.bindir", since: "2.0.0", empty: table[verifierTable]},
		{id: grpcServer, since: "2.3.0", empty: table[serverTable]},
	}
}

type gcTable struct {
	PauseThreshold    float64 `toml:"pause_threshold"`
	DeletionThreshold int     `toml:"deletion_threshold"`
	MutationThreshold int     `toml:"mutation_threshold"`
	ScheduleDelay     span    `toml:"schedule_delay"`
	StartupDelay      span    `toml:"startup_delay"`
}

type boltTable struct {
	ContentSharingPolicy string `toml:"content_sharing_policy"`
}

type optTable struct {
	Path string `toml:"path"`
}

type restartTable struct {
	Interval span `toml:"interval"`
}

type cgroupsTable struct {
	NoPrometheus bool `toml:"no_prometheus"`
}

type linuxTable struct {
	Shim        string `toml:"shim"`
	Runtime     string `toml:"runtime"`
	RuntimeRoot string `toml:"runtime_root"`
	NoShim      bool   `toml:"no_shim"`
	ShimDebug   bool   `toml:"shim_debug"`
}

type taskTable struct {
	Platforms []string `toml:"platforms"`
}

type diffTable struct {
	Default []string `toml:"default"`
}

type tasksTable struct {
	RDTConfigFile string `toml:"rdt_config_file"`
}

type rootTable struct {
	RootPath string `toml:"root_path"`
}

type overlayTable struct {
	RootPath      string `toml:"root_path"`
	UpperdirLabel bool   `toml:"upperdir_label"`
}

type nriTable struct {
	Disable          bool   `toml:"disable"`
	SocketPath       string `toml:"socket_path"`
	PluginPath       string `toml:"plugin_path"`
	PluginConfigPath string `toml:"plugin_config_path"`
	RegisterTimeout  span   `toml:"plugin_registration_timeout"`
	RequestTimeout   span   `toml:"plugin_request_timeout"`
	NoConnections    bool   `toml:"disable_connections"`
}

type transferTable struct {
	MaxConcurrentDownloads      int    `toml:"max_concurrent_downloads"`
	MaxConcurrentUploadedLayers int    `toml:"max_concurrent_uploaded_layers"`
	ConfigPath                  string `toml:"config_path"`
}

type verifierTable struct {
	BinDir       string `toml:"bin_dir"`
	MaxVerifiers int    `toml:"max_verifiers"`
	Timeout      span   `toml:"per_verifier_timeout"`
}

type serverTable struct {
	Address        string `toml:"address"`
	UID            int    `toml:"uid"`
	GID            int    `toml:"gid"`
	MaxRecvMsgSize int    `toml:"max_recv_message_size"`
	MaxSendMsgSize int    `toml:"max_send_message_size"`
}
