// Package snapshot is all that was seen of one node at one moment: its files,
// its runtimes, its clock and what each host of a pull answered. Rules read
// nothing else. The package holds data only: node and probe fill it, and saved
// as JSON it is judged again elsewhere.
package snapshot

import (
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Schema names the form of a saved snapshot.
const Schema = "towpath/snapshot/v1"

// Snapshot is one look at one node, for one image if Image is set.
type Snapshot struct {
	Schema  string            `json:"schema"`
	Taken   time.Time         `json:"taken"`
	Image   string            `json:"image,omitempty"`
	Ref     route.Ref         `json:"ref"`
	Node    *Node             `json:"node,omitempty"`    // nil: only files were read
	Runtime *Runtime          `json:"runtime,omitempty"` // the one that would pull; nil: none is known
	Table   route.Table       `json:"table"`             // its effective configuration, secrets masked
	Config  []finding.Finding `json:"config"`            // what reading the configuration found
	Files   []source.File     `json:"-"`                 // may hold secrets: never saved
	Pull    *Pull             `json:"pull,omitempty"`    // nil: the network was not tried
	Sandbox *Pull             `json:"sandbox,omitempty"` // a look at the sandbox image, when the runtime lacks it
	Entries []Entry           `json:"entries,omitempty"` // credentials that come with the pull, in the order in which the kubelet tries them
	Tokens  []CloudToken      `json:"tokens,omitempty"`  // those of clouds among all credentials for the image
	Logins  []Login           `json:"logins,omitempty"`  // of other programs, for hosts of the pull
}

// Entry is one set of credentials of a pull secret or a config.json.
type Entry struct {
	Key     string     `json:"key"`
	Source  string     `json:"source"` // "--creds FILE"
	From    source.Pos `json:"from"`
	Tried   bool       `json:"tried"`
	Refused string     `json:"refused,omitempty"` // what the registry said to it; empty: nothing, or it was not tried
}

// CloudToken is a short-lived password of a cloud's registry.
type CloudToken struct {
	Host    string     `json:"host"`
	Cloud   string     `json:"cloud"`
	Source  string     `json:"source"` // as in Auth.Source
	Expires time.Time  `json:"expires,omitzero"`
	From    source.Pos `json:"from"`
}

// Login is what another program of the node knows to log in with. It was not
// tried.
type Login struct {
	Program string     `json:"program"` // "docker and nerdctl", "podman"
	Host    string     `json:"host"`
	Helper  string     `json:"helper,omitempty"` // where the password is instead
	From    source.Pos `json:"from"`
}

// Node is what a machine, or the tree under a --root, says of itself.
type Node struct {
	Root        string            `json:"root"` // "/" unless --root was given
	Live        bool              `json:"live"` // processes and sockets could be looked at
	Name        string            `json:"name"`
	Unseen      []Unseen          `json:"unseen,omitempty"`
	Runtimes    []Runtime         `json:"runtimes,omitempty"`
	Kubelet     *Kubelet          `json:"kubelet,omitempty"`
	Sources     []string          `json:"sources,omitempty"` // of host names, in order, by nsswitch.conf: "files", "dns"; empty: it does not say
	Hosts       []HostsLine       `json:"hosts,omitempty"`   // /etc/hosts as the runtime sees it
	Resolv      Resolv            `json:"resolv"`
	ShellProxy  map[string]string `json:"shellProxy,omitempty"`  // proxy variables of the caller, passwords masked
	OtherProxy  []ProxySetting    `json:"otherProxy,omitempty"`  // where else on the node a proxy is configured
	Trust       Trust             `json:"trust"`                 // the system's certificate pool as the runtime would load it now
	Disks       []Disk            `json:"disks,omitempty"`       // of the runtime's content and snapshots
	Limits      []Limit           `json:"limits,omitempty"`      // of the kernel and of the runtime's process, how far they are used
	Translation []PacketRule      `json:"translation,omitempty"` // rules of this node that redirect or drop outgoing packets
}

// Unseen is something that could not be looked at, and why.
type Unseen struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Runtime is one container runtime and the configuration it really loaded.
type Runtime struct {
	Target  route.Target      `json:"target"`
	PID     int               `json:"pid,omitempty"` // 0: not running, known from its files or from --runtime
	Exe     string            `json:"exe,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Dir     string            `json:"dir,omitempty"` // working directory
	UID     int               `json:"uid,omitempty"` // of its process; -1: not known
	Started time.Time         `json:"started,omitzero"`
	Env     map[string]string `json:"env,omitempty"`  // proxy, SSL_CERT_*, GODEBUG; passwords masked
	Unit    string            `json:"unit,omitempty"` // systemd unit that owns the process: "containerd.service"
	Socket  string            `json:"socket,omitempty"`
	API     string            `json:"api,omitempty"`    // socket of Docker's own API; of the others empty
	Config  string            `json:"config,omitempty"` // main configuration file; empty: built-in defaults
	Given   bool              `json:"given,omitempty"`  // named by flags, not found
	Data    string            `json:"data,omitempty"`   // its root directory: content and snapshots
	NetNS   string            `json:"netns,omitempty"`  // "net:[4026531840]"
	MountNS string            `json:"mountns,omitempty"`
	PIDNS   string            `json:"pidns,omitempty"`
	Root    string            `json:"root,omitempty"` // path by which its file system is reached: "/proc/PID/root"
	CRI     CRI               `json:"cri"`
	Sandbox SandboxImage      `json:"sandbox"`
	Remote  *Remote           `json:"remote,omitempty"`  // nil: its snapshotter is its own
	Classic bool              `json:"classic,omitempty"` // its ClientHello has no post-quantum key share: an older Go, or switched off
	Found   string            `json:"found,omitempty"`   // how all this is known, one line for people
	Apart   bool              `json:"apart,omitempty"`   // it lives in another network namespace than we
	Owner   *Owner            `json:"owner,omitempty"`   // nil: it is its own master
	Proxies []ProxySetting    `json:"proxies,omitempty"` // where its unit sets proxy variables; the last of a name counts

	// Secrets of the environment, such as the password of a proxy. Never saved.
	Reveal map[string]route.Secret `json:"-"`
}

// Door is the socket by which the runtime is asked and pulls: CRI where it has
// that, else its own API. Empty: it has none.
func (r *Runtime) Door() string {
	if r.Socket != "" {
		return r.Socket
	}
	return r.API
}

// Owner is the program that runs a containerd of its own and writes its
// configuration: k3s, RKE2 or k0s.
type Owner struct {
	PID     int       `json:"pid,omitempty"` // 0: not running
	Exe     string    `json:"exe,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Options []Option  `json:"options,omitempty"`
}

// Option is a setting that a program was started with, as far as it matters to
// pulls: "private-registry", "data-dir".
type Option struct {
	Key   string     `json:"key"`
	Value string     `json:"value"`
	At    source.Pos `json:"at"`
}

// Option returns the value of an option; empty: it was not given.
func (o *Owner) Option(key string) string {
	if o != nil {
		for _, p := range o.Options {
			if p.Key == key {
				return p.Value
			}
		}
	}
	return ""
}

// CRI is what the runtime's socket answered.
type CRI struct {
	Asked    bool   `json:"asked"`
	Answers  bool   `json:"answers"`            // the Version call succeeded
	Images   bool   `json:"images"`             // the image service is registered
	Err      string `json:"err,omitempty"`      // verbatim
	Unlisted bool   `json:"unlisted,omitempty"` // "unknown service": the plugin is not loaded
	TimedOut bool   `json:"timedOut,omitempty"`

	// Loaded is the registry configuration that the runtime goes by, as it tells
	// itself; nil: it does not. containerd 1.x and Docker do, containerd 2.x does not.
	Loaded *Loaded `json:"loaded,omitempty"`
}

// Loaded is what of a configuration the runtime has in memory.
type Loaded struct {
	ConfigPath string              `json:"configPath"`
	Mirrors    map[string][]string `json:"mirrors,omitempty"`  // endpoints by registry
	Insecure   []string            `json:"insecure,omitempty"` // of Docker: hosts and ranges that are not verified, this machine's own left out
}

// SandboxImage is the image of the pause container.
type SandboxImage struct {
	Image   string     `json:"image,omitempty"`
	From    source.Pos `json:"from"` // zero: the runtime's default
	Checked bool       `json:"checked"`
	Present bool       `json:"present"`
}

// Remote is a snapshotter that is a program of its own.
type Remote struct {
	Name   string     `json:"name"` // as the runtime's configuration calls it
	Socket string     `json:"socket"`
	From   source.Pos `json:"from"`
	Asked  bool       `json:"asked"`
	Err    string     `json:"err,omitempty"`    // why it does not answer; empty: it does
	Absent bool       `json:"absent,omitempty"` // there is no such socket, or nobody listens at it
}

// Kubelet is the kubelet of the node, as far as it tells which runtime counts
// and where credentials come from.
type Kubelet struct {
	PID      int        `json:"pid"` // 0: not running
	Endpoint string     `json:"endpoint,omitempty"`
	From     source.Pos `json:"from"`

	ProviderConfig string     `json:"providerConfig,omitempty"` // --image-credential-provider-config: a file or a directory
	ProviderBin    string     `json:"providerBin,omitempty"`    // --image-credential-provider-bin-dir
	Providers      []Provider `json:"providers,omitempty"`      // what is configured there; none if it is refused
}

// Provider is a program that the kubelet runs for credentials.
type Provider struct {
	Name   string     `json:"name"`
	Images []string   `json:"images"` // matchImages
	From   source.Pos `json:"from"`
}

// HostsLine is one address of /etc/hosts with its names.
type HostsLine struct {
	At    source.Pos `json:"at"`
	Addr  string     `json:"addr"`
	Names []string   `json:"names"`
}

// Resolv is resolv.conf.
type Resolv struct {
	File     string        `json:"file"`
	Servers  []NameServer  `json:"servers,omitempty"`
	Search   []string      `json:"search,omitempty"`
	Ndots    int           `json:"ndots"`
	Timeout  time.Duration `json:"timeout"`
	Attempts int           `json:"attempts"`
	Problem  string        `json:"problem,omitempty"` // why it could not be used
}

// NameServer is one server to ask. Node servers are those of resolv.conf; the
// others were named by the user, to compare with.
type NameServer struct {
	Addr string     `json:"addr"` // host:port
	Node bool       `json:"node"`
	At   source.Pos `json:"at"`
}

// ProxySetting is a proxy that some other program of the node uses.
type ProxySetting struct {
	At    source.Pos `json:"at"`
	Key   string     `json:"key"`
	Value string     `json:"value"` // password masked
}

// Trust is a certificate pool on disk.
type Trust struct {
	Files   []TrustFile `json:"files,omitempty"`
	Anchors []Anchor    `json:"anchors,omitempty"`
	From    string      `json:"from,omitempty"` // "SSL_CERT_FILE" when the environment chose
	Problem string      `json:"problem,omitempty"`
}

// TrustFile is one file that was read for the pool.
type TrustFile struct {
	Path    string    `json:"path"`
	Changed time.Time `json:"changed"` // the later of content and inode change
	Anchors int       `json:"anchors"`
	Err     string    `json:"err,omitempty"`
}

// Anchor is one certificate of the pool, by what identifies it.
type Anchor struct {
	Subject string    `json:"subject"`           // RFC 2253
	RawSubj []byte    `json:"rawSubj,omitempty"` // DER, to compare with issuers
	KeyID   string    `json:"keyId"`             // SHA-256 of the public key, hex
	Expires time.Time `json:"expires"`
	File    string    `json:"file"`
	Changed time.Time `json:"changed"` // of that certificate's own file, where it has one
	Local   bool      `json:"local"`   // added on this node, not part of the distribution's set
}

// Disk is the file system under one directory of the runtime.
type Disk struct {
	What       string `json:"what"` // "content" or "snapshots"
	Path       string `json:"path"`
	Total      uint64 `json:"total"` // bytes
	Free       uint64 `json:"free"`  // bytes that an ordinary process may use
	Inodes     uint64 `json:"inodes"`
	InodesFree uint64 `json:"inodesFree"`
	ReadOnly   bool   `json:"readOnly"`
}

// Limit is a number of things that the kernel allows, and how many are in use.
type Limit struct {
	What string `json:"what"` // "conntrack", "files" (of the runtime's process), "ports"
	Used int    `json:"used"` // -1: not known
	Max  int    `json:"max"`
	From string `json:"from"` // the file that tells
}

// PacketRule is a rule of the node's packet filter that touches outgoing
// traffic, as the kernel prints it.
type PacketRule struct {
	Table  string `json:"table"`  // "ip nat OUTPUT"
	Text   string `json:"text"`   // verbatim
	Action string `json:"action"` // "dnat", "redirect", "drop", "reject"
	To     string `json:"to,omitempty"`
}
