package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/ca/store"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
)

// prometheus is a format that only the watch has.
const prometheus = "prometheus"

// expiryFlags are those of the watch.
type expiryFlags struct {
	warn, alarm int
	timeout     time.Duration
	prometheus  bool
}

func newCA(a *app) *cobra.Command {
	var watch bool
	var f expiryFlags
	c := &cobra.Command{
		Use:   "ca",
		Short: "Make and renew certificates of your own, explain any, and see which end soon",
		Long: `Ca keeps a private authority and issues what registries and nodes need from it:
server certificates with their names as SANs, client certificates, in chains with
the leaf first, with keys that only their owner can read.

It also explains any certificate, bundle, chain, key or signing request as the
runtimes' Go would take it, and tells how many days every certificate has left
that this node's pulls depend on.`,
		Example: `  towpath ca new ./ca
  towpath ca issue --ca ./ca registry.corp.example 10.0.0.5
  towpath ca show --ca ca/ca.crt registry.corp.example/*
  towpath ca watch -o prometheus`,
		Args: cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.flags.output == prometheus && (cmd.Name() == "watch" || watch) {
				a.flags.output, f.prometheus = string(report.Text), true
			}
			return a.flags.check(a, cmd)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return a.watchExpiry(cmd.Context(), nil, f)
			}
			if a.format != report.Text {
				return usage("towpath ca --help", "which command of ca?")
			}
			return cmd.Help()
		},
	}
	c.Flags().BoolVar(&watch, "watch-expiry", false, "the same as towpath ca watch")
	a.expiryFlags(c, &f)
	c.AddCommand(newCANew(a), newCAIssue(a), newCAShow(a), newCAWatch(a, &f))
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
	return c
}

func newCANew(a *app) *cobra.Command {
	var name string
	var days int
	var permit []string
	c := &cobra.Command{
		Use:   "new DIR",
		Short: "Make a private authority",
		Long: `New makes an authority in DIR, which must not exist or be empty: ca.crt, for
every node that is to trust it, and ca.key, which no node needs. It may sign
certificates, but no further authorities; with --permit only for the names and
addresses below it, so that nobody has to trust it for anything else.`,
		Example: `  towpath ca new /root/ca
  towpath ca new --name "Corp registries" --permit corp.example --permit 10.0.0.0/8 /root/ca`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p := ca.Profile{Name: name, Days: days, Now: time.Now()}
			for _, text := range permit {
				one, err := ca.ParseConstraint(text)
				if err != nil {
					return usage("--permit corp.example or --permit 10.0.0.0/8", "--permit %v", err)
				}
				p.Permit = append(p.Permit, one)
			}
			switch {
			case days < 1 || days > ca.MaxAuthorityDays:
				return usage("", "--days %d: an authority can be valid for 1 to %d days", days, ca.MaxAuthorityDays)
			case len([]rune(name)) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
				return usage("", "--name %q: it can have 64 printable characters", name)
			}
			return a.newAuthority(args[0], p)
		},
	}
	c.Flags().StringVar(&name, "name", "", "call the authority `NAME` (default one that no other has)")
	c.Flags().IntVar(&days, "days", ca.AuthorityDays, "how many `days` it is valid")
	c.Flags().StringArrayVar(&permit, "permit", nil, "let it sign only for this `DOMAIN or RANGE` of addresses (repeatable)")
	return c
}

func (a *app) newAuthority(dir string, p ca.Profile) error {
	authority, err := ca.New(p)
	if err != nil {
		return err
	}
	if err := store.Create(dir, authority); err != nil {
		return fmt.Errorf("make an authority: %w", err)
	}
	d := report.NewAuthority(authority, filepath.Join(dir, store.CertFile), filepath.Join(dir, store.KeyFile), p.Now)
	if a.format != report.Text {
		return report.Write(a.Out, a.format, d)
	}
	report.NewTerminal(a.Out, a.Env).Authority(d)
	return nil
}

// issueFlags are those of ca issue.
type issueFlags struct {
	ca, out     string
	ips         []string
	client      bool
	days        int
	renewBefore int
	renew       bool
}

func newCAIssue(a *app) *cobra.Command {
	var f issueFlags
	c := &cobra.Command{
		Use:   "issue --ca DIR NAME…",
		Short: "Issue a certificate for a server or client, or renew it",
		Long: `Issue signs a certificate for all the names: host names, addresses, or a wildcard
such as *.corp.example, which stands for one label and not for corp.example itself.

Called again it keeps a certificate that is good for more than --renew-before
days and for the same names. Else it issues a new one for the same key and puts
it in place in one step; the old one stays beside it under another name. It never
overwrites a key.`,
		Example: `  towpath ca issue --ca /root/ca registry.corp.example 10.0.0.5
  towpath ca issue --ca /root/ca --client --out /etc/containerd/certs.d/registry.corp node-1
  towpath ca issue --ca /root/ca --renew-before 60 registry.corp.example      from a timer`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			names, err := f.names(args)
			if err != nil {
				return err
			}
			return a.issue(names, f)
		},
	}
	c.Flags().StringVar(&f.ca, "ca", "", "the authority in `DIR`, which ca new made")
	c.Flags().StringVar(&f.out, "out", "", "write the files to `DIR` (default one named after the first name)")
	c.Flags().StringArrayVar(&f.ips, "ip", nil, "an `ADDRESS` of the server, among the names (repeatable)")
	c.Flags().BoolVar(&f.client, "client", false, "for a client that logs in with it, instead of a server")
	c.Flags().IntVar(&f.days, "days", ca.LeafDays, "how many `days` it is valid, never longer than its authority")
	c.Flags().IntVar(&f.renewBefore, "renew-before", 30, "renew one that has fewer `days` left")
	c.Flags().BoolVar(&f.renew, "renew", false, "renew one that is still good")
	return c
}

// names are those of the command line, all of them checked.
func (f issueFlags) names(args []string) ([]ca.Name, error) {
	switch {
	case f.ca == "":
		return nil, usage("--ca DIR, which towpath ca new DIR made", "which authority is to sign?")
	case len(args)+len(f.ips) == 0:
		return nil, usage("towpath ca issue --ca "+f.ca+" registry.corp.example", "which names? a certificate is for names")
	case len(args)+len(f.ips) > 100:
		return nil, usage("", "a certificate is for 100 names at most")
	case f.days < 1 || f.days > ca.MaxLeafDays:
		return nil, usage("", "--days %d: verifiers accept 1 to %d days", f.days, ca.MaxLeafDays)
	case f.renewBefore < 0 || f.renewBefore >= f.days:
		return nil, usage("", "--renew-before %d: it has to be less than --days, which is %d", f.renewBefore, f.days)
	}
	names, err := ca.ParseNames(slices.Concat(args, f.ips))
	if err != nil {
		return nil, exitError{exitUsage, err, "names such as registry.corp.example, *.corp.example, 10.0.0.5"}
	}
	for _, text := range f.ips {
		if n, err := ca.ParseName(text); err != nil || n.DNS != "" {
			return nil, usage("", "--ip %s: it is no address", text)
		}
	}
	return names, nil
}

func (a *app) issue(names []ca.Name, f issueFlags) error {
	authority, err := store.Open(f.ca)
	if err != nil {
		return exitError{exitFailed, fmt.Errorf("open the authority: %w", err), "towpath ca new " + f.ca}
	}
	base := strings.NewReplacer("*", "_wildcard", ":", "_").Replace(names[0].String())
	if f.out == "" {
		f.out = base
	}
	certFile, keyFile, caFile := store.Files(f.out, base, f.client)
	have, err := store.Find(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("renew %s: %w", certFile, err)
	}
	order := ca.Order{Names: names, Client: f.client, Days: f.days, Now: time.Now(), Key: have.Key}
	if have.Chain != nil && !f.renew && authority.Fulfils(have.Chain, order, f.renewBefore) {
		d := report.NewIssue("kept", have.Chain[0], nil, order.Now)
		d.CertFile, d.KeyFile, d.CAFile = certFile, keyFile, caFile
		return a.issued(d, nil)
	}
	made, err := authority.Issue(order)
	if err != nil {
		return fmt.Errorf("issue a certificate: %w", err)
	}
	saved, err := store.Save(f.out, base, f.client, made)
	if err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	state := "issued"
	if have.Chain != nil {
		state = "renewed"
	}
	found := authority.Remarks(made, certFile, order.Now)
	d := report.NewIssue(state, made.Chain[0], found, order.Now)
	d.CertFile, d.KeyFile, d.CAFile = certFile, keyFile, caFile
	d.SetBackup(saved.Backup)
	d.Shortened = authority.Shortens(order)
	return a.issued(d, found)
}

func (a *app) issued(d report.Issue, found []finding.Finding) error {
	if a.format != report.Text {
		return report.Write(a.Out, a.format, d)
	}
	report.NewTerminal(a.Out, a.Env).Issue(d, found)
	return nil
}
