package cli

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/report"
)

var formats = []report.Format{report.Text, report.JSON, report.YAML}

// asked is the format that the arguments ask for, also when something else is
// wrong with them and the flags were not read to the end.
func asked(args []string) report.Format {
	format := report.Text
	for i, arg := range args {
		if arg == "--" {
			break
		}
		value, inline, is := outputFlag(arg)
		switch {
		case !is:
			continue
		case !inline && i+1 < len(args):
			value = args[i+1]
		}
		if f := report.Format(value); slices.Contains(formats, f) {
			format = f
		}
	}
	return format
}

// outputFlag reads --output and -o, which may end a cluster such as -yo.
func outputFlag(arg string) (value string, inline, is bool) {
	if rest, long := strings.CutPrefix(arg, "--output"); long {
		value, inline = strings.CutPrefix(rest, "=")
		return value, inline, inline || rest == ""
	}
	if len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
		return "", false, false
	}
	before, value, is := strings.Cut(arg[1:], "o")
	if !is || strings.Trim(before, "hy") != "" {
		return "", false, false
	}
	return strings.TrimPrefix(value, "="), value != "", true
}
