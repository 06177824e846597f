package rule

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var snapshotterDown = finding.Kind{
	Code: "node/remote-snapshotter-down", ID: "IMG-05",
	Title:    "The remote snapshotter's process does not answer",
	Severity: finding.Error,
	Stops:    true,
	Text:     "snapshotter {name} is configured, and nothing listens at its socket {socket}: no image can be unpacked",
	Variants: map[string]finding.Variant{
		"hangs": {Text: "snapshotter {name} does not answer at its socket {socket}: {why}; no image can be unpacked"},
	},
	Doc: "The runtime hands layers to a program of its own (stargz, nydus, soci, overlaybd), which `proxy_plugins` in config.toml names by its socket. " +
		"Without it a pull ends with \"failed to prepare extraction snapshot … connection error … dial unix … unavailable\", whatever the image, and running containers may lose their files. containerd 2.1 and later also want it in `unpack_config` of the transfer service: \"no unpack platforms defined\". " +
		"Start that program's unit and read its log (`journalctl -u stargz-snapshotter`, nydus-snapshotter, soci-snapshotter); if it is not wanted any more, set `snapshotter` back to \"overlayfs\" and restart the runtime.",
}

func findSnapshotterDown(s *snapshot.Snapshot) []finding.Finding {
	if s.Runtime == nil || s.Runtime.Remote == nil || !s.Runtime.Remote.Asked || s.Runtime.Remote.Err == "" {
		return nil
	}
	r := s.Runtime.Remote
	variant := "hangs"
	if r.Absent {
		variant = ""
	}
	f := snapshotterDown.Vary(variant, "node", finding.Args{"name": r.Name, "socket": r.Socket, "why": r.Err}).In(r.From)
	f.Stage = "node"
	return []finding.Finding{f.Saw(r.Err, r.Socket, "ss -xlp src "+quote(r.Socket))}
}
