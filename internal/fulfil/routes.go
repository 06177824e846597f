package fulfil

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Source is a configuration in a dialect that the node does not read.
type Source struct {
	Dialect dialect.Dialect
	Reading dialect.Reading
	Files   []source.File // with the certificates that lie beside them
	Roots   []string      // directories whose files move with the configuration
}

// Shifted is a change to the requests for a registry that the files do not name.
var Shifted = finding.Kind{
	Code: "convert/loss", ID: "convert/shifted", Severity: finding.Error,
	Title: "A registry that the files do not name would be asked otherwise",
	Text:  "on this node, {route} would be asked otherwise: {want} became {got}",
	Doc: "What is put on a node joins what is there. The requests for every registry are compared before and after, with the files of " +
		"this node. Here they differ for a registry that is not in the files that are put there, because both share the settings of a host.",
}

// DialectOf is the dialect that a runtime reads: "crio" reads registries-conf.
func DialectOf(runtime string) dialect.Dialect {
	name := runtime
	switch runtime {
	case "crio", "podman":
		name = "registries-conf"
	}
	if d, known := all.Named(name); known {
		return d
	}
	return containerd.Dialect
}

// Reads reports whether a runtime reads files of a dialect as they are.
func Reads(runtime, dialect string) bool {
	own := DialectOf(runtime).Name
	switch {
	case own == dialect, isRancher(own) && isRancher(dialect):
		return true
	}
	return own == containerd.Dialect.Name && dialect == containerdconfig.Dialect.Name
}

func isRancher(name string) bool { return name == "k3s" || name == "rke2" }

// routes converts what the node does not read and joins it with what is there.
func (m *maker) routes() error {
	for _, s := range m.ask.Routes {
		if err := m.join(s); err != nil {
			return err
		}
	}
	return nil
}

// join says one configuration in the node's dialect: first by itself, which
// tells what gets lost, then together with what the node has.
func (m *maker) join(s Source) error {
	target := m.node.Input.Runtime.Target
	own := DialectOf(target.Runtime)
	s = s.moved(m.home(own))
	from := s.Dialect
	from.Parse = func([]source.File, route.Target) dialect.Reading { return s.Reading }
	alone, err := convert.Run(convert.Job{From: from, To: own, Source: s.Reading.Table.Target, Target: target, Files: s.Files})
	if err != nil {
		return err
	}
	m.losses = append(m.losses, alone.Losses...)
	want := alone.After
	want.Files = slices.Concat(alone.Files, s.Files)
	bound, failed := m.bind(own, target)
	now := bound.Parse(m.files, target).Table
	both := repair.Merge(now, want)
	both.Target = target
	from, from.Limits = bound, nil
	from.Parse = func([]source.File, route.Target) dialect.Reading { return dialect.Reading{Table: both} }
	bound.Limits, bound.Partial = nil, true // that was told before
	joined, err := convert.Run(convert.Job{From: from, To: bound, Source: target, Target: target, Files: want.Files, Have: m.files})
	if err == nil {
		err = *failed
	}
	if err != nil {
		return err
	}
	m.losses = append(m.losses, serious(joined.Losses)...)
	m.losses = append(m.losses, shifted(now, joined.After, want)...)
	for _, f := range joined.Files {
		m.set(f, convert.Secret(want))
	}
	return nil
}

// set takes up one file. A new one that may hold a secret is for root alone.
func (m *maker) set(f source.File, secret bool) {
	closed := path.Ext(f.Path) == ".key" || secret && !public(f.Path)
	if have := source.Find(m.files, f.Path); have != nil {
		if closed && !equal(*have, f) {
			m.closed = append(m.closed, f.Path)
		}
		have.Data, have.Kind = f.Data, f.Kind
		return
	}
	f.Mode = 0o644
	if closed {
		f.Mode = 0o600
	}
	m.files = append(m.files, f)
}

// public reports whether a file never holds a secret: certificates, and what the
// runtimes keep credentials apart from.
func public(name string) bool {
	return slices.Contains([]string{".crt", ".pem", ".cert", ".cer", ".ca", ".conf"}, path.Ext(name)) || path.Base(name) == "daemon.json"
}

// serious is what of a list counts; the rest was told before.
func serious(all []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding.Finding) bool { return f.Severity < finding.Error })
}

// shifted are the registries of the node that nobody spoke of and that would be
// asked otherwise.
func shifted(now, after, want route.Table) []finding.Finding {
	var out []finding.Finding
	named := map[string]bool{route.Any: true}
	for _, r := range want.Routes {
		named[r.Match] = true
	}
	both := convert.Compare(now, after)
	for _, r := range now.Routes {
		if named[r.Match] {
			continue
		}
		if was, is := both.Difference(r.Match); was != is {
			f := Shifted.New(r.Match, finding.Args{"route": r.Match, "want": was, "got": is}).In(r.From)
			out = append(out, f.Saw(is+" instead of "+was, "the requests for "+r.Match+" before and after", "towpath explain "+r.Match+"/IMAGE"))
		}
	}
	return out
}

// bind is the node's dialect with the node's own places: where its configuration
// says that hosts.toml files are, what is generated from what. The error is set
// when nothing could be written.
func (m *maker) bind(own dialect.Dialect, target route.Target) (dialect.Dialect, *error) {
	failed := new(error)
	write := func(want route.Table, have []source.File) []source.File {
		n := m.repairable()
		n.Files, n.Input.Files = have, have
		p, err := repair.Rewrite(n, want)
		*failed = err
		m.late = append(m.late, p.Restart...)
		return p.After(have)
	}
	switch own.Name {
	case "k3s", "rke2":
		own.Render = write
		own.Parse = func(files []source.File, t route.Target) dialect.Reading {
			return k3s.Read(files, target, effective.K3sOptions(m.node.Input.Runtime))
		}
	case containerd.Dialect.Name:
		own.Render = write
		own.Parse = func(files []source.File, t route.Target) dialect.Reading {
			in := m.node.Input
			in.Files, in.Registry = files, ""
			in.Runtime.CRI.Loaded, in.Runtime.Started = nil, time.Time{} // as after a restart
			r := effective.Read(in)
			return dialect.Reading{Table: r.Table, Findings: r.Findings}
		}
	}
	return own, failed
}

// home is where certificates go that lie beside a configuration.
func (m *maker) home(own dialect.Dialect) string {
	switch own.Name {
	case "k3s", "rke2":
		return "/etc/rancher/" + own.Name + "/certs.d"
	case containerd.Dialect.Name:
		if roots := effective.Read(m.repairable().Input).Roots; len(roots) > 0 {
			return roots[0]
		}
		return containerdconfig.StandardDir
	case "k0s":
		return "/etc/k0s/containerd.d/certs.d"
	case "microk8s":
		return "/var/snap/microk8s/current/args/certs.d"
	}
	return "/etc/towpath/certs.d"
}

// moved is a configuration whose certificates lie where the node will have them.
func (s Source) moved(home string) Source {
	places := map[string]string{}
	for _, f := range s.Files {
		if f.Kind != source.Regular || len(f.Data) == 0 || !certificate(f.Path) {
			continue
		}
		for _, root := range s.Roots {
			if rest, ok := strings.CutPrefix(f.Path, strings.TrimSuffix(root, "/")+"/"); ok && f.Path != path.Join(home, rest) {
				places[f.Path] = path.Join(home, rest)
			}
		}
	}
	t := s.Reading.Table
	t.Files = slices.Clone(t.Files)
	files := slices.Clone(s.Files)
	for i, f := range files {
		if to := places[f.Path]; to != "" {
			files[i].Path = to
		}
		if certificate(f.Path) {
			t.Files = append(t.Files, files[i])
		}
	}
	s.Files = files
	s.Reading.Table = relocated(t, places)
	return s
}

func certificate(name string) bool {
	return slices.Contains([]string{".crt", ".pem", ".cert", ".key", ".cer", ".ca"}, path.Ext(name))
}

// relocated is a table with other paths for certificates.
func relocated(t route.Table, places map[string]string) route.Table {
	at := func(name string) string {
		if to := places[name]; to != "" {
			return to
		}
		return name
	}
	move := func(set route.TLS) route.TLS {
		set.CA, set.Client = slices.Clone(set.CA), slices.Clone(set.Client)
		for i := range set.CA {
			set.CA[i] = at(set.CA[i])
		}
		for i, p := range set.Client {
			set.Client[i].Cert, set.Client[i].Key = at(p.Cert), at(p.Key)
		}
		return set
	}
	t.Routes, t.Hosts = slices.Clone(t.Routes), slices.Clone(t.Hosts)
	for i := range t.Routes {
		r := &t.Routes[i]
		r.Mirrors = slices.Clone(r.Mirrors)
		for k := range r.Mirrors {
			r.Mirrors[k].TLS = move(r.Mirrors[k].TLS)
		}
		if r.Upstream != nil {
			u := *r.Upstream
			u.TLS = move(u.TLS)
			r.Upstream = &u
		}
	}
	for i := range t.Hosts {
		t.Hosts[i].TLS = move(t.Hosts[i].TLS)
	}
	return t
}

// waiting is the number of the finding that K3s has to be restarted, which the
// plan says by itself.
const waiting = "K3018"

// Refused are the findings of the node's runtime about the files of a plan, or
// that would stop it, and that it did not have before: what it would not read as
// it is meant.
func Refused(n Node, a Answer) []finding.Finding {
	m := maker{node: n, files: n.Files}
	target := n.Input.Runtime.Target
	d, _ := m.bind(DialectOf(target.Runtime), target)
	before := d.Parse(n.Files, target).Findings
	type what struct{ code, id, subject, text string }
	known, ours := map[what]bool{}, map[string]bool{}
	for _, f := range before {
		known[what{f.Code, f.ID, f.Subject, f.Text}] = true
	}
	for _, c := range a.Plan.Changes {
		ours[c.Path()] = ours[c.Path()] || c.After != nil
	}
	var out []finding.Finding
	for _, f := range d.Parse(a.Plan.After(n.Files), target).Findings {
		if (f.Stops || ours[f.At.File]) && !known[what{f.Code, f.ID, f.Subject, f.Text}] && f.Severity == finding.Error && f.ID != waiting {
			out = append(out, f)
		}
	}
	return out
}
