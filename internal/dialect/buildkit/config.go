package buildkit

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	v2 "github.com/pelletier/go-toml/v2"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// config is an accepted file.
type config struct {
	doc        *tomldoc.Doc // nil: no places are known
	registries map[string]registry
	names      []string // sorted
	places     map[string]source.Pos
}

// registry is one table. Source: util/resolver/config.
type registry struct {
	Mirrors  []string  `toml:"mirrors"`
	HTTP     *bool     `toml:"http"`
	Insecure *bool     `toml:"insecure"`
	CA       []string  `toml:"ca"`
	Pairs    []keypair `toml:"keypair"`
	Dirs     []string  `toml:"tlsconfigdir"`
}

type keypair struct {
	Key  string `toml:"key"`
	Cert string `toml:"cert"`
}

// decode reads the file as buildkitd does, which does not mind unknown keys.
func (r *reader) decode() {
	var all daemon
	bad := tomldoc.Try(tomldoc.V2, r.file.Path, r.file.Data, func() error { return v2.Unmarshal(r.file.Data, &all) })
	if bad != nil {
		r.refused(bad)
		return
	}
	c := &config{registries: all.Registries, places: map[string]source.Pos{}}
	c.names = slices.Sorted(maps.Keys(c.registries))
	if doc, none := tomldoc.Parse(r.file.Path, r.file.Data); none == nil {
		c.doc = doc
		for _, e := range doc.Entries {
			for n := 1; n <= len(e.Path); n++ {
				if key := joined(e.Path[:n]); c.places[key].IsZero() || n == len(e.Path) && e.Kind == tomldoc.Header {
					c.places[key] = e.At
				}
			}
		}
	}
	r.config = c
}

func joined(keys []string) string { return strings.Join(keys, "\x00") }

// at is the place of a key of a registry's table, or of the table.
func (c *config) at(file string, keys ...string) source.Pos {
	keys = append([]string{"registry"}, keys...)
	for n := len(keys); n > 0; n-- {
		if p, ok := c.places[joined(keys[:n])]; ok {
			return p
		}
	}
	return source.Pos{File: file}
}

// elements are the places of the elements of an array.
func (c *config) elements(file string, n int, keys ...string) []source.Pos {
	out := make([]source.Pos, n)
	for i := range out {
		out[i] = c.at(file, keys...)
	}
	if c.doc == nil {
		return out
	}
	if e := c.doc.Find(append([]string{"registry"}, keys...)...); e != nil {
		if spans := c.doc.Elements(e.Value); len(spans) == n {
			for i, s := range spans {
				out[i] = c.doc.Within(*e, s.Start)
			}
		}
	}
	return out
}

func (r *reader) refused(bad *tomldoc.Problem) {
	if bad.Unread {
		r.book.Say(unread, "", bad.At, finding.Args{"why": bad.Text})
		return
	}
	variant := ""
	if strings.ContainsAny(source.Line(r.file.Data, bad.At.Line), "“”‘’") {
		variant = "quotes"
	}
	r.book.Say(refused, variant, bad.At, finding.Args{"why": evidence.Message(bad.Text)})
}

// The rest of the file, of which only the types count: one value of a wrong
// type anywhere keeps buildkitd from starting. Source: cmd/buildkitd/config.
type daemon struct {
	Debug            bool     `toml:"debug"`
	Trace            bool     `toml:"trace"`
	Root             string   `toml:"root"`
	Entitlements     []string `toml:"insecure-entitlements"`
	ProxyNetwork     bool     `toml:"proxyNetwork"`
	ProvenanceEnvDir string   `toml:"provenanceEnvDir"`

	Log        struct{ Format, Level string } `toml:"log"`
	GRPC       grpc                           `toml:"grpc"`
	OTEL       struct{ SocketPath string }    `toml:"otel"`
	CDI        cdi                            `toml:"cdi"`
	Workers    workers                        `toml:"worker"`
	Registries map[string]registry            `toml:"registry"`
	DNS        *dns                           `toml:"dns"`
	History    *history                       `toml:"history"`
	Frontends  frontends                      `toml:"frontend"`
	System     *system                        `toml:"system"`
	Compaction compaction                     `toml:"compaction"`
}

type grpc struct {
	Address            []string                       `toml:"address"`
	DebugAddress       string                         `toml:"debugAddress"`
	UID                *int                           `toml:"uid"`
	GID                *int                           `toml:"gid"`
	SecurityDescriptor string                         `toml:"securityDescriptor"`
	TLS                struct{ Cert, Key, CA string } `toml:"tls"`
}

type cdi struct {
	Disabled    *bool    `toml:"disabled"`
	SpecDirs    []string `toml:"specDirs"`
	AutoAllowed []string `toml:"autoAllowed"`
}

type workers struct {
	OCI        ociWorker        `toml:"oci"`
	Containerd containerdWorker `toml:"containerd"`
}

type common struct {
	Enabled             *bool             `toml:"enabled"`
	Labels              map[string]string `toml:"labels"`
	Platforms           []string          `toml:"platforms"`
	Snapshotter         string            `toml:"snapshotter"`
	Rootless            bool              `toml:"rootless"`
	DefaultCgroupParent string            `toml:"defaultCgroupParent"`
	ApparmorProfile     string            `toml:"apparmor-profile"`
	SELinux             bool              `toml:"selinux"`
	MaxParallelism      int               `toml:"max-parallelism"`

	GC              *bool      `toml:"gc"`
	GCKeepStorage   diskSpace  `toml:"gckeepstorage"`
	GCReservedSpace diskSpace  `toml:"reservedSpace"`
	GCMaxUsedSpace  diskSpace  `toml:"maxUsedSpace"`
	GCMinFreeSpace  diskSpace  `toml:"minFreeSpace"`
	GCPolicy        []gcPolicy `toml:"gcpolicy"`

	Mode          string `toml:"networkMode"`
	CNIConfigPath string `toml:"cniConfigPath"`
	CNIBinaryPath string `toml:"cniBinaryPath"`
	CNIPoolSize   int    `toml:"cniPoolSize"`
	BridgeName    string `toml:"bridgeName"`
	BridgeSubnet  string `toml:"bridgeSubnet"`
}

type ociWorker struct {
	common
	NoProcessSandbox     bool           `toml:"noProcessSandbox"`
	UserRemapUnsupported string         `toml:"userRemapUnsupported"`
	Binary               string         `toml:"binary"`
	ProxySnapshotterPath string         `toml:"proxySnapshotterPath"`
	Stargz               map[string]any `toml:"stargzSnapshotter"`
}

type containerdWorker struct {
	common
	Address         string  `toml:"address"`
	Namespace       string  `toml:"namespace"`
	Runtime         runtime `toml:"runtime"`
	HyperVIsolation bool    `toml:"hypervIsolation"`
}

type runtime struct {
	Name    string         `toml:"name"`
	Path    string         `toml:"path"`
	Options map[string]any `toml:"options"`
}

type gcPolicy struct {
	All           bool      `toml:"all"`
	Filters       []string  `toml:"filters"`
	KeepDuration  duration  `toml:"keepDuration"`
	KeepBytes     diskSpace `toml:"keepBytes"`
	ReservedSpace diskSpace `toml:"reservedSpace"`
	MaxUsedSpace  diskSpace `toml:"maxUsedSpace"`
	MinFreeSpace  diskSpace `toml:"minFreeSpace"`
}

type dns struct {
	Nameservers   []string `toml:"nameservers"`
	Options       []string `toml:"options"`
	SearchDomains []string `toml:"searchDomains"`
}

type history struct {
	MaxAge     duration `toml:"maxAge"`
	MaxEntries *int64   `toml:"maxEntries"`
}

type frontends struct {
	Dockerfile struct {
		Enabled *bool `toml:"enabled"`
	} `toml:"dockerfile.v0"`
	Gateway struct {
		Enabled             *bool    `toml:"enabled"`
		AllowedRepositories []string `toml:"allowedRepositories"`
	} `toml:"gateway.v0"`
}

type system struct {
	PlatformsCacheMaxAge   *duration `toml:"platformsCacheMaxAge"`
	MaxRegistryConcurrency *int      `toml:"maxRegistryConcurrency"`
	SessionAuthTimeout     *duration `toml:"sessionAuthTimeout"`
}

type compaction struct {
	Enabled                bool      `toml:"enabled"`
	IdleTimeout            *duration `toml:"idleTimeout"`
	MaxRetry               *int      `toml:"maxRetry"`
	WritesPerCheck         *uint64   `toml:"writesPerCheck"`
	SizeWatermark          *int64    `toml:"sizeWatermark"`
	SizeGrowthPercent      *int64    `toml:"sizeGrowthPercent"`
	MinReclaimBytes        *int64    `toml:"minReclaimBytes"`
	MinReclaimPercent      *int64    `toml:"minReclaimPercent"`
	MinReclaimPercentFloor *int64    `toml:"minReclaimPercentFloor"`
}

// duration is "1h30m", or a number of seconds.
type duration struct{}

// UnmarshalText is called by the TOML library.
func (*duration) UnmarshalText(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "" {
		return nil
	}
	_, err := time.ParseDuration(text)
	if err != nil {
		_, err = strconv.ParseInt(text, 10, 64)
	}
	return err
}

// diskSpace is "10GB", "20%" or a number of bytes.
type diskSpace struct{}

var size = regexp.MustCompile(`^\d+(\.\d+)?\s*([kKmMgGtTpP]?[iI]?[bB]?)$`)

var errSize = errors.New("invalid disk space")

// UnmarshalText is called by the TOML library.
func (*diskSpace) UnmarshalText(data []byte) error {
	text := strings.Trim(string(data), `"`)
	number, percent := strings.CutSuffix(text, "%")
	if percent {
		_, err := strconv.ParseInt(number, 10, 64)
		return err
	}
	if text != "" && !size.MatchString(text) {
		return errSize
	}
	return nil
}
