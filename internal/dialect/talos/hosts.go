package talos

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// hostsRoot is where Talos writes what it renders.
const hostsRoot = "/etc/cri/conf.d/hosts"

// tree is the rendered files and what they were made of.
type tree struct {
	files []source.File
	from  map[string]origin // by name of the directory
	paths map[string]bool
}

type origin struct {
	at        source.Pos
	endpoints []source.Pos
}

// certificates are the rendered files that are no hosts.toml.
func (t *tree) certificates() []source.File {
	return slices.DeleteFunc(slices.Clone(t.files), func(f source.File) bool { return path.Base(f.Path) == "hosts.toml" })
}

// render makes the files that Talos makes, or says why it makes none. Source:
// internal/pkg/containers/cri/containerd/hosts.go, GenerateHosts.
func (r *reader) render() (*tree, string) {
	t := &tree{from: map[string]origin{}, paths: map[string]bool{}}
	known := map[string]*tls{}
	for _, x := range r.tlses {
		known[x.name] = x
	}
	for _, m := range byName(r.mirrors) {
		if why := t.mirror(m, known); why != "" {
			return nil, why
		}
	}
	for _, x := range byName(r.tlses) {
		if _, there := t.from[directory(x.name)]; there || x.empty() {
			continue
		}
		if x.name == wildcard {
			return nil, "TLS settings for * are not supported"
		}
		dir := path.Join(hostsRoot, directory(x.name))
		text := "server = " + tomldoc.Quote("https://"+defaultHost(x.name)) + "\n" + t.tls(dir, x.name, x)
		t.add(dir, "hosts.toml", []byte(text))
		t.from[directory(x.name)] = origin{at: x.at}
	}
	return t, ""
}

func defaultHost(name string) string {
	if name == hub {
		return hubHost
	}
	return name
}

func (t *tree) mirror(m *mirror, known map[string]*tls) string {
	dir := path.Join(hostsRoot, directory(m.name))
	from := origin{at: m.at}
	var hosts strings.Builder
	var root string
	for i, e := range m.endpoints {
		u, err := url.Parse(e.text)
		if err != nil {
			return "an endpoint of " + m.name + " is no URL"
		}
		settings := "capabilities = [\"pull\", \"resolve\"]\n"
		if e.override {
			settings += "override_path = true\n"
		}
		settings += t.tls(dir, u.Host, known[u.Host])
		if m.skip && i == len(m.endpoints)-1 {
			root = "server = " + tomldoc.Quote(e.text) + "\n" + settings
		} else {
			hosts.WriteString("[host." + tomldoc.Quote(e.text) + "]\n" + settings)
		}
		from.endpoints = append(from.endpoints, e.at)
	}
	t.add(dir, "hosts.toml", []byte(root+hosts.String()))
	t.from[directory(m.name)] = from
	return ""
}

// tls writes the certificates of a host beside hosts.toml and returns the keys
// that name them.
func (t *tree) tls(dir, host string, x *tls) string {
	if x == nil {
		return ""
	}
	out := ""
	if x.ca != nil {
		out += "ca = " + tomldoc.Quote(t.add(dir, host+"-ca.crt", x.ca)) + "\n"
	}
	if x.client {
		cert, key := t.add(dir, host+"-client.crt", x.cert), t.add(dir, host+"-client.key", x.key)
		out += "client = [[" + tomldoc.Quote(cert) + ", " + tomldoc.Quote(key) + "]]\n"
	}
	if x.skip {
		out += "skip_verify = true\n"
	}
	return out
}

func (t *tree) add(dir, name string, data []byte) string {
	p := path.Join(dir, name)
	if !t.paths[p] {
		t.paths[p] = true
		t.files = append(t.files, source.File{Path: p, Data: data, Mode: 0o600})
	}
	return p
}

// directory is the name of the directory for a registry.
func directory(name string) string {
	if name == wildcard {
		return "_default"
	}
	if i := strings.LastIndex(name, ":"); i > 0 {
		return name[:i] + "_" + name[i+1:] + "_"
	}
	return name
}
