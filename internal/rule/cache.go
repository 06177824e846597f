package rule

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var hidesUpstream = finding.Kind{
	Code: "registry/cache-hides-upstream-fault", ID: "REG-10",
	Title:    "A cache answers 404 although its own upstream connection failed",
	Severity: finding.Warning,
	Text:     "cache {host} says that there is no {image}, and {upstream} serves it: the cache's own way to its upstream fails",
	Doc: "A pull-through cache whose upstream login has expired, whose DNS or TLS fails or that is rate-limited often answers 404 (Harbor \"artifact … not found\", zot NAME_UNKNOWN), which is read as \"the image does not exist\". " +
		"The registry itself, asked from this node, has the image. Look at the log of the cache and at the credentials and the network that it uses for its upstream.",
	Symptoms: []string{"registry/image-not-found"},
}

// ofCache are headers that only caches and proxying registries send.
var ofCache = []string{"X-Cache", "X-Cache-Status", "Age", "Via", "X-Proxy-Cache", "X-Artifactory-Id", "X-Jfrog-Version", "X-Served-By"}

// speaksOfUpstream are words of a body by which a cache tells what it is.
var speaksOfUpstream = regexp.MustCompile(`(?i)\bartifact \S+ not found|proxy project|upstream|remote (?:repository|registry)|pull.?through|proxy.?cache|on.?demand`)

// tookLong is how much longer than the API's root an answer takes for which the
// server has asked somebody else in vain.
const tookLong = time.Second

func findHidesUpstream(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, x := range absent(s, false) {
		has := ownServes(s, x.hop.Index)
		why := cacheLike(x)
		if !x.hop.Mirror || peerMiss(x.hop) || has == nil || why == "" {
			continue
		}
		f := hidesUpstream.New(x.host, finding.Args{"host": x.host, "image": s.Ref.Repository + ":" + s.Ref.Object(), "upstream": has.Host}).Sure(finding.Likely)
		a := &has.Steps[0].Attempt
		f = bodyEvidence(f, x).Saw(why, x.try.URL, curlCommand(x.try)).Saw(outcome(a), a.URL, curlCommand(a))
		out = append(out, at(f, x.hop, snapshot.Manifest))
	}
	return out
}

// ownServes is the registry itself, further down the chain, if it has the image.
func ownServes(s *snapshot.Snapshot, behind int) *snapshot.Hop {
	for _, h := range hops(s) {
		if h.Index > behind && !h.Mirror && h.Failure == nil && h.Resolves && h.Manifest != nil && len(h.Steps) > 0 {
			return h
		}
	}
	return nil
}

// cacheLike is what shows that a server which lacks an image gets its images
// from elsewhere; empty: nothing does.
func cacheLike(x fault) string {
	r := x.try.Final().Response
	if r == nil {
		return ""
	}
	for _, key := range ofCache {
		if v := r.Header[key]; len(v) > 0 {
			return key + ": " + v[0]
		}
	}
	if m := speaksOfUpstream.FindString(x.body()); m != "" {
		return "the answer speaks of its upstream: " + m
	}
	ping := x.hop.Ping
	if ping != nil && ping.Response != nil && x.try.Took.FirstByte > ping.Took.FirstByte+tookLong {
		return fmt.Sprintf("the 404 takes %s, the API's root %s", brief(x.try.Took.FirstByte), brief(ping.Took.FirstByte))
	}
	return ""
}

var peersLack = finding.Kind{
	Code: "registry/p2p-cache-miss", ID: "REG-11",
	Title:    "A P2P mirror has no copy (a normal miss, not a fault)",
	Severity: finding.Info,
	Text:     "no node that {host} knows has the image: it comes from the next host, which is how a peer-to-peer mirror works",
	Variants: map[string]finding.Variant{
		"alone": {Text: "no node that {host} knows has the image, and no other host of the chain serves it: a peer-to-peer mirror fetches nothing itself"},
	},
	Doc: "Spegel, and the embedded registry of K3s and RKE2, serve what some node already has. They never fetch an image: the first node gets it from the next host, the others from that node. " +
		"The 404 (or 500 \"mirror resolve retries exhausted\") in a log is no fault of theirs.",
}

// retriesExhausted are the words of spegel, of any version, for a miss.
var retriesExhausted = regexp.MustCompile(`(?i)mirror resolve retries exhausted|could not (?:find|resolve) (?:a )?(?:peer|mirror)|resolve context done|no mirror (?:peers|found)|all request retries exhausted|mirror with image component .* could not be found`)

// peerMiss reports whether a mirror of peers says that nobody has the image.
func peerMiss(h *snapshot.Hop) bool {
	step := h.Failed()
	if step == nil || !h.Mirror || h.Failure.Cause != snapshot.Status {
		return false
	}
	a := step.Attempt.Final()
	if st := a.Status(); st != 404 && st != 500 {
		return false
	}
	if retriesExhausted.MatchString((fault{hop: h, try: a}).body()) {
		return true
	}
	return strings.HasSuffix(h.From.File, "/hosts.toml") && embedded(h)
}

// embedded reports whether an endpoint is the registry that K3s and RKE2 put in
// front of all hosts of a generated file. Source: k3s pkg/spegel.
func embedded(h *snapshot.Hop) bool {
	return strings.Contains(h.From.File, "/agent/etc/containerd/certs.d/") && strings.HasPrefix(h.Host, "127.0.0.1:6443")
}

func findPeersLack(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if !peerMiss(h) {
			continue
		}
		variant := ""
		if s.Pull.Serving() < 0 {
			variant = "alone"
		}
		step := h.Failed()
		f := peersLack.Vary(variant, h.Host, finding.Args{"host": h.Host})
		if variant != "" && len(s.Pull.Hops) == 1 {
			f.Severity = finding.Error
		}
		out = append(out, at(bodyEvidence(f, fault{hop: h, try: &step.Attempt, why: *step.Attempt.Fault(), host: h.Host}), h, snapshot.Manifest))
	}
	return out
}

var staleTag = finding.Kind{
	Code: "registry/stale-tag-from-cache", ID: "REG-12",
	Title:    "A cache serves an old digest for the tag",
	Severity: finding.Warning,
	Text:     "mirror {host} says that {tag} is {old}, and {upstream} says that it is {new}: this node gets another image than the registry has",
	Doc: "The pull works and brings an image that the registry no longer has under this tag: the cache has not asked its upstream again, or somebody pushed to the mirror. Nodes that ask the registry itself get the other one. " +
		"Refresh the tag in the cache, or give the cache a shorter life for tags; a reference by digest cannot go stale.",
}

// findStaleTag compares the two answers where the chain has asked both anyhow.
func findStaleTag(s *snapshot.Snapshot) []finding.Finding {
	if s.Pull == nil || s.Ref.Digest != "" {
		return nil
	}
	i := s.Pull.Serving()
	if i < 0 || !s.Pull.Hops[i].Mirror {
		return nil
	}
	h, own := &s.Pull.Hops[i], ownServes(s, i)
	if own == nil || h.Manifest == nil || h.Manifest.Digest == "" || own.Manifest.Digest == "" || own.Manifest.Digest == h.Manifest.Digest || len(h.Steps) == 0 {
		return nil
	}
	f := staleTag.New(h.Host, finding.Args{"host": h.Host, "tag": s.Ref.Tag, "old": h.Manifest.Digest, "upstream": own.Host, "new": own.Manifest.Digest})
	for _, x := range []*snapshot.Hop{h, own} {
		a := &x.Steps[0].Attempt
		f = f.Saw("Docker-Content-Digest: "+x.Manifest.Digest, a.URL, curlCommand(a))
	}
	return []finding.Finding{at(f, h, snapshot.Manifest)}
}
