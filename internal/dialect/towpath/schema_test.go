package towpath

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

//go:generate env UPDATE=1 go test -run TestThePublishedSchemaIsThatOfTheFormat .

const published = "../../../docs/towpath.schema.json"

// docs/towpath.schema.json is written from the format. UPDATE=1 rewrites it.
func TestThePublishedSchemaIsThatOfTheFormat(t *testing.T) {
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(published, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(published)
	if err != nil || !bytes.Equal(data, Schema()) {
		t.Errorf("%s differs from the format (%v); run go generate ./internal/dialect/towpath", published, err)
	}
}

// stricter are the mistakes that a schema cannot say: those of YAML itself.
var stricter = []string{"alias", "twice", "key"}

// TestTheSchemaTakesWhatTheParserTakes compares the parser's idea of the shape
// of a document with that of a validator of JSON Schema.
func TestTheSchemaTakesWhatTheParserTakes(t *testing.T) {
	validator := compiled(t)
	taken, refused, set := 0, 0, 0
	d := made{rand.New(rand.NewPCG(8, 1))}
	var sound []string
	for range 400 {
		sound = append(sound, "version: towpath/v1\n"+d.record(format))
	}
	texts := slices.Concat(sound, dialecttest.Mutate(sound, swaps, 3, 3000))
	for i := range 3000 {
		swap, text := swaps[i%len(swaps)], sound[d.IntN(len(sound))]
		for try := 0; try < 50 && !strings.Contains(text, swap[0]); try++ {
			text = sound[d.IntN(len(sound))]
		}
		texts = append(texts, strings.Replace(text, swap[0], swap[1], 1+d.IntN(2)))
	}
	for _, text := range texts {
		doc, bad := yamldoc.Parse("f", []byte(text))
		if bad != nil || doc.Root == nil || doc.Rest || len(doc.Root.Pairs) == 0 {
			set++
			continue
		}
		var mistakes []mistake
		c := checker{doc: doc, say: func(m mistake) { mistakes = append(mistakes, m) }}
		c.check(doc.Root, format, "the file")
		if slices.ContainsFunc(mistakes, func(m mistake) bool { return slices.Contains(stricter, m.sort) }) {
			set++
			continue
		}
		err := validator.Validate(plainJSON(t, doc.Root))
		if (err == nil) != (len(mistakes) == 0) {
			t.Fatalf("the schema says %v, the parser %+v of\n%s", err, mistakes, text)
		}
		if err == nil {
			taken++
		} else {
			refused++
		}
	}
	t.Logf("%d taken, %d refused, %d not comparable", taken, refused, set)
	if taken+refused < 2000 || taken < 500 || refused < 500 {
		t.Errorf("only %d and %d compared", taken, refused)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("towpath.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("towpath.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainJSON is a document as a validator sees it.
func plainJSON(t *testing.T, n *yamldoc.Node) any {
	t.Helper()
	switch n.Kind {
	case yamldoc.Mapping:
		out := map[string]any{}
		for _, p := range n.Pairs {
			out[p.Key.Value] = plainJSON(t, p.Value)
		}
		return out
	case yamldoc.Sequence:
		out := []any{}
		for _, item := range n.Items {
			out = append(out, plainJSON(t, item))
		}
		return out
	case yamldoc.Null:
		return nil
	}
	switch {
	case n.Quoted || n.Tag == "!!str" || n.Tag == "!!timestamp":
		return n.Value
	case n.Tag == "!!bool":
		return strings.EqualFold(n.Value, "true")
	}
	return json.Number("1")
}

// swaps are mistakes that people make.
var swaps = [][2]string{
	{"mirrors:", "endpoints:"}, {"url:", "URL:"}, {"skipVerify: true", "skipVerify: 'true'"}, {"https://", "htps://"}, {"- pull", "- pulls"},
	{"user: ", "username: "}, {"version: towpath/v1", "version: 1"}, {"upstream: false", "upstream: no"}, {"registries:", "registry:"}, {": x1", ": 123"},
	{"to:", "by:"}, {"{}", ""}, {"dialTimeout: 3s", "dialTimeout: 3"}, {"synchronise: true", "synchronize: true"}, {"ca: x1", "ca: [1]"}, {"/p", "p"},
}

// made makes documents of the format.
type made struct{ *rand.Rand }

func (d made) record(s *shape) string {
	out := ""
	for _, f := range s.fields {
		if f.name != "version" && (f.required || d.IntN(3) == 0) {
			out += f.name + ":" + d.value(f.shape)
		} else if f.name == "version" && s != format && d.IntN(3) == 0 {
			out += "version:" + d.value(f.shape)
		}
	}
	return out
}

// value is what stands behind a key, with its line end.
func (d made) value(s *shape) string {
	if len(s.either) > 0 {
		return d.value(s.either[d.IntN(len(s.either))])
	}
	switch s.sort {
	case text:
		return " " + d.text(s) + "\n"
	case flag:
		return " " + []string{"true", "false", "True"}[d.IntN(3)] + "\n"
	case list:
		out := "\n"
		for range 1 + d.IntN(3) {
			out += "-" + indented(d.value(s.each))
		}
		return out
	case names:
		out := "\n"
		for i := range 1 + d.IntN(3) {
			out += fmt.Sprintf("  k%d:", i) + indented(d.value(s.each))
		}
		return out
	}
	if body := d.record(s); body != "" {
		return "\n  " + indented(body)
	}
	return " {}\n"
}

func indented(text string) string {
	return strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n  "), "  ")
}

func (d made) text(s *shape) string {
	if len(s.values) > 0 {
		return s.values[d.IntN(len(s.values))]
	}
	for range 100 {
		v := []string{"x1", "https://m.example", "http://m.example:5000/v2/p", "/etc/p", "3s", "none", "-1.5ms", "docker@28.1", "containerd", "2001-01-01", "'5'"}[d.IntN(11)]
		if s.match == nil || s.match.MatchString(v) {
			return v
		}
	}
	return "''"
}
