package report

import (
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// The formats that lint has besides: those of code scanning, of test reports and
// of annotations.
const (
	SARIF  Format = "sarif"
	JUnit  Format = "junit"
	GitHub Format = "github"
)

// Export is what lint has to say, for programs that show it beside the files.
type Export struct {
	Inspection
	Kinds   []finding.Kind // all that there are
	Version string         // of Towpath
	Root    string         // directory that stands for "/" in the findings
	Dir     string         // working directory: paths below it are relative to it

	contents map[string][]byte // of the files that were read
}

// Write writes the export in one of its formats.
func (e Export) Write(w io.Writer, f Format) error {
	var text string
	var err error
	switch f {
	case SARIF:
		e.contents = make(map[string][]byte, len(e.Files))
		for _, f := range e.Files {
			if f.Kind == source.Regular && !f.Unread && f.Problem == "" {
				e.contents[f.Path] = f.Data
			}
		}
		return Write(w, JSON, e.sarif())
	case JUnit:
		text, err = e.junit()
	default:
		text = e.annotations()
	}
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// file is a path of the findings as the one that reads the export has it.
func (e Export) file(name string) string {
	if !path.IsAbs(name) {
		return name
	}
	name = path.Join("/", e.Root, name)
	if rest, below := strings.CutPrefix(name, strings.TrimSuffix(e.Dir, "/")+"/"); below && e.Dir != "" {
		return rest
	}
	return name
}

// directory is a directory as a URI.
func directory(dir string) string {
	u := url.URL{Scheme: "file", Path: strings.TrimSuffix(dir, "/") + "/"}
	return u.String()
}

// sentence is what a finding says, with what to do.
func sentence(f finding.Finding) string {
	if f.Fix == nil || f.Fix.Text == "" {
		return f.Text
	}
	return f.Text + "; fix: " + f.Fix.Text
}

// page is where the documentation of a code stands.
func pageOf(code string) string {
	return "https://github.com/towpath-dev/towpath/blob/main/docs/rules/" + code + ".md"
}
