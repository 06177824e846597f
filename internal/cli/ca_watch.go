package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/expiry"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/survey"
)

func newCAWatch(a *app, f *expiryFlags) *cobra.Command {
	c := &cobra.Command{
		Use:     "watch [HOST[:PORT]…]",
		Aliases: []string{"expiry"},
		Short:   "List every certificate that this node's pulls depend on, with the days it has left",
		Long: `Watch asks every host that the configuration of this node names for its chain, and
reads every certificate file that it names and every authority that somebody has
added to the system's store. What ends soon comes first.

With -o prometheus it writes metrics, as the textfile collector of Prometheus'
node exporter takes them.`,
		Example: `  towpath ca watch
  towpath ca watch --fail-on warning --warn 60
  towpath ca watch -o prometheus > /var/lib/node_exporter/towpath.prom`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var hosts []string
			for _, arg := range args {
				host, err := hostTarget(arg)
				if err != nil {
					return usage("registry.corp.example:5000", "%s: it is no host", arg)
				}
				hosts = append(hosts, host)
			}
			return a.watchExpiry(cmd.Context(), hosts, *f)
		},
	}
	a.expiryFlags(c, f)
	return c
}

// expiryFlags adds the flags of the watch.
func (a *app) expiryFlags(c *cobra.Command, f *expiryFlags) {
	a.flags.node(c.Flags())
	a.expiryJudging(c, f)
}

// expiryJudging adds the flags that say when a certificate ends soon.
func (a *app) expiryJudging(c *cobra.Command, f *expiryFlags) {
	a.flags.findings(c.Flags(), "error")
	c.Flags().IntVar(&f.warn, "warn", 30, "warn of a certificate with fewer `days` left")
	c.Flags().IntVar(&f.alarm, "alarm", 7, "and take fewer `days` for an error")
	c.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "give up on a host after this `time`")
}

func (a *app) watchExpiry(ctx context.Context, hosts []string, f expiryFlags) error {
	if f.timeout <= 0 {
		return usage("--timeout 10s", "--timeout %s: it has to be more than nothing", f.timeout)
	}
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	v, err := a.surveyed(ctx, root)
	if err != nil {
		return err
	}
	defer v.Close()
	w := expiry.Look{Survey: v, Timeout: f.timeout, Hosts: hosts}.Take(ctx)
	found := a.flags.kept(w.Judge(f.warn, f.alarm))
	d := report.NewExpiry(w, v.Reading.Table.Target, found)
	switch {
	case f.prometheus:
		err = report.Prometheus(a.Out, d)
	case a.format != report.Text:
		err = report.Write(a.Out, a.format, d)
	default:
		report.NewTerminal(a.Out, a.Env).Expiry(d, found)
	}
	if err != nil {
		return err
	}
	return a.flags.status(found)
}

// surveyed is the node whose configuration says how hosts are reached.
func (a *app) surveyed(ctx context.Context, root *node.Root) (*survey.Survey, error) {
	q, err := a.request(root, survey.Request{})
	if err != nil {
		return nil, err
	}
	seen, err := survey.Take(ctx, q)
	return seen, asUsage(err)
}
