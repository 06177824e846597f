package containerd

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Kinds about Spegel, a mirror on every node. Source: spegel pkg/oci/containerd.go
// and the values of its chart.
var (
	spegelBackup = finding.Kind{
		Code: "config/wrong-directory-name", ID: "SP001", Severity: finding.Info, Ignores: true,
		Title: "The directory holds what Spegel has put aside",
		Doc:   "When Spegel starts it moves the directories that are there to `_backup` and writes its own. containerd does not look into it: what an operator wrote there no longer counts, unless Spegel's `prependExisting` is on.",
		Text:  "{path} is what Spegel has put aside: containerd does not look into it",
	}
	spegelHidden = finding.Kind{
		Code: "config/directory-hides-default", ID: "SP003", Severity: finding.Info,
		Title: "A registry's own directory keeps Spegel from serving its images",
		Doc:   "Spegel writes itself into `_default`. A directory for one registry takes the place of it, so images of that registry are pulled from their origin by every node. Leave it if that is meant; else add Spegel's host to it, or remove it.",
		Text:  "images of {registry} do not come from the other nodes: {path} has no host of Spegel, which {default} has",
	}
)

// backup is where Spegel puts what it finds.
const backup = "_backup"

// IsSpegel reports an endpoint with one of the ports that Spegel's chart gives
// its mirror on the node.
func IsSpegel(e route.Endpoint) bool {
	return slices.Contains([]string{"30020", "30021"}, route.Port(e.Host))
}

// spegel finds directories that hide Spegel.
func (r *reader) spegel() {
	def := r.table.Route(route.Any)
	if def.Match != route.Any || !slices.ContainsFunc(def.Mirrors, IsSpegel) {
		return
	}
	for _, o := range r.table.Routes {
		if o.Match == route.Any || o.Fails != "" || len(o.Mirrors) == 0 || slices.ContainsFunc(o.Mirrors, IsSpegel) {
			continue
		}
		dir := o.From.File
		if path.Base(dir) == hostsToml {
			dir = path.Dir(dir)
		}
		f := r.inTree(spegelHidden, "", spot{dir, o.Match}, finding.Args{"default": path.Join(path.Dir(dir), fallback)})
		r.add(f.In(source.Pos{File: dir}))
	}
}
