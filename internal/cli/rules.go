package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/candidate"
	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/machine"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/suppress"
)

// kinds are all sorts of findings that Towpath can make, by code.
func kinds() []finding.Kind {
	var out []finding.Kind
	for _, r := range rule.All {
		out = append(out, r.Kind)
	}
	out = append(out, diagnosis.Kinds...)
	out = append(out, effective.Kinds...)
	out = append(out, all.Kinds()...)
	out = append(out, ca.Kinds()...)
	out = append(out, convert.Kinds...)
	out = append(out, candidate.Kinds...)
	out = append(out, machine.Kinds...)
	out = append(out, suppress.Kinds...)
	out = append(out, fulfil.Kinds...)
	slices.SortStableFunc(out, func(x, y finding.Kind) int { return strings.Compare(x.Code, y.Code) })
	return out
}

func newRules(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "rules [CODE]",
		Short:             "List what can be found, or explain one code",
		Long:              "Without an argument rules lists every code that lint and doctor know. With one, a code or\na number such as TLS-01, it prints that code's page: why it matters and what to do.",
		Example:           "  towpath rules\n  towpath rules tls/other-server",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeCodes,
		RunE: func(_ *cobra.Command, args []string) error {
			list := kinds()
			if len(args) == 1 {
				list = slices.DeleteFunc(list, func(k finding.Kind) bool { return !called(k, args[0]) })
				if len(list) == 0 {
					return usage("towpath rules", "there is no rule %s", args[0])
				}
			}
			switch {
			case a.format != report.Text:
				return report.Write(a.Out, a.format, report.NewRules(list))
			case len(args) == 1:
				report.NewTerminal(a.Out, a.Env).Page(list)
			default:
				report.NewTerminal(a.Out, a.Env).Rules(list)
			}
			return nil
		},
	}
}

// called reports whether a kind has a code or number.
func called(k finding.Kind, name string) bool {
	return strings.EqualFold(k.Code, name) || strings.EqualFold(k.ID, name)
}
