// Towpath explains, repairs and proves everything between a Kubernetes node's
// container runtime and its image registries.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/towpath-dev/towpath/internal/cli"
)

// room is how much memory may be used before garbage is collected more often: a
// node that is short of it should not lose its workload to a look at its files.
const room = 150 << 20

func main() {
	debug.SetMemoryLimit(room)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := cli.Main(ctx, cli.World{Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(status)
}
