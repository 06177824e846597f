package k3s

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// hostFile is one hosts.toml that K3s renders.
type hostFile struct {
	dir       string // name of the directory below certs.d
	namespace string // registry it is for; wildcard: every other
	root      *entry // the registry itself; nil: it is never asked
	entries   []entry
	from      source.Pos
	invalid   string // why containerd drops the file; empty: it does not
}

// entry is one host of such a file.
type entry struct {
	url      *url.URL // nil: the file does not say; an empty URL: the registry of the image
	override bool
	conf     configSpec
	rewrites []route.Rewrite
	from     source.Pos
	embedded bool
	text     string // as it was typed; empty: nobody typed it
}

// quoted reports a file in which something ends the quotes that it is put in,
// or a bracket stands in a name, at which go-toml 1 gives up.
func (f hostFile) quoted() bool {
	ends := func(e entry) bool {
		return hasEscape(e.rewrites) || e.url != nil && strings.ContainsAny(e.url.String(), `"[]`)
	}
	return f.root != nil && ends(*f.root) || slices.ContainsFunc(f.entries, ends)
}

// certs is the directory of the generated hosts files.
func (r *reader) certs() string { return path.Join(r.set.data, containerdDir, "certs.d") }

// hostFiles follows getHostConfigs of K3s (pkg/agent/containerd/config.go) and
// the step before it that adds the embedded registry (pkg/spegel/registry.go).
// Where K3s goes through a map, which has no order, this goes through the file.
func (r *reader) hostFiles() []hostFile {
	if generationOf(r.target.Version) == inConfigToml {
		return nil
	}
	b := hostBuilder{reader: r, configs: map[string]configSpec{}, files: map[string]int{}}
	for _, c := range r.doc.configs {
		b.configs[c.name] = c.configSpec
	}
	b.embed()
	for _, c := range b.order {
		b.addConfig(c)
	}
	for _, m := range b.mirrors {
		b.addMirror(m)
	}
	var out []hostFile
	for _, f := range b.out {
		if len(f.entries) > 0 || f.root != nil && f.root.says() {
			out = append(out, f)
		}
	}
	return out
}

type hostBuilder struct {
	*reader
	configs  map[string]configSpec
	order    []config // with the embedded registry's
	mirrors  []mirror
	embedded string         // host:port of the embedded registry; empty: none
	files    map[string]int // index into out by namespace, as K3s keys them
	out      []hostFile
}

// embed puts the embedded registry in front of every namespace.
func (b *hostBuilder) embed() {
	b.order, b.mirrors = b.doc.configs, b.doc.mirrors
	if !b.set.embedded {
		return
	}
	b.embedded = "127.0.0.1:" + b.supervisor
	own := "https://" + b.embedded + "/v2"
	agent := path.Join(b.set.data, "agent")
	at := b.set.at[flagEmbedded]
	spec := configSpec{TLS: &tlsSpec{
		CAFile:   path.Join(agent, "server-ca.crt"),
		CertFile: path.Join(agent, "client-"+b.name+"-controller.crt"),
		KeyFile:  path.Join(agent, "client-"+b.name+"-controller.key"),
	}}
	b.configs[b.embedded] = spec
	b.order = append(b.order[:len(b.order):len(b.order)], config{configSpec: spec, name: b.embedded, at: at})
	b.mirrors = nil
	for _, m := range b.doc.mirrors {
		if m.name == b.embedded {
			continue
		}
		if !isLocalhost(m.name) {
			m.endpoints = append([]endpoint{{text: own, at: at}}, m.endpoints...)
		}
		b.mirrors = append(b.mirrors, m)
	}
	b.mirrors = append(b.mirrors, mirror{name: b.embedded, at: at, endpoints: []endpoint{{text: own, at: at}}})
}

// addConfig makes the file of a host that configs names.
func (b *hostBuilder) addConfig(c config) {
	root, err := b.own(c.name, c.configSpec, c.at)
	if err != nil {
		return
	}
	key := c.name
	if key == wildcard && generationOf(b.target.Version) >= rootHosts {
		key = "_default"
	}
	b.put(key, hostFile{namespace: c.name, root: root, from: c.at})
}

// own is the registry itself, without anything in front.
func (b *hostBuilder) own(name string, spec configSpec, at source.Pos) (*entry, error) {
	a, err := normalise(name, b.embedded)
	if err != nil {
		return nil, err
	}
	if name == wildcard {
		a.url = nil
	}
	return &entry{url: a.url, conf: spec, from: at}, nil
}

func (b *hostBuilder) put(key string, f hostFile) {
	f.dir = key
	if i, there := b.files[key]; there {
		b.out[i] = f
		return
	}
	b.files[key] = len(b.out)
	b.out = append(b.out, f)
}

// addMirror makes the file of a namespace that mirrors names. A quirk of K3s
// shows here: a namespace that has an entry in configs, too, keeps the registry
// itself although --disable-default-registry-endpoint is set.
func (b *hostBuilder) addMirror(m mirror) {
	f := hostFile{namespace: m.name, from: m.at}
	if i, there := b.files[m.name]; there {
		f.root = b.out[i].root
	} else {
		root, err := b.own(m.name, b.lookup(m.name), m.at)
		if err != nil {
			return
		}
		switch {
		case b.set.noDefault:
		case m.name == wildcard:
			f.root = &entry{url: &url.URL{}, from: m.at}
		default:
			f.root = root
		}
	}
	b.addEndpoints(&f, m)
	key := m.name
	if key == wildcard && generationOf(b.target.Version) >= rootHosts {
		key = "_default"
	}
	b.put(key, f)
}

func (b *hostBuilder) addEndpoints(f *hostFile, m mirror) {
	seen := map[string]bool{}
	for i, e := range m.endpoints {
		a, err := normalise(e.text, b.embedded)
		if err != nil {
			continue
		}
		text := a.url.String()
		if seen[text] && generationOf(b.target.Version) >= rootHosts {
			continue
		}
		seen[text] = true
		added := entry{url: a.url, override: a.override, conf: b.lookup(a.name), from: e.at, text: e.text}
		added.embedded = b.embedded != "" && a.url.Host == b.embedded
		if !added.embedded {
			added.rewrites = m.rewrites
		}
		if i+1 == len(m.endpoints) && f.root.sameURL(a.url) {
			f.root = &added
			continue
		}
		f.entries = append(f.entries, added)
	}
}

// lookup finds the config of a host: registry-1.docker.io before docker.io.
func (b *hostBuilder) lookup(name string) configSpec {
	if real := defaultHost(name); real != name {
		if c, ok := b.configs[real]; ok {
			return c
		}
	}
	return b.configs[name]
}

func (e *entry) sameURL(u *url.URL) bool {
	own := ""
	if e != nil && e.url != nil {
		own = e.url.String()
	}
	return own == u.String()
}

// says reports whether there is anything to write down for the registry itself.
func (e *entry) says() bool {
	return e.override || e.conf.Auth != nil || e.conf.TLS != nil || len(e.rewrites) > 0
}
