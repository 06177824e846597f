package pullsecret

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// The two types of secrets, each with its key.
const (
	typeJSON = "kubernetes.io/dockerconfigjson"
	typeFlat = "kubernetes.io/dockercfg"
	keyJSON  = ".dockerconfigjson"
	keyFlat  = ".dockercfg"
)

// secret is one Secret, or a file that is the content of one.
type secret struct {
	name, namespace string
	doc             *kubeyaml.Doc
	path            []any  // of the Secret in its document
	plain           bool   // no Secret: a config.json by itself
	flat            bool   // a .dockercfg
	field           string // "data" or "stringData": where its content stands
	key             string // of the content: ".dockerconfigjson"
	content         []byte
	tree            *jsondoc.Doc // of the content; nil: it is no JSON
	entries         map[string]keyring.Entry
	ok              bool // the kubelet takes its entries
}

// title is what people call it.
func (s *secret) title() string {
	if s.plain {
		return s.doc.File
	}
	if s.name == "" {
		return "a secret without a name"
	}
	return "secret " + evidence.OneLine(s.name)
}

// at is the place of an entry, or of what holds it.
func (s *secret) at(key string) source.Pos {
	if !s.plain {
		return s.doc.At(s.below(s.field, s.key)...)
	}
	if m := s.member(key); m != nil {
		return s.tree.Pos(m.Name)
	}
	return source.Pos{File: s.doc.File}
}

func (s *secret) below(steps ...any) []any { return slices.Concat(s.path, steps) }

// member is the entry of a key as it stands in the content.
func (s *secret) member(key string) *jsondoc.Member {
	if holder := s.holder(); holder != nil {
		return holder.Get(key)
	}
	return nil
}

// holder is the object whose members are the entries; nil: there is none.
func (s *secret) holder() *jsondoc.Node {
	if s.tree == nil || s.tree.Root == nil || s.flat {
		if s.tree == nil {
			return nil
		}
		return s.tree.Root
	}
	for i := len(s.tree.Root.Members) - 1; i >= 0; i-- {
		if m := s.tree.Root.Members[i]; strings.EqualFold(m.Key, "auths") {
			return m.Value
		}
	}
	return nil
}

// file reads one file: Docker's, or objects of Kubernetes.
func (c *Config) file(f *source.File) {
	if flat := path.Base(f.Path) == keyFlat; flat || isDocker(f) {
		c.plain(f, flat)
		return
	}
	docs, bad := kubeyaml.Read(f.Path, f.Data)
	if bad != nil && len(c.book.Files) > 1 && !strings.Contains(string(f.Data), "dockerc") {
		return // a template, or what else lies in a directory
	}
	if bad != nil {
		c.Broken = true
		kind, args := unreadable, finding.Args{"why": evidence.Message(bad.Text)}
		if bad.Unread {
			kind = tooLarge
		}
		c.book.Say(kind, "", bad.At, args)
		return
	}
	for _, d := range docs {
		c.object(d, d.Object, nil, 0)
	}
}

// isDocker reports a config.json: JSON with keys of Docker's and no kind.
func isDocker(f *source.File) bool {
	name := path.Base(f.Path)
	if name == "config.json" || name == keyJSON {
		return true
	}
	var into map[string]json.RawMessage
	if json.Unmarshal(f.Data, &into) != nil || into["kind"] != nil {
		return false
	}
	return into["auths"] != nil || into["credsStore"] != nil || into["credHelpers"] != nil
}

func (c *Config) plain(f *source.File, flat bool) {
	s := &secret{name: f.Path, doc: &kubeyaml.Doc{File: f.Path}, plain: true, flat: flat, content: f.Data}
	tree, bad := jsondoc.Parse(f.Path, f.Data)
	if bad != nil {
		c.Broken = true
		if bad.Unread {
			c.book.Say(tooLarge, "", bad.At, finding.Args{"why": bad.Text})
			return
		}
		c.book.Say(malformed, "file", bad.At, finding.Args{"why": evidence.Message(bad.Text)})
		return
	}
	s.tree = tree
	c.decode(s)
	c.secrets = append(c.secrets, s)
}

// object takes what an object says of credentials: secrets, those who use them,
// and lists of both.
func (c *Config) object(d *kubeyaml.Doc, o kubeyaml.Object, at []any, depth int) {
	kind, _ := o["kind"].(string)
	switch {
	case kind == "Secret":
		c.secret(d, o, at)
	case strings.HasSuffix(kind, "List") && depth < 3:
		items, _ := o["items"].([]any)
		for i, item := range items {
			if one, ok := item.(kubeyaml.Object); ok {
				c.object(d, one, slices.Concat(at, []any{"items", i}), depth+1)
			}
		}
	default:
		c.user(d, o, kind, at)
	}
}

// secret reads a Secret as the API server takes it.
func (c *Config) secret(d *kubeyaml.Doc, o kubeyaml.Object, at []any) {
	s := &secret{doc: d, path: at}
	kind, typed := text(o["type"])
	s.name, s.namespace = identity(o)
	data, inline, bad := contents(o)
	switch {
	case bad != nil:
		c.notData(s, o, bad)
		return
	case !typed:
		c.refuse(s, malformed, "wrongType", d.At(s.below("type")...), finding.Args{"field": "type"})
		return
	case !sound(o["metadata"]):
		c.refuse(s, malformed, "wrongType", d.At(s.below("metadata")...), finding.Args{"field": "metadata"})
		return
	}
	for key, value := range inline {
		data[key] = []byte(value)
	}
	s.key = map[string]string{typeJSON: keyJSON, typeFlat: keyFlat}[kind]
	if s.key == "" {
		c.otherType(s, kind, data)
		return
	}
	s.flat, s.field = kind == typeFlat, "data"
	if _, plain := inline[s.key]; plain {
		s.field = "stringData"
	}
	content, there := data[s.key]
	if !there {
		c.wrongKey(s, data, inline)
		return
	}
	s.content = content
	var any map[string]any
	if err := json.Unmarshal(content, &any); err != nil {
		c.notJSON(s, err)
		return
	}
	s.tree, _ = jsondoc.Parse(d.File, content)
	c.secrets = append(c.secrets, s)
	c.decode(s)
}

// decode takes the entries as the kubelet does: all or none.
func (c *Config) decode(s *secret) {
	if len(s.content) == 0 && !s.plain {
		return
	}
	into := keyring.Config
	if s.flat {
		into = keyring.Flat
	}
	entries, err := into(s.content)
	if err != nil {
		c.badEntry(s, err)
		return
	}
	s.entries, s.ok = entries, true
}

// text reports a value that is a text, or is not there.
func text(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok || v == nil
}

func identity(o kubeyaml.Object) (name, namespace string) {
	meta, _ := o["metadata"].(kubeyaml.Object)
	name, _ = meta["name"].(string)
	namespace, _ = meta["namespace"].(string)
	return name, namespace
}

// sound reports metadata whose names are texts, if they are there.
func sound(meta any) bool {
	if meta == nil {
		return true
	}
	m, ok := meta.(kubeyaml.Object)
	_, name := text(m["name"])
	_, namespace := text(m["namespace"])
	return ok && name && namespace
}

// notBytes tells which value of a Secret's data is none.
type notBytes struct {
	field, key string
	value      string
	typed      bool // it is a text, but no base64
}

// contents are the decoded data and stringData of a Secret.
func contents(o kubeyaml.Object) (data map[string][]byte, inline map[string]string, bad *notBytes) {
	data, inline = map[string][]byte{}, map[string]string{}
	encoded, ok := o["data"].(kubeyaml.Object)
	if !ok && o["data"] != nil {
		return nil, nil, &notBytes{field: "data"}
	}
	for _, key := range slices.Sorted(maps.Keys(encoded)) {
		one, typed := text(encoded[key])
		plain, err := base64.StdEncoding.DecodeString(one)
		if !typed || err != nil {
			return nil, nil, &notBytes{"data", key, one, typed}
		}
		data[key] = plain
	}
	plain, ok := o["stringData"].(kubeyaml.Object)
	if !ok && o["stringData"] != nil {
		return nil, nil, &notBytes{field: "stringData"}
	}
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		one, typed := text(plain[key])
		if !typed {
			return nil, nil, &notBytes{"stringData", key, "", false}
		}
		inline[key] = one
	}
	return data, inline, nil
}

// errOf is an error without the values that it may quote.
func errOf(err error) string {
	if _, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return "it is no base64"
	}
	return evidence.Message(err.Error())
}

// Identity is the identity token beside an entry: Docker's own programs use it,
// the kubelet does not.
func (c *Config) Identity(l keyring.Login) route.Secret {
	for _, s := range c.secrets {
		if s.title() != l.Source {
			continue
		}
		if m := s.member(l.Key); m != nil {
			if t := m.Value.Get("identitytoken"); t != nil {
				return route.NewSecret(t.Value.Text)
			}
		}
	}
	return route.Secret{}
}
