// Towpath explains, repairs and proves everything between a Kubernetes node's
// container runtime and its image registries.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/towpath-dev/towpath/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := cli.Main(ctx, cli.World{Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(status)
}
