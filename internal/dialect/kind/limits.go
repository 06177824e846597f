package kind

import (
	"path"
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/route"
)

// limits are those of the containerd in the node images, and that nodes see no
// files of the host but those that are mounted.
var limits = append(filled(daemon.Dialect.Limits), dialect.Limit{
	Concept: "certificates elsewhere on the host", Nearest: "put the files beside hosts.toml and name them without a path, or mount them by extraMounts",
	Text: "the nodes do not see the files that are named",
	Hits: func(t route.Table, r route.Route) bool {
		return slices.ContainsFunc(t.Endpoints(r.Match), func(e route.Endpoint) bool {
			return e.Scheme == "https" && slices.ContainsFunc(names(e.TLS), path.IsAbs)
		})
	},
})

func names(s route.TLS) []string {
	out := slices.Clone(s.CA)
	for _, p := range s.Client {
		out = append(out, p.Cert, p.Key)
	}
	return out
}

// filled asks limits about the containerd of a kind release.
func filled(all []dialect.Limit) []dialect.Limit {
	out := slices.Clone(all)
	for i, l := range out {
		out[i].Hits = nil
		out[i].Over = func(t route.Table) func(route.Route) bool {
			t.Target = fill(t.Target)
			return l.Test(t)
		}
	}
	return out
}
