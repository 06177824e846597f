// Package doctor takes one snapshot of one node for one image: the survey of
// its files, the replay of the pull, and of the sandbox image if the runtime
// lacks it. Judging the snapshot is the business of package diagnosis.
package doctor

import (
	"context"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/probe"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Request says what to look at.
type Request struct {
	Survey   survey.Request
	Image    string
	Login    *route.Auth       // that comes with the pull; nil: none
	Entries  []keyring.Login   // of a pull secret for the image, in place of Login
	Secret   []finding.Finding // what is wrong with the pull secret
	Extra    []snapshot.NameServer
	Realms   []string // further hosts that may be given credentials as token servers
	Budget   time.Duration
	Deep     bool
	Platform string // empty: this machine's
	Watch    func(snapshot.Hop, snapshot.Summary)

	// Dial makes every connection; nil: the runtime's own network. The demo
	// leads it elsewhere.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Look takes the snapshot. Of an image whose name cannot be read it shows the
// node alone. The survey stays open for those who go on working with it; the
// caller closes it.
func Look(ctx context.Context, q Request) (*snapshot.Snapshot, *survey.Survey, error) {
	ref, bad := route.ParseRef(q.Image)
	q.Survey.Registry = ref.Registry
	taken := time.Now()
	v, err := survey.Take(ctx, q.Survey)
	if err != nil {
		return nil, nil, err
	}
	s := &snapshot.Snapshot{
		Schema: snapshot.Schema, Taken: taken, Image: q.Image, Ref: ref, Node: v.Node, Runtime: v.Runtime,
		Table: v.Reading.Table, Config: slices.Concat(v.Reading.Findings, q.Secret), Files: v.Files,
	}
	if bad != nil {
		s.Pull = &snapshot.Pull{Image: q.Image, Platform: Platform(), Budget: q.Budget} // nobody can be asked
		return s, v, nil
	}
	l := &looker{Request: q, s: s, v: v, client: Client(v, q.Extra)}
	l.client.Realms = q.Realms
	if q.Dial != nil {
		l.client.Dial = q.Dial
	}
	l.images(ctx)
	l.pull(ctx, ref)
	l.sandbox(ctx)
	return s, v, nil
}

// Judge is what Towpath makes of a snapshot.
func Judge(s *snapshot.Snapshot) diagnosis.Diagnosis {
	return diagnosis.Judge(s, rule.All, all.Kinds())
}

type looker struct {
	Request
	s      *snapshot.Snapshot
	v      *survey.Survey
	client *upstream.Client
	local  []string // repositories of images that the runtime has
}

// Client is the upstream client that behaves as the surveyed runtime would.
func Client(v *survey.Survey, extra []snapshot.NameServer) *upstream.Client {
	files := make([]upstream.File, 0, len(v.View.Pool.Certs))
	for i, c := range v.View.Pool.Certs {
		files = append(files, upstream.File{Path: v.Node.Trust.Anchors[i].File, Data: c.Raw})
	}
	c := &upstream.Client{
		Sources: v.Node.Sources, Hosts: v.Node.Hosts, Resolv: v.Node.Resolv, Extra: extra, Roots: upstream.NewRoots(files...),
		Env: node.Environment(v.Runtime), Classic: v.Runtime.Classic, Containerd: v.Runtime.Target.Containerd, ReadFile: reader(v),
	}
	if v.View.Net != nil {
		c.Dial = v.View.Net.Dial
		c.Clamp = func(ctx context.Context, address string, segment int) (conn net.Conn, err error) {
			err = v.View.Net.Do(func() error { conn, err = upstream.Clamp(ctx, address, segment); return err })
			return conn, err
		}
	}
	return c
}

// reader reads files as the runtime sees them: those of the survey, else its root's.
func reader(v *survey.Survey) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		f := source.Find(v.Files, name)
		if f == nil {
			got, ok := v.View.Files.ReadFile(name)
			if !ok {
				got.Problem = "no such file or directory"
			}
			f = &got
		}
		if f.Problem != "" {
			return nil, &problem{name, f.Problem}
		}
		return f.Data, nil
	}
}

type problem struct{ path, text string }

func (p *problem) Error() string { return "open " + p.path + ": " + p.text }

// images asks the runtime what it has: whether the sandbox image is there, and
// which names a misspelled one may have been meant for.
func (l *looker) images(ctx context.Context) {
	rt := l.s.Runtime
	if !rt.CRI.Images {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := runtime.Open(*rt, l.v.Socket())
	if err != nil {
		return
	}
	defer c.Close()
	if l.matters(rt) {
		if img, err := c.Image(ctx, rt.Sandbox.Image); err == nil {
			rt.Sandbox.Checked, rt.Sandbox.Present = true, img != nil
		}
	}
	if list, err := c.Images(ctx); err == nil {
		for _, name := range list {
			if ref, err := route.ParseRef(name); err == nil && ref.Registry == l.s.Ref.Registry {
				l.local = append(l.local, ref.Repository)
			}
		}
		slices.Sort(l.local)
		l.local = slices.Compact(l.local)
	}
}

// matters reports whether pods are to run here: somebody chose the sandbox
// image, or there is a kubelet. A containerd that was only just installed has
// never needed the default.
func (l *looker) matters(rt *snapshot.Runtime) bool {
	return rt.Sandbox.Image != "" && (!rt.Sandbox.From.IsZero() || l.s.Node.Kubelet != nil && l.s.Node.Kubelet.PID != 0)
}

func (l *looker) pull(ctx context.Context, ref route.Ref) {
	if l.s.Table.RouteFor(ref).Fails != "" {
		l.s.Pull = &snapshot.Pull{Image: ref.String(), Platform: l.platform(), Budget: l.Budget}
		return
	}
	l.credentials(ctx, ref)
}

// probe is a look at one image with everything this node brings along.
func (l *looker) probe(ref route.Ref) *probe.Probe {
	p := &probe.Probe{
		Client: l.client, Table: l.s.Table, Ref: ref, Platform: l.platform(), Budget: l.Budget, Images: l.local,
		Candidates: l.certificates(), Reveal: map[string]route.Secret{}, Clocks: l.clocks,
	}
	p.Client.Limits = limits(l.Budget)
	for _, x := range l.v.View.Proxies {
		p.Proxies = append(p.Proxies, x.ProxySetting)
		p.Reveal[x.Value] = x.Reveal
	}
	for key, value := range l.s.Node.ShellProxy {
		p.Proxies = append(p.Proxies, snapshot.ProxySetting{At: source.Pos{File: "environment of this shell"}, Key: key, Value: value})
	}
	return p
}

// limits share out the time: a dial may take a quarter of it, a handshake half,
// and an answer three quarters, so that there is time left to find out why.
func limits(budget time.Duration) upstream.Limits {
	if budget <= 0 {
		budget = 20 * time.Second
	}
	return upstream.Limits{
		Dial: min(5*time.Second, budget/4), TLS: min(10*time.Second, budget/2), Header: min(15*time.Second, budget*3/4), Name: min(5*time.Second, budget/4),
	}
}

func (l *looker) platform() string {
	if l.Platform != "" {
		return l.Platform
	}
	return Platform()
}

// certificates are those on the node that may complete a chain: stray CA
// certificates, and whatever lies beside the CA files of the configuration.
func (l *looker) certificates() []source.File {
	var out []source.File
	seen := map[string]bool{}
	for _, stray := range l.v.View.Pool.Strays(l.v.View.Files) {
		out = append(out, source.File{Path: stray.File, Data: pemOf(stray.Cert.Raw)})
	}
	for _, e := range l.s.Table.EndpointsFor(l.s.Ref) {
		for _, ca := range e.TLS.CA {
			dir := path.Dir(ca)
			if seen[dir] || dir == "/" || dir == "." {
				continue
			}
			seen[dir] = true
			for _, f := range l.v.View.Files.Tree(dir, node.Limits{Depth: 1, Files: 200, Bytes: 4 << 20, Skip: notCertificate}) {
				if f.Kind == source.Regular && len(f.Data) > 0 && f.Path != ca {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

func notCertificate(name string) bool {
	return !slices.Contains([]string{".crt", ".pem", ".cert", ".cer"}, strings.ToLower(path.Ext(name)))
}

// clocks asks the time servers of the node.
func (l *looker) clocks(ctx context.Context) []snapshot.Clock {
	if len(l.v.View.Servers) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return node.AskNTP(ctx, l.v.View.Servers, l.client.Dial, func(ctx context.Context, name string) ([]string, error) {
		return l.client.Lookup(ctx, name, upstream.Ask{}).Addrs, nil
	})
}

// sandbox looks whether the pause image could be pulled, if it is missing.
func (l *looker) sandbox(ctx context.Context) {
	rt := l.s.Runtime
	if !rt.Sandbox.Checked || rt.Sandbox.Present || ctx.Err() != nil {
		return
	}
	ref, err := route.ParseRef(rt.Sandbox.Image)
	if err != nil {
		l.s.Sandbox = &snapshot.Pull{Image: rt.Sandbox.Image} // nobody can be asked for it
		return
	}
	if ref.String() == l.s.Ref.String() {
		return
	}
	q := l.Survey
	q.Registry, q.Ask = ref.Registry, nil
	v, err := survey.Take(ctx, q)
	if err != nil {
		return
	}
	defer v.Close()
	p := l.probe(ref)
	p.Table, p.Clocks = v.Reading.Table, nil
	l.s.Sandbox = p.Pull(ctx)
	l.s.Sandbox.Image = rt.Sandbox.Image
}
