// Package cli is the command line: one file per command, each a short story. It
// is the only package that reads flags, prints, or knows exit statuses.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

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

	apart bool // what is changed are files that no runtime reads where they are
}

// Main runs one command and returns its exit status.
func Main(ctx context.Context, w World) int {
	a := &app{World: w, format: asked(w.Args)}
	err := newRoot(a).ExecuteContext(ctx)
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
	if a.format != report.Text {
		if report.Write(a.Out, a.format, report.NewFailure(exit.status, exit.err.Error(), exit.hint)) == nil {
			return exit.status
		}
	}
	a.say("%v", exit.err)
	if exit.hint != "" {
		a.say("try: %s", exit.hint)
	}
	return exit.status
}

// say tells something on the error stream, every line by whom it is told.
func (a *app) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(a.Err, "towpath: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// told keeps the exit status of an error whose text the document has, and tells
// it to the reader of the error stream, too.
func (a *app) told(err error) error {
	if err == nil || a.format == report.Text {
		return err
	}
	exit, ok := errors.AsType[exitError](err)
	if !ok {
		exit = exitError{status: exitFailed, err: err}
	}
	if exit.err != nil {
		a.say("%v", exit.err)
	}
	return exitError{status: exit.status}
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
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			case a.format != report.Text:
				return usage("towpath --help", "which command?")
			}
			return cmd.Help()
		},
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.flags.check(a, cmd) },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetArgs(a.Args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return exitError{exitUsage, err, cmd.CommandPath() + " --help"}
	})
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) { a.help(cmd, args, help) })
	root.PersistentFlags().StringVarP(&a.flags.output, "output", "o", "text", "output `format`: text, json or yaml")
	_ = root.RegisterFlagCompletionFunc("output", completeFormats)
	root.AddCommand(newExplain(a), newLint(a), newDoctor(a), newPull(a), newConvert(a), newMirrors(a), newApply(a), newRollback(a), newHistory(a), newDemo(a), newCA(a), newRules(a), newSchema(a), newVersion(a))
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(a.Args...)
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			scripts(a, c)
		}
		usageErrors(c)
		completions(c)
	}
	return root
}

// unknownCommand names the nearest command that there is.
func unknownCommand(root *cobra.Command, typed string) error {
	hint := "towpath --help"
	if near := root.SuggestionsFor(typed); len(near) > 0 {
		hint = "towpath " + near[0]
	}
	return usage(hint, "%q is no command of towpath", typed)
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
