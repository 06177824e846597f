package credentialprovider

import (
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
)

// shape is what a value has to be. An object has fields, a list one of what it
// holds; the others have names for people.
type shape struct {
	is     string
	fields map[string]shape
}

var (
	aText     = shape{is: "a text"}
	aBool     = shape{is: "true or false"}
	aDuration = shape{is: "a duration like 12h"}
	texts     = list(aText)
)

func list(of shape) shape                  { return shape{"a list", map[string]shape{"": of}} }
func object(fields map[string]shape) shape { return shape{"an object", fields} }

// top is the shape of a file. Only v1 has tokens of service accounts.
// Source: k8s.io/kubelet config/v1/types.go.
func top(tokens bool) shape {
	provider := map[string]shape{
		"name": aText, "matchImages": texts, "defaultCacheDuration": aDuration, "apiVersion": aText, "args": texts,
		"env": list(object(map[string]shape{"name": aText, "value": aText})),
	}
	if tokens {
		provider["tokenAttributes"] = object(map[string]shape{
			"serviceAccountTokenAudience": aText, "cacheType": aText, "requireServiceAccount": aBool,
			"requiredServiceAccountAnnotationKeys": texts, "optionalServiceAccountAnnotationKeys": texts,
		})
	}
	return object(map[string]shape{"kind": aText, "apiVersion": aText, "providers": list(object(provider))})
}

// fit holds a value to its shape; what is null is left out.
func (c *Config) fit(d *kubeyaml.Doc, v any, s shape, at []any, sound *bool) {
	ok := v == nil
	switch value := v.(type) {
	case kubeyaml.Object:
		ok = s.is == "an object"
		if ok {
			c.fields(d, value, s, at, sound)
		}
	case []any:
		ok = s.is == "a list"
		for i, item := range value {
			if ok {
				c.fit(d, item, s.fields[""], slices.Concat(at, []any{i}), sound)
			}
		}
	case string:
		ok = s.is == aText.is
		if s.is == aDuration.is {
			_, err := time.ParseDuration(value)
			ok = err == nil
		}
	case bool:
		ok = s.is == aBool.is
	}
	if !ok {
		*sound = false
		c.refuse(invalid, "type", d.At(at...), finding.Args{"field": dotted(at), "want": s.is})
	}
}

func (c *Config) fields(d *kubeyaml.Doc, o kubeyaml.Object, s shape, at []any, sound *bool) {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		below := slices.Concat(at, []any{name})
		if field, known := s.fields[name]; known {
			c.fit(d, o[name], field, below, sound)
			continue
		}
		*sound = false
		near := ""
		for field := range s.fields {
			if strings.EqualFold(field, name) || len(name) > 3 && len(field) > 3 && strings.EqualFold(strings.TrimSuffix(field, "s"), strings.TrimSuffix(name, "s")) {
				near = field
			}
		}
		if near == "" {
			c.refuse(invalid, "field", d.At(below...), finding.Args{"field": evidence.OneLine(name)})
			continue
		}
		f := c.refuse(invalid, "near", d.At(below...), finding.Args{"field": evidence.OneLine(name), "want": near})
		if e, ok := d.Key(near, below...); ok && o[near] == nil {
			evidence.Cure(f, e)
		}
	}
}

// dotted is a path for people.
func dotted(at []any) string {
	var out []string
	for _, step := range at {
		if name, ok := step.(string); ok {
			out = append(out, evidence.OneLine(name))
		}
	}
	if len(out) == 0 {
		return "the file"
	}
	return strings.Join(out, ".")
}
