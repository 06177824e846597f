// Package repair turns findings into a plan: edits that a finding carries, and
// wishes that it leaves to the dialect of the runtime at hand. It prefers what
// takes effect at once to what needs a restart, and looks at its own result: a
// fix that uncovers the next mistake in a file cures that as well. It is pure.
package repair

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// Node is what a repair has to know of the node.
type Node struct {
	Input   effective.Input // the files and the runtime that goes by them
	Files   []source.File   // everything that may be edited, those of Input among it
	Service unit.Service    // the unit that starts the runtime
	Proxy   func(masked string) route.Secret
}

// Cure is the plan that cures what can be cured by edits, and which findings
// it cures: causes, and for one in the configuration that has no edits what
// follows from it.
func Cure(n Node, findings []finding.Finding) (plan.Plan, []finding.Finding) {
	d := &draft{node: n, files: slices.Clone(n.Files)}
	var cured []finding.Finding
	left := map[string]bool{}
	for _, f := range findings {
		if f.Role == finding.Secondary {
			continue
		}
		if f.Fix != nil && d.try(f) {
			cured = append(cured, f)
		} else if f.Stage == "config" {
			left[f.Code] = true
		}
	}
	for _, f := range findings {
		if f.Role == finding.Secondary && left[f.Because] && f.Fix != nil && f.Stage != "config" && d.try(f) {
			cured = append(cured, f)
		}
	}
	d.settle()
	return d.plan, cured
}

// Write is the plan that gives the runtime the routes of a table, those that the
// table does not name left as they are.
func Write(n Node, want route.Table) plan.Plan {
	p, _ := Rewrite(n, want)
	return p
}

// Rewrite is Write that tells why there is nothing to do: nil when the runtime
// has those routes already, else ErrNoHosts, or ErrIllegible when a file cannot
// be read by anybody.
func Rewrite(n Node, want route.Table) (plan.Plan, error) {
	d := &draft{node: n, files: slices.Clone(n.Files)}
	written := d.table(want)
	d.settle()
	switch {
	case written || !d.plan.Empty():
		return d.plan, nil
	case d.illegible:
		return d.plan, ErrIllegible
	case !isRancher(n.Input.Runtime.Target.Runtime) && len(d.roots()) == 0:
		return d.plan, ErrNoHosts
	}
	return d.plan, nil
}

func isRancher(runtime string) bool { return runtime == "k3s" || runtime == "rke2" }

// draft is a plan in the making and the files as it leaves them.
type draft struct {
	node   Node
	files  []source.File
	plan   plan.Plan
	reload bool

	illegible bool // a file that is there makes no sense, and stays
	moved     bool // the old mirrors table has gone, which cures all that is wrong with it
}

// add takes up changes.
func (d *draft) add(p plan.Plan) bool {
	if p.Empty() {
		return false
	}
	d.plan.Changes = append(d.plan.Changes, p.Changes...)
	d.files = p.After(d.files)
	return true
}

func (d *draft) edit(edits []source.Edit) bool {
	p, err := plan.FromEdits(d.files, edits)
	return err == nil && d.add(p)
}

// restart notes that the changes count only after a restart of the runtime.
func (d *draft) restart(why string) {
	u := d.node.Service.Name
	if u == "" {
		u = d.node.Input.Runtime.Unit
	}
	if u == "" {
		u = d.node.Input.Runtime.Target.Runtime
	}
	if !slices.ContainsFunc(d.plan.Restart, func(r plan.Restart) bool { return r.Unit == u }) {
		d.plan.Restart = append(d.plan.Restart, plan.Restart{Unit: u, Why: why})
	}
}

// now is the configuration as the draft leaves it.
func (d *draft) now() effective.Reading {
	in := d.node.Input
	in.Files = d.files
	return effective.Read(in)
}

// try takes up what cures one finding, or nothing: what half a cure has done on
// its way is forgotten.
func (d *draft) try(f finding.Finding) bool {
	before := *d
	before.plan.Changes, before.plan.Restart = slices.Clip(d.plan.Changes), slices.Clip(d.plan.Restart)
	if d.cure(f) {
		return true
	}
	*d = before
	return false
}

// cure takes up what cures one finding.
func (d *draft) cure(f finding.Finding) bool {
	switch {
	case f.Fix.Intent != nil:
		return d.intend(*f.Fix.Intent)
	case len(f.Fix.Edits) > 0 && f.Stage != "config":
		return d.edit(f.Fix.Edits)
	case len(f.Fix.Edits) > 0:
		return d.configuration(f)
	}
	return false
}

// rounds bounds how often a file is read again after a fix.
const rounds = 20

// configuration cures a finding in the configuration. The edits of a finding
// refer to the file as it was when it was read; so the file is read again after
// each fix, until the finding and its like are gone.
func (d *draft) configuration(f finding.Finding) bool {
	cured, before := false, d.now().Findings
	for range rounds {
		next := slices.IndexFunc(d.now().Findings, func(g finding.Finding) bool {
			return g.Code == f.Code && g.ID == f.ID && (g.Registry == f.Registry || f.Registry == "") && g.Fix != nil && len(g.Fix.Edits) > 0
		})
		if next < 0 || !d.edit(d.now().Findings[next].Fix.Edits) {
			break
		}
		cured = true
	}
	return cured && !(f.Severity < finding.Error && spoiled(before, d.now().Findings))
}

// spoiled reports whether there are errors of a kind that was not there before:
// what had no effect, counts now, and fails.
func spoiled(before, after []finding.Finding) bool {
	return slices.ContainsFunc(after, func(f finding.Finding) bool {
		return f.Severity == finding.Error && !slices.ContainsFunc(before, func(g finding.Finding) bool { return g.Code == f.Code && g.ID == f.ID })
	})
}
