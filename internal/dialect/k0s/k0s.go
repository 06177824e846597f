// Package k0s reads and writes the registry configuration of a k0s node: the
// drop-ins of /etc/k0s/containerd.d and the tree of hosts.toml files that one of
// them names. What k0s makes of drop-ins is told by package containerdconfig;
// this one knows where the files are, which containerd reads them and which
// units have to know of a proxy.
//
// No library confirms it. The source relied on is k0s' pkg/component/worker/containerd
// and docs/runtime.md.
package k0s

import (
	"bytes"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/embedded"
	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var distro = embedded.Distro{
	Main: "/etc/k0s/containerd.toml", Root: "/etc/k0s/containerd.d/certs.d", Configure: containerdconfig.K0sDropIn,
}

// units are directories of what is added to the units of a worker and of a
// controller that is one, too.
const (
	workerUnit     = "/etc/systemd/system/k0sworker.service"
	controllerUnit = "/etc/systemd/system/k0scontroller.service"
)

// Dialect is the drop-ins and hosts.toml files of k0s.
var Dialect = dialect.Dialect{
	Name:  "k0s",
	Title: "k0s containerd.d and certs.d",
	Docs:  "https://docs.k0sproject.io/stable/runtime/",
	Proof: "containerd's own code for the files that k0s leaves to it. Nothing here runs k0s itself: which files it brings together follows its source, pkg/component/worker/containerd, and docs/runtime.md",
	Paths: []string{
		"/etc/k0s/containerd.d/certs.d/*/hosts.toml", "/etc/k0s/containerd.d/*", "/etc/k0s/containerd.toml", "/run/k0s/containerd-cri.toml",
		"/etc/k0s/certs.d/*/hosts.toml", workerUnit, workerUnit + ".d/*.conf", controllerUnit, controllerUnit + ".d/*.conf",
	},
	Parse:  Parse,
	Render: Render,
	Kinds:  slices.Concat(embedded.Kinds, Kinds),
	Limits: embedded.Limits,
	Reload: func(route.Target) string { return "" }, // k0s restarts its containerd when a drop-in changes
}

// Kinds is what this package finds itself.
var Kinds = []finding.Kind{otherUnit}

var otherUnit = finding.Kind{
	Code: "proxy/not-set-for-runtime", ID: "K0011", Severity: finding.Warning, Ignores: true,
	Title: "The proxy is set for a unit that does not run here",
	Doc: "A controller that is a worker, too, runs containerd below k0scontroller.service. What is set for k0sworker.service does not " +
		"reach it.",
	Text: "the proxy is set for k0sworker.service, and this node runs k0scontroller.service",
	Fix:  "set it in " + controllerUnit + ".d as well, then systemctl daemon-reload and restart k0scontroller",
}

// Parse returns the routes of k0s' containerd and what is wrong with its files.
func Parse(files []source.File, t route.Target) dialect.Reading {
	r := embedded.Read(distro, files, Fill(t)).Reading
	book := evidence.Book{Files: files}
	if at := proxy(files, workerUnit); at.File != "" && source.Find(files, controllerUnit) != nil && source.Find(files, workerUnit) == nil && proxy(files, controllerUnit).File == "" {
		book.Say(otherUnit, "", at, nil)
	}
	r.Findings = append(r.Findings, book.Findings...)
	return r
}

// Render writes routes as hosts.toml files, and a drop-in that sets config_path
// if there is none.
func Render(want route.Table, have []source.File) []source.File {
	want.Target = Fill(want.Target)
	return embedded.Render(distro, want, have)
}

// Fill completes what is known of a k0s release with the containerd inside: 1.7
// until 1.35, 2 since 1.36. Source: k0s docs/runtime.md.
func Fill(t route.Target) route.Target {
	t.Runtime = "k0s"
	if t.Containerd.Known() {
		return t
	}
	t.Containerd = route.MustVersion("2.2")
	if t.Version.Known() && t.Version.Before("1.36.0") {
		t.Containerd = route.MustVersion("1.7")
	}
	return t
}

// proxy is where what is added to a unit sets a proxy.
func proxy(files []source.File, unit string) source.Pos {
	for _, f := range files {
		if !strings.HasPrefix(f.Path, unit+".d/") && f.Path != unit {
			continue
		}
		for i, line := range bytes.Split(f.Data, []byte("\n")) {
			if text := strings.ToLower(string(line)); strings.Contains(text, "https_proxy=") && strings.HasPrefix(strings.TrimSpace(text), "environment") {
				return source.Pos{File: f.Path, Line: i + 1, Column: 1}
			}
		}
	}
	return source.Pos{}
}
