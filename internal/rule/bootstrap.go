package rule

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var bootstrapDeadlock = finding.Kind{
	Code: "mirror/bootstrap-deadlock", ID: "MIR-02",
	Title:    "The mirror runs in the cluster and is needed for its own start",
	Severity: finding.Error,
	Text:     "{image} is needed to start {what}, and the only host that could serve it is {endpoint}, which is in the cluster and not up",
	Doc: "A mirror, peer-to-peer registry or network plugin that runs as pods of the cluster cannot serve the images that it needs to start. While any other host of the chain has them, nothing is wrong. " +
		"Without one the node waits for itself. Keep the registry, or a mirror outside of the cluster, behind the one inside, or load these images onto the nodes beforehand (`ctr -n k8s.io images import`, K3s and RKE2: agent/images).",
	Symptoms: append([]string{"dns/name-not-found", "dns/cluster-internal-name", "dns/resolver-timeout"}, behindAddress...),
}

// startsWith are parts of repositories whose pods the network or the mirrors of a
// cluster are made of.
var startsWith = []struct{ part, what string }{
	{"spegel", "the peer-to-peer mirror"}, {"dragonfly", "the peer-to-peer mirror"}, {"kraken", "the peer-to-peer mirror"},
	{"harbor", "the registry"}, {"zot", "the registry"}, {"registry", "the registry"}, {"distribution", "the registry"}, {"nexus3", "the registry"},
	{"artifactory", "the registry"}, {"kube-image-keeper", "the registry"}, {"quay", "the registry"},
	{"calico", "the network"}, {"cilium", "the network"}, {"flannel", "the network"}, {"canal", "the network"}, {"weave", "the network"},
	{"kube-proxy", "the network"}, {"multus", "the network"}, {"kube-router", "the network"}, {"antrea", "the network"}, {"coredns", "the cluster's DNS"},
	{"pause", "every pod"},
}

func findBootstrapDeadlock(s *snapshot.Snapshot) []finding.Finding {
	what := neededFor(s.Ref.Repository)
	if s.Pull == nil || what == "" || s.Pull.Serving() >= 0 {
		return nil
	}
	var inside *snapshot.Hop
	for _, h := range hops(s) {
		switch {
		case inCluster(h) && notUp(h):
			if inside == nil {
				inside = h
			}
		case h.Failure == nil || h.Failure.Stage != snapshot.Resolve && h.Failure.Stage != snapshot.Connect:
			return nil // somebody else is there, and is to blame
		}
	}
	if inside == nil {
		return nil
	}
	f := bootstrapDeadlock.New(inside.Host, finding.Args{"image": s.Ref.Repository, "what": what, "endpoint": inside.Endpoint}).Sure(finding.Likely)
	step := inside.Failed()
	f = f.Saw(inside.Failure.Text, step.Attempt.URL, curlCommand(&step.Attempt)).Saw("stands in front of the others", inside.From.String(), "cat "+quote(inside.From.File))
	f.Stage = "config" // about the whole chain: the others fail, and need not if one inside were not alone
	return []finding.Finding{f.In(inside.From)}
}

// neededFor is what cannot start without a repository; empty: nothing of the kind.
func neededFor(repository string) string {
	for part := range strings.SplitSeq(strings.ToLower(repository), "/") {
		words := strings.FieldsFunc(part, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
		for _, s := range startsWith {
			if part == s.part || strings.HasPrefix(part, s.part+"-") || !strings.Contains(s.part, "-") && slices.Contains(words, s.part) {
				return s.what
			}
		}
	}
	return ""
}

// inCluster reports whether a mirror can only be one that runs in the cluster: a
// service's name, or a port of this node itself.
func inCluster(h *snapshot.Hop) bool {
	name := strings.TrimSuffix(name(h), ".")
	ip, err := netip.ParseAddr(name)
	loop := name == "localhost" || err == nil && ip.IsLoopback()
	return h.Mirror && (loop || strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".cluster.local"))
}

// notUp reports whether nobody answers there at all.
func notUp(h *snapshot.Hop) bool {
	f := h.Failure
	return f != nil && h.Failed() != nil && (f.Stage == snapshot.Resolve || f.Stage == snapshot.Connect)
}
