package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/source"
)

// settings is daemon.json as dockerd decodes it, as far as types go: of what
// has nothing to do with pulls only that a value has the right type is looked at.
// Source: moby daemon/config/config.go, config_linux.go.
type settings struct {
	Mirrors  []string        `json:"registry-mirrors"`
	Insecure []string        `json:"insecure-registries"`
	Features map[string]bool `json:"features"`
	Proxies  struct {
		HTTP  string `json:"http-proxy"`
		HTTPS string `json:"https-proxy"`
		No    string `json:"no-proxy"`
	} `json:"proxies"`

	Downloads   int    `json:"max-concurrent-downloads"`
	Uploads     int    `json:"max-concurrent-uploads"`
	Attempts    int    `json:"max-download-attempts"`
	MTU         int    `json:"mtu"`
	Diagnostic  int    `json:"network-diagnostic-port"`
	ControlMTU  int    `json:"network-control-plane-mtu"`
	Shutdown    int    `json:"shutdown-timeout"`
	LogLevel    string `json:"log-level"`
	LogFormat   string `json:"log-format"`
	CorsHeaders string `json:"api-cors-header"`

	texts
	flags
	lists
}

type texts struct {
	LogDriver    string            `json:"log-driver"`
	LogOpts      map[string]string `json:"log-opts"`
	Bridge       string            `json:"bridge"`
	FixedCIDR    string            `json:"fixed-cidr"`
	CAFile       string            `json:"tlscacert"`
	CertFile     string            `json:"tlscert"`
	KeyFile      string            `json:"tlskey"`
	Driver       string            `json:"storage-driver"`
	Pidfile      string            `json:"pidfile"`
	Root         string            `json:"data-root"`
	ExecRoot     string            `json:"exec-root"`
	Group        string            `json:"group"`
	Containerd   string            `json:"containerd"`
	Namespace    string            `json:"containerd-namespace"`
	Runtime      string            `json:"default-runtime"`
	Metrics      string            `json:"metrics-addr"`
	Swarm        string            `json:"swarm-default-advertise-addr"`
	ProxyPath    string            `json:"userland-proxy-path"`
	BIP          string            `json:"bip"`
	BIP6         string            `json:"bip6"`
	CgroupParent string            `json:"cgroup-parent"`
	Userns       string            `json:"userns-remap"`
	InitPath     string            `json:"init-path"`
	Seccomp      string            `json:"seccomp-profile"`
	IPC          string            `json:"default-ipc-mode"`
	CgroupNS     string            `json:"default-cgroupns-mode"`
}

type flags struct {
	RawLogs      bool  `json:"raw-logs"`
	LiveRestore  bool  `json:"live-restore"`
	Debug        bool  `json:"debug"`
	TLS          *bool `json:"tls"`
	TLSVerify    *bool `json:"tlsverify"`
	Experimental bool  `json:"experimental"`
	CRI          bool  `json:"cri-containerd"`
	Iptables     bool  `json:"iptables"`
	IP6tables    bool  `json:"ip6tables"`
	Forward      bool  `json:"ip-forward"`
	NoDrop       bool  `json:"ip-forward-no-drop"`
	Masq         bool  `json:"ip-masq"`
	UserlandProx bool  `json:"userland-proxy"`
	Direct       bool  `json:"allow-direct-routing"`
	IPv6         bool  `json:"ipv6"`
	ICC          bool  `json:"icc"`
	SELinux      bool  `json:"selinux-enabled"`
	Init         bool  `json:"init"`
	NoNewPriv    bool  `json:"no-new-privileges"`
	Rootless     bool  `json:"rootless"`
	CPUPeriod    int64 `json:"cpu-rt-period"`
	CPURuntime   int64 `json:"cpu-rt-runtime"`
}

type lists struct {
	DNS        []string                     `json:"dns"`
	DNSOpts    []string                     `json:"dns-opts"`
	DNSSearch  []string                     `json:"dns-search"`
	AuthPlugin []string                     `json:"authorization-plugins"`
	ExecOpts   []string                     `json:"exec-opts"`
	Storage    []string                     `json:"storage-opts"`
	Labels     []string                     `json:"labels"`
	Hosts      []string                     `json:"hosts"`
	Generic    []string                     `json:"node-generic-resources"`
	CDI        []string                     `json:"cdi-spec-dirs"`
	NetOpts    map[string]map[string]string `json:"default-network-opts"`
}

// decode reads daemon.json as dockerd does: it may begin with a byte order mark,
// be in UTF-16 after one, and be empty.
func (r *reader) decode() {
	f := r.file
	switch {
	case f == nil || f.Kind == source.Dangling || f.Problem == "no such file or directory":
		return
	case f.Unread || strings.Contains(f.Problem, "permission"):
		r.unread = true
		return
	case f.Problem != "" || f.Kind != source.Regular:
		r.refuse(badJSON, "read", source.Pos{File: f.Path}, finding.Args{"why": f.Problem})
		return
	}
	var ok bool
	if r.text, ok = r.plain(f.Data); !ok {
		r.refuse(badJSON, "encoding", source.Pos{File: f.Path}, nil)
		return
	}
	doc, bad := jsondoc.Parse(f.Path, r.text)
	if bad != nil && bad.Unread {
		r.unread = true
		return
	}
	if bad != nil {
		r.refuse(badJSON, r.mistake(bad.At), bad.At, finding.Args{"why": bad.Text})
		return
	}
	r.doc = doc
	if doc.Root == nil || doc.Root.Kind == jsondoc.Null {
		return
	}
	if doc.Root.Kind != jsondoc.Object {
		r.refuse(badJSON, "type", doc.Pos(doc.Root), finding.Args{"why": "the file holds " + doc.Root.Kind.String() + " where an object is wanted"})
		return
	}
	r.check()
}

// plain decodes the marks that editors on Windows leave. White space that JSON
// does not know is allowed at both ends.
func (r *reader) plain(data []byte) ([]byte, bool) {
	mark := func(s string) bool { return bytes.HasPrefix(data, []byte(s)) }
	switch {
	case mark("\xef\xbb\xbf"):
		data = append([]byte("   "), data[3:]...)
	case mark("\xff\xfe") || mark("\xfe\xff"):
		r.wide = true
		data = fromWide(data)
	}
	if !utf8.Valid(data) {
		return nil, false
	}
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return nil, true
	}
	out := bytes.Clone(data)
	start := bytes.Index(data, trimmed)
	for i := range out {
		if (i < start || i >= start+len(trimmed)) && out[i] != '\n' {
			out[i] = ' '
		}
	}
	return out, true
}

func fromWide(data []byte) []byte {
	big := data[0] == 0xfe
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		if big {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		} else {
			units = append(units, uint16(data[i+1])<<8|uint16(data[i]))
		}
	}
	if len(data)%2 == 1 {
		units = append(units, utf8.RuneError)
	}
	return []byte(string(utf16.Decode(units)))
}

func (r *reader) refuse(k finding.Kind, variant string, at source.Pos, args finding.Args) {
	if r.refused == nil {
		r.refused = &refusal{k, at, args, variant}
	}
	r.findings = append(r.findings, r.about(k, variant, at, args))
}

// check refuses what dockerd refuses: keys that are no options, values of
// another type, and values out of range.
func (r *reader) check() {
	r.keys()
	r.twice()
	if err := json.Unmarshal(r.text, &r.set); err != nil {
		at := source.Pos{File: r.file.Path}
		why := err.Error()
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			at = source.PosAt(r.file.Path, r.text, int(t.Offset)-1)
			why = fmt.Sprintf("%s is %s where %s is wanted", t.Field, t.Value, wanted(t.Type.String()))
		}
		r.refuse(badJSON, "type", at, finding.Args{"why": why})
		return
	}
	r.ranges()
	for i, m := range r.set.Mirrors {
		if why := badMirror(m); why != "" {
			r.refuse(wrongMirror, "", r.item("registry-mirrors", i), finding.Args{"mirror": mask(m), "why": why})
		}
	}
	for i, h := range r.set.Insecure {
		if why := badInsecure(h); why != "" {
			r.refuse(wrongInsecure, "", r.item("insecure-registries", i), finding.Args{"entry": mask(h), "why": why})
		}
	}
}

func wanted(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map"), strings.HasPrefix(goType, "struct"):
		return "an object"
	case strings.Contains(goType, "bool"):
		return "true or false"
	case strings.Contains(goType, "int"):
		return "a whole number"
	}
	return "a text"
}

// keys refuses keys that are no options. The keys of an object that is none of
// the known ones are looked at as if they stood at the top.
func (r *reader) keys() {
	for _, m := range r.doc.Root.Members {
		if m.Value.Kind == jsondoc.Object && !flat[m.Key] {
			if m.Key != "proxies" {
				r.found(ignoredObject, "", r.doc.Pos(m.Name), finding.Args{"key": m.Key})
			}
			for _, inner := range m.Value.Members {
				r.key(inner)
			}
			continue
		}
		r.key(m)
	}
}

func (r *reader) key(m jsondoc.Member) {
	if known(m.Key) {
		return
	}
	variant, args := "", finding.Args{"key": m.Key}
	for _, o := range append(slices.Clone(optionNames), listNames...) {
		if squeeze(o) == squeeze(m.Key) {
			variant, args["want"] = "near", o
		}
	}
	r.refuse(unknownKey, variant, r.doc.Pos(m.Name), args)
}

var separators = strings.NewReplacer("_", "", "-", "")

func squeeze(key string) string {
	return strings.TrimSuffix(strings.ToLower(separators.Replace(key)), "s")
}

// twice refuses what is set in the file and as a flag.
func (r *reader) twice() {
	given := r.flags()
	for _, m := range r.doc.Root.Members {
		members := []jsondoc.Member{m}
		if m.Value.Kind == jsondoc.Object && !flat[m.Key] {
			members = m.Value.Members
		}
		for _, m := range members {
			if _, set := given[flagOf(m.Key)]; set && m.Key != "runtimes" {
				r.refuse(flagAndFile, "", r.doc.Pos(m.Name), finding.Args{"key": m.Key, "flag": flagOf(m.Key)})
			}
		}
	}
}

// ranges refuses values that have the right type and are wrong all the same.
// Source: moby daemon/config/config.go, Validate.
func (r *reader) ranges() {
	s := r.set
	bad := func(key, why string) {
		r.refuse(badValue, "", r.place(key), finding.Args{"key": key, "why": why})
	}
	levels := []string{"", "panic", "fatal", "error", "warn", "info", "debug", "trace"}
	if !slices.Contains(levels, strings.ToLower(s.LogLevel)) {
		bad("log-level", "it is none of "+strings.Join(levels[1:], ", "))
	}
	if s.LogFormat != "" && s.LogFormat != "text" && s.LogFormat != "json" {
		bad("log-format", "it is neither text nor json")
	}
	for key, n := range map[string]int{"mtu": s.MTU, "max-concurrent-downloads": s.Downloads, "max-concurrent-uploads": s.Uploads, "max-download-attempts": s.Attempts, "network-diagnostic-port": s.Diagnostic} {
		if n < 0 {
			bad(key, "it is negative")
		}
	}
	if s.Diagnostic > 65535 {
		bad("network-diagnostic-port", "it is no port")
	}
	if s.CorsHeaders != "" {
		bad("api-cors-header", "the option was removed")
	}
	for _, ip := range s.DNS {
		if _, err := netip.ParseAddr(ip); err != nil && ip != "" {
			bad("dns", ip+" is no address")
		}
	}
	for _, h := range s.Hosts {
		if proto, _, ok := strings.Cut(h, "://"); ok && !slices.Contains([]string{"tcp", "unix", "npipe", "fd"}, proto) {
			bad("hosts", h+" has none of the schemes unix, tcp, fd")
		}
	}
	for _, o := range s.ExecOpts {
		key, value, ok := strings.Cut(o, "=")
		driver := strings.EqualFold(strings.TrimSpace(key), "native.cgroupdriver")
		if value = strings.TrimSpace(value); !ok || !driver || !slices.Contains([]string{"cgroupfs", "systemd", "none"}, value) {
			bad("exec-opts", o+" is not native.cgroupdriver=systemd or =cgroupfs")
		}
	}
	for _, l := range s.Labels {
		if key, value, _ := strings.Cut(l, "="); key == "" || value == "" {
			bad("labels", l+" is not of the form key=value")
		}
	}
}

// badMirror says why dockerd refuses a mirror; empty: it does not. Source: moby
// registry/config.go, ValidateMirror.
func badMirror(text string) string {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || scheme == "" {
		return "it has no scheme"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "it is no URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "its scheme is neither http nor https"
	case u.RawQuery != "" || u.Fragment != "":
		return "it has a query or a fragment"
	case u.User != nil:
		return "it has a user name"
	}
	return ""
}
