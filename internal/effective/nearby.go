package effective

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Settings for the same host under another port are for another registry. They
// are a warning, for both may exist, and a diagnosis speaks of them only when
// the pull fails.
var (
	nearDirectory = finding.Kind{
		Code: "config/wrong-directory-name", ID: "CFG-06",
		Title:    "The directory is for the same host with another port",
		Severity: finding.Warning, Ignores: true,
		Text: "{dir} is for images from {near}; for {registry} {runtime} looks for {want}",
		Fix:  "rename the directory to {want} if it is meant for {registry}",
		Doc: "Registries are compared as text, port included, and directories under certs.d are named after the registry of the image: " +
			"`r.example_5000_` for images that are written `r.example:5000/…`, `r.example` for those without a port.",
	}
	nearKey = finding.Kind{
		Code: "config/registries-yaml-invalid", ID: "CFG-11",
		Title:    "registries.yaml names the host with another port",
		Severity: finding.Warning, Ignores: true,
		Text: "{key} is for {near} and says nothing of {registry}",
		Fix:  "write the key as {registry} if it is meant for that",
		Doc: "Keys under `mirrors` and `configs` are compared as text, port included: an entry `r.example` does nothing for images " +
			"that are written `r.example:5000/…`.",
	}
	nearTable = finding.Kind{
		Code: "config/wrong-registry-name", ID: "config/wrong-registry-name",
		Title:    "A table of config.toml names the host with another port",
		Severity: finding.Warning, Ignores: true,
		Text: "{key} is for {near} and says nothing of {registry}",
		Fix:  "write the key as {registry} if it is meant for that",
		Doc: "Keys of `registry.mirrors` and `registry.configs` are compared as text, port included: a table for `r.example` does nothing for images " +
			"that are written `r.example:5000/…`.",
	}
)

// near is something that is written for almost the registry of interest.
type near struct {
	name string // as written
	at   source.Pos
}

// nearby tells of settings for the host of the registry with another port,
// unless there are some for the registry itself.
func (r *reading) nearby() {
	if r.Registry == "" {
		return
	}
	for _, n := range r.nearDirectories() {
		r.say(nearDirectory, n, finding.Args{"dir": n.at.File, "want": containerd.Candidates(r.Registry, r.target)[0], "runtime": r.target.Runtime})
	}
	table, kind := r.out.Config.Table(), nearTable
	if r.rancher() {
		table, kind = k3s.Read(r.Files, r.target, r.k3sOptions()).Table, nearKey
	}
	var all []near
	for _, rt := range table.Routes {
		all = append(all, near{rt.Match, rt.From})
	}
	for _, h := range table.Hosts {
		all = append(all, near{h.Name, h.From})
	}
	for _, n := range r.neighbours(all) {
		r.say(kind, n, finding.Args{"key": n.name})
	}
}

// nearDirectories are those under the roots; of directories for other registries
// only the names were read.
func (r *reading) nearDirectories() []near {
	if r.rancher() {
		return nil
	}
	var all []near
	for _, f := range r.Files {
		if !slices.Contains(r.out.Roots, path.Dir(f.Path)) {
			continue
		}
		if name, ok := containerd.RegistryOf(path.Base(f.Path), r.target); ok {
			all = append(all, near{name, source.Pos{File: f.Path}})
		}
	}
	return r.neighbours(all)
}

// neighbours are the entries for the registry's host with another port; none if
// there is one for the registry.
func (r *reading) neighbours(all []near) []near {
	var out []near
	for _, n := range all {
		switch {
		case n.name == r.Registry:
			return nil
		case !n.at.IsZero() && hostname(n.name) == hostname(r.Registry):
			out = append(out, n)
		}
	}
	return out
}

// hostname is a registry's name without its port.
func hostname(registry string) string {
	if i := strings.LastIndexByte(registry, ':'); i > 0 && !strings.HasSuffix(registry, "]") {
		registry = registry[:i]
	}
	return strings.ToLower(registry)
}

func (r *reading) say(k finding.Kind, n near, args finding.Args) {
	args["near"], args["registry"] = n.name, r.Registry
	f := k.New(n.at.File, args).In(n.at).Sure(finding.Likely)
	f.Registry, f.Stage = r.Registry, "config"
	command := "ls -d " + n.at.File
	if n.at.Line > 0 {
		command = "grep -n " + hostname(n.name) + " " + n.at.File
	}
	// The name alone: the line may go on to a password.
	r.out.Findings = append(r.out.Findings, f.Saw(n.name, n.at.String(), command))
}
