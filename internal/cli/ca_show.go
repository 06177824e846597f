package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/expiry"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/source"
)

// showFlags are those of ca show.
type showFlags struct {
	expiryFlags
	ca   []string
	name string
}

func newCAShow(a *app) *cobra.Command {
	var f showFlags
	c := &cobra.Command{
		Use:   "show FILE|HOST[:PORT]…",
		Short: "Explain certificates, chains, keys and requests, and what is wrong with them",
		Long: `Show reads PEM in any state, DER, PKCS #7, keys, signing requests and the JSON of
cfssl, or asks a host for its chain as the runtime would. It says what they are for
and what Go makes of them: which link is missing, what stands in the wrong order,
which key does not belong, what has expired, and what Go passes over in silence.

Files that are named together are judged together: a chain with its root, a
certificate with its key. A directory stands for the files in it, - for standard
input. An argument is a file if there is one of that name, else a host.`,
		Example: `  towpath ca show registry.crt registry.key ca.crt
  towpath ca show --name registry.corp.example --ca ca.crt fullchain.pem
  towpath ca show registry.corp.example:5000`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args, f) },
	}
	a.flags.node(c.Flags())
	a.expiryJudging(c, &f.expiryFlags)
	c.Flags().StringArrayVar(&f.ca, "ca", nil, "trust the certificates in `FILE`, too (repeatable)")
	c.Flags().StringVar(&f.name, "name", "", "judge server certificates as that of `HOST`")
	return c
}

func (a *app) show(ctx context.Context, args []string, f showFlags) error {
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	s := shower{app: a, root: root, showFlags: f, out: report.Shown{Taken: time.Now()}}
	if err := s.collect(args); err != nil {
		return err
	}
	s.judgeFiles()
	if err := s.judgeHosts(ctx); err != nil {
		return err
	}
	s.out.Findings = a.flags.kept(s.out.Verdict.Findings)
	if a.format != report.Text {
		err = report.Write(a.Out, a.format, report.NewShow(s.out))
	} else {
		report.NewTerminal(a.Out, a.Env).Show(s.out)
	}
	if err != nil {
		return err
	}
	return a.flags.status(s.out.Findings)
}

// shower is one call of ca show.
type shower struct {
	*app
	showFlags
	root  *node.Root
	named []source.File // of --ca
	hosts []string
	out   report.Shown
}

// collect reads the files and sorts out the hosts.
func (s *shower) collect(args []string) error {
	for _, name := range s.ca {
		files, err := s.files(name)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return usage("", "--ca %s: there is no such file", name)
		}
		s.named = append(s.named, files...)
	}
	for _, arg := range args {
		files, err := s.files(arg)
		if err != nil {
			return err
		}
		before := len(s.out.Inputs)
		for _, f := range files {
			in := ca.Read(f)
			if f.Path != arg && len(in.Items) == 0 && len(files) > 1 {
				continue // a directory holds other things as well
			}
			s.out.Inputs, s.out.Failures = append(s.out.Inputs, in), append(s.out.Failures, "")
		}
		switch {
		case len(files) > 1 && len(s.out.Inputs) == before:
			return usage("", "%s: there is no certificate in it", arg)
		case len(files) > 0:
			continue
		}
		host, err := hostTarget(arg)
		if err != nil {
			return err
		}
		s.hosts = append(s.hosts, host)
	}
	return nil
}

// files are those that an argument stands for; none: there is no such file.
func (s *shower) files(arg string) ([]source.File, error) {
	if arg == "-" {
		data, err := io.ReadAll(io.LimitReader(s.In, maxInput+1))
		f := source.File{Path: "-", Data: data}
		switch {
		case err != nil:
			f.Problem = err.Error()
		case len(data) > maxInput:
			f.Problem = fmt.Sprintf("it is larger than %d MiB", maxInput>>20)
		}
		return []source.File{f}, nil
	}
	name, err := s.path(arg)
	if err != nil {
		return nil, err
	}
	f, ok := s.root.ReadFile(name)
	if !ok {
		return nil, nil
	}
	if f.Kind != source.Directory {
		f.Path = arg
		return []source.File{f}, nil
	}
	var out []source.File
	for _, f := range s.root.Tree(name, node.Limits{Depth: 1, Files: 1000}) {
		if f.Kind == source.Regular {
			f.Path = filepath.Join(arg, filepath.Base(f.Path))
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, usage("", "%s: there is no file in it", arg)
	}
	return out, nil
}

// maxInput bounds standard input.
const maxInput = 4 << 20

// hostTarget is a host[:port] that was typed, perhaps as a URL. What looks like a
// file is none that exists.
func hostTarget(arg string) (string, error) {
	host := arg
	if u, err := url.Parse(arg); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		host = u.Host
	}
	bare := host
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") && strings.Trim(host[i+1:], "0123456789") == "" {
		bare = host[:i]
	}
	if _, err := ca.ParseName(bare); err != nil || strings.HasPrefix(arg, ".") || strings.HasPrefix(arg, "/") || strings.HasPrefix(bare, "*") {
		return "", usage("towpath ca show FILE, or registry.corp.example:5000", "%s: there is no such file, and it is no host", arg)
	}
	return host, nil
}

func (s *shower) trusted() []ca.Input {
	var out []ca.Input
	for _, f := range s.named {
		out = append(out, ca.Read(f))
	}
	return out
}

func (s *shower) question() ca.Question {
	q := ca.Question{Now: s.out.Taken, Name: s.name, Warn: s.warn, Alarm: s.alarm}
	for _, in := range s.trusted() {
		q.Trust.Named = append(q.Trust.Named, in.Certs()...)
	}
	return q
}

// judgeFiles judges all files together.
func (s *shower) judgeFiles() {
	if len(s.out.Inputs) == 0 {
		return
	}
	q := s.question()
	q.Trust.System = node.ReadPool(s.root, nil, "/").Certs
	s.out.Verdict = ca.Judge(s.out.Inputs, q)
	for _, in := range s.trusted() {
		s.out.Verdict.Findings = append(s.out.Verdict.Findings, in.Findings...)
	}
}

// judgeHosts asks every host and judges each by what the runtime trusts for it.
func (s *shower) judgeHosts(ctx context.Context) error {
	if len(s.hosts) == 0 {
		return nil
	}
	v, err := s.surveyed(ctx, s.root)
	if err != nil {
		return err
	}
	defer v.Close()
	look := expiry.Look{Survey: v, Timeout: s.timeout}
	for _, host := range s.hosts {
		h, trust := look.Host(ctx, host)
		in := ca.Presented(host, h.Chain)
		s.out.Inputs, s.out.Failures = append(s.out.Inputs, in), append(s.out.Failures, h.Failure)
		question := s.question()
		question.Trust.System, question.Trust.Named = trust.System, append(trust.Named, question.Trust.Named...)
		question.Presented = true
		if question.Name == "" {
			question.Name = ca.HostOf(host)
		}
		verdict := ca.Judge([]ca.Input{in}, question)
		if h.Failure != "" {
			verdict.Findings = append(verdict.Findings, unseen(h)...)
		}
		s.out.Verdict.Chains = append(s.out.Verdict.Chains, verdict.Chains...)
		s.out.Verdict.Findings = append(s.out.Verdict.Findings, verdict.Findings...)
	}
	return nil
}

// unseen is the finding about a host that presented nothing. Here it was asked
// for alone, so it is an error.
func unseen(h ca.Host) []finding.Finding {
	out := ca.Watch{Hosts: []ca.Host{h}}.Judge(0, 0)
	for i := range out {
		out[i].Severity = finding.Error
	}
	return out
}
