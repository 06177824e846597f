package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/report"
)

// helpDocument is the help of a command for those who asked for a document.
type helpDocument struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"` // "help"
	Command  string           `json:"command"`
	Text     string           `json:"text"`
	Findings []report.Finding `json:"findings"`
}

// help prints the help of a command in the format that the arguments ask for.
func (a *app) help(cmd *cobra.Command, args []string, plain func(*cobra.Command, []string)) {
	format := asked(a.Args)
	if format == report.Text {
		plain(cmd, args)
		return
	}
	var b bytes.Buffer
	cmd.SetOut(&b)
	plain(cmd, args)
	cmd.SetOut(a.Out)
	_ = report.Write(a.Out, format, helpDocument{report.Schema, "help", cmd.CommandPath(), b.String(), []report.Finding{}})
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		Args:  cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 || about == nil {
				return usage("towpath --help", "there is no command %s", strings.Join(args, " "))
			}
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var out []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					out = append(out, c.Name()+"\t"+c.Short)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// scripts makes the completion command refuse what it cannot do: other shells
// than those that it has scripts for, and scripts in a document.
func scripts(a *app, c *cobra.Command) {
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("towpath completion --help", "there is no script for %s", strings.Join(args, " "))
		}
		return c.Help()
	}
	c.Args = cobra.ArbitraryArgs
	for _, shell := range c.Commands() {
		usageErrors(shell)
		shell.PreRunE = func(*cobra.Command, []string) error {
			if a.format != report.Text {
				return usage("without -o", "a script is text")
			}
			return nil
		}
	}
}

// exactly takes one argument that everybody calls by its name.
func exactly(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("which %s? %s needs one", what, cmd.Name())
		case 1:
			return nil
		}
		return fmt.Errorf("%s takes one %s, these are %d", cmd.Name(), what, len(args))
	}
}
