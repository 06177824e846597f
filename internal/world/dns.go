package world

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Names is what a DNS server knows: a reply by name. "*.corp.example" answers
// for every name below, "*" for every name there is; the longest fit wins. A
// key may end in "/A" or "/AAAA" to speak of one type alone. Other names do not
// exist.
type Names map[string]Reply

// Reply is what a DNS server says about a name.
type Reply struct {
	Addrs    []string `json:"addrs"`    // of both families
	CNAME    string   `json:"cname"`    // looked up among the same names
	RCode    string   `json:"rcode"`    // "SERVFAIL", "REFUSED", "NXDOMAIN"; empty: the answer is the addresses, be there none
	Silent   bool     `json:"silent"`   // no reply at all
	Delay    Duration `json:"delay"`    // before the reply
	Truncate bool     `json:"truncate"` // over UDP: only that the answer is too long
	Lame     bool     `json:"lame"`     // a referral: no answer and no recursion
}

// DNSServer answers over UDP and TCP on one address.
type DNSServer struct {
	names   Names
	udp     net.PacketConn
	tcp     net.Listener
	servers []*dns.Server
	done    sync.WaitGroup
	stop    chan struct{}

	mu    sync.Mutex
	asked []string
}

// ListenDNS starts a DNS server on an address; port 0 takes any.
func ListenDNS(addr string, names Names) (*DNSServer, error) {
	s := &DNSServer{names: names, stop: make(chan struct{})}
	if err := s.listen(addr); err != nil {
		return nil, err
	}
	s.servers = []*dns.Server{{PacketConn: s.udp, Handler: s}, {Listener: s.tcp, Handler: s}}
	for _, srv := range s.servers {
		up := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		s.done.Go(func() { _ = srv.ActivateAndServe() })
		<-up
	}
	return s, nil
}

// listen takes both ports; with port 0 the one that TCP gave may be taken for UDP.
func (s *DNSServer) listen(addr string) (err error) {
	for range 20 {
		if s.tcp, err = net.Listen("tcp", addr); err != nil {
			return err
		}
		if s.udp, err = net.ListenPacket("udp", s.tcp.Addr().String()); err == nil {
			return nil
		}
		_ = s.tcp.Close()
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

// Addr is host:port of the server.
func (s *DNSServer) Addr() string { return s.tcp.Addr().String() }

// Close ends the server.
func (s *DNSServer) Close() error {
	close(s.stop)
	for _, srv := range s.servers {
		_ = srv.Shutdown()
	}
	s.done.Wait()
	return nil
}

// Asked returns the questions so far: "registry.example. A udp".
func (s *DNSServer) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ServeDNS answers one question.
func (s *DNSServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if len(q.Question) != 1 {
		return
	}
	question, network := q.Question[0], w.LocalAddr().Network()
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s %s", question.Name, dns.TypeToString[question.Qtype], network))
	s.mu.Unlock()

	reply, ok := s.names.find(question.Name, dns.TypeToString[question.Qtype])
	if !ok {
		reply.RCode = "NXDOMAIN"
	}
	if reply.Silent || !s.wait(time.Duration(reply.Delay)) {
		return
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = !reply.Lame
	switch {
	case reply.Truncate && network == "udp":
		m.Truncated = true
	case reply.RCode != "":
		m.Rcode = dns.StringToRcode[strings.ToUpper(reply.RCode)]
	case !reply.Lame:
		m.Answer = s.answer(question, reply, 0)
	}
	_ = w.WriteMsg(m)
}

func (s *DNSServer) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stop:
		return false
	}
}

// answer lists the records, following aliases a few steps.
func (s *DNSServer) answer(q dns.Question, r Reply, depth int) []dns.RR {
	head := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: 60}
	if r.CNAME != "" && depth < 8 {
		head.Rrtype = dns.TypeCNAME
		target := dns.Fqdn(r.CNAME)
		out := []dns.RR{&dns.CNAME{Hdr: head, Target: target}}
		next, _ := s.names.find(target, dns.TypeToString[q.Qtype])
		q.Name = target
		return append(out, s.answer(q, next, depth+1)...)
	}
	var out []dns.RR
	for _, text := range r.Addrs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		switch {
		case ip.Is4() && q.Qtype == dns.TypeA:
			head.Rrtype = dns.TypeA
			out = append(out, &dns.A{Hdr: head, A: ip.AsSlice()})
		case ip.Is6() && q.Qtype == dns.TypeAAAA:
			head.Rrtype = dns.TypeAAAA
			out = append(out, &dns.AAAA{Hdr: head, AAAA: ip.AsSlice()})
		}
	}
	return out
}

// find returns the reply for a name: its own, that of the nearest wildcard
// above it, or that of "*".
func (n Names) find(name, kind string) (Reply, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	keys := []string{name}
	for rest, ok := name, true; ok; {
		if _, rest, ok = strings.Cut(rest, "."); ok {
			keys = append(keys, "*."+rest)
		}
	}
	for _, k := range append(keys, "*") {
		for _, typed := range []string{k + "/" + kind, k} {
			if r, ok := n[typed]; ok {
				return r, true
			}
		}
	}
	return Reply{}, false
}
