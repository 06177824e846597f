package report

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
)

// annotations are workflow commands: GitHub shows each beside its line.
func (e Export) annotations() string {
	var out strings.Builder
	for _, f := range e.Findings {
		var where []string
		add := func(key, value string) { where = append(where, key+"="+property(value)) }
		if f.At.File != "" {
			add("file", e.file(f.At.File))
		}
		if f.At.Line > 0 {
			add("line", fmt.Sprint(f.At.Line))
		}
		if f.At.Column > 0 {
			add("col", fmt.Sprint(f.At.Column))
		}
		add("title", title(f))
		fmt.Fprintf(&out, "::%s %s::%s\n", command(f.Severity), strings.Join(where, ","), message(sentence(f)))
	}
	return out.String()
}

// title is the code of a finding with its number.
func title(f finding.Finding) string {
	if f.ID == "" || f.ID == f.Code {
		return f.Code
	}
	return f.Code + " (" + f.ID + ")"
}

// command is the workflow command for a severity.
func command(s finding.Severity) string {
	switch s {
	case finding.Error:
		return "error"
	case finding.Warning:
		return "warning"
	}
	return "notice"
}

var (
	messages   = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	properties = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// message and property escape what would end a workflow command, and drop what a
// terminal that shows the log may act on.
func message(s string) string  { return printable(messages.Replace(s)) }
func property(s string) string { return printable(properties.Replace(s)) }
