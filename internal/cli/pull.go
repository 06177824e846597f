package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/survey"
)

type pullFlags struct {
	via, out, platform string
	realms             []string
}

func newPull(a *app) *cobra.Command {
	var f pullFlags
	c := &cobra.Command{
		Use:   "pull IMAGE",
		Short: "Pull an image through the runtime, or along its route into a file",
		Long: `Pull has the container runtime of this node pull an image, through its own CRI
socket, as the kubelet would.

With --out it pulls by itself: the same hosts in the same order, with the same
rewrites, headers, certificates and proxy. It goes on where the runtime gives up:
at another host when one breaks off in the middle of a layer, and in the next run
after an interruption. Every byte is checked against its digest.

  --out oci:DIR              an OCI layout; an existing one is added to
  --out docker-archive:FILE  a tar file for docker load, ctr images import and
                             podman load; an existing one is never overwritten

Until all is there, nothing but a directory with .towpath in its name shows at
the output. In a layout an image is named by its tag, or by its whole reference
if another image there has that tag.`,
		Example: `  towpath pull ghcr.io/owner/app:1
  towpath pull --out oci:images ghcr.io/owner/app:1
  towpath pull --out docker-archive:app.tar --platform linux/arm64 ghcr.io/owner/app:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.pull(cmd.Context(), args[0], f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	c.Flags().Lookup("timeout").Usage = "give a host up after this `time` without progress"
	c.Flags().StringVar(&f.via, "via", "", "who pulls: cri, the runtime, or self, towpath (default: self with --out, else cri)")
	c.Flags().StringVar(&f.out, "out", "", "pull into `FORMAT:PATH`: oci:DIR or docker-archive:FILE")
	c.Flags().StringVar(&f.platform, "platform", "", "pull for `OS/ARCH[/VARIANT]` instead of this machine's")
	c.Flags().StringArrayVar(&f.realms, "token-server", nil, "let the token server `HOST` have the credentials, though it belongs to another domain (repeatable)")
	return c
}

// check refuses flags that contradict each other.
func (f *pullFlags) check() (out pull.Output, err error) {
	if f.via == "" {
		f.via = map[bool]string{true: "self", false: "cri"}[f.out != ""]
	}
	switch {
	case f.via != "cri" && f.via != "self":
		return out, usage("--via cri or --via self", "--via %s: nobody of that name pulls", f.via)
	case f.via == "cri" && f.out != "":
		return out, usage("leave --via out", "--via cri pulls into the runtime's own store, and --out %s names another place", f.out)
	case f.via == "self" && f.out == "":
		return out, usage("--out oci:DIR or --out docker-archive:FILE", "--via self needs a place to pull into")
	case f.via == "cri" && f.platform != "":
		return out, usage("--out oci:DIR", "a runtime pulls for its own platform; --platform %s needs --out", f.platform)
	case f.via == "cri":
		return out, nil
	}
	if f.platform != "" {
		if err := pull.CheckPlatform(f.platform); err != nil {
			return out, usage("--platform linux/arm64", "--platform: %v", err)
		}
	}
	if out, err = pull.ParseOutput(f.out); err != nil {
		return out, usage("--out oci:DIR or --out docker-archive:FILE", "--out: %v", err)
	}
	return out, nil
}

func (a *app) pull(ctx context.Context, image string, f pullFlags) error {
	out, err := f.check()
	if err != nil {
		return err
	}
	ref, err := route.ParseRef(image)
	if err != nil {
		return usage("", "%v", err)
	}
	login, err := a.login(ref)
	if err != nil {
		return err
	}
	s, done, err := a.survey(ctx, survey.Request{Registry: ref.Registry})
	if err != nil {
		return err
	}
	defer done()
	d := newPullDocument(image, ref, f, s)
	began := time.Now()
	if f.via == "cri" {
		err = a.pullByRuntime(ctx, s, ref, login, &d)
	} else {
		err = a.pullByItself(ctx, s, pull.Request{Ref: ref, Login: login, Platform: f.platform, Strict: f.platform != "", Out: out}, f.realms, &d)
	}
	d.Ms = float64(time.Since(began).Round(time.Millisecond)) / float64(time.Millisecond)
	return a.finishPull(d, err)
}

// pullByItself pulls along the runtime's route.
func (a *app) pullByItself(ctx context.Context, s *survey.Survey, q pull.Request, realms []string, d *pullDocument) error {
	if q.Platform == "" {
		q.Platform = doctor.Platform()
	}
	q.Client = doctor.Client(s, nil)
	q.Client.Realms, q.Client.Limits = realms, pull.Limits(a.flags.timeout)
	q.Table = s.Reading.Table
	view := a.pullView(ctx, q.Ref)
	q.Watch = view.event
	result, err := pull.Self(ctx, q)
	view.done()
	d.fill(result)
	switch said, refused := errors.AsType[*pull.Refusals](err); {
	case ctx.Err() != nil:
		return exitError{exitFailed, errors.New("interrupted"), ""}
	case refused:
		d.refused(said)
		return exitError{exitFailed, err, "towpath doctor " + d.Image}
	case err != nil:
		return exitError{exitFailed, err, ""}
	}
	return nil
}

// finishPull prints what a pull came to: the document, or the digest on the
// output and all that went wrong on the error stream.
func (a *app) finishPull(d pullDocument, err error) error {
	exit, failed := errors.AsType[exitError](err)
	if failed {
		text := exit.err.Error()
		d.State, d.Error, d.Try = "failed", &text, optional(exit.hint)
	}
	if a.format != report.Text {
		if werr := report.Write(a.Out, a.format, d); werr != nil {
			return werr
		}
	} else if !failed {
		fmt.Fprintln(a.Out, d.pulled())
	}
	if !failed {
		return nil
	}
	a.explainPull(d, exit)
	return exitError{status: exit.status}
}

// explainPull tells why a pull failed: one line per host that was asked.
func (a *app) explainPull(d pullDocument, exit exitError) {
	if d.what != "" {
		fmt.Fprintf(a.Err, "towpath: %s: no host gave it\n", d.what)
		for _, h := range d.asked {
			fmt.Fprintf(a.Err, "towpath:   %s: %s\n", h.Endpoint, h.Failure.Text)
		}
	} else {
		fmt.Fprintf(a.Err, "towpath: %v\n", exit.err)
	}
	if d.Kept != nil {
		fmt.Fprintf(a.Err, "towpath: the next run goes on with %s in %s\n", size(d.Kept.Bytes), d.Kept.Dir)
	}
	if exit.hint != "" {
		fmt.Fprintf(a.Err, "towpath: try: %s\n", exit.hint)
	}
}
