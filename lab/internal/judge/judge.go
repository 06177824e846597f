// Package judge compares what was seen on a machine with what its scenario
// expects, and says every difference in a line. It is pure.
package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/contract"
	"github.com/towpath-dev/towpath/lab/internal/play"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// Case is one variant on one generation.
type Case struct {
	Scenario   scenario.Scenario
	Twin       bool
	Generation containerd.Generation
}

// Spec is that of the case's variant.
func (c Case) Spec() scenario.Spec {
	if c.Twin {
		return c.Scenario.Twin.Spec
	}
	return c.Scenario.Fault.Spec
}

// Real judges what the runtime itself did, without towpath.
func Real(c Case, r play.Result) []string {
	if r.Err != "" {
		return []string{"could not be played: " + r.Err}
	}
	want, text := c.Spec().PullOn(c.Generation)
	bad := pull("the pull", want, r.Pull)
	if len(bad) == 0 && want == scenario.Fails && text.Regexp != nil && !text.MatchString(r.Pull.Text) {
		bad = append(bad, fmt.Sprintf("the pull's error does not match %q: %s", text, r.Pull.Text))
	}
	expect := c.Spec().ExpectOn(c.Generation)
	bad = append(bad, explained(c, r)...)
	if expect.Log.Regexp != nil && !expect.Log.MatchString(r.Logs["containerd"]) {
		bad = append(bad, fmt.Sprintf("the runtime's log does not match %q", expect.Log))
	}
	for _, server := range slices.Sorted(maps.Keys(expect.Requests)) {
		if re := expect.Requests[server]; !re.MatchString(r.Asked[server]) {
			bad = append(bad, fmt.Sprintf("the requests to %s do not match %q: %s", server, re, r.Asked[server]))
		}
	}
	return bad
}

func pull(what string, want scenario.Outcome, got play.Pull) []string {
	is := scenario.Fails
	switch {
	case got.OK:
		is = scenario.Works
	case got.Waiting:
		is = scenario.Waits
	}
	if is == want {
		return nil
	}
	return []string{fmt.Sprintf("%s %s after %.1fs, expected that it %s: %s", what, is, got.Took.Seconds(), want, got.Text)}
}

// Doctor judges what doctor said of the same node.
func Doctor(c Case, r play.Result) []string {
	if r.Err != "" {
		return nil // Real has said it
	}
	if r.Doctor == nil {
		return []string{"doctor was not called"}
	}
	doc, bad := read("doctor", *r.Doctor)
	if len(bad) > 0 {
		return bad
	}
	bad = append(bad, compare(doc, c.Spec().ExpectOn(c.Generation), c.Scenario.Code)...)
	bad = append(bad, exit(doc, r.Doctor.Exit)...)
	return bad
}

// Fixes tells whether doctor --fix has to heal the node of a case.
func Fixes(c Case) bool {
	_, spared := c.Spec().Spared[string(c.Generation)]
	return c.Spec().Fix != "" && !spared
}

// Fix judges what came of doctor --fix.
func Fix(c Case, r play.Result) []string {
	if r.Err != "" || !Fixes(c) {
		return nil
	}
	return fixed(r.Fix, c.Spec().Expect.Fixed)
}

func read(what string, run play.Run) (contract.Doctor, []string) {
	if run.Out == nil {
		return contract.Doctor{}, []string{fmt.Sprintf("%s printed no JSON document (status %d): %s%s", what, run.Exit, run.Raw, run.Stderr)}
	}
	return contract.Read(run.Out)
}

// exit: 1 if there is an error among the findings, else 0.
func exit(doc contract.Doctor, status int) []string {
	want := 0
	if slices.ContainsFunc(doc.Findings, func(f contract.Finding) bool { return f.Severity == "error" }) {
		want = 1
	}
	if status != want {
		return []string{fmt.Sprintf("doctor ended with status %d, not %d", status, want)}
	}
	return nil
}

// compare holds the findings against what the scenario expects.
func compare(doc contract.Doctor, want scenario.Expect, code string) []string {
	var bad []string
	if doc.Verdict != want.Verdict {
		bad = append(bad, fmt.Sprintf("verdict is %s, not %s", doc.Verdict, want.Verdict))
	}
	primary := want.Primary
	if primary == nil && want.Verdict != "healthy" {
		primary = []string{code}
	}
	var have []string
	for _, f := range doc.Findings {
		if i := slices.IndexFunc(primary, func(p string) bool { return either(p, f.Code) }); i >= 0 && f.Role == "primary" {
			if !slices.Contains(have, primary[i]) {
				have = append(have, primary[i])
			}
		} else {
			bad = append(bad, further(f, want, primary)...)
		}
	}
	slices.SortFunc(have, func(a, b string) int { return slices.Index(primary, a) - slices.Index(primary, b) })
	if !slices.Equal(have, primary) {
		bad = append(bad, fmt.Sprintf("primary findings are %v, not %v", have, primary))
	}
	for _, code := range slices.Sorted(maps.Keys(want.Secondary)) {
		if !slices.ContainsFunc(doc.Findings, func(f contract.Finding) bool { return f.Code == code }) {
			bad = append(bad, "did not find "+code)
		}
	}
	if len(bad) > 0 || len(primary) == 0 {
		return bad
	}
	i := slices.IndexFunc(doc.Findings, func(f contract.Finding) bool { return either(primary[0], f.Code) })
	return first(doc.Findings[i], want)
}

// either tells whether a code is one of "a|b".
func either(codes, code string) bool { return slices.Contains(strings.Split(codes, "|"), code) }

// further judges a finding that is none of the primary ones. What follows from
// one of them may always be told.
func further(f contract.Finding, want scenario.Expect, primary []string) []string {
	because, expected := want.Secondary[f.Code]
	switch {
	case expected && f.Role != "secondary":
		return []string{f.Code + " is primary, not because of " + because}
	case expected && *f.Because != because:
		return []string{fmt.Sprintf("%s is because of %s, not of %s", f.Code, *f.Because, because)}
	case f.Role == "secondary" && slices.ContainsFunc(primary, func(p string) bool { return either(p, *f.Because) }):
	case !expected && !slices.Contains(want.Also, f.Code):
		return []string{fmt.Sprintf("found %s (%s): %s", f.Code, f.Role, f.Text)}
	}
	return nil
}

// first looks closer at the finding with the first of the primary codes.
func first(f contract.Finding, want scenario.Expect) []string {
	var bad []string
	if want.At != "" {
		at := "nowhere"
		if f.At != nil {
			at = fmt.Sprintf("%s:%d", f.At.File, f.At.Line)
		}
		if at != want.At {
			bad = append(bad, fmt.Sprintf("%s is at %s, not at %s", f.Code, at, want.At))
		}
	}
	if want.Says.Regexp != nil && !want.Says.MatchString(f.Text) {
		bad = append(bad, fmt.Sprintf("%s does not say %q: %s", f.Code, want.Says, f.Text))
	}
	fix := "none"
	if f.Fix != nil {
		fix = map[bool]string{true: "live", false: "restart"}[f.Fix.Live]
	}
	if want.Fix != "" && fix != want.Fix {
		bad = append(bad, fmt.Sprintf("%s has fix %s, not %s", f.Code, fix, want.Fix))
	}
	return bad
}

// fixed judges --fix, the look afterwards, whose verdict is healthy unless the
// scenario expects another, and the rollback.
func fixed(fix *play.Fix, want string) []string {
	if fix == nil {
		return []string{"--fix was not tried"}
	}
	var bad []string
	if fix.Run.Exit != 0 {
		bad = append(bad, fmt.Sprintf("--fix ended with status %d: %s", fix.Run.Exit, strings.TrimSpace(fix.Run.Stderr)))
	}
	if len(fix.Changed) == 0 {
		bad = append(bad, "--fix changed no file")
	}
	doc, broken := read("doctor after --fix", fix.Again)
	bad = append(bad, broken...)
	if len(broken) == 0 && doc.Verdict != cmp.Or(want, "healthy") {
		bad = append(bad, fmt.Sprintf("after --fix the verdict is %s", doc.Verdict))
	}
	bad = append(bad, pull("after --fix the pull", scenario.Works, fix.Pull)...)
	if fix.Rollback.Exit != 0 {
		bad = append(bad, fmt.Sprintf("rollback ended with status %d: %s", fix.Rollback.Exit, strings.TrimSpace(fix.Rollback.Stderr)))
	}
	if len(fix.Left) > 0 {
		bad = append(bad, fmt.Sprintf("rollback left %v", fix.Left))
	}
	return bad
}
