package bottlerocket

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// settings is container-registry in an accepted file.
type settings struct {
	doc         *tomldoc.Doc
	mirrors     []*mirror
	credentials []*credential
	table       bool // mirrors are in the older form, a table of lists
}

type mirror struct {
	Registry string
	Endpoint []string
	at       source.Pos
	places   []source.Pos // of the endpoints
	entry    int          // of the header in the document; -1: it has none
	written  bool         // endpoint is written
}

type credential struct {
	Registry, Username, Password, Auth, IdentityToken string

	at    source.Pos
	entry int
}

// root is where the settings are in the document.
var root = []string{"settings", "container-registry"}

// decode reads the file.
func (r *reader) decode() {
	all, bad := tomldoc.Decode(tomldoc.V2, r.file.Path, r.file.Data)
	var doc *tomldoc.Doc
	if bad == nil {
		doc, bad = tomldoc.Parse(r.file.Path, r.file.Data)
	}
	if bad != nil {
		r.syntax(bad)
		return
	}
	s := &settings{doc: doc}
	top, ok := all["settings"].(map[string]any)
	if !ok {
		r.outside(all, doc)
		r.set = s
		return
	}
	registry, there := top["container-registry"]
	table, ok := registry.(map[string]any)
	if there && !ok {
		r.refuse(wrongType, "", doc.At(root...), finding.Args{"key": "container-registry", "want": "a table"})
		return
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		switch key {
		case "mirrors":
			r.mirrorList(s, table[key])
		case "credentials", "creds":
			r.credentialList(s, key, table[key])
		default:
			r.unknown(doc.At(append(slices.Clone(root), key)...), key, []string{"mirrors", "credentials"})
		}
	}
	for key := range top {
		if want := nearTable[key]; want != "" {
			r.refuse(unknownKey, "near", doc.At("settings", key), finding.Args{"key": "settings." + key, "want": "settings." + want})
		}
	}
	if !r.refused {
		r.set = s
	}
}

// nearTable are names that settings.container-registry is mistaken for.
var nearTable = map[string]string{"container_registry": "container-registry", "container-registries": "container-registry", "registry": "container-registry", "registries": "container-registry"}

// outside finds the settings without the table that they belong in.
func (r *reader) outside(all map[string]any, doc *tomldoc.Doc) {
	for key := range all {
		if key == "container-registry" || nearTable[key] != "" {
			i := slices.IndexFunc(doc.Entries, func(e tomldoc.Entry) bool { return e.Path[0] == key })
			r.say(unknownKey, "outside", doc.Entries[max(i, 0)].At, finding.Args{"key": key})
		}
	}
}

func (r *reader) syntax(bad *tomldoc.Problem) {
	if bad.Unread {
		r.say(unread, "", bad.At, finding.Args{"why": bad.Text})
		return
	}
	variant := ""
	if strings.ContainsAny(source.Line(r.file.Data, bad.At.Line), "“”‘’") {
		variant = "quotes"
	}
	r.refuse(notTOML, variant, bad.At, finding.Args{"why": evidence.Message(bad.Text)})
}

// headers are the [[headers]] of an array of tables, in their order.
func (s *settings) headers(key string) []int {
	var out []int
	for i, e := range s.doc.Entries {
		if e.Kind == tomldoc.ArrayHeader && slices.Equal(e.Path, append(slices.Clone(root), key)) {
			out = append(out, i)
		}
	}
	return out
}

// within is the entry of a key in the table that begins at a header.
func (s *settings) within(header int, key string) *tomldoc.Entry {
	for i := header + 1; i < len(s.doc.Entries) && s.doc.Entries[i].Kind == tomldoc.Value; i++ {
		if e := &s.doc.Entries[i]; len(e.Path) == len(root)+2 && e.Path[len(root)+1] == key {
			return e
		}
	}
	return nil
}

func (r *reader) mirrorList(s *settings, v any) {
	at := s.doc.At(append(slices.Clone(root), "mirrors")...)
	if table, ok := v.(map[string]any); ok {
		r.mirrorTable(s, table)
		return
	}
	list, ok := v.([]any)
	if !ok {
		r.refuse(wrongType, "", at, finding.Args{"key": "mirrors", "want": "a list of tables"})
		return
	}
	headers := s.headers("mirrors")
	for i, item := range list {
		m := &mirror{at: at, entry: -1}
		if len(headers) == len(list) {
			m.entry, m.at = headers[i], s.doc.Entries[headers[i]].At
		}
		table, ok := item.(map[string]any)
		if !ok {
			r.refuse(wrongType, "", m.at, finding.Args{"key": "mirrors", "want": "a list of tables"})
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(table)) {
			switch key {
			case "registry":
				r.text(s, m.entry, m.at, key, table[key], &m.Registry)
			case "endpoint":
				m.written = true
				m.Endpoint = r.list(s, m, table[key])
			default:
				r.unknown(r.keyAt(s, m.entry, m.at, key), key, []string{"registry", "endpoint"})
			}
		}
		s.mirrors = append(s.mirrors, m)
	}
}

// mirrorTable is the form of Bottlerocket before 1.4: "docker.io" = ["https://…"].
func (r *reader) mirrorTable(s *settings, table map[string]any) {
	s.table = true
	for _, e := range s.doc.Entries {
		if len(e.Path) != len(root)+2 || e.Path[0] != "settings" || e.Path[2] != "mirrors" || e.Kind != tomldoc.Value {
			continue
		}
		m := &mirror{Registry: e.Path[3], at: e.At, entry: -1, written: true}
		m.Endpoint = r.strings(m.at, m.Registry, table[m.Registry])
		m.places = places(s.doc, e, len(m.Endpoint))
		s.mirrors = append(s.mirrors, m)
	}
	if len(s.mirrors) != len(table) && !r.refused {
		s.mirrors = nil
		for _, name := range slices.Sorted(maps.Keys(table)) {
			at := s.doc.At(append(slices.Clone(root), "mirrors", name)...)
			s.mirrors = append(s.mirrors, &mirror{Registry: name, at: at, entry: -1, Endpoint: r.strings(at, name, table[name])})
		}
	}
}

func places(doc *tomldoc.Doc, e tomldoc.Entry, n int) []source.Pos {
	spans := doc.Elements(e.Value)
	if len(spans) != n {
		return nil
	}
	var out []source.Pos
	for _, s := range spans {
		out = append(out, doc.Within(e, s.Start))
	}
	return out
}

func (r *reader) list(s *settings, m *mirror, v any) []string {
	at := r.keyAt(s, m.entry, m.at, "endpoint")
	out := r.strings(at, "endpoint", v)
	if m.entry >= 0 {
		if e := s.within(m.entry, "endpoint"); e != nil {
			m.places = places(s.doc, *e, len(out))
		}
	}
	return out
}

func (r *reader) strings(at source.Pos, key string, v any) []string {
	list, ok := v.([]any)
	var out []string
	for _, item := range list {
		text, is := item.(string)
		ok = ok && is
		out = append(out, text)
	}
	if !ok {
		r.refuse(wrongType, "", at, finding.Args{"key": key, "want": "a list of URLs"})
	}
	return out
}

// keyAt is the place of a key in a table of a list.
func (r *reader) keyAt(s *settings, header int, at source.Pos, key string) source.Pos {
	if header >= 0 {
		if e := s.within(header, key); e != nil {
			return e.At
		}
	}
	return at
}

// text takes a string of one line.
func (r *reader) text(s *settings, header int, at source.Pos, key string, v any, into *string) {
	text, ok := v.(string)
	at = r.keyAt(s, header, at, key)
	if !ok || strings.ContainsAny(text, "\n\r") {
		r.refuse(wrongType, "", at, finding.Args{"key": key, "want": "a text of one line"})
		return
	}
	*into = text
}

func (r *reader) credentialList(s *settings, key string, v any) {
	at := s.doc.At(append(slices.Clone(root), key)...)
	list, ok := v.([]any)
	if !ok {
		r.refuse(wrongType, "", at, finding.Args{"key": key, "want": "a list of tables"})
		return
	}
	headers := s.headers(key)
	for i, item := range list {
		c := &credential{at: at, entry: -1}
		if len(headers) == len(list) {
			c.entry, c.at = headers[i], s.doc.Entries[headers[i]].At
		}
		table, ok := item.(map[string]any)
		if !ok {
			r.refuse(wrongType, "", c.at, finding.Args{"key": key, "want": "a list of tables"})
			continue
		}
		fields := map[string]*string{"registry": &c.Registry, "username": &c.Username, "password": &c.Password, "auth": &c.Auth, "identitytoken": &c.IdentityToken}
		for _, k := range slices.Sorted(maps.Keys(table)) {
			if fields[k] == nil {
				r.unknown(r.keyAt(s, c.entry, c.at, k), k, slices.Sorted(maps.Keys(fields)))
				continue
			}
			r.text(s, c.entry, c.at, k, table[k], fields[k])
		}
		if _, err := base64.StdEncoding.DecodeString(c.Auth); err != nil {
			r.refuse(notBase64, "", r.keyAt(s, c.entry, c.at, "auth"), finding.Args{"name": c.Registry})
		}
		s.credentials = append(s.credentials, c)
	}
}

// aliases are keys of other formats.
var aliases = map[string]string{
	"endpoints": "endpoint", "mirror": "registry", "host": "registry", "name": "registry", "url": "endpoint", "user": "username",
	"identity_token": "identitytoken", "identity-token": "identitytoken", "pass": "password", "credential": "credentials",
}

func (r *reader) unknown(at source.Pos, key string, known []string) {
	want := aliases[key]
	if want == "" {
		for _, k := range known {
			if strings.EqualFold(k, key) {
				want = k
			}
		}
	}
	args := finding.Args{"key": key, "want": want, "known": fmt.Sprint(strings.Join(known, ", "))}
	if want != "" {
		r.refuse(unknownKey, "near", at, args)
		return
	}
	r.refuse(unknownKey, "", at, args)
}
