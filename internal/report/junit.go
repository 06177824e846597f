package report

import (
	"encoding/xml"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class    string         `xml:"classname,attr"`
	Name     string         `xml:"name,attr"`
	File     string         `xml:"file,attr,omitempty"`
	Failures []junitFailure `xml:"failure"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"` // the severity
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junit is one test case for each file, with a failure for each finding.
func (e Export) junit() (string, error) {
	suite := junitSuite{Name: "towpath lint"}
	at := map[string]int{}
	open := func(name string, isFile bool) *junitCase {
		i, known := at[name]
		if !known {
			c := junitCase{Class: "towpath.lint", Name: clean(e.file(name))}
			if isFile {
				c.File = c.Name
			}
			i, at[name] = len(suite.Cases), len(suite.Cases)
			suite.Cases = append(suite.Cases, c)
		}
		return &suite.Cases[i]
	}
	for _, f := range e.Files {
		if f.Kind == source.Regular && !f.Unread && f.Problem == "" {
			open(f.Path, true)
		}
	}
	for _, f := range e.Findings {
		name, isFile := f.At.File, true
		if name == "" {
			name, isFile = f.Subject, false
		}
		c := open(name, isFile)
		c.Failures = append(c.Failures, e.failure(f))
		suite.Failures++
	}
	suite.Tests = len(suite.Cases)
	slices.SortStableFunc(suite.Cases, func(a, b junitCase) int { return strings.Compare(a.Name, b.Name) })
	out, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	return xml.Header + string(out) + "\n", err
}

func (e Export) failure(f finding.Finding) junitFailure {
	at := f.At
	at.File = e.file(at.File)
	if f.At.File == "" {
		at.File = f.Subject
	}
	text := at.String() + ": " + title(f) + "\n" + sentence(f) + "\n" + pageOf(f.Code)
	return junitFailure{Type: f.Severity.String(), Message: clean(f.Text), Text: clean(text)}
}

// clean keeps line ends; everything else that XML forbids or a terminal may act
// on is replaced.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return shown(r)
	}, s)
}
