package report

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
)

// Dialects is the page that says what each configuration format can hold, in
// Markdown, written from the formats' own values.
func Dialects(all []dialect.Dialect) string {
	var b strings.Builder
	b.WriteString("# Dialects\n\nWhat may be typed after `--from` and `--to`, where a node keeps the files, and what each cannot say.\n" +
		"\"Held to\" is what confirms that a format is read as its runtime reads it, and what nothing here can confirm.\n" +
		"Written from the dialects themselves; `towpath convert` names those that count for the configuration and the version\n" +
		"at hand: some hold for old versions alone.\n\n" +
		"| Name | Format | Written | Restart after a change of its first file |\n|---|---|---|---|\n")
	for _, d := range all {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", d.Name, d.Name, d.Title, writes(d), restarts(d))
	}
	for _, d := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s. Reference: <%s>\n\nHeld to: %s.\n\n%s:\n\n", d.Name, d.Title, d.Docs, d.Proof, map[bool]string{true: "Written to", false: "Read from"}[d.Spoken])
		for _, p := range d.Paths {
			fmt.Fprintf(&b, "- `%s`\n", p)
		}
		if d.Render == nil {
			continue
		}
		b.WriteString("\nIt cannot say:\n\n")
		for _, l := range d.Limits {
			fmt.Fprintf(&b, "- %s. Instead: %s\n", l.Concept, l.Nearest)
		}
	}
	return b.String()
}

func writes(d dialect.Dialect) string {
	switch {
	case d.Spoken:
		return "written only"
	case d.Render == nil:
		return "read only"
	}
	return "yes"
}

func restarts(d dialect.Dialect) string {
	if d.Reload == nil {
		return ""
	}
	return strings.TrimSpace(d.Reload(route.Target{}))
}
