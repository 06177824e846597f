// Package cli is the command line: one file per command, each a short story. It
// is the only package that reads flags, prints, or knows exit statuses.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
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

// exitError carries an exit status through cobra; with a nil err nothing more is printed.
type exitError struct {
	status int
	err    error
}

func (e exitError) Error() string { return fmt.Sprint(e.err) }
func (e exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...)}
}

// Main runs one command and returns its exit status.
func Main(ctx context.Context, w World) int {
	root := newRoot(&w)
	root.SetArgs(w.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitClean
	}
	var exit exitError
	if !errors.As(err, &exit) {
		exit = exitError{exitFailed, err}
	}
	if exit.err != nil {
		fmt.Fprintf(w.Err, "towpath: %v\n", exit.err)
	}
	return exit.status
}

func newRoot(w *World) *cobra.Command {
	root := &cobra.Command{
		Use:           "towpath",
		Short:         "Explain, repair and prove how a node pulls its images",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitError{exitUsage, err} })
	root.AddCommand(newVersion(w))
	return root
}
