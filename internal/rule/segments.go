package rule

import (
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var blackHole = finding.Kind{
	Code: "network/mtu-black-hole", ID: "NET-07",
	Title:    "TLS handshake times out because large packets are lost (MTU black hole)",
	Severity: finding.Error,
	Text:     "{addr} answers with {segments} and not with full ones ({stage}): large packets are lost on the way",
	Doc: "The connection is made and small packets pass; large ones vanish, and nobody says that they are too big: a tunnel (VPN, overlay, PPPoE) has a smaller MTU than the node believes, and a firewall drops the ICMP messages that would tell. " +
		"It is read as \"registry slow\", and restarting the runtime does not help. " +
		"Set the MTU of the node's interface, of the CNI or of the tunnel to what fits (`ping -M do -s 1372 HOST` finds it), let ICMP \"fragmentation needed\" pass, " +
		"or clamp the segments on the router: `nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu`.",
	Symptoms: []string{"network/silent-after-connect", "network/download-stalled", "mirror/timeout-used-up"},
}

func findBlackHole(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, stage := range []snapshot.Stage{snapshot.TLS, snapshot.Manifest, snapshot.Blob} {
		for _, x := range faults(s, stage, snapshot.Silent, snapshot.Stalled) {
			t := x.hop.Cured(snapshot.SmallSegments)
			if t == nil {
				continue
			}
			f := blackHole.New(x.host, finding.Args{"addr": addr(x.try), "segments": t.Detail, "stage": segmentStage(stage)})
			if stage != snapshot.TLS {
				f = f.Sure(finding.Likely) // nobody tried the full size twice
			}
			f = handshakeEvidence(f, x).Saw("it answers: "+handshakeOrStatus(&t.Attempt), t.Detail+" to "+addr(&t.Attempt), "ping -M do -c 1 -s 1372 "+quote(x.name()))
			out = append(out, at(f, x.hop, stage))
		}
	}
	return out
}

func segmentStage(stage snapshot.Stage) string {
	if stage == snapshot.TLS {
		return "TLS handshake"
	}
	return string(stage)
}

func handshakeOrStatus(a *snapshot.Attempt) string {
	if a.Response != nil {
		return outcome(a)
	}
	return handshakeText(a)
}
