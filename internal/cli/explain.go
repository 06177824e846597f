package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/survey"
)

func newExplain(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "explain IMAGE",
		Short: "Say which hosts a pull would ask, in order, and which line decides",
		Long: `Explain reads the configuration as the runtime does and prints the requests that
a pull would make, in order, each with the file and line it comes from, and the
files that are ignored, with the reason. It uses no network.`,
		Example: `  towpath explain ghcr.io/owner/app:1
  towpath explain --runtime containerd@1.6 --hosts-dir ./certs.d registry.corp:5000/app
  towpath explain --registries registries.yaml nginx`,
		Args:              exactly("IMAGE"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := route.ParseRef(args[0])
			if err != nil {
				return usage("", "%v", err)
			}
			a.notePending()
			s, done, err := a.survey(cmd.Context(), survey.Request{Registry: ref.Registry, Still: true})
			if err != nil {
				return err
			}
			defer done()
			x := report.Explanation{
				Image: args[0], Ref: ref, Table: s.Reading.Table, Proxy: proxyOf(s),
				Findings: a.flags.kept(touching(s.Reading.Findings, ref.Registry)), Files: s.Files,
			}
			if a.format == report.Text {
				report.NewTerminal(a.Out, a.Env).Explain(x)
			} else if err := report.Write(a.Out, a.format, report.NewExplain(x)); err != nil {
				return err
			}
			return a.flags.status(x.Findings)
		},
	}
	a.flags.node(c.Flags())
	a.flags.findings(c.Flags(), "none")
	return c
}

// touching are the findings that concern a registry, or all of them.
func touching(all []finding.Finding, registry string) []finding.Finding {
	var out []finding.Finding
	for _, f := range all {
		if f.Registry == "" || f.Registry == registry {
			out = append(out, f)
		}
	}
	return out
}

// proxyOf selects proxies as the surveyed runtime does.
func proxyOf(s *survey.Survey) func(string) string {
	c := doctor.Client(s, nil)
	return func(url string) string {
		u, err := c.Proxy(strings.SplitN(url, "?", 2)[0])
		if err != nil || u == nil {
			return ""
		}
		return u.Redacted()
	}
}
