package kind

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// certsHost is where a new tree of hosts.toml files lies: beside the Cluster file.
const certsHost = "./certs.d"

const newCluster = "# written by towpath\nkind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"

// Render writes routes for the nodes of a cluster that is made next. Node images
// of kind 0.27 and later get a tree of hosts.toml files, mounted into each node,
// and credentials by a patch; older ones the old registry tables by a patch,
// unless one of theirs sets config_path. All else in the Cluster file stays byte
// for byte; one that cannot be edited so is left alone.
func Render(want route.Table, have []source.File) []source.File {
	want = want.Whole()
	want.Target = fill(want.Target)
	r := read(have, want.Target)
	if r.cluster != nil && same(r.table(), want) || r.cluster == nil && len(want.Routes)+len(want.Hosts)+len(want.Header) == 0 {
		return have
	}
	files := slices.Clone(have)
	if r.cluster == nil {
		files = append(files, source.File{Path: "/kind.yaml", Data: []byte(newCluster), Mode: 0o644})
		r = read(files, want.Target)
	}
	if !preset(want.Target.Version) && len(r.roots()) == 0 {
		return r.patched(files, daemon.Spoken(want))
	}
	r.mount()
	files = r.patched(files, login(want))
	r = read(files, want.Target)
	tree := containerd.Settled(want)
	tree.Header = nil
	return containerd.RenderIn([]string{r.hostDir()}, tree, files)
}

// login is what patches still say where hosts.toml files hold the routes.
func login(want route.Table) containerdconfig.Registry {
	out := daemon.Logins(want)
	out.LoginsOnly = false
	return out
}

func same(a, b route.Table) bool {
	names := []string{"other.registry.example"}
	for _, r := range slices.Concat(a.Routes, b.Routes) {
		if r.Match != route.Any {
			names = append(names, r.Match)
		}
	}
	for _, h := range slices.Concat(a.Hosts, b.Hosts) {
		names = append(names, h.Name)
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		return a.Route(name).Fails != b.Route(name).Fails || !slices.EqualFunc(a.Endpoints(name), b.Endpoints(name), route.Endpoint.Alike)
	})
}

// patched is files with what the registry table is to say in the first patch
// that speaks of it, or in a new one, and in no other.
func (r *reader) patched(files []source.File, want containerdconfig.Registry) []source.File {
	edits := slices.Clone(r.edits)
	done := false
	for _, p := range r.patches {
		if !p.speaks() {
			continue
		}
		mine := want
		if done {
			mine = containerdconfig.Registry{}
		}
		text, ok := r.rewritten(p.node.Value, mine)
		if !ok {
			return files
		}
		if done = true; text != p.node.Value {
			edit, ok := r.replaced(p.node, text)
			if !ok {
				return files
			}
			edits = append(edits, edit)
		}
	}
	if text, ok := r.rewritten("", want); !done && ok && text != "" {
		edits = append(edits, r.another(text)...)
	}
	out := slices.Clone(files)
	f := source.Find(out, r.cluster.File)
	if data, err := source.Apply(f.Data, edits); err == nil {
		f.Data = data
	}
	if want.Secret() {
		f.Mode = 0o600
	}
	return out
}

// speaks reports whether a patch has a registry table.
func (p patch) speaks() bool {
	plugins, _ := p.content["plugins"].(map[string]any)
	for _, id := range []string{oldID, newID} {
		if table, ok := plugins[id].(map[string]any); ok && table["registry"] != nil {
			return true
		}
	}
	return false
}

// rewritten is the text of a patch that says what is wanted; false when it
// cannot be edited so. A patch without a version has that of the node image.
func (r *reader) rewritten(text string, want containerdconfig.Registry) (string, bool) {
	head := ""
	if c := (containerdconfig.Read(one(text), configPath, r.target)); c.Version.At.IsZero() {
		head = fmt.Sprintf("version = %d\n", r.version())
	}
	c := containerdconfig.Read(one(head+text), configPath, r.target)
	data, err := source.Apply([]byte(head+text), c.SetRegistry(want))
	after := containerdconfig.Read(one(string(data)), configPath, r.target)
	if err != nil || len(after.Fatal) > 0 || !want.Met(after) {
		return text, false
	}
	out := strings.TrimPrefix(string(data), head)
	if text == "" {
		out = strings.TrimLeft(out, "\n")
	}
	return out, true
}

func one(text string) []source.File {
	return []source.File{{Path: configPath, Data: []byte(text)}}
}

// replaced puts another text into a block scalar, in the indentation that it has.
func (r *reader) replaced(n *yamldoc.Node, text string) (source.Edit, bool) {
	data := r.cluster.Data[n.Start:n.End]
	head := bytes.IndexByte(data, '\n')
	if data[0] != '|' || head < 0 {
		return source.Edit{}, false
	}
	body := data[head+1:]
	first := bytes.TrimLeft(body, "\r\n")
	indent := len(first) - len(bytes.TrimLeft(first, " "))
	tail := body[len(bytes.TrimRight(body, " \r\n")):]
	text = yamldoc.Shift(strings.TrimRight(text, "\n"), indent)
	return source.Edit{File: r.cluster.File, Start: n.Start + head + 1, End: n.End - len(tail), New: text}, true
}

// another adds a patch.
func (r *reader) another(text string) []source.Edit {
	item := func(indent int) string {
		dash := strings.Repeat(" ", indent)
		return dash + "- |-\n" + yamldoc.Shift(strings.TrimRight(text, "\n"), indent+2) + "\n"
	}
	p := r.cluster.Root.Get("containerdConfigPatches")
	if p == nil {
		return r.append(r.cluster.Root, "containerdConfigPatches:\n"+item(0))
	}
	list := p.Value.Follow()
	if list == nil || list.Flow || len(list.Items) == 0 {
		return nil
	}
	last := list.Items[len(list.Items)-1]
	return r.append(last, item(r.dash(last)))
}

// dash is the indentation of the line on which an item of a list begins.
func (r *reader) dash(n *yamldoc.Node) int {
	start := bytes.LastIndexByte(r.cluster.Data[:n.Start], '\n') + 1
	line := r.cluster.Data[start:]
	return len(line) - len(bytes.TrimLeft(line, " "))
}

// append puts lines behind a node.
func (r *reader) append(n *yamldoc.Node, text string) []source.Edit {
	data := r.cluster.Data
	at := n.Start + len(bytes.TrimRight(data[n.Start:n.End], " \r\n"))
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		at += i + 1
	} else {
		at, text = len(data), "\n"+text
	}
	return []source.Edit{{File: r.cluster.File, Start: at, End: at, New: text}}
}

// mount makes every node see the tree of hosts.toml files.
func (r *reader) mount() {
	p := r.cluster.Root.Get("nodes")
	if p == nil {
		r.edits = append(r.edits, r.append(r.cluster.Root, "nodes:\n- role: control-plane\n"+mountLines(2))...)
		return
	}
	for _, node := range items(r.cluster.Root, "nodes") {
		if node.Flow || len(node.Pairs) == 0 || slices.ContainsFunc(items(node, "extraMounts"), func(m *yamldoc.Node) bool { return path.Clean(value(m, "containerPath")) == r.certs() }) {
			continue
		}
		indent := r.cluster.Indent(node.Pairs[0].Key)
		mounts := items(node, "extraMounts")
		if len(mounts) == 0 {
			r.edits = append(r.edits, r.append(node, strings.Replace(mountLines(indent), certsDir, r.certs(), 1))...)
			continue
		}
		last := mounts[len(mounts)-1]
		_, lines, _ := strings.Cut(mountLines(r.dash(last)), "\n")
		r.edits = append(r.edits, r.append(last, strings.Replace(lines, certsDir, r.certs(), 1))...)
	}
}

// mountLines is the mount under a key, with the list as far in as the key.
func mountLines(indent int) string {
	in := strings.Repeat(" ", indent)
	return in + "extraMounts:\n" + in + "- hostPath: " + certsHost + "\n" + in + "  containerPath: " + certsDir + "\n"
}

// certs is the directory in which the nodes look.
func (r *reader) certs() string {
	if roots := r.roots(); len(roots) > 0 {
		return roots[0]
	}
	return certsDir
}

// hostDir is the directory on the host that the nodes see there.
func (r *reader) hostDir() string {
	for _, m := range r.mounts {
		if path.Clean(m.container) == r.certs() {
			if path.IsAbs(m.host) {
				return path.Clean(m.host)
			}
			return path.Join(path.Dir(r.cluster.File), m.host)
		}
	}
	return path.Join(path.Dir(r.cluster.File), certsHost)
}
