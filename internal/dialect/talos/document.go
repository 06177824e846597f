package talos

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Kinds of documents that this package knows.
const (
	kindMirror = "RegistryMirrorConfig"
	kindAuth   = "RegistryAuthConfig"
	kindTLS    = "RegistryTLSConfig"
	apiVersion = "v1alpha1"
)

// The shapes of documents. Source: pkg/machinery/config/types/cri and
// types/v1alpha1 of Talos 1.13.
type (
	mirrorSpec struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Name       string         `yaml:"name"`
		Endpoints  []endpointSpec `yaml:"endpoints"`
		Skip       *bool          `yaml:"skipFallback"`
	}
	endpointSpec struct {
		URL      link  `yaml:"url"`
		Override *bool `yaml:"overridePath"`
	}
	authSpec struct {
		APIVersion    string `yaml:"apiVersion"`
		Kind          string `yaml:"kind"`
		Name          string `yaml:"name"`
		Username      string `yaml:"username"`
		Password      string `yaml:"password"`
		Auth          string `yaml:"auth"`
		IdentityToken string `yaml:"identityToken"`
	}
	tlsSpec struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Name       string `yaml:"name"`
		Client     *pair  `yaml:"clientIdentity"`
		CA         string `yaml:"ca"`
		Skip       *bool  `yaml:"insecureSkipVerify"`
	}
	pair struct {
		Cert string `yaml:"cert"`
		Key  string `yaml:"key"`
	}

	configSpec struct {
		Version string       `yaml:"version"`
		Debug   *bool        `yaml:"debug"`
		Persist *bool        `yaml:"persist"`
		Machine *machineSpec `yaml:"machine"`
		Cluster any          `yaml:"cluster"`
	}
	registriesSpec struct {
		Mirrors map[string]*oldMirror `yaml:"mirrors"`
		Config  map[string]*oldConfig `yaml:"config"`
	}
	oldMirror struct {
		Endpoints []string `yaml:"endpoints"`
		Override  *bool    `yaml:"overridePath"`
		Skip      *bool    `yaml:"skipFallback"`
	}
	oldConfig struct {
		TLS  *oldTLS  `yaml:"tls"`
		Auth *oldAuth `yaml:"auth"`
	}
	oldAuth struct {
		Username      string `yaml:"username"`
		Password      string `yaml:"password"`
		Auth          string `yaml:"auth"`
		IdentityToken string `yaml:"identityToken"`
	}
	oldTLS struct {
		Client *oldPair `yaml:"clientIdentity"`
		CA     encoded  `yaml:"ca"`
		Skip   *bool    `yaml:"insecureSkipVerify"`
	}
	oldPair struct {
		Crt []byte `yaml:"crt"`
		Key []byte `yaml:"key"`
	}
)

// machineSpec is the section machine. Of its other keys only the names are
// known, because Talos refuses a key that it does not know.
type machineSpec struct {
	Registries registriesSpec `yaml:"registries"`

	Type                     any `yaml:"type"`
	Token                    any `yaml:"token"`
	CA                       any `yaml:"ca"`
	AcceptedCAs              any `yaml:"acceptedCAs"`
	CertSANs                 any `yaml:"certSANs"`
	ControlPlane             any `yaml:"controlPlane"`
	Kubelet                  any `yaml:"kubelet"`
	Pods                     any `yaml:"pods"`
	Network                  any `yaml:"network"`
	Disks                    any `yaml:"disks"`
	Install                  any `yaml:"install"`
	Files                    any `yaml:"files"`
	Env                      any `yaml:"env"`
	Time                     any `yaml:"time"`
	Sysctls                  any `yaml:"sysctls"`
	Sysfs                    any `yaml:"sysfs"`
	SystemDiskEncryption     any `yaml:"systemDiskEncryption"`
	Features                 any `yaml:"features"`
	Udev                     any `yaml:"udev"`
	Logging                  any `yaml:"logging"`
	Kernel                   any `yaml:"kernel"`
	SeccompProfiles          any `yaml:"seccompProfiles"`
	BaseRuntimeSpecOverrides any `yaml:"baseRuntimeSpecOverrides"`
	NodeLabels               any `yaml:"nodeLabels"`
	NodeAnnotations          any `yaml:"nodeAnnotations"`
	NodeTaints               any `yaml:"nodeTaints"`
}

// link is a URL that is parsed while the document is.
type link struct {
	text string
	url  *url.URL // nil: nothing is written
}

// UnmarshalYAML is called by the YAML library.
func (l *link) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&l.text); err != nil || l.text == "" {
		return err
	}
	u, err := url.Parse(l.text)
	l.url = u
	return err
}

// encoded is base64 in the document.
type encoded []byte

// UnmarshalYAML is called by the YAML library.
func (e *encoded) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	*e = data
	return err
}

// UnmarshalYAML is called by the YAML library.
func (p *oldPair) UnmarshalYAML(unmarshal func(any) error) error {
	var both struct {
		Crt encoded `yaml:"crt"`
		Key encoded `yaml:"key"`
	}
	err := unmarshal(&both)
	p.Crt, p.Key = both.Crt, both.Key
	return err
}

// file is a file with its documents.
type file struct {
	*source.File
	docs  []*yamldoc.Doc
	first map[identity]*yamldoc.Doc // of each subject, once somebody asked
}

// spot is where an entry stands: a document of its own, or an entry of
// machine.registries.
type spot struct {
	file    *file
	doc     *yamldoc.Doc
	node    *yamldoc.Node // the mapping
	pair    *yamldoc.Pair // of machine.registries; nil: the document is the entry
	section string        // of machine.registries: mirrors or config
	name    string
	at      source.Pos
	nameAt  source.Pos
}

// mirror is what is said of one registry.
type mirror struct {
	spot
	endpoints []endpoint
	skip      bool
}

// endpoint is one line of a mirror.
type endpoint struct {
	text     string // as Talos writes it into hosts.toml
	override bool
	at       source.Pos
	node     *yamldoc.Node // of the URL; nil: no place is known
}

// auth is what is said of the credentials for one host.
type auth struct {
	spot
	username, password, encoded, token string
}

// tls is what is said of the verification of one host.
type tls struct {
	spot
	ca, cert, key []byte
	client        bool // there is a client identity, be it empty
	skip          bool
}

func (t *tls) empty() bool { return t.ca == nil && !t.client && !t.skip }

func (s spot) where() *spot { return &s }

// place is where a key of the entry stands, or the entry.
func (s spot) place(key string) source.Pos {
	for _, under := range []*yamldoc.Node{s.node, s.part("auth"), s.part("tls")} {
		if p := under.Get(key); p != nil && p.Value.Kind != yamldoc.Mapping {
			return p.Key.At
		}
	}
	return s.at
}

// part is a mapping below an entry of registries.config.
func (s spot) part(key string) *yamldoc.Node {
	if p := s.node.Get(key); p != nil {
		return p.Value.Follow()
	}
	return nil
}

type placed interface{ where() *spot }

// byName sorts entries as Talos goes through them.
func byName[T placed](entries []T) []T {
	out := slices.Clone(entries)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(a.where().name, b.where().name) })
	return out
}

// credentials picks what containerd logs in with. Source: containerd's ParseAuth.
func (a *auth) credentials() route.Auth {
	out := route.Auth{Source: "Talos machine configuration", From: a.at}
	switch {
	case a.username != "":
		out.User, out.Password = a.username, route.NewSecret(a.password)
	case a.token != "":
		out.IdentityToken = route.NewSecret(a.token)
	case a.encoded != "":
		user, password, ok := decodePair(a.encoded)
		if !ok {
			return route.Auth{}
		}
		out.User, out.Password = user, route.NewSecret(password)
	default:
		return route.Auth{}
	}
	return out
}

func decodePair(text string) (user, password string, ok bool) {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	if _, err := base64.StdEncoding.Decode(data, []byte(text)); err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(data), ":")
	return user, strings.Trim(password, "\x00"), ok
}
