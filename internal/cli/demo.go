package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/demo"
	"github.com/towpath-dev/towpath/internal/report"
)

func newDemo(a *app) *cobra.Command {
	var only int
	c := &cobra.Command{
		Use:   "demo",
		Short: "See five failing pulls found, mended and taken back, without a node",
		Long: `Demo plays five pulls that fail, each as a session at a node: what the runtime
says, what doctor proves, the fix and its proof, and the way back. It needs no
root, no network and no container runtime: the registries, their certificates and
their faults are real and run inside the process, the nodes are directories that
are gone afterwards. It takes a few seconds, and ends with 3 if any of the pulls
is not mended.`,
		Example: `  towpath demo
  towpath demo --scene 3
  towpath demo -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scenes, err := demo.Scenes()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("scene") {
				if only < 1 || only > len(scenes) {
					return usage("towpath demo", "--scene %d: there are scenes 1 to %d", only, len(scenes))
				}
				scenes = scenes[only-1 : only]
			}
			// Whoever closes the pager or the terminal early stops the play, and
			// gets a tidy machine all the same.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGPIPE, syscall.SIGHUP)
			defer stop()
			return a.demo(ctx, scenes)
		},
	}
	c.Flags().IntVar(&only, "scene", 0, "play scene `N` alone")
	return c
}

// demo plays scenes and prints each as soon as it has been played.
func (a *app) demo(ctx context.Context, scenes []demo.Scene) error {
	t := report.NewTerminal(a.Out, a.Env)
	t.Narrow(demo.Columns)
	text := a.format == report.Text
	if text {
		demo.Opening(t)
	}
	start := time.Now()
	var all []demo.Outcome
	err := demo.Play(ctx, scenes, func(o demo.Outcome) {
		all = append(all, o)
		if text {
			o.Print(t)
		}
	})
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	if text {
		demo.Closing(t, all, time.Since(start))
	} else if err := report.Write(a.Out, a.format, demo.NewDocument(all, time.Since(start))); err != nil {
		return err
	}
	return a.ended(all)
}

// ended tells which scenes did not end well, and gives the exit status.
func (a *app) ended(all []demo.Outcome) error {
	var status error
	for _, o := range all {
		if o.Err != nil {
			fmt.Fprintf(a.Err, "towpath: scene %d (%s): %v\n", o.Scene.Number, o.Scene.Name, o.Err)
			status = exitError{status: exitFailed}
		}
	}
	return status
}
