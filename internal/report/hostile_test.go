package report_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// hostile are texts by which a server, or whoever wrote a file, could act on the
// terminal of the person who reads the report.
var hostile = map[string]string{
	"an escape sequence":        "\x1b[2J\x1b]0;owned\x07",
	"a C1 control character":    "a\u009b2Jb\u0085c",
	"a C1 byte":                 "a\x9b2Jb",
	"invalid UTF-8":             "a\xff\xfe\xc3(b",
	"a carriage return":         "fails\rhealthy: the image can be pulled",
	"a line of its own":         "fails\n✓ healthy: the image can be pulled",
	"backspaces":                "broken\b\b\b\b\b\bhealthy",
	"DEL and NUL":               "a\x7fb\x00c",
	"right to left":             "abc\u202egnp.exe\u2066x\u2069\u200f",
	"a line of many pages":      strings.Repeat("x", 1<<14),
	"many pages of short words": strings.Repeat("x ", 1<<13),
}

// everywhere is a broken pull with one text in every place that a server or a
// file can fill.
func everywhere(s string) (*snapshot.Snapshot, diagnosis.Diagnosis) {
	const file = "/etc/containerd/certs.d/r.example/hosts.toml"
	at := source.Pos{File: file, Line: 1, Column: 3}
	f := finding.Finding{
		Code: "tls/private-ca-untrusted", ID: "TLS-02", Severity: finding.Error, Role: finding.Primary, Confidence: finding.Likely,
		Subject: s, Text: s, At: at, Evidence: []finding.Evidence{{Saw: s, Where: s, Command: s}},
		Fix: &finding.Fix{Text: s, Edits: []source.Edit{{File: file, New: s}}, Run: []string{s}}, Ignores: true,
	}
	after := f
	after.Role, after.Because = finding.Secondary, f.Code
	h := snapshot.Hop{
		Endpoint: "https://" + s + "/v2", Host: s, Proxy: s, From: source.Pos{File: s},
		Stages: []snapshot.Summary{{Stage: snapshot.Resolve, OK: true, Saw: s}, {Stage: snapshot.TLS, Saw: s, Err: s}},
	}
	return &snapshot.Snapshot{
		Image: s, Ref: route.Ref{Registry: "r.example", Repository: "a", Tag: "1"}, Table: route.Table{Target: route.Target{Runtime: "containerd"}},
		Runtime: &snapshot.Runtime{PID: 1, Config: s}, Pull: &snapshot.Pull{Hops: []snapshot.Hop{h}},
		Files: []source.File{{Path: file, Data: []byte("  " + s)}},
	}, diagnosis.Diagnosis{Verdict: diagnosis.Broken, Findings: []finding.Finding{f, after}}
}

// written is everything that is printed with a text in it, on a terminal of 80
// columns.
func written(s string, env ...string) string {
	var b strings.Builder
	term := report.NewTerminal(&b, append([]string{"COLUMNS=80", "LANG=C.UTF-8"}, env...))
	snap, d := everywhere(s)
	term.Doctor(snap, d)
	up := route.Endpoint{Scheme: "https", Host: s, Serves: route.Pull | route.Resolve, TLS: route.TLS{CA: []string{s}}, Auth: route.Auth{User: "u", Source: s}, From: source.Pos{File: s}}
	table := route.Table{Routes: []route.Route{{Match: "r.example", Upstream: &up}}}
	term.Explain(report.Explanation{Image: s, Ref: snap.Ref, Table: table, Proxy: func(string) string { return s }, Findings: d.Findings})
	table.Routes[0].Fails = s
	term.Explain(report.Explanation{Image: s, Ref: snap.Ref, Table: table})
	p := plan.Plan{
		Changes: []plan.Change{{After: &source.File{Path: "/f", Data: []byte(s)}}, {Before: &source.File{Path: "/g", Data: []byte(s)}}},
		Restart: []plan.Restart{{Unit: s, Why: s}}, Run: []string{s},
	}
	term.Plan(p)
	c := report.NewChange(p, d.Findings)
	c.ID, c.State, c.Left, c.Restart = &s, "done", []string{s}, []string{s}
	c.Reason = &s
	term.Undone(c)
	term.History([]report.Entry{{ID: s, Reason: s, State: s, Files: []string{s}}})
	return b.String()
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			out := written(s)
			if i := strings.IndexFunc(out, acts); i >= 0 || !utf8.ValidString(out) {
				t.Errorf("valid UTF-8: %t, at %d: %q", utf8.ValidString(out), i, out[max(i-40, 0):min(i+40, len(out))])
			}
			if strings.Contains(out, "\n✓ healthy") {
				t.Errorf("the text made a line of its own:\n%s", out)
			}
		})
	}
}

func acts(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// With colours the only escapes are those that paint.
func TestColoursAreTheOnlyEscapes(t *testing.T) {
	for name, s := range hostile {
		out := written(s, "CLICOLOR_FORCE=1")
		if !strings.Contains(out, "\x1b[31m") {
			t.Fatalf("%s: it has no colours", name)
		}
		for _, code := range []string{"31", "32", "33", "34", "2", "1", "0"} {
			out = strings.ReplaceAll(out, "\x1b["+code+"m", "")
		}
		if i := strings.IndexFunc(out, acts); i >= 0 {
			t.Errorf("%s: %q", name, out[max(i-40, 0):min(i+40, len(out))])
		}
	}
}

func TestNobodyHasToScrollThroughManyPages(t *testing.T) {
	for _, name := range []string{"a line of many pages", "many pages of short words"} {
		snap, d := everywhere(hostile[name])
		var b strings.Builder
		report.NewTerminal(&b, []string{"COLUMNS=80"}).Doctor(snap, d)
		if b.Len() > 60_000 {
			t.Errorf("%s: the diagnosis has %d bytes", name, b.Len())
		}
	}
}

// Documents keep every character, in a form that no terminal acts on.
func TestDocumentsKeepEveryCharacterAndNoneActs(t *testing.T) {
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			var j, y strings.Builder
			snap, d := everywhere(s)
			doc := report.NewDoctor(snap, d)
			if err := errors.Join(report.Write(&j, report.JSON, doc), report.Write(&y, report.YAML, doc)); err != nil {
				t.Fatal(err)
			}
			for _, out := range []string{j.String(), y.String()} {
				if i := strings.IndexFunc(out, acts); i >= 0 || !utf8.ValidString(out) {
					t.Errorf("%q", out[max(i-40, 0):min(i+40, len(out))])
				}
			}
			var fromJSON, fromYAML struct{ Findings []struct{ Text string } }
			if err := errors.Join(json.Unmarshal([]byte(j.String()), &fromJSON), yaml.Unmarshal([]byte(y.String()), &fromYAML)); err != nil {
				t.Fatal(err)
			}
			if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && fromJSON.Findings[0].Text != want {
				t.Errorf("JSON has %.80q", fromJSON.Findings[0].Text)
			}
			if !reflect.DeepEqual(fromJSON, fromYAML) {
				t.Errorf("YAML has %.80q, JSON %.80q", fromYAML.Findings[0].Text, fromJSON.Findings[0].Text)
			}
		})
	}
}
