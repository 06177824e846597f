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
	d.put(others)
	if len(hosts) > 0 {
		roots := d.roots()
		if len(roots) == 0 {
			return plan.Plan{}, ErrNoHosts
		}
		placed := slices.Clone(hosts)
		for i, f := range hosts {
			placed[i].Path = path.Join(roots[0], f.Path) // of several the first wins
		}
		d.put(placed)
	}
	d.settle()
	return d.plan, nil
}

// put takes up files. One that is there keeps its mode, its owner, and its place
// behind a link.
func (d *draft) put(files []source.File) {
	var p plan.Plan
	now := slices.Clone(d.files)
	places := source.PlacesOf(now)
	for _, f := range files {
		have := places.Find(now, f.Path)
		f.Link, f.UID, f.GID, f.Xattrs = "", 0, 0, nil
		if have != nil && have.Kind == source.Regular {
			f.Mode, f.Link = 0, have.Link
		}
		for _, c := range plan.Diff(some(have), []source.File{f}).Changes {
			p.Changes = append(p.Changes, c)
			if have != nil {
				*have = *c.After
				continue
			}
			places[f.Path], now = len(now), append(now, *c.After)
		}
	}
	d.add(p)
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
