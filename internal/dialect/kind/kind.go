// Package kind reads and writes what the Cluster file of kind makes of the
// registries of its nodes: containerdConfigPatches, merged into the config.toml of the node
// image, and the trees of hosts.toml files that extraMounts bring into the nodes.
// What containerd makes of the two is said by packages embedded and daemon. A
// cluster takes its configuration when it is made.
//
// A patch with another version than config.toml's is left out by kind, so that a
// file can serve node images of both. The version of the node image is not known
// here: it is taken to be that of the patches, the newer one where there are two.
// containerdConfigPatchesJSON6902 are not read.
//
// No library confirms it. The source relied on is kind's
// pkg/cluster/internal/patch/toml.go and images/base/files/etc/containerd.
package kind

import (
	"path"
	"slices"
	"strings"

	v2 "github.com/pelletier/go-toml/v2"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/embedded"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

const (
	configPath = "/etc/containerd/config.toml"
	certsDir   = "/etc/containerd/certs.d"
	oldID      = "io.containerd.grpc.v1.cri"
	newID      = "io.containerd.cri.v1.images"
)

// Dialect is the Cluster file of kind.
var Dialect = dialect.Dialect{
	Name:   "kind",
	Title:  "kind Cluster with containerdConfigPatches",
	Docs:   "https://kind.sigs.k8s.io/docs/user/local-registry/",
	Proof:  "containerd's own code for the merged configuration. Nothing here runs kind: how patches are merged follows its source, pkg/cluster/internal/patch, and the Local Registry page of its documentation",
	Paths:  []string{"/kind.yaml"},
	Parse:  Parse,
	Render: Render,
	Limits: limits,
	Kinds:  Kinds,
	// A cluster is made anew to take another configuration.
	Reload: func(route.Target) string { return "kind delete cluster, kind create cluster" },
}

// Parse returns the routes of the nodes' containerd and what is wrong with the
// Cluster file.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := read(files, fill(t))
	if r.cluster == nil {
		return dialect.Reading{Table: route.Table{Target: r.target}, Findings: r.book.Findings}
	}
	table := r.table()
	r.strays()
	return dialect.Reading{Table: table, Findings: r.book.Findings}
}

// read finds the Cluster file and what it says.
func read(files []source.File, t route.Target) *reader {
	r := &reader{target: t, book: evidence.Book{Files: files}, files: files}
	for i := range files {
		if ext := path.Ext(files[i].Path); files[i].Kind == source.Regular && (ext == ".yaml" || ext == ".yml") && !files[i].Unread {
			r.file(&files[i])
		}
	}
	return r
}

// fill completes what is known of a kind release with the containerd of its node
// images, and the other way round. Source: kind 0.27.0, the first with containerd 2.
func fill(t route.Target) route.Target {
	if t.Runtime != "kind" && t.Runtime != "" {
		t.Version = route.Version{}
		if t.Containerd.Known() && t.Containerd.Before("2.0.0") {
			t.Version = route.MustVersion("0.26.0")
		}
	}
	t.Runtime = "kind"
	if !t.Containerd.Known() {
		t.Containerd = route.MustVersion("2.1")
		if t.Version.Known() && t.Version.Before("0.27.0") {
			t.Containerd = route.MustVersion("1.7")
		}
	}
	return t
}

// preset reports a release whose node images set config_path themselves.
// Source: kind 0.27.0, and its page on local registries.
func preset(v route.Version) bool { return !v.Before("0.27.0") }

type reader struct {
	target  route.Target
	book    evidence.Book
	files   []source.File
	cluster *yamldoc.Doc // nil: there is no Cluster
	patches []patch
	mounts  []mount
	edits   []source.Edit // of the Cluster file, while it is written
}

// patch is one of containerdConfigPatches.
type patch struct {
	node    *yamldoc.Node
	at      source.Pos
	content map[string]any
	version int64 // 0: none is written
}

// speaksTo reports that a patch sets something about registries in the table of
// a plugin.
func (p patch) speaksTo(id string) bool {
	plugins, _ := p.content["plugins"].(map[string]any)
	table, ok := plugins[id].(map[string]any)
	return ok && table["registry"] != nil
}

// mount is one of extraMounts.
type mount struct {
	host, container string
	at              source.Pos
}

func (r *reader) file(f *source.File) {
	docs, bad := yamldoc.Stream(f.Path, f.Data)
	if bad != nil {
		if strings.Contains(string(f.Data[:min(len(f.Data), 1<<16)]), "kind.x-k8s.io") {
			r.book.Say(notYAML, "", bad.At, finding.Args{"why": evidence.Message(bad.Text)})
		}
		return
	}
	for _, d := range docs {
		if d.Root == nil || r.cluster != nil || value(d.Root, "kind") != "Cluster" || !strings.HasPrefix(value(d.Root, "apiVersion"), "kind.x-k8s.io/") {
			continue
		}
		r.cluster = d
		for _, n := range items(d.Root, "containerdConfigPatches") {
			r.patch(d, n)
		}
		for _, node := range items(d.Root, "nodes") {
			for _, m := range items(node, "extraMounts") {
				r.mounts = append(r.mounts, mount{host: value(m, "hostPath"), container: value(m, "containerPath"), at: m.At})
			}
		}
	}
}

func value(n *yamldoc.Node, key string) string {
	if p := n.Get(key); p != nil && p.Value.Follow() != nil {
		return p.Value.Follow().Value
	}
	return ""
}

func items(n *yamldoc.Node, key string) []*yamldoc.Node {
	p := n.Get(key)
	if p == nil || p.Value.Follow() == nil {
		return nil
	}
	var out []*yamldoc.Node
	for _, i := range p.Value.Follow().Items {
		if i = i.Follow(); i != nil {
			out = append(out, i)
		}
	}
	return out
}

// patch reads one patch, as kind does with go-toml 1.
func (r *reader) patch(d *yamldoc.Doc, n *yamldoc.Node) {
	p := patch{node: n, at: n.At}
	content, bad := tomldoc.Decode(tomldoc.V1, d.File, []byte(n.Value))
	if bad != nil {
		r.book.Say(notTOML, "", r.line(n, bad.At.Line), finding.Args{"why": evidence.Message(bad.Text)})
		return
	}
	p.content = content
	p.version, _ = content["version"].(int64)
	r.patches = append(r.patches, p)
}

// line is where a line of a patch stands in the file.
func (r *reader) line(n *yamldoc.Node, line int) source.Pos {
	at := n.At
	if line > 0 && n.Quoted {
		at.Line, at.Column = at.Line+line, 1
	}
	return at
}

// version is that of the node image's config.toml.
func (r *reader) version() int64 {
	version := int64(0)
	for _, p := range r.patches {
		version = max(version, p.version)
	}
	if version == 0 {
		return 2
	}
	return version
}

// table says what the containerd of a node makes of the patches and mounts.
func (r *reader) table() route.Table {
	got, ok := r.merged()
	if !ok {
		return route.Table{Target: r.target}
	}
	if got.Config.Dead() {
		r.dead(got)
	}
	for i := range got.Table.Routes {
		r.place(&got.Table.Routes[i])
	}
	for i := range got.Table.Hosts {
		got.Table.Hosts[i].From = source.Pos{File: r.cluster.File}
	}
	return got.Table
}

// roots are the directories in which the nodes look for hosts.toml files.
func (r *reader) roots() []string {
	got, _ := (&reader{target: r.target, files: r.files, cluster: r.cluster, patches: r.patches, mounts: r.mounts}).merged()
	if got.Config.ConfigPath.At.IsZero() {
		return nil
	}
	return got.Roots
}

// merged is config.toml of a node with all patches, and the files mounted there.
func (r *reader) merged() (embedded.Reading, bool) {
	version := r.version()
	id := oldID
	if version > 2 {
		id = newID
	}
	base := map[string]any{"version": version, "plugins": map[string]any{id: map[string]any{"registry": map[string]any{}}}}
	if preset(r.target.Version) {
		merge(base, map[string]any{"plugins": map[string]any{id: map[string]any{"registry": map[string]any{"config_path": certsDir}}}})
	}
	for _, p := range r.patches {
		if p.version == 0 || p.version == version {
			merge(base, p.content)
			r.wrongID(p, id)
		}
	}
	data, err := v2.Marshal(base)
	if err != nil {
		return embedded.Reading{}, false
	}
	return embedded.Read(embedded.Distro{Main: configPath, Root: certsDir}, append(r.mounted(), source.File{Path: configPath, Data: data}), r.target), true
}

// merge is a JSON merge patch without null, which TOML does not have.
func merge(into, from map[string]any) {
	for key, v := range from {
		table, isTable := v.(map[string]any)
		have, wasTable := into[key].(map[string]any)
		if isTable && wasTable {
			merge(have, table)
			continue
		}
		into[key] = v
	}
}

// place puts the Cluster file in place of the merged config.toml.
func (r *reader) place(rt *route.Route) {
	fix := func(p *source.Pos) {
		if p.File == configPath {
			*p = source.Pos{File: r.cluster.File}
			if len(r.patches) > 0 {
				*p = r.patches[len(r.patches)-1].at
			}
		}
	}
	fix(&rt.From)
	for i := range rt.Mirrors {
		fix(&rt.Mirrors[i].From)
	}
	if rt.Upstream != nil {
		fix(&rt.Upstream.From)
	}
}

// mounted are the files that nodes see, under the paths where they see them.
func (r *reader) mounted() []source.File {
	var out []source.File
	for _, f := range r.files {
		for _, m := range r.mounts {
			if rest, ok := below(f.Path, m.host); ok {
				f.Path = path.Join(m.container, rest)
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// below is the rest of a path below a directory, which may be relative to
// wherever kind is started.
func below(p, dir string) (string, bool) {
	dir = path.Clean(dir)
	if !path.IsAbs(dir) {
		i := strings.Index(p, "/"+dir+"/")
		if i < 0 || dir == "." {
			return strings.CutPrefix(p, dir+"/")
		}
		return p[i+len(dir)+2:], true
	}
	return strings.CutPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// strays are hosts.toml files that no node sees.
func (r *reader) strays() {
	for _, f := range r.files {
		if path.Base(f.Path) != "hosts.toml" {
			continue
		}
		seen := slices.ContainsFunc(r.mounts, func(m mount) bool { _, ok := below(f.Path, m.host); return ok })
		if !seen {
			r.book.Say(hostOnly, "", source.Pos{File: f.Path}, finding.Args{"path": f.Path, "dir": path.Dir(path.Dir(f.Path))})
		}
	}
}
