package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Ask says how a name is looked up where it is not the runtime's own way.
type Ask struct {
	Server   *snapshot.NameServer // this one alone, and no hosts file; nil: those of resolv.conf
	NoHosts  bool                 // DNS although the hosts file has the name
	Control  bool                 // ask the same servers for names that cannot exist, too
	Absolute bool                 // without the search list
}

// Lookup turns a name into addresses as Go's resolver would on this node, and
// keeps what every name server said. A failure is in the result.
func (c *Client) Lookup(ctx context.Context, name string, ask Ask) *snapshot.Lookup {
	l, finish := c.resolve(ctx, name, ask)
	finish()
	return l
}

// resolve returns as soon as it is known what the runtime would use. The answers
// of the other servers are complete when the returned function has returned; it
// has to be called.
func (c *Client) resolve(ctx context.Context, name string, ask Ask) (l *snapshot.Lookup, finish func()) {
	l = &snapshot.Lookup{Name: name, Addrs: []string{}}
	files, dns := c.sources(ask)
	if files >= 0 && (dns < 0 || files < dns) && c.fromHosts(l) {
		l.Addrs = c.order(ctx, l.Addrs)
		return l, func() {}
	}
	if dns < 0 {
		l.Failure = unknownName(name)
		return l, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &resolution{c: c, ctx: ctx, lookup: l, start: time.Now(), patience: c.patience()}
	r.servers(ask)
	asked := name
	if ask.Absolute && !strings.HasSuffix(name, ".") {
		asked += "."
	}
	r.names(asked)
	var controls []*round
	if ask.Control {
		controls = r.control(name)
	}
	if len(l.Addrs) == 0 && files > dns && c.fromHosts(l) {
		l.Failure = nil
	}
	l.Addrs = c.order(ctx, l.Addrs)
	return l, func() {
		r.finish(cancel, controls)
		cancel()
	}
}

// sources are the places of the hosts file and of DNS in the order in which this
// lookup goes by them; -1: not at all. Of the other sources of nsswitch.conf
// only systemd-resolved knows registries, and it answers as DNS does.
func (c *Client) sources(ask Ask) (files, dns int) {
	files = slices.Index(c.Sources, "files")
	dns = slices.IndexFunc(c.Sources, func(s string) bool { return s == "dns" || s == "resolve" })
	if files < 0 && dns < 0 {
		files, dns = 0, 1
	}
	if ask.Server != nil {
		return -1, 0
	}
	if ask.NoHosts {
		files = -1
	}
	return files, dns
}

func unknownName(name string) *snapshot.Failure {
	return &snapshot.Failure{Stage: snapshot.Resolve, Cause: snapshot.NoSuchHost, Text: (&net.DNSError{Err: "no such host", Name: name}).Error()}
}

// fromHosts answers from the hosts file, where every line of a name counts.
func (c *Client) fromHosts(l *snapshot.Lookup) bool {
	name := strings.ToLower(strings.TrimSuffix(l.Name, "."))
	for i, line := range c.Hosts {
		ip, err := netip.ParseAddr(line.Addr)
		if err != nil || !slices.ContainsFunc(line.Names, func(n string) bool { return strings.ToLower(strings.TrimSuffix(n, ".")) == name }) {
			continue
		}
		if l.Hosts == nil {
			l.Hosts = &c.Hosts[i]
		}
		l.Addrs = append(l.Addrs, ip.String())
	}
	return l.Hosts != nil
}

// resolution is one lookup by DNS on its way.
type resolution struct {
	c        *Client
	ctx      context.Context
	lookup   *snapshot.Lookup
	start    time.Time
	patience time.Duration // how long a silent server holds up the answer of the next
	node     []snapshot.NameServer
	extra    []snapshot.NameServer
	missing  bool // resolv.conf names no server
	rounds   []*round
}

// round is one name, asked of every server for both types at once.
type round struct {
	name  string
	slots []*slot // the node's servers first, in their order; A before AAAA
	wake  chan struct{}
	asks  sync.WaitGroup
}

// slot is one question of a round. The answer may be read once done is closed.
type slot struct {
	question
	done   chan struct{}
	passed bool // the runtime waits for it in vain: another answer was used while it was silent
	answer snapshot.Answer
}

func (s *slot) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// goServers are what Go's resolver asks when resolv.conf names nobody.
var goServers = []snapshot.NameServer{{Addr: "127.0.0.1:53", Node: true}, {Addr: "[::1]:53", Node: true}}

func (r *resolution) servers(ask Ask) {
	switch {
	case ask.Server != nil:
		r.node = []snapshot.NameServer{*ask.Server}
	case len(r.c.Resolv.Servers) > 0:
		r.node, r.extra = r.c.Resolv.Servers, r.c.Extra
	default:
		r.node, r.extra, r.missing = goServers, r.c.Extra, true
	}
	if r.c.Limits.Others < 0 {
		r.extra = nil
	}
}

// patience is at most 2 s: whether a silent server is dead or slow is not worth
// more once another one has answered.
func (c *Client) patience() time.Duration { return min(c.nameLimit(), 2*time.Second) }

// names goes through the search list until a name has an address.
func (r *resolution) names(name string) {
	var last *snapshot.Failure
	for _, fqdn := range r.c.candidates(name) {
		rd := r.ask(fqdn)
		r.rounds = append(r.rounds, rd)
		v := r.decide(rd)
		r.lookup.Wait += v.wait
		if len(v.addrs) > 0 {
			r.lookup.Addrs, r.lookup.CNAMEs, r.lookup.Server = v.addrs, v.cnames, v.server
			return
		}
		// Go keeps the error of the name as it was typed.
		if last == nil || fqdn == name+"." {
			last, r.lookup.Server = v.failure, v.server
		}
		if v.failure.Cause == snapshot.DNSTimeout || over(r.ctx) {
			break // silence has nothing to do with the name
		}
	}
	if last == nil {
		last = unknownName(name)
	}
	if r.missing && last.Cause != snapshot.NoSuchHost && last.Cause != snapshot.NoAddress {
		last.Cause = snapshot.DNSNoServer
	}
	r.lookup.Failure = last
}

// ask sends the questions of a round.
func (r *resolution) ask(fqdn string) *round {
	rd := &round{name: fqdn, wake: make(chan struct{}, 1)}
	for _, server := range slices.Concat(r.node, r.extra) {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			rd.slots = append(rd.slots, &slot{question: question{server, fqdn, qtype}, done: make(chan struct{})})
		}
	}
	for _, s := range rd.slots {
		rd.asks.Go(func() {
			s.answer = r.c.ask(r.ctx, s.question, r.c.nameLimit())
			close(s.done)
			select {
			case rd.wake <- struct{}{}:
			default:
			}
		})
	}
	return rd
}

// control asks for names that nobody has: a sibling of the name and one under a
// top-level domain that cannot exist (RFC 6761).
func (r *resolution) control(name string) []*round {
	label := randomLabel()
	names := []string{label + ".invalid."}
	if _, parent, ok := strings.Cut(strings.TrimSuffix(name, "."), "."); ok && strings.Contains(parent, ".") {
		names = append(names, fmt.Sprintf("%s.%s.", label, parent))
	}
	var out []*round
	for _, n := range names {
		out = append(out, r.ask(n))
	}
	return out
}

// finish gives the servers that were not needed a little time and collects
// what everybody said.
func (r *resolution) finish(cancel func(), controls []*round) {
	t := time.AfterFunc(r.c.others()-time.Since(r.start), cancel)
	for _, rd := range slices.Concat(r.rounds, controls) {
		rd.asks.Wait()
	}
	t.Stop()
	for _, rd := range r.rounds {
		r.lookup.Answers = append(r.lookup.Answers, rd.collect()...)
	}
	for _, rd := range controls {
		r.lookup.Control = append(r.lookup.Control, rd.collect()...)
	}
	slices.SortStableFunc(r.lookup.Control, func(a, b snapshot.Answer) int { return len(b.Addrs) - len(a.Addrs) })
}

func (rd *round) collect() []snapshot.Answer {
	var out []snapshot.Answer
	for _, s := range rd.slots {
		if e := s.answer.Err; e != nil && e.Cause == snapshot.Canceled {
			e.Text = dnsText(s.question, "not waited for")
			if s.passed {
				e.Cause, e.Text = snapshot.DNSTimeout, dnsText(s.question, "i/o timeout")
			}
		}
		out = append(out, s.answer)
	}
	return out
}
