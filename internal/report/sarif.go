package report

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// SARIF 2.1.0, as far as lint needs it:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool                `json:"tool"`
		Bases      map[string]sarifArtifact `json:"originalUriBaseIds,omitempty"`
		ColumnKind string                   `json:"columnKind"`
		Results    []sarifResult            `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Page    string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Short   sarifText    `json:"shortDescription"`
		Full    sarifText    `json:"fullDescription"`
		Page    string       `json:"helpUri"`
		Help    sarifText    `json:"help"`
		Default sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		Index        int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Fixes        []sarifFix        `json:"fixes,omitempty"`
		Properties   map[string]string `json:"properties"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"name"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
)

// base is what relative paths count from.
const base = "%SRCROOT%"

func (e Export) sarif() sarifLog {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "Towpath", Version: e.Version, Page: "https://github.com/towpath-dev/towpath", Rules: []sarifRule{}}
	if e.Dir != "" {
		run.Bases = map[string]sarifArtifact{base: {URI: directory(e.Dir)}}
	}
	rules := map[string]int{}
	for _, f := range e.Findings {
		i, known := rules[f.Code]
		if !known {
			i = len(rules)
			rules[f.Code] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, e.sarifRule(f))
		}
		run.Results = append(run.Results, e.sarifResult(f, i))
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// sarifRule describes a code: that of one kind, or what several have in common.
func (e Export) sarifRule(f finding.Finding) sarifRule {
	list := slices.DeleteFunc(slices.Clone(e.Kinds), func(k finding.Kind) bool { return k.Code != f.Code })
	if len(list) == 0 {
		list = []finding.Kind{{Code: f.Code, ID: f.ID, Severity: f.Severity, Title: f.Code, Doc: f.Text}}
	}
	short, worst := list[0].Title, finding.Info
	if len(list) > 1 {
		short = strings.ReplaceAll(path.Base(f.Code), "-", " ")
	}
	var docs []string
	for _, k := range list {
		docs, worst = append(docs, k.Title+". "+k.Doc), max(worst, k.Severity)
	}
	help := sarifText{Text: strings.Join(docs, "\n\n"), Markdown: page(list)}
	return sarifRule{ID: f.Code, Short: sarifText{Text: short}, Full: sarifText{Text: docs[0]}, Page: pageOf(f.Code), Help: help, Default: sarifDefault{level(worst)}}
}

// level is a severity as SARIF spells it.
func level(s finding.Severity) string {
	if s == finding.Info {
		return "note"
	}
	return s.String()
}

func (e Export) sarifResult(f finding.Finding, rule int) sarifResult {
	r := sarifResult{
		Rule: f.Code, Index: rule, Level: level(f.Severity), Message: sarifText{Text: sentence(f)},
		Properties:   map[string]string{"id": f.ID, "confidence": string(f.Confidence), "subject": f.Subject},
		Fingerprints: map[string]string{"towpath/v1": e.fingerprint(f)},
	}
	switch {
	case f.At.File != "":
		r.Locations = []sarifLocation{{Physical: &sarifPhysical{Artifact: e.artifact(f.At.File), Region: e.region(f.At)}}}
	case f.Subject != "":
		r.Locations = []sarifLocation{{Logical: []sarifLogical{{f.Subject}}}}
	}
	if fix := e.sarifFix(f.Fix); fix != nil {
		r.Fixes = []sarifFix{*fix}
	}
	return r
}

// fingerprint stays the same while lines move.
func (e Export) fingerprint(f finding.Finding) string {
	line := source.Line(e.contents[f.At.File], f.At.Line)
	sum := sha256.Sum256([]byte(f.Code + "\x00" + f.ID + "\x00" + e.file(f.At.File) + "\x00" + f.Text + "\x00" + line))
	return hex.EncodeToString(sum[:16])
}

func (e Export) artifact(name string) sarifArtifact {
	file := e.file(name)
	if path.IsAbs(file) {
		u := url.URL{Scheme: "file", Path: file}
		return sarifArtifact{URI: u.String()}
	}
	u := url.URL{Path: file}
	return sarifArtifact{URI: u.String(), Base: base}
}

func (e Export) region(at source.Pos) *sarifRegion {
	if at.Line < 1 {
		return nil
	}
	return &sarifRegion{StartLine: at.Line, StartColumn: max(at.Column, 0)}
}

// sarifFix is a fix that a program can carry out: replacements alone, and none
// with a secret, which no report repeats.
func (e Export) sarifFix(f *finding.Fix) *sarifFix {
	if f == nil || len(f.Edits) == 0 {
		return nil
	}
	out := sarifFix{Description: sarifText{Text: f.Text}}
	at := map[string]int{}
	for _, edit := range f.Edits {
		data, read := e.contents[edit.File]
		if edit.Op != source.Replace || !read || edit.End > len(data) || plan.Mask(edit.New) != edit.New {
			return nil
		}
		i, known := at[edit.File]
		if !known {
			i = len(out.Changes)
			at[edit.File] = i
			out.Changes = append(out.Changes, sarifChange{Artifact: e.artifact(edit.File)})
		}
		out.Changes[i].Replacements = append(out.Changes[i].Replacements, replacement(edit, data))
	}
	return &out
}

func replacement(edit source.Edit, data []byte) sarifReplacement {
	from, to := source.PosAt(edit.File, data, edit.Start), source.PosAt(edit.File, data, edit.End)
	out := sarifReplacement{Deleted: sarifRegion{StartLine: from.Line, StartColumn: from.Column, EndLine: to.Line, EndColumn: to.Column}}
	if edit.New != "" {
		out.Inserted = &sarifText{Text: edit.New}
	}
	return out
}
