package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/source"
)

// exported is an inspection of two files with findings of every form, s in all
// their texts.
func exported(s string) report.Export {
	const hosts, yaml = "/work/certs.d/r.lab:5000/hosts.toml", "/etc/rancher/k3s/registries.yaml"
	edit := func(start, end int, text string) *finding.Fix {
		return &finding.Fix{Text: "write https" + s, Edits: []source.Edit{{File: hosts, Start: start, End: end, New: text}}}
	}
	kind := finding.Kind{Code: "a/b", ID: "A1", Title: "Title", Doc: "Doc"}
	of := func(sev finding.Severity, at source.Pos, fix *finding.Fix) finding.Finding {
		return finding.Finding{Code: "a/b", ID: "A1", Severity: sev, Confidence: finding.Certain, Subject: "r.lab" + s, Text: "wrong" + s, At: at, Fix: fix}
	}
	return report.Export{
		Inspection: report.Inspection{
			Files: []source.File{{Path: hosts, Data: []byte("ä = 1\nserver = \"http://r.lab\"\n")}, {Path: yaml, Data: []byte("mirrors:\n")}, {Path: "/work/clean.toml"}},
			Findings: []finding.Finding{
				of(finding.Error, source.Pos{File: hosts, Line: 2, Column: 1}, edit(17, 21, "https")),
				of(finding.Warning, source.Pos{File: hosts}, edit(17, 21, "")),
				of(finding.Info, source.Pos{File: yaml, Line: 1}, &finding.Fix{Text: "rename it", Edits: []source.Edit{{Op: source.Rename, File: yaml, To: "/x"}}}),
				of(finding.Error, source.Pos{}, nil),
				of(finding.Error, source.Pos{File: hosts, Line: 1, Column: 1}, edit(0, 0, "[host.\"x\".header]\n  Authorization = \"Basic dXNlcjpwYXNz\"\n")),
			},
		},
		Kinds: []finding.Kind{kind}, Version: "1", Root: "/", Dir: "/work",
	}
}

func write(t *testing.T, e report.Export, f report.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b.Bytes()) {
		t.Errorf("%s is not UTF-8", f)
	}
	return b.Bytes()
}

// sarif is the part of the schema of SARIF 2.1.0 that is used, every property
// with its name and type; what is not in it is refused.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name           string `json:"name"`
				Version        string `json:"version"`
				InformationURI string `json:"informationUri"`
				Rules          []struct {
					ID                   string  `json:"id"`
					ShortDescription     message `json:"shortDescription"`
					FullDescription      message `json:"fullDescription"`
					HelpURI              string  `json:"helpUri"`
					Help                 message `json:"help"`
					DefaultConfiguration struct {
						Level string `json:"level"`
					} `json:"defaultConfiguration"`
				} `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		OriginalURIBaseIDs map[string]artifact `json:"originalUriBaseIds"`
		ColumnKind         string              `json:"columnKind"`
		Results            []sarifResult       `json:"results"`
	} `json:"runs"`
}

type message struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown"`
}

type artifact struct {
	URI       string `json:"uri"`
	URIBaseID string `json:"uriBaseId"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

type sarifResult struct {
	RuleID    string  `json:"ruleId"`
	RuleIndex int     `json:"ruleIndex"`
	Level     string  `json:"level"`
	Message   message `json:"message"`
	Locations []struct {
		PhysicalLocation *struct {
			ArtifactLocation artifact `json:"artifactLocation"`
			Region           *region  `json:"region"`
		} `json:"physicalLocation"`
		LogicalLocations []struct {
			Name string `json:"name"`
		} `json:"logicalLocations"`
	} `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	Fixes               []struct {
		Description     message `json:"description"`
		ArtifactChanges []struct {
			ArtifactLocation artifact `json:"artifactLocation"`
			Replacements     []struct {
				DeletedRegion   region   `json:"deletedRegion"`
				InsertedContent *message `json:"insertedContent"`
			} `json:"replacements"`
		} `json:"artifactChanges"`
	} `json:"fixes"`
	Properties map[string]string `json:"properties"`
}

func readSARIF(t *testing.T, data []byte) sarif {
	t.Helper()
	var doc sarif
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "2.1.0" || len(doc.Runs) != 1 || doc.Runs[0].Tool.Driver.Name == "" || doc.Runs[0].ColumnKind != "unicodeCodePoints" {
		t.Fatalf("%+v", doc)
	}
	return doc
}

// What the schema demands beyond names and types holds, whatever the texts.
func TestSARIFHoldsWhatItsSchemaDemands(t *testing.T) {
	for name, s := range hostile {
		run := readSARIF(t, write(t, exported(s), report.SARIF)).Runs[0]
		rules := run.Tool.Driver.Rules
		for _, r := range run.Results {
			if r.RuleIndex < 0 || r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("%s: rule %d is not %s", name, r.RuleIndex, r.RuleID)
			}
			if !strings.Contains("none note warning error", r.Level) || r.Message.Text == "" || len(r.Locations) == 0 || len(r.PartialFingerprints) == 0 {
				t.Errorf("%s: %+v", name, r)
			}
			for _, l := range r.Locations {
				if p := l.PhysicalLocation; p != nil {
					sound(t, p.ArtifactLocation)
					if p.Region != nil && p.Region.StartLine < 1 {
						t.Errorf("%s: line %d", name, p.Region.StartLine)
					}
				}
			}
		}
		for _, r := range rules {
			if u, err := url.Parse(r.HelpURI); err != nil || !u.IsAbs() || r.Help.Text == "" || r.Help.Markdown == "" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// sound checks that a location is a URI: relative to its base, or absolute.
func sound(t *testing.T, a artifact) {
	t.Helper()
	u, err := url.Parse(a.URI)
	if err != nil || u.IsAbs() == (a.URIBaseID != "") || a.URIBaseID != "" && path.IsAbs(u.Path) {
		t.Errorf("%+v: %v", a, err)
	}
}

func TestSARIFNamesFilesRegionsAndReplacements(t *testing.T) {
	run := readSARIF(t, write(t, exported(""), report.SARIF)).Runs[0]
	first := run.Results[0]
	at := first.Locations[0].PhysicalLocation
	if at.ArtifactLocation != (artifact{"certs.d/r.lab:5000/hosts.toml", "%SRCROOT%"}) || *at.Region != (region{StartLine: 2, StartColumn: 1}) {
		t.Errorf("%+v %+v", at.ArtifactLocation, at.Region)
	}
	if got := run.OriginalURIBaseIDs["%SRCROOT%"].URI; got != "file:///work/" {
		t.Errorf("paths count from %s", got)
	}
	change := first.Fixes[0].ArtifactChanges[0]
	if r := change.Replacements[0]; r.DeletedRegion != (region{2, 11, 2, 15}) || r.InsertedContent.Text != "https" || change.ArtifactLocation != at.ArtifactLocation {
		t.Errorf("%+v", change)
	}
	whole, removal := run.Results[1].Locations[0].PhysicalLocation, run.Results[1].Fixes[0].ArtifactChanges[0].Replacements[0]
	if whole.Region != nil || removal.InsertedContent != nil {
		t.Errorf("%+v %+v", whole, removal)
	}
	outside := run.Results[2]
	if outside.Locations[0].PhysicalLocation.ArtifactLocation != (artifact{URI: "file:///etc/rancher/k3s/registries.yaml"}) || outside.Fixes != nil || outside.Level != "note" {
		t.Errorf("%+v", outside)
	}
	if l := run.Results[3].Locations[0]; l.PhysicalLocation != nil || l.LogicalLocations[0].Name != "r.lab" {
		t.Errorf("%+v", l)
	}
	if run.Results[4].Fixes != nil {
		t.Error("a fix repeats a secret")
	}
}

func TestSARIFOfNothingIsARunWithoutResults(t *testing.T) {
	out := write(t, report.Export{Version: "1", Root: "/", Dir: "/work"}, report.SARIF)
	if run := readSARIF(t, out).Runs[0]; run.Results == nil || run.Tool.Driver.Rules == nil {
		t.Errorf("lists are null: %s", out)
	}
}

func TestJUnitIsXMLWhateverTheTexts(t *testing.T) {
	for name, s := range hostile {
		out := write(t, exported(s+`<&>"']]>`), report.JUnit)
		dec := xml.NewDecoder(bytes.NewReader(out))
		cases, failures := 0, 0
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
			if e, ok := token.(xml.StartElement); ok {
				switch e.Name.Local {
				case "testcase":
					cases++
				case "failure":
					failures++
				}
			}
		}
		if cases != 4 || failures != 5 { // three files and what has none
			t.Errorf("%s: %d cases, %d failures", name, cases, failures)
		}
	}
}

func TestAnnotationsAreOneCommandEach(t *testing.T) {
	for name, s := range hostile {
		out := string(write(t, exported(s+"%0A::error::forged"), report.GitHub))
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != 5 || strings.ContainsAny(out, "\r\x1b\x00") {
			t.Errorf("%s: %q", name, out)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ") {
				t.Errorf("%s: %q is no command", name, line)
			}
		}
	}
}

func TestAnnotationsEscapeWhatEndsACommand(t *testing.T) {
	e := report.Export{Root: "/", Dir: "/work", Inspection: report.Inspection{Findings: []finding.Finding{{
		Code: "a/b", ID: "A1", Severity: finding.Error, Text: "100% wrong:\r\na, b", At: source.Pos{File: "/work/r:5000,%/hosts.toml", Line: 3, Column: 7},
	}}}}
	want := "::error file=r%3A5000%2C%25/hosts.toml,line=3,col=7,title=a/b (A1)::100%25 wrong:%0D%0Aa, b\n"
	if got := string(write(t, e, report.GitHub)); got != want {
		t.Errorf("%q\n%q", got, want)
	}
}

func TestPathsOfATreeAreThoseOfTheMachine(t *testing.T) {
	e := exported("")
	e.Root, e.Dir = "/work/trees/node", "/work"
	out := string(write(t, e, report.GitHub))
	if !strings.Contains(out, "file=trees/node/etc/rancher/k3s/registries.yaml,") {
		t.Error(out)
	}
}
