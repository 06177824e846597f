package effective

import (
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var notLoaded = finding.Kind{
	Code: "config/changed-after-start", ID: "CC032",
	Title:    "A file of containerd's configuration was changed after containerd had started",
	Severity: finding.Warning,
	Text:     "{file} was changed at {changed}, after containerd had started: it still runs with what the file said before",
	Fix:      "restart containerd; running pods go on",
	Doc: "containerd reads config.toml and the files that it imports once, at its start. Files below config_path are read on every pull. " +
		"What is said here of pulls follows the file as it is now; a pull may go otherwise until containerd is restarted.",
}

// changed tells of configuration that waits for a restart. Times are compared
// with a margin: the start of a process is known to a fraction of a second.
func (r *reading) changed() {
	started := r.Runtime.Started
	if started.IsZero() || r.rancher() || r.HostsDir != "" {
		return
	}
	for _, l := range r.out.Config.Loads {
		f := source.Find(r.Files, l.Path)
		if f == nil || !f.ModTime.After(started.Add(time.Second)) {
			continue
		}
		at := f.ModTime.UTC().Format(time.RFC3339)
		found := notLoaded.New(l.Path, finding.Args{"file": l.Path, "changed": at}).In(source.Pos{File: l.Path}).Sure(finding.Likely)
		found.Stage = "config"
		if r.Runtime.Unit != "" {
			found.Fix.Run = []string{"systemctl restart " + r.Runtime.Unit}
		}
		r.out.Findings = append(r.out.Findings, found.Saw("changed "+at+", containerd started "+started.UTC().Format(time.RFC3339), l.Path, "stat -c %y "+l.Path))
	}
}
