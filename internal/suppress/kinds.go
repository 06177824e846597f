package suppress

import "github.com/towpath-dev/towpath/internal/finding"

// Kinds are what can be wrong with the comments themselves.
var Kinds = []finding.Kind{unused, unknownCode}

var (
	unused = finding.Kind{
		Code: "lint/ignore-unused", ID: "lint/ignore-unused", Severity: finding.Info,
		Title: "A comment takes no finding away",
		Doc: "`# towpath:ignore CODE` takes findings with that code or number away: at the end of a line those of the line, on a line of its own those of the next. " +
			"`# towpath:ignore-file CODE` does so for the whole file. One that takes nothing away is left over, stands at the wrong line, or is for another version of the runtime.",
		Text: "{word} is not found in line {line}, so nothing is ignored",
		Variants: map[string]finding.Variant{
			"file": {Text: "{word} is not found in this file, so nothing is ignored"},
		},
	}
	unknownCode = finding.Kind{
		Code: "lint/ignore-unknown-code", ID: "lint/ignore-unknown-code", Severity: finding.Info,
		Title: "A comment names a code that there is not",
		Doc: "`# towpath:ignore` takes codes such as `tls/verification-off` and numbers such as `HT078`, with blanks or commas between them. " +
			"`towpath rules` lists them. A reason goes behind two hyphens: `# towpath:ignore HT078 -- until the new CA is out`.",
		Text: "there is no code {word}, so nothing is ignored; towpath rules lists them",
		Variants: map[string]finding.Variant{
			"none": {Text: "the comment names no code, so nothing is ignored; towpath rules lists them"},
		},
	}
)
