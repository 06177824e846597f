// Package containerdconfig is containerd's own config.toml, versions 1 to 4,
// with the files it imports: what a containerd of a given version makes of it,
// why its CRI plugin or the daemon itself would not start, and the byte edits
// that cure that. It reads no disk: the caller hands it the files, and certs.d
// belongs to another dialect.
package containerdconfig

import (
	"path"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// DefaultPath is the file that containerd reads when none is named. It is the
// only one that may be absent.
const DefaultPath = "/etc/containerd/config.toml"

// certsDirs is what containerd 2.2 and later use when nothing is configured.
const certsDirs = "/etc/containerd/certs.d:/etc/docker/certs.d"

// Plugin ids, oldest first.
const (
	shortCRI   = "cri"                         // version 1
	grpcCRI    = "io.containerd.grpc.v1.cri"   // version 2
	criImages  = "io.containerd.cri.v1.images" // version 3 and 4
	criRuntime = "io.containerd.cri.v1.runtime"
	grpcServer = "io.containerd.server.v1.grpc" // version 4
	transferV1 = "io.containerd.transfer.v1.local"
)

// Setting is one value and where it was written down; the zero Pos says that it
// is the runtime's default.
type Setting[T any] struct {
	Value T
	At    source.Pos
}

// Config is what one containerd makes of its configuration files.
type Config struct {
	Target route.Target
	Main   string // the file given to -c, or the default path
	Loads  []Load // the files it reads, in this order; none: built-in defaults

	Version  Setting[int]    // before migration: of the whole, since 2.3 of the main file; 0: none is written
	Root     Setting[string] // persistent data, unless --root says otherwise
	State    Setting[string] // unless --state says otherwise
	Address  Setting[string] // gRPC socket, unless --address says otherwise
	Disabled []Setting[string]
	Required []Setting[string]

	Sandbox     Setting[string]        // image of the pause container
	Snapshotter Setting[string]        //
	Remote      Setting[string]        // socket of the program that is the snapshotter; empty: containerd itself is
	Progress    Setting[time.Duration] // a pull without progress for so long is cut; 0: never
	ConfigPath  Setting[string]        // as written, or the default of this version; empty: hosts.toml is not used
	Discards    Setting[bool]          // layers are removed from the store once they are unpacked
	LocalPull   Setting[bool]          // false: the pull goes through the transfer service (2.1 and later)
	LocalWhy    string                 // what makes a pull local that could go the other way; empty: nothing

	Mirrors []Mirror // registry.mirrors, sorted by name
	Hosts   []Host   // registry.configs, registry.auths among them, sorted by name
	Auths   []Host   // registry.auths as written, sorted by name
	Headers []Header // registry.headers, sorted by name

	Fatal     []Failure // why the daemon does not start, the first that it meets; empty: it does
	CRIDead   []Failure // why it starts without its CRI plugin; empty: it does not
	PullFails []Failure // why every single pull fails; empty: it does not
	Ignored   []Ignored // files and tables that do not count
	Unseen    []Failure // files that nobody could read: all else may be different

	layers []*layer
	files  []source.File         // all that Read was given
	tls    map[string]*route.TLS // what tlsFor looks into
}

// Load is one file that was read.
type Load struct {
	Path    string
	At      source.Pos // the import list that names it; zero for the main file
	Version int        // as written; 0: none
	Plugins []string   // ids of the plugin tables in it, in the order of the file
}

// Mirror is one entry of registry.mirrors.
type Mirror struct {
	Name      string // host[:port] or "*"
	Endpoints []Setting[string]
	At        source.Pos
}

// Host is what registry.configs or registry.auths say of one host.
type Host struct {
	Name    string
	Auth    route.Auth
	HasAuth bool
	BadAuth string     // why the auth key makes no credentials; empty: it does, or there is none
	TLS     *route.TLS // nil: no tls table
	Dropped *route.TLS // what a tls table says to a containerd that no longer reads it; nil: there is none
	BadTLS  string     // why every request to the host fails; empty: it does not
	At      source.Pos
	AuthAt  source.Pos
	TLSAt   source.Pos
}

// Header is one entry of registry.headers.
type Header struct {
	Key    string
	Values []route.Secret
	At     source.Pos
}

// Failure is something that containerd refuses, in its own words as far as it
// says anything.
type Failure struct {
	Cause Cause
	Text  string
	At    source.Pos
}

// Cause names a Failure for those who branch on it.
type Cause string

// Causes of failures.
const (
	Missing        Cause = "missing"         // a file is not there
	Syntax         Cause = "syntax"          // a file is not TOML
	WrongType      Cause = "wrong-type"      // a key has a value of another type
	BadVersion     Cause = "bad-version"     // version is higher than this containerd knows
	DropInVersion  Cause = "drop-in-version" // 2.3.0 to 2.3.4: an imported file has a higher version than the main one
	BadPluginID    Cause = "bad-plugin-id"   // a short id where a full one is needed
	BadSetting     Cause = "bad-setting"     // a value that makes no sense to containerd
	RequiredPlugin Cause = "required-plugin" // required_plugins names one that does not load
	MirrorsAndPath Cause = "mirrors-and-config-path"
	TLSAndPath     Cause = "tls-and-config-path"
	DisabledCRI    Cause = "disabled"
	BadAuths       Cause = "bad-auths"
	BadTimeout     Cause = "bad-timeout"
	Unreadable     Cause = "unreadable" // nobody could look inside
)

// Ignored is a file or a part of one that containerd does not take into account.
type Ignored struct {
	At   source.Pos
	What string // "plugins.\"io.containerd.cri.v1.images\""
	Why  string

	id string // of the plugin
	by *layer // the file whose table replaces it
}

// Roots are the directories in which hosts.toml files are looked for, for a
// runtime with a working directory. Where the transfer service pulls, a list is
// one directory with colons in its name, which hardly ever exists.
// Source: containerd plugins' registryHosts (filepath.SplitList) and
// core/transfer/registry (HostDirFromRoot).
func (c Config) Roots(dir string) []string {
	if c.ConfigPath.Value == "" {
		return nil
	}
	roots := []string{c.ConfigPath.Value}
	if c.LocalPull.Value {
		roots = strings.Split(c.ConfigPath.Value, ":")
	}
	for i, r := range roots {
		if !path.IsAbs(r) {
			r = path.Join(dir, r)
		}
		roots[i] = path.Clean(r)
	}
	return roots
}

// List are the directories that config_path names, whether they count or not.
func (c Config) List() []string {
	if c.ConfigPath.Value == "" {
		return nil
	}
	return strings.Split(c.ConfigPath.Value, ":")
}

// ListBug reports whether config_path names several directories and none of
// them counts, because the transfer service takes the list for one directory.
func (c Config) ListBug() bool {
	return !c.LocalPull.Value && strings.Contains(c.ConfigPath.Value, ":")
}

// Dead reports whether no pull through this containerd's CRI socket can work.
func (c Config) Dead() bool { return len(c.Fatal)+len(c.CRIDead)+len(c.PullFails) > 0 }

// old reports whether this is containerd 1.x.
func (c Config) old() bool { return c.Target.Containerd.Before("2.0.0") }

// maxVersion is the highest configuration version that the target can read.
func maxVersion(t route.Target) int {
	switch v := t.Containerd; {
	case v.Before("2.0.0"):
		return 2
	case v.Before("2.3.0"):
		return 3
	}
	return 4
}
