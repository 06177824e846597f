package pullsecret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/source"
)

// refuse notes a secret that the API server does not take.
func (c *Config) refuse(s *secret, k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	c.Refused = append(c.Refused, s.name)
	return c.say(s, k, variant, at, args)
}

func (c *Config) say(s *secret, k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	all := finding.Args{"secret": s.title()}
	maps.Copy(all, args)
	f := c.book.Say(k, variant, at, all)
	if !s.plain {
		f.Evidence[0].Saw = veiled(f.Evidence[0].Saw)
	}
	if f.Fix != nil {
		f.Fix.Live = true // the next pull comes with it
	}
	return f
}

// veiled is a line of a manifest without a value that may be a secret, short as
// it may be.
func veiled(line string) string {
	key, value, pair := strings.Cut(line, ":")
	switch strings.Trim(key, " -\"'") {
	case "type", "metadata", "imagePullSecrets", "data", "stringData":
		if !strings.Contains(value, ":") {
			return line
		}
	}
	if !pair || strings.TrimSpace(value) == "" {
		return line
	}
	return key + ": ***"
}

// notData: a value of data that is no base64, or of stringData that is no text.
func (c *Config) notData(s *secret, o kubeyaml.Object, bad *notBytes) {
	at := s.doc.At(s.below(bad.field, bad.key)...)
	switch {
	case !bad.typed:
		c.refuse(s, malformed, "wrongType", at, finding.Args{"field": strings.TrimSuffix(bad.field+"."+evidence.OneLine(bad.key), ".")})
	case json.Valid([]byte(bad.value)):
		f := c.refuse(s, malformed, "plain", at, finding.Args{"key": bad.key})
		data, _ := o["data"].(kubeyaml.Object)
		if e, ok := s.doc.Key("stringData", s.below("data")...); ok && o["stringData"] == nil && len(data) == 1 {
			evidence.Cure(f, e)
		}
	default:
		c.refuse(s, malformed, "notBase64", at, finding.Args{"key": evidence.OneLine(bad.key)})
	}
}

// otherType: a secret of no type that the kubelet looks at, with content for it.
func (c *Config) otherType(s *secret, kind string, data map[string][]byte) {
	for _, want := range [][2]string{{keyJSON, typeJSON}, {keyFlat, typeFlat}} {
		if _, meant := data[want[0]]; !meant {
			continue
		}
		if kind == "" {
			kind = "Opaque"
		}
		f := c.say(s, malformed, "otherType", s.doc.At(s.below("type")...), finding.Args{"type": evidence.OneLine(kind), "want": want[1]})
		if e, ok := s.doc.Value(want[1], s.below("type")...); ok {
			evidence.Cure(f, e)
		}
		return
	}
}

// wrongKey: the content stands under another key than the type's.
func (c *Config) wrongKey(s *secret, data map[string][]byte, inline map[string]string) {
	path := s.below("data")
	if len(data) == 1 {
		for key := range data {
			path = s.below("data", key)
			if _, plain := inline[key]; plain {
				path = s.below("stringData", key)
			}
		}
	}
	f := c.refuse(s, malformed, "key", s.doc.At(path...), finding.Args{"key": s.key})
	if e, ok := s.doc.Key(s.key, path...); ok && len(data) == 1 {
		evidence.Cure(f, e)
	}
}

// notJSON: the content is encoded once too often, or is no JSON.
func (c *Config) notJSON(s *secret, err error) {
	at := s.at("")
	plain, bad := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(s.content)))
	if bad != nil || !json.Valid(plain) || len(plain) == 0 {
		c.refuse(s, malformed, "", at, finding.Args{"key": s.key, "why": evidence.Message(err.Error())})
		return
	}
	if s.field == "data" {
		c.refuse(s, malformed, "twice", at, finding.Args{"key": s.key})
		return
	}
	f := c.refuse(s, malformed, "encoded", at, finding.Args{"key": s.key})
	if e, ok := s.doc.Key("data", s.below("stringData")...); ok && s.doc.At(s.below("data")...) == s.doc.At(s.path...) {
		evidence.Cure(f, e)
	}
}

// badEntry: one entry that cannot be decoded spoils all that come with it.
func (c *Config) badEntry(s *secret, err error) {
	key, why := "", errOf(err)
	if holder := s.holder(); holder != nil && holder.Kind == jsondoc.Object {
		for _, m := range holder.Members {
			var e keyring.Entry
			if bad := json.Unmarshal(s.content[m.Value.Start:m.Value.End], &e); bad != nil {
				key, why = m.Key, errOf(bad)
				break
			}
		}
	}
	variant := "secret"
	if s.plain {
		variant = "file"
	} else if c.Fails == "" {
		c.Fails = s.title() + " cannot be decoded: " + why
	}
	if key != "" {
		variant += "Entry"
	}
	c.say(s, badLogin, variant, s.at(key), finding.Args{"key": evidence.URL(key), "why": why})
}

// keysOf are the keys of an object of the content, of its top level for "".
func (s *secret) keysOf(name string) []string {
	if s.tree == nil || s.tree.Root == nil {
		return nil
	}
	n := s.tree.Root
	if name != "" {
		m := n.Get(name)
		if m == nil {
			return nil
		}
		n = m.Value
	}
	var out []string
	for _, m := range n.Members {
		out = append(out, m.Key)
	}
	slices.Sort(out)
	return out
}
