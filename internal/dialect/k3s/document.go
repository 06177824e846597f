package k3s

import (
	"cmp"
	"slices"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// The shape of registries.yaml, as github.com/rancher/wharfie decodes it
// (pkg/registries/types.go).
type (
	registriesSpec struct {
		Mirrors map[string]mirrorSpec `yaml:"mirrors"`
		Configs map[string]configSpec `yaml:"configs"`
		Auths   map[string]authSpec   `yaml:"auths"`
	}
	mirrorSpec struct {
		Endpoints []string          `yaml:"endpoint"`
		Rewrites  map[string]string `yaml:"rewrite"`
	}
	configSpec struct {
		Auth *authSpec `yaml:"auth"`
		TLS  *tlsSpec  `yaml:"tls"`
	}
	authSpec struct {
		Username      string `yaml:"username"`
		Password      string `yaml:"password"`
		Auth          string `yaml:"auth"`
		IdentityToken string `yaml:"identity_token"`
	}
	tlsSpec struct {
		CAFile             string `yaml:"ca_file"`
		CertFile           string `yaml:"cert_file"`
		KeyFile            string `yaml:"key_file"`
		InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
	}
)

// document is registries.yaml: what the runtime reads, and where it stands.
type document struct {
	file    source.File
	yaml    *yamldoc.Doc // nil: accepted by the runtime, but without places
	spec    registriesSpec
	mirrors []mirror // in the order of the file
	configs []config

	byHost map[string][]address // endpoints by host without port; filled when first asked for
	byName map[string]int       // configs by name; likewise
}

// endpointsAt lists the endpoints at a host, whatever their port.
func (d *document) endpointsAt(host string) []address {
	if d.byHost == nil {
		d.byHost = map[string][]address{}
		for _, m := range d.mirrors {
			for _, e := range m.endpoints {
				if a, err := normalise(e.text, ""); err == nil {
					d.byHost[a.url.Hostname()] = append(d.byHost[a.url.Hostname()], a)
				}
			}
		}
	}
	return d.byHost[host]
}

// config is what is said of a host, the last of that name.
func (d *document) config(name string) (config, bool) {
	if d.byName == nil {
		d.byName = make(map[string]int, len(d.configs))
		for i, c := range d.configs {
			d.byName[c.name] = i
		}
	}
	i, ok := d.byName[name]
	if !ok {
		return config{}, false
	}
	return d.configs[i], true
}

// mirror is one namespace with its endpoints.
type mirror struct {
	mirrorSpec
	name      string
	at        source.Pos
	pair      *yamldoc.Pair // nil: no place is known
	endpoints []endpoint
	rewrites  []route.Rewrite
}

// endpoint is one line of a mirror.
type endpoint struct {
	text string
	at   source.Pos
	node *yamldoc.Node // nil: no place is known
}

// config is what is said of one host.
type config struct {
	configSpec
	name string
	at   source.Pos
	pair *yamldoc.Pair
}

// wildcard is the key for everything that has no key of its own.
const wildcard = "*"

// decode reads a file as the runtime does; the places come from y, if they
// could be found. Only a document that the runtime refuses is a problem.
func decode(f source.File, y *yamldoc.Doc) (*document, *yamldoc.Problem) {
	doc := &document{file: f, yaml: y}
	if problem := yamldoc.Decode(f.Path, f.Data, &doc.spec); problem != nil {
		return nil, problem
	}
	places := doc.places("mirrors")
	for name, spec := range doc.spec.Mirrors {
		doc.mirrors = append(doc.mirrors, doc.mirror(name, spec, places[name]))
	}
	places = doc.places("configs")
	for name, spec := range doc.spec.Configs {
		c := config{configSpec: spec, name: name, pair: places[name], at: source.Pos{File: f.Path}}
		if c.pair != nil {
			c.at = c.pair.Key.At
		}
		doc.configs = append(doc.configs, c)
	}
	slices.SortFunc(doc.mirrors, func(a, b mirror) int { return inOrder(a.at, b.at, a.name, b.name) })
	slices.SortFunc(doc.configs, func(a, b config) int { return inOrder(a.at, b.at, a.name, b.name) })
	return doc, nil
}

func inOrder(a, b source.Pos, nameA, nameB string) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(nameA, nameB))
}

// places maps the keys of a section to their entries; of a repeated key, in one
// section or in a second one of the name, to the last.
func (d *document) places(section string) map[string]*yamldoc.Pair {
	out := map[string]*yamldoc.Pair{}
	for _, m := range d.sections(section) {
		for i := range m.Pairs {
			out[keyOf(m.Pairs[i])] = &m.Pairs[i]
		}
	}
	return out
}

// sections returns every mapping that stands under a top-level key.
func (d *document) sections(name string) []*yamldoc.Node {
	if d.yaml == nil || d.yaml.Root == nil {
		return nil
	}
	var out []*yamldoc.Node
	for _, p := range d.yaml.Root.Follow().Pairs {
		if v := p.Value.Follow(); p.Key.Value == name && v != nil && v.Kind == yamldoc.Mapping {
			out = append(out, v)
		}
	}
	return out
}

// keyOf is a key as the runtime reads it: null is the empty text.
func keyOf(p yamldoc.Pair) string {
	if p.Key.Kind == yamldoc.Null {
		return ""
	}
	return p.Key.Value
}

func (d *document) mirror(name string, spec mirrorSpec, pair *yamldoc.Pair) mirror {
	m := mirror{mirrorSpec: spec, name: name, pair: pair, at: source.Pos{File: d.file.Path}}
	if pair != nil {
		m.at = pair.Key.At
	}
	nodes := m.items("endpoint")
	for i, text := range spec.Endpoints {
		e := endpoint{text: text, at: m.at}
		if len(nodes) == len(spec.Endpoints) {
			e.node, e.at = nodes[i], nodes[i].At
		}
		m.endpoints = append(m.endpoints, e)
	}
	for pattern, replacement := range spec.Rewrites {
		r := route.Rewrite{Pattern: pattern, Replacement: replacement, From: m.at}
		if p := m.child("rewrite", pattern); p != nil {
			r.From = p.Key.At
		}
		m.rewrites = append(m.rewrites, r)
	}
	slices.SortFunc(m.rewrites, func(a, b route.Rewrite) int { return inOrder(a.From, b.From, a.Pattern, b.Pattern) })
	return m
}

// child returns the entry at a path below the namespace, or nil.
func (m mirror) child(path ...string) *yamldoc.Pair { return below(m.pair, path) }

// child returns the entry at a path below the host, or nil.
func (c config) child(path ...string) *yamldoc.Pair { return below(c.pair, path) }

func below(p *yamldoc.Pair, path []string) *yamldoc.Pair {
	for _, key := range path {
		if p == nil {
			return nil
		}
		p = p.Value.Get(key)
	}
	return p
}

// place is the position of an entry below the host, or of the host.
func (c config) place(path ...string) source.Pos {
	if p := c.child(path...); p != nil {
		return p.Key.At
	}
	return c.at
}

func (m mirror) items(key string) []*yamldoc.Node {
	p := m.child(key)
	if p == nil {
		return nil
	}
	var out []*yamldoc.Node
	if list := p.Value.Follow(); list != nil {
		for _, n := range list.Items {
			out = append(out, n.Follow())
		}
	}
	if slices.Contains(out, nil) {
		return nil
	}
	return out
}

// auth returns the credentials of a config as containerd takes them: a name and
// a password, else the identity token, else the encoded pair. Source: containerd
// internal/cri/server/images/image_pull.go, ParseAuth.
func (c config) auth() (route.Auth, string) {
	a := route.Auth{Source: "registries.yaml", From: c.place("auth")}
	if c.Auth == nil {
		return route.Auth{}, ""
	}
	switch {
	case c.Auth.Username != "":
		a.User, a.Password = c.Auth.Username, route.NewSecret(c.Auth.Password)
	case c.Auth.IdentityToken != "":
		a.IdentityToken = route.NewSecret(c.Auth.IdentityToken)
	case c.Auth.Auth != "":
		user, password, why := decodePair(c.Auth.Auth)
		if why != "" {
			return route.Auth{}, why
		}
		a.User, a.Password = user, route.NewSecret(password)
	default:
		return route.Auth{}, ""
	}
	return a, ""
}

// tls returns what hosts.toml will say of a config's TLS.
func (s *tlsSpec) tls() route.TLS {
	var t route.TLS
	if s == nil {
		return t
	}
	if s.CAFile != "" {
		t.CA = []string{s.CAFile}
	}
	if s.CertFile != "" || s.KeyFile != "" {
		t.Client = []route.Pair{{Cert: s.CertFile, Key: s.KeyFile}}
	}
	t.SkipVerify = s.InsecureSkipVerify
	t.Set = t.CA != nil || t.Client != nil || t.SkipVerify
	return t
}
