package rule

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var resetInHandshake = finding.Kind{
	Code: "network/reset-in-tls-handshake", ID: "NET-06",
	Title:    "The connection is reset during the TLS handshake",
	Severity: finding.Error,
	Text:     "{addr} accepts the connection and cuts it during the TLS handshake",
	Variants: map[string]finding.Variant{
		"sni": {Text: "the TLS handshake with {addr} is cut only when it names {name}: something on the way filters by server name"},
	},
	Doc: "The TCP connection is made, so \"telnet works\", and is reset once the ClientHello with the server's name has been sent. " +
		"If the same handshake with another name is not reset, a filter on the way reads the name (deep packet inspection); otherwise a firewall's TLS policy or a crashing load balancer does it. " +
		"Use a mirror or a proxy that may reach the registry.",
}

func findResetInHandshake(s *snapshot.Snapshot) []finding.Finding {
	var cut []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.Reset, snapshot.Closed) {
		if plainAnswer(x.hop) == nil {
			cut = append(cut, x)
		}
	}
	return each(cut, func(x fault) finding.Finding {
		args := finding.Args{"addr": addr(x.try), "name": x.name()}
		t := x.hop.Cured(snapshot.NeutralSNI)
		if t == nil {
			t = x.hop.Cured(snapshot.WithoutSNI)
		}
		if t == nil {
			return handshakeEvidence(resetInHandshake.New(x.host, args), x)
		}
		f := handshakeEvidence(resetInHandshake.Vary("sni", x.host, args), x)
		return f.Saw("the handshake goes on", "handshake with "+t.Detail, tlsCommand(addr(x.try), t.Detail))
	})
}

var postQuantum = finding.Kind{
	Code: "network/post-quantum-hello-dropped", ID: "NET-08",
	Title:    "TLS handshake times out because a middlebox drops the large post-quantum ClientHello",
	Severity: finding.Error,
	Text:     "the TLS handshake with {addr} hangs with a post-quantum key share (ClientHello of {bytes} bytes) and succeeds without: a middlebox drops the large hello",
	Fix:      "set GODEBUG=tlsmlkem=0,tlssecpmlkem=0 in the environment of {runtime} until the middlebox is upgraded",
	Doc: "Programs built with Go 1.24 or later offer the key exchange X25519MLKEM768. Their ClientHello no longer fits into one packet, which some firewalls and load balancers drop. " +
		"curl and openssl on the same node work, and the runtime reports \"TLS handshake timeout\". Upgrade the middlebox, or switch the key exchange off for the runtime, or use a mirror inside the network.",
	Symptoms: []string{"network/silent-after-connect", "network/reset-in-tls-handshake", "network/mtu-black-hole"},
}

func findPostQuantum(s *snapshot.Snapshot) []finding.Finding {
	var dropped []fault
	for _, x := range faults(s, snapshot.TLS, snapshot.Silent, snapshot.Reset, snapshot.Closed) {
		if x.hop.Cured(snapshot.ClassicHello) != nil {
			dropped = append(dropped, x)
		}
	}
	return each(dropped, func(x fault) finding.Finding {
		t := x.hop.Cured(snapshot.ClassicHello)
		bytes := 0
		if x.try.Handshake != nil {
			bytes = x.try.Handshake.HelloBytes
		}
		f := postQuantum.New(x.host, finding.Args{"addr": addr(x.try), "bytes": bytes, "runtime": runtimeName(s)})
		f.Fix.Intent = &finding.Intent{Do: finding.ClassicHello, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint}
		return handshakeEvidence(f, x).Saw(
			fmt.Sprintf("without the post-quantum key share: %s", handshakeText(&t.Attempt)), addr(&t.Attempt),
			fmt.Sprintf("curl --curves X25519 -sSv https://%s/v2/", x.host))
	})
}

func runtimeName(s *snapshot.Snapshot) string {
	if s.Runtime == nil {
		return "the runtime"
	}
	if s.Runtime.Unit != "" {
		return s.Runtime.Unit
	}
	return s.Runtime.Target.Runtime
}

var silent = finding.Kind{
	Code: "network/silent-after-connect", ID: "NET-09",
	Title:    "The server accepts the connection and then sends nothing",
	Severity: finding.Error,
	Text:     "{addr} accepts the connection and then says nothing ({waited}, {stage})",
	Variants: map[string]finding.Variant{
		"cut": {Text: "{addr} takes the {stage} request and ends the connection without an answer: {why}"},
	},
	Doc: "Something listens and never answers: another service occupies the port, the server is overloaded, or a proxy in front of it has lost it. " +
		"In a TLS handshake the runtime gives up after 10 seconds. While it waits for an HTTP answer containerd before 2.3 has no limit at all, so no other host is asked. Repair the server.",
}

func findSilent(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, stage := range []snapshot.Stage{snapshot.TLS, snapshot.API, snapshot.Manifest, snapshot.Blob} {
		out = append(out, each(faults(s, stage, snapshot.Silent), func(x fault) finding.Finding {
			f := silent.New(x.host, finding.Args{"addr": addr(x.try), "waited": brief(x.try.Took.Total), "stage": stageText(stage)})
			return handshakeEvidence(f, x)
		})...)
	}
	for _, stage := range []snapshot.Stage{snapshot.API, snapshot.Manifest, snapshot.Blob} {
		out = append(out, each(faults(s, stage, snapshot.Closed, snapshot.Reset), func(x fault) finding.Finding {
			return handshakeEvidence(silent.Vary("cut", x.host, finding.Args{"addr": addr(x.try), "stage": stage, "why": x.why.Text}), x)
		})...)
	}
	return out
}

func stageText(stage snapshot.Stage) string {
	if stage == snapshot.TLS {
		return "TLS handshake"
	}
	return "waiting for the answer to the " + string(stage) + " request"
}

var timeoutUsedUp = finding.Kind{
	Code: "mirror/timeout-used-up", ID: "MIR-03",
	Title:    "The progress timeout is used up by the first mirror, the others are never tried",
	Severity: finding.Error,
	Text:     "mirror {endpoint} takes the request and never answers; containerd {version} waits for it until the pull is cancelled, so no later host is asked",
	Fix:      "take {endpoint} out of the mirrors of {registry}, or repair it",
	Variants: map[string]finding.Variant{
		"bounded": {
			Text: "mirror {endpoint} takes the request and never answers; containerd {version} waits 30 s for each request before it asks the next host",
			Fix:  "take {endpoint} out of the mirrors of {registry}, or repair it",
		},
	},
	Doc: "containerd before 2.3 sets no limit on the wait for an HTTP answer. A mirror that accepts connections and hangs holds the pull until the kubelet's or the runtime's progress timeout cancels it, " +
		"and the event says \"context canceled\". The hosts behind the mirror are never asked. From 2.3 on each request costs 30 seconds.",
	Symptoms: []string{"network/silent-after-connect"},
}

func findTimeoutUsedUp(s *snapshot.Snapshot) []finding.Finding {
	if s.Table.Target.Engine() != route.Containerd {
		return nil // the others have limits of their own
	}
	var stuck []fault
	for _, stage := range []snapshot.Stage{snapshot.Manifest, snapshot.Blob} {
		for _, x := range faults(s, stage, snapshot.Silent) {
			if x.hop.Mirror {
				stuck = append(stuck, x)
			}
		}
	}
	return each(stuck, func(x fault) finding.Finding {
		variant, version := "", s.Table.Target.Containerd
		if version.Since("2.3.0") {
			variant = "bounded"
		}
		f := timeoutUsedUp.Vary(variant, x.host, finding.Args{"endpoint": x.hop.Endpoint, "version": versionText(s), "registry": s.Ref.Registry})
		f.Fix.Intent = &finding.Intent{Do: finding.RemoveMirror, Registry: s.Ref.Registry, Endpoint: x.hop.Endpoint}
		return f.Saw(x.why.Text, x.try.URL, curlCommand(x.try))
	})
}

func versionText(s *snapshot.Snapshot) string {
	if v := s.Table.Target.Containerd; v.Known() {
		return strings.TrimPrefix(v.String(), "v")
	}
	return "of unknown version"
}

// handshakeEvidence adds the failure and where it happened.
func handshakeEvidence(f finding.Finding, x fault) finding.Finding {
	command := tlsCommand(addr(x.try), x.name())
	if x.why.Stage != snapshot.TLS {
		command = curlCommand(x.try)
	}
	return f.Saw(x.why.Text, addr(x.try), command)
}

func handshakeText(a *snapshot.Attempt) string {
	h := a.Handshake
	if h == nil || h.Version == "" {
		return "the handshake goes on"
	}
	return strings.TrimSpace(h.Version + " " + h.Curve)
}
