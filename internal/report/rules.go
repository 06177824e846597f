package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
)

// Rules is the document of the rules command.
type Rules struct {
	Schema   string    `json:"schema"`
	Kind     string    `json:"kind"` // "rules"
	Rules    []Rule    `json:"rules"`
	Findings []Finding `json:"findings"`
}

// Rule describes one code.
type Rule struct {
	Code     string           `json:"code"`
	ID       string           `json:"id"`
	Title    string           `json:"title"`
	Severity finding.Severity `json:"severity"`
	Explains []string         `json:"explains"`
	Page     string           `json:"page"`
}

// NewRules is the document for some kinds.
func NewRules(kinds []finding.Kind) Rules {
	d := Rules{Schema: Schema, Kind: "rules", Rules: []Rule{}, Findings: []Finding{}}
	for _, k := range kinds {
		d.Rules = append(d.Rules, Rule{
			Code: k.Code, ID: k.ID, Title: k.Title, Severity: k.Severity, Explains: append([]string{}, k.Symptoms...), Page: k.Doc,
		})
	}
	return d
}

// Pages are the pages of the documentation: one for each code, in Markdown, by
// the path under docs/rules.
func Pages(kinds []finding.Kind) map[string]string {
	byCode := map[string][]finding.Kind{}
	for _, k := range kinds {
		byCode[k.Code] = append(byCode[k.Code], k)
	}
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString("# Rules\n\nEvery finding has a code of the form `area/what`; each has a page here.\n`towpath rules CODE` prints the same page.\n\n| code | what is wrong | severity |\n|---|---|---|\n")
	codes := make([]string, 0, len(byCode))
	for code := range byCode {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		pages[code+".md"] = page(byCode[code])
		k := byCode[code][0]
		fmt.Fprintf(&index, "| [%s](%s.md) | %s | %s |\n", code, code, escape(k.Title), k.Severity)
	}
	pages["README.md"] = index.String()
	return pages
}

// page is one code with all its numbers: the rule of the doctor first, then
// what lint knows of it.
func page(kinds []finding.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", kinds[0].Code)
	for i, k := range kinds {
		if len(kinds) > 1 {
			fmt.Fprintf(&b, "## %s: %s\n\n", k.ID, k.Title)
		} else {
			fmt.Fprintf(&b, "**%s** (%s)\n\n", k.Title, k.ID)
		}
		fmt.Fprintf(&b, "Severity: %s%s.\n\n%s\n\n", k.Severity, disregards(k), k.Doc)
		b.WriteString("What it says:\n\n")
		for _, t := range wordings(k) {
			fmt.Fprintf(&b, "- %s\n", t)
		}
		b.WriteString("\n")
		if len(k.Symptoms) > 0 && i == 0 {
			b.WriteString("It explains, where both concern one host: `" + strings.Join(k.Symptoms, "`, `") + "`.\n\n")
		}
	}
	fmt.Fprintf(&b, "Silence it with `--ignore %s`.\n", kinds[0].Code)
	return b.String()
}

func disregards(k finding.Kind) string {
	if k.Ignores {
		return "; the runtime disregards what it is about"
	}
	return ""
}

func wordings(k finding.Kind) []string {
	show := func(text, fix string) string {
		if fix == "" {
			return escape(text)
		}
		return escape(text) + " → " + escape(fix)
	}
	out := []string{show(k.Text, k.Fix)}
	names := make([]string, 0, len(k.Variants))
	for name := range k.Variants {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, show(k.Variants[name].Text, k.Variants[name].Fix))
	}
	return out
}

// escape keeps braces and angle brackets readable in Markdown.
func escape(s string) string { return strings.NewReplacer("<", "&lt;", "|", "\\|").Replace(s) }

// Rules prints a list of codes, or the page of one.
func (t *Terminal) Rules(kinds []finding.Kind) {
	area := ""
	for _, k := range kinds {
		if a, _, _ := strings.Cut(k.Code, "/"); a != area {
			area = a
			t.print("%s\n", t.paint(bold, area))
		}
		t.line("  "+pad(k.Code, 38)+" ", k.Title)
	}
}

// Page prints the page of one code.
func (t *Terminal) Page(kinds []finding.Kind) { t.print("%s", painted(page(kinds))) }
