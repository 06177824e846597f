package rule

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var cannotResolve = finding.Kind{
	Code: "config/resolve-capability-missing", ID: "CFG-10",
	Title:    "The mirror's capabilities lack resolve, so tags never use it",
	Severity: finding.Error,
	Text:     "mirror {endpoint} has {tag}, and is not asked for it: its capabilities lack resolve, so only the failing hosts may say what the tag means",
	Doc: "A mirror with `capabilities = [\"pull\"]` serves content by digest and is never asked what a tag stands for. With the registry out of reach no tag can be pulled, although the mirror has everything. " +
		"Add `resolve` if you trust the mirror to decide what a tag means, or pull by digest.",
	Symptoms: append([]string{"dns/name-not-found", "dns/resolver-timeout", "dns/servfail-or-refused", "dns/sinkholed", "dns/poisoned-answer", "network/ipv4-only-registry"}, behindAddress...),
}

// findCannotResolve: no host serves the tag, and a mirror that may not be asked would.
func findCannotResolve(s *snapshot.Snapshot) []finding.Finding {
	if s.Pull == nil || s.Pull.Serving() >= 0 {
		return nil
	}
	for _, h := range hops(s) {
		t := first(h.Tried(snapshot.AsResolver))
		if t == nil || !t.Attempt.OK() {
			continue
		}
		f := cannotResolve.New(h.Host, finding.Args{"endpoint": h.Endpoint, "tag": s.Ref.Tag}).In(h.From)
		f.Stage = "config" // about the whole chain: the other hosts fail, and need not
		return []finding.Finding{f.Saw(outcome(&t.Attempt), t.Attempt.URL, curlCommand(&t.Attempt))}
	}
	return nil
}
