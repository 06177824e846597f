package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Inspection is what lint has to say.
type Inspection struct {
	Target   route.Target // whose reading of the files it is; zero: that of several
	Findings []finding.Finding
	Files    []source.File

	Suppressed int // findings that comments in the files or --ignore take away
}

// NewLint is the document of the lint command.
func NewLint(i Inspection) Lint {
	return Lint{Schema: Schema, Runtime: RuntimeOf(i.Target), Findings: Findings(i.Findings)}
}

// Lint prints what is wrong with files: each finding with the line that it is
// about, then the sum.
func (t *Terminal) Lint(i Inspection) {
	t.Findings(i.Findings, i.Files)
	mark := t.yes()
	if slices.ContainsFunc(i.Findings, func(f finding.Finding) bool { return f.Severity == finding.Error }) {
		mark = t.no()
	} else if len(i.Findings) > 0 {
		mark = t.paint(yellow, t.symbol("!", "!!"))
	}
	suppressed := ""
	if i.Suppressed > 0 {
		suppressed = fmt.Sprintf(" (%d suppressed)", i.Suppressed)
	}
	t.print("%s %s%s in %s, read as by %s\n", mark, Summary(i.Findings), suppressed, Count(read(i.Files), "file"), reader(i.Target))
}

// read counts the files whose contents were looked at.
func read(files []source.File) int {
	n := 0
	for _, f := range files {
		if f.Kind == source.Regular && !f.Unread && f.Problem == "" {
			n++
		}
	}
	return n
}

func reader(g route.Target) string {
	switch {
	case g.Runtime == "":
		return "their own runtimes"
	case !g.Version.Known():
		return "the newest " + g.Runtime
	}
	return g.Runtime + " " + g.Version.String()
}

// InOrder sorts findings as lint tells them: the worst first, then file by file.
func InOrder(all []finding.Finding) {
	slices.SortStableFunc(all, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
}
