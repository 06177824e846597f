package containerdconfig

import (
	"path"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var noLayers = finding.Kind{
	Code: "mirror/nothing-to-serve", ID: "SP002", Severity: finding.Warning,
	Title: "containerd discards the layers that Spegel would serve",
	Doc: "Spegel hands out the layers that containerd keeps. With `discard_unpacked_layers = true`, as the images of EKS have it, they are removed once an image is unpacked: " +
		"Spegel does not start, or has nothing for the other nodes, and every pull goes to the registry.",
	Text: "containerd removes layers once they are unpacked, and {path} sends pulls to Spegel, which serves them",
	Fix:  "write discard_unpacked_layers = false",
}

// spegelHost is a host of a hosts.toml with one of the ports that Spegel's chart
// gives its mirror on the node.
var spegelHost = regexp.MustCompile(`(?m)^\s*\[host\."https?://[^"]+:3002[01]"\]`)

// spegel finds a mirror on the node that has nothing to serve.
func (l *lint) spegel() {
	if !l.Discards.Value {
		return
	}
	for i := range l.files {
		f := &l.files[i]
		if path.Base(f.Path) != "hosts.toml" || f.Kind != source.Regular || !spegelHost.Match(f.Data) {
			continue
		}
		at := l.Discards.At
		l.say(noLayers, "", at, finding.Args{"path": f.Path})
		if main := source.Find(l.files, at.File); main != nil && !main.Unread {
			line := source.Offset(main.Data, source.Pos{Line: at.Line})
			if i := strings.Index(source.Line(main.Data, at.Line), "true"); i >= 0 {
				l.cure([]source.Edit{{File: at.File, Start: line + i, End: line + i + len("true"), New: "false"}})
			}
		}
		return
	}
}
