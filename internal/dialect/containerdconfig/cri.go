package containerdconfig

// The tables of the CRI plugin, key by key, because one key of the wrong type
// keeps the whole daemon from starting. Source: containerd pkg/cri/config (1.x)
// and internal/cri/config (2.x). What is embedded there is embedded here: with
// go-toml v1 the keys of an embedded table that is not there are looked for in
// the table around it.

// cri1 is the plugin's table in containerd 1.x: one table for everything.
type cri1 struct {
	Registry                           registry1 `toml:"registry"`
	Containerd1                        `toml:"containerd"`
	CNI1                               `toml:"cni"`
	Decryption                         `toml:"image_decryption"`
	DisableTCPService                  bool   `toml:"disable_tcp_service"`
	StreamServerAddress                string `toml:"stream_server_address"`
	StreamServerPort                   string `toml:"stream_server_port"`
	StreamIdleTimeout                  string `toml:"stream_idle_timeout"`
	EnableSelinux                      bool   `toml:"enable_selinux"`
	SelinuxCategoryRange               int    `toml:"selinux_category_range"`
	SandboxImage                       string `toml:"sandbox_image"`
	StatsCollectPeriod                 int    `toml:"stats_collect_period"`
	SystemdCgroup                      bool   `toml:"systemd_cgroup"`
	EnableTLSStreaming                 bool   `toml:"enable_tls_streaming"`
	StreamingPair                      `toml:"x509_key_pair_streaming"`
	MaxContainerLogLineSize            int    `toml:"max_container_log_line_size"`
	DisableCgroup                      bool   `toml:"disable_cgroup"`
	DisableApparmor                    bool   `toml:"disable_apparmor"`
	RestrictOOMScoreAdj                bool   `toml:"restrict_oom_score_adj"`
	MaxConcurrentDownloads             int    `toml:"max_concurrent_downloads"`
	DisableProcMount                   bool   `toml:"disable_proc_mount"`
	UnsetSeccompProfile                string `toml:"unset_seccomp_profile"`
	TolerateMissingHugetlbController   bool   `toml:"tolerate_missing_hugetlb_controller"`
	DisableHugetlbController           bool   `toml:"disable_hugetlb_controller"`
	DeviceOwnershipFromSecurityContext bool   `toml:"device_ownership_from_security_context"`
	IgnoreImageDefinedVolumes          bool   `toml:"ignore_image_defined_volumes"`
	NetNSMountsUnderStateDir           bool   `toml:"netns_mounts_under_state_dir"`
	EnableUnprivilegedPorts            bool   `toml:"enable_unprivileged_ports"`
	EnableUnprivilegedICMP             bool   `toml:"enable_unprivileged_icmp"`
}

// cri17 are the keys that came with containerd 1.7.
type cri17 struct {
	EnableCDI                 bool     `toml:"enable_cdi"`
	CDISpecDirs               []string `toml:"cdi_spec_dirs"`
	ImagePullProgressTimeout  string   `toml:"image_pull_progress_timeout"`
	DrainExecSyncIOTimeout    string   `toml:"drain_exec_sync_io_timeout"`
	ImagePullWithSyncFs       bool     `toml:"image_pull_with_sync_fs"`
	IgnoreDeprecationWarnings []string `toml:"ignore_deprecation_warnings"`
}

type Containerd1 struct {
	Snapshotter                   string              `toml:"snapshotter"`
	DefaultRuntimeName            string              `toml:"default_runtime_name"`
	DefaultRuntime                runtime1            `toml:"default_runtime"`
	UntrustedWorkloadRuntime      runtime1            `toml:"untrusted_workload_runtime"`
	Runtimes                      map[string]runtime1 `toml:"runtimes"`
	NoPivot                       bool                `toml:"no_pivot"`
	DisableSnapshotAnnotations    bool                `toml:"disable_snapshot_annotations"`
	DiscardUnpackedLayers         bool                `toml:"discard_unpacked_layers"`
	IgnoreBlockIONotEnabledErrors bool                `toml:"ignore_blockio_not_enabled_errors"`
	IgnoreRdtNotEnabledErrors     bool                `toml:"ignore_rdt_not_enabled_errors"`
}

type runtime1 struct {
	Type                     string         `toml:"runtime_type"`
	Path                     string         `toml:"runtime_path"`
	Engine                   string         `toml:"runtime_engine"`
	PodAnnotations           []string       `toml:"pod_annotations"`
	ContainerAnnotations     []string       `toml:"container_annotations"`
	Root                     string         `toml:"runtime_root"`
	Options                  map[string]any `toml:"options"`
	PrivilegedWithoutDevices bool           `toml:"privileged_without_host_devices"`
	PrivilegedAllDevices     bool           `toml:"privileged_without_host_devices_all_devices_allowed"`
	BaseRuntimeSpec          string         `toml:"base_runtime_spec"`
	CNIConfDir               string         `toml:"cni_conf_dir"`
	CNIMaxConfNum            int            `toml:"cni_max_conf_num"`
	Snapshotter              string         `toml:"snapshotter"`
	SandboxMode              string         `toml:"sandbox_mode"`
}

type CNI1 struct {
	BinDir        string `toml:"bin_dir"`
	ConfDir       string `toml:"conf_dir"`
	MaxConfNum    int    `toml:"max_conf_num"`
	SetupSerially bool   `toml:"setup_serially"`
	ConfTemplate  string `toml:"conf_template"`
	IPPreference  string `toml:"ip_pref"`
}

type Decryption struct {
	KeyModel string `toml:"key_model"`
}

type StreamingPair struct {
	TLSCertFile string `toml:"tls_cert_file"`
	TLSKeyFile  string `toml:"tls_key_file"`
}

// registry1 is the registry table of containerd 1.x.
type registry1 struct {
	ConfigPath string               `toml:"config_path"`
	Mirrors    map[string]mirror    `toml:"mirrors"`
	Configs    map[string]host1     `toml:"configs"`
	Auths      map[string]authTable `toml:"auths"`
	Headers    map[string][]string  `toml:"headers"`
}

// registry2 is that of containerd 2.x, which no longer knows configs.*.tls.
type registry2 struct {
	ConfigPath string               `toml:"config_path"`
	Mirrors    map[string]mirror    `toml:"mirrors"`
	Configs    map[string]host2     `toml:"configs"`
	Auths      map[string]authTable `toml:"auths"`
	Headers    map[string][]string  `toml:"headers"`
}

type mirror struct {
	Endpoints []string `toml:"endpoint"`
}

type host1 struct {
	Auth *authTable `toml:"auth"`
	TLS  *tlsTable  `toml:"tls"`
}

type host2 struct {
	Auth *authTable `toml:"auth"`
}

type authTable struct {
	Username      string `toml:"username"`
	Password      string `toml:"password"`
	Auth          string `toml:"auth"`
	IdentityToken string `toml:"identitytoken"`
}

type tlsTable struct {
	InsecureSkipVerify bool   `toml:"insecure_skip_verify"`
	CAFile             string `toml:"ca_file"`
	CertFile           string `toml:"cert_file"`
	KeyFile            string `toml:"key_file"`
}

// images2 is the image service of containerd 2.x.
type images2 struct {
	Snapshotter                string              `toml:"snapshotter"`
	DisableSnapshotAnnotations bool                `toml:"disable_snapshot_annotations"`
	DiscardUnpackedLayers      bool                `toml:"discard_unpacked_layers"`
	PinnedImages               map[string]string   `toml:"pinned_images"`
	RuntimePlatforms           map[string]platform `toml:"runtime_platforms"`
	Registry                   registry2           `toml:"registry"`
	Decryption                 `toml:"image_decryption"`
	MaxConcurrentDownloads     int    `toml:"max_concurrent_downloads"`
	ConcurrentLayerFetchBuffer int    `toml:"concurrent_layer_fetch_buffer"`
	ImagePullProgressTimeout   string `toml:"image_pull_progress_timeout"`
	ImagePullWithSyncFs        bool   `toml:"image_pull_with_sync_fs"`
	StatsCollectPeriod         int    `toml:"stats_collect_period"`
	UseLocalImagePull          bool   `toml:"use_local_image_pull"`
}

type platform struct {
	Platform    string `toml:"platform"`
	Snapshotter string `toml:"snapshotter"`
}

// runtime2 is the runtime service of containerd 2.x.
type runtime2 struct {
	Containerd2                        `toml:"containerd"`
	CNI2                               `toml:"cni"`
	EnableSelinux                      bool     `toml:"enable_selinux"`
	SelinuxCategoryRange               int      `toml:"selinux_category_range"`
	MaxContainerLogLineSize            int      `toml:"max_container_log_line_size"`
	DisableApparmor                    bool     `toml:"disable_apparmor"`
	RestrictOOMScoreAdj                bool     `toml:"restrict_oom_score_adj"`
	DisableProcMount                   bool     `toml:"disable_proc_mount"`
	UnsetSeccompProfile                string   `toml:"unset_seccomp_profile"`
	TolerateMissingHugetlbController   bool     `toml:"tolerate_missing_hugetlb_controller"`
	DisableHugetlbController           bool     `toml:"disable_hugetlb_controller"`
	DeviceOwnershipFromSecurityContext bool     `toml:"device_ownership_from_security_context"`
	IgnoreImageDefinedVolumes          bool     `toml:"ignore_image_defined_volumes"`
	NetNSMountsUnderStateDir           bool     `toml:"netns_mounts_under_state_dir"`
	EnableUnprivilegedPorts            bool     `toml:"enable_unprivileged_ports"`
	EnableUnprivilegedICMP             bool     `toml:"enable_unprivileged_icmp"`
	CDISpecDirs                        []string `toml:"cdi_spec_dirs"`
	DrainExecSyncIOTimeout             string   `toml:"drain_exec_sync_io_timeout"`
	IgnoreDeprecationWarnings          []string `toml:"ignore_deprecation_warnings"`
	StatsCollectPeriod                 string   `toml:"stats_collect_period"`
	StatsRetentionPeriod               string   `toml:"stats_retention_period"`
	EnableCRIU                         *bool    `toml:"enable_criu"`
}

type Containerd2 struct {
	DefaultRuntimeName            string             `toml:"default_runtime_name"`
	Runtimes                      map[string]handler `toml:"runtimes"`
	IgnoreBlockIONotEnabledErrors bool               `toml:"ignore_blockio_not_enabled_errors"`
	IgnoreRdtNotEnabledErrors     bool               `toml:"ignore_rdt_not_enabled_errors"`
}

type handler struct {
	Type                     string         `toml:"runtime_type"`
	Path                     string         `toml:"runtime_path"`
	PodAnnotations           []string       `toml:"pod_annotations"`
	ContainerAnnotations     []string       `toml:"container_annotations"`
	Options                  map[string]any `toml:"options"`
	PrivilegedWithoutDevices bool           `toml:"privileged_without_host_devices"`
	PrivilegedAllDevices     bool           `toml:"privileged_without_host_devices_all_devices_allowed"`
	CgroupWritable           bool           `toml:"cgroup_writable"`
	BaseRuntimeSpec          string         `toml:"base_runtime_spec"`
	CNIConfDir               string         `toml:"cni_conf_dir"`
	CNIMaxConfNum            int            `toml:"cni_max_conf_num"`
	Snapshotter              string         `toml:"snapshotter"`
	Sandboxer                string         `toml:"sandboxer"`
	DisablePauseImagePull    bool           `toml:"disable_pause_image_pull"`
	IOType                   string         `toml:"io_type"`
}

type CNI2 struct {
	BinDir              string   `toml:"bin_dir"`
	BinDirs             []string `toml:"bin_dirs"`
	ConfDir             string   `toml:"conf_dir"`
	MaxConfNum          int      `toml:"max_conf_num"`
	SetupSerially       bool     `toml:"setup_serially"`
	ConfTemplate        string   `toml:"conf_template"`
	IPPreference        string   `toml:"ip_pref"`
	UseInternalLoopback bool     `toml:"use_internal_loopback"`
}

// server2 is what is left of io.containerd.grpc.v1.cri in containerd 2.x.
type server2 struct {
	DisableTCPService   bool   `toml:"disable_tcp_service"`
	StreamServerAddress string `toml:"stream_server_address"`
	StreamServerPort    string `toml:"stream_server_port"`
	StreamIdleTimeout   string `toml:"stream_idle_timeout"`
	EnableTLSStreaming  bool   `toml:"enable_tls_streaming"`
	StreamingPair       `toml:"x509_key_pair_streaming"`
}
