package rule

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var contentRewritten = finding.Kind{
	Code: "proxy/content-rewritten", ID: "PRX-08",
	Title:    "A caching or antivirus proxy changes or strips the answer",
	Severity: finding.Error,
	Text:     "through the proxy {proxy} {host} serves something else than directly ({why}): the proxy changes what passes",
	Fix:      "add {name} to NO_PROXY in the environment of {runtime}",
	Doc: "The same object arrives whole around the proxy and not through it: a virus scanner that replaces or cuts downloads, a cache that keeps a wrong object or strips headers, a block page with status 200. " +
		"Have the registry excepted from scanning and caching, purge the object, or let the runtime go around the proxy where the network allows it.",
	Symptoms: []string{"content/digest-mismatch", "registry/wrong-content-type", "registry/html-instead-of-manifest", "network/download-truncated"},
}

// untouched is the trial in which the object that failed arrived whole without
// the proxy; nil: there is none.
func untouched(h *snapshot.Hop) *snapshot.Trial {
	x, ok := failing(h)
	if !ok || x.try.Proxy == "" {
		return nil
	}
	switch x.why.Cause {
	case snapshot.WrongDigest, snapshot.BadReply, snapshot.Truncated:
	default:
		return nil
	}
	for i := range h.Trials {
		if t := &h.Trials[i]; t.Change == snapshot.Direct && t.Detail != "" && t.Attempt.OK() {
			return t
		}
	}
	return nil
}

func findContentRewritten(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		t := untouched(h)
		if t == nil {
			continue
		}
		x, _ := failing(h)
		f := contentRewritten.New(x.host, finding.Args{"proxy": x.try.Proxy, "host": x.host, "why": x.why.Text, "name": x.name(), "runtime": runtimeName(s)})
		f.Fix.Intent = &finding.Intent{Do: finding.BypassProxy, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: x.name()}
		f = bodyEvidence(f, x).Saw(outcome(&t.Attempt), "the same request without a proxy", curlCommand(&t.Attempt))
		out = append(out, at(f, h, x.why.Stage))
	}
	return out
}
