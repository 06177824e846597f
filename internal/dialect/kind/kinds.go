package kind

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/embedded"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var (
	bothForms = finding.Kind{
		Code: "config/mirrors-with-config-path", ID: "KD001", Severity: finding.Error, Stops: true,
		Title: "A patch sets mirrors where the node image sets config_path",
		Doc: "Node images of kind 0.27 and later set config_path. With mirrors besides, containerd starts without its CRI plugin and no node " +
			"becomes ready. Mount a tree of hosts.toml files to /etc/containerd/certs.d instead.",
		Text: "the patch sets mirrors, and the node image sets config_path: containerd starts without its CRI plugin",
		Fix:  "remove the patch, and mount hosts.toml files to /etc/containerd/certs.d by extraMounts",
	}
	broken = finding.Kind{
		Code: "config/kind-refused", ID: "KD006", Severity: finding.Error, Stops: true,
		Title: "containerd does not start with the patches", Doc: "The patches go into config.toml, with which containerd of the nodes has to start.",
		Text: "containerd of the nodes does not start with the patches: {why}",
	}
	hostOnly = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "KD002", Severity: finding.Error, Ignores: true,
		Title: "A hosts.toml is on the host, not in the nodes",
		Doc:   "The containerd of a kind cluster runs in the nodes, which are containers. They see of the host what extraMounts names.",
		Text:  "{path} is not seen by the nodes: no extraMounts of theirs has {dir}",
		Fix:   "mount {dir} to /etc/containerd/certs.d in each node",
	}
	otherID = finding.Kind{
		Code: "config/wrong-plugin-table", ID: "KD003", Severity: finding.Error, Ignores: true,
		Title: "A patch has the plugin table of another version of containerd",
		Doc:   "In version 2 of config.toml registries are in plugins.\"io.containerd.grpc.v1.cri\", since version 3 in plugins.\"io.containerd.cri.v1.images\".",
		Text:  "the patch speaks to {id}, which version {version} of config.toml does not know",
		Fix:   "write {want}",
	}
	notTOML = finding.Kind{
		Code: "config/kind-refused", ID: "KD004", Severity: finding.Error, Ignores: true,
		Title: "A patch is not TOML", Doc: "kind refuses to make a cluster with a patch that is no TOML.",
		Text: "kind refuses the patch: {why}",
	}
	notYAML = finding.Kind{
		Code: "config/kind-refused", ID: "KD005", Severity: finding.Error, Ignores: true,
		Title: "The Cluster file is not YAML", Doc: "kind refuses a configuration that it cannot read.",
		Text: "kind refuses the configuration: {why}",
	}
)

// Kinds is everything that Parse may find.
var Kinds = []finding.Kind{bothForms, broken, hostOnly, otherID, notTOML, notYAML}

// dead says why no node becomes ready.
func (r *reader) dead(got embedded.Reading) {
	why := slices.Concat(got.Config.Fatal, got.Config.CRIDead, got.Config.PullFails)[0]
	at := source.Pos{File: r.cluster.File}
	for _, p := range r.patches {
		at = p.at
		if why.Cause == containerdconfig.MirrorsAndPath && hasMirrors(p.content) {
			break
		}
	}
	if why.Cause == containerdconfig.MirrorsAndPath {
		r.book.Say(bothForms, "", at, nil)
		return
	}
	r.book.Say(broken, "", at, finding.Args{"why": evidence.Message(why.Text)})
}

func hasMirrors(content map[string]any) bool {
	for _, id := range []string{oldID, newID} {
		var v any = content
		for _, key := range []string{"plugins", id, "registry", "mirrors"} {
			table, _ := v.(map[string]any)
			v = table[key]
		}
		if v != nil {
			return true
		}
	}
	return false
}

// wrongID reports a patch for another version of config.toml, unless the patches
// speak to both: then one file serves old and new node images.
func (r *reader) wrongID(p patch, id string) {
	other := map[string]string{oldID: newID, newID: oldID}[id]
	if p.speaksTo(other) && !slices.ContainsFunc(r.patches, func(p patch) bool { return p.speaksTo(id) }) {
		r.book.Say(otherID, "", p.at, finding.Args{"id": other, "want": id, "version": r.version()})
	}
}
