package rule

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var registryBlocked = finding.Kind{
	Code: "config/registry-blocked", ID: "config/registry-blocked",
	Title:    "registries.conf forbids to pull from the registry",
	Severity: finding.Error,
	Text:     "{why}: {runtime} asks nobody for {image}",
	Fix:      "pull it under the name of a registry that is allowed here, or ask who wrote blocked = true to take it out",
	Doc: "A [[registry]] of registries.conf with `blocked = true` matches the name of the image, or the name under which it would be " +
		"looked for. Nothing is asked then; the error of the pull says \"registry … is blocked in …\". Somebody decided that: the registry is not to blame.",
}

func findRegistryBlocked(s *snapshot.Snapshot) []finding.Finding {
	route := s.Table.RouteFor(s.Ref)
	if strings.HasSuffix(route.Fails, " is blocked") {
		f := blocked(s, s.Ref.Registry, route.Fails, route.From)
		f.Stage, f.Stops = "config", true
		return []finding.Finding{f}
	}
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Failure == nil || h.Failure.Cause != snapshot.BadConfig || !strings.HasSuffix(h.Broken, " is blocked") {
			continue
		}
		out = append(out, at(blocked(s, h.Host, h.Broken, h.From), h, snapshot.Connect))
	}
	return out
}

func blocked(s *snapshot.Snapshot, host, why string, from source.Pos) finding.Finding {
	f := registryBlocked.New(host, finding.Args{"why": why, "runtime": runtimeName(s), "image": s.Image}).In(from)
	return f.Saw(why, from.String(), "grep -rn -B5 blocked /etc/containers/registries.conf*")
}
