package runbook

import (
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// crictlYAML looks at the configuration of crictl. What is no YAML is the
// concern of crictl, which says so.
func (r *reader) crictlYAML(f source.File) {
	doc, bad := yamldoc.Parse(f.Path, f.Data)
	if bad != nil || doc.Root == nil {
		return
	}
	for _, key := range []string{"runtime-endpoint", "image-endpoint"} {
		if p := doc.Root.Get(key); p != nil && p.Value.Kind == yamldoc.Scalar && p.Value.Value != "" {
			r.endpoint(f, key, p.Value)
		}
	}
	if p := doc.Root.Get("timeout"); p != nil {
		if n, err := strconv.Atoi(p.Value.Value); err == nil && n > 0 && n <= 30 {
			r.book.Say(shortTimeout, "", p.Value.At, finding.Args{"seconds": n})
		}
	}
}

func (r *reader) endpoint(f source.File, key string, n *yamldoc.Node) {
	socket := strings.TrimPrefix(n.Value, "unix://")
	switch want := sockets[r.target.Runtime]; {
	case strings.HasSuffix(socket, "dockershim.sock"):
		r.book.Say(wrongSocket, "dockershim", n.At, finding.Args{"key": key})
	case want != "" && strings.HasSuffix(socket, "containerd/containerd.sock") && socket != want:
		found := r.book.Say(wrongSocket, "", n.At, finding.Args{"key": key, "socket": socket, "distro": r.target.Runtime, "want": want})
		live(found, source.Edit{File: f.Path, Start: n.Start, End: n.End, New: yamldoc.Write("unix://" + want)})
	case strings.HasPrefix(n.Value, "/"):
		found := r.book.Say(noScheme, "", n.At, finding.Args{"key": key, "want": "unix://" + n.Value})
		live(found, source.Edit{File: f.Path, Start: n.Start, End: n.End, New: yamldoc.Write("unix://" + n.Value)})
	}
}

// nerdctlTOML looks at the configuration of nerdctl.
func (r *reader) nerdctlTOML(f source.File) {
	content, bad := tomldoc.Decode(tomldoc.V2, f.Path, f.Data)
	doc, refused := tomldoc.Parse(f.Path, f.Data)
	if bad != nil || refused != nil {
		return
	}
	if e := doc.Find("insecure_registry"); e != nil && content["insecure_registry"] == true {
		live(r.book.Say(insecureForAll, "", e.At, nil))
	}
	if _, set := content["hosts_dir"]; !set && strings.Contains(f.Path, "/.config/nerdctl/") {
		r.book.Say(rootlessHosts, "", source.Pos{File: f.Path}, nil)
	}
}
