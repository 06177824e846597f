package towpath

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Schema returns the format as a JSON Schema (draft 2020-12) for editors. A file
// that it takes may still be refused for what no schema can say: a key that
// stands twice, anchors and tags, a second document, a secret given in two ways,
// a regular expression, version, PEM block, proxy URL or image name that cannot
// be read, a time beyond all bounds, and a registry without a name.
func Schema() []byte {
	s := schema{defs: object{}}
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "https://raw.githubusercontent.com/towpath-dev/towpath/main/docs/towpath.schema.json"},
		{"title", "towpath.yaml"},
	}
	root = append(root, s.of(format)...)
	slices.SortFunc(s.defs, func(a, b member) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	root = append(root, member{"$defs", s.defs})
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(root) // texts, lists and objects of these: always possible
	return out.Bytes()
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schema collects the shapes that stand in several places.
type schema struct{ defs object }

// use refers to a shape that has a name, and says any other in place.
func (s *schema) use(x *shape, doc string) object {
	var out object
	if doc != "" {
		out = object{{"description", doc}}
	}
	if x.name == "" {
		said := s.of(x)
		if doc != "" && len(said) > 0 && said[0].key == "description" {
			said = said[1:]
		}
		return append(out, said...)
	}
	if !slices.ContainsFunc(s.defs, func(m member) bool { return m.key == x.name }) {
		i := len(s.defs)
		s.defs = append(s.defs, member{x.name, nil})
		said := s.of(x)
		s.defs[i].value = said
	}
	return append(out, member{"$ref", "#/$defs/" + x.name})
}

// of says a shape.
func (s *schema) of(x *shape) object {
	var out object
	if x.doc != "" {
		out = append(out, member{"description", x.doc})
	}
	if len(x.either) > 0 {
		var all []object
		for _, o := range x.either {
			all = append(all, s.use(o, ""))
		}
		return append(out, member{"anyOf", all})
	}
	switch x.sort {
	case text:
		out = append(out, member{"type", "string"})
		if len(x.values) > 0 {
			out = append(out, member{"enum", x.values})
		}
		if x.match != nil {
			out = append(out, member{"pattern", x.match.String()})
		}
	case flag:
		out = append(out, member{"type", "boolean"})
	case list:
		out = append(out, member{"type", "array"}, member{"items", s.use(x.each, "")})
	case names:
		out = append(out, member{"type", "object"}, member{"additionalProperties", s.use(x.each, "")})
	case record:
		out = append(out, s.record(x)...)
	}
	return out
}

func (s *schema) record(x *shape) object {
	properties, required := object{}, []string{}
	for _, f := range x.fields {
		properties = append(properties, member{f.name, s.use(f.shape, f.doc)})
		if f.required {
			required = append(required, f.name)
		}
	}
	out := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	return append(out, member{"additionalProperties", false})
}
