package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var certificateExpired = finding.Kind{
	Code: "tls/certificate-expired", ID: "TLS-07",
	Title:    "The server's certificate has expired",
	Severity: finding.Error,
	Text:     "the certificate of {host} expired on {end}, {ago} ago",
	Variants: map[string]finding.Variant{
		"early": {Text: "the certificate of {host} is not valid before {start}"},
		"one":   {Text: "the certificate that {addr} presents for {host} expired on {end}, {ago} ago; {other}, another address of that name, presents a valid one"},
	},
	Doc: "The certificate was not renewed, or the registry has been given up. Before anything is renewed the node's clock must be excluded as the cause: tls/node-clock-wrong gives the same message. " +
		"Towpath compares the clock with the Date of the hosts it reaches and with NTP. Those who run the registry must renew the certificate.",
}

func findCertificateExpired(s *snapshot.Snapshot) []finding.Finding {
	return each(badChains(s, snapshot.Expired, snapshot.NotYetValid), func(x fault) finding.Finding {
		c := leaf(x.try)
		args := finding.Args{"host": x.host, "end": day(c.NotAfter), "start": day(c.NotBefore), "ago": days(s.Taken.Sub(c.NotAfter))}
		variant := ""
		if x.try.Handshake.Reason == snapshot.NotYetValid {
			variant = "early"
		}
		t := rightElsewhere(x.hop)
		if t != nil && variant == "" {
			variant, args["addr"], args["other"] = "one", addr(x.try), t.Detail
		}
		f := chainEvidence(certificateExpired.Vary(variant, x.host, args), x)
		if t != nil {
			f = f.Saw("a certificate that is accepted", t.Detail, tlsCommand(t.Detail, x.name()))
		}
		for _, clock := range s.Pull.Clocks {
			f = f.Saw("offset "+clock.Offset.Round(time.Second).String(), clock.From, "date -u")
		}
		if !clockSeen(s) {
			f = f.Sure(finding.Likely)
		}
		return f
	})
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return strings.Replace(strings.TrimSuffix(d.Round(time.Minute).String(), "0s"), "h0m", "h", 1)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

var clockWrong = finding.Kind{
	Code: "tls/node-clock-wrong", ID: "TLS-07b",
	Title:    "The node's clock is wrong, so valid certificates look expired or not yet valid",
	Severity: finding.Error,
	Text:     "this node's clock is {off}: by the time of {witness} the certificate of {host} is valid",
	Variants: map[string]finding.Variant{
		"only": {Text: "this node's clock is {off}, says {witness}"},
	},
	Doc: "Certificates and tokens are judged by the node's clock. If it is off, good certificates look expired, or not yet valid when it is behind. " +
		"Set the clock and enable one time synchronisation (systemd-timesyncd, chrony or ntpd, not two of them). Afterwards certificates that the node issued itself in the meantime, such as those of K3s, may be bad too. " +
		"One host's Date header makes this likely, because that host's clock could be the wrong one; two unrelated hosts or NTP make it certain.",
	Symptoms: []string{"tls/certificate-expired"},
}

func findClockWrong(s *snapshot.Snapshot) []finding.Finding {
	off, sure := clockOff(s)
	if off == 0 {
		return nil
	}
	witness := s.Pull.Clocks[0].From
	args := finding.Args{"off": direction(off), "witness": witness}
	var out []finding.Finding
	for _, x := range badChains(s, snapshot.Expired, snapshot.NotYetValid) {
		if x.hop.Cured(snapshot.OtherTime) == nil {
			continue
		}
		args["host"] = x.host
		out = append(out, at(chainEvidence(clockEvidence(clockWrong.New("node", args), s), x).Sure(sure), x.hop, snapshot.TLS))
	}
	if len(out) == 0 && sure == finding.Certain {
		f := clockEvidence(clockWrong.Vary("only", "node", args), s)
		f.Severity = finding.Warning
		out = append(out, f)
	}
	return out
}

// direction says on which side a clock is off: others' time minus ours.
func direction(off time.Duration) string {
	if off < 0 {
		return days(-off) + " ahead"
	}
	return days(off) + " behind"
}

func clockEvidence(f finding.Finding, s *snapshot.Snapshot) finding.Finding {
	for _, c := range s.Pull.Clocks {
		f = f.Saw("its time differs by "+c.Offset.Round(time.Second).String()+" from this node's", c.From, "date -u; timedatectl")
	}
	return f
}
