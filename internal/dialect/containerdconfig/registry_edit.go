package containerdconfig

import (
	"io/fs"
	"slices"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Registry is what the registry table of config.toml is to say.
type Registry struct {
	Mirrors []Mirror // names and endpoints
	Hosts   []Host   // names, Auth and TLS; no tls table where TLS is nil
	Headers []Header

	// LoginsOnly leaves mirrors and tls tables as they are.
	LoginsOnly bool
}

// SetRegistry gives the edits after which the registry table says just that,
// and everything else what it said before. What is there already keeps its
// bytes. They are none when nothing has to change, and when the files cannot be
// edited so that it comes true.
func (c Config) SetRegistry(want Registry) []source.Edit {
	if len(c.layers) == 0 {
		return c.createRegistry(want)
	}
	d := registryDraft{Config: c, want: want}
	if !want.LoginsOnly {
		d.mirrors()
	}
	d.hosts()
	d.headers()
	return c.proven(d.edits(), want.Met)
}

// Met reports that a configuration says what is wanted.
func (want Registry) Met(c Config) bool {
	d := registryDraft{Config: c, want: want}
	if !want.LoginsOnly {
		d.mirrors()
	}
	d.hosts()
	d.headers()
	return len(d.gone)+len(d.fresh)+len(d.inPlace) == 0
}

// registryDraft collects how the table has to change.
type registryDraft struct {
	Config
	want    Registry
	gone    [][]string // paths below the registry table
	fresh   []group
	inPlace []source.Edit
}

// group is one table of keys below the registry table.
type group struct {
	path  []string
	lines []string
}

func (d *registryDraft) mirrors() {
	have, want := firstOf(d.Mirrors, Mirror.name), firstOf(d.want.Mirrors, Mirror.name)
	for _, have := range d.Mirrors {
		i, wanted := want[have.Name]
		switch {
		case !wanted:
			d.gone = append(d.gone, []string{"mirrors", have.Name})
		case !sameEndpoints(have.Endpoints, d.want.Mirrors[i].Endpoints):
			d.endpoints(have.Name, d.want.Mirrors[i].line())
		}
	}
	for _, m := range d.want.Mirrors {
		if _, is := have[m.Name]; !is {
			d.fresh = append(d.fresh, group{[]string{"mirrors", m.Name}, []string{"endpoint = " + m.line()}})
		}
	}
}

func (m Mirror) name() string { return m.Name }

func (h Host) name() string { return h.Name }

// firstOf finds the first element of each name.
func firstOf[T any](all []T, name func(T) string) map[string]int {
	out := make(map[string]int, len(all))
	for i, v := range all {
		if _, known := out[name(v)]; !known {
			out[name(v)] = i
		}
	}
	return out
}

// endpoints writes another list in the place of the one that is there.
func (d *registryDraft) endpoints(name, literal string) {
	if s, ok := d.find("registry", "mirrors", name, "endpoint"); ok {
		if edits := s.layer.replace(literal, s.keys); edits != nil {
			d.inPlace = append(d.inPlace, edits...)
			return
		}
	}
	d.gone = append(d.gone, []string{"mirrors", name})
	d.fresh = append(d.fresh, group{[]string{"mirrors", name}, []string{"endpoint = " + literal}})
}

func (m Mirror) line() string {
	var texts []string
	for _, e := range m.Endpoints {
		texts = append(texts, e.Value)
	}
	return listText(texts)
}

// sameEndpoints compares what is asked, not how it is spelt.
func sameEndpoints(a, b []Setting[string]) bool {
	return slices.EqualFunc(a, b, func(x, y Setting[string]) bool {
		one, err1 := endpoint(x.Value)
		other, err2 := endpoint(y.Value)
		return x.Value == y.Value || err1 == nil && err2 == nil && one.String() == other.String() && one.Broken == "" && other.Broken == ""
	})
}

func (d *registryDraft) hosts() {
	have, want := firstOf(d.Hosts, Host.name), firstOf(d.want.Hosts, Host.name)
	for _, have := range d.Hosts {
		if i, wanted := want[have.Name]; wanted {
			d.host(have, d.want.Hosts[i])
			continue
		}
		if !d.want.LoginsOnly {
			d.gone = append(d.gone, []string{"configs", have.Name})
		}
		d.dropLogin(have)
	}
	for _, h := range d.want.Hosts {
		if _, is := have[h.Name]; !is {
			d.host(Host{Name: h.Name}, h)
		}
	}
}

// host changes what is said of one host.
func (d *registryDraft) host(have, want Host) {
	if !have.Auth.Alike(want.Auth) || have.BadAuth != "" {
		d.dropLogin(have)
		if !want.Auth.IsZero() {
			d.fresh = append(d.fresh, group{[]string{"configs", want.Name, "auth"}, loginLines(want.Auth)})
		}
	}
	if d.want.LoginsOnly || sameTLS(have.TLS, want.TLS) && have.BadTLS == "" {
		return
	}
	if have.TLS != nil {
		d.gone = append(d.gone, []string{"configs", want.Name, "tls"})
	}
	if want.TLS != nil {
		d.fresh = append(d.fresh, group{[]string{"configs", want.Name, "tls"}, tlsLines(*want.TLS)})
	}
}

// dropLogin takes the credentials of a host out, from both tables that may
// hold them.
func (d *registryDraft) dropLogin(have Host) {
	if !have.HasAuth {
		return
	}
	d.gone = append(d.gone, []string{"configs", have.Name, "auth"})
	for _, a := range d.Auths {
		if a.AuthAt == have.AuthAt {
			d.gone = append(d.gone, []string{"auths", a.Name})
		}
	}
}

func sameTLS(a, b *route.TLS) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.CA, b.CA) && slices.Equal(a.Client, b.Client) && a.SkipVerify == b.SkipVerify
}

func loginLines(a route.Auth) []string {
	if a.User == "" {
		return []string{"identitytoken = " + textOf(a.IdentityToken.Reveal())}
	}
	return []string{"username = " + textOf(a.User), "password = " + textOf(a.Password.Reveal())}
}

func tlsLines(t route.TLS) []string {
	var out []string
	if len(t.CA) > 0 {
		out = append(out, "ca_file = "+textOf(t.CA[0]))
	}
	if len(t.Client) > 0 {
		out = append(out, "cert_file = "+textOf(t.Client[0].Cert), "key_file = "+textOf(t.Client[0].Key))
	}
	if t.SkipVerify {
		out = append(out, "insecure_skip_verify = true")
	}
	return out
}

func (d *registryDraft) headers() {
	same := func(a, b Header) bool {
		return a.Key == b.Key && slices.EqualFunc(a.Values, b.Values, func(x, y route.Secret) bool { return x.Reveal() == y.Reveal() })
	}
	if slices.EqualFunc(d.Headers, d.want.Headers, same) {
		return
	}
	if len(d.Headers) > 0 {
		d.gone = append(d.gone, []string{"headers"})
	}
	g := group{path: []string{"headers"}}
	for _, h := range d.want.Headers {
		var values []string
		for _, v := range h.Values {
			values = append(values, v.Reveal())
		}
		g.lines = append(g.lines, textOf(h.Key)+" = "+listText(values))
	}
	if len(g.lines) > 0 {
		d.fresh = append(d.fresh, g)
	}
}

// edits are the removals from every file that is heard, and the new tables
// behind the last table of the registry that is there.
func (d *registryDraft) edits() []source.Edit {
	out := d.inPlace
	gone := make(map[string]bool, len(d.gone))
	for _, path := range d.gone {
		gone[joined(path)] = true
	}
	for _, ly := range d.layers {
		ids := d.idsIn(ly)
		out = append(out, ly.remove(func(path []string) bool { return goes(ids, gone, path) })...)
	}
	if len(d.fresh) == 0 {
		return out
	}
	ly, id := d.home([]string{"registry"})
	return append(out, ly.addGroups([]string{"plugins", id, "registry"}, d.fresh)...)
}

// goes reports whether a path lies at or below one that goes. An emptied parent
// stays: it says nothing.
func goes(ids []string, gone map[string]bool, path []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		registry := []string{"plugins", id, "registry"}
		if !prefixed(path, registry) {
			return false
		}
		rest := path[len(registry):]
		for n := range rest {
			if gone[joined(rest[:n+1])] {
				return true
			}
		}
		return false
	})
}

// createRegistry makes the default file, which is not there yet.
func (c Config) createRegistry(want Registry) []source.Edit {
	d := registryDraft{Config: c, want: want}
	if !want.LoginsOnly {
		d.mirrors()
	}
	d.hosts()
	d.headers()
	if len(d.fresh) == 0 || len(c.Unseen) > 0 {
		return nil
	}
	version, id := "3", criImages
	if c.old() {
		version, id = "2", grpcCRI
	}
	text := "version = " + version + "\n\n" + textOfGroups([]string{"plugins", id, "registry"}, d.fresh, "", "\n")
	return c.proven([]source.Edit{{Op: source.Create, File: c.Main, New: text, Mode: want.mode()}}, want.Met)
}

// mode is that of a new file: for root alone where it holds credentials.
func (want Registry) mode() fs.FileMode {
	if len(want.Headers) > 0 || slices.ContainsFunc(want.Hosts, func(h Host) bool { return !h.Auth.IsZero() }) {
		return 0o600
	}
	return 0o644
}

// Table is what a containerd without config_path makes of the registry table.
func (want Registry) Table(t route.Target) route.Table {
	c := Config{Target: t, Mirrors: want.Mirrors, Hosts: want.Hosts, Headers: want.Headers}
	c.LocalPull.Value = true
	return c.Table()
}

// Secret reports whether the table holds credentials.
func (want Registry) Secret() bool { return want.mode() == 0o600 }
