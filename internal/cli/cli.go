// Package cli is the command line: one file per command, each a short story. It
// is the only package that reads flags, prints, or knows exit statuses.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/report"
)

// World is everything that a command gets from outside.
type World struct {
	Args []string
	Env  []string
	In   io.Reader
	Out  io.Writer // the result, and nothing else
	Err  io.Writer // progress, questions, errors
}

// Exit statuses. They are part of the contract.
const (
	exitClean    = 0 // nothing at or above --fail-on
	exitFindings = 1 // findings at or above --fail-on, or a diff that nobody answered
	exitUsage    = 2
	exitFailed   = 3 // could not do it: drift, lock held, rolled back, pull or demo failed
)

// exitError carries an exit status through cobra; with a nil err the result
// has been printed and nothing more is to be said.
type exitError struct {
	status int
	err    error
	hint   string // what to try
}

func (e exitError) Error() string { return fmt.Sprint(e.err) }
func (e exitError) Unwrap() error { return e.err }

// usage is a mistake in how the command was called.
func usage(hint, format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...), hint}
}

// app is one call of the program: the world and the flags that all commands share.
type app struct {
	World
	flags  flags
	format report.Format
}

// Main runs one command and returns its exit status.
func Main(ctx context.Context, w World) int {
	a := &app{World: w, format: report.Text}
	root := newRoot(a)
	root.SetArgs(w.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitClean
	}
	return a.fail(err)
}

// fail prints an error where it belongs: as a document when one was asked for.
func (a *app) fail(err error) int {
	exit, ok := errors.AsType[exitError](err)
	if !ok {
		exit = exitError{status: exitFailed, err: err}
	}
	if exit.err == nil {
		return exit.status
	}
	if format := report.Format(a.flags.output); format == report.JSON || format == report.YAML {
		if report.Write(a.Out, format, report.NewFailure(exit.status, exit.err.Error())) == nil {
			return exit.status
		}
	}
	fmt.Fprintf(a.Err, "towpath: %v\n", exit.err)
	if exit.hint != "" {
		fmt.Fprintf(a.Err, "towpath: try: %s\n", exit.hint)
	}
	return exit.status
}

const long = `Towpath explains, repairs and proves everything between a node's container
runtime and its image registries.

  towpath explain ghcr.io/owner/app:1     which hosts a pull asks, in order, and why
  towpath lint                            what is wrong in this node's files
  towpath doctor ghcr.io/owner/app:1      what really fails, with proof and the fix
  towpath demo                            see all of it, without a node

Nothing is changed unless you say so: apply, rollback and --fix show a diff first.
Exit status: 0 clean, 1 findings, 2 wrong usage, 3 could not do it.`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "towpath",
		Short:         "Explain, repair and prove how a node pulls its images",
		Long:          long,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("towpath --help", "%q is no command of towpath", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return a.flags.check(a)
		},
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return exitError{exitUsage, err, cmd.CommandPath() + " --help"}
	})
	root.PersistentFlags().StringVarP(&a.flags.output, "output", "o", "text", "output `format`: text, json or yaml")
	root.AddCommand(newExplain(a), newDoctor(a), newRollback(a), newHistory(a), newRules(a), newDemo(a), newVersion(a))
	for _, c := range root.Commands() {
		usageErrors(c)
	}
	return root
}

// usageErrors makes wrong arguments a usage error, as wrong flags are.
func usageErrors(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return exitError{exitUsage, err, cmd.CommandPath() + " --help"}
		}
		return nil
	}
}
