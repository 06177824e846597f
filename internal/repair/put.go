package repair

import (
	"errors"
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// ErrNoHosts tells that the runtime cannot be made to read hosts.toml files by an edit.
var ErrNoHosts = errors.New("this runtime reads no hosts.toml files, and no edit of its configuration changes that")

// ErrIllegible tells that a file that would be rewritten cannot be read by anybody.
var ErrIllegible = errors.New("a file that is there makes no sense and is not replaced: repair it first, towpath lint says where")

// Put is the plan that puts files on a node as they are: hosts with paths below
// the directory of hosts.toml files ("ghcr.io/hosts.toml"), others with their
// paths on the node. Files that are not named stay. Where containerd reads no
// hosts.toml files yet, it is made to.
func Put(n Node, hosts, others []source.File) (plan.Plan, error) {
	d := &draft{node: n, files: slices.Clone(n.Files)}
	for _, f := range others {
		d.put(f)
	}
	if len(hosts) > 0 {
		roots := d.roots()
		if len(roots) == 0 {
			return plan.Plan{}, ErrNoHosts
		}
		for _, f := range hosts {
			f.Path = path.Join(roots[0], f.Path) // of several the first wins
			d.put(f)
		}
	}
	d.settle()
	return d.plan, nil
}

// put takes up one file. One that is there keeps its mode, its owner, and its
// place behind a link.
func (d *draft) put(f source.File) {
	have := source.Find(d.files, f.Path)
	f.Link, f.UID, f.GID, f.Xattrs = "", 0, 0, nil
	if have != nil && have.Kind == source.Regular {
		f.Mode, f.Link = 0, have.Link
	}
	d.add(plan.Diff(some(have), []source.File{f}))
}

// ErrNoSandbox tells that no edit makes the runtime use another image for the
// pods' own containers.
var ErrNoSandbox = errors.New("this runtime takes the image of the pods' own containers from elsewhere than a config.toml that can be edited")

// Sandbox is the plan that names another image for the pods' own containers.
func Sandbox(n Node, image string) (plan.Plan, error) {
	d := &draft{node: n, files: slices.Clone(n.Files)}
	now := d.now()
	if now.Sandbox.Image == image {
		return d.plan, nil
	}
	if isRancher(n.Input.Runtime.Target.Runtime) || !d.edit(now.Config.SetSandbox(image)) {
		return plan.Plan{}, ErrNoSandbox
	}
	d.restart("config.toml is read at start")
	return d.plan, nil
}
