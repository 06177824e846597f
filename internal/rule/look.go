package rule

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// fault is a request that failed.
type fault struct {
	hop  *snapshot.Hop
	try  *snapshot.Attempt
	why  snapshot.Failure
	host string            // host[:port] that failed: the hop's, that of its token server, or where a redirect led
	from *snapshot.Attempt // that was redirected there; nil: none was
}

// faults lists the hops that failed in a stage for one of the causes; without
// causes, for any. A token server that fails counts as its hop's fault. So does
// the certificate of a redirect's target; that it cannot be reached has a rule of
// its own.
func faults(s *snapshot.Snapshot, stage snapshot.Stage, causes ...snapshot.Cause) []fault {
	var out []fault
	for _, h := range hops(s) {
		x, ok := failing(h)
		if ok && x.why.Stage == stage && (len(causes) == 0 || slices.Contains(causes, x.why.Cause)) && (x.from == nil || x.why.Cause == snapshot.BadChain) {
			out = append(out, x)
		}
	}
	return out
}

// failing is where a hop failed: at its own host, at its token server, or where
// a redirect led.
func failing(h *snapshot.Hop) (fault, bool) {
	step := h.Failed()
	if step == nil {
		return fault{}, false
	}
	leg, host := &step.Attempt, h.Host
	for leg.Failure == nil && leg.Next != nil {
		leg = leg.Next
	}
	if leg.Failure == nil {
		return fault{}, false
	}
	if leg != &step.Attempt || step.Stage == snapshot.Token {
		host = hostOfURL(leg.URL)
	}
	x := fault{hop: h, try: leg, why: *leg.Failure, host: host}
	if leg != &step.Attempt {
		x.from = &step.Attempt
	}
	return x, true
}

// body is the beginning of what the server wrote with its refusal; a HEAD
// request, which brings none, was repeated for it.
func (x fault) body() string {
	r := x.try.Final().Response
	if r != nil && r.Head != "" {
		return r.Head
	}
	for _, t := range x.hop.Tried(snapshot.WithGet) {
		if f := t.Attempt.Final(); r != nil && f.Response != nil && f.Response.Status == r.Status {
			return f.Response.Head
		}
	}
	return ""
}

// name is the host that failed, without its port.
func (x fault) name() string { return hostOf(x.host) }

// hops are the endpoints of the pull, for ranging; none when nothing was tried.
func hops(s *snapshot.Snapshot) []*snapshot.Hop {
	if s.Pull == nil {
		return nil
	}
	out := make([]*snapshot.Hop, len(s.Pull.Hops))
	for i := range s.Pull.Hops {
		out[i] = &s.Pull.Hops[i]
	}
	return out
}

// at ties a finding to the hop and the stage that it is about.
func at(f finding.Finding, h *snapshot.Hop, stage snapshot.Stage) finding.Finding {
	f.Endpoint, f.Hop, f.Stage = h.Endpoint, h.Index, string(stage)
	if f.At.IsZero() {
		f.At = h.From
	}
	return f
}

// each makes one finding for every fault.
func each(all []fault, f func(fault) finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, x := range all {
		found := f(x)
		if x.from != nil {
			found = found.Saw(outcomeLine(x.from), x.from.URL, curlCommand(x.from))
		}
		out = append(out, at(found, x.hop, x.why.Stage))
	}
	return out
}

// name is the host of a hop without its port.
func name(h *snapshot.Hop) string { return hostOf(h.Host) }

func hostOf(hostport string) string {
	if i := strings.LastIndexByte(hostport, ':'); i > 0 && !strings.HasSuffix(hostport, "]") {
		hostport = hostport[:i]
	}
	return strings.Trim(hostport, "[]")
}

// hostPort is a host with its port, be it the default.
func hostPort(host, port string) string {
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		return host
	}
	return host + ":" + port
}

// addr is the address that an attempt ended up at: the one connected to, else
// the first that was tried.
func addr(a *snapshot.Attempt) string {
	for _, d := range a.Dials {
		if d.OK {
			return d.Addr
		}
	}
	if len(a.Dials) > 0 {
		return a.Dials[0].Addr
	}
	return ""
}

// addrs are the addresses of a name as text, or "none".
func addrs(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// isPrivate reports whether an address cannot be on the Internet.
func isPrivate(text string) bool {
	ip, err := netip.ParseAddr(hostOf(text))
	return err == nil && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast())
}

// brief rounds a duration for people.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Commands that show the same, for the evidence.

func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func digCommand(server, name string) string {
	host, port := hostOf(server), "53"
	if i := strings.LastIndexByte(server, ':'); i > 0 && !strings.HasSuffix(server, "]") {
		port = server[i+1:]
	}
	return fmt.Sprintf("dig @%s -p %s %s", host, port, quote(name))
}

func connectCommand(address string) string {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return "nc -vz -w 5 " + quote(address) + " 443"
	}
	return fmt.Sprintf("nc -vz -w 5 %s %s", quote(strings.Trim(address[:i], "[]")), address[i+1:])
}

func tlsCommand(address, sni string) string {
	return fmt.Sprintf("openssl s_client -connect %s -servername %s -showcerts </dev/null", address, quote(sni))
}

func curlCommand(a *snapshot.Attempt) string {
	method := "-I"
	if a.Method != "HEAD" {
		method = "-i -o -"
	}
	proxy := "--noproxy '*' "
	if a.Proxy != "" {
		proxy = "-x " + quote(a.Proxy) + " "
	}
	return fmt.Sprintf("curl -sS --max-time 20 %s%s %s", proxy, method, quote(a.URL))
}
