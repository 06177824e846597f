package fulfil

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// mark says of each change what has to happen before it counts, and of the plan
// what has to be restarted.
func (m *maker) mark(p *plan.Plan) {
	late := len(m.late) > 0
	need := plan.Nothing
	for i := range p.Changes {
		c := &p.Changes[i]
		if !directory(c) {
			c.Needs = m.need(c.Path(), late)
		}
		if worse(c.Needs, need) {
			need = c.Needs
		}
	}
	switch {
	case need == plan.ByReload:
		p.Restart = []plan.Restart{{Unit: m.unit(), Why: "it reads " + m.reads(*p, need) + " when it is told to", Reload: true}}
	case need == plan.ByRestart:
		why := m.reads(*p, need) + " is read at start"
		for _, r := range m.late {
			why = r.Why
		}
		p.Restart = []plan.Restart{{Unit: m.unit(), Why: why}}
	}
}

func directory(c *plan.Change) bool {
	return c.Before != nil && c.Before.Kind == source.Directory || c.After != nil && c.After.Kind == source.Directory
}

// reads are the files of a plan with a need.
func (m *maker) reads(p plan.Plan, need plan.Need) string {
	var names []string
	for _, c := range p.Changes {
		if c.Needs == need {
			names = append(names, c.Path())
		}
	}
	return strings.Join(names, ", ")
}

var order = []plan.Need{plan.Nothing, plan.ByItself, plan.ByReload, plan.ByRestart}

func worse(a, b plan.Need) bool { return slices.Index(order, a) > slices.Index(order, b) }

// need is what has to happen before a file counts. Sources: the manuals of the
// runtimes; K3s and RKE2 read registries.yaml at start, and containerd what they
// made of it at each pull.
func (m *maker) need(name string, late bool) plan.Need {
	runtime := m.node.Input.Runtime.Target.Runtime
	base, dir := path.Base(name), path.Dir(name)
	switch {
	case m.node.Host.Store != nil && dir == m.node.Host.Store.Dir, m.node.Host.environment(name, m.unit()):
		return plan.ByRestart
	case base == "hosts.toml", strings.Contains(name, "/certs.d/"), certificate(name):
		return plan.Nothing
	case isRancher(runtime):
		if base == "registries.yaml" && !late {
			return plan.Nothing
		}
		return plan.ByRestart
	case strings.HasPrefix(name, "/etc/k0s/containerd.d"):
		return plan.ByItself
	case base == "daemon.json":
		return plan.ByReload
	case strings.HasSuffix(base, ".conf") && strings.HasPrefix(name, "/etc/containers/"), strings.HasPrefix(name, "/etc/crio/"):
		if runtime == "crio" {
			return plan.ByReload
		}
		return plan.Nothing
	case base == "auth.json", base == "config.json":
		return plan.Nothing
	case path.Ext(base) == ".toml", path.Ext(base) == ".tmpl":
		return plan.ByRestart
	}
	return plan.Nothing
}

// unit is what has to be restarted: the unit of the runtime, or its name.
func (m *maker) unit() string {
	rt := m.node.Input.Runtime
	return cmp.Or(m.node.Service.Name, rt.Unit, DialectOf(rt.Target.Runtime).Reload(rt.Target), rt.Target.Runtime)
}
