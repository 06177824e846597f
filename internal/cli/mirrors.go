package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/candidate"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/survey"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// mirrorsFlags are those of the mirrors command.
type mirrorsFlags struct {
	images  []string
	list    string
	configs []string
	from    string // dialect of configs
	sample  int    // MiB
	write   bool
	prune   bool
	out     string
}

func newMirrors(a *app) *cobra.Command {
	var f mirrorsFlags
	c := &cobra.Command{
		Use:   "mirrors REGISTRY [URL…]",
		Short: "Measure candidate mirrors of a registry and rank them",
		Long: `Mirrors asks every candidate for the same as the registry itself: whether it speaks
the registry API, what it has under some tags and how old that is, a part of a
layer for its speed and its digest, and a range of it. Candidates are the URLs
given, those of --list and --config, and the mirrors that this node has for the
registry.

The ranking goes by what a host has, then by how far it is behind, then by speed,
ranged reads and how soon it answers, and says why for each place. A host that
cannot be reached, wants credentials that are not there, has another image under
a tag, or whose bytes are not what their digest says is never ranked.

Of a blob no more than --sample is read from each host. No host gets the
credentials of another: those of --creds and --user are for the registry itself.

With --write the order goes into the configuration of this node, over the same
diff, question and journal as apply. Mirrors that are configured and cannot be
used stay behind the others; --prune takes them out.`,
		Example: `  towpath mirrors docker.io https://mirror.gcr.io https://docker-cache.corp.example
  towpath mirrors ghcr.io --image ghcr.io/owner/app:1 --list candidates.txt
  towpath mirrors docker.io --write --prune
  towpath mirrors docker.io --config ./certs.d -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.mirrors(cmd.Context(), args, f) },
	}
	a.flags.node(c.Flags())
	a.flags.network(c.Flags())
	c.Flags().Lookup("timeout").Usage = "give each host up after this `time`, and again for its sample"
	a.flags.findings(c.Flags(), "error")
	a.flags.changes(c.Flags())
	a.flags.dialect(c, &f.from)
	c.Flags().Lookup("from").Usage = strings.Replace(c.Flags().Lookup("from").Usage, "every PATH", "what --config names", 1)
	c.Flags().StringArrayVar(&f.images, "image", nil, "compare by `IMAGE` of the registry (repeatable; default: a few small public ones)")
	c.Flags().StringVar(&f.list, "list", "", "more candidates, a URL a line, are in `FILE`; - is standard input")
	c.Flags().StringArrayVar(&f.configs, "config", nil, "more candidates are the mirrors in the configuration at `PATH` (repeatable)")
	c.Flags().IntVar(&f.sample, "sample", 8, "read at most so many `MiB` of a blob from each host")
	c.Flags().BoolVar(&f.write, "write", false, "write the order into the configuration of this node")
	c.Flags().BoolVar(&f.prune, "prune", false, "with --write, take out configured mirrors that cannot be used")
	c.Flags().StringVar(&f.out, "out", "", "with --write, write the files below `DIR` instead of changing the node")
	return c
}

// check refuses flags that contradict each other.
func (f mirrorsFlags) check() error {
	switch {
	case f.sample < 1 || f.sample > 1024:
		return usage("--sample 8", "--sample %d: it is from 1 to 1024 MiB", f.sample)
	case f.prune && !f.write:
		return usage("--write --prune", "--prune says what --write takes out, and needs it")
	case f.out != "" && !f.write:
		return usage("--write --out "+f.out, "--out says where --write puts the files, and needs it")
	}
	return nil
}

func (a *app) mirrors(ctx context.Context, args []string, f mirrorsFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	images, chosen, err := imagesOf(args[0], f.images)
	if err != nil {
		return err
	}
	login, err := a.login(images[0])
	if err != nil {
		return err
	}
	before := report.NewChange(noPlan, nil)
	if f.write && f.out == "" {
		if before, err = a.recover(ctx, restarter{app: a}); err != nil {
			return err
		}
	}
	v, done, err := a.survey(ctx, survey.Request{Registry: images[0].Registry})
	if err != nil {
		return err
	}
	defer done()
	job, err := a.comparison(ctx, v, args[1:], f, images, login)
	if err != nil {
		return err
	}
	c := candidate.Compare(ctx, job.Job)
	job.done()
	if ctx.Err() != nil {
		return exitError{status: exitFailed, err: errInterrupted}
	}
	c.Registry = images[0].Registry
	found := a.flags.kept(candidate.Judge(c))
	report.InOrder(found)
	d := report.NewMirrors(c, v.Reading.Table.Target, found)
	d.Default = !chosen
	o := newMirrorOrder(v.Reading.Table, job.Job, c, f.prune)
	d.Before, d.After = o.names(o.now), o.names(o.want)
	return a.rankAndWrite(ctx, ranked{v, f, d, found, o, before})
}

// imagesOf are the images to compare by, and whether somebody chose them.
func imagesOf(registry string, asked []string) (images []route.Ref, chosen bool, err error) {
	if ref, err := route.ParseRef(registry + "/x"); err != nil || ref.Registry != registry {
		return nil, false, usage("towpath mirrors docker.io", "%s: it is no registry as images name one", registry)
	}
	names := asked
	if len(names) == 0 {
		if names = samples[registry]; len(names) == 0 {
			return nil, false, usage("--image "+registry+"/owner/app:1", "which images of %s are to be compared? --image says", registry)
		}
	}
	for _, name := range names {
		ref, err := route.ParseRef(name)
		if err != nil || ref.Registry != registry {
			ref, err = route.ParseRef(registry + "/" + strings.TrimPrefix(name, registry+"/"))
		}
		if err != nil {
			return nil, false, usage("", "--image %s: %v", name, err)
		}
		images = append(images, ref)
	}
	return images, len(asked) > 0, nil
}

// samples are small public images of well-known registries, for when nobody
// chooses. They are a default and nothing more.
var samples = map[string][]string{
	"docker.io":         {"docker.io/library/busybox:latest", "docker.io/library/alpine:latest"},
	"registry.k8s.io":   {"registry.k8s.io/pause:3.10"},
	"quay.io":           {"quay.io/prometheus/busybox:latest"},
	"gcr.io":            {"gcr.io/distroless/static:latest"},
	"mcr.microsoft.com": {"mcr.microsoft.com/hello-world:latest"},
	"public.ecr.aws":    {"public.ecr.aws/docker/library/busybox:latest"},
}

// comparison is a job with what its progress is shown by.
type comparison struct {
	candidate.Job
	done func()
}

// comparison prepares the job that the command line asks for.
func (a *app) comparison(ctx context.Context, v *survey.Survey, urls []string, f mirrorsFlags, images []route.Ref, login *route.Auth) (comparison, error) {
	registry := images[0].Registry
	pool := &hosts{table: v.Reading.Table, registry: registry}
	own := pool.configured(login)
	if err := a.listed(f.list, &urls); err != nil {
		return comparison{}, err
	}
	if err := pool.typed(urls); err != nil {
		return comparison{}, err
	}
	if err := a.fromFiles(ctx, f, pool); err != nil {
		return comparison{}, err
	}
	if len(pool.mirrors) == 0 {
		return comparison{}, usage("towpath mirrors "+registry+" https://mirror.example", "no candidates: this node has no mirror of %s, and none is given", registry)
	}
	extra, err := a.resolvers()
	if err != nil {
		return comparison{}, err
	}
	client := doctor.Client(v, extra)
	client.Limits = upstream.Limits{Others: -1}
	job := candidate.Job{
		Client: client, Registry: own, Mirrors: pool.mirrors, Images: images, Platform: doctor.Platform(),
		Budget: a.flags.timeout, Sample: int64(f.sample) << 20,
	}
	done := func() {}
	if report.Tty(a.Err) && a.format == report.Text {
		p := report.NewProgress(a.Err)
		job.Watch, done = func(host, doing string) { p.Say(fmt.Sprintf("%s  %s", host, doing)) }, p.Done
	}
	return comparison{job, done}, nil
}

// fromFiles adds the mirrors that configurations elsewhere have for the registry.
func (a *app) fromFiles(ctx context.Context, f mirrorsFlags, pool *hosts) error {
	if len(f.configs) == 0 {
		return nil
	}
	root, err := a.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	n := survey.Named{Root: root, Dialect: f.from, Runtime: a.flags.runtime}
	for _, arg := range f.configs {
		name, err := a.inside(root, arg)
		if err != nil {
			return err
		}
		n.Paths = append(n.Paths, name)
	}
	parts, err := a.read(ctx, n)
	for _, p := range parts {
		for _, e := range p.Reading.Table.Endpoints(pool.registry) {
			if e.Role == route.Mirror && e.Broken == "" {
				pool.add(candidate.Host{Endpoint: e, Login: upstream.Login{Auth: e.Auth}})
			}
		}
	}
	return err
}

// ranked is a comparison that is to be shown and perhaps written.
type ranked struct {
	v      *survey.Survey
	f      mirrorsFlags
	d      report.Mirrors
	found  findings
	order  mirrorOrder
	before report.Change
}

// rankAndWrite shows a ranking, and writes the order if that is wanted.
func (a *app) rankAndWrite(ctx context.Context, r ranked) error {
	if a.format == report.Text {
		report.NewTerminal(a.Out, a.Env).Mirrors(r.d, r.found)
	}
	var err error
	if r.f.write {
		err = a.writeOrder(ctx, &r)
	}
	if err == nil {
		err = a.flags.status(r.found)
	}
	if a.format == report.Text {
		return err
	}
	if werr := report.Write(a.Out, a.format, r.d); werr != nil {
		return werr
	}
	return a.told(err)
}

// add takes up a candidate, unless it is there already.
func (p *hosts) add(h candidate.Host) {
	if !slices.ContainsFunc(p.mirrors, func(o candidate.Host) bool { return o.String() == h.String() }) {
		p.mirrors = append(p.mirrors, h)
	}
}

var errNotWritten = errors.New("the order cannot be written into the files of this node's runtime")
