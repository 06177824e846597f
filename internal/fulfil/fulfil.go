// Package fulfil makes plans of what somebody wants of a node: routes that were
// written in any dialect, certificates to trust, a proxy, a clock that is right.
// It is pure: it sees the node as files and facts that the caller read, and
// changes nothing.
package fulfil

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Ask is what somebody wants of a node.
type Ask struct {
	Hosts  []source.File // as the node reads them, with paths below its directory of hosts.toml files
	Others []source.File // as the node reads them, with their paths on the node
	Routes []Source      // in dialects that the node does not read
	Wishes desired.Wishes

	// Whole says that Hosts, Others and Routes are all that is wanted of their
	// kind: what an earlier plan wrote and nothing here needs goes away. WholeWishes
	// says it of Wishes.
	Whole, WholeWishes bool
}

// Node is what has to be known of the node.
type Node struct {
	repair.Node
	Host Host
	Ours []Property // of earlier plans, from the journal
}

// Property is a path that earlier plans have made or changed.
type Property struct {
	Path  string
	Base  *source.File // before the first of them; nil: it was not there
	Last  *source.File // as they left it; nil: they removed it
	Owner string       // the runtime that the last of them was for
}

// Answer is what it takes.
type Answer struct {
	Plan   plan.Plan
	Losses []finding.Finding // what the node's dialect cannot say
	Drift  []string          // paths of ours in the plan that somebody else has changed since
}

// Kinds are the findings that this package makes itself.
var Kinds = []finding.Kind{Shifted}

// Make is the plan after which the node is as asked. Its errors say what about
// the request or the node makes that impossible, and what to do.
func Make(n Node, a Ask) (Answer, error) {
	m := maker{node: n, ask: a, start: n.base(a)}
	m.files = slices.Clone(m.start)
	for _, step := range []func() error{m.put, m.routes, m.sandbox, m.trust, m.proxy, m.clock} {
		if err := step(); err != nil {
			return Answer{}, err
		}
	}
	p := plan.Diff(n.Files, m.kept())
	p.Changes = append(p.Changes, n.emptied(p)...)
	p.Command, p.Owner = m.commands(p), n.Input.Runtime.Target.Runtime
	m.mark(&p)
	return Answer{Plan: p, Losses: m.losses, Drift: n.drift(p)}, nil
}

// maker is a plan in the making.
type maker struct {
	node     Node
	ask      Ask
	start    []source.File  // the node as it was before us
	files    []source.File  // and as it is to be
	late     []plan.Restart // what the dialects want restarted
	switched []plan.Command // what is switched on whatever becomes of the files
	closed   []string       // files that are there and hold a secret from now on
	losses   []finding.Finding
}

// base is the files as they were before earlier plans, where the ask says all
// that is wanted. What somebody else has changed since stays as it is.
func (n Node) base(a Ask) []source.File {
	out, gone := slices.Clone(n.Files), map[string]bool{}
	places := source.PlacesOf(out)
	for _, o := range n.Ours {
		have := places.Find(out, o.Path)
		if gone[o.Path] {
			have = nil
		}
		wish := n.Host.wishes(o.Path)
		other := o.Owner != n.Input.Runtime.Target.Runtime
		if other || !wish && !a.Whole || wish && !a.WholeWishes || have == nil || have.Kind == source.Directory || o.Last == nil || !equal(*have, *o.Last) {
			continue
		}
		if o.Base == nil {
			gone[o.Path] = true
			continue
		}
		have.Data = o.Base.Data
	}
	return slices.DeleteFunc(out, func(f source.File) bool { return gone[f.Path] })
}

func equal(a, b source.File) bool { return bytes.Equal(a.Data, b.Data) }

// kept is the files as they are to be: a path that is there keeps its mode, its
// owner and its place behind a link, and what is no file is nobody's business.
func (m *maker) kept() []source.File {
	out, places := slices.Clone(m.files), source.PlacesOf(m.node.Files)
	for i := range out {
		if have := places.Find(m.node.Files, out[i].Path); have != nil && have.Kind == out[i].Kind {
			out[i].Mode, out[i].UID, out[i].GID, out[i].Link, out[i].Xattrs = m.mode(out[i], *have), have.UID, have.GID, have.Link, have.Xattrs
		}
	}
	return out
}

// mode is that of a file that is there: its own, but a file that gets a secret is
// closed to others, and one that is as it was before us is open as before.
func (m *maker) mode(f, have source.File) fs.FileMode {
	for _, o := range m.node.Ours {
		if o.Path == f.Path && o.Base != nil && o.Last != nil && have.Mode == o.Last.Mode && equal(f, *o.Base) {
			return o.Base.Mode
		}
	}
	if slices.Contains(m.closed, f.Path) {
		return have.Mode &^ 0o077
	}
	return have.Mode
}

// emptied are the directories of ours in which nothing is left, the deepest first.
func (n Node) emptied(p plan.Plan) []plan.Change {
	after := p.After(n.Files)
	var out []plan.Change
	for _, o := range slices.Backward(n.Ours) {
		have := source.Find(after, o.Path)
		removes := slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.After == nil && strings.HasPrefix(c.Path(), o.Path+"/") })
		filled := slices.ContainsFunc(after, func(f source.File) bool { return strings.HasPrefix(f.Path, o.Path+"/") })
		if have == nil || have.Kind != source.Directory || o.Owner != n.Input.Runtime.Target.Runtime || o.Base != nil || filled || !removes {
			continue
		}
		gone := *have
		out = append(out, plan.Change{Before: &gone})
		after = slices.DeleteFunc(after, func(f source.File) bool { return f.Path == gone.Path })
	}
	return out
}

// drift lists the files of ours that the plan would change and that are no
// longer as we left them. A file that was there before us is not ours alone:
// what others write into it stays.
func (n Node) drift(p plan.Plan) []string {
	var out []string
	ours := map[string][]Property{}
	for _, o := range n.Ours {
		ours[o.Path] = append(ours[o.Path], o)
	}
	for _, c := range p.Changes {
		for _, o := range ours[c.Path()] {
			if o.Base == nil && o.Last != nil && o.Last.Kind == source.Regular && c.Before != nil && !equal(*c.Before, *o.Last) {
				out = append(out, o.Path)
			}
		}
	}
	return out
}

// put takes up files that the node reads as they are.
func (m *maker) put() error {
	if len(m.ask.Hosts)+len(m.ask.Others) == 0 {
		return nil
	}
	p, err := repair.Put(m.repairable(), m.ask.Hosts, m.ask.Others)
	if err != nil {
		return err
	}
	m.take(p)
	return nil
}

// repairable is the node as the plan so far leaves it.
func (m *maker) repairable() repair.Node {
	n := m.node.Node
	n.Files = m.files
	n.Input.Files = m.files
	return n
}

func (m *maker) take(p plan.Plan) {
	m.files = p.After(m.files)
	m.late = append(m.late, p.Restart...)
}

// sandbox names another image for the pods' own containers.
func (m *maker) sandbox() error {
	image := m.ask.Wishes.SandboxImage
	if image == "" {
		return nil
	}
	if _, err := route.ParseRef(image); err != nil {
		return err
	}
	p, err := repair.Sandbox(m.repairable(), image)
	if errors.Is(err, repair.ErrNoSandbox) {
		m.losses = append(m.losses, m.noSandbox(image))
		return nil
	}
	if err != nil {
		return err
	}
	m.take(p)
	return nil
}

// noSandbox tells where else the runtime takes the image from. Sources: the flags
// of K3s, RKE2 and k0s, crio.conf(5); Docker itself runs no pods.
func (m *maker) noSandbox(image string) finding.Finding {
	name := m.node.Input.Runtime.Target.Runtime
	nearest := "set it where this runtime takes it from"
	switch name {
	case "k3s", "rke2":
		nearest = "write pause-image: " + image + " into /etc/rancher/" + name + "/config.yaml"
	case "crio":
		nearest = "write pause_image into crio.conf"
	case "k0s":
		nearest = "write spec.images.pause into k0s.yaml"
	case "docker":
		nearest = "leave it out for this node, or give it to cri-dockerd as --pod-infra-container-image"
	}
	f := dialect.Loss.New(image, finding.Args{"dialect": name, "concept": "the image of pod sandboxes", "route": image, "nearest": nearest})
	return f.Saw(repair.ErrNoSandbox.Error(), "the files of "+name, "towpath apply --dry-run=client FILE")
}

// commands are those that the plan needs: of files only if they change.
func (m *maker) commands(p plan.Plan) []plan.Command {
	out := slices.Clone(m.switched)
	store := m.node.Host.Store
	if store == nil {
		return out
	}
	in := func(c plan.Change) bool { return path.Dir(c.Path()) == store.Dir }
	do := store.Do
	if slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return in(c) && c.After == nil }) {
		do = store.Undo // it forgets what is gone
	}
	if slices.ContainsFunc(p.Changes, in) {
		out = append(out, plan.Command{Do: do, Undo: store.Undo, Why: "the programs of this node read the bundle that it makes of " + store.Dir})
	}
	return out
}
