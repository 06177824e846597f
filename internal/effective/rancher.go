package effective

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// drifted is the number of the finding that the generated files are older than
// registries.yaml, overwritten that of the finding that somebody changed them.
const (
	drifted     = "K3018"
	overwritten = "K3019"
)

// registriesBeside adds what is wrong with registries.yaml where containerd goes
// by files that were generated from it. That they differ in bytes is nothing yet:
// releases differ in blank lines. It matters when they ask other hosts.
func (r *reading) registriesBeside() {
	same, told := r.asGenerated(), false
	all := k3s.Read(r.Files, r.target, r.k3sOptions()).Findings
	for _, f := range all {
		told = told || f.ID == drifted || f.ID == overwritten || f.Code == "config/template-overrides-registries"
	}
	if !same && !told {
		all = append(all, k3s.Stale(r.Files, r.target, r.k3sOptions()))
	}
	if same {
		r.out.Findings = r.withoutEchoes(all)
	}
	for _, f := range all {
		switch {
		case f.ID == drifted && same:
			continue
		case f.ID == drifted:
			f.Severity, f.Ignores, f.Registry = finding.Error, true, r.Registry
		case f.Code == otherInstance.Code && r.mine(f.At.File):
			f.Severity, f.Ignores, f.Registry = finding.Error, true, r.Registry
		}
		r.out.Findings = append(r.out.Findings, f)
	}
}

// withoutEchoes drops what is wrong with generated files when registries.yaml,
// which they are made of, is told to be wrong itself: that is where it is
// repaired, and what is written into them is lost at the next start.
func (r *reading) withoutEchoes(told []finding.Finding) []finding.Finding {
	made := map[string]bool{}
	for _, f := range k3s.Rendered(r.Files, r.target, r.k3sOptions()) {
		made[f.Path], made[path.Dir(f.Path)] = true, path.Base(f.Path) == "hosts.toml"
	}
	return slices.DeleteFunc(r.out.Findings, func(f finding.Finding) bool {
		return made[f.At.File] && slices.ContainsFunc(told, func(t finding.Finding) bool {
			return t.Severity == finding.Error && path.Base(t.At.File) == "registries.yaml" && (t.Registry == "" || f.Registry == "" || t.Registry == f.Registry)
		})
	})
}

// mine reports whether a file configures the registry of interest.
func (r *reading) mine(file string) bool {
	return r.Registry != "" && slices.Contains(containerd.Candidates(r.Registry, r.target), path.Base(path.Dir(file)))
}

// asGenerated reports whether the files on disk ask the same hosts, in the same
// way, as those that the next start would generate.
func (r *reading) asGenerated() bool {
	fresh := k3s.Rendered(r.Files, r.target, r.k3sOptions())
	if len(fresh) == 0 {
		return true // nothing is generated: the file is refused, or another runtime is used
	}
	root := path.Join(path.Dir(fresh[0].Path), "certs.d")
	now, _ := r.join(r.out.Config, r.out.Roots, r.Files)
	config := containerdconfig.Read(fresh[:1], fresh[0].Path, r.target)
	next, _ := r.join(config, config.Roots("/"), withDirectories(root, fresh))
	registries := []string{r.Registry}
	if r.Registry == "" {
		registries = matches(now, next)
	}
	return !slices.ContainsFunc(registries, func(name string) bool { return !alike(now.Endpoints(name), next.Endpoints(name)) })
}

func matches(tables ...route.Table) []string {
	out := []string{"registry.invalid"} // stands for every registry that is not named
	for _, t := range tables {
		for _, rt := range t.Routes {
			if rt.Match != route.Any {
				out = append(out, rt.Match)
			}
		}
	}
	return out
}

// alike compares what is asked, not where it is written down.
func alike(a, b []route.Endpoint) bool {
	plain := func(list []route.Endpoint) []route.Endpoint {
		out := slices.Clone(list)
		for i := range out {
			out[i].From = source.Pos{}
			out[i].Auth.From, out[i].Auth.Source = source.Pos{}, ""
			if len(out[i].Header) == 0 {
				out[i].Header = nil
			}
			if len(out[i].TLS.CA) == 0 {
				out[i].TLS.CA = nil
			}
			out[i].TLS.Set = false
			for j := range out[i].Rewrites {
				out[i].Rewrites[j].From = source.Pos{}
			}
		}
		return out
	}
	return slices.EqualFunc(plain(a), plain(b), func(x, y route.Endpoint) bool { return reflect.DeepEqual(x, y) })
}

// withDirectories adds the directories that files stand in.
func withDirectories(root string, files []source.File) []source.File {
	out := []source.File{{Path: root, Kind: source.Directory}}
	for _, f := range files {
		if strings.HasPrefix(f.Path, root+"/") {
			out = append(out, source.File{Path: path.Dir(f.Path), Kind: source.Directory}, f)
		}
	}
	return out
}
