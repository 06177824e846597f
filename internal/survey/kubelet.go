package survey

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/credentialprovider"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// providers reads which programs the kubelet runs for credentials, and whether
// they are there. None of them is run.
func (s *Survey) providers(root *node.Root) {
	k := s.Node.Kubelet
	if k == nil || !path.IsAbs(k.ProviderConfig) {
		return
	}
	files, named := []source.File{}, k.ProviderConfig
	f, ok := root.ReadFile(named)
	switch {
	case !ok:
		files = append(files, source.File{Path: named, Kind: source.Dangling})
	case f.Kind == source.Directory:
		entries, _ := root.List(named)
		for _, e := range entries {
			if one, ok := root.ReadFile(e.Path); ok && e.Kind != source.Directory && credentialprovider.Named(e.Path) {
				files = append(files, one)
			}
		}
		if len(files) == 0 {
			files = append(files, source.File{Path: path.Join(named, "config.yaml"), Kind: source.Dangling})
		}
	default:
		f.Path = named
		files = append(files, f)
	}
	target := route.Target{Runtime: "kubelet"}
	if o := s.Runtime.Owner; o != nil && o.PID == k.PID && k.PID != 0 {
		target.Version = s.Runtime.Target.Version // K3s and RKE2 have the kubelet's own number
	}
	c := credentialprovider.Read(files, target, credentialprovider.Options{Bin: k.ProviderBin, Programs: programs(root, k.ProviderBin), Whole: true})
	for _, p := range c.Providers {
		if !c.Refused {
			k.Providers = append(k.Providers, snapshot.Provider{Name: p.Name, Images: p.Images, From: p.From})
		}
	}
	s.add(files, running(c.Findings(), k))
}

// programs are the files of a directory, unread; nil: nobody named it, or it
// cannot be listed.
func programs(root *node.Root, dir string) []source.File {
	if !path.IsAbs(dir) {
		return nil
	}
	top, ok := root.Stat(dir)
	if !ok {
		return []source.File{}
	}
	top.Path = dir
	entries, err := root.List(dir)
	if err != nil && top.Kind == source.Directory {
		return nil
	}
	out := []source.File{top}
	for _, e := range entries {
		// What a link leads to counts.
		if one, ok := root.Stat(e.Path); ok {
			e.Kind, e.Mode = one.Kind, one.Mode
		}
		e.Unread = true
		out = append(out, e)
	}
	return out
}

// running weighs findings of a kubelet that runs: it started before the files
// became what they are, and fails when it is started again.
func running(all []finding.Finding, k *snapshot.Kubelet) []finding.Finding {
	if k.PID == 0 {
		return all
	}
	for i := range all {
		all[i].Stops = false
		if all[i].Severity == finding.Error {
			all[i].Severity = finding.Warning
		}
	}
	return all
}

// dockerBeside finds mirrors in daemon.json that somebody may take for those of
// pods, on a node whose kubelet uses another runtime and has none of its own for
// the same registries.
func (s *Survey) dockerBeside(root *node.Root) {
	k := s.Node.Kubelet
	if k == nil || k.Endpoint == "" || s.Runtime.Target.Runtime == "docker" || strings.Contains(k.Endpoint, "docker") {
		return
	}
	f, ok := root.ReadFile(docker.Dialect.Paths[0])
	if !ok || f.Kind != source.Regular {
		return
	}
	f.Path = docker.Dialect.Paths[0]
	got := docker.Read([]source.File{f}, route.Target{Runtime: "docker"}, docker.Options{Beside: true})
	missing := slices.ContainsFunc(got.Table.Routes, func(r route.Route) bool {
		return r.Fails == "" && !slices.ContainsFunc(s.Reading.Table.Routes, func(o route.Route) bool { return o.Match == r.Match || o.Match == route.Any })
	})
	if !missing {
		return
	}
	s.add([]source.File{f}, slices.DeleteFunc(got.Findings, func(x finding.Finding) bool { return x.ID != docker.OtherRuntime }))
}

// add takes files in with what was found in them.
func (s *Survey) add(files []source.File, found []finding.Finding) {
	s.Reading.Findings = append(s.Reading.Findings[:len(s.Reading.Findings):len(s.Reading.Findings)], found...)
	for _, f := range files {
		if source.Find(s.Files, f.Path) == nil {
			s.Files = append(s.Files[:len(s.Files):len(s.Files)], f)
		}
	}
}
