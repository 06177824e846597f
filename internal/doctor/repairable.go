package doctor

import (
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// Repairable is what package repair has to know of a surveyed node.
func Repairable(s *survey.Survey) repair.Node {
	n := repair.Node{Input: s.Input, Files: s.Files, Service: node.Service(s.View.Files, s.Runtime.Unit, s.Runtime.Target.Runtime)}
	for _, f := range append(append([]source.File{}, n.Service.Parts...), n.Service.Env...) {
		if source.Find(n.Files, f.Path) == nil {
			n.Files = append(n.Files, f)
		}
	}
	n.Proxy = func(masked string) route.Secret {
		for _, p := range s.View.Proxies {
			if p.Value == masked {
				return p.Reveal
			}
		}
		return route.NewSecret(masked)
	}
	return n
}
