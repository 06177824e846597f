// Package rule judges snapshots. A rule is a value: what it is about and one
// pure function. It cannot do I/O and sees nothing but the snapshot, so the
// same snapshot always gets the same findings.
package rule

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Rule finds one kind of trouble.
type Rule struct {
	finding.Kind
	Check func(*snapshot.Snapshot) []finding.Finding
}

// Run applies rules to a snapshot, in their order. A finding without evidence
// is dropped: what cannot be shown is not said.
func Run(rules []Rule, s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, r := range rules {
		for _, f := range r.Check(s) {
			if len(f.Evidence) > 0 {
				out = append(out, f)
			}
		}
	}
	return out
}
