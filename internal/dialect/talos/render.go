package talos

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Render returns have with its registry settings replaced by those of want. An
// entry that says what is wanted keeps every byte; of the others only the keys
// that differ are written anew. New entries become documents of their own, or
// stand under machine.registries where the Talos of the target knows no other
// form. Certificates are taken from the table's Files. A configuration that
// Talos refuses is left alone, and a new file written beside it.
func Render(want route.Table, have []source.File) []source.File {
	t := Fill(want.Target)
	r := &reader{target: t, silent: true}
	for i := range have {
		if counts(have[i], len(have)) {
			r.file(&have[i])
		}
	}
	mirrors, auths, tlses := r.mirrors, r.auths, r.tlses
	r.settle()
	d := &draft{reader: r, modern: documents(t.Version), edits: map[string][]source.Edit{}}
	if r.refused {
		r.mirrors, r.auths, r.tlses, mirrors, auths, tlses = nil, nil, nil, nil, nil, nil
	}
	d.change(desired(want))
	d.drop(mirrors, auths, tlses)
	return d.write(have)
}

// draft is a configuration while entries are written into it.
type draft struct {
	*reader
	modern  bool
	edits   map[string][]source.Edit // by file
	docs    []entry                  // new documents
	old     entry                    // new entries of machine.registries
	claimed map[string]bool          // names of entries that are wanted, by section and name
}

// entry is a key with what stands below it.
type entry struct {
	key      string
	value    string   // a scalar, or "" for what stands below
	lines    []string // what stands below, indented as under the key
	children []entry
}

func (e entry) text(indent, nl string) string {
	var b strings.Builder
	b.WriteString(indent + e.key + ":")
	if e.value != "" {
		b.WriteString(" " + e.value)
	}
	b.WriteString(nl)
	for _, l := range e.lines {
		if l != "" {
			b.WriteString(indent + "  " + l)
		}
		b.WriteString(nl)
	}
	for _, c := range e.children {
		b.WriteString(c.text(indent+"  ", nl))
	}
	return b.String()
}

func scalar(key, value string) entry { return entry{key: key, value: yamldoc.Write(value)} }

func flag(key string, on bool) entry {
	if !on {
		return entry{}
	}
	return entry{key: key, value: "true"}
}

// text is a text of several lines as a YAML block, or in quotes where a block
// would not give it back.
func text(key, value string) entry {
	lines := strings.Split(strings.TrimSuffix(value, "\n"), "\n")
	plain := !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' })
	if !plain || value == "" || strings.HasPrefix(value, " ") || strings.HasPrefix(value, "\n") || strings.HasSuffix(value, "\n\n") || value == "\n" {
		return scalar(key, value)
	}
	style := "|"
	if !strings.HasSuffix(value, "\n") {
		style = "|-"
	}
	return entry{key: key, value: style, lines: lines}
}

func (m wishedMirror) uniform() bool {
	return !slices.ContainsFunc(m.endpoints, func(e wishedEndpoint) bool { return e.override != m.endpoints[0].override })
}

// parts of a mirror, in the form of a document or of machine.registries.
func (m wishedMirror) parts(old bool) []entry {
	list := entry{key: "endpoints"}
	if len(m.endpoints) == 0 {
		list.value = "[]"
	}
	over := false
	for _, e := range m.endpoints {
		if old {
			list.lines = append(list.lines, "- "+yamldoc.Write(e.url))
			over = over || e.override
			continue
		}
		list.lines = append(list.lines, "- url: "+yamldoc.Write(e.url))
		if e.override {
			list.lines = append(list.lines, "  overridePath: true")
		}
	}
	out := []entry{list, flag("skipFallback", m.skip)}
	if old {
		out = append(out, flag("overridePath", over))
	} else if len(m.endpoints) == 0 {
		out[0] = entry{}
	}
	return out
}

var authKeys = []string{"username", "password", "auth", "identityToken"}

func (a wishedAuth) parts() []entry {
	var out []entry
	for i, v := range []string{a.auth.User, a.auth.Password.Reveal(), "", a.auth.IdentityToken.Reveal()} {
		if v != "" {
			out = append(out, scalar(authKeys[i], v))
		}
	}
	return out
}

func (w wishedTLS) parts(old bool) []entry {
	var out []entry
	ca, cert, key := text("ca", w.ca), text("cert", w.cert), text("key", w.key)
	if old {
		b64 := func(key, v string) entry { return scalar(key, base64.StdEncoding.EncodeToString([]byte(v))) }
		ca, cert, key = b64("ca", w.ca), b64("crt", w.cert), b64("key", w.key)
	}
	if w.ca != "" {
		out = append(out, ca)
	}
	if w.client {
		out = append(out, entry{key: "clientIdentity", children: []entry{cert, key}})
	}
	if w.skip {
		out = append(out, flag("insecureSkipVerify", true))
	}
	return out
}

// change brings every wanted entry about.
func (d *draft) change(w wish) {
	d.claimed = map[string]bool{}
	mirrors, auths, tlses := indexOf(d.mirrors), indexOf(d.auths), indexOf(d.tlses)
	for _, m := range w.mirrors {
		d.claimed["mirror "+m.name] = true
		have := mirrors[m.name]
		switch {
		case have != nil && w.same(m, have):
		case have != nil && (have.pair == nil || m.uniform()) && d.amend(have.spot, []string{"endpoints", "skipFallback", "overridePath"}, m.parts(have.pair != nil)):
		default:
			d.forget(have != nil, "mirror "+m.name)
			d.add(kindMirror, m.name, m.parts(!d.modern), "mirrors")
		}
	}
	for _, a := range w.auths {
		name := d.authName(auths, a.name)
		d.claimed["auth "+name] = true
		have := auths[name]
		switch {
		case have != nil && a.same(have):
		case have != nil && d.amendPart(have.spot, "auth", authKeys, a.parts()):
		default:
			d.forget(have != nil, "auth "+name)
			d.add(kindAuth, name, a.parts(), "auth")
		}
	}
	for _, x := range w.tlses {
		d.claimed["tls "+x.name] = true
		have := tlses[x.name]
		switch {
		case have != nil && x.same(have):
		case have != nil && d.amendPart(have.spot, "tls", []string{"ca", "clientIdentity", "insecureSkipVerify"}, x.parts(have.pair != nil)):
		default:
			d.forget(have != nil, "tls "+x.name)
			d.add(kindTLS, x.name, x.parts(!d.modern), "tls")
		}
	}
}

func indexOf[T placed](all []T) map[string]T {
	out := map[string]T{}
	for _, x := range all {
		out[x.where().name] = x
	}
	return out
}

// authName is the name that credentials for Docker Hub have already.
func (d *draft) authName(have map[string]*auth, host string) string {
	if host == hubHost && have[hub] != nil && have[hubHost] == nil && hubAuth(d.target.Version) {
		return hub
	}
	return host
}

// forget lets an entry that cannot be amended be dropped.
func (d *draft) forget(there bool, claim string) {
	if there {
		delete(d.claimed, claim)
	}
}

// add notes a new entry.
func (d *draft) add(kind, name string, parts []entry, section string) {
	parts = slices.DeleteFunc(parts, func(e entry) bool { return e.key == "" })
	if d.modern {
		head := []entry{{key: "apiVersion", value: apiVersion}, {key: "kind", value: kind}, scalar("name", name)}
		d.docs = append(d.docs, entry{children: append(head, parts...)})
		return
	}
	key := yamldoc.Write(name)
	if section == "mirrors" {
		d.old.child("mirrors").children = append(d.old.child("mirrors").children, entry{key: key, children: parts})
		return
	}
	host := d.old.child("config").child(key)
	host.children = append(host.children, entry{key: section, children: parts})
}

// child returns the child with a key, which is made if it is not there.
func (e *entry) child(key string) *entry {
	i := slices.IndexFunc(e.children, func(c entry) bool { return c.key == key })
	if i < 0 {
		e.children = append(e.children, entry{key: key})
		i = len(e.children) - 1
	}
	return &e.children[i]
}
