package effective

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var unloaded = finding.Kind{
	Code: "config/not-loaded", ID: "CC032", Severity: finding.Error, Ignores: true,
	Title: "config.toml was changed after containerd was started",
	Text:  "{file} was changed after {runtime} was started, which still goes by config_path = {path}",
	Fix:   "restart {runtime}",
	Variants: map[string]finding.Variant{
		"unknown": {
			Text: "{file} was changed after {runtime} was started; what it read then cannot be known, and its pulls may go another way than the replay until it is restarted",
			Fix:  "restart {runtime}",
		},
		"docker": {
			Text: "{runtime} does not go by {file} as it is now: it has {loaded}",
			Fix:  "have it read the file again: systemctl reload docker",
		},
	},
	Doc: "containerd reads config.toml and the files that it imports once, when it starts; hosts.toml files are read at each pull. " +
		"containerd 1.x tells over its CRI socket what it has read, and Towpath replays the pull by that. containerd 2 does not tell: " +
		"then the pull is replayed as it will be after a restart.",
}

// margin is how much later than the start of a process a file must have been
// changed when that is all that is known: start times are told in ticks since
// boot, and containerd takes a moment to read.
const margin = 2 * time.Second

// notRestarted tells of a configuration that the runtime has not read. K3s and
// RKE2 write the file themselves; what they have not read is told elsewhere.
func (r *reading) notRestarted() {
	late, ok := r.late()
	if !ok || r.rancher() {
		return
	}
	args := finding.Args{"file": late.Path, "runtime": r.target.Runtime, "path": `""`}
	var f finding.Finding
	switch loaded := r.Runtime.CRI.Loaded; {
	case loaded == nil:
		f = unloaded.Vary("unknown", late.Path, args).Sure(finding.Likely)
		f.Severity = finding.Warning
	case !differs(r.out.Config, *loaded):
		return
	default:
		args["path"] = strconv.Quote(loaded.ConfigPath)
		f = unloaded.New(late.Path, args).Saw("configPath is "+strconv.Quote(loaded.ConfigPath), "the configuration that the CRI socket tells", "crictl info | grep configPath")
		r.replace(*loaded)
	}
	changed, started := late.ModTime.UTC().Format(time.RFC3339), r.Runtime.Started.UTC().Format(time.RFC3339)
	if f.Fix != nil {
		f.Fix.Intent = &finding.Intent{Do: finding.RestartRuntime, Value: late.Path + " is read at start"}
	}
	f = f.Saw("changed "+changed+", "+r.target.Runtime+" started "+started, late.Path, "stat -c %y "+late.Path)
	r.out.Findings = append(r.out.Findings, f.In(source.Pos{File: late.Path}))
}

// late is the file of the configuration that was changed last, if that was
// after the runtime was started.
func (r *reading) late() (source.File, bool) {
	var late source.File
	for _, l := range r.out.Config.Loads {
		if f := source.Find(r.Files, l.Path); f != nil && f.ModTime.After(late.ModTime) {
			late = *f
		}
	}
	started := r.Runtime.Started
	if r.Runtime.CRI.Loaded == nil {
		started = started.Add(margin)
	}
	return late, !r.Runtime.Started.IsZero() && late.ModTime.After(started)
}

// differs reports whether a runtime goes by other routes than its files say.
func differs(c containerdconfig.Config, loaded snapshot.Loaded) bool {
	if c.ConfigPath.Value != loaded.ConfigPath {
		return true
	}
	written := map[string][]string{}
	for _, m := range c.Mirrors {
		for _, e := range m.Endpoints {
			written[m.Name] = append(written[m.Name], e.Value)
		}
	}
	return c.ConfigPath.Value == "" && !maps.EqualFunc(written, loaded.Mirrors, slices.Equal)
}

// replace puts what the runtime holds in memory in the place of what the files
// say.
func (r *reading) replace(loaded snapshot.Loaded) {
	c := r.out.Config
	c.ConfigPath.Value, c.Mirrors = loaded.ConfigPath, nil
	for _, name := range slices.Sorted(maps.Keys(loaded.Mirrors)) {
		m := containerdconfig.Mirror{Name: name}
		for _, e := range loaded.Mirrors[name] {
			m.Endpoints = append(m.Endpoints, containerdconfig.Setting[string]{Value: e})
		}
		c.Mirrors = append(c.Mirrors, m)
	}
	r.out.Roots = c.Roots(cmp.Or(r.Runtime.Dir, "/"))
	r.out.Table, _ = r.join(c, r.out.Roots, r.Files)
}

// docker reads the files of dockerd, unless it tells that it goes by others: it
// reads daemon.json when it starts and when it is told to.
func (r *reading) docker() Reading {
	o := DockerOptions(r.Runtime)
	loaded := r.Runtime.CRI.Loaded
	if loaded == nil || !docker.Differs(r.Files, r.target, o, *loaded) {
		got := docker.Read(r.Files, r.target, o)
		return Reading{Table: got.Table, Findings: got.Findings, Sandbox: r.Runtime.Sandbox}
	}
	o.Loaded = loaded
	got := docker.Read(r.Files, r.target, o)
	for i := range got.Findings {
		got.Findings[i].Stops = false // it runs, with what it read before
	}
	var has []string
	for _, part := range []struct {
		what string
		list []string
	}{{"mirrors", loaded.Mirrors["docker.io"]}, {"insecure registries", loaded.Insecure}} {
		text := "no " + part.what
		if len(part.list) > 0 {
			text = "the " + part.what + " " + strings.Join(part.list, ", ")
		}
		has = append(has, text)
	}
	f := unloaded.Vary("docker", r.Runtime.Config, finding.Args{"file": r.Runtime.Config, "runtime": "dockerd", "path": "", "loaded": strings.Join(has, " and ")})
	f = f.Saw(strings.Join(has, ", "), "what dockerd tells of itself", "docker info").In(source.Pos{File: r.Runtime.Config})
	if f.Fix != nil {
		f.Fix.Run = []string{"systemctl reload docker"}
	}
	return Reading{Table: got.Table, Findings: append(got.Findings, f), Sandbox: r.Runtime.Sandbox}
}
