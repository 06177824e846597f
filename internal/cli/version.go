package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/report"
)

// Version is set by releases; a build from a checkout says so.
var Version = "devel"

type versionDocument struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"`
	Version  string           `json:"version"`
	Commit   string           `json:"commit"`
	Go       string           `json:"go"`
	Platform string           `json:"platform"`
	Findings []report.Finding `json:"findings"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			d := versionDocument{
				Schema: report.Schema, Kind: "version", Version: Version, Commit: commit(), Go: runtime.Version(),
				Platform: runtime.GOOS + "/" + runtime.GOARCH, Findings: []report.Finding{},
			}
			if a.format != report.Text {
				return report.Write(a.Out, a.format, d)
			}
			_, err := fmt.Fprintf(a.Out, "towpath %s, commit %s, %s %s\n", d.Version, d.Commit, d.Go, d.Platform)
			return err
		},
	}
}

func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
