// Package microk8s reads and writes the registry configuration of a MicroK8s
// node: args/containerd-template.toml, of which containerd.toml is made at each
// start, and the tree args/certs.d that its config_path names.
//
// No library confirms it. The source relied on is the snap of MicroK8s:
// microk8s-resources/default-args and its start scripts. The template's other
// variables than ${SNAP_DATA} stay as they are.
package microk8s

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/embedded"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	snapData = "/var/snap/microk8s/current"
	variable = "${SNAP_DATA}"
	args     = snapData + "/args"
	template = "containerd-template.toml"
	env      = "containerd-env"
)

// Dialect is the files of MicroK8s.
var Dialect = dialect.Dialect{
	Name:  "microk8s",
	Title: "MicroK8s args/certs.d and containerd-template.toml",
	Docs:  "https://microk8s.io/docs/registry-private",
	Proof: "containerd's own code for the files that MicroK8s leaves to it. Nothing here runs the snap: its paths and its template follow the source of the snap, microk8s-resources/default-args and build-scripts",
	Paths: []string{
		args + "/certs.d/*/hosts.toml", args + "/" + template, args + "/containerd.toml", args + "/" + env,
		"/etc/containerd/certs.d/*/hosts.toml", "/etc/environment",
	},
	Parse:  Parse,
	Render: Render,
	Kinds:  slices.Concat(embedded.Kinds, Kinds),
	Limits: embedded.Limits,
	Reload: func(route.Target) string { return "snap.microk8s.daemon-containerd.service" }, // for the template; hosts.toml is read on each pull
}

// Kinds is what this package finds itself. Mirrors in the template beside
// config_path (MK001) are found by package containerdconfig, a directory
// localhost__32000, as in the snap's source, by package containerd.
var Kinds = []finding.Kind{otherTree, otherEnvironment}

var (
	otherTree = finding.Kind{
		Code: "config/wrong-containerd-instance", ID: "MK002", Severity: finding.Error, Ignores: true,
		Title: "A hosts.toml is where MicroK8s does not look",
		Doc:   "The containerd of MicroK8s reads " + args + "/certs.d. /etc/containerd belongs to a containerd that is installed besides.",
		Text:  "{path} is not read by MicroK8s: it looks in {root}",
		Fix:   "move it to {want}",
	}
	otherEnvironment = finding.Kind{
		Code: "proxy/not-set-for-runtime", ID: "MK003", Severity: finding.Warning, Ignores: true,
		Title: "The proxy is set in /etc/environment only",
		Doc:   "/etc/environment is for logins. The containerd of MicroK8s gets its environment from args/containerd-env.",
		Text:  "the proxy of /etc/environment does not reach the containerd of MicroK8s",
		Fix:   "write HTTPS_PROXY, HTTP_PROXY and NO_PROXY in {file} and restart MicroK8s",
	}
)

// place is where a node's files are: below current, or below the revision's own
// directory.
func place(files []source.File) embedded.Distro {
	dir := args
	for _, f := range files {
		if base := path.Base(f.Path); (base == template || base == "containerd.toml") && strings.Contains(f.Path, "/microk8s/") {
			dir = path.Dir(f.Path)
			break
		}
	}
	d := embedded.Distro{Main: dir + "/" + template, Root: dir + "/certs.d"}
	if source.Find(files, d.Main) == nil && source.Find(files, dir+"/containerd.toml") != nil {
		d.Main = dir + "/containerd.toml"
	}
	return d
}

// expand replaces the variable in the template, and gives a node without one
// what the snap ships. It returns whether the template was there.
func expand(d embedded.Distro, files []source.File) ([]source.File, bool) {
	out := slices.Clone(files)
	i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == d.Main })
	if i < 0 {
		text := "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"" + d.Root + "\"\n"
		return append(out, source.File{Path: d.Main, Data: []byte(text)}), false
	}
	out[i].Data = bytes.ReplaceAll(out[i].Data, []byte(variable), []byte(path.Dir(path.Dir(d.Main))))
	return out, true
}

// Parse returns the routes of MicroK8s' containerd and what is wrong with its files.
func Parse(files []source.File, t route.Target) dialect.Reading {
	d := place(files)
	expanded, _ := expand(d, files)
	r := embedded.Read(d, expanded, Fill(t))
	r.Findings = append(r.Findings, Beside(files)...)
	return r.Reading
}

// Beside tells of settings that lie where MicroK8s does not look for them.
func Beside(files []source.File) []finding.Finding {
	d := place(files)
	book := evidence.Book{Files: files}
	for _, f := range files {
		dir := path.Base(path.Dir(f.Path))
		if path.Base(f.Path) == "hosts.toml" && strings.HasPrefix(f.Path, "/etc/containerd/certs.d/") {
			book.Say(otherTree, "", source.Pos{File: f.Path}, finding.Args{"path": f.Path, "root": d.Root, "want": d.Root + "/" + dir})
		}
	}
	if at := proxy(files, "/etc/environment"); at.File != "" {
		if own := path.Dir(d.Main) + "/" + env; source.Find(files, own) != nil && proxy(files, own).File == "" {
			book.Say(otherEnvironment, "", at, finding.Args{"file": own})
		}
	}
	return book.Findings
}

// Render writes routes as hosts.toml files below args/certs.d, and takes old
// mirrors out of the template.
func Render(want route.Table, have []source.File) []source.File {
	want.Target = Fill(want.Target)
	d := place(have)
	expanded, there := expand(d, have)
	out := embedded.Render(d, want, expanded)
	i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == d.Main })
	if !there {
		return slices.Delete(out, i, i+1) // the snap's own, which it ships itself
	}
	before := source.Find(have, d.Main)
	if bytes.Equal(out[i].Data, source.Find(expanded, d.Main).Data) {
		out[i].Data = before.Data
	} else if bytes.Contains(before.Data, []byte(variable)) {
		out[i].Data = bytes.ReplaceAll(out[i].Data, []byte(path.Dir(path.Dir(d.Main))), []byte(variable))
	}
	return out
}

// Fill completes what is known of a MicroK8s release with the containerd inside.
// Source: build-scripts of the snap; 1.7 since 1.30, 1.6 before.
func Fill(t route.Target) route.Target {
	t.Runtime = "microk8s"
	if t.Containerd.Known() {
		return t
	}
	t.Containerd = route.MustVersion("1.7")
	if t.Version.Known() && t.Version.Before("1.30.0") {
		t.Containerd = route.MustVersion("1.6")
	}
	return t
}

// proxy is where a file sets a proxy.
func proxy(files []source.File, name string) source.Pos {
	f := source.Find(files, name)
	if f == nil {
		return source.Pos{}
	}
	for i, line := range bytes.Split(f.Data, []byte("\n")) {
		text := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(string(line))), "export ")
		if strings.HasPrefix(text, "https_proxy=") {
			return source.Pos{File: name, Line: i + 1, Column: 1}
		}
	}
	return source.Pos{}
}
