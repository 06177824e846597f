// Package contract is the JSON that doctor promises to its readers, read as
// strictly as a reader may: a missing, additional or misspelt key is an error,
// and so is a value that the contract does not know.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Doctor is what doctor -o json prints.
type Doctor struct {
	Schema    string    `json:"schema"`
	Image     string    `json:"image"`
	Reference string    `json:"reference"`
	Runtime   Runtime   `json:"runtime"`
	Verdict   string    `json:"verdict"`
	Hops      []Hop     `json:"hops"`
	Findings  []Finding `json:"findings"`
}

// Runtime is the runtime that pulls.
type Runtime struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Hop is one endpoint and what happened there.
type Hop struct {
	Endpoint string  `json:"endpoint"`
	From     *At     `json:"from"`
	Stages   []Stage `json:"stages"`
}

// Stage is one step at an endpoint.
type Stage struct {
	Stage string  `json:"stage"`
	OK    bool    `json:"ok"`
	MS    float64 `json:"ms"`
	Saw   *string `json:"saw"`
	Error *string `json:"error"`
}

// Finding is one thing that was found.
type Finding struct {
	Code       string     `json:"code"`
	ID         string     `json:"id"`
	Severity   string     `json:"severity"`
	Role       string     `json:"role"`
	Because    *string    `json:"because"`
	Confidence string     `json:"confidence"`
	Subject    string     `json:"subject"`
	Text       string     `json:"text"`
	At         *At        `json:"at"`
	Evidence   []Evidence `json:"evidence"`
	Fix        *Fix       `json:"fix"`
}

// At is a place in a file.
type At struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Evidence is something that was seen.
type Evidence struct {
	Saw     string `json:"saw"`
	Where   string `json:"where"`
	Command string `json:"command"`
}

// Fix is how this node can cure it.
type Fix struct {
	Text  string            `json:"text"`
	Live  bool              `json:"live"`
	Edits []json.RawMessage `json:"edits"`
	Run   []string          `json:"run"`
}

// keys that each object must have, by the path of the object.
var keys = map[string]string{
	"":                      "schema image reference runtime verdict hops findings",
	"runtime":               "name version",
	"hops[]":                "endpoint from stages",
	"hops[].stages[]":       "stage ok ms saw error",
	"findings[]":            "code id severity role because confidence subject text at evidence fix",
	"findings[].evidence[]": "saw where command",
	"findings[].fix":        "text live edits run",
}

// Read reads a document and lists every breach of the contract.
func Read(data []byte) (Doctor, []string) {
	var d Doctor
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, []string{"the document is not of the contract: " + err.Error()}
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return d, []string{err.Error()}
	}
	bad := missing("", tree)
	bad = append(bad, d.values()...)
	for _, f := range d.Findings {
		bad = append(bad, f.values()...)
	}
	return d, bad
}

// missing looks for keys that are absent, and lists that are null.
func missing(path string, node any) []string {
	var bad []string
	switch v := node.(type) {
	case map[string]any:
		for _, key := range strings.Fields(keys[path]) {
			if _, ok := v[key]; !ok {
				bad = append(bad, fmt.Sprintf("%s lacks %q", path, key))
			}
		}
		for key, sub := range v {
			at := strings.TrimPrefix(path+"."+key, ".")
			if slices.Contains(lists, key) {
				if sub == nil {
					bad = append(bad, at+" is null, not []")
				}
				at += "[]"
			}
			bad = append(bad, missing(at, sub)...)
		}
	case []any:
		for _, sub := range v {
			bad = append(bad, missing(path, sub)...)
		}
	}
	return bad
}

var lists = strings.Fields("hops stages findings evidence edits run")

// The words of the contract.
var (
	verdicts    = strings.Fields("healthy degraded broken unknown")
	stages      = strings.Fields("resolve connect tls api token manifest blob")
	severities  = strings.Fields("error warning info")
	roles       = strings.Fields("primary secondary")
	confidences = strings.Fields("certain likely possible")
	code        = regexp.MustCompile(`^[a-z]+/[a-z0-9-]+$`)
	endpoint    = regexp.MustCompile(`^https?://[^/]+/`)
)

func (d Doctor) values() []string {
	var bad []string
	if d.Schema != "towpath/v1" {
		bad = append(bad, fmt.Sprintf("schema is %q", d.Schema))
	}
	if !slices.Contains(verdicts, d.Verdict) {
		bad = append(bad, fmt.Sprintf("verdict is %q", d.Verdict))
	}
	for _, h := range d.Hops {
		if !endpoint.MatchString(h.Endpoint) {
			bad = append(bad, fmt.Sprintf("hop %q is no endpoint", h.Endpoint))
		}
		for _, s := range h.Stages {
			if !slices.Contains(stages, s.Stage) {
				bad = append(bad, fmt.Sprintf("stage %q", s.Stage))
			}
			if s.OK == (s.Error != nil) {
				bad = append(bad, fmt.Sprintf("stage %s of %s is ok=%t and has error %v", s.Stage, h.Endpoint, s.OK, s.Error))
			}
		}
	}
	if d.Verdict == "healthy" && slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Severity != "info" }) {
		bad = append(bad, "verdict is healthy with a finding at warning or above")
	}
	if d.Verdict == "broken" && (len(d.Findings) == 0 || d.Findings[0].Role != "primary") {
		bad = append(bad, "verdict is broken and its first finding is not primary")
	}
	return bad
}

func (f Finding) values() []string {
	var bad []string
	say := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, f.Code+": "+fmt.Sprintf(format, args...))
		}
	}
	say(code.MatchString(f.Code), "code is not area/what")
	say(slices.Contains(severities, f.Severity), "severity is %q", f.Severity)
	say(slices.Contains(roles, f.Role), "role is %q", f.Role)
	say(slices.Contains(confidences, f.Confidence), "confidence is %q", f.Confidence)
	say((f.Role == "secondary") == (f.Because != nil), "role %s with because %v", f.Role, f.Because)
	say(f.ID != "" && f.Subject != "" && f.Text != "", "id, subject or text is empty")
	say(!strings.HasSuffix(f.Text, "."), "text ends with a full stop")
	say(!strings.Contains(f.Text, "{"), "text has an unfilled argument: %s", f.Text)
	say(len(f.Evidence) > 0, "no evidence")
	for _, e := range f.Evidence {
		say(e.Saw != "" && e.Where != "", "evidence says nothing: %v", e)
	}
	if f.Fix != nil {
		say(f.Fix.Text != "", "a fix without words")
		say(!strings.Contains(f.Fix.Text, "skip_verify") && !strings.Contains(f.Fix.Text, "skip-verify"), "skip_verify is no fix")
	}
	return bad
}
