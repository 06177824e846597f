package repair

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// table writes routes in the dialect of the runtime.
func (d *draft) table(want route.Table) bool {
	switch d.node.Input.Runtime.Target.Runtime {
	case "k3s", "rke2":
		return d.registries(want)
	}
	return d.hosts(want)
}

// merge is the present table with some routes replaced.
func merge(now, want route.Table) route.Table {
	out := now
	out.Routes = replaced(now.Routes, want.Routes, func(r route.Route) string { return r.Match })
	out.Hosts = replaced(now.Hosts, want.Hosts, func(h route.Host) string { return h.Name })
	out.Files = slices.Concat(want.Files, now.Files)
	return out
}

// replaced is a list with the elements of another in the place of the first of
// their name, or behind it.
func replaced[T any](now, want []T, name func(T) string) []T {
	out := slices.Clone(now)
	at := make(map[string]int, len(out)+len(want))
	for i, v := range out {
		if _, known := at[name(v)]; !known {
			at[name(v)] = i
		}
	}
	for _, v := range want {
		if i, known := at[name(v)]; known {
			out[i] = v
			continue
		}
		at[name(v)] = len(out)
		out = append(out, v)
	}
	return out
}

// Merge is a table with the routes, and what is known of hosts, of another in
// the place of its own of the same name.
func Merge(now, want route.Table) route.Table { return merge(now, want) }

// hosts writes hosts.toml files.
func (d *draft) hosts(want route.Table) bool {
	roots := d.roots()
	if len(roots) == 0 {
		return false
	}
	now := d.now()
	t := merge(now.Table, want)
	t.Target = now.Table.Target
	return d.under(roots, containerd.RenderIn(roots, t, d.below(roots)))
}

// roots are the directories in which hosts.toml files count; none: they do not,
// and cannot be made to. Where the configuration uses none yet, it is made to: the
// old mirrors table moves, or config_path is set.
func (d *draft) roots() []string {
	now := d.now()
	if len(now.Roots) > 0 && (d.node.Input.HostsDir != "" || !now.Config.ListBug()) {
		return now.Roots
	}
	if !d.enableHosts(now.Config) {
		return nil
	}
	return d.now().Roots
}

// enableHosts makes containerd read hosts.toml files, without changing which
// hosts it asks.
func (d *draft) enableHosts(c containerdconfig.Config) bool {
	if d.migrate(c) {
		return true
	}
	edits := c.SetConfigPath(containerdconfig.StandardDir)
	if len(edits) == 0 {
		return false
	}
	d.restart("config.toml is read at start")
	return d.edit(edits)
}

// migrate moves all that the old tables of config.toml say to hosts.toml files.
func (d *draft) migrate(c containerdconfig.Config) bool {
	m, ok := containerdconfig.Migrate(c, containerdconfig.StandardDir)
	if !ok {
		return false
	}
	d.restart("config.toml is read at start")
	d.moved = d.edit(m.Edits) && d.under([]string{m.Dir}, containerd.RenderIn([]string{m.Dir}, m.Table, d.below([]string{m.Dir})))
	return d.moved
}

// below are the files of the draft under some directories.
func (d *draft) below(roots []string) []source.File {
	var out []source.File
	for _, f := range d.files {
		if slices.ContainsFunc(roots, func(r string) bool { return f.Path == r || strings.HasPrefix(f.Path, r+"/") }) {
			out = append(out, f)
		}
	}
	return out
}

// under takes up files that were rendered under some directories.
func (d *draft) under(roots []string, after []source.File) bool {
	return d.rewrite(plan.Diff(d.below(roots), after))
}

// rewrite takes up files that a dialect has written, unless one takes the place
// of a file that nobody can read: what somebody meant by it would be lost.
func (d *draft) rewrite(p plan.Plan) bool {
	for _, c := range p.Changes {
		if c.Before != nil && c.After != nil && !legible(*c.Before) {
			d.illegible = true
			return false
		}
	}
	return d.add(p)
}

// legible reports whether a file is well-formed by its own syntax.
func legible(f source.File) bool {
	switch path.Ext(f.Path) {
	case ".toml":
		_, wrong := tomldoc.Parse(f.Path, f.Data)
		return wrong == nil
	case ".yaml":
		_, wrong := yamldoc.Parse(f.Path, f.Data)
		return wrong == nil
	}
	return true
}

// registries writes registries.yaml, and what K3s would generate from it for
// containerd, which reads that at each pull: so the change counts at once and
// survives a restart.
func (d *draft) registries(want route.Table) bool {
	target := d.node.Input.Runtime.Target
	dialect := k3s.K3s
	if target.Runtime == "rke2" {
		dialect = k3s.RKE2
	}
	now := k3s.Read(d.files, target, k3s.Options{})
	if slices.ContainsFunc(now.Findings, refused) {
		d.illegible = true
		return false
	}
	after := dialect.Render(merge(now.Table, want), d.files)
	return d.rewrite(plan.Diff(d.files, after))
}

// refused reports whether a finding is that K3s goes by nothing of a file.
func refused(f finding.Finding) bool {
	return f.Code == "config/registries-yaml-invalid" && f.Severity == finding.Error && f.Ignores && f.Registry == ""
}

// settle brings generated files in line with the sources that the plan changes.
func (d *draft) settle() {
	loads := map[string]bool{} // what containerd reads at start
	if len(d.plan.Changes) > 0 {
		for _, l := range d.now().Config.Loads {
			loads[l.Path] = true
		}
	}
	for _, c := range d.plan.Changes {
		name := c.Path()
		switch {
		case path.Base(name) == "registries.yaml" || name == d.node.Input.Registries && name != "":
			d.generate()
			return
		case loads[name]:
			d.restart("containerd reads " + name + " at start")
		}
	}
}

// generate writes the hosts.toml files that the agent would generate, where it
// has generated some before. What goes into config.toml needs a restart.
func (d *draft) generate() {
	target := d.node.Input.Runtime.Target
	old := k3s.Rendered(d.node.Files, target, k3s.Options{})
	fresh := k3s.Rendered(d.files, target, k3s.Options{})
	for _, f := range fresh {
		have := source.Find(d.files, f.Path)
		if path.Base(f.Path) == "config.toml" {
			before := source.Find(old, f.Path)
			if have != nil && (before == nil || !bytes.Equal(before.Data, f.Data)) {
				d.restart("registries.yaml is read at start")
			}
			continue
		}
		if source.Find(d.files, path.Dir(path.Dir(f.Path))) == nil && !d.holds(path.Dir(path.Dir(f.Path))) {
			d.restart("registries.yaml is read at start")
			continue
		}
		if have != nil {
			f.Mode = 0 // the file stays whose it is
		}
		if have == nil || !bytes.Equal(have.Data, f.Data) {
			d.add(plan.Diff(some(have), []source.File{f}))
		}
	}
	for _, f := range old {
		if have := source.Find(d.files, f.Path); have != nil && source.Find(fresh, f.Path) == nil && bytes.Equal(have.Data, f.Data) {
			d.add(plan.Diff(some(have), nil)) // the agent makes the whole tree anew
		}
	}
}

func some(f *source.File) []source.File {
	if f == nil {
		return nil
	}
	return []source.File{*f}
}

// holds reports whether a directory has files in the draft.
func (d *draft) holds(dir string) bool {
	return slices.ContainsFunc(d.files, func(f source.File) bool { return strings.HasPrefix(f.Path, dir+"/") })
}
