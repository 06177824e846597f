package containerdconfig

// daemon is what the daemon itself reads of a file; [plugins] is decoded apart.
// Source: containerd services/server/config (1.x) and cmd/containerd/server/config
// (2.x), type Config.
type daemon struct {
	Version          int                  `toml:"version"`
	Root             string               `toml:"root"`
	State            string               `toml:"state"`
	Temp             string               `toml:"temp"`
	PluginDir        string               `toml:"plugin_dir"`
	GRPC             socketTable          `toml:"grpc"`
	TTRPC            ttrpcTable           `toml:"ttrpc"`
	Debug            debugTable           `toml:"debug"`
	Metrics          metricsTable         `toml:"metrics"`
	DisabledPlugins  []string             `toml:"disabled_plugins"`
	RequiredPlugins  []string             `toml:"required_plugins"`
	OOMScore         int                  `toml:"oom_score"`
	Cgroup           cgroupTable          `toml:"cgroup"`
	ProxyPlugins     map[string]proxy     `toml:"proxy_plugins"`
	Timeouts         map[string]string    `toml:"timeouts"`
	Imports          []string             `toml:"imports"`
	StreamProcessors map[string]processor `toml:"stream_processors"`
}

type socketTable struct {
	Address        string `toml:"address"`
	TCPAddress     string `toml:"tcp_address"`
	TCPTLSCA       string `toml:"tcp_tls_ca"`
	TCPTLSCert     string `toml:"tcp_tls_cert"`
	TCPTLSKey      string `toml:"tcp_tls_key"`
	UID            int    `toml:"uid"`
	GID            int    `toml:"gid"`
	MaxRecvMsgSize int    `toml:"max_recv_message_size"`
	MaxSendMsgSize int    `toml:"max_send_message_size"`
}

type ttrpcTable struct {
	Address string `toml:"address"`
	UID     int    `toml:"uid"`
	GID     int    `toml:"gid"`
}

type debugTable struct {
	Address string `toml:"address"`
	UID     int    `toml:"uid"`
	GID     int    `toml:"gid"`
	Level   string `toml:"level"`
	Format  string `toml:"format"`
}

type metricsTable struct {
	Address       string `toml:"address"`
	GRPCHistogram bool   `toml:"grpc_histogram"`
}

type cgroupTable struct {
	Path string `toml:"path"`
}

type proxy struct {
	Type    string `toml:"type"`
	Address string `toml:"address"`
}

type processor struct {
	Accepts []string `toml:"accepts"`
	Returns string   `toml:"returns"`
	Path    string   `toml:"path"`
	Args    []string `toml:"args"`
	Env     []string `toml:"env"`
}

// newerDaemon are the keys that containerd 1.6 does not look at.
type newerDaemon struct {
	ProxyPlugins map[string]newerProxy `toml:"proxy_plugins"`
}

type newerProxy struct {
	Platform     string            `toml:"platform"`
	Exports      map[string]string `toml:"exports"`
	Capabilities []string          `toml:"capabilities"`
}
