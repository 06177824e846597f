package fulfil

import (
	"bufio"
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Host is what wishes have to know of the machine under the runtime.
type Host struct {
	Name    string // the distribution, for people: "Debian GNU/Linux 12 (bookworm)"
	Manager string // of services: "systemd", "openrc"; empty: none is installed
	Store   *Store // nil: no trust store that we know
	NoStore string // then: what to do
	Clocks  []Clock
	NoClock string // without a time daemon: what to do
}

// Store is the distribution's trust store.
type Store struct {
	Dir  string // where administrators put certificates
	Ext  string // of their names
	Do   []string
	Undo []string
}

// Clock is an installed time daemon.
type Clock struct {
	Unit    string // "chrony.service"; of OpenRC the service
	Enabled bool
}

// Reader reads the files of a node; false: there is none at the path.
type Reader func(name string) (source.File, bool)

// Look learns what wishes have to know. glob lists paths by a pattern.
func Look(read Reader, glob func(pattern string) []string) Host {
	l := look{read, glob}
	h := Host{}
	id := ""
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if f, ok := read(name); ok {
			h.Name, id = value(f.Data, "PRETTY_NAME"), value(f.Data, "ID")+" "+value(f.Data, "ID_LIKE")
			break
		}
	}
	switch {
	case l.any("/run/systemd/system", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"):
		h.Manager = "systemd"
	case l.any("/run/openrc", "/sbin/openrc", "/usr/sbin/openrc", "/etc/init.d/functions.sh"):
		h.Manager = "openrc"
	}
	l.store(&h, id)
	l.clocks(&h, id)
	return h
}

type look struct {
	read Reader
	glob func(string) []string
}

func (l look) any(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return len(l.glob(name)) > 0 })
}

// value is that of a key of os-release.
func value(data []byte, key string) string {
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), key+"="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}

// store finds the trust store. Sources: update-ca-certificates(8) of Debian,
// SUSE and Alpine, update-ca-trust(8) of Fedora, trust(1) of Arch.
func (l look) store(h *Host, id string) {
	debian := l.any("/usr/sbin/update-ca-certificates", "/usr/bin/update-ca-certificates", "/sbin/update-ca-certificates")
	fedora := l.any("/usr/bin/update-ca-trust", "/usr/sbin/update-ca-trust", "/bin/update-ca-trust")
	bundle, fresh := []string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"}
	trust := []string{"update-ca-trust", "extract"}
	switch {
	case strings.Contains(id, "flatcar"), strings.Contains(id, "talos"), strings.Contains(id, "bottlerocket"):
		h.NoStore = "its own configuration is what adds certificates there"
	case debian && l.any("/etc/pki/trust/anchors", "/usr/share/pki/trust/anchors"):
		h.Store = &Store{"/etc/pki/trust/anchors", ".pem", bundle, bundle}
	case debian && l.any("/etc/alpine-release"):
		h.Store = &Store{"/usr/local/share/ca-certificates", ".crt", bundle, bundle}
	case debian:
		h.Store = &Store{"/usr/local/share/ca-certificates", ".crt", bundle, fresh} // without --fresh dead links stay
	case fedora && l.any("/etc/pki/ca-trust/source/anchors"):
		h.Store = &Store{"/etc/pki/ca-trust/source/anchors", ".pem", trust, trust}
	case fedora && l.any("/etc/ca-certificates/trust-source/anchors"):
		h.Store = &Store{"/etc/ca-certificates/trust-source/anchors", ".crt", []string{"update-ca-trust"}, []string{"update-ca-trust"}}
	default:
		h.NoStore = "install the package ca-certificates first"
	}
}

// daemons are time daemons, the preferred first: what somebody installed on
// purpose comes before what came with systemd.
var daemons = []string{"chronyd", "chrony", "ntpsec", "ntpd", "ntp", "openntpd", "systemd-timesyncd"}

// clocks finds time daemons, and whether they are enabled.
func (l look) clocks(h *Host, id string) {
	for _, name := range daemons {
		switch {
		case h.Manager == "openrc" && l.any("/etc/init.d/"+name):
			h.Clocks = append(h.Clocks, Clock{name, l.any("/etc/runlevels/*/" + name)})
		case h.Manager == "systemd" && l.unit(name+".service"):
			h.Clocks = append(h.Clocks, Clock{name + ".service", l.any("/etc/systemd/system/*.wants/"+name+".service", "/usr/lib/systemd/system/*.wants/"+name+".service")})
		}
	}
	switch {
	case len(h.Clocks) > 0:
	case strings.Contains(id, "debian"), strings.Contains(id, "ubuntu"):
		h.NoClock = "install systemd-timesyncd or chrony: apt-get install systemd-timesyncd"
	case strings.Contains(id, "alpine"):
		h.NoClock = "install chrony: apk add chrony"
	case strings.Contains(id, "suse"):
		h.NoClock = "install chrony: zypper install chrony"
	case strings.Contains(id, "rhel"), strings.Contains(id, "fedora"):
		h.NoClock = "install chrony: dnf install chrony"
	default:
		h.NoClock = "install chrony"
	}
}

// unit reports whether systemd has a unit that is neither masked nor an alias.
func (l look) unit(name string) bool {
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		if f, ok := l.read(path.Join(dir, name)); ok {
			return f.Link == "" && f.Kind == source.Regular && len(f.Data) > 0
		}
	}
	return false
}

// environment reports whether a file decides about the environment of a unit.
func (h Host) environment(name, unit string) bool {
	dir := path.Dir(name)
	return strings.HasPrefix(dir, "/etc/systemd/system") || dir == "/etc/default" || dir == "/etc/sysconfig" || dir == "/etc/conf.d" ||
		path.Base(name) == "containerd-env" || name == "/etc/systemd/system/"+unit+".env" || strings.HasSuffix(name, "/k3s/k3s.env") || strings.HasSuffix(name, "/rke2/rke2.env")
}

// wishes reports whether a path is one that wishes are about, not routes.
func (h Host) wishes(name string) bool {
	return h.Store != nil && path.Dir(name) == h.Store.Dir || h.environment(name, "")
}

// Patterns are where the files are that wishes may change, beyond those of the
// unit.
func (n Node) Patterns() []string {
	var out []string
	if n.Host.Store != nil {
		out = append(out, n.Host.Store.Dir+"/towpath-*")
	}
	m := maker{node: n}
	if name := m.shell(); name != "" {
		out = append(out, name)
	}
	return out
}

// Units are the names that the unit of the runtime may have.
func (n Node) Units() []string {
	m := maker{node: n}
	name := strings.TrimSuffix(m.unit(), ".service")
	switch name {
	case "k3s":
		return []string{"k3s.service", "k3s-agent.service"}
	case "rke2":
		return []string{"rke2-server.service", "rke2-agent.service"}
	case "k0s":
		return []string{"k0sworker.service", "k0scontroller.service"}
	}
	return []string{name + ".service"}
}
