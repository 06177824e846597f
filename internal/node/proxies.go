package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// Proxy is a proxy setting with the value that its file holds.
type Proxy struct {
	snapshot.ProxySetting
	Reveal route.Secret // the whole value, password and all
}

func newProxy(at source.Pos, key, value string) Proxy {
	return Proxy{snapshot.ProxySetting{At: at, Key: key, Value: mask(value)}, route.NewSecret(value)}
}

// otherUnits are services that pull or that administrators take for those that do.
var otherUnits = []string{"docker.service", "kubelet.service", "snapd.service"}

// proxyLines are files with one setting in a line: patterns of their paths, and
// a pattern of their lines with key and value.
var proxyLines = []struct {
	files []string
	line  *regexp.Regexp
}{
	{
		[]string{
			"/etc/environment", "/etc/profile", "/etc/profile.d/*.sh", "/etc/bash.bashrc", "/etc/default/docker", "/etc/sysconfig/docker",
			"/etc/sysconfig/proxy", "/root/.bashrc", "/root/.profile", "/var/snap/microk8s/current/args/containerd-env",
		},
		regexp.MustCompile(`^\s*(?:export\s+)?((?i:https?_proxy|no_proxy))=(.*)`),
	},
	{[]string{"/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"}, regexp.MustCompile(`^\s*((?i:Acquire::https?::Proxy))\s+(.*?);`)},
	{[]string{"/etc/dnf/dnf.conf", "/etc/yum.conf"}, regexp.MustCompile(`^\s*(proxy)\s*=(.*)`)},
	{[]string{"/etc/wgetrc", "/root/.wgetrc"}, regexp.MustCompile(`^\s*((?i:https?_proxy|no_proxy))\s*=(.*)`)},
}

// OtherProxies lists where programs of the node other than the one that runs in
// a unit are told to use a proxy.
func OtherProxies(r *Root, except string) []Proxy {
	var out []Proxy
	for _, p := range programs {
		for _, name := range p.units {
			out = append(out, unitProxies(r, name, except)...)
		}
	}
	for _, name := range otherUnits {
		out = append(out, unitProxies(r, name, except)...)
	}
	for _, kind := range proxyLines {
		for _, pattern := range kind.files {
			found, _ := r.Glob(pattern)
			for _, name := range found {
				out = append(out, lineProxies(r, name, kind.line)...)
			}
		}
	}
	out = append(out, jsonProxies(r, "/etc/docker/daemon.json", "proxies")...)
	out = append(out, jsonProxies(r, "/root/.docker/config.json", "proxies", "default")...)
	return distinct(out)
}

// distinct drops settings that were met twice, such as an environment file that
// is read both for its unit and for itself.
func distinct(list []Proxy) []Proxy {
	var out []Proxy
	for _, p := range list {
		if !slices.ContainsFunc(out, func(q Proxy) bool { return q.At.File == p.At.File && q.At.Line == p.At.Line && q.Key == p.Key }) {
			out = append(out, p)
		}
	}
	return out
}

// unitProxies lists the proxy variables of a service; those that come with the
// manager's defaults count for every service and are its own too.
func unitProxies(r *Root, name, except string) []Proxy {
	if name == except {
		return nil
	}
	if _, ok := fragment(r, name); !ok && !hasDropins(r, name) {
		return nil
	}
	s := Service(r, name, "")
	s.Manager = nil
	var out []Proxy
	for _, v := range s.Variables() {
		if unit.IsProxy(strings.TrimPrefix(v.Key, "CONTAINERD_")) {
			out = append(out, newProxy(v.At, v.Key, v.Value))
		}
	}
	return out
}

// hasDropins reports whether somebody wrote settings for a unit, be the unit
// there or not: a drop-in for a service that does not exist is a common mistake.
func hasDropins(r *Root, name string) bool {
	found, _ := r.Glob("/etc/systemd/system/" + name + ".d/*.conf")
	return len(found) > 0
}

func lineProxies(r *Root, name string, line *regexp.Regexp) []Proxy {
	f, ok := r.ReadFile(name)
	if !ok {
		return nil
	}
	var out []Proxy
	n := 0
	for l := range bytes.Lines(f.Data) {
		n++
		m := line.FindSubmatch(bytes.TrimRight(l, "\r\n"))
		if m == nil {
			continue
		}
		value := strings.Trim(strings.TrimSpace(string(m[2])), `"'`)
		if value == "" || value == "DIRECT" {
			continue
		}
		out = append(out, newProxy(source.Pos{File: f.Path, Line: n}, string(m[1]), value))
	}
	return out
}

// jsonProxies reads an object of strings inside a JSON file.
func jsonProxies(r *Root, name string, keys ...string) []Proxy {
	f, ok := r.ReadFile(name)
	if !ok {
		return nil
	}
	var at any
	if json.Unmarshal(f.Data, &at) != nil {
		return nil
	}
	for _, key := range keys {
		table, _ := at.(map[string]any)
		at = table[key]
	}
	table, _ := at.(map[string]any)
	var out []Proxy
	for _, key := range sortedKeys(table) {
		value, ok := table[key].(string)
		if !ok || value == "" || !strings.HasSuffix(strings.ToLower(key), "proxy") {
			continue
		}
		offset := bytes.Index(f.Data, fmt.Appendf(nil, "%q", key))
		out = append(out, newProxy(source.PosAt(f.Path, f.Data, offset), key, value))
	}
	return out
}
