package docker

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Render returns have with registry-mirrors and insecure-registries replaced by
// what want needs; every other byte of daemon.json stays. Certificates are added
// to certs.d, none is taken away. A file that is refused is not touched: what it
// was to say about the rest of Docker is nobody's to throw away.
func Render(want route.Table, have []source.File) []source.File {
	t := want.Target
	t.Containerd = route.Version{}
	r := read(have, t, Options{})
	out := slices.Clone(have)
	if r.refused == nil && !r.unread && !r.wide {
		out = r.write(out, want)
	}
	for _, f := range certificates(want) {
		if i := slices.IndexFunc(out, func(o source.File) bool { return o.Path == f.Path }); i >= 0 {
			out[i].Data = f.Data
			continue
		}
		out = append(out, f)
	}
	return out
}

// write changes the two lists of daemon.json where they do not say what is
// wanted already.
func (r *reader) write(out []source.File, want route.Table) []source.File {
	mirrors, loose := wantedLists(want)
	if want.Route(hub).Fails != "" {
		mirrors = r.nowMirrors() // what fails every pull cannot be written down, so it stays
	}
	lists := []struct {
		key  string
		now  []string
		want []string
	}{{"registry-mirrors", r.nowMirrors(), mirrors}, {"insecure-registries", r.nowInsecure(), loose}}
	if r.doc == nil || r.doc.Root == nil || r.doc.Root.Kind != jsondoc.Object {
		text := fresh(lists[0].want, lists[1].want)
		if text == "" {
			return out
		}
		if r.file == nil {
			return append(out, source.File{Path: r.path(), Data: []byte(text), Mode: 0o644})
		}
		out[slices.IndexFunc(out, func(f source.File) bool { return f.Path == r.file.Path })].Data = []byte(text)
		return out
	}
	data := r.file.Data
	for _, l := range lists {
		if !slices.Equal(l.now, l.want) && (l.key == "registry-mirrors" || !sameSet(l.now, l.want)) {
			data = r.list(data, l.key, l.want)
		}
	}
	out[slices.IndexFunc(out, func(f source.File) bool { return f.Path == r.file.Path })].Data = data
	return out
}

// sameSet compares two lists whose order means nothing.
func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// path is where daemon.json is to be.
func (r *reader) path() string {
	if r.opts.Config != "" {
		return r.opts.Config
	}
	if flag := r.flags()["config-file"]; flag != "" {
		return flag
	}
	return mainFile
}

// list turns one list of a file into what is wanted. Reading the file again
// lets the edits of two neighbours not touch.
func (r *reader) list(data []byte, key string, want []string) []byte {
	text, _ := r.plain(data)
	doc, bad := jsondoc.Parse(r.file.Path, text)
	if bad != nil {
		return data
	}
	member := doc.Root.Get(key)
	var edits []source.Edit
	switch {
	case len(want) == 0:
		edits = doc.Remove(doc.Root, key)
	case member != nil:
		edits = []source.Edit{doc.Replace(member.Value, spell(want))}
	default:
		edits = []source.Edit{doc.Add(doc.Root, key, spell(want))}
	}
	out, err := source.Apply(data, edits)
	if err != nil {
		return data
	}
	return out
}

func spell(list []string) string {
	quoted := make([]string, len(list))
	for i, text := range list {
		quoted[i] = jsondoc.Write(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func fresh(mirrors, loose []string) string {
	var lines []string
	if len(mirrors) > 0 {
		lines = append(lines, `  "registry-mirrors": `+spell(mirrors))
	}
	if len(loose) > 0 {
		lines = append(lines, `  "insecure-registries": `+spell(loose))
	}
	if lines == nil {
		return ""
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}\n"
}

// wantedLists are the two lists that a table asks for. Nothing that is verified
// becomes insecure for it.
func wantedLists(t route.Table) (mirrors, unverified []string) {
	add := func(host string) {
		if !slices.Contains(unverified, host) && badInsecure(host) == "" && !route.IsLocalhost(host) {
			unverified = append(unverified, host)
		}
	}
	for _, r := range t.Routes {
		_, isRange := addresses(r.Match)
		switch {
		case r.Fails != "" || r.Match == route.Any || r.Blocked:
			continue
		case r.Match == hub:
			for _, e := range r.Mirrors {
				u := mirrorURL(e)
				if e.Broken == "" && e.Serves&reads == reads && badMirror(u) == "" && !slices.Contains(mirrors, u) {
					mirrors = append(mirrors, u)
				}
			}
		case loose(r) && (isRange || r.IsWhole() && !otherUpstream(t, r)):
			add(r.Match)
		}
	}
	return mirrors, unverified
}

// nowMirrors and nowInsecure are the lists of the file in the same words.
func (r *reader) nowMirrors() []string {
	var out []string
	for _, e := range r.mirrors() {
		if e.Broken == "" {
			out = append(out, mirrorURL(e))
		}
	}
	return out
}

func (r *reader) nowInsecure() []string {
	var out []string
	for _, text := range r.set.Insecure {
		entry := unschemed(text)
		if p, ok := addresses(entry); ok {
			entry = p.String()
		}
		if !slices.Contains(out, entry) && !route.IsLocalhost(entry) && entry != hub {
			out = append(out, entry)
		}
	}
	return out
}

// certificates are files for certs.d whose contents are known.
func certificates(t route.Table) []source.File {
	var out []source.File
	add := func(from, to string) {
		if f := source.Find(t.Files, from); f != nil && len(f.Data) > 0 {
			mode := source.File{Path: to, Data: f.Data, Mode: 0o644}
			if strings.HasSuffix(to, ".key") {
				mode.Mode = 0o600
			}
			out = append(out, mode)
		}
	}
	write := func(host string, set route.TLS) {
		if host == "" || host == hubHost || set.SkipVerify {
			return
		}
		dir := path.Join(certsDir, host)
		for i, ca := range set.CA {
			if path.Dir(ca) != dir {
				add(ca, path.Join(dir, numbered(ca, i)+".crt"))
			}
		}
		for i, p := range set.Client {
			if path.Dir(p.Cert) != dir && p.Key != "" {
				add(p.Cert, path.Join(dir, numbered(p.Cert, i)+".cert"))
				add(p.Key, path.Join(dir, numbered(p.Cert, i)+".key"))
			}
		}
	}
	for _, h := range t.Hosts {
		write(h.Name, h.TLS)
	}
	for _, r := range t.Routes {
		for _, e := range r.Endpoints() {
			host := e.Host
			if host == "" && r.IsWhole() && r.Match != hub && r.Match != route.Any {
				host = r.Match
			}
			write(host, e.TLS)
		}
	}
	return out
}

func numbered(name string, i int) string {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	if i > 0 {
		stem += fmt.Sprint("-", i+1)
	}
	return stem
}
